import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useCallback, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { toast } from "@/components/Toast";
import type { Schedule } from "@/gen/cloudhub/v1/schedule_pb";
import { toAppError } from "@/lib/errors";
import { toDate, useFormat } from "@/lib/format";
import { invalidate } from "@/lib/stream/apply";
import { useWorkspace } from "@/lib/workspace";
import { HoldDialog } from "./HoldDialog";
import { holdMethods, scheduleMethods, useHoldMutations, useScheduleMutations } from "./queries";
import { RemoveDialog } from "./RemoveDialog";
import { RunNowDialog } from "./RunNowDialog";
import type { Act } from "./ScheduleMenu";
import { atWords } from "./words";

/** What can be taken back is done at once, with an undo; the rest asks first. `dialog` is to be drawn by the page. */
export function useScheduleActions({
  onEdit,
  onRun,
  onRemoved,
}: {
  onEdit: (schedule: Schedule) => void;
  /** It was run out of turn: show it. */
  onRun: (schedule: Schedule) => void;
  onRemoved: (schedule: Schedule) => void;
}): { act: (act: Act, schedule: Schedule) => void; dialog: ReactNode; busy: boolean } {
  const { t } = useTranslation("schedule");
  const { ids } = useWorkspace();
  const format = useFormat();
  const client = useQueryClient();
  const { pause, resume, skip, restore } = useScheduleMutations();
  const { end } = useHoldMutations();
  const [asked, setAsked] = useState<{ act: Act; schedule: Schedule }>();
  const close = useCallback(() => setAsked(undefined), []);
  const onError = (error: unknown) => toast(toAppError(error).text, { shape: "failed", seconds: 8 });
  const read = () => invalidate(client, scheduleMethods);

  const onPause = (schedule: Schedule) =>
    pause.mutate(
      { ...ids, scheduleId: schedule.id },
      {
        onError,
        onSuccess: () => {
          read();
          toast(t("pause.done", { name: schedule.name }), { shape: "held", undo: () => onResume(schedule) });
        },
      },
    );
  const onResume = (schedule: Schedule) =>
    resume.mutate(
      { ...ids, scheduleId: schedule.id },
      {
        onError,
        onSuccess: () => {
          read();
          toast(t("resume.done", { name: schedule.name }), { shape: "ok" });
        },
      },
    );
  const onSkip = (schedule: Schedule) =>
    skip.mutate(
      { ...ids, scheduleId: schedule.id },
      {
        onError,
        onSuccess: ({ skippedTime }) => {
          read();
          const at = toDate(skippedTime);
          if (!at || !skippedTime) return;
          const when = atWords(at, Date.now(), t, format);
          const undo = () =>
            restore.mutate(
              { ...ids, scheduleId: schedule.id, time: skippedTime },
              {
                onError,
                onSuccess: () => {
                  read();
                  toast(t("skip.undone", { name: schedule.name, when }), { shape: "ok" });
                },
              },
            );
          toast(t("skip.done", { name: schedule.name, when }), { shape: "skip", undo });
        },
      },
    );
  const onEndHold = (schedule: Schedule) =>
    schedule.hold &&
    end.mutate(
      { ...ids, holdId: schedule.hold.id },
      {
        onError,
        onSuccess: () => {
          invalidate(client, holdMethods);
          toast(t("holds.ended", { name: schedule.name }), { shape: "ok" });
        },
      },
    );

  const act = (what: Act, schedule: Schedule): void => {
    switch (what) {
      case "pause":
        onPause(schedule);
        return;
      case "resume":
        onResume(schedule);
        return;
      case "skip":
        onSkip(schedule);
        return;
      case "endHold":
        onEndHold(schedule);
        return;
      case "edit":
        onEdit(schedule);
        return;
      default:
        setAsked({ act: what, schedule });
    }
  };
  const dialog = () => {
    if (!asked) return null;
    const { schedule } = asked;
    switch (asked.act) {
      case "start":
      case "stop":
        return <RunNowDialog schedule={schedule} power={asked.act} onClose={close} onDone={() => onRun(schedule)} />;
      case "hold":
        return <HoldDialog subject={{ kind: "schedule", id: schedule.id, name: schedule.name }} onClose={close} />;
      case "remove":
        return <RemoveDialog schedule={schedule} onClose={close} onRemoved={() => onRemoved(schedule)} />;
      default:
        return null;
    }
  };
  const latest = useRef(act);
  latest.current = act;
  const stable = useCallback((what: Act, schedule: Schedule) => latest.current(what, schedule), []);
  return {
    act: stable,
    dialog: dialog(),
    busy: pause.isPending || resume.isPending || skip.isPending || end.isPending,
  };
}
