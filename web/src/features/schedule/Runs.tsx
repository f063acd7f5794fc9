import { useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { Skeleton } from "@/components/Badge";
import { Button } from "@/components/Button";
import { Icon } from "@/components/Icon";
import { NamedStateMark, operationMark, targetMark } from "@/components/StateMark";
import { When } from "@/components/Time";
import { isAlive } from "@/components/time/track";
import { directionOf, isOurs } from "@/features/instance/operation";
import { useOperation } from "@/features/instance/queries";
import { OperationTrack } from "@/features/instance/StateCell";
import { BeforeAfter } from "@/features/instance/TargetFacts";
import { type Operation, type OperationTarget, TargetState } from "@/gen/cloudhub/v1/operation_pb";
import type { Schedule, ScheduleRun } from "@/gen/cloudhub/v1/schedule_pb";
import { reasonText } from "@/lib/errors";
import { toDate, useFormat } from "@/lib/format";
import { useWorkspace } from "@/lib/workspace";
import { wantsOn } from "./health";
import { Outcome } from "./Outcome";
import { useRuns } from "./queries";
import { targetsOf } from "./run";
import { exceptionWords } from "./words";
// A run is drawn as a line of a machine's history.
import "@/features/instance/instance.css";

/** What the schedule did, newest first; each run opens to its machines. */
export function Runs({ schedule }: { schedule: Schedule }) {
  const { t } = useTranslation("schedule");
  const query = useRuns(schedule.id);
  const runs = query.data?.pages.flatMap((p) => p.operations) ?? [];
  const counted = new Map(schedule.recentRuns.map((r) => [r.operationId, r]));
  if (query.isPending) return <Skeleton width={220} />;
  if (query.isError && runs.length === 0) {
    return (
      <p className="text-fg-2">
        {t("drawer.runsError")}{" "}
        <button type="button" className="lk" onClick={() => query.refetch()}>
          {t("drawer.retry")}
        </button>
      </p>
    );
  }
  if (runs.length === 0) return <p className="text-fg-3">{t("drawer.noRuns")}</p>;
  return (
    <>
      <ol className="past">
        {runs.map((operation) => (
          <RunLine key={operation.id} operation={operation} run={counted.get(operation.id)} schedule={schedule} />
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
          {t("drawer.older")}
        </Button>
      )}
    </>
  );
}

function RunLine({
  operation,
  run,
  schedule,
}: {
  operation: Operation;
  run: ScheduleRun | undefined;
  schedule: Schedule;
}) {
  const { t } = useTranslation("schedule");
  const id = useId();
  const { path } = useWorkspace();
  const format = useFormat();
  const [open, setOpen] = useState(false);
  const direction = run ? (wantsOn(run.wanted) ? "start" : "stop") : directionOf(operation);
  return (
    <li>
      <button type="button" className="past-row" aria-expanded={open} aria-controls={id} onClick={() => setOpen(!open)}>
        {run ? <Outcome run={run} /> : <NamedStateMark mark={operationMark(operation.state)} />}
        <span className="flex min-w-0 items-center gap-2 text-fg-2">
          <span className="el">
            {t(`run.${direction}`)}
            {run?.byPerson && <span className="text-fg-3">, {t("run.byPerson")}</span>}
            {run && run.unreadCount > 0 && (
              <span className="text-warning">, {t("run.unread", { count: run.unreadCount })}</span>
            )}
            {run && run.leftAloneCount > 0 && (
              <span className="text-fg-3">, {t("outcome.leftAlone", { count: run.leftAloneCount })}</span>
            )}
          </span>
          {isAlive(operation.state) && <OperationTrack operation={operation} />}
        </span>
        <span className="text-12 text-fg-3">
          <When at={operation.dueTime ?? operation.createTime} />
        </span>
        <Icon name="right" />
      </button>
      {open && (
        <div className="past-in" id={id}>
          <Link className="lk text-12" to={`${path("schedules")}/${schedule.id}/runs/${operation.id}`}>
            {t("run.open")}
          </Link>
          {run?.exception ? (
            <p className="text-fg-2">{exceptionWords(run.exception, Date.now(), t, format)}</p>
          ) : (
            <RunTargets operation={operation} schedule={schedule} />
          )}
        </div>
      )}
    </li>
  );
}

function RunTargets({ operation, schedule }: { operation: Operation; schedule: Schedule }) {
  const { t } = useTranslation("schedule");
  const query = useOperation(operation.id);
  if (query.isPending) return <Skeleton width={180} />;
  if (query.isError) {
    return (
      <p className="text-fg-2">
        {t("run.error")}{" "}
        <button type="button" className="lk" onClick={() => query.refetch()}>
          {t("drawer.retry")}
        </button>
      </p>
    );
  }
  // One operation may carry the same minute of several schedules.
  const worstFirst = targetsOf(query.data?.operation, schedule.id);
  const revision = operation.schedules.find((s) => s.scheduleId === schedule.id)?.revision;
  return (
    <>
      {revision !== undefined && revision !== schedule.revision && (
        <p className="mb-2 text-12 text-fg-3">{t("run.revision", { revision })}</p>
      )}
      {worstFirst.length === 0 && <p className="text-fg-3">{t("runPage.none")}</p>}
      <ul className="run-targets">
        {worstFirst.map((target) => (
          <TargetLine key={target.resourceId} target={target} />
        ))}
      </ul>
    </>
  );
}

function TargetLine({ target }: { target: OperationTarget }) {
  const { t } = useTranslation("schedule");
  const format = useFormat();
  const accepted = toDate(target.acceptTime);
  const ended = toDate(target.endTime);
  const facts = [
    target.attempts > 0 && t("run.attempts", { count: target.attempts }),
    accepted && ended && t("run.took", { duration: format.duration(ended.getTime() - accepted.getTime()) }),
    ended && t("run.at", { time: format.timeSeconds(ended) }),
  ].filter(Boolean);
  const bad = target.state === TargetState.FAILED || target.state === TargetState.MISSED;
  return (
    <li>
      <div className="flex items-baseline gap-3">
        <span className="el font-medium">{target.resourceName || target.providerId}</span>
        <span className="ml-auto shrink-0">
          <NamedStateMark mark={targetMark(target.state)} />
        </span>
      </div>
      <div className="flex flex-wrap items-baseline gap-x-3 text-12">
        <BeforeAfter target={target} />
        {facts.length > 0 && <span className="tnum text-fg-3">{facts.join(", ")}</span>}
      </div>
      {target.reason !== "" && (
        <p className={bad ? "text-12 text-failed" : "text-12 text-fg-2"}>
          {reasonText(target.reason, { detail: target.detail }) ?? target.reason}
        </p>
      )}
      {target.detail !== "" && !isOurs(target.reason) && (
        <p className="text-12 break-words text-fg-3">{t("run.provider", { detail: target.detail })}</p>
      )}
    </li>
  );
}
