import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Skeleton } from "@/components/Badge";
import { DrawerSection } from "@/components/Drawer";
import { Ruler, RulerHours } from "@/components/time/Ruler";
import { civilKey, clockOfMinute, wallIn } from "@/components/time/wall";
import type { PreviewScheduleResponse } from "@/gen/cloudhub/v1/schedule_pb";
import { useNow } from "@/lib/clock";
import { useAppError } from "@/lib/errors";
import { makeFormat, toDate, useFormat } from "@/lib/format";
import type { Rule } from "./day";
import { wantsOn } from "./health";
import { type ComingDay, type ComingEvent, comingDays, type PreviewLine, previewLines } from "./preview";
import { PREVIEWED } from "./queries";
import { civilWords, exceptionWords, pointWords, rulerWords } from "./words";

export interface PreviewProps {
  rule: Rule;
  answer: PreviewScheduleResponse | undefined;
  /** The rule does not say enough yet. */
  idle: boolean;
  error: unknown;
  /** Nothing has been answered yet. */
  busy?: boolean;
}

/** What the schedule will do, day by day, while it is written. */
export function Preview({ rule, answer, idle, error, busy = false }: PreviewProps) {
  const { t } = useTranslation("schedule");
  const { language } = useFormat();
  const [all, setAll] = useState(false);
  const now = useNow(60_000);
  const said = useAppError(error);
  const utc = useMemo(() => makeFormat(language, "UTC"), [language]);
  const days = useMemo(() => {
    const runs = (answer?.runs ?? []).flatMap((run) => {
      const time = toDate(run.time);
      return time ? [{ time, on: wantsOn(run.wanted), moved: run.movedByGap, exception: run.exception }] : [];
    });
    return idle ? [] : comingDays(runs, rule.timeZone, new Date(now), PREVIEWED);
  }, [answer, idle, rule.timeZone, now]);
  const lines: PreviewLine[] = all ? days.map((day) => ({ kind: "day", day })) : previewLines(days);
  const wall = lines.length > 0 ? wallIn(rule.timeZone, new Date(now)) : undefined;
  const count = answer?.runs.length ?? 0;
  const excepted = answer?.runs.filter((run) => run.exception).length ?? 0;
  const known = !idle && answer !== undefined && !said;
  return (
    <DrawerSection
      title={t("form.preview")}
      count={
        known && count > 0
          ? excepted > 0
            ? t("form.previewCountExcept", { count: excepted, runs: count })
            : t("form.previewCount", { count })
          : undefined
      }
      aside={
        known &&
        (all || lines.length < days.length) && (
          <button type="button" className="lk" onClick={() => setAll(!all)}>
            {t(all ? "form.previewLess" : "form.previewAll")}
          </button>
        )
      }
    >
      {idle && <p className="text-fg-3">{t("form.previewIdle")}</p>}
      {!idle && said && <p className="text-fg-2">{said.fields.length > 0 ? t("form.previewError") : said.text}</p>}
      {!idle && !said && busy && !answer && <Skeleton width={240} />}
      {known && count === 0 && <p className="text-fg-2">{t("form.previewNone")}</p>}
      {!idle && !said && lines.length > 0 && (
        <div>
          <div className="pv-head" aria-hidden="true">
            <span />
            <RulerHours />
            <span />
          </div>
          <ol className="pv" aria-live="polite">
            {lines.map((line) =>
              line.kind === "day" ? (
                <DayLine
                  key={civilKey(line.day.civil)}
                  day={line.day}
                  label={civilWords(line.day.civil, utc, now)}
                  now={wall && civilKey(wall) === civilKey(line.day.civil) ? wall.minute : undefined}
                  rule={rule}
                />
              ) : (
                <li key={`until ${civilKey(line.until)}`} className="pv-same">
                  <span />
                  <span>
                    {t(line.kind === "same" ? "form.previewSame" : "form.previewMore", {
                      count: line.count,
                      until: civilWords(line.until, utc, now),
                    })}
                  </span>
                </li>
              ),
            )}
          </ol>
        </div>
      )}
    </DrawerSection>
  );
}

function DayLine({ day, label, now, rule }: { day: ComingDay; label: string; now: number | undefined; rule: Rule }) {
  const { t } = useTranslation("schedule");
  const moved = day.events.find((e) => e.moved && !e.exception);
  const excepted = day.events.find((e) => e.exception);
  // Only starts or only stops: points instead of stretches.
  const point = day.segments.length === 0 && day.events[0] && !excepted ? pointOfEvent(day.events[0]) : undefined;
  return (
    <li className={moved || excepted ? "pv-gap" : undefined}>
      <span className="pv-day">{label}</span>
      <Ruler
        segments={day.segments}
        {...(now === undefined ? {} : { now })}
        {...(point ? { point } : {})}
        label={point ? pointWords(point, t) : rulerWords(day.segments, t)}
      />
      <span className={moved || excepted ? "pv-times text-warning! font-medium" : "pv-times"}>
        <Times events={day.events} />
      </span>
      {excepted && <Excepted day={day} />}
      {moved && (
        <p>
          {t("form.gap", {
            asked: moved.on ? rule.startTime : rule.stopTime,
            what: t(moved.on ? "form.gapStart" : "form.gapStop"),
            real: clockOfMinute(moved.minute),
          })}
        </p>
      )}
    </li>
  );
}

const pointOfEvent = (event: ComingEvent) => ({ at: event.minute, on: event.on });

/** "08:00 e 18:00"; what is left out is struck through. */
function Times({ events }: { events: readonly ComingEvent[] }) {
  const { t } = useTranslation("schedule");
  const [first, second] = events;
  if (!first) return t("form.previewAllDay");
  const time = (event: ComingEvent) => {
    const clock = clockOfMinute(event.minute);
    return event.exception ? <s>{clock}</s> : clock;
  };
  if (!second) return time(first);
  return (
    <>
      {time(first)} {t("form.previewAnd")} {time(second)}
    </>
  );
}

/** Why, once for each reason, and what is left out by it. */
function Excepted({ day }: { day: ComingDay }) {
  const { t } = useTranslation("schedule");
  const format = useFormat();
  const now = useNow(60_000);
  const reasons = new Map<string, { on: boolean; off: boolean }>();
  for (const event of day.events) {
    if (!event.exception) continue;
    const said = exceptionWords(event.exception, now, t, format);
    const before = reasons.get(said) ?? { on: false, off: false };
    reasons.set(said, { ...before, on: before.on || event.on, off: before.off || !event.on });
  }
  return [...reasons].map(([said, { on, off }]) => (
    <p key={said}>
      {said}: {t(on && off ? "form.leftBoth" : on ? "form.leftStart" : "form.leftStop")}
    </p>
  ));
}
