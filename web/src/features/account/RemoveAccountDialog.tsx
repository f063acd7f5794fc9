import { Trans, useTranslation } from "react-i18next";
import { ConfirmDialog } from "@/components/ConfirmDialog";
import type { CloudAccount } from "@/gen/cloudhub/v1/cloud_account_pb";
import { byRole, roleName } from "./credential";

/** Removing cannot be taken back: the name is typed, under what it touches and what it does not. */
export function RemoveAccountDialog({
  open,
  account,
  busy,
  error,
  onClose,
  onConfirm,
}: {
  open: boolean;
  account: CloudAccount;
  busy: boolean;
  error: unknown;
  onClose: () => void;
  onConfirm: () => void;
}) {
  const { t } = useTranslation("account");
  return (
    <ConfirmDialog
      open={open}
      onClose={onClose}
      title={t("remove.title", { name: account.name })}
      typeName={account.name}
      confirmLabel={t("remove.submit")}
      onConfirm={onConfirm}
      busy={busy}
      error={error}
      impact={[
        {
          tone: "failed",
          text: (
            <Trans ns="account" i18nKey="remove.resources" count={account.resourceCount} components={{ b: <b /> }} />
          ),
        },
        {
          tone: "failed",
          text: (
            <Trans
              ns="account"
              i18nKey={byRole(account) ? "remove.role" : "remove.credential"}
              values={{ hint: account.credentialHint, role: roleName(account.roleArn) }}
              components={{ b: <b /> }}
            />
          ),
        },
        { tone: "failed", text: t("remove.schedules") },
        { tone: "ok", text: t("remove.provider") },
      ]}
    />
  );
}
