import { type FormEventHandler, useMemo } from "react";
import type { UseFormReturn } from "react-hook-form";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { Button } from "@/components/Button";
import { FormError } from "@/components/Drawer";
import { FormField, Input, PasswordField, Select } from "@/components/form";
import { useFormat } from "@/lib/format";
import { AuthFrame } from "./AuthFrame";
import { zones } from "./zones";

export type RegisterValues = { name: string; email: string; password: string; timeZone: string };

type Props = {
  form: UseFormReturn<RegisterValues>;
  onSubmit: FormEventHandler<HTMLFormElement>;
  busy: boolean;
  error: unknown;
  search: string;
};

/** As the contract counts: characters, not UTF-16 units. */
const length = (password: string) => [...password].length;
const shortest = 15;

export function RegisterPageView({ form, onSubmit, busy, error, search }: Props) {
  const { t } = useTranslation("auth");
  const format = useFormat();
  const { errors } = form.formState;
  // Four hundred names with their offsets, which take a while to work out.
  const options = useMemo(
    () =>
      zones().map((zone) => (
        <option key={zone} value={zone}>
          {format.zoneName(zone)}
        </option>
      )),
    [format],
  );
  return (
    <AuthFrame title={t("register.title")}>
      <form noValidate onSubmit={onSubmit} aria-label={t("register.title")}>
        <FormError error={error} className="p-0!" />
        <FormField label={t("register.name")} hint={t("register.nameHint")} error={errors.name?.message}>
          <Input
            autoComplete="name"
            maxLength={100}
            {...form.register("name", { validate: (name) => name.trim() !== "" || t("error.name") })}
          />
        </FormField>
        <FormField label={t("email")} error={errors.email?.message}>
          <Input
            type="email"
            inputMode="email"
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            placeholder={t("emailExample")}
            {...form.register("email", {
              validate: (email) => /^\S+@\S+\.\S+$/.test(email.trim()) || t("error.email"),
              setValueAs: (email: string) => email.trim(),
            })}
          />
        </FormField>
        <FormField label={t("password")} hint={t("register.passwordHint")} error={errors.password?.message}>
          <PasswordField
            autoComplete="new-password"
            {...form.register("password", {
              required: t("error.password"),
              validate: (password) =>
                length(password) >= shortest || t("error.short", { count: shortest - length(password) }),
            })}
          />
        </FormField>
        <FormField label={t("register.zone")} hint={t("register.zoneHint")} error={errors.timeZone?.message}>
          <Select {...form.register("timeZone")}>{options}</Select>
        </FormField>
        <Button kind="go" wide type="submit" busy={busy}>
          {t("register.submit")}
        </Button>
      </form>
      <p className="mt-3 text-12 text-fg-3">{t("register.trial")}</p>
      <p className="new">
        {t("register.have")}{" "}
        <Link className="lk" to={{ pathname: "/sign-in", search }}>
          {t("register.enter")}
        </Link>
      </p>
    </AuthFrame>
  );
}
