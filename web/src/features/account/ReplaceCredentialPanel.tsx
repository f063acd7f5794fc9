import { useState } from "react";
import { useForm } from "react-hook-form";
import { useTranslation } from "react-i18next";
import { FormPanel } from "@/components/Drawer";
import { toast } from "@/components/Toast";
import type { CloudAccount } from "@/gen/cloudhub/v1/cloud_account_pb";
import { useServerErrors } from "@/lib/useServerErrors";
import { useWorkspace } from "@/lib/workspace";
import { CredentialFields, Probe, Refusal } from "./CredentialFields";
import { type CredentialValues, credentialFields, credentialOf, noCredential } from "./credential";
import { usePreparedRole, useReplaceCredential } from "./queries";

/** Puts another key or role of the same AWS account in the old one's place. */
export function ReplaceCredentialPanel({ account, onDone }: { account: CloudAccount; onDone: () => void }) {
  const { t } = useTranslation("account");
  const { ids } = useWorkspace();
  const form = useForm<CredentialValues>({ defaultValues: noCredential });
  const replace = useReplaceCredential();
  const prepared = usePreparedRole(account.id);
  const toFields = useServerErrors(form, credentialFields);
  const [failure, setFailure] = useState<unknown>();
  const [startedAt, setStartedAt] = useState<number>();
  const way = form.watch("way");

  const submit = form.handleSubmit(async (values) => {
    setFailure(undefined);
    setStartedAt(Date.now());
    try {
      await replace.mutateAsync({
        ...ids,
        cloudAccountId: account.id,
        etag: account.etag,
        credential: credentialOf(values, ""),
      });
      toast(t("replace.done", { name: account.name }), { shape: "ok" });
      onDone();
    } catch (error) {
      if (toFields(error)) setFailure(error);
    } finally {
      setStartedAt(undefined);
    }
  });

  return (
    <FormPanel
      title={t("replace.title", { name: account.name })}
      subject={`credential ${account.id}`}
      submitLabel={t("replace.submit")}
      onSubmit={submit}
      onClose={onDone}
      busy={startedAt !== undefined}
      disabled={way === "role" && !prepared.data}
      said={<span className="text-12 text-fg-3">{t("replace.what")}</span>}
    >
      {startedAt !== undefined && <Probe since={startedAt} way={way} />}
      {Boolean(failure) && <Refusal error={failure} title={t("replace.failed")} way={way} />}
      <CredentialFields
        form={form}
        observeOnly={account.observeOnly}
        role={prepared.data}
        roleError={prepared.data ? undefined : prepared.error}
        onRetryRole={() => void prepared.refetch()}
      />
    </FormPanel>
  );
}
