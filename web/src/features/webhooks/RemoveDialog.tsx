import { useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { ConfirmDialog, type Impact } from "@/components/ConfirmDialog";
import { toast } from "@/components/Toast";
import { Channel, type Destination, WebhookService } from "@/gen/cloudhub/v1/webhook_pb";
import { useFormat } from "@/lib/format";
import { invalidate } from "@/lib/stream/apply";
import { useWorkspace } from "@/lib/workspace";
import { useWebhookMutations } from "./queries";
import { countText } from "./words";

/** Removing cannot be taken back: the name is typed, under what it touches and what it does not. */
export function RemoveDialog({
  destination,
  onClose,
  onRemoved,
}: {
  destination: Destination;
  onClose: () => void;
  onRemoved: () => void;
}) {
  const { t } = useTranslation("webhook");
  const { ids } = useWorkspace();
  const format = useFormat();
  const client = useQueryClient();
  const { remove } = useWebhookMutations();
  const unsent = destination.waitingCount + destination.heldCount;
  const impact: Impact[] = [
    ...(unsent > 0
      ? [{ tone: "failed" as const, text: t("remove.unsent", { count: unsent, shown: countText(unsent, format) }) }]
      : []),
    { tone: "failed", text: t("remove.log") },
    ...(destination.channel === Channel.WEBHOOK ? [{ tone: "failed" as const, text: t("remove.secret") }] : []),
    { tone: "ok", text: t("remove.others") },
  ];
  return (
    <ConfirmDialog
      open
      title={t("remove.title", { name: destination.name })}
      typeName={destination.name}
      confirmLabel={t("remove.submit")}
      impact={impact}
      busy={remove.isPending}
      error={remove.error}
      onClose={onClose}
      onConfirm={() =>
        remove.mutate(
          { ...ids, destinationId: destination.id },
          {
            onSuccess: () => {
              toast(t("remove.done", { name: destination.name }), { shape: "ok" });
              // The rest is about what is gone: its drawer would ask for it in vain.
              invalidate(client, [WebhookService.method.listDestinations]);
              onRemoved();
            },
          },
        )
      }
    />
  );
}
