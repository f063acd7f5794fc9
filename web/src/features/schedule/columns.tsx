import type { TFunction } from "i18next";
import type { Column } from "@/components/Table";
import { Past, When } from "@/components/Time";
import { HealthBars } from "@/components/time/HealthBars";
import { Ruler } from "@/components/time/Ruler";
import { wallIn } from "@/components/time/wall";
import type { Schedule } from "@/gen/cloudhub/v1/schedule_pb";
import { type Format, toDate } from "@/lib/format";
import { today } from "./day";
import { healthOf, wantsOn } from "./health";
import { Outcome } from "./Outcome";
import { pastRunsOf, ruleOf } from "./rule";
import { WeekdayLetters } from "./Weekdays";
import { healthWords, nextWords, rulerWords, weekdayWords } from "./words";

export interface ScheduleColumnsOf {
  t: TFunction<"schedule">;
  format: Format;
  now: number;
}

export function scheduleColumns({ t, format, now }: ScheduleColumnsOf): Column<Schedule>[] {
  return [
    {
      id: "name",
      header: t("column.name"),
      name: true,
      stacked: true,
      grow: true,
      phone: 1,
      cell: (s) => (
        <>
          <span className="el block">{s.name}</span>
          <span className="el block text-12 font-normal text-fg-3">
            {t("targets", { count: s.resourceIds.length })}
            {s.rule && ` · ${s.rule.startTime}–${s.rule.stopTime}`}
          </span>
        </>
      ),
    },
    {
      id: "day",
      header: t("column.day"),
      priority: 4,
      phone: "w",
      cell: (s) => <Day schedule={s} t={t} format={format} now={now} />,
    },
    {
      id: "next",
      header: t("column.next"),
      sortable: true,
      phone: 2,
      cell: (s) => {
        const at = toDate(s.nextTime);
        if (!at) return <span className="text-fg-3">{t("next.none")}</span>;
        return (
          <>
            <span className="block font-medium">
              <When at={at} />
            </span>
            <span className="block text-12 text-fg-3">
              {nextWords({ at, on: wantsOn(s.nextWanted), count: s.resourceIds.length }, now, t, format)}
            </span>
          </>
        );
      },
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
        return <HealthBars bars={health.bars} label={healthWords(health, t)} />;
      },
    },
  ];
}

function Day({ schedule, t, format, now }: ScheduleColumnsOf & { schedule: Schedule }) {
  const rule = ruleOf(schedule);
  if (!rule) return <span className="text-12 text-fg-3">{schedule.rule?.timeZone}</span>;
  const segments = today(rule, pastRunsOf(schedule), new Date(now));
  const elsewhere = rule.timeZone !== format.zone;
  const days = weekdayWords(rule, t, format);
  return (
    <span className="day-cell">
      <Ruler
        segments={segments}
        now={wallIn(rule.timeZone, new Date(now)).minute}
        label={`${days}; ${rulerWords(segments, t)}`}
      />
      <span className="flex items-baseline gap-2">
        <WeekdayLetters weekdays={rule.weekdays} />
        {elsewhere && <span className="zone-note">{format.zoneName(rule.timeZone).split(",")[0]}</span>}
      </span>
    </span>
  );
}
