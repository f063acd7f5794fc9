/** Wall clocks: what a clock on the wall of a time zone shows at an instant. */

/** A day of the calendar, without a clock or a zone. */
export interface CivilDay {
  year: number;
  /** 1 to 12. */
  month: number;
  day: number;
}

export interface Wall extends CivilDay {
  /** 1 is Monday, 7 is Sunday: the numbers of the contract's Weekday. */
  weekday: number;
  /** Minutes since the wall's midnight, 0 to 1439. */
  minute: number;
}

export const MINUTES_A_DAY = 1440;

const clocks = new Map<string, Intl.DateTimeFormat>();

function clockOf(zone: string): Intl.DateTimeFormat {
  let clock = clocks.get(zone);
  if (clock === undefined) {
    clock = new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      hourCycle: "h23",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
    });
    clocks.set(zone, clock);
  }
  return clock;
}

/** Throws RangeError for a zone that this browser does not know. */
export function wallIn(zone: string, at: Date): Wall {
  const part: Record<string, number> = {};
  for (const p of clockOf(zone).formatToParts(at)) part[p.type] = Number(p.value);
  const civil = { year: part.year ?? 0, month: part.month ?? 1, day: part.day ?? 1 };
  return { ...civil, weekday: weekdayOf(civil), minute: (part.hour ?? 0) * 60 + (part.minute ?? 0) };
}

export function knownZone(zone: string): boolean {
  try {
    clockOf(zone);
    return true;
  } catch {
    return false;
  }
}

/** Civil days as UTC midnights: arithmetic that no daylight saving touches. */
export function civilDate({ year, month, day }: CivilDay): Date {
  return new Date(Date.UTC(year, month - 1, day));
}

export function addDays(civil: CivilDay, days: number): CivilDay {
  const d = civilDate(civil);
  d.setUTCDate(d.getUTCDate() + days);
  return { year: d.getUTCFullYear(), month: d.getUTCMonth() + 1, day: d.getUTCDate() };
}

/** Whole days from `a` to `b`; negative when `b` is earlier. */
export function daysBetween(a: CivilDay, b: CivilDay): number {
  return Math.round((civilDate(b).getTime() - civilDate(a).getTime()) / 86_400_000);
}

export function weekdayOf(civil: CivilDay): number {
  return civilDate(civil).getUTCDay() || 7;
}

export function civilKey({ year, month, day }: CivilDay): string {
  return `${year}-${String(month).padStart(2, "0")}-${String(day).padStart(2, "0")}`;
}

/** "07:05" to 425; undefined when it is not a time of the day. */
export function minuteOf(clock: string): number | undefined {
  const m = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(clock);
  return m ? Number(m[1]) * 60 + Number(m[2]) : undefined;
}

export function clockOfMinute(minute: number): string {
  return `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;
}

/**
 * The instant at which a zone's wall shows a minute of a day. Of two it is the
 * first; of none (daylight saving jumped over it), the one as much later.
 */
export function instantOf(civil: CivilDay, minute: number, zone: string): Date {
  const wanted = civilDate(civil).getTime() + minute * 60_000;
  const off = (at: number) => {
    const wall = wallIn(zone, new Date(at));
    return civilDate(wall).getTime() + wall.minute * 60_000 - wanted;
  };
  const first = wanted - off(wanted);
  const again = first - off(first);
  const right = [first, again].filter((at) => off(at) === 0);
  return new Date(right.length > 0 ? Math.min(...right) : Math.max(first, again));
}
