import type { Page } from "@playwright/test";
import { expect, expectAccessible, expectNoSidewaysScroll, test } from "./fixtures";

// They only look: nothing of one stands in the way of another.
test.describe.configure({ mode: "parallel" });

const rows = (page: Page) => expect(page.getByRole("row").nth(1)).toBeVisible();
const heading = (page: Page) => expect(page.locator("main h1")).toBeVisible();
const places = [
  { name: "holds", path: "schedules/holds?all=1", ready: heading },
  { name: "calendars", path: "schedules/calendars", ready: rows },
  {
    name: "a calendar",
    path: "schedules/calendars?id=br",
    ready: (page: Page) => expect(page.locator("aside.dr .cal-days li").first()).toBeVisible(),
  },
  {
    name: "a new calendar",
    path: "schedules/calendars?form=new",
    ready: (page: Page) => expect(page.locator("aside.dr textarea")).toBeVisible(),
  },
  { name: "the import", path: "schedules/import", ready: heading },
  { name: "notifications", path: "notifications", ready: heading },
];

for (const place of places) {
  test(`${place.name}: no violation in any theme and language, and it fits a phone`, async ({ page, workspace }) => {
    test.setTimeout(90_000);
    await page.goto(`${workspace}/${place.path}`);
    await place.ready(page);
    await expectAccessible(page, place.ready);
    await page.setViewportSize({ width: 390, height: 844 });
    await place.ready(page);
    await expectNoSidewaysScroll(page);
  });
}

test("the form by selector and by month, and the list of the bell, have no violation", async ({ page, workspace }) => {
  test.setTimeout(120_000);
  await page.goto(`${workspace}/schedules?form=new`);
  await expectAccessible(page, async (at) => {
    await at.getByRole("radio", { name: /^(Do mês|Month)$/ }).click();
    await at.getByRole("button", { name: /^(dia|day) 31$/ }).click();
    await at.getByRole("radio", { name: /^(Por etiqueta|By tag)$/ }).click();
    await at.getByRole("textbox", { name: /^(Nome começa com|Name begins with)$/ }).fill("ipe-hml");
    await expect(at.getByText(/(máquinas agora|machines now)/)).toBeVisible();
    await expect(at.locator(".pv")).toBeVisible();
  });
  await page.goto(`${workspace}/schedules`);
  await expectAccessible(page, async (at) => {
    await at.getByRole("button", { name: /^(Notificações|Notifications)/ }).click();
    await expect(at.getByRole("link", { name: /^(Ver todas|See all)$/ })).toBeVisible();
  });
});
