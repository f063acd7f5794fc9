// Usage: CLOUDHUB_SECRET=whsec_… node verify.mjs ID TIMESTAMP SIGNATURE <body
import { createHmac, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

/** How old, or how far ahead, a delivery may be, in seconds. */
const tolerance = 5 * 60;

/**
 * Throws unless CloudHub sent `body`, the raw bytes of the request, at about
 * `now`. `headers` has webhook-id, webhook-timestamp and webhook-signature.
 */
export function verify(secret, headers, body, now = Date.now() / 1000) {
  const id = headers["webhook-id"];
  const timestamp = headers["webhook-timestamp"];
  const signatures = headers["webhook-signature"];
  if (!id || !signatures || !/^\d+$/.test(timestamp ?? "")) throw new Error("a header is missing");
  if (Math.abs(now - Number(timestamp)) > tolerance) throw new Error("too old, or from the future");
  const mac = createHmac("sha256", keyOf(secret)).update(`${id}.${timestamp}.`).update(body).digest("base64");
  // While a secret is being changed there are two signatures.
  if (!signatures.split(" ").some((one) => same(one, `v1,${mac}`))) throw new Error("wrong signature");
}

/**
 * Checks X-CloudHub-Signature alone, which also fits what was recorded and
 * sent again by somebody else: prefer verify().
 */
export function verifyBody(secret, signature, body) {
  const mac = createHmac("sha256", keyOf(secret)).update(body).digest("hex");
  if (!same(signature, `sha256=${mac}`)) throw new Error("wrong signature");
}

function keyOf(secret) {
  const key = Buffer.from((secret ?? "").replace(/^whsec_/, ""), "base64");
  if (key.length === 0) throw new Error("not a secret of a webhook");
  return key;
}

function same(given, wanted) {
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)];
  return a.length === b.length && timingSafeEqual(a, b);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { CLOUDHUB_SECRET: secret, CLOUDHUB_NOW: now } = process.env;
  const [id, timestamp, signature] = process.argv.slice(2);
  const body = readFileSync(0);
  try {
    if (signature) {
      const headers = { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signature };
      verify(secret, headers, body, now ? Number(now) : undefined);
    } else verifyBody(secret, id ?? "", body);
    console.log("ok");
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
