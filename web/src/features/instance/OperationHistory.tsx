import { useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { Skeleton } from "@/components/Badge";
import { Button } from "@/components/Button";
import { Icon } from "@/components/Icon";
import { NamedStateMark, operationMark, StateMark, targetMark } from "@/components/StateMark";
import { When } from "@/components/Time";
import { isAlive } from "@/components/time/track";
import { type Operation, type OperationTarget, TargetState } from "@/gen/cloudhub/v1/operation_pb";
import { ResourceState } from "@/gen/cloudhub/v1/resource_pb";
import { useFormat } from "@/lib/format";
import { askedBy } from "./asked";
import { directionOf } from "./operation";
import { useInstanceOperations } from "./queries";
import { TargetFacts } from "./TargetFacts";
import "./instance.css";

/** What was done to the machine, newest first; each opens to what happened. */
export function OperationHistory({ resourceId }: { resourceId: string }) {
  const { t } = useTranslation("instance");
  const query = useInstanceOperations(resourceId);
  const all = query.data?.pages.flatMap((p) => p.operations) ?? [];
  const past = all.filter((o) => !isAlive(o.state));
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
  // One that is alive is drawn above, step by step.
  if (past.length === 0 && all.length > 0) return null;
  if (past.length === 0) return <p className="text-fg-3">{t("drawer.noOperations")}</p>;
  return (
    <>
      <ol className="past">
        {past.map((operation) => (
          <HistoryLine
            key={operation.id}
            operation={operation}
            target={operation.targets.find((x) => x.resourceId === resourceId)}
          />
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

/** How an operation ended for this machine; one over several may have ended otherwise for each. */
function HistoryLine({ operation, target }: { operation: Operation; target: OperationTarget | undefined }) {
  const { t } = useTranslation("instance");
  const format = useFormat();
  const id = useId();
  const [open, setOpen] = useState(false);
  const done = target?.state === TargetState.DONE;
  const on = target ? target.wanted === ResourceState.RUNNING : directionOf(operation) === "start";
  const mark = target ? targetMark(target.state) : operationMark(operation.state);
  const who = askedBy(operation, format) || t("operation.system");
  return (
    <li>
      <button type="button" className="past-row" aria-expanded={open} aria-controls={id} onClick={() => setOpen(!open)}>
        {done && target.attempts > 1 ? (
          <StateMark shape="warning" tone="warning">
            {t(on ? "operation.startedAt" : "operation.stoppedAt", { n: target.attempts })}
          </StateMark>
        ) : done ? (
          <StateMark shape="ok" tone="ok">
            {t(on ? "mark.running" : "mark.stopped")}
          </StateMark>
        ) : (
          <NamedStateMark mark={mark} />
        )}
        <span className="el text-fg-2">{done ? who : `${t(on ? "operation.start" : "operation.stop")} · ${who}`}</span>
        <span className="text-12 text-fg-3">
          <When at={operation.dueTime ?? operation.createTime} />
        </span>
        <Icon name="right" />
      </button>
      {open && (
        <div className="past-in" id={id}>
          {target ? <TargetFacts target={target} /> : <p className="text-fg-3">{t("operation.noTarget")}</p>}
        </div>
      )}
    </li>
  );
}
