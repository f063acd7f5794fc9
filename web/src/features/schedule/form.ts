import { clockOfMinute, knownZone, MINUTES_A_DAY } from "@/components/time/wall";
import type { Schedule } from "@/gen/cloudhub/v1/schedule_pb";
import { pairOf, plannedOn, type Rule } from "./day";
import { WEEK } from "./words";

/** What the panel holds while it is filled. */
export interface ScheduleValues {
  name: string;
  weekdays: number[];
  startTime: string;
  stopTime: string;
  timeZone: string;
  resourceIds: string[];
}

/** The fields, by the path that the contract gives them, in the order of the form. */
export const FIELDS = {
  name: "name",
  "rule.weekdays": "weekdays",
  "rule.start_time": "startTime",
  "rule.stop_time": "stopTime",
  "rule.time_zone": "timeZone",
  resource_ids: "resourceIds",
} as const satisfies Record<string, keyof ScheduleValues>;

export function valuesOf(schedule: Schedule | undefined, resourceIds: string[], zone: string): ScheduleValues {
  const rule = schedule?.rule;
  return {
    name: schedule?.name ?? "",
    weekdays: rule ? [...rule.weekdays].sort((a, b) => a - b) : [1, 2, 3, 4, 5],
    startTime: rule?.startTime ?? "07:00",
    stopTime: rule?.stopTime ?? "19:00",
    timeZone: rule?.timeZone ?? zone,
    resourceIds: schedule ? [...schedule.resourceIds] : resourceIds,
  };
}

export function ruleOfValues(values: Pick<ScheduleValues, "weekdays" | "startTime" | "stopTime" | "timeZone">): Rule {
  const { weekdays, startTime, stopTime, timeZone } = values;
  return { weekdays: [...weekdays].sort((a, b) => a - b), startTime, stopTime, timeZone };
}

/** Whether a rule says enough to be sent. */
export function isComplete(rule: Rule): boolean {
  return knownZone(rule.timeZone) && rule.weekdays.length > 0 && pairOf(rule) !== undefined;
}

/** How people write an hour ("7", "730", "7h30", "7:30"), as the contract has it; else what was written. */
export function clockOf(text: string): string {
  const bare = text.trim().toLowerCase();
  const m = /^(\d{1,2})\s*(?:[:h.,]\s*(\d{2})?)?(?:min)?$/.exec(bare) ?? /^(\d{1,2})(\d{2})$/.exec(bare);
  if (!m) return text.trim();
  const hour = Number(m[1]);
  const minute = Number(m[2] ?? 0);
  return hour < 24 && minute < 60 ? clockOfMinute(hour * 60 + minute) : text.trim();
}

/** Hours of a week in which the rule has machines on; of 168. */
export function hoursAWeek(rule: Rule): number {
  const minutes = WEEK.flatMap((d) => plannedOn(rule, d)).reduce((n, s) => n + s.to - s.from, 0);
  return Math.round((minutes / MINUTES_A_DAY) * 24 * 10) / 10;
}
