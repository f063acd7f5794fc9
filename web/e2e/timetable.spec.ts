import { expect, expectAccessible, expectNoSidewaysScroll, expectNotReloaded, markDocument, test } from "./fixtures";

test("the demonstration's schedule stops and starts its machines by itself", async ({ page, workspace }) => {
  test.setTimeout(270_000);
  await page.goto(`${workspace}/schedules`);
  await page.getByRole("button", { name: /^Treinamento, nos próximos minutos/ }).click();
  await markDocument(page);
  const drawer = page.getByRole("complementary", { name: "Treinamento, nos próximos minutos" });
  await expect(drawer.getByRole("heading", { name: /^Alvos/ })).toContainText("3");
  const stop = drawer.getByRole("button", { name: /^3 de 3.*Parar/ }).first();
  const start = drawer.getByRole("button", { name: /^3 de 3.*Ligar/ }).first();
  await expect(stop).toBeVisible({ timeout: 120_000 });
  await expect(start).toBeVisible({ timeout: 120_000 });

  await start.click();
  const targets = start.locator("xpath=following-sibling::div");
  await expect(targets.getByRole("listitem")).toHaveCount(3);
  for (const target of await targets.getByRole("listitem").all()) {
    await expect(target).toContainText(/Feito.*Parada.*Ligada.*1 tentativa/s);
  }

  // The same run as a page, for everybody and on a phone.
  await drawer.getByRole("link", { name: "Abrir esta execução" }).click();
  await expect(page.getByRole("heading", { level: 1, name: /^Ligar 3, / })).toBeVisible();
  await expect(page.getByRole("row")).toHaveCount(4);
  for (const row of (await page.getByRole("row").all()).slice(1)) {
    await expect(row).toContainText(/Parada.*Ligada.*1/s);
  }
  await expect(page.getByText("Todas estão como pedido.")).toBeVisible();
  await expectNotReloaded(page);
  const rows = (at: typeof page) => expect(at.getByRole("row")).toHaveCount(4);
  await expectAccessible(page, rows);
  await page.setViewportSize({ width: 390, height: 844 });
  await rows(page);
  await expectNoSidewaysScroll(page);
});
