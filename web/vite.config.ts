import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// Browsers that know light-dark() and container queries. Naming them keeps
// light-dark() as it is written, instead of two variables for each colour.
const browsers = ["chrome123", "edge123", "firefox120", "safari17.5"];

const here = (path: string) => new URL(path, import.meta.url).pathname;

export default defineConfig({
  plugins: [react(), tailwindcss()],
  resolve: {
    alias: [
      { find: /^.*\/buf\/validate\/validate_pb$/, replacement: here("./src/lib/noValidate.ts") },
      { find: /^@\//, replacement: here("./src/") },
    ],
  },
  build: {
    outDir: "dist",
    // The directory holds a .keep so that `go:embed all:dist` always finds it;
    // public/.keep puts it back after each build.
    emptyOutDir: true,
    target: browsers,
    cssTarget: browsers,
    // No data: fonts or images, so that the policy can stay `'self'`.
    assetsInlineLimit: 0,
  },
  server: {
    // The server of the repository, for `npm run dev`.
    proxy: { "/cloudhub.v1": process.env.CLOUDHUB_URL ?? "http://127.0.0.1:8080" },
  },
  test: {
    environment: "jsdom",
    include: ["src/**/*.test.{ts,tsx}"],
    setupFiles: ["src/test/setup.ts"],
    css: false,
    // Only against one that hangs: other work may have the machine.
    testTimeout: 60_000,
    // Two cores are shared with the Go tests.
    maxWorkers: 2,
  },
});
