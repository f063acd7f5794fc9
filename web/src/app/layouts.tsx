import { useQuery } from "@connectrpc/connect-query";
import { type ReactNode, useEffect } from "react";
import { Outlet, ScrollRestoration, useParams } from "react-router";
import { Shell } from "@/components/Shell";
import { Bell } from "@/features/notification/Bell";
import { UserService } from "@/gen/cloudhub/v1/user_pb";
import { session } from "@/lib/auth/browser";
import { rememberPlace } from "@/lib/place";
import { WorkspaceStreamProvider } from "@/lib/stream/WorkspaceStream";
import { WorkspaceProvider } from "@/lib/workspace";
import { NotFoundPage } from "./NotFoundPage";
import { SessionGuard } from "./SessionGuard";

export function SignedInLayout() {
  return (
    <SessionGuard>
      <ScrollRestoration getKey={(location) => location.pathname} />
      <Outlet />
    </SessionGuard>
  );
}

/** Finds the workspace of the address among those that the person may enter. */
export function WorkspaceLayout() {
  const { orgId, workspaceId } = useParams();
  // The loader has read it; this keeps it current. No stream tells that automation
  // was paused: whoever looks at a page learns it within half a minute.
  const { data } = useQuery(
    UserService.method.getMe,
    {},
    { staleTime: 20_000, refetchInterval: 30_000, refetchOnWindowFocus: true },
  );
  const org = data?.organizations.find((one) => one.id === orgId);
  const workspace = org?.workspaces.find((one) => one.id === workspaceId);
  useEffect(() => {
    if (org && workspace) rememberPlace(org.id, workspace.id);
  }, [org, workspace]);
  if (!data?.user) return null;
  if (!org || !workspace) return <NotFoundPage />;
  return (
    <WorkspaceProvider
      user={data.user}
      organizations={data.organizations}
      platformAdmin={data.platformAdmin}
      org={org}
      workspace={workspace}
    >
      <WorkspaceStreamProvider key={workspace.id}>
        <InShell key={workspace.id}>
          <Outlet />
        </InShell>
      </WorkspaceStreamProvider>
    </WorkspaceProvider>
  );
}

function InShell({ children }: { children: ReactNode }) {
  return (
    <Shell bell={<Bell />} onSignOut={() => void session.signOut()}>
      {children}
    </Shell>
  );
}
