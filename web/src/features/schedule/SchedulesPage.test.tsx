import { create } from "@bufbuild/protobuf";
import { timestampFromDate, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, test } from "vitest";
import { cloud, machine, machineId } from "@/features/instance/testing";
import {
  OperationSchema,
  OperationService,
  OperationState,
  OperationStep,
  TargetState,
} from "@/gen/cloudhub/v1/operation_pb";
import { Permission } from "@/gen/cloudhub/v1/options_pb";
import { LeftAloneReason, ResourceState } from "@/gen/cloudhub/v1/resource_pb";
import {
  type CreateScheduleRequest,
  type DeleteScheduleRequest,
  type PreviewScheduleRequest,
  ScheduleHealth,
  ScheduleSchema,
  ScheduleService,
  type UpdateScheduleRequest,
} from "@/gen/cloudhub/v1/schedule_pb";
import { renderInWorkspace } from "@/test/app";
import { Code, fakeError, orgId, workspaceId } from "@/test/fakes";
import { SchedulesPage } from "./SchedulesPage";

const here = `/o/${orgId}/w/${workspaceId}/schedules`;
const scheduleId = "66666666-6666-4666-8666-000000000001";
const operationId = "77777777-7777-4777-8777-000000000001";
const yesterday = new Date(Date.now() - 86_400_000);

const office = (name = "Homologação") =>
  create(ScheduleSchema, {
    id: scheduleId,
    name,
    rule: { startTime: "07:00", stopTime: "19:00", weekdays: [1, 2, 3, 4, 5], timeZone: "America/Sao_Paulo" },
    resourceIds: [machineId(1), machineId(2)],
    revision: 1,
    nextTime: timestampFromMs(Date.now() + 3_600_000),
    nextWanted: ResourceState.STOPPED,
    createdByName: "Ana Prado",
    createTime: timestampFromDate(yesterday),
    etag: '"7"',
    health: ScheduleHealth.FAILING,
    recentRuns: [
      {
        operationId,
        dueTime: timestampFromDate(yesterday),
        wanted: ResourceState.STOPPED,
        targetCount: 2,
        doneCount: 1,
        failedCount: 1,
        ended: true,
      },
    ],
  });

const ran = create(OperationSchema, {
  id: operationId,
  state: OperationState.PARTIAL,
  step: OperationStep.DONE,
  schedules: [{ scheduleId, name: "Homologação", revision: 1 }],
  targetOffCount: 2,
  targetCount: 3,
  dueTime: timestampFromDate(yesterday),
  targets: [
    {
      operationId,
      scheduleId,
      resourceId: machineId(1),
      resourceName: "web-01",
      wanted: ResourceState.STOPPED,
      state: TargetState.DONE,
      before: ResourceState.RUNNING,
      after: ResourceState.STOPPED,
      attempts: 1,
    },
    {
      operationId,
      scheduleId,
      resourceId: machineId(2),
      resourceName: "web-02",
      wanted: ResourceState.STOPPED,
      state: TargetState.FAILED,
      reason: "PROVIDER_DENIED",
      detail: "UnauthorizedOperation",
      before: ResourceState.RUNNING,
      after: ResourceState.RUNNING,
      attempts: 3,
    },
    {
      operationId,
      scheduleId: "another",
      resourceId: machineId(9),
      resourceName: "de-outro",
      wanted: ResourceState.STOPPED,
      state: TargetState.DONE,
      attempts: 1,
    },
  ],
});

function timetable(schedules = [office()]) {
  const inventory = cloud([
    machine(1, "web-01"),
    machine(2, "web-02"),
    machine(3, "asg-01", { leftAlone: LeftAloneReason.AUTO_SCALING }),
  ]);
  const asked = {
    creates: [] as CreateScheduleRequest[],
    updates: [] as UpdateScheduleRequest[],
    deletes: [] as DeleteScheduleRequest[],
    previews: [] as PreviewScheduleRequest[],
    runs: [] as string[],
  };
  const state = { schedules, refuse: undefined as unknown, fail: undefined as unknown, parked: "" };
  return { asked, state, inventory };
}

function show(
  fake: ReturnType<typeof timetable>,
  { query = "", permissions }: { query?: string; permissions?: Permission[] } = {},
) {
  const view = renderInWorkspace(<SchedulesPage />, {
    at: here + query,
    ...(permissions ? { permissions } : {}),
    services: (rpc) => {
      fake.inventory.services(rpc);
      rpc.service(OperationService, {
        listOperations: (request) => {
          fake.asked.runs.push(request.scheduleId);
          return { operations: [{ ...ran, targets: [] }] };
        },
        getOperation: () => ({ operation: ran }),
      });
      rpc.service(ScheduleService, {
        listSchedules: () => {
          if (fake.state.fail) throw fake.state.fail;
          return {
            schedules: fake.state.schedules,
            ...(fake.state.parked
              ? { parked: { parkTime: timestampFromDate(new Date()), reason: fake.state.parked } }
              : {}),
          };
        },
        getSchedule: () => ({ schedule: fake.state.schedules[0] }),
        createSchedule: (request) => {
          fake.asked.creates.push(request);
          if (fake.state.refuse) throw fake.state.refuse;
          return { schedule: office(request.name) };
        },
        updateSchedule: (request) => {
          fake.asked.updates.push(request);
          if (fake.state.refuse) throw fake.state.refuse;
          return { schedule: office(request.name) };
        },
        deleteSchedule: (request) => {
          fake.asked.deletes.push(request);
          fake.state.schedules = [];
          return {};
        },
        previewSchedule: (request) => {
          fake.asked.previews.push(request);
          return {
            runs: [{ time: timestampFromDate(new Date("2026-11-25T08:00:00-03:00")), wanted: ResourceState.RUNNING }],
          };
        },
      });
    },
  });
  return { ...view, user: userEvent.setup() };
}

const panel = () => screen.findByRole("form");

test("a timetable that is held says so, why, and what it means", async () => {
  const fake = timetable();
  fake.state.parked = "a AWS está fora do ar";
  show(fake);
  const note = await screen.findByText("a AWS está fora do ar");
  expect(note.closest("[role=status]")?.textContent).toContain("está segurando os horários deste workspace");
  expect(note.closest("[role=status]")?.textContent).toContain("Nada roda até que liberem");
});

describe("a new schedule", () => {
  test("is what was written: name, days, times, zone, machines", async () => {
    const fake = timetable();
    const { user, router } = show(fake, { query: "?form=new" });
    const form = within(await panel());
    await user.type(form.getByLabelText("Nome"), "  Lab de dados ");
    await user.click(form.getByRole("button", { name: "sexta" }));
    await user.click(form.getByRole("button", { name: "sábado" }));
    await user.clear(form.getByLabelText("Liga"));
    await user.type(form.getByLabelText("Liga"), "8h30");
    await user.clear(form.getByLabelText("Para"));
    await user.type(form.getByLabelText("Para"), "18");
    await user.click(form.getByRole("button", { name: "Fuso" }));
    await user.type(await screen.findByRole("combobox", { name: "Buscar fuso" }), "manaus{Enter}");
    await user.click(await form.findByRole("checkbox", { name: /web-02/ }));
    await user.click(form.getByRole("checkbox", { name: /asg-01/ }));
    expect(form.getByText(/fica de fora/).textContent).toContain("asg-01 fica de fora. É de um grupo de Auto Scaling");

    await user.click(form.getByRole("button", { name: "Criar agendamento" }));
    await waitFor(() => expect(fake.asked.creates).toHaveLength(1));
    expect(fake.asked.creates[0]).toMatchObject({
      orgId,
      workspaceId,
      name: "Lab de dados",
      rule: { startTime: "08:30", stopTime: "18:00", weekdays: [1, 2, 3, 4, 6], timeZone: "America/Manaus" },
      resourceIds: [machineId(2), machineId(3)],
    });
    expect(fake.asked.creates[0]?.requestId).toMatch(/^[0-9a-f-]{36}$/);
    await screen.findByText("Criado: Lab de dados");
    expect(router.state.location.search).toContain(`id=${scheduleId}`);
  });

  test("is not sent while something is missing, and says what at its field", async () => {
    const fake = timetable();
    const { user } = show(fake, { query: "?form=new" });
    const form = within(await panel());
    await user.clear(form.getByLabelText("Para"));
    await user.type(form.getByLabelText("Para"), "7:00");
    await user.click(form.getByRole("button", { name: "Criar agendamento" }));
    expect(await form.findByText("Dê um nome.")).toBeTruthy();
    expect(form.getByText("Liga e para na mesma hora. Mude uma das duas.")).toBeTruthy();
    expect(form.getByText("Escolha ao menos uma instância.")).toBeTruthy();
    expect(fake.asked.creates).toHaveLength(0);
    expect(document.activeElement).toBe(form.getByLabelText("Nome"));
  });

  test("what the server says of a field stands at the field, with the focus", async () => {
    const fake = timetable();
    fake.state.refuse = fakeError(Code.InvalidArgument, "VALIDATION", {
      fields: { "rule.stop_time": "SCHEDULE_CONFLICT" },
    });
    const { user } = show(fake, { query: "?form=new" });
    const form = within(await panel());
    await user.type(form.getByLabelText("Nome"), "Lab");
    await user.click(await form.findByRole("checkbox", { name: /web-01/ }));
    await user.click(form.getByRole("button", { name: "Criar agendamento" }));
    const field = form.getByLabelText<HTMLInputElement>("Para");
    await waitFor(() => expect(field.getAttribute("aria-invalid")).toBe("true"));
    expect(form.getByText(/Ligar e parar caem no mesmo minuto/)).toBeTruthy();
    expect(document.activeElement).toBe(field);
    // What was refused was not made: the corrected one is another request.
    await user.click(form.getByRole("button", { name: "Criar agendamento" }));
    await waitFor(() => expect(fake.asked.creates).toHaveLength(2));
    expect(fake.asked.creates[1]?.requestId).not.toBe(fake.asked.creates[0]?.requestId);
  });

  test("outside the plan the panel says which plan it takes", async () => {
    const fake = timetable();
    fake.state.refuse = fakeError(Code.FailedPrecondition, "PLAN_REQUIRED", { metadata: { plan: "pro" } });
    const { user } = show(fake, { query: "?form=new" });
    const form = within(await panel());
    await user.type(form.getByLabelText("Nome"), "Lab");
    await user.click(await form.findByRole("checkbox", { name: /web-01/ }));
    await user.click(form.getByRole("button", { name: "Criar agendamento" }));
    expect(await screen.findByRole("heading", { name: "Agendamentos vêm no plano Pro" })).toBeTruthy();
  });
});

test("the preview waits until the typing rests, and asks once", async () => {
  const fake = timetable();
  const { user } = show(fake, { query: "?form=new" });
  const form = within(await panel());
  await waitFor(() => expect(fake.asked.previews).toHaveLength(1));
  await user.clear(form.getByLabelText("Liga"));
  await user.type(form.getByLabelText("Liga"), "05:45");
  await user.click(form.getByRole("button", { name: "sábado" }));
  expect(fake.asked.previews).toHaveLength(1);
  await waitFor(() => expect(fake.asked.previews).toHaveLength(2));
  expect(fake.asked.previews[1]).toMatchObject({
    orgId,
    workspaceId,
    count: 30,
    rule: { startTime: "05:45", stopTime: "19:00", weekdays: [1, 2, 3, 4, 5, 6] },
  });
  expect(form.getByText("qua 25 nov")).toBeTruthy();
});

test("changing one sends all of it with the etag that was read", async () => {
  const fake = timetable();
  const { user } = show(fake, { query: `?id=${scheduleId}` });
  await user.click(await screen.findByRole("button", { name: "Editar" }));
  const form = within(await screen.findByRole("form", { name: "Editar agendamento" }));
  await user.type(form.getByLabelText("Nome"), " 2");
  await user.click(form.getByRole("button", { name: "Salvar" }));
  await waitFor(() => expect(fake.asked.updates).toHaveLength(1));
  expect(fake.asked.updates[0]).toMatchObject({
    scheduleId,
    etag: '"7"',
    name: "Homologação 2",
    resourceIds: [machineId(1), machineId(2)],
    rule: { startTime: "07:00", stopTime: "19:00", weekdays: [1, 2, 3, 4, 5], timeZone: "America/Sao_Paulo" },
  });
});

test("deleting says what ends and what stays, and only then asks", async () => {
  const fake = timetable();
  const { user, router } = show(fake, { query: `?id=${scheduleId}` });
  const drawer = within(await screen.findByRole("complementary", { name: "Homologação" }));
  await user.click(drawer.getByRole("button", { name: "O que fazer com Homologação" }));
  await user.click(await screen.findByRole("menuitem", { name: "Apagar…" }));
  const dialog = await screen.findByRole("alertdialog", { name: "Apagar Homologação?" });
  expect(dialog.textContent).toContain("2 máquinas deixam de ligar e parar sozinhas");
  expect(dialog.textContent).toContain("continua no histórico");
  expect(fake.asked.deletes).toHaveLength(0);
  await user.click(within(dialog).getByRole("button", { name: "Apagar agendamento" }));
  await waitFor(() => expect(fake.asked.deletes).toHaveLength(1));
  expect(fake.asked.deletes[0]).toMatchObject({ orgId, workspaceId, scheduleId });
  await waitFor(() => expect(router.state.location.search).toBe(""));
});

test("a run opens to its own machines, the failed one first, with its reason", async () => {
  const fake = timetable();
  const { user } = show(fake, { query: `?id=${scheduleId}` });
  const aside = within(await screen.findByRole("complementary", { name: "Homologação" }));
  await user.click(await aside.findByRole("button", { name: /1 de 2.*Parar/ }));
  expect(await aside.findByText("O provedor recusou: falta uma permissão.")).toBeTruthy();
  const machines = [...document.querySelectorAll(".run-targets > li")].map((li) => li.textContent ?? "");
  expect(machines).toHaveLength(2);
  expect(machines[0]).toContain("web-02");
  expect(machines[0]).toContain("3 tentativas");
  expect(machines[1]).toMatch(/web-01.*Feito.*Ligada.*Parada/);
  expect(fake.asked.runs[0]).toBe(scheduleId);
});

describe("situations of the list", () => {
  test("full: what, when, how the last one went, health in words", async () => {
    show(timetable());
    const cell = (await screen.findByRole("button", { name: /^Homologação/ })).closest("tr");
    expect(cell?.textContent).toMatch(/para 2, em (59.min|1.h)/);
    expect(cell?.textContent).toContain("1 de 2");
    expect(
      within(cell as HTMLElement).getByRole("img", { name: "0 de 1 execução certa, 1 com falha em parte" }),
    ).toBeTruthy();
    expect(within(cell as HTMLElement).getByRole("img", { name: /^de segunda a sexta/ })).toBeTruthy();
  });

  test("empty: one action, for those who may", async () => {
    const { user, router, unmount } = show(timetable([]));
    await screen.findByRole("heading", { name: "Nenhum agendamento ainda" });
    await user.click(screen.getByRole("button", { name: "Criar agendamento" }));
    expect(router.state.location.search).toBe("?form=new");
    unmount();
    show(timetable([]), { permissions: [Permission.SCHEDULES_VIEW] });
    expect(await screen.findByText(/pede a permissão schedules\.manage/)).toBeTruthy();
    expect(screen.queryByRole("button", { name: "Criar agendamento" })).toBeNull();
  });

  test("error and denied", async () => {
    const fake = timetable();
    fake.state.fail = fakeError(Code.Internal, "INTERNAL");
    const { unmount } = show(fake);
    expect(await screen.findByRole("heading", { name: "Não deu para ler os agendamentos" })).toBeTruthy();
    expect(screen.getByText("req_01KAT7Q2M9XF")).toBeTruthy();
    unmount();
    show(timetable(), { permissions: [Permission.RESOURCES_VIEW] });
    expect(await screen.findByText("schedules.view")).toBeTruthy();
  });
});

test("Esc closes the panel and leaves the list", async () => {
  const { user, router } = show(timetable(), { query: "?form=new" });
  await panel();
  await user.keyboard("{Escape}");
  await waitFor(() => expect(screen.queryByRole("form")).toBeNull());
  expect(router.state.location.search).toBe("");
});

describe("the filter of health", () => {
  const sound = () =>
    create(ScheduleSchema, {
      ...office("Sem falha"),
      id: scheduleId.replace(/1$/, "2"),
      recentRuns: [],
      health: ScheduleHealth.OK,
    });

  test("in the address lets through those that fail, and says how many of how many", async () => {
    show(timetable([office("Com falha"), sound()]), { query: "?health=failing" });
    await screen.findByText("1 de 2 agendamentos");
    expect(screen.getByRole("row", { name: /Com falha/ })).toBeDefined();
    expect(screen.queryByRole("row", { name: /Sem falha/ })).toBeNull();
  });

  test("that lets nothing through can be let go of, from the page", async () => {
    const { user, router } = show(timetable([sound()]), { query: "?health=failing" });
    await screen.findByRole("heading", { name: "Nenhum agendamento assim" });
    await user.click(screen.getByRole("button", { name: "Tirar o filtro" }));
    expect(await screen.findByRole("row", { name: /Sem falha/ })).toBeDefined();
    expect(router.state.location.search).toBe("");
  });
});

test("an opened run leads to its page", async () => {
  const { user } = show(timetable(), { query: `?id=${scheduleId}` });
  await user.click(await screen.findByRole("button", { name: /^1 de 2.*Parar/ }));
  const link = await screen.findByRole("link", { name: "Abrir esta execução" });
  expect(link.getAttribute("href")).toBe(`${here}/${scheduleId}/runs/${operationId}`);
});
