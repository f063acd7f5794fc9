import type { Page } from "@playwright/test";
import { expect, expectNotReloaded, markDocument, row, tabTo, test } from "./fixtures";
import { demo } from "./ready";

// A simulated machine takes up to 40 s to stop and 15 s to start.
test.describe.configure({ timeout: 150_000 });
const cloudTime = { timeout: 75_000 };

const tab = (page: Page, word: string) => page.getByRole("button", { name: new RegExp(`^${word} [\\d.]+$`) });
const track = /^(passo \d de 4|na fila)/;

test("the printed login opens the instances, with counts, search and facets in the address", async ({ page }) => {
  await page.goto("/");
  await expect(page).toHaveURL(/\/sign-in$/);
  await page.getByLabel("E-mail").fill(demo().email);
  await page.getByLabel("Senha", { exact: true }).fill(demo().password);
  await page.getByRole("button", { name: "Entrar" }).click();
  await expect(page).toHaveURL(/\/aws\/ec2$/);
  await expect(page.getByRole("heading", { level: 1, name: "Instâncias EC2" })).toBeVisible();
  // Another journey may have a fifth account, without machines, at the moment.
  await expect(page.getByText(/^160 em [45] contas e 3 regiões, lidas/)).toBeVisible();

  const count = async (word: string) => Number(((await tab(page, word).textContent()) ?? "").replace(/\D/g, ""));
  await expect(async () => {
    const [all, on, off, moving] = [
      await count("Todas"),
      await count("Ligadas"),
      await count("Paradas"),
      await count("Mudando"),
    ];
    expect(all).toBe(160);
    expect(on + off + moving).toBe(all);
  }).toPass();

  await page.getByRole("searchbox", { name: "Nome ou id" }).fill("nfe");
  await expect(page).toHaveURL(/[?&]q=nfe/);
  await page
    .getByRole("button", { name: /^Conta/ })
    .first()
    .click();
  await page.getByRole("dialog").getByText("ipe-hml", { exact: true }).click();
  await page.keyboard.press("Escape");
  await expect(page).toHaveURL(/account=/);
  await tab(page, "Ligadas").click();
  await expect(page).toHaveURL(/state=running/);
  const names = page.getByRole("row").getByRole("button", { name: /^ipe-/ });
  await expect(names).toHaveText(["ipe-hml-nfe-01", "ipe-hml-nfe-02"]);

  await page.reload();
  await expect(names).toHaveText(["ipe-hml-nfe-01", "ipe-hml-nfe-02"]);
  await expect(page.getByRole("searchbox", { name: "Nome ou id" })).toHaveValue("nfe");
  await expect(tab(page, "Ligadas")).toHaveAttribute("aria-pressed", "true");
});

test("a running machine stops and starts again before one's eyes", async ({ page, workspace }) => {
  const name = "ipe-hml-fila-01";
  await page.goto(`${workspace}/aws/ec2?q=ipe-hml-fila`);
  const machine = row(page, name);
  await expect(machine).toContainText("Ligada");
  await markDocument(page);
  await page.getByRole("button", { name, exact: true }).click();
  const drawer = page.getByRole("complementary", { name });
  await expect(drawer.getByText("simulado", { exact: true })).toBeVisible();
  await drawer.getByRole("button", { name: "Parar", exact: true }).click();

  const dialog = page.getByRole("alertdialog", { name: "Parar 1 instância?" });
  await expect(dialog).toContainText(`${name}, conta ipe-hml, em Ipê Alimentos › Operação.`);
  await dialog.getByRole("button", { name: "Parar 1" }).click();
  await expect(machine).toContainText("Parando");
  await expect(machine.getByRole("img", { name: track })).toBeVisible();
  const steps = drawer.getByRole("list", { name: "Passos da operação" });
  await expect(steps.getByRole("listitem")).toHaveCount(4);
  await expect(steps).toContainText("por Ana Prado");
  await expect(drawer.getByText("A AWS aceitou. Esperando ela dizer “stopped”.")).toBeVisible();

  await expect(machine).toContainText("Parada", cloudTime);
  await expect(steps).toBeHidden();
  await drawer
    .getByRole("button", { name: /^Parada.*Ana Prado/ })
    .first()
    .click();
  await expect(drawer.getByText("Antes e depois")).toBeVisible();

  await drawer.getByRole("button", { name: "Ligar", exact: true }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Ligar 1" }).click();
  await expect(machine).toContainText("Ligando");
  await expect(machine).toContainText("Ligada", cloudTime);
  await expect(drawer.getByRole("button", { name: /^Ligada.*Ana Prado/ }).first()).toBeVisible();
  await expectNotReloaded(page);
});

test("the same without a mouse: find, open, start, close", async ({ page, workspace }) => {
  await page.goto(`${workspace}/aws/ec2?state=stopped`);
  await expect(page.getByRole("heading", { level: 1, name: "Instâncias EC2" })).toBeVisible();
  await tabTo(page, page.getByRole("searchbox", { name: "Nome ou id" }));
  await page.keyboard.type("ipe-hml-carga");
  const names = page.getByRole("row").getByRole("button", { name: /^ipe-hml-carga/ });
  await expect(names.first()).toBeVisible();
  await expect(page).toHaveURL(/q=ipe-hml-carga/);
  const name = (await names.first().textContent()) ?? "";

  await page.keyboard.press("Tab");
  await tabTo(page, row(page, name));
  await page.keyboard.press("Space");
  await expect(page.getByText("1 selecionada")).toBeVisible();
  await page.keyboard.press("Escape");
  await page.keyboard.press("Enter");
  const drawer = page.getByRole("complementary", { name });
  await tabTo(page, drawer.getByRole("button", { name: "Ligar", exact: true }));
  await page.keyboard.press("Enter");
  const go = page.getByRole("alertdialog").getByRole("button", { name: "Ligar 1" });
  await tabTo(page, go);
  await page.keyboard.press("Enter");
  await expect(drawer.getByText("passo", { exact: false }).first()).toBeVisible();
  await expect(drawer.getByRole("button", { name: /^Ligada.*Ana Prado/ }).first()).toBeVisible(cloudTime);
  // The list shows what is stopped, and this one no longer is.
  await expect(row(page, name)).toHaveCount(0);
  await page.keyboard.press("Escape");
  await expect(drawer).toHaveCount(0);
});
