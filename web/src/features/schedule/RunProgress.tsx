import { useTranslation } from "react-i18next";
import { Timeline, type TimelineStep } from "@/components/time/Track";
import { isAlive } from "@/components/time/track";
import { OperationTrack } from "@/features/instance/StateCell";
import { type Operation, type OperationTarget, TargetState } from "@/gen/cloudhub/v1/operation_pb";
import { toDate, useFormat } from "@/lib/format";

const NAMED = 4;

/** The run from its minute to its end, in the order in which things were seen. */
export function RunProgress({ operation, targets }: { operation: Operation; targets: readonly OperationTarget[] }) {
  const { t } = useTranslation("schedule");
  const format = useFormat();
  const at = (moment: Date | undefined) => (moment ? format.timeSeconds(moment) : undefined);
  const accepted = targets.flatMap((x) => toDate(x.acceptTime) ?? []).sort((a, b) => a.getTime() - b.getTime());
  const ended = targets.filter((x) => x.state === TargetState.DONE && x.endTime);
  const last = ended.reduce<OperationTarget | undefined>(
    (late, x) => (!late || Number(toDate(x.endTime)) > Number(toDate(late.endTime)) ? x : late),
    undefined,
  );
  const failed = targets.filter((x) => x.state === TargetState.FAILED);
  const asked = targets.filter((x) => x.attempts > 0).length;
  type Line = TimelineStep & { time: Date | undefined };
  const line = (
    id: string,
    step: TimelineStep["step"],
    title: string,
    time: Date | undefined,
    detail?: string,
  ): Line => ({
    id,
    step,
    title,
    detail,
    time,
    at: at(time),
  });
  const seen: Line[] = [
    line("due", "done", t("runPage.step.due"), toDate(operation.createTime)),
    ...(operation.startTime ? [line("start", "done", t("runPage.step.start"), toDate(operation.startTime))] : []),
    ...(accepted[0]
      ? [line("asked", "done", t("runPage.step.asked"), accepted[0], t("runPage.step.askedOf", { count: asked }))]
      : []),
    ...failed
      .slice(0, NAMED)
      .map((x) =>
        line(
          x.resourceId,
          "failed",
          t("runPage.step.refused", { name: x.resourceName || x.providerId }),
          toDate(x.endTime),
          t("run.attempts", { count: x.attempts }),
        ),
      ),
    ...(last ? [line("last", "done", t("runPage.step.last"), toDate(last.endTime), last.resourceName)] : []),
  ].sort((a, b) => Number(a.time ?? 0) - Number(b.time ?? 0));
  const steps: Line[] = isAlive(operation.state)
    ? [...seen, line("now", "now", t("runPage.step.now"), undefined)]
    : [...seen, line("end", "done", t("runPage.step.end"), toDate(operation.endTime))];
  return (
    <section className="pane">
      <h2 className="flex items-center justify-between gap-2">
        {t("runPage.progress")}
        <OperationTrack operation={operation} />
      </h2>
      <Timeline label={t("runPage.progress")} steps={steps} />
    </section>
  );
}
