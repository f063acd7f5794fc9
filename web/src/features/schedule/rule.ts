import { knownZone } from "@/components/time/wall";
import { RunExceptionKind, type Schedule, type ScheduleRule, ShortMonth } from "@/gen/cloudhub/v1/schedule_pb";
import { toDate } from "@/lib/format";
import type { PastRun, Rule } from "./day";
import { took, wantsOn } from "./health";

/** The rule of a schedule; undefined when it has none or its zone is unknown to this browser. */
export function ruleOf(schedule: Pick<Schedule, "rule">): Rule | undefined {
  const rule = schedule.rule;
  if (!rule || !knownZone(rule.timeZone)) return undefined;
  return fromContract(rule);
}

export function fromContract(rule: ScheduleRule): Rule {
  return {
    startTime: rule.startTime,
    stopTime: rule.stopTime,
    weekdays: [...rule.weekdays].sort((a, b) => a - b),
    timeZone: rule.timeZone,
    monthDays: [...rule.monthDays].sort((a, b) => a - b),
    skipShort: rule.shortMonth === ShortMonth.SKIP,
    calendarIds: [...rule.calendarIds],
  };
}

/** What CreateSchedule, UpdateSchedule and PreviewSchedule are told. */
export function toContract(rule: Rule) {
  const monthDays = rule.monthDays ?? [];
  const monthly = monthDays.length > 0;
  return {
    startTime: rule.startTime,
    stopTime: rule.stopTime,
    weekdays: monthly ? [] : rule.weekdays,
    timeZone: rule.timeZone,
    monthDays,
    shortMonth: !monthly ? ShortMonth.UNSPECIFIED : rule.skipShort ? ShortMonth.SKIP : ShortMonth.LAST_DAY,
    calendarIds: rule.calendarIds ?? [],
  };
}

/** What the runs did to the machines; one that was left out did nothing, and was not meant to. */
export function pastRunsOf(schedule: Pick<Schedule, "recentRuns">): PastRun[] {
  return schedule.recentRuns.flatMap((run) => {
    const due = toDate(run.dueTime);
    return due && !run.exception ? [{ due, on: wantsOn(run.wanted), took: took(run) }] : [];
  });
}

/** Nothing more of it happens on the day of `now`: paused, held past its end, or the next run is left out. */
export function isQuiet(schedule: Pick<Schedule, "pauseTime" | "hold" | "nextException">, now: number): boolean {
  if (schedule.pauseTime) return true;
  const until = toDate(schedule.hold?.untilTime);
  if (until && until.getTime() > now) return true;
  const kind = schedule.nextException?.kind ?? RunExceptionKind.UNSPECIFIED;
  return kind !== RunExceptionKind.UNSPECIFIED;
}
