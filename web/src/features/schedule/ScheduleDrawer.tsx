import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { Facts, Note, Skeleton } from "@/components/Badge";
import { Button } from "@/components/Button";
import { CopyButton } from "@/components/CopyButton";
import { Drawer, DrawerSection } from "@/components/Drawer";
import { StateMark } from "@/components/StateMark";
import { ErrorState } from "@/components/States";
import { Ruler, RulerHours } from "@/components/time/Ruler";
import { wallIn } from "@/components/time/wall";
import { Permission } from "@/gen/cloudhub/v1/options_pb";
import type { Schedule, TargetSelector } from "@/gen/cloudhub/v1/schedule_pb";
import { useNow } from "@/lib/clock";
import { isReason } from "@/lib/errors";
import { toDate, useFormat } from "@/lib/format";
import { useWorkspace } from "@/lib/workspace";
import { kindOf, pointOf, type Rule, today } from "./day";
import { CATCH_UP, valuesOfSelector } from "./form";
import { healthMarks, healthWord, wantsOn } from "./health";
import { Matches } from "./Matches";
import { useAccountNames, useCalendarNames } from "./names";
import { Preview } from "./Preview";
import { useMatches, usePreview, useSchedule } from "./queries";
import { Runs } from "./Runs";
import { isQuiet, pastRunsOf, ruleOf } from "./rule";
import { type Act, ScheduleMenu } from "./ScheduleMenu";
import { ScheduleTargets } from "./ScheduleTargets";
import {
  countOf,
  exceptionWords,
  hoursWords,
  nextWords,
  pointWords,
  rulerWords,
  selectorWords,
  weekdayWords,
} from "./words";

export interface ScheduleDrawerProps {
  scheduleId: string;
  row: Schedule | undefined;
  onAct: (act: Act, schedule: Schedule) => void;
  /** A pause or a skip is on its way. */
  busy: boolean;
  onClose: () => void;
}

export function ScheduleDrawer({ scheduleId, row, onAct, busy, onClose }: ScheduleDrawerProps) {
  const { t } = useTranslation("schedule");
  const { can } = useWorkspace();
  const query = useSchedule(scheduleId);
  const schedule = query.data?.schedule ?? row;
  const manage = can(Permission.SCHEDULES_MANAGE);
  if (!schedule) {
    return (
      <Drawer title={query.isError ? t("drawer.eyebrow") : "…"} subject={scheduleId} onClose={onClose}>
        {query.isError ? (
          <ErrorState
            title={t("drawer.missing")}
            error={query.error}
            onRetry={isReason(query.error, "NOT_FOUND") ? undefined : () => query.refetch()}
          />
        ) : (
          <div className="grid gap-3 p-5">
            <Skeleton width={240} />
            <Skeleton width={180} />
          </div>
        )}
      </Drawer>
    );
  }
  const kind = kindOf(schedule.rule ?? { startTime: "", stopTime: "" });
  const act = (what: Act) => () => onAct(what, schedule);
  const denied = manage ? undefined : t("manageDenied");
  return (
    <Drawer
      title={schedule.name}
      subject={scheduleId}
      eyebrow={
        <span className="flex items-center gap-2 text-fg-3">
          {t("drawer.eyebrow")}
          <Health schedule={schedule} />
        </span>
      }
      tools={
        <>
          <CopyButton value={window.location.href} label={t("drawer.copyAddress")} />
          <ScheduleMenu schedule={schedule} onAct={onAct} short />
        </>
      }
      actions={
        <>
          <Button
            icon="arrowRight"
            disabled={!manage || !schedule.nextTime || schedule.pauseTime !== undefined}
            title={denied}
            busy={busy}
            onClick={act("skip")}
          >
            {t("drawer.skip")}
          </Button>
          {schedule.pauseTime ? (
            <Button icon="play" disabled={!manage} title={denied} onClick={act("resume")}>
              {t("drawer.resume")}
            </Button>
          ) : (
            <Button
              icon={kind === "stop" ? "stop" : "play"}
              disabled={!manage}
              title={denied}
              onClick={act(kind === "pair" ? (wantsOn(schedule.nextWanted) ? "start" : "stop") : kind)}
            >
              {t("drawer.run")}
            </Button>
          )}
          <Button icon="edit" disabled={!manage} title={denied} onClick={act("edit")}>
            {t("drawer.edit")}
          </Button>
          {!manage && <p className="basis-full text-12 text-fg-2">{t("manageDenied")}</p>}
        </>
      }
      onClose={onClose}
    >
      <Standing schedule={schedule} onAct={onAct} manage={manage} />
      <DrawerSection title={t("drawer.facts")}>
        <When schedule={schedule} />
      </DrawerSection>
      <Coming schedule={schedule} />
      {schedule.selector ? (
        <Found selector={schedule.selector} />
      ) : (
        <DrawerSection title={t("drawer.targets")} count={schedule.resourceIds.length}>
          {schedule.resourceIds.length === 0 ? (
            <p className="text-fg-3">{t("drawer.noTargets")}</p>
          ) : (
            <ScheduleTargets resourceIds={schedule.resourceIds} />
          )}
        </DrawerSection>
      )}
      <DrawerSection title={t("drawer.runs")}>
        <Runs schedule={schedule} />
      </DrawerSection>
    </Drawer>
  );
}

function Health({ schedule }: { schedule: Schedule }) {
  const { t } = useTranslation("schedule");
  const word = healthWord(schedule.health);
  return <StateMark {...healthMarks[word]}>{t(`healthWord.${word}`)}</StateMark>;
}

/** What keeps it from acting: a hold, a pause. Each with its way out. */
function Standing({
  schedule,
  onAct,
  manage,
}: Pick<ScheduleDrawerProps, "onAct"> & { schedule: Schedule; manage: boolean }) {
  const { t } = useTranslation("schedule");
  const format = useFormat();
  const now = useNow(30_000);
  const { hold } = schedule;
  if (!hold && !schedule.pauseTime) return null;
  return (
    <section className="grid gap-2">
      {schedule.pauseTime && (
        <Note tone="warning" role="status">
          <p>
            <b>{t("standing.paused")}</b>{" "}
            {t("standing.by", {
              name: schedule.pausedByName || "–",
              when: format.past(schedule.pauseTime, now),
            })}
          </p>
          <p className="text-12 text-fg-2">{t("standing.pausedMeans")}</p>
        </Note>
      )}
      {hold && (
        <Note tone="warning" role="status">
          <p>
            <b>{t("standing.held", { when: format.when(hold.untilTime, now) })}</b>{" "}
            {t("standing.by", { name: hold.createdByName || "–", when: format.past(hold.createTime, now) })}
          </p>
          <p className="break-words">{hold.reason}</p>
          {manage && (
            <div>
              <Button small onClick={() => onAct("endHold", schedule)}>
                {t("menu.endHold")}
              </Button>
            </div>
          )}
        </Note>
      )}
    </section>
  );
}

/** What comes, with every exception: as the form shows it. */
function Coming({ schedule }: { schedule: Schedule }) {
  const rule = ruleOf(schedule);
  const preview = usePreview({ rule: rule ?? nothing, scheduleId: schedule.id });
  if (!rule || schedule.pauseTime) return null;
  return (
    <Preview
      rule={preview.asked}
      answer={preview.data}
      idle={preview.idle}
      error={preview.error}
      busy={preview.isPending}
    />
  );
}

const nothing: Rule = { startTime: "", stopTime: "", weekdays: [], timeZone: "" };

/** The machines that the selector finds now. */
function Found({ selector }: { selector: TargetSelector }) {
  const { t } = useTranslation("schedule");
  const format = useFormat();
  const accounts = useAccountNames();
  const values = useMemo(() => valuesOfSelector(selector), [selector]);
  const matches = useMatches(values, 0);
  const named = selector.cloudAccountIds.flatMap((id) => accounts.get(id) ?? []);
  return (
    <DrawerSection title={t("drawer.targets")} count={matches.data?.matchedCount}>
      <p className="mb-2">{selectorWords(selector, t, format, named)}</p>
      <Matches matches={matches} />
    </DrawerSection>
  );
}

function When({ schedule }: { schedule: Schedule }) {
  const { t } = useTranslation("schedule");
  const format = useFormat();
  const now = useNow(30_000);
  const rule = ruleOf(schedule);
  const next = toDate(schedule.nextTime);
  const segments = rule ? today(rule, pastRunsOf(schedule), new Date(now), isQuiet(schedule, now)) : [];
  const point = rule && pointOf(rule);
  const calendars = useCalendarNames();
  const named = (rule?.calendarIds ?? []).map((id) => calendars.get(id) ?? t("calendarUnknown"));
  return (
    <div className="grid gap-3">
      {rule && (
        <div className="px-1">
          <RulerHours />
          <Ruler
            segments={segments}
            {...(point ? { point } : {})}
            now={wallIn(rule.timeZone, new Date(now)).minute}
            label={point ? pointWords(point, t) : rulerWords(segments, t)}
          />
        </div>
      )}
      <Facts
        rows={[
          rule && [t("drawer.days"), weekdayWords(rule, t, format)],
          rule && [t("drawer.hours"), hoursWords(rule, t)],
          [t("drawer.zone"), schedule.rule ? format.zoneName(schedule.rule.timeZone) : "–"],
          named.length > 0 && [t("drawer.calendars"), t("except", { calendars: format.list(named) })],
          next && [
            t("drawer.next"),
            <span key="n">
              <b className={schedule.nextException ? "left-out" : undefined}>{format.when(next, now)}</b>{" "}
              {schedule.nextException ? (
                <span className="text-warning">{exceptionWords(schedule.nextException, now, t, format)}</span>
              ) : (
                <span className="text-fg-3">
                  {nextWords({ at: next, on: wantsOn(schedule.nextWanted), count: countOf(schedule) }, now, t, format)}
                </span>
              )}
            </span>,
          ],
          [t("drawer.window"), t("drawer.windowLine", { count: schedule.catchUpMinutes || CATCH_UP })],
          [
            t("drawer.by"),
            t("drawer.byLine", { name: schedule.createdByName || "–", date: format.date(schedule.createTime) }),
          ],
        ].map((line) => (line as readonly [string, React.ReactNode] | false | undefined) || null)}
      />
    </div>
  );
}
