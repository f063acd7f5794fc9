import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Facts, Note, Skeleton } from "@/components/Badge";
import { Button } from "@/components/Button";
import { CopyButton } from "@/components/CopyButton";
import { Segmented } from "@/components/form";
import { RequestId } from "@/components/States";
import type { PrepareAwsRoleResponse } from "@/gen/cloudhub/v1/cloud_account_pb";
import { useAppError } from "@/lib/errors";

type Doc = "cloudformation" | "trust" | "policy";

const files: Record<Doc, string> = {
  cloudformation: "cloudhub-role.yaml",
  trust: "cloudhub-trust-policy.json",
  policy: "cloudhub-policy.json",
};

/** What to do in AWS for a role: what it must ask for, and its documents to copy or to download. */
export function RoleSteps({
  role,
  error,
  onRetry,
  observeOnly,
}: {
  role: PrepareAwsRoleResponse | undefined;
  /** Why there is none. */
  error: unknown;
  onRetry: () => void;
  observeOnly: boolean;
}) {
  const { t } = useTranslation("account");
  const [doc, setDoc] = useState<Doc>("cloudformation");
  if (error) return <NoRole error={error} onRetry={onRetry} />;
  if (!role) {
    return (
      <div className="grid gap-3" aria-busy="true">
        <Skeleton width={320} />
        <Skeleton width={280} />
      </div>
    );
  }
  const level = observeOnly ? role.read : role.full;
  const texts: Record<Doc, string> = {
    cloudformation: level?.cloudformation ?? "",
    trust: role.trustPolicy,
    policy: level?.policy ?? "",
  };
  const copyable = (value: string, label: string) => (
    <span className="flex items-start gap-1">
      <code className="min-w-0 wrap-anywhere">{value}</code> <CopyButton value={value} label={label} />
    </span>
  );
  return (
    <div className="grid gap-3">
      <Facts
        rows={[
          [t("role.externalId"), copyable(role.externalId, t("role.copyExternalId"))],
          [t("role.principal"), copyable(role.principalArn, t("role.copyPrincipal"))],
        ]}
      />
      <p className="text-12 text-fg-2">{t("role.externalIdWhy")}</p>
      <Segmented
        small
        label={t("role.documents")}
        value={doc}
        onChange={setDoc}
        options={[
          { value: "cloudformation", label: "CloudFormation" },
          { value: "trust", label: t("role.trust") },
          { value: "policy", label: t("role.permissions") },
        ]}
      />
      <p className="text-12 text-fg-2">
        {t(`role.how.${doc}`)} {doc !== "trust" && t(observeOnly ? "policy.read" : "policy.full")}
      </p>
      <div className="flex flex-wrap gap-2">
        <CopyButton value={texts[doc]} label={t("role.copy")} text={t("role.copy")} />
        <Button small icon="download" onClick={() => download(files[doc], texts[doc])}>
          {t("role.download")}
        </Button>
      </div>
      <div className="well">
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and the keyboard must reach what scrolls. */}
        <pre className="max-h-[220px] overflow-y-auto" tabIndex={0}>
          {texts[doc]}
        </pre>
      </div>
    </div>
  );
}

/** Says plainly why no role can be taken here, and what there is instead. */
function NoRole({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  const { t } = useTranslation("account");
  const { t: common } = useTranslation("common");
  const said = useAppError(error);
  if (!said) return null;
  const never = said.reason === "ROLE_PRINCIPAL_MISSING";
  return (
    <Note tone={never ? "warning" : "failed"} role="alert">
      <p>
        <b>{t(never ? "role.none" : "role.failed")}</b>
      </p>
      <p>{said.reason === "OFFLINE" ? common("error.offline") : said.text}</p>
      {!never && (
        <>
          {said.requestId && <RequestId id={said.requestId} />}
          <p>
            <Button small icon="refresh" onClick={onRetry}>
              {common("error.retry")}
            </Button>
          </p>
        </>
      )}
    </Note>
  );
}

/** Hands a text to the browser as a file. */
function download(name: string, text: string) {
  const address = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}
