import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { DrawerSection } from "@/components/Drawer";
import { Ruler, RulerHours } from "@/components/time/Ruler";
import { civilKey, clockOfMinute, wallIn } from "@/components/time/wall";
import type { PreviewScheduleResponse } from "@/gen/cloudhub/v1/schedule_pb";
import { useNow } from "@/lib/clock";
import { useAppError } from "@/lib/errors";
import { makeFormat, toDate, useFormat } from "@/lib/format";
import type { Rule } from "./day";
import { wantsOn } from "./health";
import { type ComingDay, comingDays, previewLines } from "./preview";
import { PREVIEWED } from "./queries";
import { civilWords, rulerWords } from "./words";

export interface PreviewProps {
  rule: Rule;
  answer: PreviewScheduleResponse | undefined;
  /** The rule does not say enough yet. */
  idle: boolean;
  error: unknown;
}

/** What the schedule will do, day by day, while it is written. */
export function Preview({ rule, answer, idle, error }: PreviewProps) {
  const { t } = useTranslation("schedule");
  const { language } = useFormat();
  const now = useNow(60_000);
  const said = useAppError(error);
  const utc = useMemo(() => makeFormat(language, "UTC"), [language]);
  const lines = useMemo(() => {
    const runs = (answer?.runs ?? []).flatMap((run) => {
      const time = toDate(run.time);
      return time ? [{ time, on: wantsOn(run.wanted), moved: run.movedByGap }] : [];
    });
    return idle ? [] : previewLines(comingDays(runs, rule.timeZone, new Date(now), PREVIEWED));
  }, [answer, idle, rule.timeZone, now]);
  const wall = lines.length > 0 ? wallIn(rule.timeZone, new Date(now)) : undefined;
  return (
    <DrawerSection
      title={t("form.preview")}
      count={lines.length > 0 ? t("form.previewCount", { count: answer?.runs.length ?? 0 }) : undefined}
    >
      {idle && <p className="text-fg-3">{t("form.previewIdle")}</p>}
      {!idle && said && <p className="text-fg-2">{said.fields.length > 0 ? t("form.previewError") : said.text}</p>}
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
  const [first, second] = day.events.map((e) => clockOfMinute(e.minute));
  const times = !first ? t("form.previewAllDay") : second ? t("form.previewPair", { first, second }) : first;
  const moved = day.events.find((e) => e.moved);
  return (
    <li className={moved ? "pv-gap" : undefined}>
      <span className="pv-day">{label}</span>
      <Ruler segments={day.segments} {...(now === undefined ? {} : { now })} label={rulerWords(day.segments, t)} />
      <span className={moved ? "pv-times text-warning! font-medium" : "pv-times"}>{times}</span>
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
