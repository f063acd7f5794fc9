import { addDays, civilDate, civilKey, clockOfMinute, instantOf, minuteOf, wallIn } from "@/components/time/wall";

/** How long a hold may be chosen to last; "at" is a day and a time. */
export const HOLD_PRESETS = ["day", "week", "at"] as const;
export type HoldPreset = (typeof HOLD_PRESETS)[number];

export interface HoldUntil {
  preset: HoldPreset;
  /** "2026-11-30" and "18:00" in the workspace's zone; of the preset "at". */
  date: string;
  time: string;
}

const LONGEST_DAYS = 365;

/** As a form opens: a day, and tomorrow at this hour for whoever chooses another time. */
export function firstHold(zone: string, now: number): HoldUntil {
  const wall = wallIn(zone, new Date(now));
  return { preset: "day", date: civilKey(addDays(wall, 1)), time: clockOfMinute(wall.minute) };
}

/**
 * When a hold ends. A day and a week are days of the calendar: the same hour on
 * the wall, whatever daylight saving does between. Undefined when the day or the
 * time is none; "past" and "far" when it is not within the coming year.
 */
export function untilOf(until: HoldUntil, zone: string, now: number): Date | "past" | "far" | undefined {
  const wall = wallIn(zone, new Date(now));
  if (until.preset !== "at") {
    return instantOf(addDays(wall, until.preset === "day" ? 1 : 7), wall.minute, zone);
  }
  const parts = /^(\d{4})-(\d{2})-(\d{2})$/.exec(until.date);
  const minute = minuteOf(until.time);
  if (!parts || minute === undefined) return undefined;
  const civil = { year: Number(parts[1]), month: Number(parts[2]), day: Number(parts[3]) };
  // The 31st of a month of thirty is no day.
  if (civilKey(addDays(civil, 0)) !== civilKey(civil)) return undefined;
  const at = instantOf(civil, minute, zone);
  if (at.getTime() <= now) return "past";
  if (civilDate(civil).getTime() - civilDate(wall).getTime() > LONGEST_DAYS * 86_400_000) return "far";
  return at;
}
