import { useTranslation } from "react-i18next";
import { Timeline } from "@/components/time/Track";
import { operationTrack } from "@/components/time/track";
import { type Operation, type OperationTarget, TargetState } from "@/gen/cloudhub/v1/operation_pb";
import { type Moment, useFormat } from "@/lib/format";
import { askedBy } from "./asked";
import { directionOf, STEP_WORDS, type StepWord } from "./operation";

/** The steps of a live operation, in order, with what is known of each. */
export function OperationSteps({ operation, target }: { operation: Operation; target: OperationTarget | undefined }) {
  const { t } = useTranslation("instance");
  const format = useFormat();
  const track = operationTrack(operation);
  const direction = directionOf(operation);
  const times: Partial<Record<StepWord, Moment>> = {
    queued: operation.createTime,
    deciding: operation.startTime,
    acting: target?.acceptTime,
    watching: target?.state === TargetState.DONE ? target.endTime : undefined,
  };
  const who = askedBy(operation, format) || t("operation.system");
  return (
    <Timeline
      label={t("steps.label")}
      steps={STEP_WORDS.map((word, i) => {
        const step = track[i] ?? "todo";
        const attempts = target?.attempts ?? operation.attempts;
        return {
          id: word,
          step,
          title: word === "watching" ? t(`steps.watching.${direction}`) : t(`steps.${word}`),
          detail:
            word === "queued"
              ? t("steps.by", { who })
              : word === "acting" && attempts > 0
                ? t("live.attempts", { count: attempts })
                : undefined,
          at:
            step === "now"
              ? t("steps.now")
              : step === "done" && times[word]
                ? format.timeSeconds(times[word])
                : undefined,
        };
      })}
    />
  );
}
