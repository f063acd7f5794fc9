import { useTranslation } from "react-i18next";
import type { ShapeName } from "@/components/Shape";
import { StateMark, type Tone } from "@/components/StateMark";
import { RunExceptionKind, type ScheduleRun } from "@/gen/cloudhub/v1/schedule_pb";
import { outcomeOf, type RunOutcome } from "./health";
import { exceptionShort } from "./words";

const marks: Record<RunOutcome, { shape: ShapeName; tone: Tone }> = {
  ok: { shape: "ok", tone: "ok" },
  partial: { shape: "failed", tone: "failed" },
  failed: { shape: "failed", tone: "failed" },
  missed: { shape: "missed", tone: "warning" },
  nothing: { shape: "skip", tone: "off" },
  live: { shape: "pending", tone: "pending" },
  left: { shape: "skip", tone: "off" },
};

/** How a run went: "✓ 14 de 14", "× Perdida". What was left alone is not counted against it. */
export function Outcome({ run }: { run: ScheduleRun }) {
  const { t } = useTranslation("schedule");
  const outcome = outcomeOf(run);
  const held = run.exception?.kind === RunExceptionKind.HELD;
  const words = () => {
    switch (outcome) {
      case "left":
        return run.exception ? exceptionShort(run.exception, t) : t("exception.short.skipped");
      case "ok":
      case "partial":
      case "live":
        return t("outcome.of", { done: run.doneCount, of: run.targetCount - run.leftAloneCount });
      default:
        return t(`outcome.${outcome}`);
    }
  };
  return (
    <StateMark {...marks[outcome]} {...(held ? { shape: "held" as const } : {})}>
      {words()}
    </StateMark>
  );
}
