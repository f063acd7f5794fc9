import { useMutation, useQuery } from "@connectrpc/connect-query";
import { useQueryClient } from "@tanstack/react-query";
import { Dialog } from "radix-ui";
import { type ReactNode, useEffect, useId, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";
import { Button } from "@/components/Button";
import { FormError } from "@/components/Drawer";
import { FormField, PasswordField } from "@/components/form";
import { clearToasts } from "@/components/Toast";
import { AuthService } from "@/gen/cloudhub/v1/auth_pb";
import { UserService } from "@/gen/cloudhub/v1/user_pb";
import { session, toToken, useSession } from "@/lib/auth/browser";

/**
 * Around every page of a signed-in person. Who left (here or in another tab)
 * goes to the sign-in page. A session that ended by itself asks for the
 * password over the page, so that what was being typed is kept.
 */
export function SessionGuard({ children }: { children: ReactNode }) {
  const state = useSession();
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const left = state.status === "out" && state.why === "left";
  useEffect(() => {
    if (!left) return;
    // First away from the page, then its data: the other way round it would read them again.
    Promise.resolve(navigate("/sign-in", { replace: true })).finally(() => {
      queryClient.clear();
      clearToasts();
    });
  }, [left, navigate, queryClient]);
  return (
    <>
      {children}
      <SessionEndedDialog open={state.status === "out" && state.why === "ended"} />
    </>
  );
}

function SessionEndedDialog({ open }: { open: boolean }) {
  const { t } = useTranslation("common");
  const { data } = useQuery(UserService.method.getMe, {}, { enabled: false });
  const login = useMutation(AuthService.method.login);
  const queryClient = useQueryClient();
  const [password, setPassword] = useState("");
  const field = useRef<HTMLInputElement>(null);
  const formId = useId();
  const email = data?.user?.email ?? "";

  const submit = async () => {
    try {
      const answer = await login.mutateAsync({ email, password });
      setPassword("");
      session.enter(toToken(answer.accessToken));
      void queryClient.invalidateQueries();
    } catch {
      field.current?.focus();
    }
  };

  return (
    <Dialog.Root open={open}>
      <Dialog.Portal>
        <Dialog.Overlay className="veil" />
        <Dialog.Content className="dlg" aria-describedby={undefined}>
          <Dialog.Title asChild>
            <h2>{t("ended.title")}</h2>
          </Dialog.Title>
          <p className="text-fg-2">{t("ended.text")}</p>
          <form
            id={formId}
            className="grid gap-2"
            onSubmit={(event) => {
              event.preventDefault();
              void submit();
            }}
          >
            <p>
              <b>{email}</b>
            </p>
            {/* For password managers: which of the stored ones belongs here. */}
            <input
              className="sr"
              type="email"
              autoComplete="username"
              value={email}
              readOnly
              tabIndex={-1}
              aria-hidden="true"
            />
            <FormField label={t("ended.password")}>
              <PasswordField
                ref={field}
                autoComplete="current-password"
                value={password}
                onChange={(event) => setPassword(event.target.value)}
              />
            </FormField>
            <FormError error={login.error} className="p-0!" />
            <div className="acts">
              <Button onClick={() => void session.signOut()}>{t("user.signOut")}</Button>
              <Button kind="go" type="submit" busy={login.isPending} disabled={!password}>
                {t("ended.enter")}
              </Button>
            </div>
          </form>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
