// Draws each page from the data of its design picture (src/dev/picture.ts), at
// the picture's size, in both themes and on a phone, into ../.cache/pictures.
//
//   npm run pictures                       the pages
//   npm run pictures -- <dir>              and beside each, <dir>/<picture>-light.png, -dark.png, -390.png
//   npm run pictures -- <dir> run,signin   only those of these names
//
// The directory may also be named by PICTURES.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "@playwright/test";
import { createServer } from "vite";

const [first, second] = process.argv.slice(2);
const pictures = first && existsSync(first) ? first : process.env.PICTURES;
const only = ((first === pictures ? second : first) ?? "").split(",").filter(Boolean);
const out = fileURLToPath(new URL("../../.cache/pictures/", import.meta.url));
mkdirSync(out, { recursive: true });

/** The moment of the pictures. */
const now = new Date("2026-11-24T14:32:00-03:00");
const place = "/o/11111111-1111-4111-8111-111111111111/w/22222222-2222-4222-8222-222222222222";
const uuid = (family, n) =>
  `${family.repeat(8)}-${family.repeat(4)}-4${family.repeat(3)}-8${family.repeat(3)}-${String(n).padStart(12, "0")}`;
const account = (n) => uuid("3", n);

const instances = `${place}/aws/ec2?account=${[1, 2, 3].map(account)}&tag=${encodeURIComponent(encodeURIComponent("time=plataforma"))}`;
const openMachine = `${instances}&id=${uuid("4", 1)}`;
const homologation = `${place}/schedules?id=${uuid("6", 2)}`;
const run = `${place}/schedules/${uuid("6", 2)}/runs/${uuid("7", 201)}`;

async function choose(page) {
  for (const name of ["ipe-hml-fila-01", "ipe-hml-web-01", "ipe-hml-web-02"]) {
    await page.getByRole("checkbox", { name: new RegExp(`${name}$`) }).check();
  }
}

async function fill(page) {
  await page.locator(".dr.form input").first().fill("Lab de dados, dias úteis");
  const [, start, stop] = await page.locator(".dr.form input.in").all();
  await start.fill("08:00");
  await stop.fill("18:00");
  await page.getByRole("checkbox", { name: "ipe-lab-gpu-01" }).check();
  await page.getByRole("checkbox", { name: "ipe-lab-notebook-01" }).check();
  await page.locator(".pv").waitFor();
}

async function bySelector(page) {
  await page.getByRole("radio", { name: "Por etiqueta" }).click();
  await page.getByRole("switch").check();
  await page.getByRole("checkbox", { name: /Feriados nacionais/ }).check();
  await page.locator(".pv-gap").first().waitFor();
}

async function openBell(page) {
  await page.getByRole("button", { name: /^Notificações/ }).click();
  await page.locator(".ntf").first().waitFor();
}

async function checkFile(page) {
  await page.locator("textarea").fill("name,days\na,daily\nb,daily\nc,daily\n");
  await page.getByRole("button", { name: "Conferir" }).click();
  await page.locator(".import-problems").waitFor();
}

async function hold(page) {
  await page
    .getByRole("button", { name: /^O que fazer com Homologação/ })
    .first()
    .click();
  await page.getByRole("menuitem", { name: "Segurar até…" }).click();
  await page.getByRole("radio", { name: "Dia e hora" }).click();
}

async function monthly(page) {
  await page.getByRole("radio", { name: "Do mês" }).click();
  for (const day of [1, 15, 31]) await page.getByRole("button", { name: `dia ${day}`, exact: true }).click();
  await page.getByRole("radio", { name: "Só parar" }).click();
}

async function openRun(page) {
  await page.locator(".past-row", { hasText: "ontem 19:00" }).click();
  await page.locator(".run-targets").waitFor();
}

/** `picture` is the design picture that it is set beside; those without one have the look of the others. */
const scenes = [
  { name: "signin", picture: "07-signin", path: "/sign-in", height: 900, scene: "picture" },
  { name: "register", path: "/register", height: 900, scene: "picture" },
  { name: "instances", picture: "02-instances", path: openMachine, height: 1009, act: choose, phone: instances },
  { name: "instance", path: openMachine, height: 1009, looks: ["390", "390-dark"] },
  {
    name: "instances-compact",
    picture: "02-instances-compact",
    path: openMachine,
    height: 1005,
    act: choose,
    density: "compact",
    looks: ["light"],
  },
  {
    name: "schedules",
    picture: "03-schedules",
    path: `${place}/schedules?form=new`,
    height: 959,
    act: fill,
    phone: `${place}/schedules`,
  },
  { name: "schedule-form", path: `${place}/schedules?form=new`, height: 959, act: fill, looks: ["390", "390-dark"] },
  { name: "run", picture: "04-run", path: run, height: 1160 },
  { name: "schedule", path: homologation, height: 1160, act: openRun },
  { name: "timetables", path: `${place}/schedules`, height: 900, scene: "full" },
  { name: "timetable-held", path: `${place}/schedules?id=${uuid("6", 0)}`, height: 1160, scene: "full" },
  {
    name: "timetable-found",
    path: `${place}/schedules?id=${uuid("6", 1)}`,
    height: 1160,
    scene: "full",
    looks: ["light", "390"],
  },
  { name: "form-selector", path: `${place}/schedules?form=new`, height: 1500, scene: "full", act: bySelector },
  {
    name: "form-month",
    path: `${place}/schedules?form=new`,
    height: 1200,
    scene: "full",
    act: monthly,
    looks: ["light", "390-dark"],
  },
  { name: "hold", path: `${place}/schedules`, height: 900, scene: "full", act: hold, phone: `${place}/schedules` },
  { name: "holds", path: `${place}/schedules/holds?all=1`, height: 700, scene: "full" },
  {
    name: "calendars",
    path: `${place}/schedules/calendars?id=br`,
    height: 900,
    scene: "full",
    phone: `${place}/schedules/calendars`,
  },
  {
    name: "calendar",
    path: `${place}/schedules/calendars?id=${uuid("c", 2)}`,
    height: 900,
    scene: "full",
    looks: ["light", "390"],
  },
  {
    name: "calendar-new",
    path: `${place}/schedules/calendars?form=new`,
    height: 900,
    scene: "full",
    looks: ["light", "390-dark"],
  },
  { name: "import", path: `${place}/schedules/import`, height: 1000, scene: "full", act: checkFile },
  { name: "bell", path: `${place}/schedules`, height: 700, scene: "full", act: openBell },
  { name: "notifications", path: `${place}/notifications`, height: 700, scene: "full" },
  { name: "paused", path: `${place}/schedules`, height: 700, scene: "paused" },
  { name: "accounts", path: `${place}/accounts`, height: 900, scene: "full" },
  { name: "account", path: `${place}/accounts?open=${account(2)}`, height: 1009, scene: "full" },
  { name: "account-new", path: `${place}/accounts?add=aws`, height: 959, scene: "full" },
  ...["loading", "empty", "error", "denied"].flatMap((scene) =>
    [
      ["instances", "aws/ec2"],
      ["schedules", "schedules"],
      ["accounts", "accounts"],
      ["holds", "schedules/holds"],
      ["calendars", "schedules/calendars"],
    ].map(([name, path]) => ({
      name: `${name}-${scene}`,
      path: `${place}/${path}`,
      height: 700,
      scene,
      // The first reading is tried again before it is called failed.
      act: (page) =>
        page
          .locator(scene === "loading" ? ".sk-r" : ".slot")
          .first()
          .waitFor(),
      looks: ["light", "390-dark"],
    })),
  ),
  { name: "instances-en", path: openMachine, height: 1009, act: choose, language: "en", looks: ["light"] },
  { name: "schedules-en", path: homologation, height: 959, language: "en", looks: ["light", "390"] },
  { name: "register-en", path: "/register", height: 900, language: "en", looks: ["light", "390"] },
];

const looks = {
  light: { width: 1440, scale: 1, theme: "light" },
  dark: { width: 1440, scale: 1, theme: "dark" },
  390: { width: 390, scale: 2, theme: "light", phone: true },
  "390-dark": { width: 390, scale: 2, theme: "dark", phone: true },
};

const server = await createServer({
  root: fileURLToPath(new URL("..", import.meta.url)),
  logLevel: "error",
  server: { port: 0, host: "127.0.0.1", hmr: false, watch: null },
});
await server.listen();
const base = `http://127.0.0.1:${server.httpServer.address().port}`;
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"],
});

let failed = false;
try {
  for (const scene of scenes.filter((one) => only.length === 0 || only.includes(one.name))) {
    for (const look of scene.looks ?? Object.keys(looks)) await draw(scene, look);
  }
} finally {
  await browser.close();
  await server.close();
}
process.exitCode = failed ? 1 : 0;

async function draw(scene, look) {
  const { width, scale, theme, phone } = looks[look];
  const context = await browser.newContext({
    viewport: { width, height: phone ? 844 : scene.height },
    deviceScaleFactor: scale,
    locale: "pt-BR",
    timezoneId: "America/Sao_Paulo",
    reducedMotion: "no-preference",
    hasTouch: Boolean(phone),
  });
  const page = await context.newPage();
  page.on("pageerror", (error) => complain(scene, look, error.message));
  await page.clock.setFixedTime(now);
  const query = new URLSearchParams({
    path: (phone && scene.phone) || scene.path,
    scene: scene.scene ?? "picture",
    theme,
    lang: scene.language ?? "pt-BR",
    ...(scene.density ? { density: scene.density } : {}),
  });
  try {
    await page.goto(`${base}/preview.html?${query}`);
    await page.locator("h1").first().waitFor({ timeout: 60_000 });
    await page.waitForLoadState("networkidle");
    if (scene.act && !(phone && scene.phone)) await scene.act(page);
    await page.evaluate(() => document.fonts.ready);
    await page.locator(".live.connecting").waitFor({ state: "detached", timeout: 10_000 });
    await page.waitForTimeout(400);
    const file = join(out, `${scene.name}-${look}.png`);
    await page.mouse.move(0, 0);
    // On a phone the drawer is a page of its own, which scrolls within the window.
    const tall = phone ? await page.evaluate(asideHeight) : 0;
    if (tall > 844) await page.setViewportSize({ width, height: tall });
    await page.screenshot({ path: file, fullPage: Boolean(phone) && tall === 0, animations: "disabled" });
    const picture = pictures && scene.picture && join(pictures, `${scene.picture}-${look}.png`);
    if (picture && existsSync(picture)) await beside(picture, file, join(out, `pair-${scene.name}-${look}.png`));
    console.log(`${scene.name} ${look}`);
  } catch (error) {
    complain(scene, look, error.message);
  } finally {
    await context.close();
  }
}

function asideHeight() {
  const aside = document.querySelector("aside.dr");
  const inner = aside?.querySelector(".dr-in");
  return inner ? Math.ceil(aside.clientHeight - inner.clientHeight + inner.scrollHeight) : 0;
}

/** The picture on the left, the page on the right. */
async function beside(picture, file, to) {
  const page = await browser.newPage({ viewport: { width: 800, height: 600 } });
  const image = (path) => `<img src="data:image/png;base64,${readFileSync(path).toString("base64")}">`;
  await page.setContent(
    `<body style="margin:0;display:inline-flex;gap:16px;align-items:start;background:#888">${image(picture)}${image(file)}</body>`,
  );
  const body = page.locator("body");
  await page.waitForFunction(() => [...document.images].every((one) => one.complete));
  const box = await body.boundingBox();
  await page.setViewportSize({ width: Math.ceil(box.width), height: Math.ceil(box.height) });
  writeFileSync(to, await body.screenshot());
  await page.close();
}

function complain(scene, look, message) {
  failed = true;
  console.error(`${scene.name} ${look}: ${message}`);
}
