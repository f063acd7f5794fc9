import type { Page } from "@playwright/test";
import { expect, expectAccessible, expectNoSidewaysScroll, row, test } from "./fixtures";

type Place = { name: string; path: string; open?: string; ready: (page: Page) => Promise<void> };

const aside = (page: Page) => expect(page.locator("aside.dr h2")).toBeVisible();
const rows = (page: Page) => expect(page.getByRole("row").nth(1)).toBeVisible();

/** `open` is the row whose drawer is open: its id is not known beforehand. */
const places: Place[] = [
  { name: "instances", path: "aws/ec2?q=ipe-hml-p", ready: rows },
  { name: "an instance", path: "aws/ec2?q=ipe-hml-pg", open: "ipe-hml-pg-01", ready: aside },
  {
    name: "no instance",
    path: "aws/ec2?q=nada-com-este-nome",
    ready: (page) => expect(page.locator("main h2")).toBeVisible(),
  },
  { name: "schedules", path: "schedules", ready: rows },
  { name: "a schedule", path: "schedules", open: "Treinamento, nos próximos minutos", ready: aside },
  { name: "a new schedule", path: "schedules?form=new", ready: aside },
  { name: "accounts", path: "accounts", ready: rows },
  { name: "an account", path: "accounts", open: "ipe-prd", ready: aside },
  {
    name: "a new account",
    path: "accounts?add=aws",
    ready: (page) => expect(page.locator("aside.dr pre")).toContainText("AWS::IAM::Role"),
  },
  { name: "an account by role", path: "accounts", open: "ipe-dev", ready: aside },
  { name: "nothing", path: "nothing-here", ready: (page) => expect(page.locator("h1")).toBeVisible() },
];

for (const place of places) {
  test(`${place.name}: no violation in any theme and language, and it fits a phone`, async ({ page, workspace }) => {
    test.setTimeout(90_000);
    await page.goto(`${workspace}/${place.path}`);
    if (place.open) await page.getByRole("button", { name: new RegExp(`^${place.open}`) }).click();
    await place.ready(page);
    await expectAccessible(page, place.ready);
    await page.setViewportSize({ width: 390, height: 844 });
    await place.ready(page);
    await expectNoSidewaysScroll(page);
  });
}

test("the confirmation and the selection bar have no violation", async ({ page, workspace }) => {
  await page.goto(`${workspace}/aws/ec2?q=ipe-prd-etl`);
  await expectAccessible(page, async (at) => {
    await at
      .getByRole("checkbox", { name: "Selecionar ipe-prd-etl-01" })
      .or(at.getByRole("checkbox", { name: "Select ipe-prd-etl-01" }))
      .check();
    await at.getByRole("button", { name: /^(Parar|Stop) 1$/ }).click();
    await expect(at.getByRole("alertdialog")).toBeVisible();
  });
});

test("nothing moves for whoever asks for no motion", async ({ page, workspace }) => {
  test.setTimeout(120_000);
  await page.goto(`${workspace}/aws/ec2?q=ipe-hml-busca-01`);
  await row(page, "ipe-hml-busca-01").getByRole("checkbox").check();
  await page
    .getByRole("button", { name: /^(Parar|Ligar) 1$/ })
    .first()
    .click();
  await page
    .getByRole("alertdialog")
    .getByRole("button", { name: /^(Parar|Ligar) 1$/ })
    .click();
  await expect(row(page, "ipe-hml-busca-01")).toContainText(/Parando|Ligando/);
  const moving = () =>
    page.evaluate(
      () =>
        document
          .getAnimations()
          .filter((a) => a.playState === "running" && Number(a.effect?.getComputedTiming().iterations) === Infinity)
          .length,
    );
  expect(await moving()).toBeGreaterThan(0);
  await page.emulateMedia({ reducedMotion: "reduce" });
  expect(await moving()).toBe(0);
});

test("a name of 255 characters pushes no column out of sight", async ({ page, workspace }) => {
  await page.goto(`${workspace}/aws/ec2?q=ipe-hml-p`);
  await rows(page);
  const overflow = (length: number) =>
    page.evaluate((length) => {
      const name = document.querySelector("tr.row button.nm");
      const table = document.querySelector("table.t");
      const frame = document.querySelector(".tw");
      if (!name || !table || !frame) throw new Error("no table");
      name.textContent = "n".repeat(length);
      return table.scrollWidth - frame.clientWidth;
    }, length);
  for (const width of [1440, 1200, 800, 390]) {
    await page.setViewportSize({ width, height: 900 });
    expect(await overflow(255), `at ${width} px`).toBeLessThanOrEqual(0);
  }
});
