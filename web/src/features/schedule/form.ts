import { addDays, type CivilDay, clockOfMinute, knownZone, MINUTES_A_DAY } from "@/components/time/wall";
import type { Schedule, TargetSelector } from "@/gen/cloudhub/v1/schedule_pb";
import { hasTimes, isMonthly, kindOf, plannedOn, type Rule, type RuleKind } from "./day";
import { fromContract } from "./rule";
import { WEEK } from "./words";

/** Which days, as the panel offers them. */
export const DAYS = ["daily", "workdays", "weekend", "weekdays", "month"] as const;
export type Days = (typeof DAYS)[number];

export const presetDays: Partial<Record<Days, number[]>> = {
  daily: [1, 2, 3, 4, 5, 6, 7],
  workdays: [1, 2, 3, 4, 5],
  weekend: [6, 7],
};

/** What the panel holds while it is filled. */
export interface ScheduleValues {
  name: string;
  kind: RuleKind;
  days: Days;
  weekdays: number[];
  monthDays: number[];
  skipShort: boolean;
  startTime: string;
  stopTime: string;
  timeZone: string;
  calendarIds: string[];
  catchUpMinutes: string;
  /** Chosen machines, or those that a selector finds. */
  targets: "chosen" | "selector";
  resourceIds: string[];
  selector: SelectorValues;
}

export interface SelectorValues {
  everything: boolean;
  tags: { key: string; values: string[] }[];
  namePrefix: string;
  cloudAccountIds: string[];
  regions: string[];
}

export const NO_SELECTOR: SelectorValues = {
  everything: false,
  tags: [],
  namePrefix: "",
  cloudAccountIds: [],
  regions: [],
};

/** Minutes after its time at which a run may still act, when nothing is said. */
export const CATCH_UP = 10;

/** The fields, by the path that the contract gives them, in the order of the form. */
export const FIELDS = {
  name: "name",
  "rule.weekdays": "weekdays",
  "rule.month_days": "monthDays",
  "rule.short_month": "monthDays",
  "rule.start_time": "startTime",
  "rule.stop_time": "stopTime",
  "rule.time_zone": "timeZone",
  "rule.calendar_ids": "calendarIds",
  resource_ids: "resourceIds",
  selector: "selector",
  catch_up_minutes: "catchUpMinutes",
} as const satisfies Record<string, keyof ScheduleValues>;

export function valuesOf(schedule: Schedule | undefined, resourceIds: string[], zone: string): ScheduleValues {
  const rule = schedule?.rule && fromContract(schedule.rule);
  const weekdays = rule && !isMonthly(rule) ? rule.weekdays : [1, 2, 3, 4, 5];
  const { selector } = schedule ?? {};
  return {
    name: schedule?.name ?? "",
    kind: rule ? kindOf(rule) : "pair",
    days: rule && isMonthly(rule) ? "month" : daysOf(weekdays),
    weekdays,
    monthDays: rule?.monthDays ?? [],
    skipShort: rule?.skipShort ?? false,
    startTime: rule?.startTime || "07:00",
    stopTime: rule?.stopTime || "19:00",
    timeZone: rule?.timeZone ?? zone,
    calendarIds: rule?.calendarIds ?? [],
    catchUpMinutes: String(schedule?.catchUpMinutes || CATCH_UP),
    targets: selector ? "selector" : "chosen",
    resourceIds: schedule ? [...schedule.resourceIds] : resourceIds,
    selector: selector ? valuesOfSelector(selector) : NO_SELECTOR,
  };
}

export function valuesOfSelector(selector: TargetSelector): SelectorValues {
  return {
    everything: selector.everything,
    tags: selector.tags.map((tag) => ({ key: tag.key, values: [...tag.values] })),
    namePrefix: selector.namePrefix,
    cloudAccountIds: [...selector.cloudAccountIds],
    regions: [...selector.regions],
  };
}

/** The preset that these weekdays are; "weekdays" when they are none. */
export function daysOf(weekdays: readonly number[]): Days {
  const sign = [...weekdays].sort((a, b) => a - b).join("");
  return DAYS.find((d) => presetDays[d]?.join("") === sign) ?? "weekdays";
}

type RuleValues = Pick<ScheduleValues, "weekdays" | "startTime" | "stopTime" | "timeZone"> & Partial<ScheduleValues>;

export function ruleOfValues(values: RuleValues): Rule {
  const { kind = "pair", days = "weekdays", monthDays = [], skipShort = false, calendarIds = [] } = values;
  const ascending = (list: readonly number[]) => [...list].sort((a, b) => a - b);
  return {
    startTime: kind === "stop" ? "" : values.startTime,
    stopTime: kind === "start" ? "" : values.stopTime,
    weekdays: days === "month" ? [] : ascending(values.weekdays),
    timeZone: values.timeZone,
    monthDays: days === "month" ? ascending(monthDays) : [],
    skipShort,
    calendarIds,
  };
}

/** Whether a rule says enough to be sent. */
export function isComplete(rule: Rule): boolean {
  return knownZone(rule.timeZone) && (rule.weekdays.length > 0 || isMonthly(rule)) && hasTimes(rule);
}

/** Whether a selector says enough: the contract wants one part besides accounts and regions. */
export function isSelective(selector: SelectorValues): boolean {
  return selector.everything || selector.tags.length > 0 || selector.namePrefix.trim() !== "";
}

/** What the contract is told of a selector; "every machine" and a narrower rule do not go together. */
export function selectorOf(selector: SelectorValues): SelectorValues {
  return selector.everything
    ? { ...selector, tags: [], namePrefix: "" }
    : { ...selector, namePrefix: selector.namePrefix.trim() };
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

/** A Monday: what a rule of weekdays does is the same in every week. */
const monday: CivilDay = { year: 2026, month: 11, day: 23 };

/** Hours of a week in which the rule has machines on; of 168. */
export function hoursAWeek(rule: Rule): number {
  const minutes = WEEK.flatMap((d) => plannedOn(rule, addDays(monday, d - 1))).reduce((n, s) => n + s.to - s.from, 0);
  return Math.round((minutes / MINUTES_A_DAY) * 24 * 10) / 10;
}
