import { useMutation } from "@connectrpc/connect-query";
import { useState } from "react";
import { useForm } from "react-hook-form";
import { useNavigate, useSearchParams } from "react-router";
import { AuthService } from "@/gen/cloudhub/v1/auth_pb";
import { session, toToken } from "@/lib/auth/browser";
import { safeNext } from "@/lib/place";
import { useServerErrors } from "@/lib/useServerErrors";
import { SignInPageView, type SignInValues } from "./SignInPageView";

const fields = { email: "email", password: "password" } as const;

export function SignInPage() {
  const [params] = useSearchParams();
  const navigate = useNavigate();
  const form = useForm<SignInValues>({ defaultValues: { email: "", password: "", remember: false } });
  const login = useMutation(AuthService.method.login);
  const toFields = useServerErrors(form, fields);
  const [failure, setFailure] = useState<unknown>();

  const submit = form.handleSubmit(async (values) => {
    setFailure(undefined);
    try {
      const answer = await login.mutateAsync(values);
      session.enter(toToken(answer.accessToken));
      await navigate(safeNext(params.get("next")), { replace: true });
    } catch (error) {
      if (toFields(error)) {
        setFailure(error);
        // Whatever the reason, the password is what people type again.
        form.setFocus("password", { shouldSelect: true });
      }
    }
  });

  return (
    <SignInPageView
      form={form}
      onSubmit={submit}
      busy={form.formState.isSubmitting}
      error={failure}
      search={params.toString()}
    />
  );
}
