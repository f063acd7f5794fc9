import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { Toaster } from "@/components/Toast";
import {
  AdminService,
  AgendaLane,
  AgendaRowSchema,
  AgendaView,
  type DriveAgainRequest,
  type ListAgendaRequest,
  type ParkAgendaRowRequest,
} from "@/gen/cloudhub/v1/admin_pb";
import { UserService } from "@/gen/cloudhub/v1/user_pb";
import { renderPage } from "@/test/app";
import { Code, fakeError, fakeMe, orgId } from "@/test/fakes";
import { AdminLayout } from "./AdminLayout";
import { AgendaPage } from "./AgendaPage";
import { idOf, keyOf, stateOf } from "./rows";

const at = "/admin/agenda";

function fakeRow(changes: MessageInitShape<typeof AgendaRowSchema> = {}) {
  return create(AgendaRowSchema, {
    orgId,
    orgName: "Ipê Alimentos",
    kind: "power",
    subject: "0199aaaa-0000-7000-8000-000000000001",
    lane: AgendaLane.PERSON,
    dueTime: timestampFromMs(Date.now() - 90_000),
    lookTime: timestampFromMs(Date.now() + 8_000),
    asked: 1n,
    starts: 3,
    lastError: "context deadline exceeded",
    workflowId: "power/0199aaaa-0000-7000-8000-000000000001",
    temporalUrl: "http://127.0.0.1:8233/namespaces/cloudhub/workflows/power%2F1/r/history",
    late: true,
    ...changes,
  });
}

function setup(service: Partial<ServiceImpl<typeof AdminService>> = {}, where = at) {
  const asked: ListAgendaRequest[] = [];
  const view = renderPage(
    <>
      <AgendaPage />
      <Toaster />
    </>,
    {
      at: where,
      services: (rpc) =>
        rpc.service(AdminService, {
          getAgendaSummary: () => ({
            dispatcherConnectionCount: 3n,
            counts: [
              {
                kind: "power",
                lane: AgendaLane.PERSON,
                dueCount: 4n,
                lateCount: 2n,
                failingCount: 1n,
                inFlightCount: 7n,
                oldestDueTime: timestampFromMs(Date.now() - 90_000),
              },
              { kind: "sync", lane: AgendaLane.BACKGROUND, inFlightCount: 5n, parkedCount: 1n },
            ],
          }),
          listAgenda: (request) => {
            asked.push(request);
            return { rows: [fakeRow()] };
          },
          getAgendaRow: () => ({ row: fakeRow() }),
          ...service,
        }),
    },
  );
  return { ...view, asked, user: userEvent.setup() };
}

const drawer = () => screen.findByRole("complementary", { name: /^Mudança de energia/ });

describe("the agenda", () => {
  it("says what it adds up to, and shows a failing row with its error", async () => {
    setup();
    const row = (await screen.findByRole("button", { name: /^Mudança de energia/ })).closest("tr") as HTMLElement;
    expect(within(row).getByText("Falhando")).toBeTruthy();
    expect(within(row).getByText("context deadline exceeded")).toBeTruthy();
    expect(within(row).getByText("Ipê Alimentos")).toBeTruthy();
    const figures = await screen.findByRole("region", { name: "Como as coisas estão" });
    expect(within(figures).getByText("Conectado")).toBeTruthy();
    expect(within(figures).getByText("12")).toBeTruthy();
    expect(within(figures).getByText("7 pessoa · 0 minuto · 5 fundo")).toBeTruthy();
    expect(screen.getByRole("button", { name: /^Atrasadas\s*2$/ })).toBeTruthy();
  });

  it("names readings of calendars, and what they are about", async () => {
    const rows = [
      fakeRow({ kind: "calendar", subject: "0199cccc-0000-7000-8000-000000000001", lane: AgendaLane.BACKGROUND }),
      fakeRow({ kind: "calendar-clock", subject: "0199cccc-0000-7000-8000-000000000002", clock: true }),
    ];
    const { user } = setup({ listAgenda: () => ({ rows }), getAgendaRow: () => ({ row: rows[1] }) });
    expect(await screen.findByRole("button", { name: /^Leitura de calendário/ })).toBeTruthy();
    await user.click(screen.getByRole("button", { name: /^Próxima leitura de calendário/ }));
    const shown = await screen.findByRole("complementary", { name: /^Próxima leitura de calendário/ });
    expect(await within(shown).findByText("Calendário")).toBeTruthy();
    expect(within(shown).getByText("0199cccc-0000-7000-8000-000000000002")).toBeTruthy();
  });

  it("warns when no dispatcher is connected", async () => {
    setup({ getAgendaSummary: () => ({ dispatcherConnectionCount: 0n }) });
    expect(await screen.findByText("Nenhum conectado")).toBeTruthy();
    expect(screen.getByText("Nada na vez")).toBeTruthy();
  });

  it("asks for the tab and the filters that the address names", async () => {
    const { asked, user, router } = setup({}, `${at}?view=late&kind=sync&lane=background&org=ip%C3%AA`);
    await waitFor(() => expect(asked.length).toBeGreaterThan(0));
    expect(asked[0]).toMatchObject({
      view: AgendaView.LATE,
      kinds: ["sync"],
      lanes: [AgendaLane.BACKGROUND],
      organization: "ipê",
    });
    await user.click(screen.getByRole("button", { name: /^Falhando/ }));
    await waitFor(() => expect(asked.at(-1)?.view).toBe(AgendaView.FAILING));
    await user.click(screen.getByRole("button", { name: "Limpar os filtros" }));
    await waitFor(() => expect(asked.at(-1)).toMatchObject({ view: AgendaView.FAILING, kinds: [], organization: "" }));
    expect(router.state.location.search).toBe("?view=failing");
  });

  it("drives a row again", async () => {
    const driven: DriveAgainRequest[] = [];
    const { user } = setup({
      driveAgain: (request) => {
        driven.push(request);
        return { row: fakeRow({ lastError: "" }) };
      },
    });
    await user.click(await screen.findByRole("button", { name: /^Mudança de energia/ }));
    const shown = await drawer();
    expect(within(shown).getByRole("link", { name: "Abrir no Temporal" }).getAttribute("href")).toContain(
      "/namespaces/cloudhub/workflows/",
    );
    await user.click(within(shown).getByRole("button", { name: "Acionar de novo" }));
    expect(await screen.findByText("Mudança de energia: acionada de novo")).toBeTruthy();
    expect(driven).toHaveLength(1);
    expect(driven[0]).toMatchObject({ orgId, kind: "power", subject: fakeRow().subject });
  });

  it("holds a row only with a reason, and says that the customer reads it", async () => {
    const parked: ParkAgendaRowRequest[] = [];
    const { user } = setup({
      parkAgendaRow: (request) => {
        parked.push(request);
        return {
          row: fakeRow({ parkTime: timestampFromMs(Date.now()), parkedBy: "Rita", parkReason: request.reason }),
        };
      },
    });
    await user.click(await screen.findByRole("button", { name: /^Mudança de energia/ }));
    await user.click(within(await drawer()).getByRole("button", { name: "Segurar…" }));
    const dialog = await screen.findByRole("alertdialog", { name: "Segurar esta linha?" });
    const submit = within(dialog).getByRole<HTMLButtonElement>("button", { name: "Segurar" });
    expect(within(dialog).getByText("O cliente lê isto.")).toBeTruthy();
    await user.type(within(dialog).getByLabelText("Motivo"), "   ");
    expect(submit.disabled).toBe(true);
    await user.click(within(dialog).getByLabelText("Motivo"));
    await user.paste("o provedor caiu\nontem ");
    await user.click(submit);
    await waitFor(() => expect(screen.queryByRole("alertdialog")).toBeNull());
    expect(parked.map((one) => one.reason)).toEqual(["o provedor caiu ontem"]);
  });

  it("keeps the dialog open with the error when holding fails", async () => {
    const { user } = setup({
      parkAgendaRow: () => {
        throw fakeError(Code.NotFound, "NOT_FOUND");
      },
    });
    await user.click(await screen.findByRole("button", { name: /^Mudança de energia/ }));
    await user.click(within(await drawer()).getByRole("button", { name: "Segurar…" }));
    const dialog = await screen.findByRole("alertdialog");
    await user.type(within(dialog).getByLabelText("Motivo"), "x");
    await user.click(within(dialog).getByRole("button", { name: "Segurar" }));
    expect(await within(dialog).findByText(/Isto não existe/)).toBeTruthy();
  });

  it("says who holds a row and why, and that the work of another has ended", async () => {
    const held = fakeRow({ parkTime: timestampFromMs(Date.now()), parkedBy: "Rita", parkReason: "nuvem fora" });
    const { unmount } = setup({ getAgendaRow: () => ({ row: held }) }, `${at}?open=${encodeURIComponent(idOf(held))}`);
    const shown = await drawer();
    expect(await within(shown).findByText("Segurada por Rita")).toBeTruthy();
    expect(within(shown).getByText("nuvem fora")).toBeTruthy();
    unmount();
    setup(
      {
        getAgendaRow: () => {
          throw fakeError(Code.NotFound, "NOT_FOUND");
        },
      },
      `${at}?open=${encodeURIComponent(idOf(held))}`,
    );
    expect(await screen.findByText(/a linha saiu da agenda/)).toBeTruthy();
    expect(within(await drawer()).queryByRole("button", { name: "Acionar de novo" })).toBeNull();
  });

  it("says what an empty tab means, and shows a failure with its request", async () => {
    const { unmount } = setup({ listAgenda: () => ({ rows: [] }) }, `${at}?view=failing`);
    expect(await screen.findByText("Nada falhando")).toBeTruthy();
    unmount();
    setup({
      listAgenda: () => {
        throw fakeError(Code.Internal, "INTERNAL");
      },
    });
    expect(await screen.findByText("Não deu para ler a agenda")).toBeTruthy();
    expect(screen.getByText("req_01KAT7Q2M9XF")).toBeTruthy();
  });
});

describe("who gets there", () => {
  const layout = (platformAdmin: boolean) =>
    renderPage(<AdminLayout />, {
      at,
      services: (rpc) => rpc.service(UserService, { getMe: () => ({ ...fakeMe(), platformAdmin }) }),
    });

  it("does not exist for anybody else", async () => {
    layout(false);
    expect(await screen.findByRole("heading", { level: 1 })).toBeTruthy();
    expect(screen.queryByRole("link", { name: "Agenda" })).toBeNull();
  });

  it("has its place in the menu for a platform admin", async () => {
    layout(true);
    expect(await screen.findByRole("link", { name: "Agenda" })).toBeTruthy();
  });
});

describe("rows", () => {
  it("go through the address whatever they are called", () => {
    const key = { orgId, kind: "power", subject: "a/b,c%" };
    expect(keyOf(idOf(key))).toEqual(key);
    expect(keyOf("%")).toBeUndefined();
    expect(keyOf("a/b")).toBeUndefined();
  });

  it("are what is worst about them", () => {
    const now = Date.now();
    const calm = { lastError: "", late: false };
    expect(stateOf(fakeRow({ parkTime: timestampFromMs(now) }), now)).toBe("parked");
    expect(stateOf(fakeRow(), now)).toBe("failing");
    expect(stateOf(fakeRow({ ...calm, openTooLong: true, runId: "r" }), now)).toBe("openTooLong");
    expect(stateOf(fakeRow({ lastError: "" }), now)).toBe("late");
    expect(stateOf(fakeRow({ ...calm, runId: "r" }), now)).toBe("inFlight");
    expect(stateOf(fakeRow(calm), now)).toBe("due");
    expect(stateOf(fakeRow({ ...calm, dueTime: timestampFromMs(now + 60_000) }), now)).toBe("waits");
  });
});
