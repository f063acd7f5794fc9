import type { FieldValues, Path, PathValue, UseFormReturn } from "react-hook-form";
import { useTranslation } from "react-i18next";
import { Note } from "@/components/Badge";
import { DrawerSection } from "@/components/Drawer";
import { FormField, Input, PasswordField, Segmented, Select } from "@/components/form";
import { Shape } from "@/components/Shape";
import { RequestId } from "@/components/States";
import type { PrepareAwsRoleResponse } from "@/gen/cloudhub/v1/cloud_account_pb";
import { useNow } from "@/lib/clock";
import { useAppError } from "@/lib/errors";
import { type CredentialValues, isRoleArn, type Way } from "./credential";
import { PolicyBlock } from "./PolicyBlock";
import { regions } from "./policy";
import { RoleSteps } from "./RoleSteps";

/** What trying and keeping a credential takes, in the form that adds an account and in the one that replaces. */
export type CredentialProps = {
  /** How a role must look; undefined while it is on its way, or when it failed. */
  role: PrepareAwsRoleResponse | undefined;
  roleError: unknown;
  onRetryRole: () => void;
};

/** What the trial may take at the server. */
const probeSeconds = 10;
/** What is pasted from a page of the provider often brings a space along. */
const trimmed = { setValueAs: (value: string) => value.trim() };

export function CredentialFields<Values extends CredentialValues & FieldValues>({
  form: given,
  observeOnly,
  role,
  roleError,
  onRetryRole,
}: CredentialProps & { form: UseFormReturn<Values>; observeOnly: boolean }) {
  const { t } = useTranslation("account");
  // The fields of the credential are the same in every form that has them.
  const form = given as unknown as UseFormReturn<CredentialValues>;
  const { errors } = form.formState;
  const way = form.watch("way");
  const region = (
    <FormField
      label={t("add.homeRegion")}
      hint={t(way === "role" ? "role.homeRegionHint" : "add.homeRegionHint")}
      error={errors.homeRegion?.message}
    >
      <Select {...form.register("homeRegion")}>
        {regions.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </Select>
    </FormField>
  );
  return (
    <>
      <DrawerSection title={t("way.title")}>
        <Segmented<Way>
          label={t("way.title")}
          value={way}
          onChange={(next) => given.setValue("way" as Path<Values>, next as PathValue<Values, Path<Values>>)}
          options={[
            { value: "role", label: t("way.role") },
            { value: "key", label: t("way.key") },
          ]}
        />
        <p className="text-12 text-fg-2">{t(way === "role" ? "way.roleWhy" : "way.keyWhy")}</p>
      </DrawerSection>
      {way === "role" ? (
        <>
          <DrawerSection title={t("role.title")}>
            <RoleSteps role={role} error={roleError} onRetry={onRetryRole} observeOnly={observeOnly} />
          </DrawerSection>
          {!roleError && (
            <DrawerSection title={t("role.back")}>
              <FormField label={t("role.arn")} hint={t("role.arnHint")} error={errors.roleArn?.message}>
                <Input
                  className="code"
                  autoComplete="off"
                  spellCheck={false}
                  {...form.register("roleArn", {
                    ...trimmed,
                    shouldUnregister: true,
                    validate: (arn) => isRoleArn(arn.trim()) || t("error.roleArn"),
                  })}
                />
              </FormField>
              {region}
            </DrawerSection>
          )}
        </>
      ) : (
        <>
          <DrawerSection title={t("add.key")}>
            <FormField label={t("add.accessKeyId")} error={errors.accessKeyId?.message}>
              <Input
                className="code"
                autoComplete="off"
                autoCapitalize="characters"
                spellCheck={false}
                {...form.register("accessKeyId", {
                  ...trimmed,
                  shouldUnregister: true,
                  validate: (id) => /^[A-Z0-9]{16,128}$/.test(id.trim()) || t("error.accessKeyId"),
                })}
              />
            </FormField>
            <FormField label={t("add.secret")} hint={t("add.secretHint")} error={errors.secretAccessKey?.message}>
              <PasswordField
                className="code"
                // Browsers offer to keep a password in any field of the type; this says that it is not one of theirs.
                autoComplete="off"
                data-1p-ignore
                data-lpignore="true"
                {...form.register("secretAccessKey", {
                  ...trimmed,
                  shouldUnregister: true,
                  validate: (secret) => /^[A-Za-z0-9/+=]{16,128}$/.test(secret.trim()) || t("error.secret"),
                })}
              />
            </FormField>
            {region}
          </DrawerSection>
          <DrawerSection title={t("policy.title")}>
            <PolicyBlock observeOnly={observeOnly} />
          </DrawerSection>
        </>
      )}
    </>
  );
}

/** The wait, counted in ticks: one a second, as long as the server may take. */
export function Probe({ since, way }: { since: number; way: Way }) {
  const { t } = useTranslation("account");
  const now = useNow(250);
  const gone = Math.min(probeSeconds, Math.max(0, Math.floor((now - since) / 1000)));
  return (
    <div className="band" role="status">
      <p className="flex items-center gap-2">
        <Shape name="pending" className="text-pending" />
        <b>{t(way === "role" ? "probe.role" : "probe.title")}</b>
        <span className="tnum ml-auto text-fg-2" aria-hidden="true">
          {t("probe.left", { gone, total: probeSeconds })}
        </span>
      </p>
      <span className="left10" aria-hidden="true">
        {Array.from({ length: probeSeconds }, (_, tick) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a fixed row of marks, one a second; none moves.
          <i key={tick} className={tick < gone ? "gone" : undefined} />
        ))}
      </span>
      <p className="text-12 text-fg-2">{t(way === "role" ? "probe.roleWhat" : "probe.what")}</p>
    </div>
  );
}

/** Why nothing was kept, with what to do; a missing permission by its name. */
export function Refusal({ error, title, way }: { error: unknown; title: string; way: Way }) {
  const { t } = useTranslation("account");
  const { t: common } = useTranslation("common");
  const said = useAppError(error);
  if (!said) return null;
  const missing = (said.metadata.permissions ?? "").split(/[,\s]+/).filter((name) => name.includes(":"));
  return (
    <div className="px-5 pt-4 max-phone:px-4">
      <Note tone="failed" role="alert">
        <p>
          <b>{title}</b>
        </p>
        <p>{said.reason === "OFFLINE" ? common("error.offline") : said.text}</p>
        {missing.length > 0 && (
          <>
            <Permissions names={missing} />
            <p className="text-12 text-fg-2">{t(way === "role" ? "role.permissionHelp" : "add.permissionHelp")}</p>
          </>
        )}
        {said.requestId && <RequestId id={said.requestId} />}
      </Note>
    </div>
  );
}

export function Permissions({ names }: { names: readonly string[] }) {
  return (
    <p className="perm">
      {names.map((name) => (
        <code key={name}>{name}</code>
      ))}
    </p>
  );
}
