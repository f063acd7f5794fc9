import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { RunExceptionKind, RunExceptionSchema } from "@/gen/cloudhub/v1/schedule_pb";
import { type ComingRun, comingDays, previewLines } from "./preview";

const zone = "America/Sao_Paulo";
const now = new Date("2026-11-24T20:00:00-03:00");
const at = (iso: string, on: boolean, moved = false): ComingRun => ({ time: new Date(`${iso}:00-03:00`), on, moved });

function office(days: string[]): ComingRun[] {
  return days.flatMap((d) => [at(`${d}T08:00`, true), at(`${d}T18:00`, false)]);
}

test("each day carries its times and a hollow stretch", () => {
  const [day] = comingDays(office(["2026-11-25"]), zone, now, 30);
  expect(day?.civil).toEqual({ year: 2026, month: 11, day: 25 });
  expect(day?.events.map((e) => e.minute)).toEqual([480, 1080]);
  expect(day?.segments).toEqual([{ from: 480, to: 1080, kind: "will" }]);
});

test("a stop that comes first means that machines are on since now", () => {
  const runs = [at("2026-11-24T22:00", false), at("2026-11-25T08:00", true)];
  const [today] = comingDays(runs, zone, now, 30);
  expect(today?.segments).toEqual([{ from: 1200, to: 1320, kind: "will" }]);
});

test("over midnight both days are drawn, and days on all through are not left out", () => {
  const runs = [at("2026-11-27T22:00", true), at("2026-11-30T06:00", false)];
  const days = comingDays(runs, zone, now, 30);
  expect(days.map((d) => [d.civil.day, d.segments[0]])).toEqual([
    [27, { from: 1320, to: 1440, kind: "will" }],
    [28, { from: 0, to: 1440, kind: "will" }],
    [29, { from: 0, to: 1440, kind: "will" }],
    [30, { from: 0, to: 360, kind: "will" }],
  ]);
});

test("a night of Friday ends on Saturday, and the weekend is left out", () => {
  const runs = [
    at("2026-11-27T22:00", true),
    at("2026-11-28T04:00", false),
    at("2026-11-30T22:00", true),
    at("2026-12-01T04:00", false),
  ];
  expect(comingDays(runs, zone, now, 30).map((d) => [d.civil.day, d.segments])).toEqual([
    [27, [{ from: 1320, to: 1440, kind: "will" }]],
    [28, [{ from: 0, to: 240, kind: "will" }]],
    [30, [{ from: 1320, to: 1440, kind: "will" }]],
    [1, [{ from: 0, to: 240, kind: "will" }]],
  ]);
});

test("equal days are told once, a moved one never hides among them", () => {
  const dates = ["25", "26", "27", "28", "29", "30"].map((d) => `2026-11-${d}`);
  const runs = office(dates);
  expect(previewLines(comingDays(runs, zone, now, 30))).toMatchObject([
    { kind: "day" },
    { kind: "day" },
    { kind: "same", count: 4, until: { day: 30 } },
  ]);
  const moved = runs.map((r, i) => (i === 6 ? { ...r, moved: true } : r));
  const kinds = previewLines(comingDays(moved, zone, now, 30)).map((l) => l.kind);
  expect(kinds).toEqual(["day", "day", "day", "day", "day", "day"]);
});

test("a last day that the limit cut is left out", () => {
  const runs = office(["2026-11-25", "2026-11-26"]).slice(0, 3);
  expect(comingDays(runs, zone, now, 3).map((d) => d.civil.day)).toEqual([25]);
  expect(comingDays(runs, zone, now, 30).map((d) => d.civil.day)).toEqual([25, 26]);
});

test("a long pattern is cut after nine lines, and says how far it goes", () => {
  const nights = [24, 25, 26, 27, 30].map((d) => `2026-11-${d}`);
  const runs = nights.flatMap((day) => [at(`${day}T22:00`, true), at(`${day}T23:00`, false)]);
  const odd = runs.map((r, i) =>
    Math.floor(i / 2) % 2 === 0 ? r : { ...r, time: new Date(r.time.getTime() + 60_000) },
  );
  const later = [0, 7, 14].flatMap((days) =>
    odd.map((r) => ({ ...r, time: new Date(r.time.getTime() + days * 86_400_000) })),
  );
  const lines = previewLines(comingDays(later, zone, now, 100));
  expect(lines.slice(0, 9).every((l) => l.kind === "day")).toBe(true);
  expect(lines.slice(9)).toMatchObject([{ kind: "more", count: 6, until: { month: 12, day: 14 } }]);
});

const natal = create(RunExceptionSchema, { kind: RunExceptionKind.HOLIDAY, text: "Natal" });

test("a day that is left out is dashed, and leaves the day after as it was", () => {
  const runs = office(["2026-12-24", "2026-12-25", "2026-12-28"]).map((r, i) =>
    i === 2 || i === 3 ? { ...r, exception: natal } : r,
  );
  const days = comingDays(runs, zone, now, 30);
  expect(days.map((d) => d.segments)).toEqual([
    [{ from: 480, to: 1080, kind: "will" }],
    [{ from: 480, to: 1080, kind: "wont" }],
    [{ from: 480, to: 1080, kind: "will" }],
  ]);
  expect(days[1]?.events.every((e) => e.exception === natal)).toBe(true);
});

test("a stop that is left out lets machines run on, all through the days between", () => {
  const runs = [
    at("2026-11-27T08:00", true),
    { ...at("2026-11-27T18:00", false), exception: natal },
    at("2026-11-30T08:00", true),
    at("2026-11-30T18:00", false),
  ];
  expect(comingDays(runs, zone, now, 30).map((d) => [d.civil.day, d.segments])).toEqual([
    [27, [{ from: 480, to: 1440, kind: "will" }]],
    [28, [{ from: 0, to: 1440, kind: "will" }]],
    [29, [{ from: 0, to: 1440, kind: "will" }]],
    [30, [{ from: 0, to: 1080, kind: "will" }]],
  ]);
});

test("an exception never hides among equal days, nor behind the cut", () => {
  const dates = Array.from({ length: 15 }, (_, i) => `2026-12-${String(i + 1).padStart(2, "0")}`);
  const runs = office(dates).map((r, i) => (i === 24 || i === 25 ? { ...r, exception: natal } : r));
  const lines = previewLines(comingDays(runs, zone, now, 100));
  const told = lines.filter((l) => l.kind === "day" && l.day.events.some((e) => e.exception));
  expect(told).toMatchObject([{ day: { civil: { day: 13 } } }]);
});

test("of one that only starts nothing is drawn between, and no day is cut off", () => {
  const runs = ["2026-11-25", "2026-11-26", "2026-11-29"].map((d) => at(`${d}T08:00`, true));
  const days = comingDays(runs, zone, now, 3);
  expect(days.map((d) => d.civil.day)).toEqual([25, 26, 29]);
  expect(days.every((d) => d.segments.length === 0)).toBe(true);
});
