import { expect, test } from "vitest";
import { firstHold, type HoldUntil, untilOf } from "./hold";

const zone = "America/Sao_Paulo";
const now = new Date("2026-11-24T14:32:10-03:00").getTime();
const at = (date: string, time: string): HoldUntil => ({ preset: "at", date, time });
const iso = (value: ReturnType<typeof untilOf>) => (value instanceof Date ? value.toISOString() : value);

test("a form opens with a day, and with tomorrow at this hour for another choice", () => {
  expect(firstHold(zone, now)).toEqual({ preset: "day", date: "2026-11-25", time: "14:32" });
});

test("a day and a week end at the same hour on the wall", () => {
  const first = firstHold(zone, now);
  expect(iso(untilOf(first, zone, now))).toBe("2026-11-25T17:32:00.000Z");
  expect(iso(untilOf({ ...first, preset: "week" }, zone, now))).toBe("2026-12-01T17:32:00.000Z");
  // Daylight saving ends on 25 October 2026 in Berlin: the day has twenty-five hours.
  const berlin = new Date("2026-10-24T18:00:00+02:00").getTime();
  expect(iso(untilOf(firstHold("Europe/Berlin", berlin), "Europe/Berlin", berlin))).toBe("2026-10-25T17:00:00.000Z");
});

test("a chosen time is of the workspace's zone, ahead of now and within a year", () => {
  expect(iso(untilOf(at("2026-11-30", "18:00"), zone, now))).toBe("2026-11-30T21:00:00.000Z");
  expect(untilOf(at("2026-11-24", "14:32"), zone, now)).toBe("past");
  expect(untilOf(at("2028-01-01", "00:00"), zone, now)).toBe("far");
  for (const wrong of [at("", "18:00"), at("2026-11-31", "18:00"), at("2026-11-30", "25:00")]) {
    expect(untilOf(wrong, zone, now)).toBeUndefined();
  }
});
