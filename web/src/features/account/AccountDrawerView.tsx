import { useState } from "react";
import { useForm } from "react-hook-form";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { Facts, Note, ProviderMark, Simulated } from "@/components/Badge";
import { Button } from "@/components/Button";
import { CopyButton } from "@/components/CopyButton";
import { Drawer, DrawerSection, FormError } from "@/components/Drawer";
import { FormField, Input, Switch } from "@/components/form";
import { RelativeTime, When } from "@/components/Time";
import { type CloudAccount, CloudAccountState } from "@/gen/cloudhub/v1/cloud_account_pb";
import { isReason, reasonText } from "@/lib/errors";
import { useFormat } from "@/lib/format";
import { AccountState } from "./AccountState";
import { CoverageList } from "./CoverageList";
import { Permissions } from "./CredentialFields";
import { byRole } from "./credential";
import { PolicyBlock } from "./PolicyBlock";
import { lacksPower, lacksRead, spaced } from "./policy";

type Props = {
  account: CloudAccount;
  canManage: boolean;
  resourcesHref: string;
  onClose: () => void;
  onSync: () => void;
  syncing: boolean;
  syncError: unknown;
  /** Rejects when it was not renamed. */
  onRename: (name: string) => Promise<void>;
  onObserve: (observeOnly: boolean) => void;
  observing: boolean;
  /** What was asked last, shown while it is on its way. */
  observeWanted: boolean | undefined;
  observeError: unknown;
  onReplace: () => void;
  onRemove: () => void;
};

export function AccountDrawerView(props: Props) {
  const {
    account,
    canManage,
    resourcesHref,
    onClose,
    onSync,
    syncing,
    syncError,
    onRename,
    onObserve,
    observing,
    observeWanted,
    observeError,
    onReplace,
    onRemove,
  } = props;
  const { t } = useTranslation("account");
  const format = useFormat();
  const [renaming, setRenaming] = useState(false);
  const reading = syncing || account.state === CloudAccountState.READING;
  const readRegions = account.coverage.filter((region) => region.ok).length;

  return (
    <Drawer
      title={account.name}
      subject={account.id}
      badge={<Simulated when={account.simulated} />}
      eyebrow={
        <ProviderMark provider={account.provider}>
          {t("provider.aws")} · {t("drawer.account", { id: spaced(account.externalId) })}
        </ProviderMark>
      }
      onClose={onClose}
      actions={
        <>
          <Button icon="refresh" onClick={onSync} busy={reading}>
            {reading ? t("drawer.reading") : t("drawer.readNow")}
          </Button>
          {canManage && (
            <>
              <Button icon="edit" onClick={() => setRenaming(true)} disabled={renaming}>
                {t("drawer.rename")}
              </Button>
              <Button icon="key" onClick={onReplace}>
                {t("replace.open")}
              </Button>
              <Button kind="danger" icon="trash" onClick={onRemove}>
                {t("drawer.remove")}
              </Button>
            </>
          )}
        </>
      }
    >
      <FormError error={syncError} />
      {renaming && <Rename key={account.id} account={account} onRename={onRename} onDone={() => setRenaming(false)} />}
      {account.lastError === "PARKED" && (
        <div className="px-5 pb-4 max-phone:px-4">
          <Note tone="warning" role="status">
            <p>{reasonText("PARKED")}</p>
          </Note>
        </div>
      )}
      {account.state === CloudAccountState.FAILING && account.lastError !== "PARKED" && (
        <div className="px-5 pb-4 max-phone:px-4">
          <Note tone="failed" role="status">
            <p>
              <b>{t("drawer.failing")}</b>
            </p>
            <p>{reasonText(account.lastError) ?? account.lastError}</p>
            <p className="text-12 text-fg-2">{t("drawer.failingMeans")}</p>
          </Note>
        </div>
      )}
      <DrawerSection title={t("drawer.facts")}>
        <Facts
          rows={[
            [t("facts.state"), <AccountState key="s" account={account} />],
            [
              t("facts.externalId"),
              <span key="i" className="flex items-center gap-1">
                {spaced(account.externalId)} <CopyButton value={account.externalId} label={t("facts.copyId")} />
              </span>,
            ],
            [t("facts.way"), t(byRole(account) ? "facts.kindRole" : "facts.kindKey")],
            ...(byRole(account)
              ? [
                  [
                    t("facts.role"),
                    <span key="r" className="flex items-start gap-1">
                      <code className="min-w-0 wrap-anywhere">{account.roleArn}</code>{" "}
                      <CopyButton value={account.roleArn} label={t("facts.copyRole")} />
                    </span>,
                  ],
                  [
                    t("role.externalId"),
                    <span key="x" className="flex items-start gap-1">
                      <code className="min-w-0 wrap-anywhere">{account.roleExternalId}</code>{" "}
                      <CopyButton value={account.roleExternalId} label={t("role.copyExternalId")} />
                    </span>,
                  ],
                ]
              : [[t("facts.key"), t("facts.keyHint", { hint: account.credentialHint })]]),
            [
              t("facts.resources"),
              <span key="r">
                {format.number(account.resourceCount)}{" "}
                <Link className="lk ml-1" to={resourcesHref}>
                  {t("facts.see")}
                </Link>
              </span>,
            ],
            [
              t("facts.lastRead"),
              account.lastSyncTime ? <RelativeTime key="l" at={account.lastSyncTime} /> : t("facts.never"),
            ],
            account.nextSyncTime && [t("facts.nextRead"), <When key="n" at={account.nextSyncTime} />],
            [t("facts.added"), format.date(account.createTime)],
          ]}
        />
      </DrawerSection>
      <DrawerSection title={t("observe.title")}>
        <Switch
          label={t("observe.label")}
          hint={t(account.observeOnly ? "observe.on" : "observe.off")}
          checked={observing ? (observeWanted ?? account.observeOnly) : account.observeOnly}
          disabled={!canManage || observing}
          onChange={(event) => onObserve(event.target.checked)}
        />
        {!canManage && <p className="mt-2 text-12 text-fg-3">{t("observe.denied")}</p>}
        {isReason(observeError, "CONFLICT") ? (
          <div className="mt-3">
            <Note tone="warning" role="alert">
              {t(account.observeOnly ? "observe.conflictOn" : "observe.conflictOff")}
            </Note>
          </div>
        ) : (
          <FormError error={observeError} className="px-0! pb-0!" />
        )}
      </DrawerSection>
      {account.missingPermissions.length > 0 && (
        <DrawerSection title={t("missing.title")} count={account.missingPermissions.length}>
          <div className="grid gap-3">
            <Permissions names={account.missingPermissions} />
            <p className="text-fg-2">
              {t(account.observeOnly && !lacksRead(account) ? "missing.later" : "missing.text")}
            </p>
            <PolicyBlock observeOnly={!lacksPower(account)} />
          </div>
        </DrawerSection>
      )}
      <DrawerSection
        title={t("coverage.title")}
        count={
          account.coverage.length > 0
            ? t("coverage.some", { count: account.coverage.length, read: readRegions })
            : undefined
        }
      >
        <CoverageList account={account} />
      </DrawerSection>
    </Drawer>
  );
}

function Rename({
  account,
  onRename,
  onDone,
}: {
  account: CloudAccount;
  onRename: (name: string) => Promise<void>;
  onDone: () => void;
}) {
  const { t } = useTranslation("account");
  const { t: common } = useTranslation("common");
  const form = useForm({ values: { name: account.name }, resetOptions: { keepDirtyValues: true } });
  const [failure, setFailure] = useState<unknown>();
  const conflict = isReason(failure, "CONFLICT");
  const submit = form.handleSubmit(async ({ name }) => {
    setFailure(undefined);
    try {
      await onRename(name.trim());
      onDone();
    } catch (error) {
      setFailure(error);
    }
  });
  return (
    <DrawerSection>
      <form className="grid gap-3" noValidate onSubmit={submit}>
        <FormField label={t("add.name")} error={form.formState.errors.name?.message}>
          <Input
            autoFocus
            maxLength={100}
            autoComplete="off"
            {...form.register("name", { validate: (name) => name.trim() !== "" || t("error.name") })}
          />
        </FormField>
        {conflict ? (
          <Note tone="warning" role="alert">
            {t("drawer.renameConflict", { name: account.name })}
          </Note>
        ) : (
          <FormError error={failure} className="p-0!" />
        )}
        <div className="flex gap-2">
          <Button kind="go" type="submit" busy={form.formState.isSubmitting}>
            {common("save")}
          </Button>
          <Button onClick={onDone}>{common("cancel")}</Button>
        </div>
      </form>
    </DrawerSection>
  );
}
