import type { TFunction } from "i18next";
import type { Segment } from "@/components/time/segments";
import { addDays, type CivilDay, civilDate, clockOfMinute, instantOf, wallIn } from "@/components/time/wall";
import { type RunException, RunExceptionKind, type Schedule, type TargetSelector } from "@/gen/cloudhub/v1/schedule_pb";
import { type Format, toDate } from "@/lib/format";
import { eventAfter, isMonthly, isOvernight, kindOf, type Rule } from "./day";
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

/** "para 14, em 4 h 28 min"; without a count, as the machines are found when it runs: "para, em 4 h 28 min". */
export function nextWords(
  next: { at: Date; on: boolean; count: number | undefined },
  now: number,
  t: Words,
  format: Format,
): string {
  const inText = inWords(next.at, now, t, format);
  if (next.count === undefined) return t(next.on ? "next.startFound" : "next.stopFound", { in: inText });
  return t(next.on ? "next.start" : "next.stop", { count: next.count, in: inText });
}

/** How many machines a schedule names; undefined when a selector finds them. */
export function countOf(schedule: Pick<Schedule, "resourceIds" | "selector">): number | undefined {
  return schedule.selector ? undefined : schedule.resourceIds.length;
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
  // One that only starts or only stops would say the same again.
  if (kindOf(next.rule) !== "pair") return first;
  const wall = wallIn(next.rule.timeZone, next.at);
  const then = eventAfter(next.rule, wall);
  if (!then) return first;
  const thenAt = instantOf(addDays(wall, then.days), then.minute, next.rule.timeZone);
  return `${first} ${sentence(then.on, thenAt, false)}`;
}

/** "de segunda a sexta", "dias 1 e 15 do mês"; "liga todos os dias" when it stops on the day after. */
export function weekdayWords(
  rule: Pick<Rule, "weekdays" | "startTime" | "stopTime" | "monthDays" | "skipShort">,
  t: Words,
  format: Format,
): string {
  const days = isMonthly(rule) ? monthWords(rule, t, format) : daysWords(rule.weekdays, t, format);
  // A night belongs to two days: these are the ones on which it begins.
  return isOvernight(rule) ? t("weekday.starts", { days }) : days;
}

/** "dias 1 a 5 e 15 do mês", "dia 31 do mês, ou o último". */
function monthWords(rule: Pick<Rule, "monthDays" | "skipShort">, t: Words, format: Format): string {
  const days = [...new Set(rule.monthDays ?? [])].sort((a, b) => a - b);
  if (days.length === 31) return t("weekday.everyDay");
  const words = t("month.days", { count: days.length, days: format.list(stretches(days).map((s) => stretch(s, t))) });
  if ((days.at(-1) ?? 0) < 29) return words;
  return t(rule.skipShort ? "month.skip" : "month.last", { days: words });
}

/** Days one after the other, from three on, as one: [1, 2, 3, 5] is 1 to 3, and 5. */
export function stretches(days: readonly number[]): { from: number; to: number }[] {
  const out: { from: number; to: number }[] = [];
  for (const day of days) {
    const last = out.at(-1);
    if (last && last.to === day - 1) last.to = day;
    else out.push({ from: day, to: day });
  }
  return out.flatMap((s) =>
    s.to - s.from === 1
      ? [
          { from: s.from, to: s.from },
          { from: s.to, to: s.to },
        ]
      : [s],
  );
}

const stretch = (s: { from: number; to: number }, t: Words) => (s.from === s.to ? String(s.from) : t("month.range", s));

/** "das 07:00 às 19:00", "liga às 07:00", "para às 19:00". */
export function hoursWords(rule: Pick<Rule, "startTime" | "stopTime">, t: Words): string {
  const { startTime: start, stopTime: stop } = rule;
  switch (kindOf(rule)) {
    case "start":
      return t("hoursStart", { start });
    case "stop":
      return t("hoursStop", { stop });
    case "pair":
      return t(isOvernight(rule) ? "hoursOver" : "hours", { start, stop });
  }
}

/** "de segunda a sexta, das 07:00 às 19:00, hora de Manaus, menos Feriados nacionais": all that a rule says. */
export function ruleWords(rule: Rule, t: Words, format: Format, calendars: readonly string[] = []): string {
  const parts = [weekdayWords(rule, t, format), hoursWords(rule, t)];
  if (rule.timeZone !== format.zone) parts.push(t("zone", { zone: cityOf(rule.timeZone, format) }));
  if (calendars.length > 0) parts.push(t("except", { calendars: format.list(calendars) }));
  return parts.join(", ");
}

export function cityOf(zone: string, format: Format): string {
  return format.zoneName(zone).split(",")[0] ?? zone;
}

/** "3 escolhidas", "ambiente = lab e nome que começa com web-", "todas as máquinas". */
export function targetWords(
  schedule: Pick<Schedule, "resourceIds" | "selector">,
  t: Words,
  format: Format,
  accounts: readonly string[] = [],
): string {
  const { selector } = schedule;
  if (!selector) return t("targets", { count: schedule.resourceIds.length });
  return selectorWords(selector, t, format, accounts);
}

/** `accounts` are the names of the accounts that the selector keeps to, when they are at hand. */
export function selectorWords(
  selector: TargetSelector,
  t: Words,
  format: Format,
  accounts: readonly string[] = [],
): string {
  const parts = selector.tags.map((tag) =>
    tag.values.length === 0
      ? t("selector.anyValue", { key: tag.key })
      : t("selector.tag", { key: tag.key, values: eitherOf(tag.values, format) }),
  );
  if (selector.namePrefix !== "") parts.push(t("selector.prefix", { prefix: selector.namePrefix }));
  const what = selector.everything || parts.length === 0 ? t("selector.everything") : format.list(parts);
  const where: string[] = [];
  const { cloudAccountIds, regions } = selector;
  if (cloudAccountIds.length > 0) {
    where.push(
      accounts.length === cloudAccountIds.length
        ? format.list(accounts)
        : t("selector.accounts", { count: cloudAccountIds.length }),
    );
  }
  if (regions.length > 0) where.push(format.list(regions));
  return where.length > 0 ? t("selector.in", { what, where: where.join(", ") }) : what;
}

/** Why a run is left out: "Natal, feriado", "pulada por Ana Prado", "em espera até 30 nov 18:00, por Caio: férias". */
export function exceptionWords(exception: RunException, now: number, t: Words, format: Format): string {
  const name = exception.byName;
  switch (exception.kind) {
    case RunExceptionKind.HOLIDAY:
      return t("exception.holiday", { name: exception.text, calendar: exception.calendarName });
    case RunExceptionKind.SKIPPED:
      return name ? t("exception.skippedBy", { name }) : t("exception.skipped");
    case RunExceptionKind.HELD: {
      const until = toDate(exception.untilTime);
      const when = until ? t("exception.heldUntil", { when: format.when(until, now) }) : t("exception.held");
      return exception.text ? t("exception.because", { what: when, reason: exception.text }) : when;
    }
    case RunExceptionKind.PAUSED:
      return name ? t("exception.pausedBy", { name }) : t("exception.paused");
    case RunExceptionKind.AUTOMATION_PAUSED: {
      const what = t("exception.automation");
      return exception.text ? t("exception.because", { what, reason: exception.text }) : what;
    }
    default:
      return t("exception.skipped");
  }
}

/** One or two words of it, for a narrow place. */
export function exceptionShort(exception: RunException, t: Words): string {
  switch (exception.kind) {
    case RunExceptionKind.HOLIDAY:
      return exception.text || t("exception.short.holiday");
    case RunExceptionKind.HELD:
      return t("exception.short.held");
    case RunExceptionKind.PAUSED:
      return t("exception.short.paused");
    case RunExceptionKind.AUTOMATION_PAUSED:
      return t("exception.short.automation");
    default:
      return t("exception.short.skipped");
  }
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
  if (!isOvernight(rule)) return "";
  if (isMonthly(rule)) return t("form.overnightMonth", { stop: rule.stopTime });
  const day = rule.weekdays.at(-1);
  if (day === undefined) return "";
  return t("form.overnightHint", {
    from: t(`weekday.long.${day as Weekday}`),
    start: rule.startTime,
    to: t(`weekday.long.${((day % 7) + 1) as Weekday}`),
    stop: rule.stopTime,
  });
}

/** "a, b ou c" */
export function eitherOf(values: readonly string[], format: Format): string {
  return new Intl.ListFormat(format.language, { type: "disjunction" }).format(values);
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

/** "liga às 08:00": the point of a rule that does only one half. */
export function pointWords(point: { at: number; on: boolean }, t: Words): string {
  const time = clockOfMinute(point.at);
  return point.on ? t("hoursStart", { start: time }) : t("hoursStop", { stop: time });
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
