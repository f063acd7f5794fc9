import { useState } from "react";
import { useForm } from "react-hook-form";
import { useTranslation } from "react-i18next";
import { toast } from "@/components/Toast";
import type { CloudAccount } from "@/gen/cloudhub/v1/cloud_account_pb";
import { toAppError } from "@/lib/errors";
import { useRequestId } from "@/lib/requestId";
import { useServerErrors } from "@/lib/useServerErrors";
import { useWorkspace } from "@/lib/workspace";
import { AddAccountPanelView, type AddAccountValues } from "./AddAccountPanelView";
import { credentialFields, credentialOf, noCredential } from "./credential";
import { useCreateCloudAccount, usePreparedRole } from "./queries";

const fields = { name: "name", ...credentialFields } as const;

export function AddAccountPanel({
  onClose,
  onAdded,
}: {
  onClose: () => void;
  onAdded: (account: CloudAccount) => void;
}) {
  const { t } = useTranslation("account");
  const { ids } = useWorkspace();
  const form = useForm<AddAccountValues>({ defaultValues: { ...noCredential, name: "", observeOnly: true } });
  const create = useCreateCloudAccount();
  const prepared = usePreparedRole();
  const requestId = useRequestId();
  const toFields = useServerErrors(form, fields);
  const [failure, setFailure] = useState<unknown>();
  const [startedAt, setStartedAt] = useState<number>();

  const submit = form.handleSubmit(async (values) => {
    setFailure(undefined);
    setStartedAt(Date.now());
    try {
      const { name, observeOnly } = values;
      const answer = await create.mutateAsync({
        ...ids,
        name: name.trim(),
        observeOnly,
        credential: credentialOf(values, prepared.data?.preparationId ?? ""),
        requestId: requestId(values),
      });
      toast(t("added", { name: name.trim() }), { shape: "ok" });
      if (answer.cloudAccount) onAdded(answer.cloudAccount);
      else onClose();
    } catch (error) {
      if (toFields(error)) {
        setFailure(error);
        const { reason } = toAppError(error);
        if (reason === "CREDENTIAL_REFUSED") form.setFocus("accessKeyId");
        // Another external id is there to be shown.
        if (reason === "ROLE_PREPARATION_GONE") void prepared.refetch();
      }
    } finally {
      setStartedAt(undefined);
    }
  });

  return (
    <AddAccountPanelView
      form={form}
      onSubmit={submit}
      onClose={onClose}
      probingSince={startedAt}
      error={failure}
      role={prepared.data}
      roleError={prepared.data ? undefined : prepared.error}
      onRetryRole={() => void prepared.refetch()}
    />
  );
}
