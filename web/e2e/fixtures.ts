import AxeBuilder from "@axe-core/playwright";
import { test as base, expect, type Locator, type Page } from "@playwright/test";
import { demo } from "./ready";

type Watched = {
  /** Console errors that the test provokes on purpose, by a part of their text. */
  allowed: string[];
  /** The demonstration's workspace, signed in: the path that its pages begin with. */
  workspace: string;
};

/**
 * Every page of every test fails on a violation of the content security
 * policy, on an error in the console and on an uncaught exception.
 */
export const test = base.extend<Watched>({
  allowed: [[], { option: true }],
  context: async ({ context, allowed }, use) => {
    const problems: string[] = [];
    await context.exposeFunction("cloudhubViolation", (text: string) => problems.push(`policy: ${text}`));
    await context.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => {
        const report = (globalThis as unknown as { cloudhubViolation?: (text: string) => void }).cloudhubViolation;
        report?.(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile ?? ""}:${event.lineNumber}`);
      });
    });
    context.on("weberror", (error) => problems.push(`exception: ${error.error().stack ?? error.error().message}`));
    context.on("console", (message) => {
      if (message.type() !== "error") return;
      const text = `${message.text()} (${message.location().url})`;
      if (!allowed.some((part) => text.includes(part))) problems.push(`console: ${text}`);
    });
    await use(context);
    expect(problems).toEqual([]);
  },
  workspace: async ({ context }, use) => {
    const call = async (method: string, data: unknown, token?: string) => {
      const headers: Record<string, string> = token ? { Authorization: `Bearer ${token}` } : {};
      const answer = await context.request.post(`/cloudhub.v1.${method}`, { data, headers });
      expect(answer.ok(), `${method} answers ${answer.status()}`).toBe(true);
      return answer.json();
    };
    // The cookie of the session stays in the browser; its pages start from it.
    const { accessToken } = await call("AuthService/Login", demo());
    const { organizations } = await call("UserService/GetMe", {}, accessToken.token);
    // What the sign-in page leaves behind: without it nobody asks for a session.
    await context.addInitScript(() => {
      if (location.protocol.startsWith("http")) localStorage.setItem("cloudhub.signed-in", "1");
    });
    await use(`/o/${organizations[0].id}/w/${organizations[0].workspaces[0].id}`);
  },
});

export { expect };

export const themes = ["light", "dark"] as const;
export const languages = ["pt-BR", "en"] as const;

/** Chooses theme and language as the person's browser keeps them, and loads the page anew. */
export async function look(page: Page, theme: (typeof themes)[number], language: (typeof languages)[number]) {
  await page.evaluate(
    ([theme, language]) => {
      localStorage.setItem("cloudhub.theme", theme);
      localStorage.setItem("cloudhub.language", language);
    },
    [theme, language] as const,
  );
  await page.reload();
  await expect(page.locator("h1")).toBeVisible();
  await expect(page.locator("html")).toHaveAttribute("lang", language);
  await expect(page.locator("html")).toHaveAttribute("data-theme", theme);
}

/** No violation of WCAG 2.2 A and AA in any theme and language; `ready` waits for what the page is about. */
export async function expectAccessible(page: Page, ready?: (page: Page) => Promise<void>) {
  for (const theme of themes) {
    for (const language of languages) {
      await look(page, theme, language);
      await ready?.(page);
      const { violations } = await new AxeBuilder({ page })
        .withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"])
        .analyze();
      const told = violations.map(({ id, help, nodes }) => ({
        id,
        help,
        where: nodes.map((node) => node.target.join(" ")),
      }));
      expect(told, `axe, ${theme}, ${language}, ${new URL(page.url()).pathname}`).toEqual([]);
    }
  }
}

/** The row of a table by the name it begins with. */
export function row(page: Page, name: string): Locator {
  return page.getByRole("row").filter({ has: page.getByRole("button", { name, exact: true }) });
}

/** Marks this document, so that `expectNotReloaded` can tell it from a later one. */
export async function markDocument(page: Page) {
  await page.evaluate(() => Object.assign(window, { journeyMark: true }));
}

export async function expectNotReloaded(page: Page) {
  expect(await page.evaluate(() => "journeyMark" in window), "the page was reloaded").toBe(true);
}

/** Goes from control to control, as someone without a mouse does, until `target` has the focus. */
export async function tabTo(page: Page, target: Locator) {
  for (let i = 0; i < 60; i++) {
    if (await target.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error("sixty tabs do not reach it");
}

/** The page is not wider than the window. */
export async function expectNoSidewaysScroll(page: Page) {
  const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth] as const);
  expect(content).toBeLessThanOrEqual(window);
}
