import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ConfirmDialog } from "@/components/ConfirmDialog";
import { FormField, Select } from "@/components/form";
import type { Destination } from "@/gen/cloudhub/v1/webhook_pb";
import { invalidate } from "@/lib/stream/apply";
import { useWorkspace } from "@/lib/workspace";
import { useWebhookMutations, webhookMethods } from "./queries";

/** Days that both secrets sign; 0 is a change at once. */
const OVERLAPS = [0, 1, 2, 3, 4, 5, 6, 7] as const;
const DAY = 86_400;

export function RotateDialog({
  destination,
  onClose,
  onRotated,
}: {
  destination: Destination;
  onClose: () => void;
  onRotated: (secret: string) => void;
}) {
  const { t } = useTranslation("webhook");
  const { ids } = useWorkspace();
  const client = useQueryClient();
  const { rotate } = useWebhookMutations();
  const [days, setDays] = useState(1);
  const onConfirm = () =>
    rotate.mutate(
      { ...ids, destinationId: destination.id, overlap: { seconds: BigInt(days * DAY), nanos: 0 } },
      {
        onSuccess: (answer) => {
          invalidate(client, webhookMethods);
          onRotated(answer.secret);
        },
      },
    );
  return (
    <ConfirmDialog
      open
      title={t("rotate.title", { name: destination.name })}
      confirmLabel={t("rotate.submit")}
      onConfirm={onConfirm}
      busy={rotate.isPending}
      error={rotate.error}
      onClose={onClose}
    >
      <p>{t("rotate.what")}</p>
      <FormField label={t("rotate.overlap")} hint={days === 0 ? t("rotate.atOnce") : t("rotate.both", { count: days })}>
        <Select value={days} onChange={(event) => setDays(Number(event.target.value))}>
          {OVERLAPS.map((value) => (
            <option key={value} value={value}>
              {value === 0 ? t("rotate.none") : t("rotate.days", { count: value })}
            </option>
          ))}
        </Select>
      </FormField>
    </ConfirmDialog>
  );
}
