import { expect, test } from "vitest";
import { addDays, clockOfMinute, daysBetween, instantOf, knownZone, minuteOf, wallIn, weekdayOf } from "./wall";

test("the wall clock of a zone, across the date line of midnight", () => {
  const at = new Date("2026-11-25T02:15:00Z");
  expect(wallIn("America/Sao_Paulo", at)).toEqual({ year: 2026, month: 11, day: 24, weekday: 2, minute: 1395 });
  expect(wallIn("Asia/Tokyo", at)).toMatchObject({ day: 25, weekday: 3, minute: 675 });
  expect(wallIn("America/Sao_Paulo", new Date("2026-11-25T03:00:00Z"))).toMatchObject({ day: 25, minute: 0 });
});

test("days of the calendar", () => {
  expect(addDays({ year: 2026, month: 12, day: 31 }, 1)).toEqual({ year: 2027, month: 1, day: 1 });
  expect(daysBetween({ year: 2026, month: 2, day: 28 }, { year: 2026, month: 3, day: 1 })).toBe(1);
  expect(weekdayOf({ year: 2026, month: 11, day: 22 })).toBe(7);
});

test("times of the day", () => {
  expect(minuteOf("07:05")).toBe(425);
  expect(minuteOf("24:00")).toBeUndefined();
  expect(minuteOf("7:05")).toBeUndefined();
  expect(clockOfMinute(425)).toBe("07:05");
  expect(knownZone("America/Sao_Paulo")).toBe(true);
  expect(knownZone("America/Sao_Paolo")).toBe(false);
});

test("an instant from its wall: usual, and jumped over", () => {
  const iso = (day: number, minute: number, zone: string) =>
    instantOf({ year: 2027, month: 3, day }, minute, zone).toISOString().slice(0, 16);
  expect(iso(28, 420, "America/Sao_Paulo")).toBe("2027-03-28T10:00");
  expect(iso(28, 1410, "Asia/Tokyo")).toBe("2027-03-28T14:30");
  // Lisbon jumps from 01:00 to 02:00: 01:30 is not there.
  expect(iso(28, 90, "Europe/Lisbon")).toBe("2027-03-28T01:30");
  expect(iso(28, 150, "Europe/Lisbon")).toBe("2027-03-28T01:30");
  expect(iso(29, 90, "Europe/Lisbon")).toBe("2027-03-29T00:30");
});
