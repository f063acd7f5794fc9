import { knownZone } from "@/components/time/wall";
import type { Schedule } from "@/gen/cloudhub/v1/schedule_pb";
import { toDate } from "@/lib/format";
import type { PastRun, Rule } from "./day";
import { took, wantsOn } from "./health";

/** The rule of a schedule; undefined when it has none or its zone is unknown to this browser. */
export function ruleOf(schedule: Pick<Schedule, "rule">): Rule | undefined {
  const rule = schedule.rule;
  if (!rule || !knownZone(rule.timeZone)) return undefined;
  return { startTime: rule.startTime, stopTime: rule.stopTime, weekdays: [...rule.weekdays], timeZone: rule.timeZone };
}

export function pastRunsOf(schedule: Pick<Schedule, "recentRuns">): PastRun[] {
  return schedule.recentRuns.flatMap((run) => {
    const due = toDate(run.dueTime);
    return due ? [{ due, on: wantsOn(run.wanted), took: took(run) }] : [];
  });
}
