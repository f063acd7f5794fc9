import type { TFunction } from "i18next";
import type { Segment } from "@/components/time/segments";
import { addDays, type CivilDay, civilDate, clockOfMinute, instantOf, wallIn } from "@/components/time/wall";
import type { Format } from "@/lib/format";
import { eventAfter, isOvernight, type Rule } from "./day";
import type { Health } from "./health";

export type Words = TFunction<"schedule">;

const day = 86_400_000;

/** "em 4 h 28 min", "em 3 dias", "agora". */
export function inWords(at: Date, now: number, t: Words, format: Format): string {
  const gap = at.getTime() - now;
  if (gap < 60_000) return t("when.now");
  if (gap >= day) return format.ago(at, now);
  return t("when.in", { duration: format.duration(Math.floor(gap / 60_000) * 60_000) });
}

/** "hoje às 19:00": the day and the time as a sentence has them. */
export function atWords(at: Date, now: number, t: Words, format: Format): string {
  const time = format.time(at);
  const label = format.when(at, now);
  return t("when.at", { day: label.slice(0, label.length - time.length).trim(), time });
}

/** "para 14, em 4 h 28 min". */
export function nextWords(
  next: { at: Date; on: boolean; count: number },
  now: number,
  t: Words,
  format: Format,
): string {
  const inText = inWords(next.at, now, t, format);
  return t(next.on ? "next.start" : "next.stop", { count: next.count, in: inText });
}

export interface MachineNext {
  rule: Rule;
  at: Date;
  on: boolean;
  /** What the machine is, or is becoming; undefined when it was not read. */
  machineOn: boolean | undefined;
  /** The text of why it is left alone; "" when it is not. */
  leftAlone: string;
}

/**
 * What a schedule will do to one machine: its next event, whether anything is
 * left to do, and the event after it.
 */
export function machineSentence(next: MachineNext, now: number, t: Words, format: Format): string {
  if (next.leftAlone !== "") return t("sentence.leftAlone", { reason: next.leftAlone });
  const sentence = (on: boolean, at: Date, already: boolean) => {
    const when = atWords(at, now, t, format);
    if (on) return already ? t("sentence.startAlready", { when }) : t("sentence.start", { when });
    return already ? t("sentence.stopAlready", { when }) : t("sentence.stop", { when });
  };
  const first = sentence(next.on, next.at, next.machineOn === next.on);
  const wall = wallIn(next.rule.timeZone, next.at);
  const then = eventAfter(next.rule, wall);
  if (!then) return first;
  const thenAt = instantOf(addDays(wall, then.days), then.minute, next.rule.timeZone);
  return `${first} ${sentence(then.on, thenAt, false)}`;
}

/** "de segunda a sexta", "seg, qua e sex"; "liga todos os dias" when it stops on the day after. */
export function weekdayWords(
  rule: Pick<Rule, "weekdays" | "startTime" | "stopTime">,
  t: Words,
  format: Format,
): string {
  const days = daysWords(rule.weekdays, t, format);
  // A night belongs to two days: these are the ones on which it begins.
  return isOvernight(rule) ? t("weekday.starts", { days }) : days;
}

function daysWords(weekdays: number[], t: Words, format: Format): string {
  const days = [...new Set(weekdays)].sort((a, b) => a - b);
  switch (days.join("")) {
    case "1234567":
      return t("weekday.everyDay");
    case "12345":
      return t("weekday.workdays");
    case "67":
      return t("weekday.weekend");
    default:
      return format.list(days.map((d) => t(`weekday.list.${d as Weekday}`)));
  }
}

/** "Para no dia seguinte: sexta 22:00 até sábado 04:00": the last night of the rule. "" when it has none. */
export function overnightWords(rule: Rule, t: Words): string {
  const day = rule.weekdays.at(-1);
  if (day === undefined || !isOvernight(rule)) return "";
  return t("form.overnightHint", {
    from: t(`weekday.long.${day as Weekday}`),
    start: rule.startTime,
    to: t(`weekday.long.${((day % 7) + 1) as Weekday}`),
    stop: rule.stopTime,
  });
}

export type Weekday = 1 | 2 | 3 | 4 | 5 | 6 | 7;
export const WEEK: Weekday[] = [1, 2, 3, 4, 5, 6, 7];

/** What a ruler shows, for those who do not see it. */
export function rulerWords(segments: Segment[], t: Words): string {
  if (segments.length === 0) return t("ruler.none");
  return segments
    .map((s) =>
      t(`ruler.${s.kind}`, { from: clockOfMinute(s.from), to: s.to === 1440 ? "24:00" : clockOfMinute(s.to) }),
    )
    .join("; ");
}

/** "9 de 10 execuções certas, 1 com falha em parte". */
export function healthWords(health: Health, t: Words): string {
  if (health.ended === 0) return t("health.none");
  const parts = [t("health.label", { good: health.good, count: health.ended })];
  if (health.partial > 0) parts.push(t("health.partial", { count: health.partial }));
  if (health.failed > 0) parts.push(t("health.failed", { count: health.failed }));
  if (health.missed > 0) parts.push(t("health.missed", { count: health.missed }));
  return parts.join(", ");
}

/** "qua 25 nov": a day of the calendar. `utc` formats in UTC, so that no zone moves it. */
export function civilWords(civil: CivilDay, utc: Format, now: number): string {
  const at = civilDate(civil);
  return `${utc.weekday(at)} ${utc.date(at, now)}`;
}
