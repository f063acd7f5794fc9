import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { ConnectRouter } from "@connectrpc/connect";
import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import { machineId } from "@/features/instance/testing";
import {
  type GetOperationRequest,
  OperationReadingSchema,
  OperationScheduleSchema,
  OperationSchema,
  OperationService,
  OperationState,
  OperationStep,
  TargetState,
} from "@/gen/cloudhub/v1/operation_pb";
import { Permission } from "@/gen/cloudhub/v1/options_pb";
import { ResourceState } from "@/gen/cloudhub/v1/resource_pb";
import { ScheduleSchema, ScheduleService } from "@/gen/cloudhub/v1/schedule_pb";
import { renderInWorkspace } from "@/test/app";
import { Code, fakeError, orgId, workspaceId } from "@/test/fakes";
import { RunPage } from "./RunPage";

const scheduleId = "66666666-6666-4666-8666-000000000001";
const operationId = "77777777-7777-4777-8777-000000000001";
const here = `/o/${orgId}/w/${workspaceId}/schedules/${scheduleId}/runs/${operationId}`;
const route = "/o/:orgId/w/:workspaceId/schedules/:scheduleId/runs/:operationId";
const at = (time: string) => timestampFromDate(new Date(`2026-11-23T${time}-03:00`));

const schedule = create(ScheduleSchema, {
  id: scheduleId,
  name: "Homologação",
  rule: { startTime: "07:00", stopTime: "19:00", weekdays: [1, 2, 3, 4, 5], timeZone: "America/Sao_Paulo" },
  revision: 1,
});

const run = create(OperationSchema, {
  id: operationId,
  state: OperationState.PARTIAL,
  step: OperationStep.DONE,
  schedules: [{ scheduleId, name: "Homologação", revision: 1 }],
  targetCount: 3,
  attempts: 5,
  dueTime: at("19:00:00"),
  createTime: at("19:00:00"),
  startTime: at("19:00:01"),
  endTime: at("19:02:00"),
  actBefore: at("19:10:00"),
  targets: [
    {
      scheduleId,
      resourceId: machineId(1),
      resourceName: "web-01",
      wanted: ResourceState.STOPPED,
      before: ResourceState.RUNNING,
      after: ResourceState.STOPPED,
      state: TargetState.DONE,
      attempts: 1,
      acceptTime: at("19:00:02"),
      endTime: at("19:01:00"),
    },
    {
      scheduleId,
      resourceId: machineId(2),
      resourceName: "web-02",
      wanted: ResourceState.STOPPED,
      before: ResourceState.RUNNING,
      after: ResourceState.RUNNING,
      state: TargetState.FAILED,
      reason: "PROVIDER_DENIED",
      detail: "UnauthorizedOperation",
      attempts: 3,
      endTime: at("19:01:32"),
    },
    {
      scheduleId: "another",
      resourceId: machineId(9),
      resourceName: "de-outro",
      wanted: ResourceState.STOPPED,
      state: TargetState.DONE,
      attempts: 1,
    },
  ],
});

function draw(answer: () => { operation: typeof run } | Promise<never>, permissions?: Permission[]) {
  const asked: GetOperationRequest[] = [];
  const services = (rpc: ConnectRouter) => {
    rpc.service(OperationService, {
      getOperation: (request) => {
        asked.push(request);
        return answer();
      },
    });
    rpc.service(ScheduleService, { getSchedule: () => ({ schedule }) });
  };
  renderInWorkspace(<RunPage />, { at: here, route, services, ...(permissions ? { permissions } : {}) });
  return { asked };
}

test("says what came of it, which machine did not change, why, and what the provider answered", async () => {
  const { asked } = draw(() => ({ operation: run }));
  await screen.findByRole("heading", { level: 1, name: "Parar 2, segunda 23 nov, 19:00" });
  screen.getByText("Uma máquina não parou. As outras estão como pedido.");
  const [, first, second, ...rest] = screen.getAllByRole("row");
  expect(first?.textContent).toMatch(/web-02.*Ligada.*Continua ligada.*3/);
  expect(second?.textContent).toMatch(/web-01.*Ligada.*Parada.*1.*58\u00a0s/);
  expect(rest).toEqual([]);
  const why = screen.getByRole("heading", { name: "Por que web-02 não parou" }).closest("section");
  expect(why?.textContent).toContain("O provedor recusou: falta uma permissão.");
  expect(why?.textContent).toContain("UnauthorizedOperation");
  expect(
    within(why as HTMLElement)
      .getByRole("link", { name: "Abrir web-02" })
      .getAttribute("href"),
  ).toBe(`/o/${orgId}/w/${workspaceId}/aws/ec2?id=${machineId(2)}`);
  expect(asked[0]).toMatchObject({ orgId, workspaceId, operationId });
});

test("leads back to the schedule and to the list", async () => {
  draw(() => ({ operation: run }));
  await screen.findByRole("heading", { level: 1, name: /^Parar 2/ });
  const crumb = screen.getByRole("navigation", { name: "Caminho" });
  const names = within(crumb).getAllByRole("link");
  expect(names.map((link) => link.getAttribute("href"))).toEqual([
    `/o/${orgId}/w/${workspaceId}/schedules`,
    `/o/${orgId}/w/${workspaceId}/schedules?id=${scheduleId}`,
  ]);
});

test("a run in which all went well has no pane of failures", async () => {
  const good = create(OperationSchema, {
    ...run,
    state: OperationState.SUCCEEDED,
    targets: run.targets.filter((target) => target.state === TargetState.DONE),
  });
  draw(() => ({ operation: good }));
  await screen.findByText("Todas estão como pedido.");
  expect(screen.queryByRole("heading", { name: /^Por que/ })).toBeNull();
});

test("one that is gone says how long runs are kept, and offers no second try", async () => {
  draw(() => Promise.reject(fakeError(Code.NotFound, "NOT_FOUND")));
  await screen.findByText("As execuções ficam guardadas por trinta dias.");
  expect(screen.queryByRole("button", { name: "Tentar de novo" })).toBeNull();
});

test("another error can be tried again", async () => {
  const user = userEvent.setup();
  let broken = true;
  draw(() => (broken ? Promise.reject(fakeError(Code.Internal, "INTERNAL")) : { operation: run }));
  const again = await screen.findByRole("button", { name: "Tentar de novo" });
  broken = false;
  await user.click(again);
  await screen.findByRole("heading", { level: 1, name: /^Parar 2/ });
});

test("who may not see resources is told so, and nothing is asked", async () => {
  const { asked } = draw(() => ({ operation: run }), [Permission.SCHEDULES_VIEW]);
  await screen.findByText("Você não vê as execuções daqui");
  expect(asked).toEqual([]);
});

test("says where machines were looked for, what could not be read first, and that some may have stayed", async () => {
  const readings = [
    { scheduleId, cloudAccountId: "a", cloudAccountName: "ipe-hml", ended: true, foundCount: 2 },
    {
      scheduleId,
      cloudAccountId: "b",
      cloudAccountName: "ipe-prd",
      ended: true,
      foundCount: 0,
      reason: "NOT_READ_IN_TIME",
      detail: "sa-east-1",
    },
    { scheduleId: "another", cloudAccountId: "c", cloudAccountName: "de-outro", ended: true, foundCount: 9 },
  ].map((one) => create(OperationReadingSchema, one));
  draw(() => ({ operation: { ...run, readings } }));
  const looked = (await screen.findByRole("heading", { name: "Onde procuramos" })).closest("section") as HTMLElement;
  expect(within(looked).getAllByRole("listitem")[0]?.textContent).toBe(
    "ipe-prdNão lidaA conta não pôde ser lida antes de passar o prazo da execução.sa-east-1",
  );
  expect(within(looked).getAllByRole("listitem")[1]?.textContent).toBe("ipe-hml2 máquinas");
  expect(within(looked).queryByText("de-outro")).toBeNull();
  expect(screen.getByText("1 conta não foi lida por inteiro.")).toBeTruthy();
});

test.each([
  ["SKIPPED", "Ana Prado", "Ana Prado pulou esta execução. Nenhuma máquina foi tocada."],
  ["HELD", "férias", "O agendamento estava em espera: férias. Nenhuma máquina foi tocada."],
])("a run that was left out (%s) says why, and has no table of machines", async (exception, exceptionText, said) => {
  const left = {
    ...run,
    state: OperationState.SKIPPED,
    schedules: [
      create(OperationScheduleSchema, { scheduleId, name: "Homologação", revision: 1, exception, exceptionText }),
    ],
    targets: [],
    targetCount: 0,
  };
  draw(() => ({ operation: left }));
  expect((await screen.findAllByText(said)).length).toBeGreaterThan(0);
  expect(screen.getByText("Pulada")).toBeTruthy();
  expect(screen.queryByText(/Falta|como pedido/)).toBeNull();
});
