import { execFileSync } from "node:child_process";
import type { BrowserContext } from "@playwright/test";
import { expect, expectAccessible, expectNoSidewaysScroll, test } from "./fixtures";

/** Somebody of his own: the demonstration's person stays as he is. */
async function register(context: BrowserContext) {
  const email = `rita.${crypto.randomUUID()}@example.com`;
  const data = { email, name: "Rita Moraes", password: "uma frase comprida e boa" };
  const answer = await context.request.post("/cloudhub.v1.AuthService/Register", { data });
  expect(answer.ok()).toBe(true);
  await context.addInitScript(() => {
    if (location.protocol.startsWith("http")) localStorage.setItem("cloudhub.signed-in", "1");
  });
  return email;
}

/** The command of whoever administers the machine, beside the running demonstration. */
function admin(...words: string[]) {
  const folder = (process.env.CLOUDHUB_READY ?? "").replace(/\/ready\.json$/, "");
  return execFileSync("../bin/cloudhub", ["admin", ...words, "--data-dir", folder], { encoding: "utf8", env: {} });
}

test("the operators' page: for nobody, then for whom the command names; a row is held and driven again", async ({
  page,
  context,
}) => {
  test.setTimeout(120_000);
  const email = await register(context);
  await page.goto("/admin/agenda");
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await expect(page.getByRole("table")).toHaveCount(0);
  await page.goto("/");
  await expect(page.getByRole("navigation").first()).toBeVisible();
  await expect(page.getByRole("link", { name: "Agenda", exact: true })).toHaveCount(0);

  expect(admin("grant", email)).toContain("may open");
  try {
    await page.reload();
    await page.getByRole("link", { name: "Agenda", exact: true }).click();
    await expect(page.getByRole("heading", { level: 1, name: "Agenda" })).toBeVisible();
    await expect(page.getByText("Conectado")).toBeVisible();
    await page.getByRole("button", { name: "Todas", exact: true }).click();
    await page.getByRole("button", { name: /^Tipo/ }).click();
    await page.getByRole("checkbox", { name: "Faxina" }).click();
    await expect(page.getByRole("checkbox", { name: "Faxina" })).toBeChecked();
    await page.keyboard.press("Escape");
    // The installation's own row: no tenant is disturbed.
    await page.getByRole("button", { name: /^Faxina/ }).click();
    const drawer = page.getByRole("complementary", { name: /^Faxina/ });
    await expect(drawer).toContainText("Espera a hora");
    await drawer.getByRole("button", { name: "Segurar…" }).click();
    const dialog = page.getByRole("alertdialog");
    await expect(dialog.getByRole("button", { name: "Segurar" })).toBeDisabled();
    await dialog.getByLabel("Motivo").fill("revisão do disco");
    await dialog.getByRole("button", { name: "Segurar" }).click();
    await expect(drawer).toContainText("Segurada por Rita Moraes");
    await expect(drawer).toContainText("revisão do disco");
    await page.getByRole("button", { name: /^Seguradas\s*1$/ }).click();
    const held = page.getByRole("button", { name: /^Faxina/ });
    await expect(held).toBeVisible();
    await held.click();
    await expectAccessible(page, (at) => expect(at.locator("aside.dr h2")).toBeVisible());
    await page.setViewportSize({ width: 390, height: 844 });
    await expectNoSidewaysScroll(page);
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.evaluate(() => localStorage.setItem("cloudhub.language", "pt-BR"));
    await page.reload();
    await drawer.getByRole("button", { name: "Acionar de novo" }).click();
    await expect(drawer).not.toContainText("Segurada por");
    // The tab of what is held is empty by itself, without a reload.
    await expect(page.getByText("Nada segurado")).toBeVisible();
  } finally {
    expect(admin("revoke", email)).toContain("may no longer");
  }
  await page.goto("/admin/agenda");
  await expect(page.getByRole("table")).toHaveCount(0);
});
