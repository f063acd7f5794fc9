import type { FormEventHandler } from "react";
import type { UseFormReturn } from "react-hook-form";
import { useTranslation } from "react-i18next";
import { DrawerSection, FormPanel } from "@/components/Drawer";
import { FormField, Input, Switch } from "@/components/form";
import { CredentialFields, type CredentialProps, Probe, Refusal } from "./CredentialFields";
import type { CredentialValues } from "./credential";

export type AddAccountValues = CredentialValues & { name: string; observeOnly: boolean };

type Props = CredentialProps & {
  form: UseFormReturn<AddAccountValues>;
  onSubmit: FormEventHandler<HTMLFormElement>;
  onClose: () => void;
  /** When the trial of the credential began, in milliseconds, while it goes on. */
  probingSince: number | undefined;
  error: unknown;
};

export function AddAccountPanelView({ form, onSubmit, onClose, probingSince, error, ...credential }: Props) {
  const { t } = useTranslation("account");
  const { errors } = form.formState;
  const observeOnly = form.watch("observeOnly");
  const way = form.watch("way");
  const busy = probingSince !== undefined;
  return (
    <FormPanel
      title={t("add.title")}
      submitLabel={t("add.submit")}
      onSubmit={onSubmit}
      onClose={onClose}
      busy={busy}
      disabled={way === "role" && !credential.role}
      said={<span className="text-12 text-fg-3">{t(way === "role" ? "role.what" : "add.what")}</span>}
    >
      {busy && <Probe since={probingSince} way={way} />}
      {Boolean(error) && <Refusal error={error} title={t("add.failed")} way={way} />}
      <DrawerSection>
        <FormField label={t("add.name")} hint={t("add.nameHint")} error={errors.name?.message}>
          <Input
            maxLength={100}
            autoComplete="off"
            {...form.register("name", { validate: (name) => name.trim() !== "" || t("error.name") })}
          />
        </FormField>
      </DrawerSection>
      <DrawerSection title={t("observe.title")}>
        <Switch
          label={t("observe.label")}
          hint={t(observeOnly ? "observe.on" : "observe.off")}
          {...form.register("observeOnly")}
        />
      </DrawerSection>
      <CredentialFields form={form} observeOnly={observeOnly} {...credential} />
    </FormPanel>
  );
}
