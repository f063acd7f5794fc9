import type { Page } from "@playwright/test";
import { expect, expectNotReloaded, look, markDocument, tabTo, test } from "./fixtures";

const clock = (at: number) =>
  new Intl.DateTimeFormat("pt-BR", { hour: "2-digit", minute: "2-digit", timeZone: "America/Sao_Paulo" }).format(at);

/** The next minute that is not too near to finish a form. */
const soon = () => Math.ceil((Date.now() + 14_000) / 60_000) * 60_000;

const row = (page: Page, name: string) =>
  page.getByRole("row").filter({ has: page.getByRole("button", { name: new RegExp(`^${name}`) }) });

/** From the row, or from the drawer where that leaves the row no room for it. */
const menu = async (page: Page, name: string, item: string) => {
  await page
    .getByRole("button", { name: `O que fazer com ${name}` })
    .filter({ visible: true })
    .last()
    .click();
  await page.getByRole("menuitem", { name: item }).click();
};

test("a stop by selector, made in the form, runs at its minute; then it is held, skipped, paused and deleted", async ({
  page,
  workspace,
}) => {
  test.setTimeout(240_000);
  const name = `Parada ${Date.now()}`;
  await page.goto(`${workspace}/schedules`);
  await markDocument(page);
  await page.getByRole("button", { name: "Novo agendamento" }).click();
  const panel = page.getByRole("complementary", { name: "Novo agendamento" });
  await panel.getByLabel("Nome", { exact: true }).fill(name);
  await panel.getByRole("radio", { name: "Só parar" }).click();
  await expect(panel.getByLabel("Liga", { exact: true })).toHaveCount(0);
  await panel.getByRole("radio", { name: "Todo dia" }).click();
  await panel.getByRole("radio", { name: "Por etiqueta" }).click();
  await panel.getByLabel("Nome começa com").fill("ipe-hml-canario");
  await expect(panel.getByText("2 máquinas agora")).toBeVisible();
  await expect(panel.getByText("ipe-hml-canario-01, ipe-hml-canario-02")).toBeVisible();
  const minute = soon();
  await panel.getByLabel("Para", { exact: true }).fill(clock(minute));
  await panel.getByLabel("Nome", { exact: true }).focus();
  await expect(panel.locator(".pv").getByText(clock(minute)).first()).toBeVisible();
  await panel.getByRole("button", { name: "Criar agendamento" }).click();

  const drawer = page.getByRole("complementary", { name });
  await expect(drawer.getByText("nome que começa com ipe-hml-canario", { exact: true })).toBeVisible();
  const run = drawer.getByRole("button", { name: /^2 de 2.*Parar/ });
  await expect(run).toBeVisible({ timeout: 150_000 });
  await run.click();
  await drawer.getByRole("link", { name: "Abrir esta execução" }).click();
  await expect(page.getByRole("heading", { level: 1, name: /^Parar 2, / })).toBeVisible();
  // Where the selector looked, and what it found there.
  const looked = page.locator("section").filter({ has: page.getByRole("heading", { name: "Onde procuramos" }) });
  await expect(looked.getByText("2 máquinas")).toBeVisible();
  await page.getByRole("link", { name, exact: true }).click();

  await menu(page, name, "Segurar até…");
  const dialog = page.getByRole("alertdialog", { name: `Segurar ${name}?` });
  await dialog.getByRole("radio", { name: "1 semana" }).click();
  await dialog.getByLabel("Por quê").fill("Férias coletivas");
  await dialog.getByRole("button", { name: "Segurar" }).click();
  await expect(row(page, name)).toContainText("Em espera");
  await expect(drawer.getByText("Férias coletivas", { exact: true })).toBeVisible();
  await page.getByRole("link", { name: "Esperas" }).click();
  await expect(page.getByRole("row", { name: new RegExp(name) })).toContainText("Férias coletivas");
  await page.getByRole("button", { name: `Encerrar a espera de ${name}` }).click();
  await expect(page.getByRole("row", { name: new RegExp(name) })).toHaveCount(0);

  await page.getByRole("link", { name: "Agendamentos", exact: true }).last().click();
  await menu(page, name, "Pular a próxima");
  await expect(row(page, name)).toContainText(/pulada por/);
  await page.getByRole("button", { name: "Desfazer" }).click();
  await expect(row(page, name)).not.toContainText(/pulada por/);

  await menu(page, name, "Pausar");
  await expect(row(page, name)).toContainText("Pausado");
  await menu(page, name, "Retomar");
  await expect(row(page, name)).not.toContainText("Pausado");

  await menu(page, name, "Parar agora…");
  const now = page.getByRole("alertdialog", { name: "Parar 2 máquinas agora?" });
  await now.getByRole("button", { name: "Parar 2" }).click();
  await expect(drawer.getByText(/fora de hora/).first()).toBeVisible({ timeout: 60_000 });
  await expectNotReloaded(page);

  await menu(page, name, "Apagar…");
  await page.getByRole("alertdialog").getByRole("button", { name: "Apagar agendamento" }).click();
  await expect(row(page, name)).toHaveCount(0);
});

test("in English: days of the month, the holidays, and a clash of start and stop at its field", async ({
  page,
  workspace,
}) => {
  const name = `Closing ${Date.now()}`;
  await page.goto(`${workspace}/schedules`);
  await look(page, "dark", "en");
  await page.getByRole("button", { name: "New schedule" }).click();
  const panel = page.getByRole("complementary", { name: "New schedule" });
  await panel.getByLabel("Name", { exact: true }).fill(name);
  await panel.getByRole("radio", { name: "Month" }).click();
  await panel.getByRole("button", { name: "Create schedule" }).click();
  await expect(panel.getByText("Mark at least one day.")).toBeVisible();
  for (const day of [1, 31]) await panel.getByRole("button", { name: `day ${day}`, exact: true }).click();
  await panel.getByRole("combobox").selectOption("skip");
  const holidays = panel.getByRole("checkbox", { name: /National holidays/ });
  await holidays.check();
  await expect(panel.getByText(/Natal/).first()).toBeVisible();
  // The first of January is one of the days, and a holiday.
  await expect(panel.locator(".pv-gap").filter({ hasText: "Confraternização Universal" }).first()).toContainText(
    "neither starts nor stops",
  );
  await panel.getByRole("radio", { name: "By tag" }).click();
  await panel.getByRole("switch", { name: /Every machine/ }).check();
  await expect(panel.getByText(/machines now/)).toBeVisible();
  await panel.getByRole("switch", { name: /Every machine/ }).uncheck();
  await panel.getByRole("textbox", { name: "Name begins with" }).fill("ipe-hml-canario");
  await panel.getByLabel("Stops", { exact: true }).fill("07:00");
  await panel.getByRole("button", { name: "Create schedule" }).click();
  await expect(panel.getByText("It starts and stops at the same time. Change one.")).toBeVisible();
  await panel.getByLabel("Stops", { exact: true }).fill("23:00");
  await panel.getByRole("button", { name: "Create schedule" }).click();
  const drawer = page.getByRole("complementary", { name });
  await expect(drawer.getByText("days 1 and 31 of the month, only in months that have it")).toBeVisible();
  await expect(drawer.getByText("except National holidays (Brazil)")).toBeVisible();
  await drawer.getByRole("button", { name: `Actions for ${name}` }).click();
  await page.getByRole("menuitem", { name: "Delete…" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Delete schedule" }).click();
  await expect(drawer).toHaveCount(0);
});

test("with the keyboard alone: a menu, a hold, and the way back", async ({ page, workspace }) => {
  const name = "Relatórios da noite";
  await page.goto(`${workspace}/schedules`);
  const button = row(page, name).getByRole("button", { name: `O que fazer com ${name}` });
  await expect(button).toBeVisible();
  await tabTo(page, button);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("menu")).toBeVisible();
  await page.keyboard.press("s");
  await expect(page.getByRole("menuitem", { name: "Segurar até…" })).toBeFocused();
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("alertdialog");
  await expect(dialog).toBeVisible();
  await tabTo(page, dialog.getByRole("radio", { name: "1 dia" }));
  await page.keyboard.press("ArrowRight");
  await expect(dialog.getByRole("radio", { name: "1 semana" })).toHaveAttribute("aria-checked", "true");
  await tabTo(page, dialog.getByLabel("Por quê"));
  await page.keyboard.type("Inventário");
  await page.keyboard.press("Enter");
  await expect(dialog).toHaveCount(0);
  await expect(row(page, name)).toContainText("Em espera");
  await tabTo(page, button);
  await page.keyboard.press("Enter");
  await page.keyboard.press("e");
  await expect(page.getByRole("menuitem", { name: "Encerrar a espera" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(row(page, name)).not.toContainText("Em espera");
});

test("a calendar is pasted, seen by year, changed, used by a schedule, and only then kept from being deleted", async ({
  page,
  workspace,
}) => {
  test.setTimeout(90_000);
  const name = `Empresa ${Date.now()}`;
  const year = new Date().getFullYear();
  await page.goto(`${workspace}/schedules/calendars`);
  await page.getByRole("button", { name: /^Feriados nacionais \(Brasil\)/ }).click();
  const brazil = page.getByRole("complementary", { name: "Feriados nacionais (Brasil)" });
  await expect(brazil.getByRole("listitem").filter({ hasText: "Natal" })).toContainText(/Lei/);
  await brazil.getByRole("button", { name: "Ano seguinte" }).click();
  await expect(brazil.getByText(String(year + 1), { exact: true })).toBeVisible();
  await brazil.getByRole("button", { name: "Fechar" }).click();

  await page.getByRole("button", { name: "Novo calendário" }).click();
  const panel = page.getByRole("complementary", { name: "Novo calendário" });
  await panel.getByLabel("Nome", { exact: true }).fill(name);
  await panel.getByLabel("Dias", { exact: true }).fill(`${year}-12-24 Véspera\nnada`);
  await panel.getByRole("button", { name: "Criar calendário" }).click();
  await expect(panel.getByText(/Linha 2: “nada” não é um dia/)).toBeVisible();
  await panel.getByLabel("Dias", { exact: true }).fill(`${year}-12-24 Véspera\n31/12/${year} Ano-Novo`);
  await panel.getByRole("button", { name: "Criar calendário" }).click();
  const drawer = page.getByRole("complementary", { name });
  await expect(drawer.getByText("Véspera")).toBeVisible();
  await drawer.getByRole("button", { name: "Editar" }).click();
  const edit = page.getByRole("complementary", { name: "Editar calendário" });
  await expect(edit.getByLabel("Dias", { exact: true })).toHaveValue(`${year}-12-24 Véspera\n${year}-12-31 Ano-Novo`);
  await edit.getByLabel("Dias", { exact: true }).fill(`${year}-12-24 Véspera\n${year + 1}-01-02 Ponte`);
  await edit.getByRole("button", { name: "Salvar" }).click();
  await expect(drawer.getByText("Ano-Novo")).toHaveCount(0);
  await drawer.getByRole("button", { name: "Apagar" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Apagar calendário" }).click();
  await expect(page.getByRole("button", { name: new RegExp(`^${name}`) })).toHaveCount(0);
});

test("all automation is paused with a reason that everybody sees, and resumed from the bar", async ({
  page,
  workspace,
}) => {
  await page.goto(`${workspace}/schedules`);
  await page.getByRole("button", { name: "Pausar tudo" }).click();
  const dialog = page.getByRole("alertdialog");
  await dialog.getByLabel("Por quê").fill("Virada do ERP");
  await dialog.getByRole("button", { name: "Pausar tudo" }).click();
  const chip = page.getByRole("banner").getByRole("status").filter({ hasText: "Automação pausada" });
  await expect(chip).toContainText("Virada do ERP");
  await page.goto(`${workspace}/aws/ec2`);
  await expect(chip).toContainText("Virada do ERP");
  await chip.getByRole("button", { name: "Retomar" }).click();
  await expect(chip).toHaveCount(0);
});

test("many schedules from a file: reported line by line, then made, all or none", async ({ page, workspace }) => {
  const mark = Date.now();
  await page.goto(`${workspace}/schedules/import`);
  const text = page.getByLabel("Ou cole aqui");
  const head = "name,start,stop,days,time_zone,resources,tags,name_prefix,accounts";
  await text.fill(
    `${head}\nLote ${mark} a,07:00,19:00,weekdays,America/Sao_Paulo,,ambiente=nenhum-${mark},,\nLote ${mark} b,7h,,daily,America/Sao_Paulo,,,ipe-hml-canario,conta-que-nao-ha`,
  );
  await page.getByRole("button", { name: "Conferir" }).click();
  await expect(page.getByText("1 linha precisa de correção.")).toBeVisible();
  const wrong = page.getByRole("row", { name: new RegExp(`Lote ${mark} b`) });
  await expect(wrong).toContainText("start");
  await expect(wrong).toContainText("conta-que-nao-ha");
  await expect(page.getByRole("button", { name: /^Criar/ })).toHaveCount(0);
  await text.fill(
    `${head}\nLote ${mark} a,07:00,19:00,weekdays,America/Sao_Paulo,,ambiente=nenhum-${mark},,\nLote ${mark} b,,23:00,1|31,America/Sao_Paulo,,,nada-${mark},`,
  );
  await page.getByRole("button", { name: "Conferir" }).click();
  await page.getByRole("button", { name: "Criar 2 agendamentos" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Agendamentos" })).toBeVisible();
  for (const name of [`Lote ${mark} a`, `Lote ${mark} b`]) {
    await expect(row(page, name)).toBeVisible();
    await menu(page, name, "Apagar…");
    await page.getByRole("alertdialog").getByRole("button", { name: "Apagar agendamento" }).click();
    await expect(row(page, name)).toHaveCount(0);
  }
});

test("a machine is held from its own page, and a spot machine is let to be switched", async ({ page, workspace }) => {
  await page.goto(`${workspace}/aws/ec2?q=ipe-dev-ci-spot-03`);
  await page.getByRole("button", { name: "ipe-dev-ci-spot-03", exact: true }).click();
  const drawer = page.getByRole("complementary", { name: "ipe-dev-ci-spot-03" });
  await drawer.getByRole("button", { name: "Segurar até…" }).click();
  const dialog = page.getByRole("alertdialog");
  await dialog.getByLabel("Por quê").fill("Ensaio");
  await dialog.getByRole("button", { name: "Segurar" }).click();
  await expect(drawer.getByText(/^Em espera até/)).toBeVisible();
  await drawer.getByRole("button", { name: "Encerrar a espera" }).click();
  await expect(drawer.getByRole("button", { name: "Segurar até…" })).toBeVisible();
  const anyway = drawer.getByRole("switch", { name: /Deixar agir nela assim mesmo/ });
  await anyway.click();
  await expect(anyway).toBeChecked();
  await expect(drawer.getByText("Fica como está", { exact: true })).toHaveCount(0);
  await anyway.click();
  await expect(anyway).not.toBeChecked();
});
