import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, test } from "vitest";
import { cloud, machine, machineId } from "@/features/instance/testing";
import { CalendarService, CalendarSource } from "@/gen/cloudhub/v1/calendar_pb";
import { OperationService } from "@/gen/cloudhub/v1/operation_pb";
import { OrganizationService, type PauseAutomationRequest } from "@/gen/cloudhub/v1/organization_pb";
import { ResourceState } from "@/gen/cloudhub/v1/resource_pb";
import {
  type CreateHoldRequest,
  type CreateScheduleRequest,
  HoldSchema,
  type ImportSchedulesRequest,
  type PreviewTargetsRequest,
  type RestoreRunRequest,
  RunExceptionKind,
  type RunNowRequest,
  type Schedule,
  ScheduleHealth,
  ScheduleSchema,
  ScheduleService,
} from "@/gen/cloudhub/v1/schedule_pb";
import { renderInWorkspace } from "@/test/app";
import { Code, fakeError, orgId, workspaceId } from "@/test/fakes";
import { HoldsPage } from "./HoldsPage";
import { ImportPage } from "./ImportPage";
import { SchedulesPage } from "./SchedulesPage";

const here = `/o/${orgId}/w/${workspaceId}/schedules`;
const scheduleId = "66666666-6666-4666-8666-000000000001";
const skipped = timestampFromMs(Date.now() + 3_600_000);

type Init = Exclude<MessageInitShape<typeof ScheduleSchema>, Schedule>;

const office = (more: Init = {}) =>
  create(ScheduleSchema, {
    id: scheduleId,
    name: "Homologação",
    rule: { startTime: "07:00", stopTime: "19:00", weekdays: [1, 2, 3, 4, 5], timeZone: "America/Sao_Paulo" },
    resourceIds: [machineId(1), machineId(2)],
    revision: 1,
    nextTime: skipped,
    nextWanted: ResourceState.STOPPED,
    health: ScheduleHealth.OK,
    ...more,
  });

function show(page: React.ReactNode, schedule = office(), query = "") {
  const asked = {
    skips: 0,
    restores: [] as RestoreRunRequest[],
    pauses: 0,
    resumes: 0,
    runs: [] as RunNowRequest[],
    holds: [] as CreateHoldRequest[],
    ended: [] as string[],
    creates: [] as CreateScheduleRequest[],
    targets: [] as PreviewTargetsRequest[],
    imports: [] as ImportSchedulesRequest[],
    automation: [] as PauseAutomationRequest[],
  };
  const state = { schedule, refuse: undefined as unknown };
  const inventory = cloud([
    machine(1, "web-01", { tags: { ambiente: "lab", time: "dados" } }),
    machine(2, "web-02", { tags: { ambiente: "prod" } }),
  ]);
  const hold = create(HoldSchema, {
    id: "99999999-9999-4999-8999-000000000001",
    scheduleId,
    subjectName: "Homologação",
    reason: "férias",
    untilTime: timestampFromMs(Date.now() + 86_400_000),
    createdByName: "Caio",
  });
  const view = renderInWorkspace(page, {
    at: here + query,
    services: (rpc) => {
      inventory.services(rpc);
      rpc.service(OperationService, { listOperations: () => ({ operations: [] }) });
      rpc.service(OrganizationService, {
        pauseAutomation: (request) => {
          asked.automation.push(request);
          return {};
        },
      });
      rpc.service(CalendarService, {
        listCalendars: () => ({
          calendars: [{ id: "br", name: "Feriados nacionais do Brasil", source: CalendarSource.BUILT_IN, dayCount: 9 }],
        }),
        getCalendar: () => ({ days: [{ date: "2126-12-25", name: "Natal" }] }),
      });
      rpc.service(ScheduleService, {
        listSchedules: () => ({ schedules: [state.schedule] }),
        getSchedule: () => ({ schedule: state.schedule }),
        previewSchedule: () => ({
          runs: [],
          rateWarnings: [
            {
              cloudAccountName: "ipe-prd",
              region: "sa-east-1",
              wanted: ResourceState.RUNNING,
              targetCount: 900,
              neededSeconds: 950,
              fittingCount: 500,
              earlierTime: "06:44",
            },
          ],
        }),
        previewTargets: (request) => {
          asked.targets.push(request);
          return { matchedCount: 12, leftAloneCount: 1, resources: [machine(1, "web-01")] };
        },
        skipNext: () => {
          asked.skips += 1;
          state.schedule = office({ nextException: { kind: RunExceptionKind.SKIPPED, byName: "Ana" } });
          return { skippedTime: skipped };
        },
        restoreRun: (request) => {
          asked.restores.push(request);
          state.schedule = office();
          return {};
        },
        pauseSchedule: () => {
          asked.pauses += 1;
          state.schedule = office({ pauseTime: timestampFromMs(Date.now()), health: ScheduleHealth.PAUSED });
          return {};
        },
        resumeSchedule: () => {
          asked.resumes += 1;
          state.schedule = office();
          return {};
        },
        runNow: (request) => {
          asked.runs.push(request);
          return { operation: { id: "op" } };
        },
        createHold: (request) => {
          asked.holds.push(request);
          return { hold };
        },
        endHold: (request) => {
          asked.ended.push(request.holdId);
          return {};
        },
        listHolds: (request) => ({ holds: asked.ended.length > 0 && request.inForce ? [] : [hold] }),
        createSchedule: (request) => {
          asked.creates.push(request);
          if (state.refuse) throw state.refuse;
          return { schedule: office({ name: request.name }) };
        },
        importSchedules: (request) => {
          asked.imports.push(request);
          const bad = request.csv.includes("25:00");
          return {
            imported: !bad && !request.dryRun,
            lines: [
              {
                line: 2,
                name: "A",
                problems: bad ? [{ column: "stop", reason: "VALIDATION", value: "25:00" }] : [],
              },
              { line: 3, name: "B" },
            ],
          };
        },
      });
    },
  });
  return { ...view, asked, state, user: userEvent.setup() };
}

async function menu(user: ReturnType<typeof userEvent.setup>, item: string) {
  await user.click(await screen.findByRole("button", { name: "O que fazer com Homologação" }));
  await user.click(await screen.findByRole("menuitem", { name: item }));
}

describe("the menu of a row", () => {
  test("skips at once, says why in the row, and takes it back", async () => {
    const { user, asked, router } = show(<SchedulesPage />);
    await menu(user, "Pular a próxima");
    expect(await screen.findByText("pulada por Ana")).toBeTruthy();
    expect(asked.skips).toBe(1);
    // The menu lies above the row, which is not opened by it.
    expect(router.state.location.search).toBe("");
    await user.click(screen.getByRole("button", { name: /Desfazer/ }));
    await waitFor(() => expect(asked.restores[0]).toMatchObject({ orgId, workspaceId, scheduleId, time: skipped }));
    await waitFor(() => expect(screen.queryByText("pulada por Ana")).toBeNull());
  });

  test("pauses and resumes", async () => {
    const { user, asked } = show(<SchedulesPage />);
    await menu(user, "Pausar");
    expect(await screen.findByText("pausado")).toBeTruthy();
    await menu(user, "Retomar");
    await waitFor(() => expect(asked.resumes).toBe(1));
    await waitFor(() => expect(screen.queryByText("pausado")).toBeNull());
  });

  test("runs now only after saying how many", async () => {
    const { user, asked } = show(<SchedulesPage />);
    await menu(user, "Parar agora…");
    const dialog = within(await screen.findByRole("alertdialog", { name: "Parar 2 máquinas agora?" }));
    expect(asked.runs).toHaveLength(0);
    await user.click(dialog.getByRole("button", { name: "Parar 2" }));
    await waitFor(() => expect(asked.runs[0]).toMatchObject({ scheduleId, wanted: ResourceState.STOPPED }));
    expect(asked.runs[0]?.requestId).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("of a selector the count is what it finds now", async () => {
    const { user } = show(
      <SchedulesPage />,
      office({ resourceIds: [], selector: { tags: [{ key: "ambiente", values: ["lab"] }] } }),
    );
    await menu(user, "Ligar agora…");
    expect(await screen.findByRole("alertdialog", { name: "Ligar 12 máquinas agora?" })).toBeTruthy();
    expect(screen.getByText("1 fica como está.")).toBeTruthy();
  });

  test("of one that only starts there is no stop", async () => {
    const { user } = show(
      <SchedulesPage />,
      office({ rule: { startTime: "07:00", weekdays: [1], timeZone: "America/Sao_Paulo" } }),
    );
    await user.click(await screen.findByRole("button", { name: "O que fazer com Homologação" }));
    expect(await screen.findByRole("menuitem", { name: "Ligar agora…" })).toBeTruthy();
    expect(screen.queryByRole("menuitem", { name: "Parar agora…" })).toBeNull();
  });

  test("holds until a time, for a reason; Enter in the reason confirms", async () => {
    const { user, asked } = show(<SchedulesPage />);
    await menu(user, "Segurar até…");
    const dialog = within(await screen.findByRole("alertdialog"));
    expect(dialog.getByRole<HTMLButtonElement>("button", { name: "Segurar" }).disabled).toBe(true);
    await user.click(dialog.getByRole("radio", { name: "1 semana" }));
    await user.type(dialog.getByLabelText("Por quê"), "férias{Enter}");
    await waitFor(() => expect(asked.holds).toHaveLength(1));
    expect(asked.holds[0]).toMatchObject({ subject: { case: "scheduleId", value: scheduleId }, reason: "férias" });
    const days = (Number(asked.holds[0]?.untilTime?.seconds) - Date.now() / 1000) / 86_400;
    expect(Math.abs(days - 7)).toBeLessThan(0.1);
  });
});

describe("the form", () => {
  const open = async () => {
    const all = show(<SchedulesPage />, office(), "?form=new");
    const form = within(await screen.findByRole("form"));
    await all.user.type(form.getByLabelText("Nome"), "Lab");
    return { ...all, form };
  };

  test("sends a stop alone on days of the month, but for holidays, for what a selector finds", async () => {
    const { user, form, asked } = await open();
    await user.click(form.getByRole("radio", { name: "Só parar" }));
    await user.click(form.getByRole("radio", { name: "Do mês" }));
    await user.click(form.getByRole("button", { name: "dia 15" }));
    await user.click(form.getByRole("button", { name: "dia 31" }));
    await user.selectOptions(form.getByRole("combobox"), "skip");
    await user.click(await form.findByRole("checkbox", { name: /Feriados nacionais/ }));
    expect(await form.findByText("25 dez 2126 Natal")).toBeTruthy();
    await user.click(form.getByRole("radio", { name: "Por etiqueta" }));
    await user.type(form.getByRole("combobox", { name: "etiqueta" }), "ambiente");
    await user.type(form.getByRole("combobox", { name: "valor" }), "lab{Enter}");
    await waitFor(() => expect(asked.targets.at(-1)?.selector?.tags[0]).toMatchObject({ key: "ambiente" }));
    expect((await form.findByText(/máquinas agora/)).textContent).toBe("12 máquinas agora");
    await user.clear(form.getByLabelText("Tolerância"));
    await user.type(form.getByLabelText("Tolerância"), "30");
    await user.click(form.getByRole("button", { name: "Criar agendamento" }));
    await waitFor(() => expect(asked.creates).toHaveLength(1));
    expect(asked.creates[0]).toMatchObject({
      rule: { startTime: "", stopTime: "19:00", weekdays: [], monthDays: [15, 31], shortMonth: 2, calendarIds: ["br"] },
      resourceIds: [],
      selector: { tags: [{ key: "ambiente", values: ["lab"] }], everything: false },
      catchUpMinutes: 30,
    });
  });

  test("what the provider's rate does not allow has a time to begin at instead", async () => {
    const { user, form } = await open();
    await user.click(await form.findByRole("button", { name: "Começar às 06:44" }));
    expect(form.getByLabelText<HTMLInputElement>("Liga").value).toBe("06:44");
  });

  test.each([
    ["SCHEDULE_CLASH", "Para", /quer o contrário/],
    ["TIME_ZONE_UNKNOWN", "Fuso", /./],
  ])("%s stands at its field", async (reason, label, text) => {
    const { user, form, state } = await open();
    state.refuse = fakeError(Code.InvalidArgument, reason, { metadata: { name: "BI", time: "19:00" } });
    await user.click(await form.findByRole("checkbox", { name: /web-01/ }));
    await user.click(form.getByRole("button", { name: "Criar agendamento" }));
    const field = form.getByLabelText(label);
    await waitFor(() => expect(field.getAttribute("aria-invalid")).toBe("true"));
    const said = document.getElementById(`${field.id}-err`);
    expect(said?.textContent).toMatch(text);
  });

  test("a violation inside the selector stands at the selector", async () => {
    const { user, form, state } = await open();
    state.refuse = fakeError(Code.InvalidArgument, "VALIDATION", {
      fields: { "selector.tags[0].key": "string.max_len" },
    });
    await user.click(form.getByRole("radio", { name: "Por etiqueta" }));
    await user.click(form.getByRole("button", { name: "Criar agendamento" }));
    expect(await form.findByText("Diga uma etiqueta, o começo do nome, ou todas as máquinas.")).toBeTruthy();
    await user.type(form.getByLabelText("Nome começa com"), "web-");
    await user.click(form.getByRole("button", { name: "Criar agendamento" }));
    expect(await form.findByText("Está longo demais.")).toBeTruthy();
  });
});

test("a hold is ended from its list", async () => {
  const { user, asked } = show(<HoldsPage />);
  await user.click(await screen.findByRole("button", { name: "Encerrar a espera de Homologação" }));
  await waitFor(() => expect(asked.ended).toEqual(["99999999-9999-4999-8999-000000000001"]));
  expect(await screen.findByRole("heading", { name: "Nada em espera" })).toBeTruthy();
});

test("a file is checked before it is imported, and changed again after a wrong line", async () => {
  const { user, asked, router } = show(<ImportPage />);
  const text = screen.getByLabelText("Ou cole aqui");
  await user.click(text);
  await user.paste("name,stop,days\nA,25:00,daily\nB,19:00,daily");
  await user.click(screen.getByRole("button", { name: "Conferir" }));
  expect(await screen.findByText("1 linha precisa de correção.")).toBeTruthy();
  expect(screen.getByRole("row", { name: /A.*stop.*25:00/ })).toBeTruthy();
  expect(screen.queryByRole("button", { name: /^Criar/ })).toBeNull();
  await user.clear(text);
  // What was reported was of another text.
  expect(screen.queryByText("1 linha precisa de correção.")).toBeNull();
  await user.click(text);
  await user.paste("name,stop,days\nA,18:00,daily\nB,19:00,daily");
  await user.click(screen.getByRole("button", { name: "Conferir" }));
  await user.click(await screen.findByRole("button", { name: "Criar 2 agendamentos" }));
  await waitFor(() => expect(asked.imports.map((one) => one.dryRun)).toEqual([true, true, false]));
  await waitFor(() => expect(router.state.location.pathname).toBe(here));
  expect(await screen.findByText("Criados: 2 agendamentos")).toBeTruthy();
});

test("everything is paused from the page, with a reason", async () => {
  const { user, asked } = show(<SchedulesPage />);
  await user.click(await screen.findByRole("button", { name: "Pausar tudo" }));
  const dialog = within(await screen.findByRole("alertdialog"));
  await user.type(dialog.getByLabelText("Por quê"), "virada{Enter}");
  await waitFor(() => expect(asked.automation[0]).toMatchObject({ orgId, reason: "virada" }));
});
