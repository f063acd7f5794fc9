import { describe, expect, test } from "vitest";
import {
  eventAfter,
  eventsOn,
  kindOf,
  onAtMidnight,
  plannedOn,
  pointOf,
  type Rule,
  today,
  todayOfMachine,
} from "./day";

const zone = "America/Sao_Paulo";
const weekdays = [1, 2, 3, 4, 5];
const office: Rule = { startTime: "07:00", stopTime: "19:00", weekdays, timeZone: zone };
const night: Rule = { startTime: "22:00", stopTime: "04:00", weekdays, timeZone: zone };

/** A day of the week of 23 November 2026, by its weekday. */
const on = (weekday: number) => ({ year: 2026, month: 11, day: 22 + weekday });

// Tuesday 24 November 2026; São Paulo is three hours behind UTC.
const tuesday = (clock: string) => new Date(`2026-11-24T${clock}:00-03:00`);
const run = (at: string, on: boolean, took = true) => ({ due: new Date(`${at}:00-03:00`), on, took });

describe("days of the month", () => {
  const closing: Rule = { ...office, weekdays: [], monthDays: [1, 31] };
  const day = (month: number, d: number) => ({ year: 2026, month, day: d });

  test("the last day stands for one that the month does not have, or nothing does", () => {
    expect(eventsOn(closing, day(10, 31))).toHaveLength(2);
    expect(eventsOn(closing, day(11, 30))).toHaveLength(2);
    expect(eventsOn(closing, day(2, 28))).toHaveLength(2);
    expect(eventsOn({ ...closing, skipShort: true }, day(11, 30))).toEqual([]);
    expect(eventsOn(closing, day(10, 30))).toEqual([]);
  });

  test("a night that begins on the last day ends on the first", () => {
    const night31 = { ...closing, startTime: "22:00", stopTime: "04:00", monthDays: [31] };
    expect(eventsOn(night31, day(12, 1))).toEqual([{ minute: 240, on: false }]);
    expect(onAtMidnight(night31, day(12, 1))).toBe(true);
    expect(onAtMidnight(night31, day(12, 2))).toBe(false);
  });

  test("the event after may be two months away", () => {
    const only31 = { ...closing, monthDays: [31], skipShort: true };
    expect(eventAfter(only31, { ...day(1, 31), minute: 1200 })).toEqual({ days: 59, minute: 420, on: true });
  });
});

describe("one half alone", () => {
  test("only a start, only a stop: one event a day, no stretch, a point", () => {
    const start = { ...office, stopTime: "" };
    const stop = { ...office, startTime: "" };
    expect(kindOf(start)).toBe("start");
    expect(kindOf(stop)).toBe("stop");
    expect(eventsOn(start, on(2))).toEqual([{ minute: 420, on: true }]);
    expect(eventsOn(stop, on(2))).toEqual([{ minute: 1140, on: false }]);
    expect(eventsOn(stop, on(7))).toEqual([]);
    expect(plannedOn(start, on(2))).toEqual([]);
    expect(today(start, [run("2026-11-24T07:00", true)], tuesday("14:32"))).toEqual([]);
    expect(pointOf(start)).toEqual({ at: 420, on: true });
    expect(pointOf(stop)).toEqual({ at: 1140, on: false });
    expect(pointOf(office)).toBeUndefined();
  });

  test("what is left out today is dashed", () => {
    expect(today(office, [run("2026-11-24T07:00", true)], tuesday("14:32"), true)).toEqual([
      { from: 420, to: 872, kind: "was" },
      { from: 872, to: 1140, kind: "wont" },
    ]);
  });
});

describe("what a rule plans", () => {
  test("a day shift is on between its two times", () => {
    expect(plannedOn(office, on(2))).toEqual([{ from: 420, to: 1140 }]);
    expect(plannedOn(office, on(7))).toEqual([]);
  });

  test("a night shift opens the day on and closes it on", () => {
    expect(plannedOn(night, on(3))).toEqual([
      { from: 0, to: 240 },
      { from: 1320, to: 1440 },
    ]);
  });

  test("the night of Friday ends on Saturday, and the weekend stays off", () => {
    expect(eventsOn(night, on(6))).toEqual([{ minute: 240, on: false }]);
    expect(plannedOn(night, on(6))).toEqual([{ from: 0, to: 240 }]);
    expect(plannedOn(night, on(7))).toEqual([]);
    expect(onAtMidnight(night, on(1))).toBe(false);
    expect(plannedOn(night, on(1))).toEqual([{ from: 1320, to: 1440 }]);
  });

  test("the night of Sunday ends on Monday", () => {
    expect(eventsOn({ ...night, weekdays: [7] }, on(1))).toEqual([{ minute: 240, on: false }]);
  });

  test("a stop at midnight ends nothing on the day before", () => {
    expect(plannedOn({ ...office, startTime: "08:00", stopTime: "00:00" }, on(2))).toEqual([{ from: 480, to: 1440 }]);
  });

  test("a rule that is still being written plans nothing", () => {
    expect(eventsOn({ ...office, startTime: "7" }, on(2))).toEqual([]);
    expect(eventsOn({ ...office, stopTime: "07:00" }, on(2))).toEqual([]);
  });

  test("the event after: later today, tomorrow, after the weekend", () => {
    expect(eventAfter(office, { ...on(2), minute: 600 })).toEqual({ days: 0, minute: 1140, on: false });
    expect(eventAfter(office, { ...on(2), minute: 1140 })).toEqual({ days: 1, minute: 420, on: true });
    expect(eventAfter(office, { ...on(5), minute: 1140 })).toEqual({ days: 3, minute: 420, on: true });
    expect(eventAfter(night, { ...on(5), minute: 1320 })).toEqual({ days: 1, minute: 240, on: false });
    expect(eventAfter(night, { ...on(6), minute: 240 })).toEqual({ days: 2, minute: 1320, on: true });
    expect(eventAfter({ ...office, weekdays: [2] }, { ...on(2), minute: 1200 })).toEqual({
      days: 7,
      minute: 420,
      on: true,
    });
  });
});

describe("today on the ruler", () => {
  const asUsual = [run("2026-11-23T19:00", false), run("2026-11-24T07:00", true)];

  test("solid until now, hollow until the stop", () => {
    expect(today(office, asUsual, tuesday("14:30"))).toEqual([
      { from: 420, to: 870, kind: "was" },
      { from: 870, to: 1140, kind: "will" },
    ]);
  });

  test("before the start all is to come, after the stop all has been", () => {
    expect(today(office, [run("2026-11-23T19:00", false)], tuesday("05:00"))).toEqual([
      { from: 420, to: 1140, kind: "will" },
    ]);
    expect(today(office, [...asUsual, run("2026-11-24T19:00", false)], tuesday("21:00"))).toEqual([
      { from: 420, to: 1140, kind: "was" },
    ]);
  });

  test("over midnight: solid from 00:00, hollow again at night", () => {
    const runs = [run("2026-11-23T22:00", true), run("2026-11-24T04:00", false)];
    expect(today(night, runs, tuesday("14:30"))).toEqual([
      { from: 0, to: 240, kind: "was" },
      { from: 1320, to: 1440, kind: "will" },
    ]);
  });

  test("on the day after its last night it has only the stop", () => {
    const saturday = new Date("2026-11-28T02:00:00-03:00");
    expect(today(night, [run("2026-11-27T22:00", true)], saturday)).toEqual([
      { from: 0, to: 120, kind: "was" },
      { from: 120, to: 240, kind: "will" },
    ]);
  });

  test("a lost start is dashed, and stays so until the stop", () => {
    const runs = [run("2026-11-23T19:00", false), run("2026-11-24T07:00", true, false)];
    expect(today(office, runs, tuesday("14:30"))).toEqual([{ from: 420, to: 1140, kind: "wont" }]);
  });

  test("a lost stop is hatched: on, and should not be", () => {
    const runs = [run("2026-11-23T07:00", true), run("2026-11-23T19:00", false, false)];
    expect(today(office, runs, tuesday("05:00"))).toEqual([
      { from: 0, to: 300, kind: "wrong" },
      { from: 420, to: 1140, kind: "will" },
    ]);
  });

  test("a start that is lost after a lost stop finds the machines on", () => {
    const runs = [run("2026-11-23T19:00", false, false), run("2026-11-24T07:00", true, false)];
    expect(today(office, runs, tuesday("14:30"))).toEqual([
      { from: 0, to: 420, kind: "wrong" },
      { from: 420, to: 870, kind: "was" },
      { from: 870, to: 1140, kind: "will" },
    ]);
  });

  test("made within its own window, it does not claim what it did not do", () => {
    expect(today(office, [], tuesday("12:00"))).toEqual([{ from: 720, to: 1140, kind: "wont" }]);
  });

  test("a day off shows the usual window dashed", () => {
    expect(today({ ...office, weekdays: [6, 7] }, [run("2026-11-22T19:00", false)], tuesday("14:30"))).toEqual([
      { from: 420, to: 1140, kind: "wont" },
    ]);
  });

  test("the zone of the rule decides which day it is", () => {
    // 01:30 UTC on Wednesday is still Tuesday 22:30 in São Paulo.
    const segments = today(night, [run("2026-11-24T22:00", true)], new Date("2026-11-25T01:30:00Z"));
    expect(segments).toEqual([
      { from: 1320, to: 1350, kind: "was" },
      { from: 1350, to: 1440, kind: "will" },
    ]);
  });

  test("on a day of daylight saving the day still begins at its midnight", () => {
    // Lisbon, 28 March 2027: 01:00 becomes 02:00.
    const lisbon: Rule = { startTime: "00:30", stopTime: "20:00", weekdays: [7], timeZone: "Europe/Lisbon" };
    const due = new Date("2027-03-28T00:30:00Z");
    expect(today(lisbon, [{ due, on: true, took: true }], new Date("2027-03-28T09:00:00Z"))).toEqual([
      { from: 30, to: 600, kind: "was" },
      { from: 600, to: 1200, kind: "will" },
    ]);
  });

  test("a machine that is off already has nothing to come", () => {
    expect(todayOfMachine(office, asUsual, tuesday("14:30"), true)).toEqual([
      { from: 420, to: 870, kind: "was" },
      { from: 870, to: 1140, kind: "wont" },
    ]);
  });
});
