import { createContext, type ReactNode, useContext, useMemo } from "react";
import type { Permission } from "@/gen/cloudhub/v1/options_pb";
import type { Organization, User, Workspace } from "@/gen/cloudhub/v1/user_pb";
import { ZoneContext } from "./format";

export type WorkspaceValue = {
  user: User;
  organizations: readonly Organization[];
  /** He may open the operators' page. */
  platformAdmin: boolean;
  org: Organization;
  workspace: Workspace;
  orgId: string;
  workspaceId: string;
  timeZone: string;
  /** Spread into every request of the workspace: `{ ...ids, resourceId }`. */
  ids: { orgId: string; workspaceId: string };
  can: (permission: Permission) => boolean;
  /** An address inside the workspace: path("schedules"). */
  path: (sub: WorkspacePage) => string;
};

export type WorkspacePage =
  | "aws/ec2"
  | "schedules"
  | "schedules/holds"
  | "schedules/calendars"
  | "schedules/import"
  | "notifications"
  | "webhooks"
  | "channels"
  | "accounts";

const Context = createContext<WorkspaceValue | null>(null);

export function workspacePath(orgId: string, workspaceId: string, sub: WorkspacePage) {
  return `/o/${orgId}/w/${workspaceId}/${sub}`;
}

/** The organization and workspace that the address names. */
export function WorkspaceProvider({
  user,
  organizations,
  platformAdmin = false,
  org,
  workspace,
  children,
}: {
  user: User;
  organizations: readonly Organization[];
  platformAdmin?: boolean;
  org: Organization;
  workspace: Workspace;
  children: ReactNode;
}) {
  const value = useMemo<WorkspaceValue>(
    () => ({
      user,
      organizations,
      platformAdmin,
      org,
      workspace,
      orgId: org.id,
      workspaceId: workspace.id,
      timeZone: workspace.timeZone,
      ids: { orgId: org.id, workspaceId: workspace.id },
      can: (permission) => workspace.permissions.includes(permission),
      path: (sub) => workspacePath(org.id, workspace.id, sub),
    }),
    [user, organizations, platformAdmin, org, workspace],
  );
  return (
    <Context.Provider value={value}>
      <ZoneContext.Provider value={workspace.timeZone || undefined}>{children}</ZoneContext.Provider>
    </Context.Provider>
  );
}

export function useWorkspace(): WorkspaceValue {
  const value = useContext(Context);
  if (!value) throw new Error("useWorkspace outside a workspace");
  return value;
}
