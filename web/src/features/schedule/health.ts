import { ResourceState } from "@/gen/cloudhub/v1/resource_pb";
import type { ScheduleRun } from "@/gen/cloudhub/v1/schedule_pb";

/** How one run went: every bar of the health and the word of the last result. */
export type RunOutcome = "ok" | "partial" | "failed" | "missed" | "nothing" | "live";

export type RunCounts = Pick<
  ScheduleRun,
  "targetCount" | "doneCount" | "leftAloneCount" | "failedCount" | "missedCount" | "ended"
>;

/** Done includes what was as wanted already. */
export function outcomeOf(run: RunCounts): RunOutcome {
  if (!run.ended) return "live";
  const bad = run.failedCount + run.missedCount;
  if (bad === 0) return run.doneCount === 0 && run.leftAloneCount > 0 ? "nothing" : "ok";
  if (run.doneCount > 0) return "partial";
  return run.failedCount > 0 ? "failed" : "missed";
}

export interface Health {
  /** Oldest first; empty places of the ten are undefined and come first. */
  bars: (RunOutcome | undefined)[];
  ended: number;
  good: number;
  partial: number;
  failed: number;
  missed: number;
}

/** `recent` is newest first, as in the contract. */
export function healthOf(recent: RunCounts[], places = 10): Health {
  const outcomes = recent.slice(0, places).map(outcomeOf).reverse();
  const count = (...of: RunOutcome[]) => outcomes.filter((o) => of.includes(o)).length;
  const none = Array.from({ length: places - outcomes.length }, () => undefined);
  return {
    bars: [...none, ...outcomes],
    ended: outcomes.length - count("live"),
    good: count("ok", "nothing"),
    partial: count("partial"),
    failed: count("failed"),
    missed: count("missed"),
  };
}

/** What the filter of health lets through: a failure or a loss among the last ten runs, or none. */
export const HEALTH_FILTERS = ["bad", "good"] as const;
export type HealthFilter = (typeof HEALTH_FILTERS)[number];

/** Whether a schedule with these runs passes; no filter lets all of them. */
export function passes(recent: RunCounts[], filter: readonly HealthFilter[]): boolean {
  if (filter.length === 0) return true;
  const { partial, failed, missed } = healthOf(recent);
  return filter.includes(partial + failed + missed > 0 ? "bad" : "good");
}

/** Whether a run changed what machines do, for the ruler of the day. */
export function took(run: RunCounts): boolean {
  const outcome = outcomeOf(run);
  return outcome !== "failed" && outcome !== "missed" && outcome !== "nothing";
}

export function wantsOn(wanted: ResourceState): boolean {
  return wanted === ResourceState.RUNNING;
}
