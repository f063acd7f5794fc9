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
import { useCreateCloudAccount } from "./queries";

const fields = {
  name: "name",
  "aws_access_key.access_key_id": "accessKeyId",
  "aws_access_key.secret_access_key": "secretAccessKey",
  "aws_access_key.home_region": "homeRegion",
} as const;

export function AddAccountPanel({
  onClose,
  onAdded,
}: {
  onClose: () => void;
  onAdded: (account: CloudAccount) => void;
}) {
  const { t } = useTranslation("account");
  const { ids } = useWorkspace();
  const form = useForm<AddAccountValues>({
    defaultValues: { name: "", accessKeyId: "", secretAccessKey: "", homeRegion: "us-east-1", observeOnly: true },
  });
  const create = useCreateCloudAccount();
  const requestId = useRequestId();
  const toFields = useServerErrors(form, fields);
  const [failure, setFailure] = useState<unknown>();
  const [startedAt, setStartedAt] = useState<number>();

  const submit = form.handleSubmit(async (values) => {
    setFailure(undefined);
    setStartedAt(Date.now());
    try {
      const { name, observeOnly, accessKeyId, secretAccessKey, homeRegion } = values;
      const answer = await create.mutateAsync({
        ...ids,
        name: name.trim(),
        observeOnly,
        credential: { case: "awsAccessKey", value: { accessKeyId, secretAccessKey, homeRegion } },
        requestId: requestId(values),
      });
      toast(t("added", { name: name.trim() }), { shape: "ok" });
      if (answer.cloudAccount) onAdded(answer.cloudAccount);
      else onClose();
    } catch (error) {
      if (toFields(error)) {
        setFailure(error);
        if (toAppError(error).reason === "CREDENTIAL_REFUSED") form.setFocus("accessKeyId");
      }
    } finally {
      setStartedAt(undefined);
    }
  });

  return (
    <AddAccountPanelView form={form} onSubmit={submit} onClose={onClose} probingSince={startedAt} error={failure} />
  );
}
