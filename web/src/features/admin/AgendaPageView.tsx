import { type ReactNode, useEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Badge } from "@/components/Badge";
import { Button } from "@/components/Button";
import { Facet, Facets } from "@/components/Facet";
import { SearchInput } from "@/components/form";
import { Page, Split } from "@/components/Page";
import { StateMark } from "@/components/StateMark";
import { EmptyState, ErrorState, StaleBanner } from "@/components/States";
import { type Column, Table, TableFoot } from "@/components/Table";
import { Tabs } from "@/components/Tabs";
import { RelativeTime } from "@/components/Time";
import type { AgendaRow, GetAgendaSummaryResponse } from "@/gen/cloudhub/v1/admin_pb";
import { useNow } from "@/lib/clock";
import { type Format, useFormat } from "@/lib/format";
import {
  idOf,
  kindName,
  kinds as kindsKnown,
  laneName,
  lanes as lanesKnown,
  oldestOf,
  stateMarks,
  stateOf,
  totals,
  type ViewName,
  views,
} from "./rows";
import { Summary } from "./Summary";
import "./admin.css";

type Filter = { kind?: string[]; lane?: string[]; org?: string | undefined };

export type AgendaPageViewProps = {
  summary: GetAgendaSummaryResponse | undefined;
  /** Undefined until they are read. */
  rows: readonly AgendaRow[] | undefined;
  /** Nothing could be read at all. */
  error: unknown;
  /** The last reading failed: what is shown is from then. */
  staleSince: number | undefined;
  busy: boolean;
  onRetry: () => void;
  view: ViewName;
  onView: (view: ViewName) => void;
  kinds: readonly string[];
  lanes: readonly string[];
  organization: string;
  onFilter: (changes: Filter) => void;
  openId: string | undefined;
  onOpen: (row: AgendaRow) => void;
  hasMore: boolean;
  loadingMore: boolean;
  onMore: () => void;
  aside: ReactNode;
};

export function AgendaPageView(props: AgendaPageViewProps) {
  const { summary, rows, error, staleSince, busy, onRetry, view, aside } = props;
  const { t } = useTranslation("admin");
  const format = useFormat();
  const now = useNow(5_000);
  const columns = useMemo(() => columnsOf({ t, format, now }), [t, format, now]);
  const filtered = props.kinds.length > 0 || props.lanes.length > 0 || props.organization !== "";
  const empty = rows?.length === 0;
  return (
    <Split aside={aside}>
      <Page title={t("title")} lead={<Lead summary={summary} />}>
        <Summary summary={summary} />
        <Table
          label={t("title")}
          twoLine
          columns={columns}
          rows={rows ?? []}
          rowId={idOf}
          loading={!rows && !error}
          openId={props.openId}
          onOpen={props.onOpen}
          tone={(row) => (row.parkTime ? "dim" : undefined)}
          top={<Top {...props} filtered={filtered} />}
          banner={staleSince !== undefined && <StaleBanner since={staleSince} onRetry={onRetry} />}
          slot={
            error ? (
              <ErrorState title={t("failed")} error={error} onRetry={onRetry} busy={busy}>
                {t("failedMeans")}
              </ErrorState>
            ) : empty ? (
              <EmptyState title={t(`empty.${view}`)}>{t(filtered ? "empty.filtered" : "empty.text")}</EmptyState>
            ) : undefined
          }
          foot={rows && !empty && <Foot {...props} count={rows.length} />}
        />
      </Page>
    </Split>
  );
}

function Lead({ summary }: { summary: GetAgendaSummaryResponse | undefined }) {
  const { t } = useTranslation("admin");
  const format = useFormat();
  const now = useNow(5_000);
  if (!summary) return null;
  const oldest = oldestOf(summary.counts);
  return oldest && totals(summary.counts).late > 0 ? (
    <span className="text-failed">{t("lead.late", { ago: format.ago(oldest, now) })}</span>
  ) : (
    t("lead.well")
  );
}

function Top(props: AgendaPageViewProps & { filtered: boolean }) {
  const { t } = useTranslation("admin");
  const sum = props.summary && totals(props.summary.counts);
  return (
    <>
      <Tabs<ViewName>
        label={t("view.label")}
        value={props.view}
        onChange={props.onView}
        options={views.map((value) => ({
          value,
          label: t(`view.${value}`),
          count: value === "all" ? undefined : sum?.[value],
        }))}
      />
      <Facets
        end={
          props.filtered && (
            <Button kind="quiet" small onClick={() => props.onFilter({ kind: [], lane: [], org: undefined })}>
              {t("filter.clear")}
            </Button>
          )
        }
      >
        <Organization value={props.organization} onChange={(org) => props.onFilter({ org })} />
        <Facet
          label={t("filter.kind")}
          options={kindsKnown.map((kind) => ({ value: kind, label: kindName(kind, t) }))}
          selected={props.kinds}
          onChange={(kind) => props.onFilter({ kind })}
        />
        <Facet
          label={t("filter.lane")}
          options={lanesKnown.map((lane) => ({ value: lane, label: t(`lane.${lane}`) }))}
          selected={props.lanes}
          onChange={(lane) => props.onFilter({ lane })}
        />
      </Facets>
    </>
  );
}

/** Asked for when the typing has paused. */
function Organization({ value, onChange }: { value: string; onChange: (org: string) => void }) {
  const { t } = useTranslation("admin");
  const [typed, setTyped] = useState(value);
  useEffect(() => setTyped(value), [value]);
  useEffect(() => {
    if (typed.trim() === value) return;
    const timer = setTimeout(() => onChange(typed.trim()), 300);
    return () => clearTimeout(timer);
  });
  return (
    <SearchInput
      className="w-[220px]"
      value={typed}
      maxLength={200}
      onChange={(event) => setTyped(event.target.value)}
      placeholder={t("filter.organization")}
      aria-label={t("filter.organization")}
    />
  );
}

function Foot({ count, hasMore, loadingMore, onMore }: AgendaPageViewProps & { count: number }) {
  const { t } = useTranslation("admin");
  const format = useFormat();
  const shown = format.number(count);
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
      {hasMore ? t("foot.atLeast", { shown }) : t("foot.count", { count, shown })}
    </TableFoot>
  );
}

type Texts = ReturnType<typeof useTranslation<"admin">>["t"];

function columnsOf({ t, format, now }: { t: Texts; format: Format; now: number }): ReadonlyArray<Column<AgendaRow>> {
  return [
    {
      id: "what",
      header: t("column.what"),
      name: true,
      width: 200,
      phone: 1,
      cell: (row) => (
        <span className="grid">
          <span className="el">{kindName(row.kind, t)}</span>
          <span className="id el">{row.subject}</span>
        </span>
      ),
    },
    {
      id: "organization",
      header: t("column.organization"),
      priority: 3,
      phone: 3,
      cell: (row) => <span className="el block max-w-[180px]">{row.orgName || t("installation")}</span>,
    },
    {
      id: "state",
      header: t("column.state"),
      grow: true,
      width: 180,
      phone: "w",
      cell: (row) => <State row={row} now={now} t={t} />,
    },
    { id: "lane", header: t("column.lane"), priority: 1, cell: (row) => laneName(row.lane, t) },
    { id: "due", header: t("column.due"), phone: 2, cell: (row) => <RelativeTime at={row.dueTime} /> },
    { id: "look", header: t("column.look"), priority: 1, cell: (row) => <RelativeTime at={row.lookTime} /> },
    {
      id: "starts",
      header: t("column.starts"),
      numeric: true,
      priority: 1,
      cell: (row) => (row.clock ? "–" : format.number(row.starts)),
    },
  ];
}

function State({ row, now, t }: { row: AgendaRow; now: number; t: Texts }) {
  const state = stateOf(row, now);
  const why = row.parkReason || row.lastError;
  return (
    <span className="grid gap-[2px]">
      <span className="flex items-center gap-2">
        <StateMark shape={stateMarks[state].shape} tone={stateMarks[state].tone}>
          {t(`mark.${state}`)}
        </StateMark>
        {row.late && state !== "late" && <Badge tone="warning">{t("mark.late")}</Badge>}
      </span>
      {why !== "" && (
        <span className="el block text-12 text-fg-2" title={why}>
          {why}
        </span>
      )}
    </span>
  );
}
