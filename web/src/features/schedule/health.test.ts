import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { RunExceptionSchema, ScheduleHealth, ScheduleSchema } from "@/gen/cloudhub/v1/schedule_pb";
import { HEALTH_WORDS, healthOf, healthWord, outcomeOf, passes, pausedLast, type RunCounts, took } from "./health";

const run = (over: Partial<RunCounts> = {}): RunCounts => ({
  targetCount: 14,
  doneCount: 14,
  leftAloneCount: 0,
  failedCount: 0,
  missedCount: 0,
  ended: true,
  ...over,
});

test("how a run went", () => {
  expect(outcomeOf(run())).toBe("ok");
  expect(outcomeOf(run({ doneCount: 13, failedCount: 1 }))).toBe("partial");
  expect(outcomeOf(run({ doneCount: 13, missedCount: 1 }))).toBe("partial");
  expect(outcomeOf(run({ doneCount: 0, failedCount: 14 }))).toBe("failed");
  expect(outcomeOf(run({ doneCount: 0, missedCount: 14 }))).toBe("missed");
  expect(outcomeOf(run({ doneCount: 0, leftAloneCount: 14 }))).toBe("nothing");
  expect(outcomeOf(run({ doneCount: 3, ended: false }))).toBe("live");
});

test("left alone is not a failure", () => {
  expect(outcomeOf(run({ doneCount: 12, leftAloneCount: 2 }))).toBe("ok");
  expect(took(run({ doneCount: 0, leftAloneCount: 14 }))).toBe(false);
  expect(took(run({ doneCount: 13, failedCount: 1 }))).toBe(true);
});

test("bars run from the oldest to the newest, empty places first", () => {
  const health = healthOf([run({ doneCount: 0, missedCount: 14 }), run(), run({ doneCount: 13, failedCount: 1 })]);
  expect(health.bars).toHaveLength(10);
  expect(health.bars.slice(6)).toEqual([undefined, "partial", "ok", "missed"]);
  expect(health).toMatchObject({ ended: 3, good: 1, partial: 1, missed: 1, failed: 0 });
});

test("a run at work is not counted as right or wrong", () => {
  expect(healthOf([run({ ended: false }), run()])).toMatchObject({ ended: 1, good: 1 });
});

test("a run that was left out is neither right nor wrong, and changed nothing", () => {
  const skipped = run({ targetCount: 0, doneCount: 0, exception: create(RunExceptionSchema, {}) });
  expect(outcomeOf(skipped)).toBe("left");
  expect(took(skipped)).toBe(false);
  expect(healthOf([skipped, run()])).toMatchObject({ ended: 1, good: 1, failed: 0, missed: 0 });
  expect(healthOf([skipped]).bars.at(-1)).toBe("left");
});

test("the filter lets through what it names, and everything while it names nothing", () => {
  const { FAILING, OK, PAUSED } = ScheduleHealth;
  expect([FAILING, OK, PAUSED].map((h) => passes(h, ["failing", "paused"]))).toEqual([true, false, true]);
  expect([FAILING, OK, PAUSED].map((h) => passes(h, []))).toEqual([true, true, true]);
});

test("every health of the contract has a word of its own", () => {
  const all = Object.values(ScheduleHealth).filter(
    (h): h is ScheduleHealth => typeof h === "number" && h !== ScheduleHealth.UNSPECIFIED,
  );
  expect([...new Set(all.map(healthWord))].sort()).toEqual([...HEALTH_WORDS].sort());
});

test("the paused ones come last, the others keep their order", () => {
  const named = (name: string, health: ScheduleHealth) => create(ScheduleSchema, { name, health });
  const rows = [
    named("a", ScheduleHealth.PAUSED),
    named("b", ScheduleHealth.OK),
    named("c", ScheduleHealth.PAUSED),
    named("d", ScheduleHealth.FAILING),
  ];
  expect(pausedLast(rows).map((s) => s.name)).toEqual(["b", "d", "a", "c"]);
});
