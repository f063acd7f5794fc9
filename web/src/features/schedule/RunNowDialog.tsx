import { create } from "@bufbuild/protobuf";
import { useQuery } from "@connectrpc/connect-query";
import { useQueryClient } from "@tanstack/react-query";
import { useRef } from "react";
import { useTranslation } from "react-i18next";
import { Skeleton } from "@/components/Badge";
import { ConfirmDialog, type Impact } from "@/components/ConfirmDialog";
import { toast } from "@/components/Toast";
import { OperationService } from "@/gen/cloudhub/v1/operation_pb";
import { ResourceState } from "@/gen/cloudhub/v1/resource_pb";
import { type Schedule, ScheduleService, TargetSelectorSchema } from "@/gen/cloudhub/v1/schedule_pb";
import { worthRetrying } from "@/lib/errors";
import { invalidate } from "@/lib/stream/apply";
import { useWorkspace } from "@/lib/workspace";
import { useScheduleMutations } from "./queries";

export interface RunNowDialogProps {
  schedule: Schedule;
  power: "start" | "stop";
  onClose: () => void;
  onDone: () => void;
}

/** Says how many machines, and that neither holds nor pauses keep a person's order. */
export function RunNowDialog({ schedule, power, onClose, onDone }: RunNowDialogProps) {
  const { t } = useTranslation("schedule");
  const { ids, org, workspace } = useWorkspace();
  const client = useQueryClient();
  const { runNow } = useScheduleMutations();
  const requestId = useRef(crypto.randomUUID());
  const { selector } = schedule;
  const found = useQuery(
    ScheduleService.method.previewTargets,
    { ...ids, selector: create(TargetSelectorSchema, selector ?? {}) },
    { enabled: selector !== undefined },
  );
  const count = selector ? found.data?.matchedCount : schedule.resourceIds.length;
  const alone = selector ? (found.data?.leftAloneCount ?? 0) : 0;
  const impact: Impact[] = [
    ...(alone > 0 ? [{ tone: "warning" as const, text: t("runNow.alone", { count: alone }) }] : []),
    { tone: "warning", text: t(`runNow.effect.${power}`) },
    { tone: "ok", text: t("runNow.stays") },
  ];
  const onConfirm = () =>
    runNow.mutate(
      {
        ...ids,
        scheduleId: schedule.id,
        wanted: power === "start" ? ResourceState.RUNNING : ResourceState.STOPPED,
        requestId: requestId.current,
      },
      {
        onSuccess: () => {
          toast(t(`runNow.done.${power}`, { name: schedule.name }), { shape: "wait" });
          invalidate(client, [
            OperationService.method.listOperations,
            ScheduleService.method.listSchedules,
            ScheduleService.method.getSchedule,
          ]);
          onClose();
          onDone();
        },
        onError: (error) => {
          if (!worthRetrying(error)) requestId.current = crypto.randomUUID();
        },
      },
    );
  return (
    <ConfirmDialog
      open
      title={count === undefined ? t(`runNow.titleFound.${power}`) : t(`runNow.title.${power}`, { count })}
      confirmLabel={count === undefined ? t(`runNow.actionFound.${power}`) : t(`runNow.action.${power}`, { count })}
      danger={power === "stop"}
      disabled={selector !== undefined && found.isPending}
      busy={runNow.isPending}
      error={runNow.error}
      impact={impact}
      onConfirm={onConfirm}
      onClose={onClose}
    >
      <p>
        {t("runNow.of", { name: schedule.name })}{" "}
        <b className="text-fg">
          {org.name} › {workspace.name}
        </b>
        .
      </p>
      {selector && (
        <p>{found.isPending ? <Skeleton width={220} /> : found.isError ? t("runNow.unread") : t("runNow.found")}</p>
      )}
    </ConfirmDialog>
  );
}
