import type { ConnectRouter, Transport } from "@connectrpc/connect";
import { createRouterTransport } from "@connectrpc/connect";
import { TransportProvider } from "@connectrpc/connect-query";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render } from "@testing-library/react";
import { type ReactNode, Suspense } from "react";
import { createMemoryRouter, RouterProvider } from "react-router";
import { Toaster } from "@/components/Toast";
import type { Permission } from "@/gen/cloudhub/v1/options_pb";
import { UserService } from "@/gen/cloudhub/v1/user_pb";
import { StreamStatusContext } from "@/lib/stream/WorkspaceStream";
import { WorkspaceProvider } from "@/lib/workspace";
import { fakeMe, orgId, workspaceId } from "./fakes";

type Options = {
  /** The services the page talks to; record requests in them. */
  services?: (router: ConnectRouter) => void;
  transport?: Transport;
  at?: string;
  /** The pattern that `at` fits, for a page that reads its ids from the address. */
  route?: string;
  permissions?: readonly Permission[];
};

/** A page of a workspace, with a stream that says "live" and sends nothing. */
export function renderInWorkspace(
  page: ReactNode,
  { permissions, at = `/o/${orgId}/w/${workspaceId}/here`, ...options }: Options = {},
) {
  const me = fakeMe(permissions);
  const org = me.organizations[0];
  const workspace = org?.workspaces[0];
  if (!me.user || !org || !workspace) throw new Error("the fake has no workspace");
  return renderPage(
    <WorkspaceProvider user={me.user} organizations={me.organizations} org={org} workspace={workspace}>
      <StreamStatusContext.Provider
        value={{ state: "live", since: Date.now(), nextTry: undefined, again: false, retryNow: () => {} }}
      >
        {page}
        <Toaster />
      </StreamStatusContext.Provider>
    </WorkspaceProvider>,
    { at, ...options },
  );
}

/** Any page; every other path shows itself as text, so that a test sees where it went. */
export function renderPage(page: ReactNode, { services, transport, at = "/", route }: Options = {}) {
  const queryClient = new QueryClient({ defaultOptions: { queries: { retry: false }, mutations: { retry: false } } });
  const path = route ?? at.split("?")[0] ?? at;
  const router = createMemoryRouter(
    [
      { path, element: page },
      { path: "*", element: <Elsewhere /> },
    ],
    { initialEntries: [at] },
  );
  const wire =
    transport ??
    createRouterTransport((rpc) => {
      rpc.service(UserService, { getMe: () => fakeMe() });
      services?.(rpc);
    });
  const view = render(
    <TransportProvider transport={wire}>
      <QueryClientProvider client={queryClient}>
        <Suspense>
          <RouterProvider router={router} />
        </Suspense>
      </QueryClientProvider>
    </TransportProvider>,
  );
  return { ...view, router, queryClient };
}

function Elsewhere() {
  return <p data-testid="elsewhere" />;
}
