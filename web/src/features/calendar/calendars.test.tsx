import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import {
  CalendarSchema,
  CalendarService,
  CalendarSource,
  type CreateCalendarRequest,
  type UpdateCalendarRequest,
} from "@/gen/cloudhub/v1/calendar_pb";
import { Permission } from "@/gen/cloudhub/v1/options_pb";
import { renderInWorkspace } from "@/test/app";
import { Code, fakeError, orgId, workspaceId } from "@/test/fakes";
import { CalendarsPage } from "./CalendarsPage";

const here = `/o/${orgId}/w/${workspaceId}/schedules/calendars`;
const id = "55555555-5555-4555-8555-000000000001";

function show(
  query = "",
  { permissions, used = 0, fail }: { permissions?: Permission[]; used?: number; fail?: unknown } = {},
) {
  const asked = {
    creates: [] as CreateCalendarRequest[],
    updates: [] as UpdateCalendarRequest[],
    years: [] as number[],
  };
  const state = { refuse: undefined as unknown, fail, used };
  const calendar = () =>
    create(CalendarSchema, {
      id,
      name: "Empresa",
      source: CalendarSource.DAYS,
      dayCount: 2,
      scheduleCount: state.used,
      etag: '"7"',
      refreshTime: timestampFromMs(Date.now()),
    });
  const view = renderInWorkspace(<CalendarsPage />, {
    at: here + query,
    ...(permissions ? { permissions } : {}),
    services: (rpc) =>
      rpc.service(CalendarService, {
        listCalendars: (request) => {
          expect(request).toMatchObject({ orgId, workspaceId });
          if (state.fail) throw state.fail;
          return {
            calendars: [
              { id: "br", name: "Feriados nacionais do Brasil", source: CalendarSource.BUILT_IN, dayCount: 9 },
              calendar(),
              {
                id: id.replace(/1$/, "2"),
                name: "Municipais",
                source: CalendarSource.ADDRESS,
                address: "https://a.example/…",
                lastError: "CALENDAR_UNREACHABLE",
                lastErrorDetail: "503",
                refreshTime: timestampFromMs(Date.now() - 90_000_000),
              },
            ],
          };
        },
        getCalendar: (request) => {
          asked.years.push(request.year);
          const day = { date: `${request.year}-12-25`, name: "Natal", law: "Lei nº 662/1949" };
          if (request.calendarId === "br") return { calendar: { id: "br" }, days: [day] };
          // One day of it is far from now.
          const days = [2027, 2041].includes(request.year) ? [{ date: `${request.year}-01-02`, name: "Ponte" }] : [];
          return { calendar: calendar(), days };
        },
        createCalendar: (request) => {
          asked.creates.push(request);
          if (state.refuse) throw state.refuse;
          return { calendar: calendar() };
        },
        updateCalendar: (request) => {
          asked.updates.push(request);
          return { calendar: calendar() };
        },
      }),
  });
  return { ...view, asked, state, user: userEvent.setup() };
}

test("the list says source, use and, in words, what cannot be read", async () => {
  show();
  const row = await screen.findByRole("row", { name: /Municipais/ });
  expect(row.textContent).toContain("de um endereço · a.example/…");
  expect(row.textContent).toContain("Não deu para ler");
  expect(screen.getByRole("row", { name: /Feriados nacionais \(Brasil\).*da lei/ })).toBeTruthy();
});

test("the built-in one shows each day with its law, by year, and cannot be changed", async () => {
  const { user, asked } = show("?id=br");
  const drawer = within(await screen.findByRole("complementary", { name: "Feriados nacionais (Brasil)" }));
  expect(await drawer.findByText("Lei nº 662/1949")).toBeTruthy();
  await user.click(drawer.getByRole("button", { name: "Ano seguinte" }));
  await waitFor(() => expect(asked.years.at(-1)).toBe(new Date().getUTCFullYear() + 1));
  expect(drawer.queryByRole("button", { name: "Editar" })).toBeNull();
});

test("days are pasted; a line that is none is named before anything is sent", async () => {
  const { user, asked } = show("?form=new");
  const form = within(await screen.findByRole("form"));
  await user.type(form.getByLabelText("Nome"), "Empresa");
  const days = form.getByLabelText("Dias");
  await user.click(days);
  await user.paste("2026-12-24 Véspera\nNatal");
  await user.click(form.getByRole("button", { name: "Criar calendário" }));
  expect(await form.findByText("Linha 2: “Natal” não é um dia.")).toBeTruthy();
  expect(asked.creates).toHaveLength(0);
  await user.clear(days);
  await user.click(days);
  await user.paste("2026-12-24 Véspera");
  await user.click(form.getByRole("button", { name: "Criar calendário" }));
  await waitFor(() => expect(asked.creates).toHaveLength(1));
  expect(asked.creates[0]).toMatchObject({
    orgId,
    name: "Empresa",
    content: { case: "days", value: { days: [{ date: "2026-12-24", name: "Véspera" }] } },
  });
});

test("a file is read in the browser and sent as text", async () => {
  const { user, asked } = show("?form=new");
  const form = within(await screen.findByRole("form"));
  await user.click(form.getByRole("radio", { name: "Arquivo iCal" }));
  await user.upload(
    form.getByLabelText("Escolher arquivo", { selector: "input" }),
    new File(["BEGIN:VCALENDAR"], "Municipais.ics", { type: "text/calendar" }),
  );
  await waitFor(() => expect(form.getByLabelText<HTMLInputElement>("Nome").value).toBe("Municipais"));
  await user.click(form.getByRole("button", { name: "Criar calendário" }));
  await waitFor(() => expect(asked.creates[0]?.content).toEqual({ case: "file", value: "BEGIN:VCALENDAR" }));
});

test("an address that is refused says why at its field", async () => {
  const { user, state } = show("?form=new");
  state.refuse = fakeError(Code.InvalidArgument, "ADDRESS_REFUSED", { metadata: { why: "não é público" } });
  const form = within(await screen.findByRole("form"));
  await user.type(form.getByLabelText("Nome"), "X");
  await user.click(form.getByRole("radio", { name: "Endereço" }));
  const address = form.getByLabelText("Endereço", { selector: "input" });
  await user.type(address, "https://10.0.0.1/x.ics");
  await user.click(form.getByRole("button", { name: "Criar calendário" }));
  await waitFor(() => expect(address.getAttribute("aria-invalid")).toBe("true"));
  expect(form.getByText("Este endereço não pode ser usado: não é público.")).toBeTruthy();
});

test("editing begins with every day it has, however far, and loses none", async () => {
  const { user, asked } = show(`?id=${id}&form=edit`);
  const form = within(await screen.findByRole("form", { name: "Editar calendário" }));
  const days = form.getByLabelText<HTMLTextAreaElement>("Dias");
  expect(days.value).toBe("2027-01-02 Ponte\n2041-01-02 Ponte");
  // Only the name: the days stay as they are, and are not sent.
  await user.type(form.getByLabelText("Nome"), " 2");
  await user.click(form.getByRole("button", { name: "Salvar" }));
  await waitFor(() => expect(asked.updates).toHaveLength(1));
  expect(asked.updates[0]).toMatchObject({
    calendarId: id,
    name: "Empresa 2",
    etag: '"7"',
    content: { case: undefined },
  });
});

test("one that schedules keep to cannot be deleted, and says what would happen", async () => {
  const { user } = show(`?id=${id}`, { used: 2 });
  const drawer = within(await screen.findByRole("complementary", { name: "Empresa" }));
  expect(drawer.getByText("2 agendamentos da organização")).toBeTruthy();
  await user.click(drawer.getByRole("button", { name: "Apagar" }));
  const dialog = within(await screen.findByRole("alertdialog", { name: "Apagar Empresa?" }));
  expect(dialog.getByText(/2 agendamentos seguem este calendário\. Tire-o deles antes/)).toBeTruthy();
  expect(dialog.getByRole<HTMLButtonElement>("button", { name: "Apagar calendário" }).disabled).toBe(true);
});

test("without org.manage everything is seen and nothing changed", async () => {
  show("", { permissions: [Permission.SCHEDULES_VIEW] });
  const button = await screen.findByRole<HTMLButtonElement>("button", { name: "Novo calendário" });
  expect(button.disabled).toBe(true);
  expect(await screen.findByText(/pede a permissão org\.manage/)).toBeTruthy();
});

test("denied", async () => {
  show("", { permissions: [Permission.COSTS_VIEW] });
  expect(await screen.findByRole("heading", { name: "Você não vê os calendários daqui" })).toBeTruthy();
});

test("an error can be tried again", async () => {
  const { state, user } = show("", { fail: fakeError(Code.Internal, "INTERNAL") });
  await screen.findByRole("heading", { name: "Não deu para ler os calendários" });
  state.fail = undefined;
  await user.click(screen.getByRole("button", { name: "Tentar de novo" }));
  expect(await screen.findByRole("row", { name: /Empresa/ })).toBeTruthy();
});
