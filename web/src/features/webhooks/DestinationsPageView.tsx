import { type ReactNode, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/Button";
import { LeadSkeleton, Page, Split } from "@/components/Page";
import { DeniedState, EmptyState, ErrorState, StaleBanner } from "@/components/States";
import { type Column, Table, TableFoot } from "@/components/Table";
import { Past } from "@/components/Time";
import type { ListState } from "@/features/instance/listState";
import { Permission, Plan } from "@/gen/cloudhub/v1/options_pb";
import { type Destination, DestinationHealth } from "@/gen/cloudhub/v1/webhook_pb";
import { type Moment, useFormat } from "@/lib/format";
import { useWorkspace } from "@/lib/workspace";
import type { DestinationKind } from "./DestinationsPage";
import { EventCatalog } from "./EventCatalog";
import { Counts, Health } from "./Health";
import { Locked } from "./Locked";
import { channelWord, type Words } from "./words";
import "./webhooks.css";

export interface DestinationsPageViewProps {
  kind: DestinationKind;
  title: string;
  state: ListState;
  error?: unknown;
  rows: readonly Destination[];
  /** How many of each channel there may be; 0 while it is not known. */
  limit: number;
  /** There may be no more of any. */
  isFull: boolean;
  manage: boolean;
  openId: string;
  onOpen: (id: string) => void;
  onNew: () => void;
  onRetry: () => void;
  stale?: { since: Moment; nextTry?: number | undefined; onRetry?: (() => void) | undefined } | undefined;
  /** A secret that is to be stored. */
  banner?: ReactNode;
  aside?: ReactNode;
  /** The aside is a form. */
  panel: boolean;
  /** Below the list. */
  help?: ReactNode;
}

const destinationId = (one: Destination) => one.id;

export function DestinationsPageView(props: DestinationsPageViewProps) {
  const { kind, state, rows, manage } = props;
  const { t } = useTranslation("webhook");
  const { org, workspace } = useWorkspace();
  const [catalog, setCatalog] = useState(false);
  const columns = useColumns();
  const empty = state === "ready" && rows.length === 0;
  const why = !manage ? t("manageDenied") : props.isFull ? t(`${kind}.full`, { count: props.limit }) : undefined;
  const add = (
    <Button
      kind={props.panel ? "plain" : "go"}
      icon="plus"
      disabled={why !== undefined}
      title={why}
      onClick={props.onNew}
    >
      {t(`${kind}.new`)}
    </Button>
  );
  const slot = () => {
    if (state === "denied") {
      return (
        <DeniedState title={t(`${kind}.denied`)} permission={Permission.WEBHOOKS_VIEW} workspace={workspace.name} />
      );
    }
    if (state === "error") {
      return (
        <ErrorState title={t(`${kind}.error`)} error={props.error} onRetry={props.onRetry}>
          {t("errorBody")}
        </ErrorState>
      );
    }
    if (!empty) return null;
    if (org.plan === Plan.FREE) return <Locked />;
    return (
      <EmptyState title={t(`${kind}.empty.title`)} action={manage && add}>
        {t(`${kind}.empty.body`)}
        {!manage && <p className="mt-2">{t("manageDenied")}</p>}
      </EmptyState>
    );
  };
  return (
    <Split aside={props.aside} panel={props.panel}>
      <Page
        title={props.title}
        lead={
          state === "loading" ? (
            <LeadSkeleton />
          ) : (
            rows.length > 0 && <Lead kind={kind} rows={rows} limit={props.limit} />
          )
        }
        actions={
          state !== "denied" && (
            <>
              <Button icon="list" onClick={() => setCatalog(true)}>
                {t("catalog.open")}
              </Button>
              {!empty && !props.panel && add}
            </>
          )
        }
      >
        {props.banner && <div className="mb-4">{props.banner}</div>}
        <Table
          label={props.title}
          twoLine
          columns={columns}
          rows={rows}
          rowId={destinationId}
          loading={state === "loading"}
          openId={props.openId || undefined}
          onOpen={(one) => props.onOpen(one.id)}
          tone={(one) => (one.health === DestinationHealth.PAUSED ? "dim" : undefined)}
          banner={props.stale && <StaleBanner {...props.stale} />}
          slot={slot()}
          foot={
            state === "ready" &&
            rows.length > 0 && (
              <TableFoot>{props.isFull ? t(`${kind}.full`, { count: props.limit }) : t("foot")}</TableFoot>
            )
          }
        />
        {state !== "denied" && props.help}
      </Page>
      {catalog && <EventCatalog onClose={() => setCatalog(false)} />}
    </Split>
  );
}

/** How many of how many, and which of them need somebody. */
function Lead({ kind, rows, limit }: { kind: DestinationKind; rows: readonly Destination[]; limit: number }) {
  const { t } = useTranslation("webhook");
  const count = (...healths: DestinationHealth[]) => rows.filter((one) => healths.includes(one.health)).length;
  const failing = count(DestinationHealth.FAILING, DestinationHealth.COOLING);
  const disabled = count(DestinationHealth.DISABLED);
  const paused = count(DestinationHealth.PAUSED);
  return (
    <>
      {kind === "webhooks" && limit > 0
        ? t("lead.of", { count: rows.length, limit })
        : t("lead.channels", { count: rows.length, limit })}
      {failing > 0 && <span className="text-warning">, {t("lead.failing", { count: failing })}</span>}
      {disabled > 0 && <span className="text-failed">, {t("lead.disabled", { count: disabled })}</span>}
      {paused > 0 && <>, {t("lead.paused", { count: paused })}</>}
      {"."}
    </>
  );
}

function useColumns(): ReadonlyArray<Column<Destination>> {
  const { t } = useTranslation("webhook");
  const format = useFormat();
  return useMemo<ReadonlyArray<Column<Destination>>>(
    () => [
      {
        id: "name",
        header: t("column.name"),
        name: true,
        stacked: true,
        grow: true,
        phone: 1,
        cell: (one) => (
          <>
            <span className="el block">{one.name}</span>
            <span className="el block text-12 font-normal text-fg-3">{placeText(one, t, format.list)}</span>
          </>
        ),
      },
      { id: "health", header: t("column.health"), phone: 3, cell: (one) => <Health destination={one} /> },
      { id: "queue", header: t("column.queue"), phone: 4, cell: (one) => <Counts destination={one} /> },
      {
        id: "success",
        header: t("column.success"),
        priority: 2,
        cell: (one) =>
          one.lastSuccessTime ? (
            <Past at={one.lastSuccessTime} />
          ) : (
            <span className="text-fg-3">{t("since.never")}</span>
          ),
      },
      {
        id: "events",
        header: t("column.events"),
        priority: 1,
        cell: (one) => (one.events.length === 0 ? t("eventsAll") : t("eventsSome", { count: one.events.length })),
      },
    ],
    [t, format],
  );
}

/** Where it goes, in one line. */
function placeText(one: Destination, t: Words, list: (values: readonly string[]) => string): string {
  const config = one.config;
  switch (config.case) {
    case "webhook":
      return config.value.url.replace(/^https:\/\//, "");
    case "email":
      return `${t("channel.email")} · ${list(config.value.recipients)}`;
    case "slack":
    case "teams":
      return `${t(`channel.${channelWord(one.channel)}`)} · ${config.value.urlHint}`;
    default:
      return t(`channel.${channelWord(one.channel)}`);
  }
}
