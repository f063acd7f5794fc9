import { type ReactNode, useMemo } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { Badge } from "@/components/Badge";
import { Button } from "@/components/Button";
import { Facet, Facets } from "@/components/Facet";
import { Input } from "@/components/form";
import { LeadSkeleton, Page, Split } from "@/components/Page";
import { StateMark } from "@/components/StateMark";
import { DeniedState, EmptyState, ErrorState, StaleBanner } from "@/components/States";
import { type Column, SelectionBar, Table, TableFoot } from "@/components/Table";
import { Past, When } from "@/components/Time";
import type { ListState } from "@/features/instance/listState";
import { Permission } from "@/gen/cloudhub/v1/options_pb";
import { Channel, type Delivery, type Destination } from "@/gen/cloudhub/v1/webhook_pb";
import { isReason } from "@/lib/errors";
import { type Moment, useFormat } from "@/lib/format";
import { useWorkspace } from "@/lib/workspace";
import { Counts, Health, hasCounts } from "./Health";
import { canReplay, isStopped, STATE_WORDS, type StateWord, stateMark, stateOfWord } from "./words";
import "./webhooks.css";

export interface DeliveriesFilter {
  states: readonly StateWord[];
  types: readonly string[];
  /** As a field of date and time writes them, on the workspace's wall. */
  since: string;
  until: string;
}

export interface DeliveriesPageViewProps {
  /** Undefined until it is read. */
  destination: Destination | undefined;
  destinationError: unknown;
  state: ListState;
  error?: unknown;
  rows: readonly Delivery[];
  filter: DeliveriesFilter;
  eventTypes: readonly string[];
  onFilter: (changes: { state?: readonly string[]; type?: readonly string[]; since?: string; until?: string }) => void;
  manage: boolean;
  selected: ReadonlySet<string>;
  onSelect: (next: Set<string>) => void;
  onReplaySelected: () => void;
  onReplayRange: () => void;
  openId: string;
  onOpen: (id: string) => void;
  onRetry: () => void;
  hasMore: boolean;
  loadingMore: boolean;
  onMore: () => void;
  stale?: { since: Moment; nextTry?: number | undefined; onRetry?: (() => void) | undefined } | undefined;
  aside?: ReactNode;
}

/** The server takes so many ids at once. */
const MOST_IDS = 500;

export function DeliveriesPageView(props: DeliveriesPageViewProps) {
  const { destination, state, rows, filter, manage, selected } = props;
  const { t } = useTranslation("webhook");
  const { workspace, path } = useWorkspace();
  const columns = useColumns();
  const webhooks = destination === undefined || destination.channel === Channel.WEBHOOK;
  const filtered = filter.states.length > 0 || filter.types.length > 0 || filter.since !== "" || filter.until !== "";
  const stopped = destination !== undefined && isStopped(destination.health);
  const why = !manage ? t("manageDenied") : stopped ? t("replay.stopped") : undefined;
  const clear = () => props.onFilter({ state: [], type: [], since: "", until: "" });
  const slot = () => {
    if (state === "denied") {
      return (
        <DeniedState title={t("deliveries.denied")} permission={Permission.WEBHOOKS_VIEW} workspace={workspace.name} />
      );
    }
    if (state === "error" || props.destinationError) {
      const error = props.destinationError ?? props.error;
      return (
        <ErrorState
          title={isReason(error, "NOT_FOUND") ? t("drawer.missing") : t("deliveries.error")}
          error={error}
          onRetry={isReason(error, "NOT_FOUND") ? undefined : props.onRetry}
        >
          {!isReason(error, "NOT_FOUND") && t("errorBody")}
        </ErrorState>
      );
    }
    if (state !== "ready") return null;
    return filtered ? (
      <EmptyState title={t("deliveries.none")} action={<Button onClick={clear}>{t("deliveries.clear")}</Button>}>
        {t("deliveries.noneBody")}
      </EmptyState>
    ) : (
      <EmptyState title={t("deliveries.empty")}>{t("deliveries.emptyBody")}</EmptyState>
    );
  };
  return (
    <Split aside={props.aside}>
      <nav className="wh-crumb" aria-label={t("deliveries.crumb")}>
        <Link to={path(webhooks ? "webhooks" : "channels")}>{t(webhooks ? "webhooks.title" : "channels.title")}</Link>
        <span aria-hidden="true">›</span>
        {destination && (
          <>
            <Link to={`${path(webhooks ? "webhooks" : "channels")}?id=${destination.id}`}>{destination.name}</Link>
            <span aria-hidden="true">›</span>
          </>
        )}
        <span>{t("deliveries.title")}</span>
      </nav>
      <Page
        title={destination ? t("deliveries.of", { name: destination.name }) : t("deliveries.title")}
        lead={
          destination ? (
            <span className="wh-lead">
              <Health destination={destination} />
              {hasCounts(destination) && <Counts destination={destination} />}
            </span>
          ) : (
            state === "loading" && <LeadSkeleton />
          )
        }
        actions={
          destination && (
            <Button icon="refresh" disabled={why !== undefined} title={why} onClick={props.onReplayRange}>
              {t("replay.open")}
            </Button>
          )
        }
      >
        <Table
          label={t("deliveries.title")}
          twoLine
          columns={columns}
          rows={rows}
          rowId={(row) => row.id}
          rowName={(row) => `${row.eventType} ${row.messageId}`}
          loading={state === "loading" && !props.destinationError}
          top={state !== "denied" && <Filters {...props} />}
          slot={slot()}
          openId={props.openId || undefined}
          onOpen={(row) => props.onOpen(row.id)}
          selected={selected}
          onSelect={props.onSelect}
          notSelectable={(row) => (canReplay(row.state) ? undefined : t("replay.onItsWay"))}
          banner={props.stale && <StaleBanner {...props.stale} />}
          bar={
            <SelectionBar
              said={t("deliveries.selected", { count: selected.size })}
              detail={selected.size > MOST_IDS ? t("replay.tooMany") : why}
              onClear={() => props.onSelect(new Set())}
            >
              <Button
                icon="refresh"
                disabled={why !== undefined || selected.size > MOST_IDS}
                title={why}
                onClick={props.onReplaySelected}
              >
                {t("replay.again", { count: selected.size })}
              </Button>
            </SelectionBar>
          }
          foot={
            state === "ready" &&
            rows.length > 0 && (
              <TableFoot
                end={
                  props.hasMore && (
                    <Button kind="quiet" small busy={props.loadingMore} onClick={props.onMore}>
                      {t("deliveries.more")}
                    </Button>
                  )
                }
              >
                {props.hasMore
                  ? t("deliveries.atLeast", { count: rows.length })
                  : t("deliveries.count", { count: rows.length })}
              </TableFoot>
            )
          }
        />
      </Page>
    </Split>
  );
}

function Filters({ filter, eventTypes, onFilter }: DeliveriesPageViewProps) {
  const { t } = useTranslation("webhook");
  const format = useFormat();
  const known = [...new Set([...eventTypes, ...filter.types])];
  return (
    <Facets
      end={
        format.zone && (
          <span className="only-d text-12 text-fg-3">{t("zone", { zone: format.zoneName(format.zone) })}</span>
        )
      }
    >
      <Facet
        label={t("filter.state")}
        options={STATE_WORDS.map((value) => {
          const mark = markOf(value);
          return {
            value,
            text: t(`state.${value}`),
            label: (
              <StateMark shape={mark.shape} tone={mark.tone}>
                {t(`state.${value}`)}
              </StateMark>
            ),
          };
        })}
        selected={filter.states}
        onChange={(state) => onFilter({ state })}
      />
      <Facet
        label={t("filter.type")}
        options={known.map((value) => ({ value, label: value }))}
        selected={filter.types}
        onChange={(type) => onFilter({ type })}
      />
      <label className="wh-time">
        <span>{t("filter.since")}</span>
        <Input
          type="datetime-local"
          value={filter.since}
          max={filter.until || undefined}
          onChange={(event) => onFilter({ since: event.target.value })}
        />
      </label>
      <label className="wh-time">
        <span>{t("filter.until")}</span>
        <Input
          type="datetime-local"
          value={filter.until}
          min={filter.since || undefined}
          onChange={(event) => onFilter({ until: event.target.value })}
        />
      </label>
    </Facets>
  );
}

function markOf(word: StateWord) {
  return stateMark(stateOfWord(word));
}

function useColumns(): ReadonlyArray<Column<Delivery>> {
  const { t } = useTranslation("webhook");
  const format = useFormat();
  return useMemo<ReadonlyArray<Column<Delivery>>>(
    () => [
      {
        id: "type",
        header: t("column.type"),
        name: true,
        stacked: true,
        grow: true,
        phone: 1,
        cell: (row) => (
          <>
            <span className="el block">{row.eventType}</span>
            <span className="el block text-12 font-normal text-fg-3">{row.messageId}</span>
          </>
        ),
        after: (row) => row.replayed && <Badge title={t("replayedWhat")}>{t("replayed")}</Badge>,
      },
      {
        id: "state",
        header: t("column.state"),
        phone: 3,
        cell: (row) => {
          const mark = stateMark(row.state);
          return (
            <span className="grid min-w-0">
              <StateMark shape={mark.shape} tone={mark.tone}>
                {t(`state.${mark.word}`)}
              </StateMark>
              <span className="el wh-why text-12 text-fg-3">
                {row.lastStatus > 0 && <span className="tnum">{row.lastStatus} </span>}
                <span lang="en">{row.lastError}</span>
              </span>
            </span>
          );
        },
      },
      {
        id: "created",
        header: t("column.created"),
        phone: 2,
        priority: 3,
        cell: (row) => <Past at={row.createTime} />,
      },
      {
        id: "attempts",
        header: t("column.attempts"),
        numeric: true,
        priority: 4,
        phone: 4,
        unit: t("column.attempts"),
        cell: (row) => format.number(row.attemptCount),
      },
      {
        id: "next",
        header: t("column.next"),
        priority: 1,
        cell: (row) =>
          row.nextAttemptTime && !canReplay(row.state) ? (
            <When at={row.nextAttemptTime} />
          ) : (
            <span className="text-fg-3">{t("noNext")}</span>
          ),
      },
    ],
    [t, format],
  );
}
