import { useTranslation } from "react-i18next";
import { NamedStateMark } from "@/components/StateMark";
import { Track } from "@/components/time/Track";
import { isAlive, OPERATION_STEPS, operationTrack, stepNumber } from "@/components/time/track";
import { type Operation, OperationState } from "@/gen/cloudhub/v1/operation_pb";
import type { Resource } from "@/gen/cloudhub/v1/resource_pb";
import { rowMark } from "./operation";

/** The state of a machine; while an operation is on it, with its track. */
export function StateCell({ resource, operation }: { resource: Resource; operation: Operation | undefined }) {
  const live = resource.operationId !== "" && operation && isAlive(operation.state) ? operation : undefined;
  return (
    <span className="inline-flex min-w-0 items-center gap-2">
      <NamedStateMark mark={rowMark(resource, operation)} />
      {live && <OperationTrack operation={live} />}
    </span>
  );
}

export function OperationTrack({ operation, full }: { operation: Operation; full?: boolean }) {
  const { t } = useTranslation("instance");
  const of = OPERATION_STEPS.length;
  const at = stepNumber(operation);
  const label = () => {
    switch (operation.state) {
      case OperationState.QUEUED:
        return t("track.queued", { of });
      case OperationState.RUNNING:
        return t("track.now", { at, of });
      case OperationState.SUCCEEDED:
        return t("track.done", { of });
      default:
        return t("track.failed", { at: Math.max(at, 1), of });
    }
  };
  return <Track steps={operationTrack(operation)} label={label()} full={full ?? false} />;
}
