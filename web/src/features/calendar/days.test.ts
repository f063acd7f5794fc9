import { expect, test } from "vitest";
import { readDays, writeDays } from "./days";
import { yearsToRead } from "./queries";

test("days as people paste them: both ways to write a date, any separator, in order, each once", () => {
  const text = [
    "2026-12-31 Véspera de Ano-Novo",
    "",
    "24/12/2026; Véspera",
    "2026-1-2",
    "2026-12-24, Véspera de Natal",
    "  2026-11-30\tPonte  ",
  ].join("\r\n");
  expect(readDays(text)).toEqual({
    days: [
      { date: "2026-01-02", name: "" },
      { date: "2026-11-30", name: "Ponte" },
      { date: "2026-12-24", name: "Véspera de Natal" },
      { date: "2026-12-31", name: "Véspera de Ano-Novo" },
    ],
    wrong: [],
  });
});

test("what is no day is told by its line", () => {
  const { days, wrong } = readDays("Natal\n2026-02-30 nada\n2026-12-25 Natal\n2026-12-251 x");
  expect(days).toEqual([{ date: "2026-12-25", name: "Natal" }]);
  expect(wrong.map((one) => one.line)).toEqual([1, 2, 4]);
});

test("what is written reads back the same", () => {
  const days = [
    { date: "2026-12-24", name: "Véspera" },
    { date: "2027-01-02", name: "" },
  ];
  expect(readDays(writeDays(days)).days).toEqual(days);
});

test("every year is read at most once, those nearest to now first", () => {
  const groups = yearsToRead(2026);
  expect(groups[0]).toEqual([2025, 2026, 2027, 2028, 2029, 2030]);
  const all = groups.flat();
  expect(new Set(all).size).toBe(all.length);
  expect([Math.min(...all), Math.max(...all)]).toEqual([1970, 2100]);
});
