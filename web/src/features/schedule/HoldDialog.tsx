import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { ConfirmDialog } from "@/components/ConfirmDialog";
import { FormField, Input, Segmented } from "@/components/form";
import { toast } from "@/components/Toast";
import { worthRetrying } from "@/lib/errors";
import { useFormat } from "@/lib/format";
import { invalidate } from "@/lib/stream/apply";
import { useWorkspace } from "@/lib/workspace";
import { clockOf } from "./form";
import { firstHold, HOLD_PRESETS, type HoldPreset, untilOf } from "./hold";
import { holdMethods, useHoldMutations } from "./queries";
import { atWords } from "./words";

export interface HoldDialogProps {
  subject: { kind: "schedule" | "machine"; id: string; name: string };
  onClose: () => void;
}

/** Until when, and why. What was due meanwhile is left out, not caught up. */
export function HoldDialog({ subject, onClose }: HoldDialogProps) {
  const { t } = useTranslation("schedule");
  const { ids, timeZone } = useWorkspace();
  const format = useFormat();
  const client = useQueryClient();
  const { create } = useHoldMutations();
  const zone = timeZone || "America/Sao_Paulo";
  const [until, setUntil] = useState(() => firstHold(zone, Date.now()));
  const [reason, setReason] = useState("");
  const requestId = useRef(crypto.randomUUID());
  const end = untilOf(until, zone, Date.now());
  const at = end instanceof Date ? end : undefined;
  const wrong = end === "past" ? t("hold.past") : end === "far" ? t("hold.far") : at ? undefined : t("hold.wrong");
  const said = reason.trim();
  const onConfirm = () => {
    if (!at) return;
    create.mutate(
      {
        ...ids,
        subject:
          subject.kind === "schedule"
            ? { case: "scheduleId", value: subject.id }
            : { case: "resourceId", value: subject.id },
        reason: said,
        untilTime: timestampFromDate(at),
        requestId: requestId.current,
      },
      {
        onSuccess: () => {
          toast(t("hold.done", { name: subject.name, when: atWords(at, Date.now(), t, format) }), { shape: "held" });
          invalidate(client, holdMethods);
          onClose();
        },
        onError: (error) => {
          if (!worthRetrying(error)) requestId.current = crypto.randomUUID();
        },
      },
    );
  };
  return (
    <ConfirmDialog
      open
      title={t(`hold.title.${subject.kind}`, { name: subject.name })}
      confirmLabel={t("hold.action")}
      disabled={!at || said === ""}
      busy={create.isPending}
      error={create.error}
      onConfirm={onConfirm}
      onClose={onClose}
    >
      <p>{t(`hold.effect.${subject.kind}`)}</p>
      <FormField group label={t("hold.until")}>
        <Segmented<HoldPreset>
          label={t("hold.until")}
          value={until.preset}
          options={HOLD_PRESETS.map((value) => ({ value, label: t(`hold.preset.${value}`) }))}
          onChange={(preset) => setUntil({ ...until, preset })}
        />
      </FormField>
      {until.preset === "at" && (
        <div className="hold-at">
          <FormField label={t("hold.date")} error={wrong}>
            <Input
              type="date"
              value={until.date}
              onChange={(event) => setUntil({ ...until, date: event.target.value })}
            />
          </FormField>
          <FormField label={t("hold.time")}>
            <Input
              inputMode="numeric"
              maxLength={5}
              className="tnum"
              value={until.time}
              onChange={(event) => setUntil({ ...until, time: event.target.value })}
              onBlur={() => setUntil({ ...until, time: clockOf(until.time) })}
            />
          </FormField>
        </div>
      )}
      {at && (
        <p className="text-12 text-fg-3" role="status">
          {t("hold.ends", { when: format.full(at).slice(0, -3), zone: format.zoneName(zone) })}
        </p>
      )}
      <FormField label={t("hold.reason")} hint={t("hold.reasonHint")}>
        <Input
          maxLength={200}
          value={reason}
          onChange={(event) => setReason(event.target.value)}
          placeholder={t("hold.reasonPlaceholder")}
        />
      </FormField>
    </ConfirmDialog>
  );
}
