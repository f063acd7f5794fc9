import type { Transport } from "@connectrpc/connect";
import { createQueryOptions } from "@connectrpc/connect-query";
import type { QueryClient } from "@tanstack/react-query";
import { createBrowserRouter, type LoaderFunctionArgs, type RouteObject, redirect } from "react-router";
import { CloudAccountService } from "@/gen/cloudhub/v1/cloud_account_pb";
import { Permission } from "@/gen/cloudhub/v1/options_pb";
import { UserService } from "@/gen/cloudhub/v1/user_pb";
import { i18n } from "@/i18n";
import type { Session } from "@/lib/auth/session";
import { lastPlace, safeNext } from "@/lib/place";
import { workspacePath } from "@/lib/workspace";
import { NotFoundPage } from "./NotFoundPage";
import { RouteError } from "./RouteError";

type RouterDeps = { session: Session; queryClient: QueryClient; transport: Transport };

export function routes({ session, queryClient, transport }: RouterDeps): RouteObject[] {
  const me = () => queryClient.ensureQueryData(createQueryOptions(UserService.method.getMe, {}, { transport }));

  const signedIn = async ({ request }: LoaderFunctionArgs) => {
    const state = await session.start();
    if (state.status === "out") {
      const { pathname, search } = new URL(request.url);
      const next = pathname === "/" && !search ? "" : `?next=${encodeURIComponent(pathname + search)}`;
      throw redirect(`/sign-in${next}`);
    }
    return me();
  };

  const signedOut = async ({ request }: LoaderFunctionArgs) => {
    // A server that does not answer must not keep anybody from the form.
    const state = await session.start().catch(() => session.state());
    if (state.status === "in") throw redirect(safeNext(new URL(request.url).searchParams.get("next")));
    await i18n.loadNamespaces("auth");
    return null;
  };

  /** The page of the machines; the accounts first while there is none. */
  const start = async (args: LoaderFunctionArgs) => {
    // Loaders of a route and of those around it run side by side, so this one asks for itself.
    const { organizations } = await signedIn(args);
    const last = lastPlace();
    const places = organizations.flatMap((org) => org.workspaces.map((workspace) => ({ org, workspace })));
    const place =
      places.find((one) => one.org.id === last?.orgId && one.workspace.id === last.workspaceId) ?? places[0];
    if (!place) return null;
    const { org, workspace } = place;
    const sub =
      workspace.permissions.includes(Permission.RESOURCES_VIEW) && (await hasAccounts(org.id, workspace.id))
        ? "aws/ec2"
        : "accounts";
    throw redirect(workspacePath(org.id, workspace.id, sub));
  };

  const hasAccounts = async (orgId: string, workspaceId: string) => {
    try {
      const input = { orgId, workspaceId, pageSize: 1 };
      const answer = await queryClient.fetchQuery(
        createQueryOptions(CloudAccountService.method.listCloudAccounts, input, { transport }),
      );
      return answer.cloudAccounts.length > 0;
    } catch {
      // The page that opens says what is wrong.
      return true;
    }
  };

  return [
    {
      errorElement: <RouteError />,
      hydrateFallbackElement: <></>,
      children: [
        {
          path: "/sign-in",
          loader: signedOut,
          lazy: async () => ({ Component: (await import("@/features/auth/SignInPage")).SignInPage }),
        },
        {
          path: "/register",
          loader: signedOut,
          lazy: async () => ({ Component: (await import("@/features/auth/RegisterPage")).RegisterPage }),
        },
        {
          id: "signed-in",
          loader: signedIn,
          // Who I am does not change with the page.
          shouldRevalidate: () => false,
          // The shell is not paid for by those who only see the sign-in page.
          lazy: async () => ({ Component: (await import("./layouts")).SignedInLayout }),
          children: [
            {
              path: "/",
              loader: start,
              lazy: async () => ({ Component: (await import("./NoWorkspacePage")).NoWorkspacePage }),
            },
            {
              path: "/admin",
              lazy: async () => ({ Component: (await import("@/features/admin/AdminLayout")).AdminLayout }),
              children: [
                {
                  errorElement: <RouteError inPage />,
                  children: [
                    {
                      path: "agenda",
                      loader: texts("admin"),
                      shouldRevalidate: () => false,
                      lazy: async () => ({ Component: (await import("@/features/admin/AgendaPage")).AgendaPage }),
                    },
                    { path: "*", element: <NotFoundPage inPage /> },
                  ],
                },
              ],
            },
            {
              path: "/o/:orgId/w/:workspaceId",
              lazy: async () => ({ Component: (await import("./layouts")).WorkspaceLayout }),
              children: [
                {
                  errorElement: <RouteError inPage />,
                  children: [
                    {
                      path: "aws/ec2",
                      loader: texts("instance", "schedule"),
                      shouldRevalidate: () => false,
                      lazy: async () => ({
                        Component: (await import("@/features/instance/InstancesPage")).InstancesPage,
                      }),
                    },
                    {
                      path: "schedules",
                      loader: texts("schedule", "instance"),
                      shouldRevalidate: () => false,
                      lazy: async () => ({
                        Component: (await import("@/features/schedule/SchedulesPage")).SchedulesPage,
                      }),
                    },
                    {
                      path: "schedules/holds",
                      loader: texts("schedule", "instance"),
                      shouldRevalidate: () => false,
                      lazy: async () => ({ Component: (await import("@/features/schedule/HoldsPage")).HoldsPage }),
                    },
                    {
                      path: "schedules/calendars",
                      loader: texts("calendar", "schedule", "instance"),
                      shouldRevalidate: () => false,
                      lazy: async () => ({
                        Component: (await import("@/features/calendar/CalendarsPage")).CalendarsPage,
                      }),
                    },
                    {
                      path: "schedules/import",
                      loader: texts("schedule", "instance"),
                      shouldRevalidate: () => false,
                      lazy: async () => ({ Component: (await import("@/features/schedule/ImportPage")).ImportPage }),
                    },
                    {
                      path: "notifications",
                      loader: texts("notification"),
                      shouldRevalidate: () => false,
                      lazy: async () => ({
                        Component: (await import("@/features/notification/NotificationsPage")).NotificationsPage,
                      }),
                    },
                    {
                      path: "webhooks",
                      loader: texts("webhook"),
                      shouldRevalidate: () => false,
                      lazy: async () => ({
                        Component: (await import("@/features/webhooks/WebhooksPage")).WebhooksPage,
                      }),
                    },
                    {
                      path: "webhooks/:destinationId",
                      loader: texts("webhook"),
                      shouldRevalidate: () => false,
                      lazy: async () => ({
                        Component: (await import("@/features/webhooks/DeliveriesPage")).DeliveriesPage,
                      }),
                    },
                    {
                      path: "channels",
                      loader: texts("webhook"),
                      shouldRevalidate: () => false,
                      lazy: async () => ({
                        Component: (await import("@/features/webhooks/ChannelsPage")).ChannelsPage,
                      }),
                    },
                    {
                      path: "channels/:destinationId",
                      loader: texts("webhook"),
                      shouldRevalidate: () => false,
                      lazy: async () => ({
                        Component: (await import("@/features/webhooks/DeliveriesPage")).DeliveriesPage,
                      }),
                    },
                    {
                      path: "schedules/:scheduleId/runs/:operationId",
                      loader: texts("schedule", "instance"),
                      shouldRevalidate: () => false,
                      lazy: async () => ({ Component: (await import("@/features/schedule/RunPage")).RunPage }),
                    },
                    {
                      path: "accounts",
                      loader: texts("account"),
                      shouldRevalidate: () => false,
                      lazy: async () => ({ Component: (await import("@/features/account/AccountsPage")).AccountsPage }),
                    },
                    { path: "*", element: <NotFoundPage inPage /> },
                  ],
                },
              ],
            },
          ],
        },
        { path: "*", element: <NotFoundPage /> },
      ],
    },
  ];
}

/** The texts of a page come with its code, once: a filter in the address waits for nothing. */
function texts(
  ...namespaces: Array<"instance" | "schedule" | "account" | "admin" | "calendar" | "notification" | "webhook">
) {
  return async () => {
    await i18n.loadNamespaces(namespaces);
    return null;
  };
}

export function createRouter(deps: RouterDeps) {
  return createBrowserRouter(routes(deps));
}
