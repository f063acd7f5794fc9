// Weighs the built interface (run `npm run build` first) and fails when a part
// is over its budget. Figures are kB after gzip, as they cross the wire.
import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

/** Pages that only a signed-in person opens. */
const inShell =
  /^(Instances|Schedules|Accounts|Run|Holds|Calendars|Import|Notifications|Webhooks|Channels|Deliveries)Page/;
const budgets = { entry: 230, css: 25, route: 80, texts: 40, fonts: 60 };
const dist = new URL("../dist/", import.meta.url);
const assets = new URL("assets/", dist);
const kB = (bytes) => bytes / 1000;
const gz = (name) => kB(gzipSync(readFileSync(new URL(name, assets))).length);

const code = new Map(
  readdirSync(assets)
    .filter((name) => name.endsWith(".js"))
    .map((name) => [name, readFileSync(new URL(name, assets), "utf8")]),
);
const statics = (name) =>
  [...code.get(name).matchAll(/(?:from|import)\s*["']\.\/([^"']+\.js)["']/g)].map((match) => match[1]);
const lazies = (name) =>
  [...code.get(name).matchAll(/import\(\s*["'`]\.\/([^"'`]+\.js)["'`]\s*\)/g)].map((match) => match[1]);

/** A chunk and all that it cannot run without. */
function closure(name, seen = new Set()) {
  if (seen.has(name) || !code.has(name)) return seen;
  seen.add(name);
  for (const next of statics(name)) closure(next, seen);
  return seen;
}

const html = readFileSync(new URL("index.html", dist), "utf8");
const entry = /<script type="module"[^>]*src="\/assets\/([^"]+)"/.exec(html)?.[1];
if (!entry) throw new Error("dist/index.html has no entry; run the build first");
if (!html.includes("__CSP_NONCE__")) throw new Error("dist/index.html lost the place of the nonce");
if (/<script(?![^>]*\bsrc=)[^>]*>|<style[\s>]/.test(html))
  throw new Error("dist/index.html has an inline script or style, which the policy forbids");

const first = closure(entry);
const rows = [["entry", sum(first), budgets.entry]];
// The shell comes once, with the first page of a signed-in person.
const shell = [...first].flatMap(lazies).find((name) => name.startsWith("layouts-"));
if (!shell) throw new Error("no chunk of the shell");
const loaded = closure(shell, new Set());
rows.push(["shell", sum([...loaded].filter((name) => !first.has(name))), budgets.route]);
for (const route of [...new Set([...first].flatMap(lazies))].filter((name) => /Page-/.test(name))) {
  // What the first load has brought already is not paid for again.
  const more = [...closure(route)].filter((name) => !first.has(name) && !(inShell.test(route) && loaded.has(name)));
  rows.push([`route ${route.replace(/-[\w-]{8}\.js$/, "")}`, sum(more), budgets.route]);
}
const all = readdirSync(assets);
rows.push(["css, all of it", sum(all.filter((name) => name.endsWith(".css"))), budgets.css]);
for (const name of all.filter((name) =>
  /^(common|auth|account|instance|schedule|calendar|notification|webhook|reasons)[.\w-]*\.js$/.test(name),
)) {
  rows.push([`texts ${name}`, gz(name), budgets.texts]);
}
rows.push([
  "fonts",
  all
    .filter((name) => name.endsWith(".woff2"))
    .reduce((total, name) => total + kB(readFileSync(new URL(name, assets)).length), 0),
  budgets.fonts,
]);

function sum(names) {
  return [...names].reduce((total, name) => total + gz(name), 0);
}

let over = 0;
for (const [what, weight, limit] of rows) {
  const fits = weight <= limit;
  if (!fits) over++;
  console.log(`${fits ? "  " : "! "}${what.padEnd(40)} ${weight.toFixed(1).padStart(7)} of ${limit} kB`);
}
if (over > 0) {
  console.error(`${over} over budget`);
  process.exit(1);
}
