import { useMutation } from "@connectrpc/connect-query";
import { useState } from "react";
import { useForm } from "react-hook-form";
import { useTranslation } from "react-i18next";
import { useNavigate, useSearchParams } from "react-router";
import { AuthService } from "@/gen/cloudhub/v1/auth_pb";
import { session, toToken } from "@/lib/auth/browser";
import { toAppError } from "@/lib/errors";
import { safeNext } from "@/lib/place";
import { useServerErrors } from "@/lib/useServerErrors";
import { RegisterPageView, type RegisterValues } from "./RegisterPageView";
import { browserZone } from "./zones";

const fields = { name: "name", email: "email", password: "password", time_zone: "timeZone" } as const;
/** Reasons of the registry that are about one field, though not a violation of the contract. */
const atField = { EMAIL_TAKEN: "email", PASSWORD_TOO_WEAK: "password", TIME_ZONE_UNKNOWN: "timeZone" } as const;

export function RegisterPage() {
  const { i18n } = useTranslation();
  const [params] = useSearchParams();
  const navigate = useNavigate();
  const form = useForm<RegisterValues>({
    defaultValues: { name: "", email: "", password: "", timeZone: browserZone() },
  });
  const register = useMutation(AuthService.method.register);
  const toFields = useServerErrors(form, fields);
  const [failure, setFailure] = useState<unknown>();

  const submit = form.handleSubmit(async (values) => {
    setFailure(undefined);
    try {
      const answer = await register.mutateAsync({ ...values, locale: i18n.language });
      session.enter(toToken(answer.accessToken));
      await navigate(safeNext(params.get("next")), { replace: true });
    } catch (error) {
      const said = toAppError(error);
      const field = atField[said.reason as keyof typeof atField];
      if (field) {
        form.setError(field, { type: "server", message: said.text });
        form.setFocus(field);
      } else if (toFields(error)) setFailure(error);
    }
  });

  return (
    <RegisterPageView
      form={form}
      onSubmit={submit}
      busy={form.formState.isSubmitting}
      error={failure}
      search={params.toString()}
    />
  );
}
