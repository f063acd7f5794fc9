import { spawn } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const here = dirname(fileURLToPath(import.meta.url));
const file = (name: string) => join(here, "verify", name);
/** The example that Standard Webhooks publishes with its own libraries. */
const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const sent = 1614265330;
const body = '{"test": 2432232314}';
const signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
/** openssl dgst -sha256 -mac HMAC over the body alone. */
const simple = "sha256=e2cb4f5251572539d458bfb8a7adb533b08801e6a794467e06f771debbb0818b";

let dir = "";
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "verify-"));
  copyFileSync(file("verify.go.txt"), join(dir, "verify.go"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

type Env = Record<string, string>;
type Outcome = { status: number; out: string };

/** What a program says of a body; one that is not on this machine fails the test. */
function run(command: readonly string[], input: string, env: Env = {}): Promise<Outcome> {
  const [name = "", ...args] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(name, args, {
      cwd: dir,
      env: { ...process.env, CLOUDHUB_SECRET: secret, CLOUDHUB_NOW: String(sent), ...env },
    });
    let out = "";
    child.stdout.on("data", (some) => (out += some));
    child.stderr.on("data", (some) => (out += some));
    child.on("error", reject);
    child.on("close", (status) => resolve({ status: status ?? -1, out }));
    child.stdin.on("error", () => {});
    child.stdin.end(input);
  });
}

const programs: ReadonlyArray<readonly [string, readonly string[]]> = [
  ["Go", ["go", "run", "verify.go"]],
  ["Node", ["node", file("verify.mjs")]],
  ["Python", ["python3", file("verify.py")]],
  ["curl", ["sh", file("verify.sh")]],
];

describe.each(programs)("the help for %s", (_name, program) => {
  const asked = (args: readonly string[], input = body, env: Env = {}) => run([...program, ...args], input, env);
  const good = [id, String(sent), signature];

  test("takes the published example, and one of two signatures", async () => {
    expect(await asked(good)).toEqual({ status: 0, out: "ok\n" });
    expect((await asked([id, String(sent), `v1,b3RoZXI= v1a,b3RoZXI= ${signature}`])).status).toBe(0);
  });

  test("refuses another body, another id, another secret, and no signature", async () => {
    expect((await asked(good, `${body} `)).out).toContain("wrong signature");
    expect((await asked(["msg_other", String(sent), signature])).out).toContain("wrong signature");
    expect((await asked([id, String(sent), "v1,"])).out).toContain("wrong signature");
    expect((await asked([id, String(sent), signature.replace("v1,", "v2,")])).out).toContain("wrong signature");
    const other = await asked(good, body, { CLOUDHUB_SECRET: "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" });
    expect(other.out).toContain("wrong signature");
    expect(other.status).toBe(1);
    expect((await asked(good, body, { CLOUDHUB_SECRET: "whsec_" })).status).toBe(1);
  });

  test("tolerates five minutes both ways, and no more", async () => {
    for (const [off, status] of [
      [-300, 0],
      [300, 0],
      [-301, 1],
      [301, 1],
    ] as const) {
      const { status: got } = await asked(good, body, { CLOUDHUB_NOW: String(sent + off) });
      expect([off, got]).toEqual([off, status]);
    }
    expect((await asked([id, "yesterday", signature])).out).toContain("a header is missing");
    // Without a clock of the test it is the machine's, by which the example is years old.
    expect((await asked(good, body, { CLOUDHUB_NOW: "" })).out).toContain("too old");
  });

  test("checks X-CloudHub-Signature", async () => {
    expect(await asked([simple])).toEqual({ status: 0, out: "ok\n" });
    expect((await asked([simple], `${body}\n`)).status).toBe(1);
    expect((await asked(["sha256="])).status).toBe(1);
  });
});

test("curl tries a receiver: one that verifies passes, one that takes everything does not", async () => {
  const { verify, verifyBody } = await import(/* @vite-ignore */ file("verify.mjs"));
  let strict = true;
  const server = createServer(async (request, response) => {
    const parts: Uint8Array[] = [];
    for await (const part of request) parts.push(part);
    const raw = Buffer.concat(parts);
    try {
      if (strict) verify(secret, request.headers, raw);
      if (strict) verifyBody(secret, request.headers["x-cloudhub-signature"], raw);
      response.statusCode = 204;
    } catch {
      response.statusCode = 401;
    }
    response.end();
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  try {
    const url = `http://127.0.0.1:${server.address().port}/`;
    const send = () => run(["sh", file("verify.sh"), "send", url], body, { CLOUDHUB_NOW: "", NO_PROXY: "127.0.0.1" });
    expect(await send()).toEqual({ status: 0, out: "ok\n" });
    strict = false;
    expect((await send()).out).toContain("it takes what was changed: 204");
  } finally {
    await new Promise((closed) => server.close(closed));
  }
});
