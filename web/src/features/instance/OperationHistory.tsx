import { useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { Skeleton } from "@/components/Badge";
import { Button } from "@/components/Button";
import { Icon } from "@/components/Icon";
import { NamedStateMark, operationMark, StateMark, targetMark } from "@/components/StateMark";
import { When } from "@/components/Time";
import { isAlive } from "@/components/time/track";
import { type Operation, TargetState } from "@/gen/cloudhub/v1/operation_pb";
import { ResourceState } from "@/gen/cloudhub/v1/resource_pb";
import { useFormat } from "@/lib/format";
import { askedBy } from "./asked";
import { didAll, directionOf } from "./operation";
import { useInstanceOperations, useOperation } from "./queries";
import { TargetFacts } from "./TargetFacts";

/** What was done to the machine, newest first; each opens to what happened. */
export function OperationHistory({ resourceId }: { resourceId: string }) {
  const { t } = useTranslation("instance");
  const query = useInstanceOperations(resourceId);
  const past = query.data?.pages.flatMap((p) => p.operations).filter((o) => !isAlive(o.state)) ?? [];
  if (query.isPending) return <Skeleton width={220} className="my-2" />;
  if (query.isError && past.length === 0) {
    return (
      <p className="text-fg-2">
        {t("drawer.operationsError")}{" "}
        <button type="button" className="lk" onClick={() => query.refetch()}>
          {t("drawer.retry")}
        </button>
      </p>
    );
  }
  if (past.length === 0) return <p className="text-fg-3">{t("drawer.noOperations")}</p>;
  return (
    <>
      <ol className="past">
        {past.map((operation) => (
          <HistoryLine key={operation.id} operation={operation} resourceId={resourceId} />
        ))}
      </ol>
      {query.hasNextPage && (
        <Button
          kind="quiet"
          small
          className="mt-1"
          busy={query.isFetchingNextPage}
          onClick={() => query.fetchNextPage()}
        >
          {t("drawer.olderOperations")}
        </Button>
      )}
    </>
  );
}

/**
 * How an operation ended for one machine. One over several machines may have
 * ended otherwise for each, and only its targets say how.
 */
function useEnded(operation: Operation, resourceId: string) {
  const direction = directionOf(operation);
  const sure = didAll(operation) && direction !== "both";
  const mixed = !sure && operation.targetCount > 1;
  const { data } = useOperation(mixed ? operation.id : "");
  const target = data?.operation?.targets.find((x) => x.resourceId === resourceId);
  return {
    done: sure || target?.state === TargetState.DONE,
    on: target ? target.wanted === ResourceState.RUNNING : direction === "start",
    mark: target ? targetMark(target.state) : operationMark(operation.state),
  };
}

function HistoryLine({ operation, resourceId }: { operation: Operation; resourceId: string }) {
  const { t } = useTranslation("instance");
  const format = useFormat();
  const id = useId();
  const [open, setOpen] = useState(false);
  const { done, on, mark } = useEnded(operation, resourceId);
  const who = askedBy(operation, format) || t("operation.system");
  return (
    <li>
      <button type="button" className="past-row" aria-expanded={open} aria-controls={id} onClick={() => setOpen(!open)}>
        {done ? (
          <StateMark shape="ok" tone="ok">
            {t(on ? "mark.running" : "mark.stopped")}
          </StateMark>
        ) : (
          <NamedStateMark mark={mark} />
        )}
        <span className="el text-fg-2">{done ? who : `${t(`operation.${directionOf(operation)}`)} · ${who}`}</span>
        <span className="text-12 text-fg-3">
          <When at={operation.dueTime ?? operation.createTime} />
        </span>
        <Icon name="right" />
      </button>
      {open && (
        <div className="past-in" id={id}>
          <HistoryDetail operationId={operation.id} resourceId={resourceId} />
        </div>
      )}
    </li>
  );
}

function HistoryDetail({ operationId, resourceId }: { operationId: string; resourceId: string }) {
  const { t } = useTranslation("instance");
  const query = useOperation(operationId);
  if (query.isPending) return <Skeleton width={180} />;
  if (query.isError) {
    return (
      <p className="text-fg-2">
        {t("operation.error")}{" "}
        <button type="button" className="lk" onClick={() => query.refetch()}>
          {t("drawer.retry")}
        </button>
      </p>
    );
  }
  const target = query.data?.operation?.targets.find((x) => x.resourceId === resourceId);
  return target ? <TargetFacts target={target} /> : <p className="text-fg-3">{t("operation.noTarget")}</p>;
}
