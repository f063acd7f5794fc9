import { joined, type Segment } from "@/components/time/segments";
import {
  addDays,
  type CivilDay,
  civilKey,
  daysBetween,
  MINUTES_A_DAY,
  type Wall,
  wallIn,
} from "@/components/time/wall";
import type { RunException } from "@/gen/cloudhub/v1/schedule_pb";

export interface ComingRun {
  time: Date;
  on: boolean;
  /** Daylight saving took away the minute that was asked for. */
  moved: boolean;
  /** Why it is left out; absent when it happens. */
  exception?: RunException | undefined;
}

export interface ComingEvent {
  minute: number;
  on: boolean;
  moved: boolean;
  exception?: RunException | undefined;
}

export interface ComingDay {
  civil: CivilDay;
  events: ComingEvent[];
  segments: Segment[];
}

export type PreviewLine = { kind: "day"; day: ComingDay } | { kind: "same" | "more"; count: number; until: CivilDay };

/** Lines of a preview; what comes after is counted, but for a day that daylight saving moves. */
const LINES = 9;

/**
 * The days of the coming runs in their zone, oldest first. A day without runs
 * appears only when machines stay on through all of it. `asked` is how many
 * runs were asked for: when as many came, the last day may be cut short and is
 * left out. A run that is left out changes nothing: what it would have had on
 * is dashed.
 */
export function comingDays(runs: ComingRun[], zone: string, now: Date, asked: number): ComingDay[] {
  const days: ComingDay[] = [];
  const today = wallIn(zone, now);
  // Only starts, or only stops: nothing is known of the time between.
  const single = runs.every((r) => r.on === runs[0]?.on);
  const before = !single && runs[0] ? !runs[0].on && !runs[0].exception : false;
  let on = before;
  for (const run of runs) {
    const wall = wallIn(zone, run.time);
    let last = days.at(-1);
    if (!last || civilKey(last.civil) !== civilKey(wall)) {
      if (last && on) days.push(...between(last.civil, wall));
      last = { civil: { year: wall.year, month: wall.month, day: wall.day }, events: [], segments: [] };
      days.push(last);
    }
    last.events.push({ minute: wall.minute, on: run.on, moved: run.moved, exception: run.exception });
    if (!run.exception && !single) on = run.on;
  }
  if (!single) draw(days, before, today);
  const tail = days.at(-1);
  if (tail && !single && days.length > 1 && runs.length >= asked && tail.events.length < 2) days.pop();
  return days;
}

/** The stretches of each day: hollow where machines will be on, dashed where a start that is left out would have them. */
function draw(days: ComingDay[], before: boolean, today: Wall) {
  let on = before;
  let wont = false;
  for (const day of days) {
    const pieces: Segment[] = [];
    let since = civilKey(day.civil) === civilKey(today) ? today.minute : 0;
    const close = (to: number) => {
      if (on) pieces.push({ from: since, to, kind: "will" });
      else if (wont) pieces.push({ from: since, to, kind: "wont" });
      since = to;
    };
    for (const e of day.events) {
      close(e.minute);
      if (e.exception) wont = e.on;
      else {
        on = e.on;
        wont = false;
      }
    }
    close(MINUTES_A_DAY);
    day.segments = joined(pieces);
  }
}

function between(from: CivilDay, to: CivilDay): ComingDay[] {
  const out: ComingDay[] = [];
  for (let i = 1; i < daysBetween(from, to); i++) {
    out.push({ civil: addDays(from, i), events: [], segments: [] });
  }
  return out;
}

/** Days that look alike, one after the other, are told once. */
export function previewLines(days: ComingDay[], shown = 2): PreviewLine[] {
  const lines: PreviewLine[] = [];
  for (let i = 0; i < days.length; ) {
    const first = days[i];
    if (!first) break;
    let j = i + 1;
    while (j < days.length && alike(first, days[j])) j++;
    const group = days.slice(i, j);
    const hidden = group.length - shown;
    const last = group.at(-1);
    if (hidden > 2 && last) {
      for (const day of group.slice(0, shown)) lines.push({ kind: "day", day });
      lines.push({ kind: "same", count: hidden, until: last.civil });
    } else {
      for (const day of group) lines.push({ kind: "day", day });
    }
    i = j;
  }
  return capped(lines);
}

function capped(lines: PreviewLine[]): PreviewLine[] {
  const rest = lines.slice(LINES);
  const count = rest.reduce((n, line) => n + (line.kind === "day" ? 1 : line.count), 0);
  const last = rest.at(-1);
  if (!last || count < 3 || rest.some((line) => line.kind === "day" && line.day.events.some(odd))) return lines;
  return [...lines.slice(0, LINES), { kind: "more", count, until: last.kind === "day" ? last.day.civil : last.until }];
}

function alike(a: ComingDay, b: ComingDay | undefined): boolean {
  if (!b) return false;
  const sign = (d: ComingDay) => JSON.stringify([d.events.map((e) => [e.minute, e.on]), d.segments]);
  return !a.events.some(odd) && !b.events.some(odd) && sign(a) === sign(b);
}

/** It is told on its own: moved by daylight saving, or left out. */
const odd = (e: ComingEvent) => e.moved || e.exception !== undefined;
