import { type ReactNode, useMemo } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/Button";
import { LeadSkeleton, Page, Split } from "@/components/Page";
import { DeniedState, ErrorState, StaleBanner } from "@/components/States";
import { type Column, Table, TableFoot } from "@/components/Table";
import type { ListState } from "@/features/instance/listState";
import { BRAZIL } from "@/features/schedule/names";
import { ScheduleTabs } from "@/features/schedule/ScheduleTabs";
import type { Calendar } from "@/gen/cloudhub/v1/calendar_pb";
import { Permission } from "@/gen/cloudhub/v1/options_pb";
import { type Moment, useFormat } from "@/lib/format";
import { useWorkspace } from "@/lib/workspace";
import { Reading } from "./Reading";
import { sourceWord } from "./source";
import "@/features/schedule/schedule.css";

export interface CalendarsPageViewProps {
  state: ListState;
  error?: unknown;
  rows: readonly Calendar[];
  manage: boolean;
  openId: string;
  onOpen: (id: string) => void;
  onNew: () => void;
  onRetry: () => void;
  stale?: { since: Moment; nextTry?: number | undefined; onRetry?: (() => void) | undefined } | undefined;
  aside?: ReactNode;
  /** The aside is a form. */
  panel: boolean;
}

export function CalendarsPageView(props: CalendarsPageViewProps) {
  const { state, rows, manage } = props;
  const { t } = useTranslation("calendar");
  const { workspace } = useWorkspace();
  const format = useFormat();
  const columns = useMemo<Column<Calendar>[]>(
    () => [
      {
        id: "name",
        header: t("column.name"),
        name: true,
        stacked: true,
        grow: true,
        phone: 1,
        cell: (calendar) => (
          <>
            <span className="el block">{calendar.id === BRAZIL ? t("brazil") : calendar.name}</span>
            <span className="el block text-12 font-normal text-fg-3">
              {t(`source.${sourceWord(calendar.source)}`)}
              {calendar.address !== "" && ` · ${calendar.address.replace(/^https:\/\//, "")}`}
            </span>
          </>
        ),
      },
      {
        id: "days",
        header: t("column.days"),
        numeric: true,
        priority: 2,
        phone: 2,
        unit: t("column.days"),
        cell: (calendar) => format.number(calendar.dayCount),
      },
      {
        id: "used",
        header: t("column.used"),
        priority: 3,
        phone: 4,
        cell: (calendar) =>
          calendar.scheduleCount > 0 ? (
            t("used", { count: calendar.scheduleCount })
          ) : (
            <span className="text-fg-3">{t("unused")}</span>
          ),
      },
      {
        id: "read",
        header: t("column.read"),
        phone: 3,
        cell: (calendar) => <Reading calendar={calendar} />,
      },
    ],
    [t, format],
  );
  const failing = rows.filter((calendar) => calendar.lastError !== "").length;
  const lead = () => {
    if (state === "loading") return <LeadSkeleton />;
    if (state !== "ready") return false;
    return (
      <>
        {t("lead", { count: rows.length })}
        {failing > 0 && <span className="text-warning">, {t("leadFailing", { count: failing })}</span>}
        {"."}
      </>
    );
  };
  return (
    <Split aside={props.aside} panel={props.panel}>
      <Page
        title={t("title")}
        lead={lead()}
        actions={
          state !== "denied" &&
          !props.panel && (
            <Button
              kind="go"
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
        <ScheduleTabs />
        <Table
          label={t("title")}
          twoLine
          columns={columns}
          rows={rows}
          rowId={(calendar) => calendar.id}
          loading={state === "loading"}
          openId={props.openId || undefined}
          onOpen={(calendar) => props.onOpen(calendar.id)}
          banner={props.stale && <StaleBanner {...props.stale} />}
          slot={
            state === "denied" ? (
              <DeniedState title={t("denied")} permission={Permission.SCHEDULES_VIEW} workspace={workspace.name} />
            ) : (
              state === "error" && (
                <ErrorState title={t("error")} error={props.error} onRetry={props.onRetry}>
                  {t("errorBody")}
                </ErrorState>
              )
            )
          }
          foot={state === "ready" && rows.length > 0 && <TableFoot>{manage ? t("foot") : t("manageDenied")}</TableFoot>}
        />
      </Page>
    </Split>
  );
}
