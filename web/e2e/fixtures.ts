import AxeBuilder from "@axe-core/playwright";
import { test as base, expect, type Page } from "@playwright/test";

type Watched = {
  /** Console errors that the test provokes on purpose, by a part of their text. */
  allowed: string[];
};

/**
 * Every page of every test fails on a violation of the content security
 * policy, on an error in the console and on an uncaught exception.
 */
export const test = base.extend<Watched>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures from the pattern.
  allowed: async ({}, use) => {
    await use([]);
  },
  page: async ({ page, allowed }, use) => {
    const problems: string[] = [];
    await page.exposeFunction("cloudhubViolation", (text: string) => problems.push(`policy: ${text}`));
    await page.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => {
        const report = (globalThis as unknown as { cloudhubViolation?: (text: string) => void }).cloudhubViolation;
        report?.(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile ?? ""}:${event.lineNumber}`);
      });
    });
    page.on("pageerror", (error) => problems.push(`exception: ${error.stack ?? error.message}`));
    page.on("console", (message) => {
      if (message.type() !== "error") return;
      const text = `${message.text()} (${message.location().url})`;
      if (!allowed.some((part) => text.includes(part))) problems.push(`console: ${text}`);
    });
    await use(page);
    expect(problems).toEqual([]);
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

/** The page is not wider than the window. */
export async function expectNoSidewaysScroll(page: Page) {
  const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth] as const);
  expect(content).toBeLessThanOrEqual(window);
}
