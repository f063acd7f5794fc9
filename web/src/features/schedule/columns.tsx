import type { TFunction } from "i18next";
import type { ReactNode } from "react";
import { StateMark } from "@/components/StateMark";
import type { Column } from "@/components/Table";
import { Past, When } from "@/components/Time";
import { HealthBars } from "@/components/time/HealthBars";
import { Ruler } from "@/components/time/Ruler";
import { wallIn } from "@/components/time/wall";
import { type Schedule, ScheduleHealth } from "@/gen/cloudhub/v1/schedule_pb";
import { type Format, toDate } from "@/lib/format";
import { isMonthly, pointOf, today } from "./day";
import { healthMarks, healthOf, healthWord, wantsOn } from "./health";
import { Outcome } from "./Outcome";
import { isQuiet, pastRunsOf, ruleOf } from "./rule";
import { WeekdayLetters } from "./Weekdays";
import {
  cityOf,
  countOf,
  exceptionWords,
  healthWords,
  hoursWords,
  nextWords,
  pointWords,
  rulerWords,
  targetWords,
  weekdayWords,
} from "./words";

export interface ScheduleColumnsOf {
  t: TFunction<"schedule">;
  format: Format;
  now: number;
  /** Names of calendars, by their id. */
  calendars: ReadonlyMap<string, string>;
  /** Names of accounts, by their id. */
  accounts: ReadonlyMap<string, string>;
  menu: (schedule: Schedule) => ReactNode;
}

export function scheduleColumns({ t, format, now, calendars, accounts, menu }: ScheduleColumnsOf): Column<Schedule>[] {
  return [
    {
      id: "name",
      header: t("column.name"),
      name: true,
      stacked: true,
      grow: true,
      phone: 1,
      cell: (s) => {
        const named = s.selector?.cloudAccountIds.flatMap((id) => accounts.get(id) ?? []);
        const targets = targetWords(s, t, format, named);
        return (
          <>
            <span className="el block">{s.name}</span>
            <span className="el block text-12 font-normal text-fg-3" title={targets}>
              {targets}
              {s.rule && ` · ${hoursWords(s.rule, t)}`}
            </span>
          </>
        );
      },
    },
    {
      id: "day",
      header: t("column.day"),
      priority: 4,
      phone: "w",
      cell: (s) => <Day schedule={s} t={t} format={format} now={now} calendars={calendars} />,
    },
    {
      id: "next",
      header: t("column.next"),
      sortable: true,
      phone: 2,
      cell: (s) => <Next schedule={s} t={t} format={format} now={now} />,
    },
    {
      id: "last",
      header: t("column.last"),
      phone: 4,
      cell: (s) => {
        const [run] = s.recentRuns;
        if (!run) return <span className="text-12 text-fg-3">{t("outcome.never")}</span>;
        return (
          <span className="last-run">
            <Outcome run={run} />
            <span className="block text-12 text-fg-3">
              <Past at={run.dueTime} />
            </span>
          </span>
        );
      },
    },
    {
      id: "health",
      header: t("column.health"),
      priority: 3,
      phone: 3,
      cell: (s) => {
        const health = healthOf(s.recentRuns);
        const word = healthWord(s.health);
        return (
          <span className="health-cell">
            <StateMark {...healthMarks[word]}>{t(`healthWord.${word}`)}</StateMark>
            <HealthBars bars={health.bars} label={healthWords(health, t)} />
          </span>
        );
      },
    },
    {
      id: "menu",
      header: <span className="sr">{t("column.actions")}</span>,
      priority: 1,
      cell: menu,
    },
  ];
}

type CellOf = Pick<ScheduleColumnsOf, "t" | "format" | "now"> & { schedule: Schedule };

/** When it acts next; what keeps it from acting stands in the place of the count. */
function Next({ schedule, t, format, now }: CellOf) {
  if (schedule.pauseTime) {
    const by = schedule.pausedByName;
    return (
      <>
        <span className="block font-medium text-fg-2">{t("next.paused")}</span>
        <span className="block text-12 text-fg-3">
          {by
            ? t("next.pausedBy", { name: by, when: format.past(schedule.pauseTime, now) })
            : format.past(schedule.pauseTime, now)}
        </span>
      </>
    );
  }
  const at = toDate(schedule.nextTime);
  if (!at) {
    return (
      <>
        <span className="block text-fg-2">{t("next.none")}</span>
        {schedule.health === ScheduleHealth.NEVER && <span className="block text-12 text-fg-3">{t("next.never")}</span>}
      </>
    );
  }
  const exception = schedule.nextException;
  return (
    <>
      <span className={exception ? "left-out block font-medium" : "block font-medium"}>
        <When at={at} />
      </span>
      {exception ? (
        <span className="next-why block text-12 text-warning">{exceptionWords(exception, now, t, format)}</span>
      ) : (
        <span className="block text-12 text-fg-3">
          {nextWords({ at, on: wantsOn(schedule.nextWanted), count: countOf(schedule) }, now, t, format)}
        </span>
      )}
    </>
  );
}

function Day({ schedule, t, format, now, calendars }: CellOf & Pick<ScheduleColumnsOf, "calendars">) {
  const rule = ruleOf(schedule);
  if (!rule) return <span className="text-12 text-fg-3">{schedule.rule?.timeZone}</span>;
  const segments = today(rule, pastRunsOf(schedule), new Date(now), isQuiet(schedule, now));
  const point = pointOf(rule);
  const elsewhere = rule.timeZone !== format.zone;
  const days = weekdayWords(rule, t, format);
  const names = (rule.calendarIds ?? []).map((id) => calendars.get(id) ?? t("calendarUnknown"));
  return (
    <span className="day-cell">
      <Ruler
        segments={segments}
        {...(point ? { point } : {})}
        now={wallIn(rule.timeZone, new Date(now)).minute}
        label={`${days}; ${point ? pointWords(point, t) : rulerWords(segments, t)}`}
      />
      <span className="flex items-baseline gap-2">
        {isMonthly(rule) ? (
          <span className="zone-note el day-words" title={days}>
            {days}
          </span>
        ) : (
          <WeekdayLetters weekdays={rule.weekdays} />
        )}
        {elsewhere && <span className="zone-note">{cityOf(rule.timeZone, format)}</span>}
        {names.length > 0 && (
          <span className="zone-note except-note" title={t("except", { calendars: format.list(names) })}>
            {t("exceptShort")}
            <span className="sr">{format.list(names)}</span>
          </span>
        )}
      </span>
    </span>
  );
}
