import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import { Permission } from "@/gen/cloudhub/v1/options_pb";
import {
  AutomationPauseSchema,
  OrganizationService,
  type PauseAutomationRequest,
} from "@/gen/cloudhub/v1/organization_pb";
import { UserService } from "@/gen/cloudhub/v1/user_pb";
import { WorkspaceProvider } from "@/lib/workspace";
import { renderPage } from "@/test/app";
import { allPermissions, fakeMe, orgId } from "@/test/fakes";
import { AutomationPaused } from "./PauseAutomation";
import { Toaster } from "./Toast";
import { WhereAmI } from "./WhereAmI";

function show({ paused, permissions = allPermissions }: { paused: boolean; permissions?: readonly Permission[] }) {
  const asked = { pauses: [] as PauseAutomationRequest[], resumes: 0, reads: 0 };
  const me = fakeMe(permissions);
  const [org] = me.organizations;
  const [workspace] = org?.workspaces ?? [];
  if (!me.user || !org || !workspace) throw new Error("the fake has no workspace");
  if (paused) {
    org.automationPause = create(AutomationPauseSchema, {
      pauseTime: timestampFromMs(Date.now() - 7_400_000),
      reason: "Virada do ERP",
      pausedByName: "Caio Lima",
    });
  }
  const view = renderPage(
    <WorkspaceProvider user={me.user} organizations={me.organizations} org={org} workspace={workspace}>
      <WhereAmI />
      <AutomationPaused />
      <Toaster />
    </WorkspaceProvider>,
    {
      services: (rpc) => {
        rpc.service(UserService, {
          getMe: () => {
            asked.reads += 1;
            return me;
          },
        });
        rpc.service(OrganizationService, {
          pauseAutomation: (request) => {
            asked.pauses.push(request);
            return {};
          },
          resumeAutomation: () => {
            asked.resumes += 1;
            return {};
          },
        });
      },
    },
  );
  return { ...view, asked, user: userEvent.setup() };
}

test("while it is paused the bar says who, since when, why, and lets go on whoever may", async () => {
  const { asked, user } = show({ paused: true });
  const chip = screen.getByRole("status");
  expect(chip.textContent).toContain("Automação pausada por Caio Lima, há 2 h");
  expect(chip.textContent).toContain("Virada do ERP");
  await user.click(within(chip).getByRole("button", { name: "Retomar" }));
  await waitFor(() => expect(asked.resumes).toBe(1));
  expect(await screen.findByText("Automação retomada")).toBeTruthy();
});

test("whoever may not sees why, and no button", () => {
  show({ paused: true, permissions: [Permission.SCHEDULES_VIEW] });
  const chip = screen.getByRole("status");
  expect(chip.textContent).toContain("Virada do ERP");
  expect(within(chip).queryByRole("button")).toBeNull();
});

test("it is switched on from the menu of the organization, with a reason", async () => {
  const { asked, user } = show({ paused: false });
  expect(screen.queryByRole("status")).toBeNull();
  await user.click(screen.getByRole("button", { name: "Organização: Ipê Alimentos" }));
  await user.click(await screen.findByRole("menuitem", { name: "Pausar toda a automação…" }));
  const dialog = within(await screen.findByRole("alertdialog", { name: "Pausar toda a automação de Ipê Alimentos?" }));
  expect(dialog.getByText("Nada age sozinho, em 2 workspaces, até alguém retomar.")).toBeTruthy();
  expect(dialog.getByRole<HTMLButtonElement>("button", { name: "Pausar tudo" }).disabled).toBe(true);
  await user.type(dialog.getByLabelText("Por quê"), "virada");
  await user.click(dialog.getByRole("button", { name: "Pausar tudo" }));
  await waitFor(() => expect(asked.pauses[0]).toMatchObject({ orgId, reason: "virada" }));
});

test("whoever may not manage the organization has no such switch", async () => {
  const { user } = show({ paused: false, permissions: [Permission.SCHEDULES_MANAGE] });
  await user.click(screen.getByRole("button", { name: "Organização: Ipê Alimentos" }));
  await screen.findByRole("menu");
  expect(screen.queryByRole("menuitem", { name: /automação/ })).toBeNull();
});
