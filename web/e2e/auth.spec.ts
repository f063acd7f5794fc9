import { expect, expectAccessible, expectNoSidewaysScroll, test } from "./fixtures";

/** A person of this run: the address must be new each time. */
const person = () => ({
  name: "Ana Prado",
  email: `ana.${Date.now()}.${Math.floor(Math.random() * 1e6)}@meridiano.example`,
  password: "uma frase bem comprida",
});

test("a stranger registers, lands at the accounts, signs out and in again", async ({ page }) => {
  const who = person();
  await page.goto("/");
  await expect(page).toHaveURL(/\/sign-in$/);
  await page.getByRole("link", { name: "Criar conta" }).click();
  await page.getByLabel("Nome").fill(who.name);
  await page.getByLabel("E-mail").fill(who.email);
  await page.getByLabel("Senha", { exact: true }).fill(who.password);
  await page.getByRole("button", { name: "Criar conta" }).click();
  await expect(page).toHaveURL(/\/o\/[0-9a-f-]+\/w\/[0-9a-f-]+\/accounts$/);
  await expect(page.getByRole("heading", { level: 1, name: "Contas de nuvem" })).toBeVisible();
  await expect(page.getByText("Ao vivo")).toBeVisible();

  // The token is in memory only; a reload gets another by the cookie.
  await page.reload();
  await expect(page.getByText("Nenhuma conta de nuvem ainda")).toBeVisible();
  const address = new URL(page.url()).pathname;

  await page.getByRole("button", { name: `Você: ${who.name}` }).click();
  await page.getByRole("menuitem", { name: "Sair" }).click();
  await expect(page).toHaveURL(/\/sign-in$/);

  await page.goto(`${address}?add=aws`);
  await expect(page).toHaveURL(/\/sign-in\?next=/);
  await page.getByLabel("E-mail").fill(who.email);
  await page.getByLabel("Senha", { exact: true }).fill(who.password);
  await page.getByRole("button", { name: "Entrar" }).click();
  await expect(page).toHaveURL(new RegExp(`${address}\\?add=aws$`));
  await expect(page.getByRole("heading", { name: "Acrescentar conta da AWS" })).toBeFocused();
});

test("signing out in one tab signs out the other", async ({ page, context }) => {
  const who = person();
  await page.goto("/register");
  await page.getByLabel("Nome").fill(who.name);
  await page.getByLabel("E-mail").fill(who.email);
  await page.getByLabel("Senha", { exact: true }).fill(who.password);
  await page.getByRole("button", { name: "Criar conta" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Contas de nuvem" })).toBeVisible();
  const other = await context.newPage();
  await other.goto(page.url());
  await expect(other.getByRole("heading", { level: 1, name: "Contas de nuvem" })).toBeVisible();
  await other.getByRole("button", { name: `Você: ${who.name}` }).click();
  await other.getByRole("menuitem", { name: "Sair" }).click();
  await expect(page).toHaveURL(/\/sign-in$/);
});

test("a new workspace has nothing yet, and each page says the one thing to do", async ({ page, context }) => {
  const who = person();
  await page.goto("/register");
  await page.getByLabel("Nome").fill(who.name);
  await page.getByLabel("E-mail").fill(who.email);
  await page.getByLabel("Senha", { exact: true }).fill(who.password);
  await page.getByRole("button", { name: "Criar conta" }).click();
  const main = page.locator("main");
  await expect(page.getByText("Nenhuma conta de nuvem ainda")).toBeVisible();
  await expect(main.getByRole("button")).toHaveText(["Acrescentar conta"]);

  await page.getByRole("link", { name: "Instâncias EC2" }).click();
  await expect(page.getByRole("heading", { name: "Nenhuma instância por aqui ainda" })).toBeVisible();
  await expect(main.getByRole("link")).toHaveText(["Conectar conta"]);
  await page.getByRole("link", { name: "Agendamentos" }).click();
  await expect(page.getByRole("heading", { name: "Nenhum agendamento ainda" })).toBeVisible();
  await expect(main.getByRole("button")).toHaveText(["Criar agendamento"]);
  await expectAccessible(page);

  // What a script of the page could read holds neither the password nor a token.
  const kept = await page.evaluate(async () =>
    JSON.stringify([{ ...localStorage }, { ...sessionStorage }, await indexedDB.databases(), document.cookie]),
  );
  expect(kept).not.toContain(who.password);
  expect(kept).not.toContain(who.email);
  expect(kept).not.toMatch(/eyJ|[A-Za-z0-9_-]{40}/);
  // The known browser, and the session.
  const cookies = await context.cookies();
  expect(cookies.map((cookie) => cookie.name).sort()).toEqual(["kd", "rt"]);
  for (const cookie of cookies) expect(cookie).toMatchObject({ httpOnly: true, sameSite: "Strict" });
});

for (const path of ["/sign-in", "/register", "/nothing-here"]) {
  test(`${path} is accessible and fits a phone`, async ({ page }) => {
    await page.goto(path);
    await expectAccessible(page);
    await page.setViewportSize({ width: 320, height: 640 });
    await expectNoSidewaysScroll(page);
  });
}

test("the accounts page is accessible, empty and with its panel", async ({ page }) => {
  // Eight looks of the checker.
  test.setTimeout(180_000);
  const who = person();
  await page.goto("/register");
  await page.getByLabel("Nome").fill(who.name);
  await page.getByLabel("E-mail").fill(who.email);
  await page.getByLabel("Senha", { exact: true }).fill(who.password);
  await page.getByRole("button", { name: "Criar conta" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Contas de nuvem" })).toBeVisible();
  await expectAccessible(page);
  await page.goto(`${page.url()}?add=aws`);
  await expectAccessible(page, async (at) => expect(at.locator("aside.dr")).toBeVisible());
});
