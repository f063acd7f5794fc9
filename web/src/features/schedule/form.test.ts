import { expect, test } from "vitest";
import { isOvernight, type Rule } from "./day";
import { clockOf, hoursAWeek, isComplete, valuesOf } from "./form";

const rule: Rule = { startTime: "07:00", stopTime: "19:00", weekdays: [1, 2, 3, 4, 5], timeZone: "America/Sao_Paulo" };

test("hours as people write them", () => {
  const written = {
    "7": "07:00",
    "19": "19:00",
    "7h": "07:00",
    "7h30": "07:30",
    "7:30": "07:30",
    "730": "07:30",
    "1915": "19:15",
    " 8.00 ": "08:00",
  };
  for (const [text, clock] of Object.entries(written)) expect(clockOf(text)).toBe(clock);
  for (const wrong of ["25:00", "7:75", "cedo", ""]) expect(clockOf(wrong)).toBe(wrong.trim());
});

test("only a whole rule is sent", () => {
  expect(isComplete(rule)).toBe(true);
  expect(isComplete({ ...rule, weekdays: [] })).toBe(false);
  expect(isComplete({ ...rule, stopTime: "07:00" })).toBe(false);
  expect(isComplete({ ...rule, startTime: "7:" })).toBe(false);
  expect(isComplete({ ...rule, timeZone: "Mars/Olympus" })).toBe(false);
});

test("hours on in a week, also over midnight", () => {
  expect(hoursAWeek(rule)).toBe(60);
  const night = { ...rule, startTime: "22:00", stopTime: "04:00" };
  // Five nights of six hours; the one of Friday ends on Saturday.
  expect(hoursAWeek(night)).toBe(30);
  expect(hoursAWeek({ ...night, weekdays: [5] })).toBe(6);
  expect(hoursAWeek({ ...rule, startTime: "08:00", stopTime: "00:00", weekdays: [7] })).toBe(16);
  expect(isOvernight(night)).toBe(true);
  expect(isOvernight(rule)).toBe(false);
});

test("a new schedule begins with weekdays, the workspace's zone and the chosen machines", () => {
  expect(valuesOf(undefined, ["a"], "America/Manaus")).toMatchObject({
    name: "",
    weekdays: [1, 2, 3, 4, 5],
    timeZone: "America/Manaus",
    resourceIds: ["a"],
  });
});
