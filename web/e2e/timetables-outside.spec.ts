import { createServer, type Server } from "node:http";
import type { BrowserContext, Page } from "@playwright/test";
import { expect, expectAccessible, expectNotReloaded, look, markDocument, test } from "./fixtures";
import { demo, simulated } from "./ready";

// What comes from outside: the provider's rate, its refusals, and calendars.
test.describe.configure({ mode: "parallel" });

/** Calls the server as the demonstration's person does. */
async function api(context: BrowserContext) {
  const call = async (method: string, data: unknown, token = "") => {
    const answer = await context.request.post(`/cloudhub.v1.${method}`, {
      data,
      headers: { Authorization: `Bearer ${token}` },
    });
    expect(answer.ok(), `${method} answers ${answer.status()}`).toBe(true);
    return answer.json();
  };
  const { accessToken } = await call("AuthService/Login", demo());
  const { organizations } = await call("UserService/GetMe", {}, accessToken.token);
  const ids = { orgId: organizations[0].id, workspaceId: organizations[0].workspaces[0].id };
  return (method: string, data: Record<string, unknown>) => call(method, { ...ids, ...data }, accessToken.token);
}

async function sim(method: string, path: string, body?: unknown) {
  const { url, token } = simulated();
  const answer = await fetch(`${url}/_sim/${path}`, {
    method,
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  expect(answer.ok, await answer.clone().text()).toBe(true);
  return answer.status === 204 ? undefined : answer.json();
}

test("in English: a run that the provider refuses is told by the bell and on the page, and leads to the run", async ({
  page,
  context,
  workspace,
}) => {
  test.setTimeout(210_000);
  const name = `Refused ${Date.now()}`;
  const { instances } = (await sim("GET", "instances")) as { instances: { id: string; name: string }[] };
  const machine = instances.find((one) => one.name === "ipe-prd-vpn-01");
  const fault = await sim("POST", "faults", {
    action: "StopInstances",
    instance: machine?.id,
    effect: "error",
    code: "OperationNotPermitted",
    status: 400,
  });
  await page.goto(`${workspace}/schedules`);
  await look(page, "dark", "en");
  await markDocument(page);

  const call = await api(context);
  const minute = new Date(Math.ceil((Date.now() + 2_000) / 60_000) * 60_000).toISOString().slice(11, 16);
  const { schedule } = await call("ScheduleService/CreateSchedule", {
    name,
    selector: { namePrefix: "ipe-prd-vpn" },
    rule: { stopTime: minute, timeZone: "UTC", weekdays: [1, 2, 3, 4, 5, 6, 7] },
  });
  // The bell's list is open, and what comes appears in it.
  await page.getByRole("button", { name: /^Notifications/ }).click();
  const told = page.getByRole("link", { name: new RegExp(`^${name} failed`) });
  await expect(told).toBeVisible({ timeout: 150_000 });
  await expect(told).toContainText("1 of 1 machines is not as asked.");
  await page.getByRole("link", { name: "See all" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Notifications" })).toBeVisible();
  await expect(told).toBeVisible();
  await expectNotReloaded(page);
  await told.click();
  await expect(page.getByRole("heading", { level: 1, name: /^Stop 1, / })).toBeVisible();
  await expect(page.getByRole("row", { name: /ipe-prd-vpn-01/ })).toContainText("Failed");
  await call("ScheduleService/DeleteSchedule", { scheduleId: schedule.id });
  await sim("DELETE", `faults/${fault.id}`);

  await page.goto(`${workspace}/notifications`);
  await expectAccessible(page, (at) =>
    expect(at.getByRole("link", { name: new RegExp(`^${name} (failed|falhou)`) })).toBeVisible(),
  );
});

const iCal = (day: string, name: string) =>
  [
    "BEGIN:VCALENDAR",
    "VERSION:2.0",
    "PRODID:-//Cidade//Feriados//PT",
    "BEGIN:VEVENT",
    `UID:${day}@cidade.example`,
    "DTSTAMP:20260101T000000Z",
    `DTSTART;VALUE=DATE:${day.replaceAll("-", "")}`,
    `SUMMARY:${name}`,
    "END:VEVENT",
    "END:VCALENDAR",
    "",
  ].join("\r\n");

/** Publishes a calendar on a usual port of an address of this machine that nobody uses. */
async function publish(text: string): Promise<{ url: string; server: Server }> {
  for (let tries = 0; tries < 20; tries++) {
    const part = () => 1 + Math.floor(Math.random() * 250);
    const host = `127.${part()}.${part()}.${part()}`;
    const server = createServer((_, response) => {
      response.writeHead(200, { "Content-Type": "text/calendar; charset=utf-8" });
      response.end(text);
    });
    const listens = await new Promise<boolean>((resolve) => {
      server.on("error", () => resolve(false));
      server.listen(8080, host, () => resolve(true));
    });
    if (listens) return { url: `http://${host}:8080`, server };
  }
  throw new Error("no address of this machine is free");
}

const inDays = (n: number) => new Date(Date.now() + n * 86_400_000 - 3 * 3_600_000).toISOString().slice(0, 10);

async function newCalendar(page: Page, name: string, how: (panel: ReturnType<Page["getByRole"]>) => Promise<void>) {
  await page.getByRole("button", { name: "Novo calendário" }).click();
  const panel = page.getByRole("complementary", { name: "Novo calendário" });
  await panel.getByLabel("Nome", { exact: true }).fill(name);
  await how(panel);
  await panel.getByRole("button", { name: "Criar calendário" }).click();
  return page.getByRole("complementary", { name });
}

test("calendars by file and by address are read, kept to by a schedule and seen in its preview", async ({
  page,
  context,
  workspace,
}) => {
  test.setTimeout(150_000);
  const mark = Date.now();
  const published = await publish(iCal(inDays(3), "Aniversário da cidade"));
  try {
    await page.goto(`${workspace}/schedules/calendars`);
    const byFile = await newCalendar(page, `Arquivo ${mark}`, async (panel) => {
      await panel.getByRole("radio", { name: "Arquivo iCal" }).click();
      await panel
        .getByLabel("Escolher arquivo")
        .last()
        .setInputFiles({
          name: "ponte.ics",
          mimeType: "text/calendar",
          buffer: Buffer.from(iCal(inDays(2), "Ponte da empresa")),
        });
      await expect(panel.getByText("ponte.ics")).toBeVisible();
    });
    await expect(byFile.getByText("de um arquivo")).toBeVisible();
    await expect(byFile.getByText("1 dia", { exact: true })).toBeVisible();
    await byFile.getByRole("button", { name: "Fechar" }).click();

    const byAddress = await newCalendar(page, `Endereço ${mark}`, async (panel) => {
      await panel.getByRole("radio", { name: "Endereço" }).click();
      await panel
        .getByRole("textbox", { name: "Endereço" })
        .fill(`${published.url}/private-segredo/basic.ics?key=segredo`);
    });
    await expect(byAddress.getByText("1 dia", { exact: true })).toBeVisible({ timeout: 45_000 });
    await expect(byAddress.getByText(`${published.url}/…`)).toBeVisible();
    await expect(page.getByText(/segredo/)).toHaveCount(0);
    await byAddress.getByRole("button", { name: "Editar" }).click();
    const edit = page.getByRole("complementary", { name: "Editar calendário" });
    const address = edit.getByRole("textbox", { name: "Endereço" });
    await expect(address).toHaveValue("");
    await expect(address).toHaveAttribute("placeholder", `${published.url}/…`);

    await page.goto(`${workspace}/schedules?form=new`);
    const form = page.getByRole("complementary", { name: "Novo agendamento" });
    const name = `Com feriados ${mark}`;
    await form.getByLabel("Nome", { exact: true }).fill(name);
    await form.getByRole("radio", { name: "Todo dia" }).click();
    for (const calendar of [`Arquivo ${mark}`, `Endereço ${mark}`]) {
      await form.getByRole("checkbox", { name: new RegExp(calendar) }).check();
    }
    const left = form.locator(".pv-gap");
    await expect(left.filter({ hasText: "Ponte da empresa" }).first()).toBeVisible();
    await expect(left.filter({ hasText: "Aniversário da cidade" }).first()).toBeVisible();
    await form.getByRole("radio", { name: "Por etiqueta" }).click();
    await form.getByLabel("Nome começa com").fill("ipe-hml-canario");
    await form.getByRole("button", { name: "Criar agendamento" }).click();
    const drawer = page.getByRole("complementary", { name });
    await expect(drawer.getByText(new RegExp(`menos .*Arquivo ${mark}`))).toContainText(`Endereço ${mark}`);
    await page.goto(`${workspace}/schedules/calendars`);
    await expect(page.getByRole("row", { name: new RegExp(`Endereço ${mark}`) })).toContainText("1 agendamento");
    await expectAccessible(page, (at) =>
      expect(at.getByRole("row", { name: new RegExp(`Endereço ${mark}`) })).toBeVisible(),
    );
  } finally {
    published.server.close();
    const call = await api(context);
    const { schedules } = await call("ScheduleService/ListSchedules", { pageSize: 500 });
    for (const one of schedules.filter((s: { name: string }) => s.name.endsWith(String(mark)))) {
      await call("ScheduleService/DeleteSchedule", { scheduleId: one.id });
    }
    const { calendars } = await call("CalendarService/ListCalendars", {});
    for (const one of calendars.filter((c: { name: string }) => c.name.endsWith(String(mark)))) {
      await call("CalendarService/DeleteCalendar", { calendarId: one.id });
    }
  }
});

test("the form warns when the provider's rate does not allow all machines in the window", async ({
  page,
  workspace,
}) => {
  test.setTimeout(90_000);
  // The demonstration has too few machines for it: what the server says of more is
  // added to its answer, as the server's own tests have it.
  await page.route("**/cloudhub.v1.ScheduleService/PreviewSchedule**", async (route) => {
    const answer = await route.fetch();
    const body = await answer.json();
    const rateWarnings = [
      {
        cloudAccountId: "0199cccc-0000-7000-8000-000000000001",
        cloudAccountName: "ipe-prd",
        region: "sa-east-1",
        wanted: "RESOURCE_STATE_RUNNING",
        targetCount: 3400,
        neededSeconds: 1200,
        fittingCount: 2200,
        earlierTime: "06:40",
      },
    ];
    const asked = `${route.request().url()} ${route.request().postData() ?? ""}`;
    const late = decodeURIComponent(asked).includes('"startTime":"07:00"');
    await route.fulfill({ response: answer, json: { ...body, ...(late ? { rateWarnings } : {}) } });
  });
  await page.goto(`${workspace}/schedules?form=new`);
  const form = page.getByRole("complementary", { name: "Novo agendamento" });
  await form.getByRole("radio", { name: "Por etiqueta" }).click();
  await form.getByLabel("Nome começa com").fill("ipe-prd");
  await form.getByLabel("Liga", { exact: true }).fill("07:00");
  const warning = form.getByRole("status").filter({ hasText: /ipe-prd.*sa-east-1/ });
  await expect(warning).toContainText("3.400");
  await expect(warning).toContainText("20 min");
  await expect(warning).toContainText("2.200");
  await expectAccessible(page, async (at) => {
    await at.getByRole("radio", { name: /^(Por etiqueta|By tag)$/ }).click();
    await at.getByLabel(/^(Nome começa com|Name begins with)$/).fill("ipe-prd");
    await at.getByLabel(/^(Liga|Starts)$/).fill("07:00");
    await expect(at.getByRole("status").filter({ hasText: /ipe-prd.*sa-east-1/ })).toBeVisible();
  });
  await look(page, "light", "pt-BR");
  await form.getByRole("radio", { name: "Por etiqueta" }).click();
  await form.getByLabel("Nome começa com").fill("ipe-prd");
  await form.getByLabel("Liga", { exact: true }).fill("07:00");
  await warning.getByRole("button", { name: "06:40" }).click();
  await expect(form.getByLabel("Liga", { exact: true })).toHaveValue("06:40");
  await expect(warning).toHaveCount(0);
});
