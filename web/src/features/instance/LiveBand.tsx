import { useTranslation } from "react-i18next";
import { NamedStateMark } from "@/components/StateMark";
import { OPERATION_STEPS, stepNumber } from "@/components/time/track";
import { type Operation, OperationStep } from "@/gen/cloudhub/v1/operation_pb";
import type { Resource } from "@/gen/cloudhub/v1/resource_pb";
import { useNow } from "@/lib/clock";
import { reasonText } from "@/lib/errors";
import { toDate, useFormat } from "@/lib/format";
import { directionOf, rowMark, stepWord } from "./operation";
import { OperationTrack } from "./StateCell";

/** A live operation: which step, for how long, what it waits for, what went wrong so far. */
export function LiveBand({ operation, resource }: { operation: Operation; resource: Resource }) {
  const { t } = useTranslation("instance");
  const format = useFormat();
  const now = useNow(1000);
  const since = toDate(operation.startTime) ?? toDate(operation.createTime);
  const step = stepWord(operation.step);
  const mark = rowMark({ ...resource, operationId: operation.id }, operation);
  const watching = operation.step === OperationStep.WATCHING;
  return (
    <>
      <div className="flex items-center gap-2">
        <span className="font-medium">
          <NamedStateMark mark={mark} />
        </span>
        <span className="text-fg-2">{t("track.step", { at: stepNumber(operation), of: OPERATION_STEPS.length })}</span>
        {since && (
          // The count is not said each second; the steps are.
          <time className="ml-auto font-medium" aria-hidden="true">
            {format.counter(now - since.getTime())}
          </time>
        )}
      </div>
      <OperationTrack operation={operation} full />
      <p className="text-12 text-fg-2" role="status">
        {watching
          ? t(`live.watching.${directionOf(operation)}`)
          : t(`live.${step as "queued" | "deciding" | "acting"}`)}{" "}
        {operation.attempts > 1 && <>{t("live.attempt", { n: operation.attempts })} </>}
        {!watching && operation.actBefore && t("live.until", { time: format.time(operation.actBefore) })}
      </p>
      {operation.lastError !== "" && (
        <p className="text-12 text-warning">
          {operation.lastError === "PARKED"
            ? reasonText("PARKED")
            : t("live.lastError", { reason: reasonText(operation.lastError) ?? operation.lastError })}
          {operation.lastErrorDetail !== "" && <span className="code"> {operation.lastErrorDetail}</span>}
        </p>
      )}
    </>
  );
}
