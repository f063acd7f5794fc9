import type { FormEventHandler } from "react";
import type { UseFormReturn } from "react-hook-form";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { Button } from "@/components/Button";
import { FormError } from "@/components/Drawer";
import { Checkbox, FormField, Input, PasswordField } from "@/components/form";
import { AuthFrame } from "./AuthFrame";

export type SignInValues = { email: string; password: string; remember: boolean };

type Props = {
  form: UseFormReturn<SignInValues>;
  onSubmit: FormEventHandler<HTMLFormElement>;
  busy: boolean;
  error: unknown;
  /** The query of the address, so that where one was going survives a change to registration. */
  search: string;
};

export function SignInPageView({ form, onSubmit, busy, error, search }: Props) {
  const { t } = useTranslation("auth");
  const { errors } = form.formState;
  return (
    <AuthFrame title={t("signIn.title")}>
      <form noValidate onSubmit={onSubmit} aria-label={t("signIn.title")}>
        <FormError error={error} className="p-0!" />
        <FormField label={t("email")} error={errors.email?.message}>
          <Input
            type="email"
            inputMode="email"
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            placeholder={t("emailExample")}
            {...form.register("email", { required: t("error.email") })}
          />
        </FormField>
        <FormField label={t("password")} error={errors.password?.message}>
          <PasswordField
            autoComplete="current-password"
            {...form.register("password", { required: t("error.password") })}
          />
        </FormField>
        <Checkbox label={t("signIn.remember")} {...form.register("remember")} />
        <Button kind="go" wide type="submit" busy={busy}>
          {t("signIn.submit")}
        </Button>
      </form>
      <p className="new">
        {t("signIn.new")}{" "}
        <Link className="lk" to={{ pathname: "/register", search }}>
          {t("signIn.create")}
        </Link>
      </p>
    </AuthFrame>
  );
}
