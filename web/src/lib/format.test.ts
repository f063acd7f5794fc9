import { describe, expect, it } from "vitest";
import { makeFormat } from "./format";

const at = (iso: string) => new Date(iso);
const now = at("2026-11-24T17:32:00Z").getTime(); // Tuesday, 14:32 in São Paulo.
const pt = makeFormat("pt-BR", "America/Sao_Paulo");
const en = makeFormat("en", "America/Sao_Paulo");

describe("moments", () => {
  it.each([
    ["2026-11-24T22:00:00Z", "hoje 19:00", "today 19:00"],
    ["2026-11-25T10:00:00Z", "amanhã 07:00", "tomorrow 07:00"],
    ["2026-11-23T22:00:00Z", "ontem 19:00", "yesterday 19:00"],
    ["2026-11-27T08:30:00Z", "sex 05:30", "Fri 05:30"],
    ["2026-12-25T22:00:00Z", "25 dez 19:00", "Dec 25 19:00"],
    // The day is the zone's: 01:00 UTC is still the evening before there.
    ["2026-11-25T01:00:00Z", "hoje 22:00", "today 22:00"],
  ])("%s is %s", (iso, portuguese, english) => {
    expect(pt.when(at(iso), now)).toBe(portuguese);
    expect(en.when(at(iso), now)).toBe(english);
  });

  it.each([
    [-2_000, "agora"],
    [-45_000, "há 45 s"],
    [-125_000, "há 2 min"],
    [-3 * 3_600_000, "há 3 h"],
    [4.6 * 3_600_000, "em 4 h"],
  ])("%d ms away is %s", (gap, text) => {
    expect(pt.ago(now + gap, now).replaceAll("\u00a0", " ")).toBe(text);
  });

  it.each([
    ["2026-11-24T10:00:00Z", "há 7 h", "7 hr ago"],
    // Not yet a day ago, but another day.
    ["2026-11-23T23:10:00Z", "ontem 20:10", "yesterday 20:10"],
    ["2026-11-22T17:00:00Z", "22 nov", "Nov 22"],
    ["2025-03-12T12:00:00Z", "12 mar 2025", "Mar 12, 2025"],
  ])("what was at %s was %s", (iso, portuguese, english) => {
    expect(pt.past(at(iso), now).replaceAll("\u00a0", " ")).toBe(portuguese);
    expect(en.past(at(iso), now).replaceAll("\u00a0", " ")).toBe(english);
  });

  it("writes dates without their little words, and the year only when it is another", () => {
    expect(pt.date(at("2026-11-23T12:00:00Z"), now)).toBe("23 nov");
    expect(pt.date(at("2025-03-12T12:00:00Z"), now)).toBe("12 mar 2025");
  });
});

describe("amounts of time", () => {
  it.each([
    [48_000, "48 s"],
    [372_000, "6 min 12 s"],
    [(4 * 60 + 28) * 60_000, "4 h 28 min"],
    [7_200_000, "2 h"],
    [0, "0 s"],
  ])("%d ms is %s", (milliseconds, text) => {
    expect(pt.duration(milliseconds).replaceAll("\u00a0", " ")).toBe(text);
  });

  it("counts minutes and seconds", () => {
    expect(pt.counter(48_000)).toBe("0:48");
    expect(pt.counter(725_000)).toBe("12:05");
  });
});

it("names zones by city and distance from UTC", () => {
  expect(pt.zoneName("America/Sao_Paulo", at("2026-11-24T12:00:00Z"))).toBe("São Paulo, UTC−3");
  expect(makeFormat("pt-BR", "Nowhere/Atlantis").time(at("2026-11-24T12:00:00Z"))).toMatch(/^\d\d:\d\d$/);
});
