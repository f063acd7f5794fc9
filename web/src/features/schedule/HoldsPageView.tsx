import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { Button } from "@/components/Button";
import { Icon } from "@/components/Icon";
import { LeadSkeleton, Page } from "@/components/Page";
import { StateMark } from "@/components/StateMark";
import { DeniedState, EmptyState, ErrorState, StaleBanner } from "@/components/States";
import { type Column, Table, TableFoot } from "@/components/Table";
import { Tabs } from "@/components/Tabs";
import { Past, When } from "@/components/Time";
import type { ListState } from "@/features/instance/listState";
import { Permission } from "@/gen/cloudhub/v1/options_pb";
import type { Hold } from "@/gen/cloudhub/v1/schedule_pb";
import { useNow } from "@/lib/clock";
import { type Moment, toDate } from "@/lib/format";
import { useWorkspace } from "@/lib/workspace";
import { ScheduleTabs } from "./ScheduleTabs";
import "./schedule.css";

export interface HoldsPageViewProps {
  state: ListState;
  error?: unknown;
  rows: readonly Hold[];
  /** Those that are over too. */
  all: boolean;
  onAll: (all: boolean) => void;
  onEnd: (hold: Hold) => void;
  /** The id of the one that is being ended. */
  ending: string | undefined;
  onRetry: () => void;
  hasMore: boolean;
  loadingMore: boolean;
  onMore: () => void;
  stale?: { since: Moment; nextTry?: number | undefined; onRetry?: (() => void) | undefined } | undefined;
}

export function HoldsPageView(props: HoldsPageViewProps) {
  const { state, rows, all, onEnd, ending } = props;
  const { t } = useTranslation("schedule");
  const { can, path, workspace } = useWorkspace();
  const now = useNow(30_000);
  const manage = can(Permission.SCHEDULES_MANAGE);
  const columns = useMemo<Column<Hold>[]>(
    () => [
      {
        id: "subject",
        header: t("holds.column.subject"),
        phone: 1,
        cell: (hold) => (
          <span className="hold-subject">
            <Icon name={hold.scheduleId ? "calendar" : "machine"} />
            <Link
              className="el font-medium text-fg"
              to={
                hold.scheduleId
                  ? `${path("schedules")}?id=${hold.scheduleId}`
                  : `${path("aws/ec2")}?id=${hold.resourceId}`
              }
            >
              {hold.subjectName || t("holds.gone")}
            </Link>
            <span className="sr">{t(hold.scheduleId ? "holds.schedule" : "holds.machine")}</span>
          </span>
        ),
      },
      {
        id: "reason",
        header: t("holds.column.reason"),
        grow: true,
        phone: "w",
        cell: (hold) => (
          <span className="el block" title={hold.reason}>
            {hold.reason}
          </span>
        ),
      },
      {
        id: "until",
        header: t("holds.column.until"),
        phone: 2,
        cell: (hold) => <Until hold={hold} now={now} />,
      },
      {
        id: "by",
        header: t("holds.column.by"),
        priority: 3,
        phone: 3,
        cell: (hold) => (
          <span className="grid">
            <span>{hold.createdByName || "–"}</span>
            <span className="text-12 text-fg-3">
              <Past at={hold.createTime} />
            </span>
          </span>
        ),
      },
      {
        id: "end",
        header: <span className="sr">{t("column.actions")}</span>,
        phone: 4,
        cell: (hold) =>
          inForce(hold, now) && (
            <Button
              small
              disabled={!manage}
              title={manage ? undefined : t("manageDenied")}
              busy={ending === hold.id}
              aria-label={t("holds.endOf", { name: hold.subjectName })}
              onClick={() => onEnd(hold)}
            >
              {t("holds.end")}
            </Button>
          ),
      },
    ],
    [t, path, now, manage, ending, onEnd],
  );
  const force = rows.filter((hold) => inForce(hold, now)).length;
  const slot = () => {
    if (state === "denied") {
      return (
        <DeniedState title={t("holds.denied")} permission={Permission.SCHEDULES_VIEW} workspace={workspace.name} />
      );
    }
    if (state === "error") {
      return (
        <ErrorState title={t("holds.error")} error={props.error} onRetry={props.onRetry}>
          {t("holds.errorBody")}
        </ErrorState>
      );
    }
    if (state !== "ready") return null;
    return <EmptyState title={t(all ? "holds.emptyAll" : "holds.empty")}>{t("holds.emptyBody")}</EmptyState>;
  };
  return (
    <Page
      title={t("holds.title")}
      lead={state === "ready" ? t("holds.lead", { count: force }) : state === "loading" && <LeadSkeleton />}
    >
      <ScheduleTabs />
      <Table
        label={t("holds.title")}
        twoLine
        columns={columns}
        rows={rows}
        rowId={(hold) => hold.id}
        loading={state === "loading"}
        tone={(hold) => (inForce(hold, now) ? undefined : "dim")}
        top={
          state !== "denied" && (
            <Tabs
              label={t("holds.which")}
              value={all ? "all" : "force"}
              options={[
                { value: "force", label: t("holds.inForce") },
                { value: "all", label: t("holds.all") },
              ]}
              onChange={(value) => props.onAll(value === "all")}
            />
          )
        }
        banner={props.stale && <StaleBanner {...props.stale} />}
        slot={slot()}
        foot={
          state === "ready" &&
          rows.length > 0 && (
            <TableFoot
              end={
                props.hasMore && (
                  <Button kind="quiet" small busy={props.loadingMore} onClick={props.onMore}>
                    {t("foot.more")}
                  </Button>
                )
              }
            >
              <span>{t("holds.count", { count: rows.length })}</span>
            </TableFoot>
          )
        }
      />
    </Page>
  );
}

/** Until when; one that is over says how it ended. */
function Until({ hold, now }: { hold: Hold; now: number }) {
  const { t } = useTranslation("schedule");
  if (inForce(hold, now)) {
    return (
      <span className="grid">
        <StateMark shape="held" tone="warning">
          <When at={hold.untilTime} />
        </StateMark>
      </span>
    );
  }
  return (
    <span className="grid text-fg-2">
      {hold.endTime ? (
        <>
          <span>{hold.endedByName ? t("holds.endedBy", { name: hold.endedByName }) : t("holds.endedEarly")}</span>
          <span className="text-12 text-fg-3">
            <Past at={hold.endTime} />
          </span>
        </>
      ) : (
        <>
          <span>{t("holds.over")}</span>
          <span className="text-12 text-fg-3">
            <Past at={hold.untilTime} />
          </span>
        </>
      )}
    </span>
  );
}

export function inForce(hold: Pick<Hold, "untilTime" | "endTime">, now: number): boolean {
  const until = toDate(hold.untilTime);
  return !hold.endTime && until !== undefined && until.getTime() > now;
}
