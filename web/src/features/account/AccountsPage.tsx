import { useTranslation } from "react-i18next";
import { Permission } from "@/gen/cloudhub/v1/options_pb";
import { useAddress } from "@/lib/address";
import { useWorkspaceStream } from "@/lib/stream/WorkspaceStream";
import { useWorkspace } from "@/lib/workspace";
import { AccountDrawer } from "./AccountDrawer";
import { AccountsPageView } from "./AccountsPageView";
import { AddAccountPanel } from "./AddAccountPanel";
import { useCloudAccounts } from "./queries";
import { ReplaceCredentialPanel } from "./ReplaceCredentialPanel";

/** In the address: `open` is the account of the drawer, `add` the panel, `credential` the form that replaces the account's. */
export function AccountsPage() {
  const { t } = useTranslation("account");
  const { can, workspace } = useWorkspace();
  const address = useAddress();
  const stream = useWorkspaceStream();
  const { data, error, refetch, isFetching } = useCloudAccounts();

  const accounts = data?.cloudAccounts;
  const opened = accounts?.find((account) => account.id === address.get("open"));
  const canManage = can(Permission.WORKSPACE_MANAGE);
  const adding = address.get("add") !== "" && canManage;
  const replacing = address.get("credential") !== "" && canManage;
  const close = () => address.set({ open: undefined, add: undefined, credential: undefined });

  return (
    <AccountsPageView
      accounts={accounts}
      error={data ? undefined : error}
      busy={isFetching}
      onRetry={() => void refetch()}
      denied={!can(Permission.RESOURCES_VIEW)}
      workspaceName={workspace.name}
      canManage={canManage}
      openId={opened?.id}
      onOpen={(account) => address.set({ open: account.id, add: undefined, credential: undefined }, "push")}
      onAdd={() => address.set({ add: "aws", open: undefined, credential: undefined }, "push")}
      stale={
        stream.state === "offline"
          ? { since: stream.since, nextTry: stream.nextTry, onRetry: stream.retryNow }
          : undefined
      }
      aside={
        adding ? (
          <AddAccountPanel onClose={close} onAdded={(account) => address.set({ open: account.id, add: undefined })} />
        ) : opened && replacing ? (
          <ReplaceCredentialPanel
            key={opened.id}
            account={opened}
            onDone={() => address.set({ credential: undefined })}
          />
        ) : opened ? (
          <AccountDrawer
            account={opened}
            onReplace={() => address.set({ credential: "replace" }, "push")}
            onClose={close}
          />
        ) : undefined
      }
      panel={adding || (replacing && opened !== undefined)}
      title={t("title")}
    />
  );
}
