import { type ConnectRouter, createRouterTransport } from "@connectrpc/connect";
import { TransportProvider } from "@connectrpc/connect-query";
import { QueryClientProvider } from "@tanstack/react-query";
import { render, screen, waitFor } from "@testing-library/react";
import { Suspense } from "react";
import { createMemoryRouter, RouterProvider } from "react-router";
import { describe, expect, it, vi } from "vitest";
import { CloudAccountService } from "@/gen/cloudhub/v1/cloud_account_pb";
import { OperationService } from "@/gen/cloudhub/v1/operation_pb";
import { UserService } from "@/gen/cloudhub/v1/user_pb";
import type { Session, SessionState } from "@/lib/auth/session";
import { createQueryClient } from "@/lib/transport";
import { Code, fakeAccount, fakeError, fakeMe, orgId, workspaceId } from "@/test/fakes";
import { routes } from "./router";

const base = `/o/${orgId}/w/${workspaceId}`;

function open(at: string, state: SessionState, services: (rpc: ConnectRouter) => void = () => {}) {
  const asked: string[] = [];
  const transport = createRouterTransport((rpc) => {
    rpc.service(UserService, {
      getMe: () => {
        asked.push("getMe");
        return fakeMe();
      },
    });
    rpc.service(CloudAccountService, { listCloudAccounts: () => ({ cloudAccounts: [] }) });
    rpc.service(OperationService, {
      async *watchWorkspace(_request, context) {
        yield {};
        await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
      },
    });
    services(rpc);
  });
  const queryClient = createQueryClient();
  const session = { start: async () => state, state: () => state } as unknown as Session;
  const router = createMemoryRouter(routes({ session, queryClient, transport }), { initialEntries: [at] });
  render(
    <TransportProvider transport={transport}>
      <QueryClientProvider client={queryClient}>
        <Suspense>
          <RouterProvider router={router} />
        </Suspense>
      </QueryClientProvider>
    </TransportProvider>,
  );
  return { router, asked };
}

const signedIn: SessionState = { status: "in", token: { token: "t", expires: Date.now() + 300_000 } };
const stranger: SessionState = { status: "out", why: "never" };

describe("addresses", () => {
  it("sends a stranger to the sign-in page with the way back, asking the server nothing", async () => {
    const { router, asked } = open(`${base}/accounts?open=1`, stranger);
    expect(await screen.findByRole("heading", { level: 1, name: "Entrar" })).toBeTruthy();
    expect(router.state.location.pathname).toBe("/sign-in");
    expect(new URLSearchParams(router.state.location.search).get("next")).toBe(`${base}/accounts?open=1`);
    expect(asked).toEqual([]);
  });

  it("opens the accounts while there is none", async () => {
    const { router } = open("/", signedIn);
    expect(await screen.findByText("Nenhuma conta de nuvem ainda")).toBeTruthy();
    expect(router.state.location.pathname).toBe(`${base}/accounts`);
    expect(await screen.findByText("Ao vivo")).toBeTruthy();
  });

  it("opens the machines of the workspace looked at last", async () => {
    const other = fakeMe().organizations[1];
    localStorage.setItem("cloudhub.place", `${other?.id} ${other?.workspaces[0]?.id}`);
    const { router } = open("/", signedIn, (rpc) =>
      rpc.service(CloudAccountService, { listCloudAccounts: () => ({ cloudAccounts: [fakeAccount(1)] }) }),
    );
    await waitFor(() =>
      expect(router.state.location.pathname).toBe(`/o/${other?.id}/w/${other?.workspaces[0]?.id}/aws/ec2`),
    );
  });

  it("does not tell a workspace that one may not enter from one that is not there", async () => {
    open(`/o/${orgId}/w/99999999-9999-4999-8999-999999999999/accounts`, signedIn);
    expect(await screen.findByRole("heading", { level: 1, name: "Não há nada neste endereço" })).toBeTruthy();
  });

  it("keeps the shell around an address that does not exist inside a workspace", async () => {
    open(`${base}/nothing`, signedIn);
    expect(await screen.findByRole("heading", { level: 1, name: "Não há nada neste endereço" })).toBeTruthy();
    expect(screen.getByRole("link", { name: "Contas de nuvem" })).toBeTruthy();
  });

  it("says what is wrong when it cannot find out who is there", async () => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    open(`${base}/accounts`, signedIn, (rpc) =>
      rpc.service(UserService, {
        getMe: () => {
          throw fakeError(Code.PermissionDenied, "PERMISSION_DENIED", { metadata: { permission: "x" } });
        },
      }),
    );
    expect(await screen.findByText("req_01KAT7Q2M9XF")).toBeTruthy();
  });
});
