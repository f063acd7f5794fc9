import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import { NotificationKind, NotificationSchema, NotificationService, Severity } from "@/gen/cloudhub/v1/notification_pb";
import { Permission } from "@/gen/cloudhub/v1/options_pb";
import { renderInWorkspace } from "@/test/app";
import { Code, fakeError, orgId, workspaceId } from "@/test/fakes";
import { Bell } from "./Bell";
import { NotificationsPage } from "./NotificationsPage";

const one = (n: number, read: boolean) =>
  create(NotificationSchema, {
    id: `eeeeeeee-eeee-4eee-8eee-00000000000${n}`,
    kind: NotificationKind.SCHEDULE_FAILED,
    severity: Severity.ERROR,
    createTime: timestampFromMs(Date.now() - n * 60_000),
    subjectName: `Dev ${n}`,
    scheduleId: "s",
    operationId: `o${n}`,
    failedCount: 1,
    targetCount: 7,
    read,
  });

function show(page: React.ReactNode, permissions?: Permission[]) {
  const marked: string[] = [];
  const state = { rows: [one(1, false), one(2, true)], fail: undefined as unknown };
  const view = renderInWorkspace(page, {
    ...(permissions ? { permissions } : {}),
    services: (rpc) =>
      rpc.service(NotificationService, {
        listNotifications: () => {
          if (state.fail) throw state.fail;
          const read = marked.length > 0;
          return {
            notifications: state.rows.map((row) => ({ ...row, read: row.read || read })),
            unreadCount: read ? 0 : state.rows.filter((row) => !row.read).length,
          };
        },
        markNotificationsRead: (request) => {
          marked.push(request.notificationId);
          return {};
        },
      }),
  });
  return { ...view, marked, state, user: userEvent.setup() };
}

test("the bell counts, opens to the newest, marks them read once, and leads on", async () => {
  const { user, marked } = show(<Bell />);
  await user.click(await screen.findByRole("button", { name: "Notificações: 1 não lida" }));
  const list = within(await screen.findByRole("dialog", { name: "Notificações" }));
  const links = await list.findAllByRole("link", { name: /Dev/ });
  expect(links.map((link) => link.getAttribute("href"))).toEqual([
    `/o/${orgId}/w/${workspaceId}/schedules/s/runs/o1`,
    `/o/${orgId}/w/${workspaceId}/schedules/s/runs/o2`,
  ]);
  await waitFor(() => expect(marked).toEqual(["eeeeeeee-eeee-4eee-8eee-000000000001"]));
  // What was unread stays marked while it is looked at; the count goes.
  expect(await screen.findByRole("button", { name: "Notificações", hidden: true })).toBeTruthy();
  expect(list.getByText(/\(não lida\)/)).toBeTruthy();
  await user.click(list.getByRole("link", { name: "Ver todas" }));
  expect(await screen.findByTestId("elsewhere")).toBeTruthy();
  expect(marked).toHaveLength(1);
});

test("whoever does not see the workspace has no bell", async () => {
  show(<Bell />, [Permission.COSTS_VIEW]);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(screen.queryByRole("button")).toBeNull();
});

test("the page has them by day; nothing yet, and what went wrong, are told", async () => {
  const { marked } = show(<NotificationsPage />);
  expect(await screen.findAllByRole("link", { name: /Dev/ })).toHaveLength(2);
  await waitFor(() => expect(marked).toHaveLength(1));
});

test("an empty page says what would come", async () => {
  const { state } = show(<NotificationsPage />);
  state.rows = [];
  expect(await screen.findByRole("heading", { name: "Nenhuma notificação" })).toBeTruthy();
});

test("an error has the request's id and a retry", async () => {
  const { state, user } = show(<NotificationsPage />);
  state.fail = fakeError(Code.Internal, "INTERNAL");
  await screen.findByRole("heading", { name: "Não deu para ler as notificações" });
  state.fail = undefined;
  await user.click(screen.getByRole("button", { name: "Tentar de novo" }));
  expect(await screen.findAllByRole("link", { name: /Dev/ })).toHaveLength(2);
});
