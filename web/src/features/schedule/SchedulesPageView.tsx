import { type ReactNode, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";
import { Note } from "@/components/Badge";
import { Button, IconButton, LinkButton } from "@/components/Button";
import { Facet, Facets } from "@/components/Facet";
import { Menu, MenuItem } from "@/components/Menu";
import { LeadSkeleton, Page, Split } from "@/components/Page";
import { PauseAutomation } from "@/components/PauseAutomation";
import { StateMark } from "@/components/StateMark";
import { DeniedState, EmptyState, ErrorState, StaleBanner } from "@/components/States";
import { Table, TableFoot } from "@/components/Table";
import { When } from "@/components/Time";
import { Ruler } from "@/components/time/Ruler";
import type { ListState } from "@/features/instance/listState";
import { Permission, Plan } from "@/gen/cloudhub/v1/options_pb";
import { type Schedule, ScheduleHealth, type TimetablePark } from "@/gen/cloudhub/v1/schedule_pb";
import { useNow } from "@/lib/clock";
import { type Moment, useFormat } from "@/lib/format";
import { useWorkspace } from "@/lib/workspace";
import { scheduleColumns } from "./columns";
import { HEALTH_WORDS, type HealthWord, healthMarks, healthWord } from "./health";
import { Locked } from "./LockedPanel";
import { useAccountNames, useCalendarNames } from "./names";
import { type Act, ScheduleMenu } from "./ScheduleMenu";
import { ScheduleTabs } from "./ScheduleTabs";
import "./schedule.css";

export interface SchedulesPageViewProps {
  state: ListState;
  error?: unknown;
  /** Those that the filter lets through. */
  rows: readonly Schedule[];
  all: readonly Schedule[];
  health: readonly HealthWord[];
  onHealth: (next: string[]) => void;
  /** The timetable of the workspace stands still. */
  parked?: TimetablePark | undefined;
  openId: string;
  onOpen: (id: string) => void;
  onNew: () => void;
  onRetry: () => void;
  hasMore: boolean;
  loadingMore: boolean;
  onMore: () => void;
  stale?: { since: Moment; nextTry?: number | undefined; onRetry?: (() => void) | undefined } | undefined;
  /** The drawer or the form. */
  aside?: ReactNode;
  asideIsPanel?: boolean;
  /** The form of a new one is open already. */
  making?: boolean;
  onAct: (act: Act, schedule: Schedule) => void;
}

export function SchedulesPageView(props: SchedulesPageViewProps) {
  const { state, rows, all } = props;
  const { t } = useTranslation("schedule");
  const { can } = useWorkspace();
  const format = useFormat();
  const now = useNow(30_000);
  const calendars = useCalendarNames();
  const accounts = useAccountNames();
  const { onAct } = props;
  const columns = useMemo(
    () =>
      scheduleColumns({
        t,
        format,
        now,
        calendars,
        accounts,
        menu: (schedule) => <ScheduleMenu schedule={schedule} onAct={onAct} />,
      }),
    [t, format, now, calendars, accounts, onAct],
  );
  const counts = useMemo(() => countHealth(all), [all]);
  const manage = can(Permission.SCHEDULES_MANAGE);
  return (
    <Split aside={props.aside} panel={props.asideIsPanel ?? false}>
      <Page
        title={t("title")}
        lead={
          all.length > 0 ? <LeadLine rows={all} hasMore={props.hasMore} /> : state === "loading" && <LeadSkeleton />
        }
        actions={
          // The empty state has the button itself: one main button a screen.
          state !== "denied" &&
          !props.making &&
          !(state === "ready" && all.length === 0) && (
            <>
              <MoreActions />
              <Button
                // The panel has one of its own.
                kind={props.asideIsPanel ? "plain" : "go"}
                icon="plus"
                disabled={!manage}
                title={manage ? undefined : t("manageDenied")}
                onClick={props.onNew}
              >
                {t("new")}
              </Button>
            </>
          )
        }
      >
        <ScheduleTabs />
        {props.parked && <Parked parked={props.parked} />}
        <Table
          label={t("title")}
          twoLine
          columns={columns}
          rows={rows}
          rowId={(s) => s.id}
          rowName={(s) => s.name}
          loading={state === "loading"}
          sort={{ id: "next", dir: "asc" }}
          top={
            (state === "loading" || all.length > 0) && (
              <Facets
                end={
                  format.zone && (
                    <span className="text-12 text-fg-3">{t("zone", { zone: format.zoneName(format.zone) })}</span>
                  )
                }
              >
                <Facet
                  label={t("filter.health")}
                  options={HEALTH_WORDS.filter((word) => counts[word] > 0 || props.health.includes(word)).map(
                    (value) => ({
                      value,
                      label: <StateMark {...healthMarks[value]}>{t(`healthWord.${value}`)}</StateMark>,
                      text: t(`healthWord.${value}`),
                      count: counts[value],
                    }),
                  )}
                  selected={props.health}
                  onChange={props.onHealth}
                />
              </Facets>
            )
          }
          slot={<Slot {...props} manage={manage} />}
          openId={props.openId || undefined}
          onOpen={(s) => props.onOpen(s.id)}
          tone={(s) => (s.pauseTime ? "dim" : undefined)}
          banner={props.stale && <StaleBanner {...props.stale} />}
          foot={state === "ready" && rows.length > 0 && <Foot {...props} />}
        />
      </Page>
    </Split>
  );
}

/** What concerns all of them: a switch for the whole organization, and making many at once. */
function MoreActions() {
  const { t } = useTranslation("schedule");
  const { org, can, path } = useWorkspace();
  const navigate = useNavigate();
  const [pausing, setPausing] = useState(false);
  const paused = org.automationPause !== undefined;
  return (
    <>
      <Menu
        align="end"
        label={t("more")}
        trigger={<IconButton icon="more" label={t("more")} disabled={!can(Permission.SCHEDULES_MANAGE)} />}
      >
        <MenuItem icon="list" onSelect={() => void navigate(path("schedules/import"))}>
          {t("import.open")}
        </MenuItem>
      </Menu>
      {org.permissions.includes(Permission.ORG_MANAGE) && !paused && (
        <Button icon="pause" onClick={() => setPausing(true)}>
          {t("pauseAll")}
        </Button>
      )}
      {pausing && <PauseAutomation onClose={() => setPausing(false)} />}
    </>
  );
}

function countHealth(rows: readonly Schedule[]): Record<HealthWord, number> {
  const counts = Object.fromEntries(HEALTH_WORDS.map((word) => [word, 0])) as Record<HealthWord, number>;
  for (const s of rows) counts[healthWord(s.health)]++;
  return counts;
}

/** Nothing of the timetable runs for now: said above everything that would. */
function Parked({ parked }: { parked: TimetablePark }) {
  const { t } = useTranslation("schedule");
  return (
    <div className="mb-3">
      <Note tone="warning" role="status">
        <p>
          <b className="font-medium">{t("parked.title")}</b> {t("parked.since")} <When at={parked.parkTime} />.
        </p>
        <p className="break-words">{parked.reason}</p>
        <p className="text-12 text-fg-2">{t("parked.means")}</p>
      </Note>
    </div>
  );
}

function LeadLine({ rows, hasMore }: { rows: readonly Schedule[]; hasMore: boolean }) {
  const { t } = useTranslation("schedule");
  const next = rows.find((s) => s.nextTime && !s.nextException && !s.pauseTime);
  const failing = rows.filter((s) => s.health === ScheduleHealth.FAILING).length;
  const paused = rows.filter((s) => s.health === ScheduleHealth.PAUSED).length;
  return (
    <>
      {hasMore ? t("lead.atLeast", { count: rows.length }) : t("foot.count", { count: rows.length })}
      {failing > 0 && <>, {t("lead.failing", { count: failing })}</>}
      {paused > 0 && <>, {t("lead.paused", { count: paused })}</>}
      {next && (
        <>
          . {t("lead.next", { name: next.name })} <When at={next.nextTime} />.
        </>
      )}
    </>
  );
}

function Slot({
  state,
  error,
  rows,
  all,
  onHealth,
  onNew,
  onRetry,
  manage,
}: SchedulesPageViewProps & { manage: boolean }) {
  const { t } = useTranslation("schedule");
  const { org, workspace, path } = useWorkspace();
  if (state === "denied") {
    return <DeniedState title={t("denied.title")} permission={Permission.SCHEDULES_VIEW} workspace={workspace.name} />;
  }
  if (state === "error") {
    return (
      <ErrorState title={t("error.title")} error={error} onRetry={onRetry}>
        {t("error.body")}
      </ErrorState>
    );
  }
  if (state !== "ready" || rows.length > 0) return null;
  if (all.length > 0) {
    return (
      <EmptyState title={t("filter.none")} action={<Button onClick={() => onHealth([])}>{t("filter.clear")}</Button>}>
        {t("filter.noneBody", { count: all.length })}
      </EmptyState>
    );
  }
  if (org.plan === Plan.FREE) return <Locked />;
  return (
    <EmptyState
      title={t("empty.title")}
      drawing={<Ruler className="w-full" segments={[]} label={t("ruler.none")} />}
      action={
        manage && (
          <>
            <Button kind="go" icon="plus" onClick={onNew}>
              {t("form.create")}
            </Button>
            <LinkButton to={path("schedules/import")}>{t("import.open")}</LinkButton>
          </>
        )
      }
    >
      {t("empty.body")}
      {!manage && <p className="mt-2">{t("empty.denied")}</p>}
    </EmptyState>
  );
}

function Foot({ rows, all, hasMore, loadingMore, onMore }: SchedulesPageViewProps) {
  const { t } = useTranslation("schedule");
  return (
    <TableFoot
      end={
        hasMore && (
          <Button kind="quiet" small busy={loadingMore} onClick={onMore}>
            {t("foot.more")}
          </Button>
        )
      }
    >
      <span>
        {rows.length < all.length
          ? t("foot.shown", { shown: rows.length, total: all.length })
          : t("foot.count", { count: rows.length })}
      </span>
      <span className="el only-d">{t("health.hint")}</span>
    </TableFoot>
  );
}
