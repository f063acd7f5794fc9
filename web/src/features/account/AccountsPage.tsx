import { useTranslation } from "react-i18next";
import { Permission } from "@/gen/cloudhub/v1/options_pb";
import { useAddress } from "@/lib/address";
import { useWorkspaceStream } from "@/lib/stream/WorkspaceStream";
import { useWorkspace } from "@/lib/workspace";
import { AccountDrawer } from "./AccountDrawer";
import { AccountsPageView } from "./AccountsPageView";
import { AddAccountPanel } from "./AddAccountPanel";
import { useCloudAccounts } from "./queries";

/** In the address: `open` is the account of the drawer, `add` the panel. */
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
  const close = () => address.set({ open: undefined, add: undefined });

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
      onOpen={(account) => address.set({ open: account.id, add: undefined }, "push")}
      onAdd={() => address.set({ add: "aws", open: undefined }, "push")}
      stale={
        stream.state === "offline"
          ? { since: stream.since, nextTry: stream.nextTry, onRetry: stream.retryNow }
          : undefined
      }
      aside={
        adding ? (
          <AddAccountPanel onClose={close} onAdded={(account) => address.set({ open: account.id, add: undefined })} />
        ) : opened ? (
          <AccountDrawer account={opened} onClose={close} />
        ) : undefined
      }
      panel={adding}
      title={t("title")}
    />
  );
}
