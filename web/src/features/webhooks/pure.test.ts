import { expect, test } from "vitest";
import { addressProblem, type HeaderValues, headerProblem, isKept, recipientsOf, specOf, valuesOf } from "./form";
import { layOut } from "./json";
import { readMoment, writeMoment } from "./moment";
import { isReused, microText, spansOf } from "./spans";
import { fakeAttempt, fakeDestination } from "./testing";
import { grouped } from "./words";

test("JSON is laid out without changing a number, and what is none stays", () => {
  expect(layOut('{"a":9007199254740993,"b":[],"c":{"d":[1,"x,{y}"]},"e":"\\"q\\""}')).toBe(
    [
      "{",
      '  "a": 9007199254740993,',
      '  "b": [],',
      '  "c": {',
      '    "d": [',
      "      1,",
      '      "x,{y}"',
      "    ]",
      "  },",
      '  "e": "\\"q\\""',
      "}",
    ].join("\n"),
  );
  expect(layOut("<html> { </html>")).toBe("<html> { </html>");
  expect(layOut("")).toBe("");
});

test("an attempt is drawn as spans that follow one another", () => {
  const of = (changes: Parameters<typeof fakeAttempt>[1]) =>
    spansOf(fakeAttempt(1, changes)).map((one) => [one.phase, one.from, one.to, one.broken]);
  expect(of({})).toEqual([
    ["dns", 0, 3_200, false],
    ["connect", 3_200, 14_900, false],
    ["tls", 14_900, 41_300, false],
    ["wait", 41_300, 179_800, false],
    ["read", 179_800, 182_400, false],
  ]);
  // A connection that was open already.
  const reused = { dnsUs: 0n, connectUs: 0n, tlsUs: 0n, firstByteUs: 90n, totalUs: 100n };
  expect(of(reused)).toEqual([
    ["wait", 0, 90, false],
    ["read", 90, 100, false],
  ]);
  expect(isReused(fakeAttempt(1, reused))).toBe(true);
  // No answer: the rest is the step that was not reached.
  const broken = { connectUs: 0n, tlsUs: 0n, firstByteUs: 0n, totalUs: 15_000n };
  expect(of(broken).at(-1)).toEqual(["connect", 3_200, 15_000, true]);
  expect(of({ ...broken, dnsUs: 0n, address: "" })).toEqual([["dns", 0, 15_000, true]]);
  expect(of({ ...broken, connectUs: 4_000n }).at(-1)).toEqual(["tls", 4_000, 15_000, true]);
  expect(of({ ...broken, connectUs: 4_000n, url: "http://127.0.0.1/" }).at(-1)).toEqual(["wait", 4_000, 15_000, true]);
  expect(of({ ...broken, dnsUs: 0n, totalUs: 0n })).toEqual([["connect", 0, 0, true]]);
});

test.each([
  [640, "640\u00a0µs"],
  [3_240, "3,2\u00a0ms"],
  [182_400, "182\u00a0ms"],
  [15_000_000, "15\u00a0s"],
])("%d microseconds are %s", (us, text) => expect(microText(us, "pt-BR")).toBe(text));

test("a moment is on the workspace's wall, both ways, and a day that is none is none", () => {
  const at = new Date("2026-11-24T17:32:00Z");
  expect(writeMoment(at, "America/Sao_Paulo")).toBe("2026-11-24T14:32");
  expect(readMoment("2026-11-24T14:32", "America/Sao_Paulo")).toEqual(at);
  expect(readMoment("2026-11-24T14:32", "UTC")).toEqual(new Date("2026-11-24T14:32:00Z"));
  expect(readMoment("2026-11-31T14:32", "UTC")).toBeUndefined();
  expect(readMoment("", "UTC")).toBeUndefined();
});

test("an address is https; plain http only of this machine", () => {
  expect(addressProblem("https://a.example/x")).toBeUndefined();
  expect(addressProblem("http://127.0.0.1:9000/x")).toBeUndefined();
  expect(addressProblem("http://a.example/x")).toBe("https");
  expect(addressProblem("ftp://a.example")).toBe("https");
  expect(addressProblem("a.example")).toBe("https");
  expect(addressProblem("  ")).toBe("none");
});

test("headers: names of ours, twice, and without a value are refused; a kept secret is not", () => {
  const one = (name: string, value = "x", secret = false): HeaderValues => ({ name, value, secret });
  const problem = (header: HeaderValues, others: HeaderValues[] = []) =>
    headerProblem(header, [header, ...others], kept);
  const kept = fakeDestination(1, {
    config: {
      case: "webhook",
      value: {
        url: "https://a.example",
        headers: [
          { name: "Authorization", secret: true },
          { name: "X-A", value: "1" },
        ],
      },
    },
  });
  expect(problem(one("X-Team"))).toBeUndefined();
  expect(problem(one(""))).toBe("name");
  expect(problem(one("a b"))).toBe("name");
  expect(problem(one("Webhook-Id"))).toBe("own");
  expect(problem(one("x-cloudhub-signature"))).toBe("own");
  expect(problem(one("X-Team"), [one("x-team")])).toBe("twice");
  expect(problem(one("X-Team", "é"))).toBe("value");
  expect(problem(one("X-Team", ""))).toBe("value");
  expect(problem(one("authorization", "", true))).toBeUndefined();
  expect(isKept(one("authorization", "", true), kept)).toBe(true);
  // Another name, or no secret any more: there is nothing to keep.
  expect(problem(one("authorization-2", "", true))).toBe("value");
  expect(problem(one("authorization", "", false))).toBe("value");
  expect(problem(one("X-A", "", true))).toBe("value");
});

test("recipients are written as they come", () => {
  expect(recipientsOf(" a@x.example, b@x.example\nc@x.example;a@x.example ")).toEqual([
    "a@x.example",
    "b@x.example",
    "c@x.example",
  ]);
});

test("what is read and not changed is what is sent", () => {
  const destination = fakeDestination(1, {
    description: "d",
    events: ["resource.failed"],
    ordering: 2,
    ratePerSecond: 5,
    config: {
      case: "webhook",
      value: {
        url: "https://a.example",
        ed25519: true,
        publicKey: "whpk_x",
        secretHint: "LaSw",
        headers: [{ name: "Authorization", secret: true }],
      },
    },
  });
  expect(specOf(valuesOf(destination, "webhook", "en"))).toMatchObject({
    name: "Destino 1",
    description: "d",
    events: ["resource.failed"],
    ordering: 2,
    ratePerSecond: 5,
    config: {
      case: "webhook",
      value: {
        url: "https://a.example",
        ed25519: true,
        publicKey: "",
        headers: [{ name: "Authorization", value: "", secret: true }],
      },
    },
  });
});

test("types are grouped by their first word, in their order", () => {
  expect(grouped([{ name: "a.x" }, { name: "b" }, { name: "a.y" }])).toEqual([
    ["a", [{ name: "a.x" }, { name: "a.y" }]],
    ["b", [{ name: "b" }]],
  ]);
});
