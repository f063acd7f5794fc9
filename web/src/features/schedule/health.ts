import type { ShapeName } from "@/components/Shape";
import type { Tone } from "@/components/StateMark";
import { ResourceState } from "@/gen/cloudhub/v1/resource_pb";
import { type Schedule, ScheduleHealth, type ScheduleRun } from "@/gen/cloudhub/v1/schedule_pb";

/** How one run went: every bar of the health and the word of the last result. */
export type RunOutcome = "ok" | "partial" | "failed" | "missed" | "nothing" | "live" | "left";

export type RunCounts = Pick<
  ScheduleRun,
  "targetCount" | "doneCount" | "leftAloneCount" | "failedCount" | "missedCount" | "ended"
> &
  Partial<Pick<ScheduleRun, "exception">>;

/** Done includes what was as wanted already. */
export function outcomeOf(run: RunCounts): RunOutcome {
  if (run.exception) return "left";
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
    ended: outcomes.length - count("live", "left"),
    good: count("ok", "nothing"),
    partial: count("partial"),
    failed: count("failed"),
    missed: count("missed"),
  };
}

/** The health of a schedule, as the filter and the texts name it. */
export const HEALTH_WORDS = ["failing", "ok", "new", "onHold", "paused", "noTargets", "never"] as const;
export type HealthWord = (typeof HEALTH_WORDS)[number];

const words: Partial<Record<ScheduleHealth, HealthWord>> = {
  [ScheduleHealth.NEW]: "new",
  [ScheduleHealth.OK]: "ok",
  [ScheduleHealth.FAILING]: "failing",
  [ScheduleHealth.ON_HOLD]: "onHold",
  [ScheduleHealth.PAUSED]: "paused",
  [ScheduleHealth.NO_TARGETS]: "noTargets",
  [ScheduleHealth.NEVER]: "never",
};

export function healthWord(health: ScheduleHealth): HealthWord {
  return words[health] ?? "new";
}

export const healthMarks: Record<HealthWord, { shape: ShapeName; tone: Tone }> = {
  ok: { shape: "ok", tone: "ok" },
  new: { shape: "wait", tone: "off" },
  failing: { shape: "failed", tone: "failed" },
  onHold: { shape: "held", tone: "warning" },
  paused: { shape: "held", tone: "off" },
  noTargets: { shape: "warning", tone: "warning" },
  never: { shape: "warning", tone: "warning" },
};

/** Whether a schedule passes the filter; no filter lets all of them. */
export function passes(health: ScheduleHealth, filter: readonly HealthWord[]): boolean {
  return filter.length === 0 || filter.includes(healthWord(health));
}

/** By their next time, as the server gives them; the paused ones last. */
export function pausedLast(schedules: readonly Schedule[]): Schedule[] {
  const paused = (s: Schedule) => s.health === ScheduleHealth.PAUSED || s.pauseTime !== undefined;
  return [...schedules.filter((s) => !paused(s)), ...schedules.filter(paused)];
}

/** Whether a run changed what machines do, for the ruler of the day. */
export function took(run: RunCounts): boolean {
  const outcome = outcomeOf(run);
  return outcome !== "failed" && outcome !== "missed" && outcome !== "nothing" && outcome !== "left";
}

export function wantsOn(wanted: ResourceState): boolean {
  return wanted === ResourceState.RUNNING;
}
