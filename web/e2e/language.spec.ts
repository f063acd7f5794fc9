import { expect, test } from "./fixtures";

test("the pages in English, and back", async ({ page, workspace }) => {
  await page.goto(`${workspace}/aws/ec2?q=ipe-prd-web`);
  await expect(page.locator("html")).toHaveAttribute("lang", "pt-BR");
  await page.getByRole("button", { name: "Aparência e idioma" }).click();
  await page.getByRole("menuitemradio", { name: "English" }).click();

  await expect(page.locator("html")).toHaveAttribute("lang", "en");
  await expect(page.getByRole("heading", { level: 1, name: "EC2 instances" })).toBeVisible();
  await expect(page.getByRole("columnheader", { name: "State" })).toBeVisible();
  await expect(page.getByRole("row").filter({ hasText: "ipe-prd-web-01" })).toContainText("On");
  await expect(page).toHaveTitle("EC2 instances · CloudHub");

  await page.getByRole("link", { name: "Schedules" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Schedules" })).toBeVisible();
  await expect(page.getByRole("button", { name: "New schedule" })).toBeVisible();
  await expect(page.getByText("Next run")).toBeVisible();
  await page.reload();
  await expect(page.locator("html")).toHaveAttribute("lang", "en");
  await expect(page.getByRole("heading", { level: 1, name: "Schedules" })).toBeVisible();
  // Nothing on the page is left in the other language, nor a key instead of a text.
  const text = await page.locator("main").textContent();
  expect(text).not.toMatch(/\b(agendamento|execução|próxima|hoje|amanhã|escolhidas?)\b/i);
  expect(text).not.toMatch(/\b[a-z]+\.[a-z]+[A-Z.]\w*\b/);

  await page.getByRole("button", { name: "Look and language" }).click();
  await page.getByRole("menuitemradio", { name: "Português (Brasil)" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Agendamentos" })).toBeVisible();
});
