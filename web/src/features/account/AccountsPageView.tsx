import type { ReactNode } from "react";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { ProviderMark, Simulated } from "@/components/Badge";
import { Button } from "@/components/Button";
import { LeadSkeleton, Page, Split } from "@/components/Page";
import { DeniedState, EmptyState, ErrorState, StaleBanner } from "@/components/States";
import { type Column, Table, TableFoot } from "@/components/Table";
import { RelativeTime, When } from "@/components/Time";
import { type CloudAccount, CloudAccountState } from "@/gen/cloudhub/v1/cloud_account_pb";
import { Permission } from "@/gen/cloudhub/v1/options_pb";
import { useFormat } from "@/lib/format";
import { AccountState, CoverageBar, CoverageText } from "./AccountState";
import "./account.css";
import { byRole, roleName } from "./credential";
import { spaced } from "./policy";

export type AccountsPageViewProps = {
  title: string;
  /** Undefined until they are read. */
  accounts: readonly CloudAccount[] | undefined;
  error: unknown;
  busy: boolean;
  onRetry: () => void;
  denied: boolean;
  workspaceName: string;
  canManage: boolean;
  openId: string | undefined;
  onOpen: (account: CloudAccount) => void;
  onAdd: () => void;
  stale: { since: number; nextTry: number | undefined; onRetry: () => void } | undefined;
  aside: ReactNode;
  panel: boolean;
};

const accountId = (account: CloudAccount) => account.id;

export function AccountsPageView(props: AccountsPageViewProps) {
  const {
    title,
    accounts,
    error,
    busy,
    onRetry,
    denied,
    workspaceName,
    canManage,
    openId,
    onOpen,
    onAdd,
    stale,
    aside,
    panel,
  } = props;
  const { t } = useTranslation("account");
  const columns = useColumns();
  const add = canManage && (
    // The panel has a main button of its own.
    <Button kind={panel ? "plain" : "go"} icon="plus" onClick={onAdd}>
      {t("add.open")}
    </Button>
  );
  const empty = accounts?.length === 0;

  return (
    <Split aside={aside} panel={panel}>
      <Page
        title={title}
        lead={accounts ? !empty && <Lead accounts={accounts} /> : !error && !denied && <LeadSkeleton />}
        actions={!empty && !denied && !error ? add : undefined}
      >
        <Table
          label={title}
          columns={columns}
          rows={accounts ?? []}
          rowId={accountId}
          loading={!accounts && !error && !denied}
          openId={openId}
          onOpen={onOpen}
          twoLine
          banner={stale && <StaleBanner {...stale} />}
          slot={
            denied ? (
              <DeniedState title={t("denied")} permission={Permission.RESOURCES_VIEW} workspace={workspaceName} />
            ) : error ? (
              <ErrorState title={t("failed")} error={error} onRetry={onRetry} busy={busy}>
                {t("failedMeans")}
              </ErrorState>
            ) : empty ? (
              <EmptyState
                title={t("empty.title")}
                action={canManage ? add : <span className="text-12 text-fg-3">{t("empty.ask")}</span>}
              >
                {t("empty.text")}
              </EmptyState>
            ) : undefined
          }
          foot={accounts && !empty && <TableFoot>{t("foot", { count: accounts.length })}</TableFoot>}
        />
      </Page>
    </Split>
  );
}

/** One line that says the state of things: how many, what they hold, how fresh, and what needs somebody. */
function Lead({ accounts }: { accounts: readonly CloudAccount[] }) {
  const { t } = useTranslation("account");
  const format = useFormat();
  const resources = accounts.reduce((sum, account) => sum + account.resourceCount, 0);
  const failing = accounts.filter((account) => account.state === CloudAccountState.FAILING).length;
  const oldest = accounts
    .filter((account) => account.lastSyncTime)
    .reduce<CloudAccount | undefined>(
      (old, account) =>
        !old || (account.lastSyncTime?.seconds ?? 0n) < (old.lastSyncTime?.seconds ?? 0n) ? account : old,
      undefined,
    );
  return (
    <>
      {t("lead.accounts", { count: accounts.length })},{" "}
      {t("lead.resources", { count: resources, shown: format.number(resources) })}
      {oldest && (
        <>
          , {t("lead.read")} <RelativeTime at={oldest.lastSyncTime} />
        </>
      )}
      {failing > 0 && <span className="text-failed">{t("lead.failing", { count: failing })}</span>}
    </>
  );
}

function useColumns(): ReadonlyArray<Column<CloudAccount>> {
  const { t } = useTranslation("account");
  const format = useFormat();
  return useMemo<ReadonlyArray<Column<CloudAccount>>>(
    () => [
      {
        id: "name",
        header: t("column.name"),
        name: true,
        grow: true,
        width: 128,
        phone: 1,
        cell: (account) => <ProviderMark provider={account.provider}>{account.name}</ProviderMark>,
        after: (account) => <Simulated when={account.simulated} />,
      },
      {
        id: "external",
        header: t("column.externalId"),
        priority: 1,
        cell: (account) => (
          <span className="grid">
            <span className="tnum">{spaced(account.externalId)}</span>
            <span className="text-12 text-fg-3">
              {byRole(account)
                ? t("facts.byRole", { role: roleName(account.roleArn) })
                : t("facts.keyHint", { hint: account.credentialHint })}
            </span>
          </span>
        ),
      },
      {
        id: "state",
        header: t("column.state"),
        phone: 3,
        cell: (account) => (
          <span className="grid gap-[2px]">
            <AccountState account={account} />
            <span className="flex items-center gap-2">
              <CoverageBar account={account} />
              <CoverageText account={account} />
            </span>
          </span>
        ),
      },
      {
        id: "changes",
        header: t("column.changes"),
        priority: 2,
        cell: (account) => (
          <span className={account.observeOnly ? "text-fg-2" : undefined}>
            {t(account.observeOnly ? "changes.observe" : "changes.power")}
          </span>
        ),
      },
      {
        id: "resources",
        header: t("column.resources"),
        numeric: true,
        phone: 2,
        unit: t("column.resources"),
        cell: (account) => format.number(account.resourceCount),
      },
      {
        id: "read",
        header: t("column.read"),
        priority: 4,
        phone: 4,
        cell: (account) => (
          <span className="grid">
            {account.lastSyncTime ? (
              <RelativeTime at={account.lastSyncTime} />
            ) : (
              <span className="text-fg-3">{t("facts.never")}</span>
            )}
            {account.nextSyncTime && (
              <span className="text-12 text-fg-3">
                {t("column.next")} <When at={account.nextSyncTime} />
              </span>
            )}
          </span>
        ),
      },
    ],
    [t, format],
  );
}
