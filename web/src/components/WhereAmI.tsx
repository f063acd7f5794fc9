import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useLocation, useNavigate } from "react-router";
import { Permission } from "@/gen/cloudhub/v1/options_pb";
import { useWorkspace, type WorkspacePage, workspacePath } from "@/lib/workspace";
import { Icon } from "./Icon";
import { Menu, MenuChoices, MenuItem, MenuSeparator } from "./Menu";
import { PauseAutomation, useResumeAutomation } from "./PauseAutomation";

/** organization › workspace. Both are in the address; changing one keeps the page and drops its filters. */
export function WhereAmI() {
  const { t } = useTranslation("common");
  const { organizations, org, workspace } = useWorkspace();
  const { pathname } = useLocation();
  const navigate = useNavigate();
  const { resume } = useResumeAutomation();
  const [pausing, setPausing] = useState(false);
  const here = /^\/o\/[^/]+\/w\/[^/]+\/(.+)$/.exec(pathname)?.[1] ?? "aws/ec2";
  // A run is of one workspace; elsewhere its list is the nearest.
  const page = (/^schedules\/[^/]+\/runs/.test(here) ? "schedules" : here) as WorkspacePage;

  const goToOrg = (id: string) => {
    const target = organizations.find((one) => one.id === id);
    const first = target?.workspaces[0];
    if (target && first && id !== org.id) navigate(workspacePath(target.id, first.id, page));
  };
  const goToWorkspace = (id: string) => {
    if (id !== workspace.id) navigate(workspacePath(org.id, id, page));
  };

  return (
    <nav className="path" aria-label={t("where.label")}>
      <Menu
        label={t("where.organization")}
        trigger={
          <button type="button" className="sw" aria-label={t("where.organizationNow", { name: org.name })}>
            <span className="el">{org.name}</span>
            <Icon name="upDown" />
          </button>
        }
      >
        <MenuChoices
          label={t("where.organization")}
          value={org.id}
          onChange={goToOrg}
          options={organizations
            .filter((one) => one.workspaces.length > 0)
            .map((one) => ({ value: one.id, label: one.name }))}
        />
        {org.permissions.includes(Permission.ORG_MANAGE) && (
          <>
            <MenuSeparator />
            {org.automationPause ? (
              <MenuItem icon="play" onSelect={resume}>
                {t("automation.resumeAll")}
              </MenuItem>
            ) : (
              <MenuItem icon="pause" onSelect={() => setPausing(true)}>
                {t("automation.pauseAll")}
              </MenuItem>
            )}
          </>
        )}
      </Menu>
      {pausing && <PauseAutomation onClose={() => setPausing(false)} />}
      <span className="sep" aria-hidden="true">
        ›
      </span>
      <Menu
        label={t("where.workspace")}
        trigger={
          <button type="button" className="sw" aria-label={t("where.workspaceNow", { name: workspace.name })}>
            <span className="el">{workspace.name}</span>
            <Icon name="upDown" />
          </button>
        }
      >
        <MenuChoices
          label={t("where.workspace")}
          value={workspace.id}
          onChange={goToWorkspace}
          options={org.workspaces.map((one) => ({ value: one.id, label: one.name }))}
        />
      </Menu>
    </nav>
  );
}
