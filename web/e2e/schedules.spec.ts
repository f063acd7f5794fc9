import { expect, expectNotReloaded, markDocument, test } from "./fixtures";

const clock = (at: number) =>
  new Intl.DateTimeFormat("pt-BR", { hour: "2-digit", minute: "2-digit", timeZone: "America/Sao_Paulo" }).format(at);

test("a schedule made in the form runs at its minute, and is deleted", async ({ page, workspace }) => {
  test.setTimeout(210_000);
  const name = `Jornada ${Date.now()}`;
  await page.goto(`${workspace}/schedules`);
  await markDocument(page);
  await page.getByRole("button", { name: "Novo agendamento" }).click();
  const panel = page.getByRole("complementary", { name: "Novo agendamento" });
  await panel.getByLabel("Nome", { exact: true }).fill(name);
  await panel.getByRole("button", { name: "sábado" }).click();
  await panel.getByRole("button", { name: "domingo" }).click();

  await panel.getByRole("searchbox").fill("ipe-prd-jobs");
  const list = panel.getByRole("list", { name: "Instâncias que o agendamento pode tocar" });
  const running = list.getByRole("listitem").filter({ hasText: "ipe-prd-jobs" }).filter({ hasText: "Ligada" });
  await expect(running.nth(1)).toBeVisible();
  await expect(list.getByRole("listitem").filter({ hasNotText: "ipe-prd-jobs" })).toHaveCount(0);
  await running.nth(0).getByRole("checkbox").check();
  await running.nth(1).getByRole("checkbox").check();
  await expect(panel.getByText("2 instâncias")).toBeVisible();

  // The next minute that is not too near to finish the form.
  const stop = Math.ceil((Date.now() + 12_000) / 60_000) * 60_000;
  await panel.getByLabel("Liga", { exact: true }).fill(clock(stop + 30 * 60_000));
  await panel.getByLabel("Para", { exact: true }).fill(clock(stop));
  await panel.getByLabel("Nome", { exact: true }).focus();
  await expect(panel.getByRole("heading", { name: /^Próximas execuções/ })).toContainText("30");
  await expect(panel.locator(".pv").getByText(clock(stop), { exact: false }).first()).toBeVisible();
  await panel.getByRole("button", { name: "Criar agendamento" }).click();

  const drawer = page.getByRole("complementary", { name });
  await expect(drawer.getByText("Ainda não rodou.", { exact: false })).toBeVisible();
  await expect(
    drawer
      .getByText(/Andando|passo/)
      .or(drawer.getByRole("img", { name: /^(passo|na fila)/ }))
      .first(),
  ).toBeVisible({
    timeout: 90_000,
  });
  const run = drawer.getByRole("button", { name: /^2 de 2.*Parar/ });
  await expect(run).toBeVisible({ timeout: 75_000 });
  await run.click();
  const targets = run.locator("xpath=following-sibling::div").getByRole("listitem");
  await expect(targets).toHaveCount(2);
  await expect(targets.first()).toContainText(/ipe-prd-jobs-0\d.*Feito.*Ligada.*Parada/s);
  await expectNotReloaded(page);

  await drawer.getByRole("button", { name: `O que fazer com ${name}` }).click();
  await page.getByRole("menuitem", { name: "Apagar…" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Apagar agendamento" }).click();
  await expect(drawer).toHaveCount(0);
  await expect(page.getByRole("button", { name, exact: true })).toHaveCount(0);
});
