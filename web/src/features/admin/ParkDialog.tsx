import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { ConfirmDialog } from "@/components/ConfirmDialog";
import { FormField, Textarea } from "@/components/form";
import type { AgendaRow } from "@/gen/cloudhub/v1/admin_pb";
import { kindName } from "./rows";

/** Holding a row asks for a reason, because its customer will read one. */
export function ParkDialog({
  row,
  busy,
  error,
  onClose,
  onConfirm,
}: {
  /** Undefined: closed. */
  row: AgendaRow | undefined;
  busy: boolean;
  error: unknown;
  onClose: () => void;
  onConfirm: (reason: string) => void;
}) {
  const { t } = useTranslation("admin");
  const [reason, setReason] = useState("");
  // biome-ignore lint/correctness/useExhaustiveDependencies: the effect reads none of them; it forgets the reason when the row is another.
  useEffect(() => setReason(""), [row?.orgId, row?.kind, row?.subject]);
  const said = reason.trim();
  return (
    <ConfirmDialog
      open={row !== undefined}
      onClose={onClose}
      title={t("park.title")}
      confirmLabel={t("park.submit")}
      disabled={said === ""}
      busy={busy}
      error={error}
      onConfirm={() => onConfirm(said)}
    >
      {row && (
        <p className="min-w-0 break-words">
          <b className="font-medium text-fg">{kindName(row.kind, t)}</b>
          {row.orgName !== "" && ` · ${row.orgName}`}
        </p>
      )}
      <p>
        {t("park.text")}
        {row?.kind === "power" && ` ${t("park.power")}`}
        {row?.clock && ` ${t("park.clock")}`}
      </p>
      <FormField label={t("park.reason")} hint={t("park.reasonHint")}>
        <Textarea
          rows={3}
          maxLength={300}
          value={reason}
          // One line, as it will be shown.
          onChange={(event) => setReason(event.target.value.replace(/[\r\n\t]+/g, " "))}
        />
      </FormField>
    </ConfirmDialog>
  );
}
