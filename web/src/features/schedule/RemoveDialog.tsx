import { useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { ConfirmDialog, type Impact } from "@/components/ConfirmDialog";
import { toast } from "@/components/Toast";
import { type Schedule, ScheduleService } from "@/gen/cloudhub/v1/schedule_pb";
import { toDate, useFormat } from "@/lib/format";
import { invalidate } from "@/lib/stream/apply";
import { useWorkspace } from "@/lib/workspace";
import { useScheduleMutations } from "./queries";
import { atWords } from "./words";

export interface RemoveDialogProps {
  schedule: Schedule;
  onClose: () => void;
  onRemoved: () => void;
}

/** Repeats what ends and what stays. */
export function RemoveDialog({ schedule, onClose, onRemoved }: RemoveDialogProps) {
  const { t } = useTranslation("schedule");
  const { ids, org, workspace } = useWorkspace();
  const format = useFormat();
  const client = useQueryClient();
  const { remove } = useScheduleMutations();
  const next = toDate(schedule.nextTime);
  const onConfirm = () => {
    remove.mutate(
      { ...ids, scheduleId: schedule.id },
      {
        onSuccess: () => {
          toast(t("remove.done", { name: schedule.name }), { shape: "ok" });
          onClose();
          onRemoved();
          invalidate(client, [ScheduleService.method.listSchedules]);
        },
      },
    );
  };
  const impact: Impact[] = [
    {
      tone: "failed",
      text: schedule.selector ? t("remove.effectFound") : t("remove.effect", { count: schedule.resourceIds.length }),
    },
    ...(next
      ? [{ tone: "failed" as const, text: t("remove.next", { when: atWords(next, Date.now(), t, format) }) }]
      : []),
    { tone: "ok", text: t("remove.stays") },
  ];
  return (
    <ConfirmDialog
      open
      danger
      title={t("remove.title", { name: schedule.name })}
      confirmLabel={t("remove.action")}
      onConfirm={onConfirm}
      onClose={onClose}
      busy={remove.isPending}
      error={remove.error}
      impact={impact}
    >
      <p>
        {t("remove.in")}{" "}
        <b className="text-fg">
          {org.name} › {workspace.name}
        </b>
        .
      </p>
    </ConfirmDialog>
  );
}
