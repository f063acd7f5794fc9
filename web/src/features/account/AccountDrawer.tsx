import { create } from "@bufbuild/protobuf";
import { FieldMaskSchema } from "@bufbuild/protobuf/wkt";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { toast } from "@/components/Toast";
import type { CloudAccount } from "@/gen/cloudhub/v1/cloud_account_pb";
import { Permission } from "@/gen/cloudhub/v1/options_pb";
import { useWorkspace } from "@/lib/workspace";
import { AccountDrawerView } from "./AccountDrawerView";
import { useDeleteCloudAccount, useSyncAccounts, useUpdateCloudAccount } from "./queries";
import { RemoveAccountDialog } from "./RemoveAccountDialog";

export function AccountDrawer({
  account,
  onReplace,
  onClose,
}: {
  account: CloudAccount;
  onReplace: () => void;
  onClose: () => void;
}) {
  const { t } = useTranslation("account");
  const { ids, can, path } = useWorkspace();
  const rename = useUpdateCloudAccount();
  const observe = useUpdateCloudAccount();
  const sync = useSyncAccounts();
  const remove = useDeleteCloudAccount();
  const [removing, setRemoving] = useState(false);
  // Asked and not begun: until the stream tells of the reading.
  const [asked, setAsked] = useState<bigint>();
  // biome-ignore lint/correctness/useExhaustiveDependencies: what was said of one account is not about the next.
  useEffect(() => {
    rename.reset();
    observe.reset();
    setAsked(undefined);
  }, [account.id]);

  const target = { ...ids, cloudAccountId: account.id, etag: account.etag };
  const mask = (path: string) => create(FieldMaskSchema, { paths: [path] });

  return (
    <>
      <AccountDrawerView
        account={account}
        canManage={can(Permission.WORKSPACE_MANAGE)}
        resourcesHref={`${path("aws/ec2")}?account=${account.id}`}
        onClose={onClose}
        onSync={() =>
          sync.mutate({ ...ids, cloudAccountIds: [account.id] }, { onSuccess: () => setAsked(account.version) })
        }
        syncing={sync.isPending || asked === account.version}
        syncError={sync.error}
        onRename={async (name) => {
          await rename.mutateAsync({ ...target, name, updateMask: mask("name") });
          toast(t("renamed", { name }), { shape: "ok" });
        }}
        onObserve={(observeOnly) => observe.mutate({ ...target, observeOnly, updateMask: mask("observe_only") })}
        observing={observe.isPending}
        observeWanted={observe.variables?.observeOnly}
        observeError={observe.error}
        onReplace={onReplace}
        onRemove={() => setRemoving(true)}
      />
      <RemoveAccountDialog
        open={removing}
        account={account}
        busy={remove.isPending}
        error={remove.error}
        onClose={() => {
          setRemoving(false);
          remove.reset();
        }}
        onConfirm={() =>
          remove.mutate(target, {
            onSuccess: () => {
              setRemoving(false);
              onClose();
              toast(t("removed", { name: account.name }), { shape: "ok" });
            },
          })
        }
      />
    </>
  );
}
