import type { FormEventHandler } from "react";
import type { UseFormReturn } from "react-hook-form";
import { useTranslation } from "react-i18next";
import { Note } from "@/components/Badge";
import { DrawerSection, FormPanel } from "@/components/Drawer";
import { FormField, Input, PasswordField, Select, Switch } from "@/components/form";
import { Shape } from "@/components/Shape";
import { RequestId } from "@/components/States";
import { useNow } from "@/lib/clock";
import { useAppError } from "@/lib/errors";
import { PolicyBlock } from "./PolicyBlock";
import { regions } from "./policy";

export type AddAccountValues = {
  name: string;
  accessKeyId: string;
  secretAccessKey: string;
  homeRegion: string;
  observeOnly: boolean;
};

type Props = {
  form: UseFormReturn<AddAccountValues>;
  onSubmit: FormEventHandler<HTMLFormElement>;
  onClose: () => void;
  /** When the trial of the key began, in milliseconds, while it goes on. */
  probingSince: number | undefined;
  error: unknown;
};

/** What the trial may take at the server. */
const probeSeconds = 10;
/** A key pasted from a page of the provider often brings a space along. */
const trimmed = { setValueAs: (value: string) => value.trim() };

export function AddAccountPanelView({ form, onSubmit, onClose, probingSince, error }: Props) {
  const { t } = useTranslation("account");
  const { errors } = form.formState;
  const observeOnly = form.watch("observeOnly");
  const busy = probingSince !== undefined;
  return (
    <FormPanel
      title={t("add.title")}
      submitLabel={t("add.submit")}
      onSubmit={onSubmit}
      onClose={onClose}
      busy={busy}
      said={<span className="text-12 text-fg-3">{t("add.what")}</span>}
    >
      {busy && <Probe since={probingSince} />}
      {Boolean(error) && <Refusal error={error} />}
      <DrawerSection>
        <FormField label={t("add.name")} hint={t("add.nameHint")} error={errors.name?.message}>
          <Input
            maxLength={100}
            autoComplete="off"
            {...form.register("name", { validate: (name) => name.trim() !== "" || t("error.name") })}
          />
        </FormField>
      </DrawerSection>
      <DrawerSection title={t("add.key")}>
        <FormField label={t("add.accessKeyId")} error={errors.accessKeyId?.message}>
          <Input
            className="code"
            autoComplete="off"
            autoCapitalize="characters"
            spellCheck={false}
            {...form.register("accessKeyId", {
              ...trimmed,
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
              validate: (secret) => /^[A-Za-z0-9/+=]{16,128}$/.test(secret.trim()) || t("error.secret"),
            })}
          />
        </FormField>
        <FormField label={t("add.homeRegion")} hint={t("add.homeRegionHint")} error={errors.homeRegion?.message}>
          <Select {...form.register("homeRegion")}>
            {regions.map((region) => (
              <option key={region} value={region}>
                {region}
              </option>
            ))}
          </Select>
        </FormField>
      </DrawerSection>
      <DrawerSection title={t("observe.title")}>
        <Switch
          label={t("observe.label")}
          hint={t(observeOnly ? "observe.on" : "observe.off")}
          {...form.register("observeOnly")}
        />
      </DrawerSection>
      <DrawerSection title={t("policy.title")}>
        <PolicyBlock observeOnly={observeOnly} />
      </DrawerSection>
    </FormPanel>
  );
}

/** The wait, counted in ticks: one a second, as long as the server may take. */
function Probe({ since }: { since: number }) {
  const { t } = useTranslation("account");
  const now = useNow(250);
  const gone = Math.min(probeSeconds, Math.max(0, Math.floor((now - since) / 1000)));
  return (
    <div className="band" role="status">
      <p className="flex items-center gap-2">
        <Shape name="pending" className="text-pending" />
        <b>{t("probe.title")}</b>
        <span className="tnum ml-auto text-fg-2" aria-hidden="true">
          {t("probe.left", { gone, total: probeSeconds })}
        </span>
      </p>
      <span className="left10" aria-hidden="true">
        {Array.from({ length: probeSeconds }, (_, tick) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the place is the second.
          <i key={tick} className={tick < gone ? "gone" : undefined} />
        ))}
      </span>
      <p className="text-12 text-fg-2">{t("probe.what")}</p>
    </div>
  );
}

/** Why nothing was added, with what to do; a missing permission by its name. */
function Refusal({ error }: { error: unknown }) {
  const { t } = useTranslation("account");
  const { t: common } = useTranslation("common");
  const said = useAppError(error);
  if (!said) return null;
  const missing = (said.metadata.permissions ?? "").split(/[,\s]+/).filter((name) => name.includes(":"));
  return (
    <div className="px-5 pt-4 max-phone:px-4">
      <Note tone="failed" role="alert">
        <p>
          <b>{t("add.failed")}</b>
        </p>
        <p>{said.reason === "OFFLINE" ? common("error.offline") : said.text}</p>
        {missing.length > 0 && (
          <>
            <Permissions names={missing} />
            <p className="text-12 text-fg-2">{t("add.permissionHelp")}</p>
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
