import { expect, test } from "vitest";
import { healthOf, outcomeOf, passes, type RunCounts, took } from "./health";

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

test("the filter tells schedules with a failure or a loss in the last ten from those without", () => {
  const good = Array.from({ length: 10 }, () => run());
  const lost = [run(), run({ doneCount: 0, missedCount: 14 })];
  const longAgo = [...good, run({ doneCount: 0, failedCount: 14 })];
  expect([good, lost, longAgo, []].map((runs) => passes(runs, ["bad"]))).toEqual([false, true, false, false]);
  expect([good, lost, longAgo, []].map((runs) => passes(runs, ["good"]))).toEqual([true, false, true, true]);
  expect([good, lost].map((runs) => passes(runs, []))).toEqual([true, true]);
  expect([good, lost].map((runs) => passes(runs, ["bad", "good"]))).toEqual([true, true]);
});
