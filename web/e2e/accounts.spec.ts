import { expect, row, test } from "./fixtures";
import { simulated } from "./ready";

// A reading of all regions takes a few seconds.
const reading = { timeout: 45_000 };

test("the accounts say what was read of them, and that they are simulated", async ({ page, workspace }) => {
  await page.goto(`${workspace}/accounts`);
  for (const name of ["ipe-dev", "ipe-hml", "ipe-prd"]) {
    await expect(row(page, name)).toContainText("lidas 17 de 17 regiões");
    await expect(row(page, name)).toContainText("simulado");
  }
});

test("a region that refuses makes the reading partial, and says why", async ({ page, workspace }) => {
  await page.goto(`${workspace}/accounts`);
  const lojas = row(page, "ipe-lojas");
  await expect(lojas).toContainText("Lida em parte");
  await expect(lojas).toContainText("lidas 16 de 17 regiões");
  await page.getByRole("button", { name: "ipe-lojas", exact: true }).click();
  const drawer = page.getByRole("complementary", { name: "ipe-lojas" });
  const region = drawer.getByRole("listitem").filter({ hasText: "eu-west-3" });
  await expect(region).toContainText("falta uma permissão");
  await expect(region).toContainText("não lida");
  await drawer.getByRole("button", { name: "Ler agora" }).click();
  await expect(lojas).toContainText(/agora|há \d{1,2} s/, reading);
  await expect(lojas).toContainText("Lida em parte");
});

test.describe("a key that is refused", () => {
  test.use({ allowed: ["CreateCloudAccount"] });

  test("says so in the panel, and what was typed stays", async ({ page, workspace }) => {
    await page.goto(`${workspace}/accounts`);
    await page.getByRole("button", { name: "Acrescentar conta" }).click();
    const panel = page.getByRole("complementary", { name: "Acrescentar conta da AWS" });
    await panel.getByLabel("Nome").fill("ipe-errada");
    await panel.getByRole("radio", { name: "Chave de acesso" }).click();
    await panel.getByLabel("Id da chave").fill("AKIAERRADAERRADA1");
    await panel.getByLabel("Segredo", { exact: true }).fill("0123456789abcdef0123456789abcdef01234567");
    await panel.getByRole("button", { name: "Provar e acrescentar" }).click();
    const alert = panel.getByRole("alert").filter({ hasText: "Nada foi acrescentado" });
    await expect(alert).toBeVisible({ timeout: 30_000 });
    await expect(alert).toContainText("chave");
    await expect(panel.getByLabel("Nome")).toHaveValue("ipe-errada");
    await expect(page.getByRole("button", { name: "ipe-errada" })).toHaveCount(0);
  });
});

test.describe("a role", () => {
  test.use({ allowed: ["CreateCloudAccount"] });

  // The account of whoever operates the demonstration: nobody else's journey enters it.
  const account = "905418276340";

  /** Makes a role, as the customer does at AWS with what the page offers. */
  async function makeRole(name: string, trust: unknown, policy: unknown) {
    const { url, token } = simulated();
    const answer = await fetch(`${url}/_sim/roles`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
      body: JSON.stringify({ account, name, trust_policy: trust, policies: [policy] }),
    });
    expect(answer.status, await answer.clone().text()).toBe(201);
    return ((await answer.json()) as { arn: string }).arn;
  }

  test("is made from what the page offers; one that asks for no external id is refused", async ({
    page,
    workspace,
  }) => {
    test.setTimeout(120_000);
    await page.goto(`${workspace}/accounts`);
    await page.getByRole("button", { name: "Acrescentar conta" }).click();
    const panel = page.getByRole("complementary", { name: "Acrescentar conta da AWS" });
    const document = panel.locator("pre");
    await expect(document).toContainText("AWS::IAM::Role");
    await panel.getByRole("radio", { name: "Permissões" }).click();
    const policy = JSON.parse((await document.textContent()) ?? "");
    expect(JSON.stringify(policy)).not.toContain("StopInstances");
    await panel.getByRole("radio", { name: "Confiança" }).click();
    const trust = JSON.parse((await document.textContent()) ?? "");
    const externalId = trust.Statement[0].Condition.StringEquals["sts:ExternalId"];
    await expect(panel.getByText(externalId, { exact: true })).toBeVisible();
    const saved = page.waitForEvent("download");
    await panel.getByRole("button", { name: "Baixar" }).click();
    expect((await saved).suggestedFilename()).toBe("cloudhub-trust-policy.json");

    const { Condition: _, ...open } = trust.Statement[0];
    const name = `Jornada${Date.now()}`;
    const arn = await makeRole(name, { ...trust, Statement: [open] }, policy);
    await panel.getByLabel("Nome").fill("operador");
    const field = panel.getByLabel("ARN do papel");
    await field.fill(arn);
    await panel.getByRole("button", { name: "Provar e acrescentar" }).click();
    await expect(field).toHaveAttribute("aria-invalid", "true", { timeout: 30_000 });
    await expect(panel).toContainText("pode ser assumido sem o external id");
    await expect(field).toHaveValue(arn);

    expect(await makeRole(name, trust, policy)).toBe(arn);
    await panel.getByRole("button", { name: "Provar e acrescentar" }).click();
    const drawer = page.getByRole("complementary", { name: "operador" });
    await expect(drawer).toBeVisible({ timeout: 30_000 });
    await expect(drawer).toContainText("papel da AWS");
    await expect(drawer).toContainText(arn);
    await expect(drawer).toContainText(externalId);
    await expect(row(page, "operador")).toContainText(`papel ${name}`);
    await expect(row(page, "operador")).toContainText("lidas 17 de 17 regiões", reading);

    await drawer.getByRole("button", { name: "Remover" }).click();
    const dialog = page.getByRole("alertdialog");
    await dialog.getByRole("textbox").fill("operador");
    await dialog.getByRole("button", { name: "Remover conta" }).click();
    await expect(row(page, "operador")).toHaveCount(0);
  });

  test("is how one account of the demonstration is entered", async ({ page, workspace }) => {
    await page.goto(`${workspace}/accounts`);
    await expect(row(page, "ipe-dev")).toContainText("papel CloudHub");
    await expect(row(page, "ipe-prd")).toContainText("termina em");
  });
});

test("an account that is only observed has no buttons for its machines", async ({ page, workspace, context }) => {
  await page.goto(`${workspace}/accounts`);
  await page.getByRole("button", { name: "ipe-lojas", exact: true }).click();
  const drawer = page.getByRole("complementary", { name: "ipe-lojas" });
  const observe = drawer.getByRole("switch", { name: "Só observar" });
  await expect(observe).not.toBeChecked();
  const machine = await context.newPage();
  await machine.goto(`${workspace}/aws/ec2?q=ipe-lojas-etl`);
  await machine.getByRole("button", { name: "ipe-lojas-etl-01", exact: true }).click();
  const stop = machine.getByRole("complementary").getByRole("button", { name: "Parar", exact: true });
  await expect(stop).toBeEnabled();
  try {
    await observe.click();
    await expect(observe).toBeChecked();
    await expect(row(page, "ipe-lojas")).toContainText("só observa");
    // The other tab hears of it by the stream.
    await expect(stop).toBeDisabled();
    await expect(machine.getByRole("paragraph").filter({ hasText: /^Fica como está: .*observa/ })).toBeVisible();
  } finally {
    if (await observe.isChecked()) await observe.click();
  }
  await expect(observe).not.toBeChecked();
  await expect(stop).toBeEnabled();
});
