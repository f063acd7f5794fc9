import { defineConfig } from "@playwright/test";
import { baseURL } from "./e2e/ready";

/**
 * The journeys run against a demonstration that is already up: CLOUDHUB_READY
 * is the path of its ready.json. Two at a time, since most of them wait for a
 * cloud; those of one file follow one another, and no two files change the
 * same machines.
 */
export default defineConfig({
  testDir: "e2e",
  outputDir: "test-results",
  workers: 2,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  reporter: [["list"]],
  use: {
    baseURL,
    actionTimeout: 15_000,
    locale: "pt-BR",
    timezoneId: "America/Sao_Paulo",
    trace: "retain-on-failure",
    launchOptions: {
      // Debian's Chromium; CHROMIUM names another.
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  },
});
