import { type ReactNode, useMemo } from "react";
import { useTranslation } from "react-i18next";
import { Note } from "@/components/Badge";
import { Button } from "@/components/Button";
import { Facet, Facets } from "@/components/Facet";
import { LeadSkeleton, Page, Split } from "@/components/Page";
import { DeniedState, EmptyState, ErrorState, StaleBanner } from "@/components/States";
import { Table, TableFoot } from "@/components/Table";
import { When } from "@/components/Time";
import { Ruler } from "@/components/time/Ruler";
import type { ListState } from "@/features/instance/listState";
import { Permission, Plan } from "@/gen/cloudhub/v1/options_pb";
import type { Schedule, TimetablePark } from "@/gen/cloudhub/v1/schedule_pb";
import { useNow } from "@/lib/clock";
import { type Moment, useFormat } from "@/lib/format";
import { useWorkspace } from "@/lib/workspace";
import { scheduleColumns } from "./columns";
import { HEALTH_FILTERS, type HealthFilter, outcomeOf } from "./health";
import { Locked } from "./LockedPanel";
import "./schedule.css";

export interface SchedulesPageViewProps {
  state: ListState;
  error?: unknown;
  /** Those that the filter lets through. */
  rows: readonly Schedule[];
  all: readonly Schedule[];
  health: readonly HealthFilter[];
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
}

export function SchedulesPageView(props: SchedulesPageViewProps) {
  const { state, rows, all } = props;
  const { t } = useTranslation("schedule");
  const { can } = useWorkspace();
  const format = useFormat();
  const now = useNow(30_000);
  const columns = useMemo(() => scheduleColumns({ t, format, now }), [t, format, now]);
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
          )
        }
      >
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
                  options={HEALTH_FILTERS.map((value) => ({ value, label: t(`filter.${value}`) }))}
                  selected={props.health}
                  onChange={props.onHealth}
                />
              </Facets>
            )
          }
          slot={<Slot {...props} manage={manage} />}
          openId={props.openId || undefined}
          onOpen={(s) => props.onOpen(s.id)}
          banner={props.stale && <StaleBanner {...props.stale} />}
          foot={state === "ready" && rows.length > 0 && <Foot {...props} />}
        />
      </Page>
    </Split>
  );
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
  const [next] = rows.filter((s) => s.nextTime);
  const failing = rows.filter((s) => {
    const [run] = s.recentRuns;
    return run && ["partial", "failed", "missed"].includes(outcomeOf(run));
  }).length;
  return (
    <>
      {hasMore ? t("lead.atLeast", { count: rows.length }) : t("foot.count", { count: rows.length })}
      {failing > 0 && <>, {t("lead.failing", { count: failing })}</>}
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
  const { org, workspace } = useWorkspace();
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
          <Button kind="go" icon="plus" onClick={onNew}>
            {t("form.create")}
          </Button>
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
