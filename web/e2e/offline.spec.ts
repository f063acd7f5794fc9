import { expect, expectNotReloaded, markDocument, test } from "./fixtures";

// What a browser writes about requests that do not arrive.
test.use({ allowed: ["ERR_INTERNET_DISCONNECTED", "ERR_FAILED", "ERR_NETWORK_CHANGED"] });

test("without a server the data stays and says from when it is; when it is back, all is live again", async ({
  page,
  workspace,
  context,
}) => {
  test.setTimeout(120_000);
  await page.goto(`${workspace}/aws/ec2?q=ipe-prd-cache`);
  const names = page.getByRole("row").getByRole("button", { name: /^ipe-prd-cache/ });
  const live = page.getByRole("status").and(page.locator(".live"));
  await expect(names).toHaveCount(3);
  await expect(live).toHaveText("Ao vivo");
  await markDocument(page);

  await context.setOffline(true);
  await expect(live).toHaveText(/^Sem conexão desde \d\d:\d\d$/);
  await expect(page.getByText(/^Sem conexão desde \d\d:\d\d\./)).toBeVisible();
  await expect(names).toHaveCount(3);

  // The network is back and the server is not.
  await page.route("**/cloudhub.v1.*/**", (route) => route.abort());
  await context.setOffline(false);
  await expect(live).toHaveText(/^(Reconectando|A cada 10 s)$/);
  await expect(names).toHaveCount(3);

  await page.unroute("**/cloudhub.v1.*/**");
  await expect(live).toHaveText("Ao vivo", { timeout: 45_000 });
  await expect(page.getByText(/^Sem conexão desde/)).toHaveCount(0);
  await expect(names).toHaveCount(3);
  await expectNotReloaded(page);
});
