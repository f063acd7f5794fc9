import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, describe, expect, it, vi } from "vitest";
import {
  type AccessToken,
  AccessTokenSchema,
  AuthService,
  type LoginRequest,
  type RegisterRequest,
} from "@/gen/cloudhub/v1/auth_pb";
import { session } from "@/lib/auth/browser";
import { renderPage } from "@/test/app";
import { Code, fakeError } from "@/test/fakes";
import { RegisterPage } from "./RegisterPage";
import { SignInPage } from "./SignInPage";

const accessToken = (): AccessToken =>
  create(AccessTokenSchema, { token: "t", expireTime: timestampFromMs(Date.now() + 300_000) });

afterEach(() => vi.restoreAllMocks());

describe("registration", () => {
  const type = async (password = "uma frase comprida") => {
    const user = userEvent.setup();
    await user.type(screen.getByLabelText("Nome"), "Ana Prado");
    await user.type(screen.getByLabelText("E-mail"), "ana@meridiano.example");
    await user.type(screen.getByLabelText("Senha"), password);
    await user.click(screen.getByRole("button", { name: "Criar conta" }));
  };

  it("sends what was typed with language and zone, keeps the token and goes where one was going", async () => {
    const sent: RegisterRequest[] = [];
    const enter = vi.spyOn(session, "enter");
    const { router } = renderPage(<RegisterPage />, {
      at: "/register?next=%2Fo%2Fa%2Fw%2Fb%2Fschedules%3Fopen%3D1",
      services: (rpc) =>
        rpc.service(AuthService, {
          register: (request) => {
            sent.push(request);
            return { accessToken: accessToken() };
          },
        }),
    });
    await type();
    await waitFor(() => expect(router.state.location.pathname).toBe("/o/a/w/b/schedules"));
    expect(router.state.location.search).toBe("?open=1");
    expect(sent).toHaveLength(1);
    expect(sent[0]).toMatchObject({
      name: "Ana Prado",
      email: "ana@meridiano.example",
      password: "uma frase comprida",
      locale: "pt-BR",
    });
    expect(sent[0]?.timeZone).toBe(Intl.DateTimeFormat().resolvedOptions().timeZone);
    expect(enter).toHaveBeenCalledWith(expect.objectContaining({ token: "t" }));
  });

  it("asks the server nothing while the password is short, and says how much is missing", async () => {
    const register = vi.fn(() => ({}));
    renderPage(<RegisterPage />, { services: (rpc) => rpc.service(AuthService, { register }) });
    await type("quatorze chars");
    expect(await screen.findByText("Falta 1 caractere para 15.")).toBeTruthy();
    expect(register).not.toHaveBeenCalled();
    expect(document.activeElement).toBe(screen.getByLabelText("Senha"));
  });

  it("puts a taken address at the address, with the focus there", async () => {
    renderPage(<RegisterPage />, {
      services: (rpc) =>
        rpc.service(AuthService, {
          register: () => {
            throw fakeError(Code.AlreadyExists, "EMAIL_TAKEN");
          },
        }),
    });
    await type();
    const email = screen.getByLabelText("E-mail");
    await waitFor(() => expect(email.getAttribute("aria-invalid")).toBe("true"));
    expect(document.activeElement).toBe(email);
    expect(screen.getByText("Já existe uma conta com este e-mail. Entre com ela.").closest("span[id]")?.id).toBe(
      email.getAttribute("aria-describedby"),
    );
  });

  it("puts each violation of the contract at its field and the focus at the first", async () => {
    renderPage(<RegisterPage />, {
      services: (rpc) =>
        rpc.service(AuthService, {
          register: () => {
            throw fakeError(Code.InvalidArgument, "VALIDATION", {
              fields: { password: "string.min_len", name: "name.printable" },
            });
          },
        }),
    });
    await type();
    const name = screen.getByLabelText("Nome");
    await waitFor(() => expect(name.getAttribute("aria-invalid")).toBe("true"));
    expect(document.activeElement).toBe(name);
    expect(screen.getByLabelText("Senha").getAttribute("aria-invalid")).toBe("true");
    // All of it stands at fields; nothing is said twice.
    expect(screen.queryByRole("alert")).toBeNull();
  });
});

describe("signing in", () => {
  const submit = async () => {
    const user = userEvent.setup();
    await user.type(screen.getByLabelText("E-mail"), "ana@meridiano.example");
    await user.type(screen.getByLabelText("Senha"), "uma frase comprida");
    await user.click(screen.getByRole("checkbox", { name: "Continuar conectado por 7 dias" }));
    await user.click(screen.getByRole("button", { name: "Entrar" }));
  };

  it("sends the credentials and never leaves this origin afterwards", async () => {
    const sent: LoginRequest[] = [];
    const { router } = renderPage(<SignInPage />, {
      at: "/sign-in?next=%2F%2Fevil.example%2F",
      services: (rpc) =>
        rpc.service(AuthService, {
          login: (request) => {
            sent.push(request);
            return { accessToken: accessToken() };
          },
        }),
    });
    await submit();
    await waitFor(() => expect(router.state.location.pathname).toBe("/"));
    expect(sent[0]).toMatchObject({ email: "ana@meridiano.example", password: "uma frase comprida", remember: true });
  });

  it("says that they do not match, with the request's id, and goes back to the password", async () => {
    renderPage(<SignInPage />, {
      services: (rpc) =>
        rpc.service(AuthService, {
          login: () => {
            throw fakeError(Code.Unauthenticated, "BAD_CREDENTIALS");
          },
        }),
    });
    await submit();
    const alert = await screen.findByRole("alert");
    expect(alert.textContent).toContain("E-mail e senha não conferem");
    expect(alert.textContent).toContain("req_01KAT7Q2M9XF");
    expect(document.activeElement).toBe(screen.getByLabelText("Senha"));
  });
});
