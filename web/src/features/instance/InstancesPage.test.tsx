import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, test } from "vitest";
import {
  OperationSchema,
  OperationState,
  OperationStep,
  TargetState,
  WatchWorkspaceResponseSchema,
} from "@/gen/cloudhub/v1/operation_pb";
import { Permission } from "@/gen/cloudhub/v1/options_pb";
import { LeftAloneReason, ResourceState } from "@/gen/cloudhub/v1/resource_pb";
import { WorkspaceStreamProvider } from "@/lib/stream/WorkspaceStream";
import { renderInWorkspace } from "@/test/app";
import { Code, fakeError, orgId, workspaceId } from "@/test/fakes";
import { InstancesPage } from "./InstancesPage";
import { cloud, machine, machineId } from "./testing";

const here = `/o/${orgId}/w/${workspaceId}/aws/ec2`;

const three = () => [
  machine(1, "web-01"),
  machine(2, "web-02"),
  machine(3, "db-01", { protected: true, leftAlone: LeftAloneReason.PROTECTED }),
  machine(4, "old-01", { state: ResourceState.STOPPED }),
];

function show(
  fake: ReturnType<typeof cloud>,
  { query = "", permissions, live = false }: { query?: string; permissions?: Permission[]; live?: boolean } = {},
) {
  const page = live ? (
    <WorkspaceStreamProvider>
      <InstancesPage />
    </WorkspaceStreamProvider>
  ) : (
    <InstancesPage />
  );
  const view = renderInWorkspace(page, {
    services: fake.services,
    at: here + query,
    ...(permissions ? { permissions } : {}),
  });
  return { ...view, user: userEvent.setup() };
}

const row = async (name: string) => {
  const cell = await screen.findByRole("button", { name });
  const found = cell.closest("tr");
  if (!found) throw new Error(`no row ${name}`);
  return found;
};
const choose = async (user: ReturnType<typeof userEvent.setup>, ...names: string[]) => {
  for (const name of names) await user.click(await screen.findByRole("checkbox", { name: `Selecionar ${name}` }));
};
const drawer = () => screen.queryByRole("complementary");

describe("stopping", () => {
  test("from the selection to the request, with those left alone named and left out", async () => {
    const fake = cloud(three());
    const { user } = show(fake);
    await choose(user, "web-01", "web-02", "db-01", "old-01");
    expect(screen.getByText("4 selecionadas")).toBeTruthy();
    expect(screen.getByText(/3 ligadas e 1 parada/)).toBeTruthy();

    await user.click(screen.getByRole("button", { name: "Parar 2" }));
    const dialog = await screen.findByRole("alertdialog", { name: "Parar 2 instâncias?" });
    expect(dialog.textContent).toContain("web-01 e web-02, conta ipe-hml");
    expect(dialog.textContent).toContain("Ipê Alimentos › Operação");
    expect(dialog.textContent).toContain("db-01 fica como está. Está protegida.");
    expect(dialog.textContent).toContain("1 já está parada");
    expect(fake.asked.stops).toHaveLength(0);

    await user.click(within(dialog).getByRole("button", { name: "Parar 2" }));
    await waitFor(() => expect(fake.asked.stops).toHaveLength(1));
    expect(fake.asked.stops[0]).toMatchObject({ orgId, workspaceId, resourceIds: [machineId(1), machineId(2)] });
    expect(fake.asked.stops[0]?.requestId).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
    await waitFor(() => expect(screen.queryByRole("alertdialog")).toBeNull());
    // Nothing is said to have happened that was not seen.
    expect((await row("web-01")).textContent).toContain("Ligada");
    expect(screen.queryByText("4 selecionadas")).toBeNull();
  });

  test("a failed request stays in the dialog with its words, and goes again under the same id", async () => {
    const fake = cloud(three());
    fake.state.refuse = fakeError(Code.Unavailable, "UNAVAILABLE");
    const { user } = show(fake);
    await choose(user, "web-01");
    await user.click(screen.getByRole("button", { name: "Parar 1" }));
    const dialog = await screen.findByRole("alertdialog");
    await user.click(within(dialog).getByRole("button", { name: "Parar 1" }));
    expect(await within(dialog).findByText(/O serviço está iniciando ou sobrecarregado/)).toBeTruthy();

    fake.state.refuse = undefined;
    await user.click(within(dialog).getByRole("button", { name: "Parar 1" }));
    await waitFor(() => expect(screen.queryByRole("alertdialog")).toBeNull());
    expect(fake.asked.stops).toHaveLength(2);
    expect(fake.asked.stops[1]?.requestId).toBe(fake.asked.stops[0]?.requestId);
  });

  test("cancelling asks for nothing and keeps the selection", async () => {
    const fake = cloud(three());
    const { user } = show(fake);
    await choose(user, "web-01");
    await user.click(screen.getByRole("button", { name: "Parar 1" }));
    await user.click(within(await screen.findByRole("alertdialog")).getByRole("button", { name: "Cancelar" }));
    expect(fake.asked.stops).toHaveLength(0);
    expect(screen.getByText("1 selecionada")).toBeTruthy();
  });

  test("one machine, from its drawer", async () => {
    const fake = cloud(three());
    const { user } = show(fake, { query: `?id=${machineId(4)}` });
    const aside = await screen.findByRole("complementary", { name: "old-01" });
    expect((within(aside).getByRole("button", { name: "Parar" }) as HTMLButtonElement).disabled).toBe(true);
    await user.click(within(aside).getByRole("button", { name: "Ligar" }));
    await user.click(
      within(await screen.findByRole("alertdialog", { name: "Ligar 1 instância?" })).getByRole("button", {
        name: "Ligar 1",
      }),
    );
    await waitFor(() => expect(fake.asked.starts[0]?.resourceIds).toEqual([machineId(4)]));
  });
});

describe("what may not be done says why", () => {
  test("without resources.manage", async () => {
    const fake = cloud(three());
    const { user } = show(fake, { permissions: [Permission.RESOURCES_VIEW], query: `?id=${machineId(1)}` });
    await choose(user, "web-01");
    const bar = screen.getByRole("group", { name: /linhas selecionadas/ });
    const stop = within(bar).getByRole<HTMLButtonElement>("button", { name: "Parar 1" });
    expect(stop.disabled).toBe(true);
    expect(stop.title).toContain("resources.manage");
    const aside = await screen.findByRole("complementary", { name: "web-01" });
    expect(within(aside).getByText(/Falta a você a permissão resources\.manage/)).toBeTruthy();
    expect(within(aside).getByText(/schedules\.view/)).toBeTruthy();
  });

  test("a protected machine", async () => {
    const fake = cloud(three());
    show(fake, { query: `?id=${machineId(3)}` });
    const aside = await screen.findByRole("complementary", { name: "db-01" });
    expect(within(aside).getByText("Fica como está: Está protegida.")).toBeTruthy();
    for (const name of ["Ligar", "Parar"])
      expect(within(aside).getByRole<HTMLButtonElement>("button", { name }).disabled).toBe(true);
  });
});

describe("live", () => {
  const operation = create(OperationSchema, {
    id: "op-1",
    state: OperationState.RUNNING,
    step: OperationStep.ACTING,
    targetCount: 1,
    targetOffCount: 1,
    attempts: 2,
    lastError: "PROVIDER_THROTTLED",
    requestedByName: "Ana Prado",
    createTime: timestampFromMs(Date.now() - 50_000),
    startTime: timestampFromMs(Date.now() - 48_000),
    version: 2n,
  });

  test("a newer version changes the row, an older one does not", async () => {
    const fake = cloud(three());
    show(fake, { live: true });
    await row("web-01");
    const say = (state: ResourceState, version: bigint) => {
      const changed = machine(1, "web-01", { state, version });
      fake.say(create(WatchWorkspaceResponseSchema, { resources: [changed] }));
      return changed;
    };
    fake.state.resources = [say(ResourceState.STOPPED, 9n), ...three().slice(1)];
    await waitFor(async () => expect((await row("web-01")).textContent).toContain("Parada"));
    say(ResourceState.RUNNING, 7n);
    // A later change of another row shows that the older one has been read, and dropped.
    // The list that is read again for it has it too, as the server's would.
    const second = machine(2, "web-02", { state: ResourceState.STOPPING, version: 6n });
    fake.state.resources = fake.state.resources.map((one) => (one.id === second.id ? second : one));
    fake.say(create(WatchWorkspaceResponseSchema, { resources: [second] }));
    await waitFor(async () => expect((await row("web-02")).textContent).toContain("Parando"));
    expect((await row("web-01")).textContent).toContain("Parada");
  });

  test("an operation is a track in the row, and its steps and last error in the drawer", async () => {
    const fake = cloud([machine(1, "web-01", { operationId: "op-1" })]);
    fake.state.operations = [operation];
    show(fake, { query: `?id=${machineId(1)}` });
    const track = await within(await row("web-01")).findByRole("img", { name: "passo 3 de 4, em andamento" });
    expect([...track.querySelectorAll("i")].map((i) => i.dataset.step)).toEqual(["done", "done", "now", "todo"]);
    expect((await row("web-01")).textContent).toContain("Parando");
    const aside = await screen.findByRole("complementary", { name: "web-01" });
    expect(await within(aside).findByText(/Pedindo à AWS.*Tentativa 2/)).toBeTruthy();
    expect(within(aside).queryByText("Nenhuma nos últimos 30 dias.")).toBeNull();
    expect(within(aside).getByText(/O provedor pediu menos chamadas/)).toBeTruthy();
    const steps = within(aside).getByRole("list", { name: "Passos da operação" });
    expect(
      within(steps)
        .getByText(/Pedir à AWS/)
        .closest("li")
        ?.getAttribute("aria-current"),
    ).toBe("step");
  });
});

test("the history says how it ended for this machine, not for the whole operation", async () => {
  const fake = cloud(three());
  const target = { operationId: "op-9", wanted: ResourceState.STOPPED, before: ResourceState.RUNNING };
  fake.state.operations = [
    create(OperationSchema, {
      id: "op-9",
      state: OperationState.PARTIAL,
      step: OperationStep.DONE,
      schedules: [{ scheduleId: "s", name: "Homologação", revision: 1 }],
      targetCount: 2,
      targetOffCount: 2,
      targetFailedCount: 1,
      dueTime: timestampFromMs(Date.now() - 86_400_000),
      targets: [
        { ...target, resourceId: machineId(1), state: TargetState.DONE, after: ResourceState.STOPPED, attempts: 3 },
        { ...target, resourceId: machineId(2), state: TargetState.FAILED, reason: "PROVIDER_DENIED", attempts: 3 },
      ],
    }),
  ];
  const { user } = show(fake, { query: `?id=${machineId(2)}` });
  const aside = within(await screen.findByRole("complementary", { name: "web-02" }));
  await user.click(await aside.findByRole("button", { name: /^Falhou.*Parar · Homologação/ }));
  expect(await aside.findByText("O provedor recusou: falta uma permissão.")).toBeTruthy();
  await user.click(screen.getByRole("button", { name: "web-01" }));
  const other = within(await screen.findByRole("complementary", { name: "web-01" }));
  expect(await other.findByRole("button", { name: /^Parada na 3ª tentativa.*Homologação/ })).toBeTruthy();
  // The list told it all.
  expect(fake.asked.operations).toEqual([]);
});

describe("the address", () => {
  test("says the filter, and a filter says the address", async () => {
    const fake = cloud(three());
    const { user, router } = show(fake, { query: "?state=stopped&region=sa-east-1&q=old" });
    await row("old-01");
    expect(fake.asked.lists.at(-1)).toMatchObject({
      states: [ResourceState.STOPPED],
      regions: ["sa-east-1"],
      search: "old",
    });

    await user.click(screen.getByRole("button", { name: /^Ligadas/ }));
    await waitFor(() => expect(fake.asked.lists.at(-1)?.states).toEqual([ResourceState.RUNNING]));
    expect(new URLSearchParams(router.state.location.search).get("state")).toBe("running");

    const search = screen.getByRole("searchbox", { name: "Nome ou id" });
    await user.clear(search);
    await user.type(search, "web");
    await waitFor(() => expect(fake.asked.lists.at(-1)?.search).toBe("web"));
    expect(new URLSearchParams(router.state.location.search).get("q")).toBe("web");
    expect(document.activeElement).toBe(screen.getByRole("searchbox", { name: "Nome ou id" }));
  });

  test("cut or mistyped, it is still a page", async () => {
    const fake = cloud(three());
    show(fake, { query: "?region=%25E0%25&state=exploded" });
    await row("web-01");
    expect(fake.asked.lists.at(-1)).toMatchObject({ regions: ["%E0%"], states: [] });
  });

  test("says which drawer is open; back closes it", async () => {
    const fake = cloud(three());
    const { user, router } = show(fake);
    await user.click(await screen.findByRole("button", { name: "web-02" }));
    await screen.findByRole("complementary", { name: "web-02" });
    expect(router.state.location.search).toBe(`?id=${machineId(2)}`);
    await router.navigate(-1);
    await waitFor(() => expect(drawer()).toBeNull());
  });
});

test("by keyboard: arrows move, space selects, Enter opens, Esc clears and then closes", async () => {
  const fake = cloud(three());
  const { user } = show(fake);
  (await row("web-01")).focus();
  await user.keyboard(" {ArrowDown}");
  expect(document.activeElement).toBe(await row("web-02"));
  await user.keyboard(" ");
  expect(screen.getByText("2 selecionadas")).toBeTruthy();
  await user.keyboard("{Escape}");
  expect(screen.queryByText("2 selecionadas")).toBeNull();
  await user.keyboard("{Enter}");
  const aside = await screen.findByRole("complementary", { name: "web-02" });
  expect(within(aside).getByRole("heading", { name: /web-02/ })).toBe(document.activeElement);
  await user.keyboard("{Escape}");
  await waitFor(() => expect(drawer()).toBeNull());
  expect(document.activeElement).toBe(await row("web-02"));
});

test("what a filter hides leaves the selection", async () => {
  const fake = cloud(three());
  const { user } = show(fake);
  await choose(user, "web-01", "old-01");
  await user.click(screen.getByRole("button", { name: /^Paradas/ }));
  await waitFor(() => expect(screen.queryByRole("button", { name: "web-01" })).toBeNull());
  expect(screen.getByText("1 selecionada")).toBeTruthy();
  expect(screen.queryByRole("button", { name: /^Parar/ })).toBeNull();
});

test("scheduling the selection opens the panel with those machines", async () => {
  const fake = cloud(three());
  const { user } = show(fake);
  await choose(user, "web-01", "db-01");
  await user.click(screen.getByRole("button", { name: "Agendar" }));
  const form = within(await screen.findByRole("form", { name: "Novo agendamento" }));
  expect(form.getByRole("button", { name: "Tirar web-01" })).toBeTruthy();
  expect(form.getByText(/fica de fora/).textContent).toBe("db-01 fica de fora. Está protegida.");
  await user.keyboard("{Escape}");
  await waitFor(() => expect(screen.queryByRole("form")).toBeNull());
  expect(screen.getByText("2 selecionadas")).toBeTruthy();
});

test("asking for a new reading", async () => {
  const fake = cloud(three());
  const { user } = show(fake);
  await row("web-01");
  await user.click(screen.getByRole("button", { name: "Ler de novo agora" }));
  await screen.findByText("Pedido: ler 1 conta de novo");
  expect(fake.asked.syncs).toBe(1);
});

describe("situations of the list", () => {
  test("error: says what still works, gives the request's id, and tries again", async () => {
    const fake = cloud(three());
    fake.state.fail = fakeError(Code.Internal, "INTERNAL");
    const { user } = show(fake);
    expect(await screen.findByRole("heading", { name: "Não deu para ler as instâncias" })).toBeTruthy();
    expect(screen.getByText(/agendamentos e operações seguem/)).toBeTruthy();
    expect(screen.getByText("req_01KAT7Q2M9XF")).toBeTruthy();
    fake.state.fail = undefined;
    await user.click(screen.getByRole("button", { name: "Tentar de novo" }));
    await row("web-01");
  });

  test("stale: a failed reading keeps the rows and says from when they are", async () => {
    const fake = cloud(three());
    const { queryClient } = show(fake);
    await row("web-01");
    fake.state.fail = fakeError(Code.Unavailable, "UNAVAILABLE");
    await queryClient.invalidateQueries();
    expect(await screen.findByText(/Sem conexão desde/)).toBeTruthy();
    await row("web-01");
  });

  test("denied: names the permission, asks nothing", async () => {
    const fake = cloud(three());
    show(fake, { permissions: [Permission.SCHEDULES_VIEW] });
    expect(await screen.findByText("resources.view")).toBeTruthy();
    expect(fake.asked.lists).toHaveLength(0);
  });

  test("empty: without accounts it leads to connecting one; with a filter it lets go of it", async () => {
    const fake = cloud([]);
    fake.state.accounts = [];
    const { unmount } = show(fake);
    expect((await screen.findByRole("link", { name: "Conectar conta" })).getAttribute("href")).toBe(
      `/o/${orgId}/w/${workspaceId}/accounts?add=aws`,
    );
    unmount();

    const filtered = cloud(three());
    const { user, router } = show(filtered, { query: "?q=nada" });
    await screen.findByRole("heading", { name: "Nada com este filtro" });
    await user.click(screen.getByRole("button", { name: "Limpar filtros" }));
    await row("web-01");
    expect(router.state.location.search).toBe("");
  });
});
