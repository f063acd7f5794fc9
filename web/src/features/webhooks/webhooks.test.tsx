import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import type { ReactNode } from "react";
import { expect, test } from "vitest";
import { Permission } from "@/gen/cloudhub/v1/options_pb";
import {
  Channel,
  type CreateDestinationRequest,
  type Delivery,
  DeliveryState,
  type Destination,
  DestinationHealth,
  type ListDeliveriesRequest,
  Ordering,
  type ReplayDeliveriesRequest,
  type RotateSecretRequest,
  type UpdateDestinationRequest,
  WebhookService,
} from "@/gen/cloudhub/v1/webhook_pb";
import { renderInWorkspace } from "@/test/app";
import { Code, fakeError, orgId, workspaceId } from "@/test/fakes";
import { ChannelsPage } from "./ChannelsPage";
import { DeliveriesPage } from "./DeliveriesPage";
import {
  ago,
  ahead,
  deliveryId,
  destinationId,
  fakeAttempt,
  fakeBody,
  fakeDelivery,
  fakeDestination,
  fakeRefusal,
  fakeTypes,
} from "./testing";
import { WebhooksPage } from "./WebhooksPage";

const base = `/o/${orgId}/w/${workspaceId}`;
const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

interface Options {
  at?: string;
  route?: string;
  permissions?: Permission[];
  destinations?: Destination[];
  deliveries?: Delivery[];
  fail?: unknown;
}

function show(page: ReactNode, { at = `${base}/webhooks`, route, permissions, ...options }: Options = {}) {
  const asked = {
    creates: [] as CreateDestinationRequest[],
    updates: [] as UpdateDestinationRequest[],
    removed: [] as string[],
    did: [] as string[],
    rotations: [] as RotateSecretRequest[],
    lists: [] as ListDeliveriesRequest[],
    channels: [] as Channel[][],
    replays: [] as ReplayDeliveriesRequest[],
  };
  const state = {
    destinations: options.destinations ?? [fakeDestination(1)],
    deliveries: options.deliveries ?? [],
    attempts: [fakeAttempt(1)],
    refuse: undefined as unknown,
    fail: options.fail,
    count: 12,
    limit: 10,
  };
  const find = (id: string) => {
    const found = state.destinations.find((one) => one.id === id);
    if (!found) throw fakeError(Code.NotFound, "NOT_FOUND");
    return found;
  };
  const view = renderInWorkspace(page, {
    at,
    ...(route ? { route } : {}),
    ...(permissions ? { permissions } : {}),
    services: (rpc) =>
      rpc.service(WebhookService, {
        listEventTypes: () => ({ eventTypes: fakeTypes }),
        listDestinations: (request) => {
          expect(request).toMatchObject({ orgId, workspaceId });
          asked.channels.push(request.channels);
          if (state.fail) throw state.fail;
          return { destinations: state.destinations, limit: state.limit };
        },
        getDestination: (request) => ({ destination: find(request.destinationId) }),
        createDestination: (request) => {
          asked.creates.push(request);
          if (state.refuse) throw state.refuse;
          const made = fakeDestination(9, { name: request.spec?.name ?? "" });
          state.destinations = [...state.destinations, made];
          return { destination: made, secret };
        },
        updateDestination: (request) => {
          asked.updates.push(request);
          if (state.refuse) throw state.refuse;
          return { destination: find(request.destinationId) };
        },
        deleteDestination: (request) => {
          asked.removed.push(request.destinationId);
          state.destinations = state.destinations.filter((one) => one.id !== request.destinationId);
          return {};
        },
        pauseDestination: (request) => {
          asked.did.push("pause");
          return { destination: find(request.destinationId) };
        },
        resumeDestination: (request) => {
          asked.did.push("resume");
          return { destination: find(request.destinationId) };
        },
        rotateSecret: (request) => {
          asked.rotations.push(request);
          return { destination: find(request.destinationId), secret };
        },
        sendTest: () => {
          const sent = fakeDelivery(99, { eventType: "webhook.test", state: DeliveryState.WAITING, lastStatus: 0 });
          state.deliveries = [sent, ...state.deliveries];
          return { delivery: sent };
        },
        listDeliveries: (request) => {
          asked.lists.push(request);
          if (state.fail) throw state.fail;
          if (request.pageToken === "two") return { deliveries: [fakeDelivery(50)] };
          return { deliveries: state.deliveries, nextPageToken: state.deliveries.length > 3 ? "two" : "" };
        },
        getDelivery: (request) => {
          const delivery = state.deliveries.find((one) => one.id === request.deliveryId);
          if (!delivery) throw fakeError(Code.NotFound, "NOT_FOUND");
          return { delivery, body: fakeBody, attempts: state.attempts };
        },
        replayDeliveries: (request) => {
          asked.replays.push(request);
          if (state.refuse) throw state.refuse;
          return { count: state.count, lastSendTime: timestampFromMs(Date.now() + 60_000) };
        },
      }),
  });
  return { ...view, asked, state, user: userEvent.setup() };
}

const page = (query = "", options: Options = {}) =>
  show(<WebhooksPage />, { at: `${base}/webhooks${query}`, ...options });
const drawerOf = async (name: string) => within(await screen.findByRole("complementary", { name }));

test("the list says how each stands, since when, what comes next and what waits", async () => {
  const { asked } = page("", {
    destinations: [
      fakeDestination(1, { name: "Bom" }),
      fakeDestination(2, {
        name: "Falha",
        health: DestinationHealth.FAILING,
        failingSince: ago(200),
        nextAttemptTime: ahead(27),
        waitingCount: 38,
      }),
      fakeDestination(3, { name: "Calma", health: DestinationHealth.COOLING, nextAttemptTime: ahead(8) }),
      fakeDestination(4, {
        name: "Parado",
        health: DestinationHealth.PAUSED,
        pausedByName: "Ana Prado",
        heldCount: 10_000,
      }),
      fakeDestination(5, { name: "Fora", health: DestinationHealth.DISABLED, exhaustedCount: 3 }),
    ],
  });
  const row = async (name: string) => (await screen.findByRole("row", { name: new RegExp(name) })).textContent ?? "";
  expect(await row("Bom")).toMatch(/Funcionando.*último sucesso há 4 min.*nada/);
  expect(await row("Falha")).toMatch(/Com falhas.*desde .*próxima .*38 na fila/);
  expect(await row("Calma")).toMatch(/Esperando.*próxima/);
  expect(await row("Parado")).toMatch(/Pausado.*por Ana Prado.*10\.000\+ retidas/);
  expect(await row("Fora")).toMatch(/Desativado.*3 não entregues/);
  expect(screen.getByText(/5 de 10 webhooks/).textContent).toBe(
    "5 de 10 webhooks, 2 com falhas, 1 desativado, 1 pausado.",
  );
  expect(asked.channels[0]).toEqual([Channel.WEBHOOK]);
});

test("an empty list explains, and at the limit nothing more can be made", async () => {
  const { unmount } = page("", { destinations: [] });
  expect(await screen.findByRole("heading", { name: "Nenhum webhook ainda" })).toBeTruthy();
  expect(screen.getByText(/tentado de novo por até 75 horas/)).toBeTruthy();
  unmount();
  page("", { destinations: Array.from({ length: 10 }, (_, n) => fakeDestination(n + 1)) });
  const button = await screen.findByRole<HTMLButtonElement>("button", { name: "Novo webhook" });
  await waitFor(() => expect(button.disabled).toBe(true));
  expect(screen.getByText(/Já existem os 10 webhooks/)).toBeTruthy();
});

test("one is made from the form, and its secret is shown until it is stored", async () => {
  const { user, asked } = page("?form=new");
  const form = within(await screen.findByRole("form", { name: "Novo webhook" }));
  await user.type(form.getByLabelText("Nome"), "Chamados");
  const address = form.getByLabelText("Endereço");
  await user.type(address, "http://a.example/x");
  await user.click(form.getByRole("button", { name: "Criar" }));
  expect(await form.findByText("O endereço começa com https://.")).toBeTruthy();
  expect(asked.creates).toHaveLength(0);
  await user.clear(address);
  await user.type(address, "https://a.example/x");
  await user.click(form.getByRole("radio", { name: "Escolher" }));
  await user.click(form.getByRole("button", { name: "Criar" }));
  expect(await form.findByText("Escolha ao menos um evento.")).toBeTruthy();
  await user.type(form.getByRole("searchbox"), "máquina");
  expect(form.queryByRole("checkbox", { name: /schedule\.missed/ })).toBeNull();
  await user.click(form.getByRole("checkbox", { name: /^Máquinas/ }));
  await user.click(form.getByRole("checkbox", { name: /resource\.started/ }));
  await user.click(form.getByRole("radio", { name: "Por recurso" }));
  expect(form.getByText(/uma que falha segura só essas/)).toBeTruthy();
  await user.type(form.getByLabelText(/Ritmo máximo/), "20");
  await user.click(form.getByRole("switch", { name: /ed25519/ }));
  await user.click(form.getByRole("button", { name: "Acrescentar cabeçalho" }));
  await user.type(form.getByLabelText("Nome do cabeçalho"), "webhook-x");
  await user.type(form.getByLabelText("Valor"), "abc");
  await user.click(form.getByRole("button", { name: "Criar" }));
  expect(await form.findByText(/são nossos/)).toBeTruthy();
  await user.clear(form.getByLabelText("Nome do cabeçalho"));
  await user.type(form.getByLabelText("Nome do cabeçalho"), "Authorization");
  await user.click(form.getByRole("checkbox", { name: "Secreto" }));
  await user.click(form.getByRole("button", { name: "Criar" }));
  await waitFor(() => expect(asked.creates).toHaveLength(1));
  expect(asked.creates[0]).toMatchObject({
    orgId,
    workspaceId,
    spec: {
      name: "Chamados",
      events: ["resource.stopped", "resource.failed"],
      ordering: Ordering.RESOURCE,
      ratePerSecond: 20,
      config: {
        case: "webhook",
        value: {
          url: "https://a.example/x",
          ed25519: true,
          headers: [{ name: "Authorization", value: "abc", secret: true }],
        },
      },
    },
  });
  expect(asked.creates[0]?.requestId).toMatch(/^[0-9a-f-]{36}$/);

  const drawer = await drawerOf("Chamados");
  expect(await drawer.findByText(secret)).toBeTruthy();
  await user.click(drawer.getByRole("button", { name: "Copiar o segredo" }));
  expect(await navigator.clipboard.readText()).toBe(secret);
  // Closing the drawer does not lose it.
  await user.click(drawer.getByRole("button", { name: "Fechar" }));
  expect(await screen.findByText(secret)).toBeTruthy();
  await user.click(screen.getByRole("button", { name: "Já guardei" }));
  expect(screen.queryByText(secret)).toBeNull();
});

test("an address that is refused says why at its field, and what was typed stays", async () => {
  const { user, state } = page("?form=new");
  state.refuse = fakeError(Code.InvalidArgument, "ADDRESS_REFUSED", { metadata: { why: "não é público" } });
  const form = within(await screen.findByRole("form"));
  await user.type(form.getByLabelText("Nome"), "X");
  const address = form.getByLabelText<HTMLInputElement>("Endereço");
  await user.type(address, "https://10.0.0.1/x");
  await user.click(form.getByRole("button", { name: "Criar" }));
  await waitFor(() => expect(address.getAttribute("aria-invalid")).toBe("true"));
  expect(form.getByText(/não é público/)).toBeTruthy();
  expect(address.value).toBe("https://10.0.0.1/x");
});

test("a header that the server refuses is told", async () => {
  const { user, state } = page("?form=new");
  state.refuse = fakeError(Code.InvalidArgument, "VALIDATION", {
    fields: { "spec.webhook.headers[0].name": "string.pattern" },
  });
  const form = within(await screen.findByRole("form"));
  await user.type(form.getByLabelText("Nome"), "X");
  await user.type(form.getByLabelText("Endereço"), "https://a.example");
  await user.click(form.getByRole("button", { name: "Criar" }));
  expect((await form.findByRole("alert")).textContent).toContain("caractere que não pode");
});

test("editing keeps a secret header without its value, and tells of somebody else's change", async () => {
  const { user, asked, state } = page(`?id=${destinationId(1)}&form=edit`, {
    destinations: [
      fakeDestination(1, {
        config: {
          case: "webhook",
          value: { url: "https://a.example", headers: [{ name: "Authorization", secret: true }], secretHint: "LaSw" },
        },
      }),
    ],
  });
  state.refuse = fakeError(Code.Aborted, "CONFLICT");
  const form = within(await screen.findByRole("form", { name: "Editar Destino 1" }));
  expect(form.getByPlaceholderText("guardado; escreva para trocar")).toBeTruthy();
  expect(form.getByRole("checkbox", { name: "Secreto, já guardado" })).toBeTruthy();
  await user.type(form.getByLabelText("Nome"), " B");
  await user.click(form.getByRole("button", { name: "Salvar" }));
  expect(await form.findByText(/Alguém mudou isto/)).toBeTruthy();
  expect(asked.updates[0]).toMatchObject({
    destinationId: destinationId(1),
    etag: '"1"',
    spec: {
      name: "Destino 1 B",
      config: { value: { headers: [{ name: "Authorization", value: "", secret: true }] } },
    },
  });
  await user.click(form.getByRole("button", { name: "Ver como está agora" }));
  expect(await screen.findByRole("complementary", { name: "Destino 1" })).toBeTruthy();
});

test("a secret is changed with an overlap, and the new one is shown", async () => {
  const { user, asked } = page(`?id=${destinationId(1)}`);
  const drawer = await drawerOf("Destino 1");
  await user.click(drawer.getByRole("button", { name: "Mais sobre Destino 1" }));
  await user.click(await screen.findByRole("menuitem", { name: "Trocar o segredo…" }));
  const dialog = within(await screen.findByRole("alertdialog"));
  const overlap = dialog.getByLabelText<HTMLSelectElement>(/vale por mais/);
  expect(overlap.value).toBe("1");
  expect(within(overlap).getAllByRole("option")).toHaveLength(8);
  await user.selectOptions(overlap, "0");
  expect(dialog.getByText(/recusa tudo até ter o segredo novo/)).toBeTruthy();
  await user.selectOptions(overlap, "7");
  await user.click(dialog.getByRole("button", { name: "Trocar o segredo" }));
  expect(await drawer.findByText(secret)).toBeTruthy();
  expect(asked.rotations[0]?.overlap?.seconds).toBe(604_800n);
});

test("pausing says that things are held", async () => {
  const { user, asked } = page(`?id=${destinationId(1)}`);
  await user.click((await drawerOf("Destino 1")).getByRole("button", { name: "Pausar" }));
  expect(await screen.findByText(/O que acontecer agora fica retido/)).toBeTruthy();
  expect(asked.did).toEqual(["pause"]);
});

test("after resuming, what was held is counted first and sent only when asked", async () => {
  const { user, asked } = page(`?id=${destinationId(1)}`, {
    destinations: [fakeDestination(1, { health: DestinationHealth.PAUSED, heldCount: 12 })],
  });
  await user.click((await drawerOf("Destino 1")).getByRole("button", { name: "Retomar" }));
  const dialog = within(
    await screen.findByRole("alertdialog", { name: "Enviar agora o que ficou retido para Destino 1?" }),
  );
  expect(await dialog.findByText("12 entregas vão de novo.")).toBeTruthy();
  expect(asked.replays.length).toBeGreaterThan(0);
  expect(asked.replays.every((one) => one.validateOnly)).toBe(true);
  await user.click(dialog.getByRole("button", { name: "Enviar 12" }));
  await waitFor(() => expect(asked.replays.at(-1)?.validateOnly).toBe(false));
  expect(asked.replays.at(-1)?.what).toMatchObject({ case: "range", value: { states: [DeliveryState.HELD] } });
});

test("with nothing held, resuming asks nothing", async () => {
  const { user, state, asked } = page(`?id=${destinationId(1)}`, {
    destinations: [fakeDestination(1, { health: DestinationHealth.DISABLED, disabledReason: "NOT_FOUND" })],
  });
  state.count = 0;
  const drawer = await drawerOf("Destino 1");
  expect(drawer.getByText("Desativado: nada é enviado")).toBeTruthy();
  await user.click(drawer.getByRole("button", { name: "Retomar" }));
  await waitFor(() => expect(asked.replays).toHaveLength(1));
  expect(await screen.findByText("Retomado: Destino 1")).toBeTruthy();
  expect(screen.queryByRole("alertdialog")).toBeNull();
});

test("it is deleted only when its name is typed, under what is lost", async () => {
  const { user, asked } = page(`?id=${destinationId(1)}`, {
    destinations: [fakeDestination(1, { waitingCount: 2, heldCount: 1 })],
  });
  const drawer = await drawerOf("Destino 1");
  await user.click(drawer.getByRole("button", { name: "Mais sobre Destino 1" }));
  await user.click(await screen.findByRole("menuitem", { name: "Apagar…" }));
  const dialog = within(await screen.findByRole("alertdialog"));
  expect(dialog.getByText(/3 entregas na fila ou retidas não serão enviadas/)).toBeTruthy();
  const button = dialog.getByRole<HTMLButtonElement>("button", { name: "Apagar" });
  expect(button.disabled).toBe(true);
  await user.type(dialog.getByRole("textbox"), "Destino 1");
  await user.click(button);
  await waitFor(() => expect(asked.removed).toEqual([destinationId(1)]));
  await waitFor(() => expect(screen.queryByRole("complementary")).toBeNull());
});

test("a test is watched until its end, and says what was answered", async () => {
  const { user, state } = page(`?id=${destinationId(1)}`);
  const drawer = await drawerOf("Destino 1");
  await user.click(drawer.getByRole("button", { name: "Testar" }));
  expect(await drawer.findByText("Teste: Na fila")).toBeTruthy();
  state.deliveries = [fakeDelivery(99, { eventType: "webhook.test", state: DeliveryState.DELIVERED })];
  expect(await drawer.findByText("Teste: Entregue")).toBeTruthy();
  expect(drawer.getByText(/respondeu 204 em 182\sms/)).toBeTruthy();
  expect(drawer.getByRole("link", { name: "Ver a entrega" }).getAttribute("href")).toBe(
    `${base}/webhooks/${destinationId(1)}?id=${deliveryId(99)}`,
  );
});

test("the catalogue has every type with its example and its schema, to copy", async () => {
  const { user } = page();
  await screen.findByRole("row", { name: /Destino 1/ });
  await user.click(screen.getByRole("button", { name: "Eventos e esquemas" }));
  const dialog = within(await screen.findByRole("dialog", { name: "Eventos e esquemas" }));
  await user.click(await dialog.findByRole("button", { name: "org.member.added" }));
  expect(dialog.getByText("da organização")).toBeTruthy();
  await user.click(dialog.getByRole("button", { name: "Copiar o exemplo" }));
  expect(JSON.parse(await navigator.clipboard.readText()).event).toBe("org.member.added");
  await user.click(dialog.getByRole("radio", { name: "JSON Schema" }));
  expect(dialog.getByRole("region", { name: "Esquema de org.member.added" }).textContent).toContain(
    '"title": "org.member.added"',
  );
  expect(dialog.getByRole("link").getAttribute("href")).toBe("/schemas/events/org.member.added.v1.json");
});

test("the help has a program for each language", async () => {
  const { user } = page();
  await screen.findByRole("row", { name: /Destino 1/ });
  for (const [name, part] of [
    ["Go", "func Verify("],
    ["Node", "export function verify("],
    ["Python", "def verify("],
    ["curl", "#!/bin/sh"],
  ] as const) {
    await user.click(screen.getByRole("radio", { name }));
    expect(screen.getByRole("region", { name: `Programa em ${name}` }).textContent).toContain(part);
  }
});

test("whoever may only look changes nothing; whoever may not look is told what is missing", async () => {
  const { unmount } = page(`?id=${destinationId(1)}`, { permissions: [Permission.WEBHOOKS_VIEW] });
  const drawer = await drawerOf("Destino 1");
  for (const name of ["Testar", "Pausar", "Editar"])
    expect(drawer.getByRole<HTMLButtonElement>("button", { name }).disabled).toBe(true);
  expect(drawer.getByText(/pede a permissão webhooks\.manage/)).toBeTruthy();
  unmount();
  page("", { permissions: [Permission.COSTS_VIEW] });
  expect(await screen.findByRole("heading", { name: "Você não vê os webhooks daqui" })).toBeTruthy();
  expect(screen.getByText("webhooks.view")).toBeTruthy();
});

test("an error can be tried again", async () => {
  const { state, user } = page("", { fail: fakeError(Code.Internal, "INTERNAL") });
  await screen.findByRole("heading", { name: "Não deu para ler os webhooks" });
  state.fail = undefined;
  await user.click(screen.getByRole("button", { name: "Tentar de novo" }));
  expect(await screen.findByRole("row", { name: /Destino 1/ })).toBeTruthy();
});

test("outside the plan the form says what it would give", async () => {
  const { user, state } = page("?form=new");
  state.refuse = fakeError(Code.FailedPrecondition, "PLAN_REQUIRED", { metadata: { plan: "Pro" } });
  const form = within(await screen.findByRole("form"));
  await user.type(form.getByLabelText("Nome"), "X");
  await user.type(form.getByLabelText("Endereço"), "https://a.example");
  await user.click(form.getByRole("button", { name: "Criar" }));
  expect(await screen.findByRole("heading", { name: "Eventos para fora vêm no plano Pro" })).toBeTruthy();
});

test("channels are made of people or of a secret address", async () => {
  const { user, asked } = show(<ChannelsPage />, { at: `${base}/channels?form=new`, destinations: [] });
  const form = within(await screen.findByRole("form", { name: "Novo canal" }));
  expect(asked.channels[0]).toEqual([Channel.EMAIL, Channel.SLACK, Channel.TEAMS]);
  await user.type(form.getByLabelText("Nome"), "Plantão");
  const to = form.getByLabelText("Para");
  await user.type(to, "ana@x.example, caio");
  await user.click(form.getByRole("button", { name: "Criar" }));
  expect(await form.findByText("“caio” não parece um e-mail.")).toBeTruthy();
  await user.type(to, "@x.example");
  await user.selectOptions(form.getByLabelText("Idioma das mensagens"), "en");
  await user.click(form.getByRole("button", { name: "Criar" }));
  await waitFor(() => expect(asked.creates).toHaveLength(1));
  expect(asked.creates[0]?.spec).toMatchObject({
    name: "Plantão",
    config: { case: "email", value: { recipients: ["ana@x.example", "caio@x.example"], locale: "en" } },
  });
});

test.each([
  ["Slack", "slack", "Endereço do incoming webhook", "https://hooks.slack.com/services/T/B/x"],
  ["Teams", "teams", "Endereço do fluxo de trabalho", "https://prod.logic.azure.com/x?sig=y"],
] as const)("a channel of %s takes an address, and helps to make it", async (label, kind, field, url) => {
  const { user, asked } = show(<ChannelsPage />, { at: `${base}/channels?form=new`, destinations: [] });
  const form = within(await screen.findByRole("form"));
  await user.click(form.getByRole("radio", { name: label }));
  expect(form.getByRole("heading", { name: `No ${label}` })).toBeTruthy();
  await user.type(form.getByLabelText("Nome"), "Operação");
  await user.click(form.getByRole("button", { name: "Criar" }));
  expect(await form.findByText(/Cole o endereço inteiro/)).toBeTruthy();
  await user.type(form.getByLabelText(field), url);
  await user.click(form.getByRole("button", { name: "Criar" }));
  await waitFor(() => expect(asked.creates[0]?.spec?.config).toMatchObject({ case: kind, value: { url } }));
});

test("a channel that is edited keeps its address when none is written", async () => {
  const { user, asked } = show(<ChannelsPage />, {
    at: `${base}/channels?id=${destinationId(1)}&form=edit`,
    destinations: [
      fakeDestination(1, {
        channel: Channel.SLACK,
        config: { case: "slack", value: { urlHint: "hooks.slack.com/…aB3d", locale: "en" } },
      }),
    ],
  });
  const form = within(await screen.findByRole("form"));
  expect(form.getByText(/fica o que está: hooks\.slack\.com/)).toBeTruthy();
  await user.click(form.getByRole("button", { name: "Salvar" }));
  await waitFor(() => expect(asked.updates).toHaveLength(1));
  expect(asked.updates[0]?.spec?.config).toMatchObject({ case: "slack", value: { url: "", locale: "en" } });
});

const deliveries = (query = "", options: Options = {}) =>
  show(<DeliveriesPage />, {
    at: `${base}/webhooks/${destinationId(1)}${query}`,
    route: "/o/:orgId/w/:workspaceId/webhooks/:destinationId",
    deliveries: [
      fakeDelivery(1, { state: DeliveryState.WAITING, lastStatus: 0 }),
      fakeDelivery(2, {
        state: DeliveryState.RETRYING,
        lastStatus: 500,
        lastError: "server error",
        attemptCount: 3,
        nextAttemptTime: ahead(4),
      }),
      fakeDelivery(3, { state: DeliveryState.EXHAUSTED }),
      fakeDelivery(4, { replayed: true }),
    ],
    ...options,
  });

test("deliveries say state, answer and attempts; older ones come on demand", async () => {
  const { user, asked } = deliveries();
  expect(await screen.findByRole("heading", { level: 1, name: "Entregas de Destino 1" })).toBeTruthy();
  const rows = await screen.findAllByRole("row", { name: /resource\.stopped/ });
  expect(rows).toHaveLength(4);
  expect(rows[1]?.textContent).toMatch(/Tentando500 server error.*3hoje|Tentando500 server error/);
  expect(rows[3]?.textContent).toContain("de novo");
  await user.click(screen.getByRole("button", { name: "Mostrar mais antigas" }));
  expect(await screen.findByText("msg_01KAT7Q2M9XF0050")).toBeTruthy();
  expect(asked.lists.at(-1)?.pageToken).toBe("two");
});

test("while one waits the list is read again by itself", async () => {
  const { state } = deliveries();
  await screen.findByText("Na fila");
  state.deliveries = [fakeDelivery(1)];
  await waitFor(() => expect(screen.queryByText("Na fila")).toBeNull(), { timeout: 15_000 });
  expect(screen.getByText("Entregue")).toBeTruthy();
});

test("the filter of the address is what is asked for, in the workspace's time", async () => {
  const { user, asked } = deliveries("?state=exhausted,held&type=resource.failed&since=2026-11-24T14:32");
  await screen.findAllByRole("row", { name: /resource/ });
  expect(asked.lists[0]).toMatchObject({
    states: [DeliveryState.EXHAUSTED, DeliveryState.HELD],
    eventTypes: ["resource.failed"],
    since: { seconds: BigInt(Date.parse("2026-11-24T17:32:00Z") / 1000) },
  });
  expect(asked.lists[0]?.until).toBeUndefined();
  await user.click(screen.getByRole("button", { name: "Tirar o filtro Estado" }));
  await waitFor(() => expect(asked.lists.at(-1)?.states).toEqual([]));
});

test("only what ended is chosen; the count comes first, then it is sent at the pace", async () => {
  const { user, asked, state } = deliveries();
  const boxes = await screen.findAllByRole<HTMLInputElement>("checkbox", { name: /msg_/ });
  expect(boxes.map((one) => one.disabled)).toEqual([true, true, false, false]);
  await user.click(screen.getByRole("checkbox", { name: "Selecionar todas as linhas" }));
  state.count = 2;
  await user.click(screen.getByRole("button", { name: "Enviar 2 de novo" }));
  const dialog = within(await screen.findByRole("alertdialog"));
  expect(await dialog.findByText("2 entregas vão de novo.")).toBeTruthy();
  expect(dialog.getByText(/A última sai/)).toBeTruthy();
  await user.clear(dialog.getByLabelText("Ritmo"));
  await user.type(dialog.getByLabelText("Ritmo"), "1");
  await user.click(await dialog.findByRole("button", { name: "Enviar 2" }));
  await waitFor(() => expect(asked.replays.at(-1)?.validateOnly).toBe(false));
  expect(asked.replays.at(-1)).toMatchObject({
    ratePerSecond: 1,
    what: { case: "deliveries", value: { ids: [deliveryId(3), deliveryId(4)] } },
  });
  await waitFor(() => expect(screen.queryByText("2 selecionadas")).toBeNull());
});

test("what failed since a time is counted anew with each change, and sent", async () => {
  const { user, asked, state } = deliveries("?type=resource.failed&since=2026-11-20T08:00");
  await user.click(await screen.findByRole("button", { name: "Enviar de novo…" }));
  const dialog = within(await screen.findByRole("alertdialog"));
  expect(await dialog.findByText("12 entregas vão de novo.")).toBeTruthy();
  expect(dialog.getByText("Só do filtro da lista: resource.failed.")).toBeTruthy();
  expect(asked.replays.at(-1)?.what).toMatchObject({
    case: "range",
    value: {
      since: { seconds: BigInt(Date.parse("2026-11-20T11:00:00Z") / 1000) },
      states: [DeliveryState.EXHAUSTED, DeliveryState.HELD],
      eventTypes: ["resource.failed"],
    },
  });
  state.count = 0;
  await user.click(dialog.getByRole("checkbox", { name: "As retidas" }));
  expect(await dialog.findByText("Não há nenhuma para enviar.")).toBeTruthy();
  expect(dialog.getByRole<HTMLButtonElement>("button", { name: "Enviar 0" }).disabled).toBe(true);
  expect(asked.replays.every((one) => one.validateOnly)).toBe(true);
});

test("to a paused destination nothing is sent again", async () => {
  deliveries("", { destinations: [fakeDestination(1, { health: DestinationHealth.PAUSED })] });
  const button = await screen.findByRole<HTMLButtonElement>("button", { name: "Enviar de novo…" });
  expect(button.disabled).toBe(true);
  expect(button.title).toContain("Retome antes");
});

test("a delivery shows its body as it is sent, and each attempt in full", async () => {
  const { user, state } = deliveries();
  state.attempts = [
    fakeAttempt(3, fakeRefusal),
    fakeAttempt(2, {
      ...fakeRefusal,
      status: 0,
      errorReason: "",
      error: "i/o timeout",
      connectUs: 0n,
      tlsUs: 0n,
      firstByteUs: 0n,
      totalUs: 15_000_000n,
    }),
  ];
  await user.click((await screen.findAllByRole("button", { name: /^resource\.stopped/ }))[1] as HTMLElement);
  const drawer = await drawerOf("resource.stopped");
  expect(drawer.getAllByText(/^3,2\sms/).length).toBeGreaterThan(0);
  expect(drawer.getAllByText(/fila cheia/).length).toBe(1);
  expect(drawer.getByText("nginx")).toBeTruthy();
  expect(drawer.getAllByText("v1,****").length).toBeGreaterThan(0);
  expect(drawer.getAllByText("guardado, não é mostrado").length).toBeGreaterThan(0);
  expect(drawer.getByText("i/o timeout")).toBeTruthy();
  expect(drawer.getAllByText("Sem resposta")).toHaveLength(1);
  expect(drawer.getByText("parou aqui")).toBeTruthy();
  const body = drawer.getByRole("region", { name: "Corpo enviado" });
  expect(body.textContent).toContain('  "sequence": 9007199254740993'.trim());
  await user.click(drawer.getByRole("radio", { name: "Como é enviado" }));
  expect(body.textContent).toBe(fakeBody);
  await user.click(drawer.getByRole("button", { name: "Copiar como foi enviado" }));
  expect(await navigator.clipboard.readText()).toBe(fakeBody);
  expect(drawer.getByRole<HTMLButtonElement>("button", { name: "Enviar de novo" }).disabled).toBe(true);
});

test("a destination that is gone says so", async () => {
  deliveries("", { destinations: [], deliveries: [] });
  expect(await screen.findByRole("heading", { name: /não existe mais/ })).toBeTruthy();
});
