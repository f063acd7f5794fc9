import type { Page } from "@playwright/test";
import { expect, row, test } from "./fixtures";

/** Everything that a script of the page can find of what the browser keeps. */
async function kept(page: Page): Promise<string> {
  return page.evaluate(async () => {
    const out: unknown[] = [document.cookie, { ...localStorage }, { ...sessionStorage }, location.href, history.state];
    for (const { name } of await indexedDB.databases()) {
      if (!name) continue;
      const db = await new Promise<IDBDatabase>((resolve, reject) => {
        const request = indexedDB.open(name);
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
      });
      for (const store of db.objectStoreNames) {
        out.push([name, store]);
        const all = db.transaction(store).objectStore(store).getAll();
        out.push(await new Promise((resolve) => (all.onsuccess = () => resolve(all.result))));
      }
      db.close();
    }
    for (const name of await caches.keys()) {
      const cache = await caches.open(name);
      for (const request of await cache.keys()) out.push(request.url, await (await cache.match(request))?.text());
    }
    return JSON.stringify(out);
  });
}

test("the browser keeps neither the key of an account nor what signs in", async ({ page, context }) => {
  const who = {
    name: "Caio Prado",
    email: `caio.${Date.now()}.${Math.floor(Math.random() * 1e6)}@meridiano.example`,
    password: "canário zqxjkvbp e mais uma frase",
  };
  // The demonstration's own key of one of its accounts, for another person.
  const key = { id: "AKIASIMULATEDIPEPRD3", secret: `simulado/para/digitar/ipe/prd/${"0".repeat(40)}`.slice(0, 40) };
  const tokens: string[] = [];
  page.on("response", async (response) => {
    if (!response.url().includes("AuthService/")) return;
    const text = await response.text().catch(() => "");
    const token = /"token":"([^"]+)"/.exec(text)?.[1];
    if (token) tokens.push(token);
  });
  await page.goto("/");
  await page.getByRole("link", { name: "Criar conta" }).click();
  await page.getByLabel("Nome").fill(who.name);
  await page.getByLabel("E-mail").fill(who.email);
  await page.getByLabel("Senha", { exact: true }).fill(who.password);
  await page.getByRole("button", { name: "Criar conta" }).click();
  await expect(page).toHaveURL(/\/accounts$/);
  await page.getByRole("button", { name: "Acrescentar conta" }).first().click();
  const panel = page.getByRole("complementary", { name: "Acrescentar conta da AWS" });
  await panel.getByLabel("Nome").fill("minha-ipe");
  await panel.getByRole("radio", { name: "Chave de acesso" }).click();
  await panel.getByLabel("Id da chave").fill(key.id);
  await panel.getByLabel("Segredo", { exact: true }).fill(key.secret);
  // The search finds what is there: a mark of our own, in each kind of store.
  await page.evaluate(async () => {
    sessionStorage.setItem("mark", "mark-of-session");
    await (await caches.open("mark")).put("/mark", new Response("mark-of-cache"));
    await new Promise<void>((resolve) => {
      const request = indexedDB.open("mark");
      request.onupgradeneeded = () => request.result.createObjectStore("s").put("mark-of-database", 1);
      request.onsuccess = () => {
        request.result.close();
        resolve();
      };
    });
  });
  await panel.getByRole("button", { name: "Provar e acrescentar" }).click();
  await expect(row(page, "minha-ipe")).toBeVisible({ timeout: 30_000 });
  const cookies = await context.cookies();
  const refresh = cookies.find((cookie) => cookie.name === "rt")?.value ?? "";
  expect(refresh.length, "the session's cookie is there, out of reach of scripts").toBeGreaterThan(20);
  expect(tokens.length).toBeGreaterThan(0);
  for (const reloaded of [false, true]) {
    if (reloaded) {
      await page.reload();
      await expect(row(page, "minha-ipe")).toBeVisible();
    }
    const found = await kept(page);
    for (const mark of ["mark-of-session", "mark-of-cache", "mark-of-database", "cloudhub.signed-in"])
      expect(found).toContain(mark);
    for (const secret of [key.secret, key.id, who.password, refresh, ...tokens]) expect(found).not.toContain(secret);
  }
  // The form has forgotten it too.
  await page.goto(`${new URL(page.url()).pathname}?add=aws`);
  await page.getByRole("radio", { name: "Chave de acesso" }).click();
  await expect(page.getByLabel("Segredo", { exact: true })).toHaveValue("");
});
