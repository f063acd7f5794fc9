import { type Operation, type OperationTarget, TargetState } from "@/gen/cloudhub/v1/operation_pb";
import { toDate } from "@/lib/format";

/** What a run did, by what its machines came to. */
export interface RunCounts {
  /** As wanted now, because of it. */
  done: number;
  already: number;
  leftAlone: number;
  failed: number;
  missed: number;
  superseded: number;
  /** Not at their end yet. */
  open: number;
}

/** The targets of one schedule in an operation, which may carry the same minute of several; the worst first. */
export function targetsOf(operation: Operation | undefined, scheduleId: string): OperationTarget[] {
  const targets = (operation?.targets ?? []).filter((target) => target.scheduleId === scheduleId);
  return targets.sort((a, b) => rank(a.state) - rank(b.state) || a.resourceName.localeCompare(b.resourceName));
}

const order = [
  TargetState.FAILED,
  TargetState.MISSED,
  TargetState.TAKEN,
  TargetState.ACCEPTED,
  TargetState.PENDING,
  TargetState.SUPERSEDED,
  TargetState.DONE,
  TargetState.ALREADY,
  TargetState.LEFT_ALONE,
];

function rank(state: TargetState) {
  const at = order.indexOf(state);
  return at < 0 ? order.length : at;
}

export function countsOf(targets: readonly OperationTarget[]): RunCounts {
  const of = (...states: TargetState[]) => targets.filter((target) => states.includes(target.state)).length;
  return {
    done: of(TargetState.DONE),
    already: of(TargetState.ALREADY),
    leftAlone: of(TargetState.LEFT_ALONE),
    failed: of(TargetState.FAILED),
    missed: of(TargetState.MISSED),
    superseded: of(TargetState.SUPERSEDED),
    open: of(TargetState.PENDING, TargetState.TAKEN, TargetState.ACCEPTED),
  };
}

export interface Scale {
  from: Date;
  to: Date;
  /** Where the time to act ends, from 0 to 1; undefined when the contract does not say. */
  limit: number | undefined;
}

/** The stretch of time that the run is drawn over: from its minute to the end of its window, or of what ran longer. */
export function scaleOf(operation: Operation, targets: readonly OperationTarget[], now: number): Scale | undefined {
  const from = toDate(operation.dueTime) ?? toDate(operation.createTime);
  if (!from) return undefined;
  const limit = toDate(operation.actBefore);
  const ends = targets.flatMap((target) => toDate(target.endTime)?.getTime() ?? []);
  const alive = !operation.endTime;
  const last = Math.max(limit?.getTime() ?? 0, ...ends, alive ? now : 0, from.getTime() + 60_000);
  const share = limit ? (limit.getTime() - from.getTime()) / (last - from.getTime()) : undefined;
  return { from, to: new Date(last), limit: share };
}

export interface Stretch {
  /** From 0 to 1, within the scale. */
  from: number;
  to: number;
  kind: "done" | "open" | "failed";
}

/** From the provider's yes to the wanted state; one that failed has only the moment of its end. */
export function stretchOf(target: OperationTarget, scale: Scale, now: number): Stretch | undefined {
  const share = (at: number) =>
    Math.min(1, Math.max(0, (at - scale.from.getTime()) / (scale.to.getTime() - scale.from.getTime())));
  const accepted = toDate(target.acceptTime)?.getTime();
  const ended = toDate(target.endTime)?.getTime();
  if (target.state === TargetState.FAILED && ended !== undefined) {
    return { from: share(accepted ?? ended), to: share(ended), kind: "failed" };
  }
  if (accepted === undefined) return undefined;
  const open = ended === undefined;
  return { from: share(accepted), to: share(open ? now : ended), kind: open ? "open" : "done" };
}
