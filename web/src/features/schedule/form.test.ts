import { expect, test } from "vitest";
import { ShortMonth } from "@/gen/cloudhub/v1/schedule_pb";
import { isOvernight, type Rule } from "./day";
import {
  clockOf,
  daysOf,
  hoursAWeek,
  isComplete,
  isSelective,
  NO_SELECTOR,
  ruleOfValues,
  selectorOf,
  valuesOf,
} from "./form";
import { toContract } from "./rule";
import { withTag } from "./TagFields";

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

test("one half alone is whole, and what the form keeps of the other is not sent", () => {
  const values = valuesOf(undefined, ["a"], "America/Manaus");
  expect(ruleOfValues({ ...values, kind: "stop" })).toMatchObject({ startTime: "", stopTime: "19:00" });
  expect(isComplete(ruleOfValues({ ...values, kind: "start", stopTime: "7:" }))).toBe(true);
  expect(isComplete(ruleOfValues({ ...values, kind: "stop", stopTime: "7:" }))).toBe(false);
});

test("weekdays or days of the month are sent, never both", () => {
  const values = valuesOf(undefined, ["a"], "America/Manaus");
  const month = ruleOfValues({ ...values, days: "month", monthDays: [31, 1] });
  expect(toContract(month)).toMatchObject({ weekdays: [], monthDays: [1, 31], shortMonth: ShortMonth.LAST_DAY });
  expect(toContract({ ...month, skipShort: true }).shortMonth).toBe(ShortMonth.SKIP);
  const week = ruleOfValues({ ...values, days: "workdays", monthDays: [31, 1] });
  expect(toContract(week)).toMatchObject({
    weekdays: [1, 2, 3, 4, 5],
    monthDays: [],
    shortMonth: ShortMonth.UNSPECIFIED,
  });
  expect(isComplete(ruleOfValues({ ...values, days: "month", monthDays: [] }))).toBe(false);
});

test("the preset that weekdays are", () => {
  expect(daysOf([7, 6, 5, 4, 3, 2, 1])).toBe("daily");
  expect(daysOf([1, 2, 3, 4, 5])).toBe("workdays");
  expect(daysOf([7, 6])).toBe("weekend");
  expect(daysOf([1, 3])).toBe("weekdays");
  expect(daysOf([])).toBe("weekdays");
});

test("a selector needs a part besides accounts and regions; every machine takes the others out", () => {
  expect(isSelective(NO_SELECTOR)).toBe(false);
  expect(isSelective({ ...NO_SELECTOR, regions: ["sa-east-1"], namePrefix: "  " })).toBe(false);
  expect(isSelective({ ...NO_SELECTOR, namePrefix: "web-" })).toBe(true);
  const both = { ...NO_SELECTOR, everything: true, namePrefix: "web-", tags: [{ key: "a", values: [] }] };
  expect(selectorOf(both)).toMatchObject({ everything: true, namePrefix: "", tags: [] });
});

test("a tag that is named again takes one more value; without a value any will do", () => {
  const one = withTag([], " time ", "dados");
  expect(one).toEqual([{ key: "time", values: ["dados"] }]);
  const two = withTag(one, "time", "ia");
  expect(two).toEqual([{ key: "time", values: ["dados", "ia"] }]);
  expect(withTag(two, "time", "ia")).toBe(two);
  expect(withTag(two, "time", "")).toEqual([{ key: "time", values: [] }]);
  expect(withTag(two, " ", "x")).toBe(two);
});
