import type { ReactNode } from "react";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { Button, IconButton, LinkButton } from "@/components/Button";
import { LeadSkeleton, Page, Split } from "@/components/Page";
import { DeniedState, EmptyState, ErrorState, StaleBanner } from "@/components/States";
import { Table, TableFoot } from "@/components/Table";
import { RelativeTime } from "@/components/Time";
import { Ruler } from "@/components/time/Ruler";
import type { CloudAccount } from "@/gen/cloudhub/v1/cloud_account_pb";
import type { Operation } from "@/gen/cloudhub/v1/operation_pb";
import { Permission } from "@/gen/cloudhub/v1/options_pb";
import { type Resource, ResourceState } from "@/gen/cloudhub/v1/resource_pb";
import { type Moment, useFormat } from "@/lib/format";
import { useWorkspace } from "@/lib/workspace";
import { instanceColumns } from "./columns";
import { Filters } from "./Filters";
import { type InstanceFilter, NO_FILTER, narrows, type TabCounts } from "./filters";
import { leadOf, regionsOf, tagsOf } from "./lead";
import type { ListState } from "./listState";
import type { Power } from "./power";
import { InstanceSelectionBar } from "./SelectionBar";
import "./instance.css";

export interface InstancesPageViewProps {
  state: ListState;
  error?: unknown;
  rows: readonly Resource[];
  counts: TabCounts | undefined;
  accounts: readonly CloudAccount[];
  operations: ReadonlyMap<string, Operation>;
  filter: InstanceFilter;
  onFilter: (change: Partial<InstanceFilter>) => void;
  selected: ReadonlySet<string>;
  onSelect: (next: Set<string>) => void;
  openId: string;
  onOpen: (id: string) => void;
  onPower: (power: Power, machines: Resource[]) => void;
  onSchedule: (machines: Resource[]) => void;
  onSync: () => void;
  syncing: boolean;
  onRetry: () => void;
  hasMore: boolean;
  loadingMore: boolean;
  onMore: () => void;
  /** The data is from before: since when, and when the next try comes. */
  stale?: { since: Moment; nextTry?: number | undefined; onRetry?: (() => void) | undefined } | undefined;
  /** The drawer or the schedule panel. */
  aside?: ReactNode;
  asideIsPanel?: boolean;
}

export function InstancesPageView(props: InstancesPageViewProps) {
  const { state, rows, accounts, operations, filter, onFilter, selected, counts } = props;
  const { t } = useTranslation("instance");
  const accountsById = useMemo(() => new Map(accounts.map((a) => [a.id, a])), [accounts]);
  const columns = useMemo(
    () => instanceColumns({ t, accounts: accountsById, operations }),
    [t, accountsById, operations],
  );
  const chosen = useMemo(() => rows.filter((r) => selected.has(r.id)), [rows, selected]);
  // What a filter hides is not acted upon.
  const shown = useMemo(() => new Set(chosen.map((r) => r.id)), [chosen]);
  const regions = useMemo(() => regionsOf(accounts, filter.regions), [accounts, filter.regions]);
  const tags = useMemo(() => tagsOf(rows, filter.tags), [rows, filter.tags]);
  const total = counts?.[filter.tab];
  return (
    <Split aside={props.aside} panel={props.asideIsPanel ?? false}>
      <Page
        title={t("title")}
        lead={accounts.length > 0 ? <LeadLine accounts={accounts} /> : state === "loading" && <LeadSkeleton />}
        actions={
          state !== "denied" && (
            <IconButton
              icon="refresh"
              label={t("refresh")}
              onClick={props.onSync}
              disabled={props.syncing || accounts.length === 0}
            />
          )
        }
      >
        <Table
          label={t("title")}
          columns={columns}
          rows={rows}
          rowId={rowId}
          rowName={rowName}
          loading={state === "loading"}
          slot={<Slot {...props} />}
          sort={{ id: "name", dir: "asc" }}
          selected={shown}
          onSelect={props.onSelect}
          tone={(row) => (row.state === ResourceState.GONE ? "dim" : undefined)}
          openId={props.openId || undefined}
          onOpen={(row) => props.onOpen(row.id)}
          total={total}
          onNearEnd={props.hasMore ? props.onMore : undefined}
          top={
            state !== "denied" && (
              <Filters
                filter={filter}
                counts={counts}
                accounts={accounts}
                regions={regions}
                tags={tags}
                onFilter={onFilter}
              />
            )
          }
          banner={props.stale && <StaleBanner {...props.stale} />}
          bar={
            <InstanceSelectionBar
              machines={chosen}
              onPower={props.onPower}
              onSchedule={props.onSchedule}
              onClear={() => props.onSelect(new Set())}
            />
          }
          foot={state === "ready" && rows.length > 0 && <Foot {...props} />}
        />
      </Page>
    </Split>
  );
}

const rowId = (r: Resource) => r.id;
const rowName = (r: Resource) => r.name || r.providerId;

function LeadLine({ accounts }: { accounts: readonly CloudAccount[] }) {
  const { t } = useTranslation("instance");
  const format = useFormat();
  const lead = leadOf(accounts);
  const unread = [
    ...(lead.failing > 0 ? [t("lead.accounts", { count: lead.failing })] : []),
    ...(lead.unread > 0 ? [t("lead.regions", { count: lead.unread })] : []),
  ];
  return (
    <>
      {t("lead.line", {
        total: format.number(lead.total),
        accounts: t("lead.accounts", { count: lead.accounts }),
        regions: t("lead.regions", { count: lead.regions }),
      })}
      {lead.reading ? (
        <>, {t("lead.reading")}</>
      ) : (
        lead.readAt && (
          <>
            , {t("lead.read")} <RelativeTime at={lead.readAt} />
          </>
        )
      )}
      {unread.length > 0 && <>. {t("lead.unread", { what: format.list(unread) })}</>}
    </>
  );
}

/** What stands in the place of rows; nothing when there are rows. */
function Slot({ state, error, rows, accounts, filter, onFilter, onRetry }: InstancesPageViewProps) {
  const { t } = useTranslation("instance");
  const { workspace, can, path } = useWorkspace();
  if (state === "denied") {
    return <DeniedState title={t("denied.title")} permission={Permission.RESOURCES_VIEW} workspace={workspace.name} />;
  }
  if (state === "error") {
    return (
      <ErrorState title={t("error.title")} error={error} onRetry={onRetry}>
        {t("error.body")}
      </ErrorState>
    );
  }
  if (state !== "ready" || rows.length > 0) return null;
  if (narrows(filter) || filter.tab !== "all") {
    return (
      <EmptyState
        title={t("empty.filtered")}
        action={<Button onClick={() => onFilter(NO_FILTER)}>{t("facet.clear")}</Button>}
      >
        {t("empty.filteredBody", { count: leadOf(accounts).total })}
      </EmptyState>
    );
  }
  const drawing = <Ruler className="w-full" segments={[]} label={t("empty.title")} />;
  if (accounts.length > 0) {
    return (
      <EmptyState title={t("empty.title")} drawing={drawing}>
        {leadOf(accounts).reading ? t("empty.reading") : t("empty.none")}
      </EmptyState>
    );
  }
  const allowed = can(Permission.WORKSPACE_MANAGE);
  return (
    <EmptyState
      title={t("empty.title")}
      drawing={drawing}
      action={
        allowed && (
          <LinkButton kind="go" icon="plus" to={`${path("accounts")}?add=aws`}>
            {t("empty.connect")}
          </LinkButton>
        )
      }
    >
      {t("empty.noAccount")}
      {!allowed && <p className="mt-2">{t("empty.connectDenied")}</p>}
    </EmptyState>
  );
}

function Foot({ rows, counts, filter, accounts, hasMore, loadingMore, onMore }: InstancesPageViewProps) {
  const { t } = useTranslation("instance");
  const total = counts?.[filter.tab] ?? rows.length;
  const all = leadOf(accounts).total;
  const filtered = (narrows(filter) || filter.tab !== "all") && all > 0;
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
      <span className="tnum">{t("foot.shown", { shown: rows.length, total: Math.max(total, rows.length) })}</span>
      {filtered && <span className="el">{t("foot.unfiltered", { count: all })}</span>}
    </TableFoot>
  );
}
