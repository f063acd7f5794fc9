import { joined, type Segment } from "@/components/time/segments";
import { addDays, type CivilDay, MINUTES_A_DAY, minuteOf, type Wall, wallIn, weekdayOf } from "@/components/time/wall";

/** The part of the contract's ScheduleRule that says when. One of the two times may be empty. */
export interface Rule {
  startTime: string;
  stopTime: string;
  /** 1 Monday to 7 Sunday; empty when days of the month are named. */
  weekdays: number[];
  timeZone: string;
  /** 1 to 31; instead of weekdays. */
  monthDays?: number[];
  /** A day that a month does not have is left out of it; else its last day stands for it. */
  skipShort?: boolean;
  calendarIds?: string[];
}

/** What a rule does: both halves, or one. */
export type RuleKind = "pair" | "start" | "stop";

/** A start or a stop of one day. */
export interface RuleEvent {
  minute: number;
  on: boolean;
}

/** A run as the ruler needs it: when it was due, what it wanted, whether it worked. */
export interface PastRun {
  due: Date;
  on: boolean;
  /** At least one target is as it wanted, or it is still at work. */
  took: boolean;
}

type Times = Pick<Rule, "startTime" | "stopTime">;

/** A rule without a stop only starts, one without a start only stops. */
export function kindOf(rule: Times): RuleKind {
  if (rule.stopTime === "") return "start";
  return rule.startTime === "" ? "stop" : "pair";
}

/** The minutes of the rule's two times; undefined while they do not make a pair. */
export function pairOf(rule: Times): { start: number; stop: number } | undefined {
  const start = minuteOf(rule.startTime);
  const stop = minuteOf(rule.stopTime);
  return start === undefined || stop === undefined || start === stop ? undefined : { start, stop };
}

/** Whether its times say enough: a pair of two, or one alone. */
export function hasTimes(rule: Times): boolean {
  switch (kindOf(rule)) {
    case "pair":
      return pairOf(rule) !== undefined;
    case "start":
      return minuteOf(rule.startTime) !== undefined;
    case "stop":
      return minuteOf(rule.stopTime) !== undefined;
  }
}

/** It stops on the day after the one on which it starts. */
export function isOvernight(rule: Times): boolean {
  const pair = pairOf(rule);
  return pair !== undefined && pair.stop < pair.start;
}

export function isMonthly(rule: Pick<Rule, "monthDays">): boolean {
  return (rule.monthDays?.length ?? 0) > 0;
}

/** Whether the rule names a day: by its weekday, or by its place in the month. */
export function names(rule: Rule, day: CivilDay): boolean {
  if (!isMonthly(rule)) return rule.weekdays.includes(weekdayOf(day));
  const days = rule.monthDays ?? [];
  if (days.includes(day.day)) return true;
  const last = addDays(day, 1).day === 1;
  return last && !rule.skipShort && days.some((d) => d > day.day);
}

/**
 * What the rule does on one day, in order. The days of a rule are those on
 * which it starts: a stop earlier than the start is of the day after.
 */
export function eventsOn(rule: Rule, day: CivilDay): RuleEvent[] {
  if (!hasTimes(rule)) return [];
  const start = minuteOf(rule.startTime);
  const stop = minuteOf(rule.stopTime);
  const stops = isOvernight(rule) ? addDays(day, -1) : day;
  const events: RuleEvent[] = [];
  if (start !== undefined && names(rule, day)) events.push({ minute: start, on: true });
  if (stop !== undefined && names(rule, stops)) events.push({ minute: stop, on: false });
  return events.sort((a, b) => a.minute - b.minute);
}

/** What the rule has left behind when the day begins: the last event of the days before. */
export function onAtMidnight(rule: Rule, day: CivilDay): boolean {
  // A day of the month may be two months back: the 31st, where short months are skipped.
  for (let back = 1; back <= (isMonthly(rule) ? 63 : 8); back++) {
    const last = eventsOn(rule, addDays(day, -back)).at(-1);
    if (last) return last.on;
  }
  return false;
}

/** The stretches of a day in which the rule has machines on; none when it only starts or only stops. */
export function plannedOn(rule: Rule, day: CivilDay): { from: number; to: number }[] {
  if (kindOf(rule) !== "pair") return [];
  const out: { from: number; to: number }[] = [];
  let since = onAtMidnight(rule, day) ? 0 : undefined;
  for (const e of eventsOn(rule, day)) {
    if (e.on) since ??= e.minute;
    else if (since !== undefined) {
      out.push({ from: since, to: e.minute });
      since = undefined;
    }
  }
  if (since !== undefined) out.push({ from: since, to: MINUTES_A_DAY });
  return out.filter((s) => s.to > s.from);
}

/** The window that the rule's times describe, whatever the day. */
export function usualWindow(rule: Rule): { from: number; to: number }[] {
  const pair = pairOf(rule);
  if (!pair) return [];
  const { start, stop } = pair;
  if (start < stop) return [{ from: start, to: stop }];
  const pieces = [
    { from: 0, to: stop },
    { from: start, to: MINUTES_A_DAY },
  ];
  return pieces.filter((s) => s.to > s.from);
}

/** The moment of a rule that only starts or only stops; its ruler has a point instead of a stretch. */
export function pointOf(rule: Rule): { at: number; on: boolean } | undefined {
  const kind = kindOf(rule);
  if (kind === "pair") return undefined;
  const at = minuteOf(kind === "start" ? rule.startTime : rule.stopTime);
  return at === undefined ? undefined : { at, on: kind === "start" };
}

type Stretch = Segment["kind"] | "off" | "unknown";

function after(run: PastRun, before: Stretch): Stretch {
  if (run.took) return run.on ? "was" : "off";
  // A lost start changes nothing: what was left on by a lost stop is on, and now rightly.
  if (run.on) return before === "was" || before === "wrong" ? "was" : "wont";
  return before === "off" ? "off" : "wrong";
}

/**
 * Today of one schedule, in its own zone. The past is what its runs did, not
 * what the rule says: a start that was lost leaves a dashed stretch, a stop that
 * was lost a hatched one, and what is not known stays empty. The future is the
 * rule, dashed when it is `quiet`: paused, held, or left out today. A day on
 * which nothing happens shows the usual window dashed.
 */
export function today(rule: Rule, runs: PastRun[], now: Date, quiet = false): Segment[] {
  // Of one that only starts or only stops nothing is known but its moment.
  if (kindOf(rule) !== "pair") return [];
  const wall = wallIn(rule.timeZone, now);
  const midnight = startOfDay(rule.timeZone, now, wall);
  const past = [...runs].filter((r) => r.due <= now).sort((a, b) => a.due.getTime() - b.due.getTime());

  const out: Segment[] = [];
  let state: Stretch = "unknown";
  let from = 0;
  const close = (to: number) => {
    if (state !== "off" && state !== "unknown") out.push({ from, to, kind: state });
    from = to;
  };
  for (const run of past) {
    if (run.due >= midnight) close(wallIn(rule.timeZone, run.due).minute);
    state = after(run, state);
  }
  close(wall.minute);

  out.push(...rest(rule, wall, state, quiet));
  const segments = joined(out);
  if (segments.length > 0) return segments;
  return usualWindow(rule).map((s) => ({ ...s, kind: "wont" as const }));
}

function rest(rule: Rule, wall: Wall, state: Stretch, quiet: boolean): Segment[] {
  // Until its next event a schedule does nothing: machines that it did not turn
  // on (a lost start, a schedule made within its own window) stay as they are.
  const events = eventsOn(rule, wall).filter((e) => e.minute > wall.minute);
  const nextEvent = events[0]?.minute ?? MINUTES_A_DAY;
  const idle = state !== "was" && state !== "wrong";
  return plannedOn(rule, wall)
    .filter((s) => s.to > wall.minute)
    .map((s) => {
      const from = Math.max(s.from, wall.minute);
      const untouched = quiet || (from < nextEvent && idle);
      return { from, to: s.to, kind: untouched ? ("wont" as const) : ("will" as const) };
    });
}

function startOfDay(zone: string, now: Date, wall: Wall): Date {
  // The last instant of the day before, found by its wall date: on a day of
  // daylight saving, minutes of the wall are not minutes of the clock.
  let lo = now.getTime() - (wall.minute + 121) * 60_000;
  let hi = now.getTime();
  while (hi - lo > 1000) {
    const mid = Math.floor((lo + hi) / 2);
    if (wallIn(zone, new Date(mid)).day === wall.day) hi = mid;
    else lo = mid;
  }
  return new Date(Math.floor(hi / 1000) * 1000);
}

/** One machine's day: what is to come is dashed when the machine is off already. */
export function todayOfMachine(rule: Rule, runs: PastRun[], now: Date, off: boolean, quiet = false): Segment[] {
  const minute = wallIn(rule.timeZone, now).minute;
  return today(rule, runs, now, quiet).map((s) =>
    off && s.kind === "will" && s.from === minute ? { ...s, kind: "wont" as const } : s,
  );
}

/** The event after a moment of the wall: how many days later, when, and what. */
export function eventAfter(
  rule: Rule,
  wall: CivilDay & Pick<Wall, "minute">,
): { days: number; minute: number; on: boolean } | undefined {
  for (let days = 0; days <= (isMonthly(rule) ? 63 : 8); days++) {
    const found = eventsOn(rule, addDays(wall, days)).find((e) => days > 0 || e.minute > wall.minute);
    if (found) return { days, ...found };
  }
  return undefined;
}
