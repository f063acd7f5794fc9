import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { Note, Skeleton } from "@/components/Badge";
import { PageTitle } from "@/components/Page";
import { NamedStateMark, operationMark, StateMark } from "@/components/StateMark";
import { DeniedState, EmptyState, ErrorState } from "@/components/States";
import { Table, TableFoot } from "@/components/Table";
import { isAlive } from "@/components/time/track";
import { wallIn } from "@/components/time/wall";
import type { ListState } from "@/features/instance/listState";
import { directionOf } from "@/features/instance/operation";
import { OperationTrack } from "@/features/instance/StateCell";
import {
  type Operation,
  OperationOrigin,
  type OperationSchedule,
  OperationState,
  TargetState,
} from "@/gen/cloudhub/v1/operation_pb";
import { Permission } from "@/gen/cloudhub/v1/options_pb";
import type { Schedule } from "@/gen/cloudhub/v1/schedule_pb";
import { useNow } from "@/lib/clock";
import { isReason } from "@/lib/errors";
import { toDate, useFormat } from "@/lib/format";
import { useWorkspace } from "@/lib/workspace";
import { wantsOn } from "./health";
import { RunFailures } from "./RunFailures";
import { RunProgress } from "./RunProgress";
import { RunReadings } from "./RunReadings";
import { ruleOf } from "./rule";
import { countsOf, scaleOf, targetsOf } from "./run";
import { runColumns } from "./runColumns";
import { type Weekday, type Words, weekdayWords } from "./words";
import "./run.css";

export interface RunPageViewProps {
  state: ListState;
  error?: unknown;
  operation: Operation | undefined;
  scheduleId: string;
  /** Undefined until it is read, and when it was deleted since. */
  schedule: Schedule | undefined;
  onRetry: () => void;
}

export function RunPageView({ state, error, operation, scheduleId, schedule, onRetry }: RunPageViewProps) {
  const { t } = useTranslation("schedule");
  const { workspace, path } = useWorkspace();
  const name = operation?.schedules.find((one) => one.scheduleId === scheduleId)?.name ?? schedule?.name;
  const crumb = (
    <nav className="crumb" aria-label={t("runPage.crumb")}>
      <Link to={path("schedules")}>{t("title")}</Link>
      <span aria-hidden="true">›</span>
      {name && (
        <>
          <Link to={`${path("schedules")}?id=${scheduleId}`}>{name}</Link>
          <span aria-hidden="true">›</span>
        </>
      )}
      <span>{t("runPage.run")}</span>
    </nav>
  );
  if (state === "ready" && operation) {
    return (
      <div className="page">
        {crumb}
        <Run operation={operation} scheduleId={scheduleId} schedule={schedule} />
      </div>
    );
  }
  return (
    <div className="page">
      {crumb}
      <div className="head">
        <PageTitle>{t("runPage.run")}</PageTitle>
      </div>
      <div className="tw">
        {state === "denied" ? (
          <DeniedState title={t("runPage.denied")} permission={Permission.RESOURCES_VIEW} workspace={workspace.name} />
        ) : state === "loading" ? (
          <div className="grid gap-4 p-5" aria-busy="true">
            {[260, 320, 210, 280].map((width) => (
              <Skeleton key={width} width={width} />
            ))}
          </div>
        ) : (
          <ErrorState title={t("run.error")} error={error} onRetry={isReason(error, "NOT_FOUND") ? undefined : onRetry}>
            {t("runPage.kept")}
          </ErrorState>
        )}
      </div>
    </div>
  );
}

function Run({
  operation,
  scheduleId,
  schedule,
}: {
  operation: Operation;
  scheduleId: string;
  schedule: Schedule | undefined;
}) {
  const { t } = useTranslation("schedule");
  const { path } = useWorkspace();
  const format = useFormat();
  const alive = isAlive(operation.state);
  const now = useNow(alive ? 1_000 : 60_000);
  const targets = useMemo(() => targetsOf(operation, scheduleId), [operation, scheduleId]);
  const counts = countsOf(targets);
  const scale = scaleOf(operation, targets, now);
  const columns = runColumns({ t, format, scale, now, machines: path("aws/ec2") });
  const due = toDate(operation.dueTime) ?? toDate(operation.createTime);
  const weekdayOf = (at: Date) => t(`weekday.long.${wallIn(format.zone ?? "UTC", at).weekday as Weekday}`);
  const bad = counts.failed + counts.missed;
  const meant = targets.length - counts.leftAlone;
  const attempts = targets.reduce((sum, target) => sum + target.attempts, 0);
  const failures = targets.filter(
    (target) => target.state === TargetState.FAILED || target.state === TargetState.MISSED,
  );
  const counted = schedule?.recentRuns.find((run) => run.operationId === operation.id);
  const direction =
    targets.length === 0 && counted
      ? wantsOn(counted.wanted)
        ? "start"
        : "stop"
      : directionOf({
          targetOnCount: targets.filter((x) => wantsOn(x.wanted)).length,
          targetOffCount: targets.filter((x) => !wantsOn(x.wanted)).length,
        });
  const mine = operation.schedules.find((one) => one.scheduleId === scheduleId);
  const leftOut = mine?.exception || operation.state === OperationState.SKIPPED ? mine : undefined;
  const readings = operation.readings.filter((one) => one.scheduleId === scheduleId);
  const unread = readings.filter((one) => one.reason !== "");
  const ends = (
    [
      ["done", counts.done],
      ["already", counts.already],
      ["leftAlone", counts.leftAlone],
      ["superseded", counts.superseded],
      ["open", counts.open],
      ["missed", counts.missed],
      ["failed", counts.failed],
    ] as const
  ).filter(([, count]) => count > 0);
  return (
    <>
      <div className="head">
        <div className="min-w-0">
          <div className="run-title">
            <PageTitle>
              {t(targets.length === 0 ? "runPage.titleNone" : "runPage.title", {
                what: t(`run.${direction}`),
                count: targets.length,
                day: due ? `${weekdayOf(due)} ${format.date(due)}` : "–",
                time: due ? format.time(due) : "–",
              })}
            </PageTitle>
            {alive || leftOut ? (
              <NamedStateMark mark={operationMark(leftOut ? OperationState.SKIPPED : operation.state)} boxed />
            ) : bad > 0 ? (
              <StateMark
                shape={counts.failed > 0 ? "failed" : "missed"}
                tone={counts.failed > 0 ? "failed" : "warning"}
                boxed
              >
                {t("outcome.of", { done: meant - bad, of: meant })}
              </StateMark>
            ) : (
              <StateMark shape="ok" tone="ok" boxed>
                {t("outcome.of", { done: meant, of: meant })}
              </StateMark>
            )}
            {alive && <OperationTrack operation={operation} />}
          </div>
          <p className="lead">
            {leftOut
              ? leftOutWords(leftOut, t)
              : alive
                ? t("runPage.leadLive", { count: counts.open })
                : targets.length === 0
                  ? t("runPage.leadNone")
                  : bad === 0
                    ? t("runPage.leadGood")
                    : counts.failed > 0
                      ? t(`runPage.leadFailed.${direction}`, { count: bad })
                      : t("runPage.leadMissed", { count: bad })}
          </p>
        </div>
      </div>
      <Strip operation={operation} schedule={schedule} attempts={attempts} due={due} />
      <div className="run-page">
        <div className="min-w-0">
          {unread.length > 0 && (
            <div className="mb-3">
              <Note tone="warning" role="status">
                <p>
                  <b>{t("readings.unread", { count: unread.length })}</b> {t("readings.unreadMeans")}
                </p>
              </Note>
            </div>
          )}
          <Table
            label={t("runPage.targets")}
            columns={columns}
            rows={targets}
            rowId={(target) => target.resourceId}
            tone={(target) =>
              target.state === TargetState.FAILED || target.state === TargetState.MISSED ? "bad" : undefined
            }
            slot={
              <EmptyState title={t(leftOut ? "runPage.noneLeftOut" : alive ? "runPage.noneYet" : "runPage.none")}>
                {leftOut ? leftOutWords(leftOut, t) : readings.length > 0 && !alive && t("runPage.noneFound")}
              </EmptyState>
            }
            foot={
              targets.length > 0 && (
                <TableFoot end={<span className="tnum">{t("run.attempts", { count: attempts })}</span>}>
                  <span>
                    {t("runPage.count", { count: targets.length })}:{" "}
                    {format.list(ends.map(([word, count]) => t(`runPage.end.${word}`, { count })))}
                  </span>
                </TableFoot>
              )
            }
          />
        </div>
        <div className="run-side">
          {readings.length > 0 && <RunReadings readings={readings} />}
          <RunFailures targets={failures} direction={direction} limit={toDate(operation.actBefore)} />
          <RunProgress operation={operation} targets={targets} />
        </div>
      </div>
    </>
  );
}

/** Who skipped it, or why it was held. */
function leftOutWords(schedule: OperationSchedule, t: Words): string {
  const text = schedule.exceptionText;
  if (schedule.exception === "HELD") return text ? t("runPage.heldBecause", { reason: text }) : t("runPage.held");
  return text ? t("runPage.skippedBy", { name: text }) : t("runPage.skipped");
}

function Strip({
  operation,
  schedule,
  attempts,
  due,
}: {
  operation: Operation;
  schedule: Schedule | undefined;
  attempts: number;
  due: Date | undefined;
}) {
  const { t } = useTranslation("schedule");
  const format = useFormat();
  const rule = schedule && ruleOf(schedule);
  const started = toDate(operation.startTime);
  const ended = toDate(operation.endTime);
  const revision = operation.schedules.find((one) => one.scheduleId === schedule?.id)?.revision;
  const facts: ReadonlyArray<readonly [label: string, value: string, aside?: string]> = [
    [
      t("runPage.askedBy"),
      operation.origin === OperationOrigin.PERSON
        ? operation.requestedByName || t("runPage.person")
        : t("runPage.timetable"),
      operation.origin === OperationOrigin.PERSON
        ? t("runPage.outOfTurn")
        : rule &&
          (revision === schedule.revision
            ? `${weekdayWords(rule, t, format)}, ${due ? format.time(due) : ""}`
            : t("run.revision", { revision })),
    ],
    [
      t("runPage.started"),
      started ? format.timeSeconds(started) : "–",
      started && due && t("runPage.after", { duration: format.duration(started.getTime() - due.getTime()) }),
    ],
    [
      t("runPage.ended"),
      ended ? format.timeSeconds(ended) : "–",
      ended && started && format.duration(ended.getTime() - started.getTime()),
    ],
    [
      t("runPage.window"),
      operation.actBefore ? t("runPage.until", { time: format.timeSeconds(operation.actBefore) }) : "–",
    ],
    [t("runPage.calls"), format.number(attempts)],
  ];
  return (
    <dl className="strip">
      {facts.map(([label, value, aside]) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd>
            {value} {aside && <span className="text-fg-3">{aside}</span>}
          </dd>
        </div>
      ))}
    </dl>
  );
}
