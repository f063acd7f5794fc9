import { create, toJson } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { act, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { AccessTokenSchema, AuthService, type LoginRequest, LoginResponseSchema } from "@/gen/cloudhub/v1/auth_pb";
import { session } from "@/lib/auth/browser";
import { renderPage } from "@/test/app";
import { SessionGuard } from "./SessionGuard";

const token = () => create(AccessTokenSchema, { token: "again", expireTime: timestampFromMs(Date.now() + 300_000) });

beforeEach(() => {
  // What the refresh cookie gets once the session is over.
  vi.stubGlobal(
    "fetch",
    vi.fn(
      async () =>
        new Response(JSON.stringify({ code: "unauthenticated" }), {
          status: 401,
          headers: { "content-type": "application/json" },
        }),
    ),
  );
  session.enter({ token: "first", expires: Date.now() + 300_000 });
});
afterEach(() => vi.unstubAllGlobals());

function setup(sent: LoginRequest[] = []) {
  return renderPage(
    <SessionGuard>
      <input aria-label="Rascunho" />
    </SessionGuard>,
    {
      at: "/here",
      services: (rpc) =>
        rpc.service(AuthService, {
          login: (request) => {
            sent.push(request);
            return create(LoginResponseSchema, { accessToken: token() });
          },
        }),
    },
  );
}

it("asks for the password over the page when the session ends, and keeps what was being typed", async () => {
  const user = userEvent.setup();
  const sent: LoginRequest[] = [];
  setup(sent);
  await user.type(screen.getByLabelText("Rascunho"), "meia frase");
  await act(() => session.renew("first").catch(() => {}));
  const dialog = await screen.findByRole("dialog", { name: "Sua sessão terminou" });
  await user.type(within(dialog).getByLabelText("Senha"), "uma frase comprida");
  await user.click(within(dialog).getByRole("button", { name: "Continuar" }));
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  expect(sent[0]?.password).toBe("uma frase comprida");
  expect(screen.getByLabelText<HTMLInputElement>("Rascunho").value).toBe("meia frase");
  expect(session.state()).toMatchObject({ status: "in", token: { token: "again" } });
});

it("goes to the sign-in page and forgets what was read when somebody signs out", async () => {
  const { router, queryClient } = setup();
  queryClient.setQueryData(["secret"], toJson(AccessTokenSchema, token()));
  await act(() => session.signOut());
  await waitFor(() => expect(router.state.location.pathname).toBe("/sign-in"));
  await waitFor(() => expect(queryClient.getQueryData(["secret"])).toBeUndefined());
});
