import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import { expect, expectAccessible, expectNoSidewaysScroll, row, test } from "./fixtures";

type Got = { headers: Record<string, string | undefined>; body: string };

/** A receiver on this machine: keeps what it gets, and refuses as often as it is told to. */
async function receiver() {
  const got: Got[] = [];
  const state = { refusals: 0 };
  const server = createServer(async (request, response) => {
    const parts: Uint8Array[] = [];
    for await (const part of request) parts.push(part);
    got.push({ headers: request.headers, body: Buffer.concat(parts).toString("utf8") });
    const refused = state.refusals-- > 0;
    response.statusCode = refused ? 500 : 204;
    response.setHeader("content-type", "application/json");
    response.end(refused ? '{"error":"not now"}' : undefined);
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  return {
    url: `http://127.0.0.1:${server.address().port}/cloudhub`,
    got,
    state,
    close: () => {
      server.closeAllConnections();
      return new Promise((closed) => server.close(closed));
    },
  };
}

/** As a receiver checks it: Standard Webhooks, by hand. */
function signature(secret: string, { headers, body }: Got) {
  const key = Uint8Array.from(atob(secret.replace(/^whsec_/, "")), (one) => one.charCodeAt(0));
  const signed = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`;
  return {
    standard: `v1,${createHmac("sha256", key).update(signed).digest("base64")}`,
    simple: `sha256=${createHmac("sha256", key).update(body).digest("hex")}`,
  };
}

const soon = { timeout: 45_000 };

test("a webhook is made, tested, fails, is paused, resumed and deleted", async ({ page, workspace }) => {
  test.setTimeout(180_000);
  const to = await receiver();
  try {
    const name = `Jornada ${Date.now()}`;
    await page.goto(`${workspace}/webhooks`);
    await page.getByRole("button", { name: "Novo webhook" }).click();
    const form = page.getByRole("form", { name: "Novo webhook" });
    await form.getByLabel("Nome", { exact: true }).fill(name);
    await form.getByLabel("Endereço", { exact: true }).fill(to.url);
    await form.getByRole("radio", { name: "Escolher" }).click();
    await form.getByRole("checkbox", { name: /^resource\.stopped/ }).check();
    await form.getByRole("button", { name: "Acrescentar cabeçalho" }).click();
    await form.getByLabel("Nome do cabeçalho").fill("X-Journey");
    await form.getByLabel("Valor").fill("segredo-da-jornada");
    await form.getByRole("checkbox", { name: "Secreto" }).check();
    await form.getByRole("button", { name: "Criar" }).click();

    const drawer = page.getByRole("complementary", { name });
    const secret = (await drawer.locator(".wh-secret code").textContent()) ?? "";
    expect(secret).toMatch(/^whsec_/);
    await drawer.getByRole("button", { name: "Já guardei" }).click();
    await expect(drawer.getByText(secret)).toHaveCount(0);

    await drawer.getByRole("button", { name: "Testar" }).click();
    await expect(drawer.getByText("Teste: Entregue")).toBeVisible(soon);
    await expect(drawer.getByText(/respondeu 204/)).toBeVisible();
    const [first] = to.got;
    if (!first) throw new Error("nothing came");
    expect(JSON.parse(first.body).event).toBe("webhook.test");
    expect(first.headers["x-journey"]).toBe("segredo-da-jornada");
    expect(first.headers["webhook-signature"]?.split(" ")).toContain(signature(secret, first).standard);
    expect(first.headers["x-cloudhub-signature"]).toBe(signature(secret, first).simple);

    // Refused once, and taken some seconds later.
    to.state.refusals = 1;
    await drawer.getByRole("button", { name: "Testar" }).click();
    await expect.poll(() => to.got.length, soon).toBe(2);
    await expect(drawer.getByText(/^Teste: (Tentando|Entregue)$/)).toBeVisible(soon);
    await drawer.getByRole("link", { name: "Ver a entrega" }).click();
    const delivery = page.getByRole("complementary", { name: "webhook.test" });
    await expect(delivery.getByText("tentativa 2")).toBeVisible(soon);
    await expect(delivery.getByText("Entregue").first()).toBeVisible();
    await delivery.getByText("tentativa 1").click();
    await expect(delivery.getByText("500", { exact: true })).toBeVisible();
    await expect(delivery.getByText(/not now/).first()).toBeVisible();
    await expect(delivery.locator(".wh-fall").first()).toBeVisible();
    // The value of a secret header and the signature are shown nowhere.
    await expect(delivery).toContainText(/x-journey/i);
    await expect(delivery).not.toContainText("segredo-da-jornada");
    await expect(delivery).not.toContainText(to.got.at(-1)?.headers["webhook-signature"] ?? "missing");
    await delivery.getByRole("button", { name: "Fechar" }).click();

    // What was delivered goes again, under the same id.
    const before = to.got.length;
    await page
      .getByRole("checkbox", { name: /webhook\.test/ })
      .first()
      .check();
    await page.getByRole("button", { name: "Enviar 1 de novo" }).click();
    await page.getByRole("alertdialog").getByRole("button", { name: "Enviar 1" }).click();
    await expect.poll(() => to.got.length, soon).toBeGreaterThan(before);
    expect(to.got.slice(0, before).map((one) => one.headers["webhook-id"])).toContain(
      to.got.at(-1)?.headers["webhook-id"],
    );

    await page.getByRole("link", { name, exact: true }).click();
    await drawer.getByRole("button", { name: "Pausar" }).click();
    await expect(
      row(page, name)
        .or(page.getByRole("row", { name: new RegExp(name) }))
        .first(),
    ).toContainText("Pausado");
    await drawer.getByRole("button", { name: "Testar" }).click();
    await expect(drawer.getByText("Teste: Retida")).toBeVisible(soon);
    await drawer.getByRole("button", { name: "Retomar" }).click();
    const held = page.getByRole("alertdialog");
    await expect(held.getByText("1 entrega vai de novo.")).toBeVisible();
    const heldBefore = to.got.length;
    await held.getByRole("button", { name: "Enviar 1" }).click();
    await expect.poll(() => to.got.length, soon).toBeGreaterThan(heldBefore);

    await drawer.getByRole("button", { name: `Mais sobre ${name}` }).click();
    await page.getByRole("menuitem", { name: "Apagar…" }).click();
    await page.getByRole("alertdialog").getByRole("textbox").fill(name);
    await page.getByRole("alertdialog").getByRole("button", { name: "Apagar" }).click();
    await expect(drawer).toHaveCount(0);
    await expect(page.getByRole("row", { name: new RegExp(name) })).toHaveCount(0);
  } finally {
    await to.close();
  }
});

const places = [
  { name: "webhooks", path: "webhooks" },
  { name: "a new webhook", path: "webhooks?form=new" },
  { name: "channels", path: "channels" },
  { name: "a new channel", path: "channels?form=new" },
];

for (const place of places) {
  test(`${place.name}: no violation in any theme and language, and it fits a phone`, async ({ page, workspace }) => {
    test.setTimeout(90_000);
    await page.goto(`${workspace}/${place.path}`);
    const ready = async () => expect(page.locator("main h1")).toBeVisible();
    await ready();
    await expectAccessible(page, ready);
    await page.setViewportSize({ width: 390, height: 844 });
    await expectNoSidewaysScroll(page);
  });
}
