import { expect, test } from "vitest";
import { OperationState, OperationStep } from "@/gen/cloudhub/v1/operation_pb";
import { operationTrack, stepNumber } from "./track";

const { QUEUED, RUNNING, SUCCEEDED, FAILED, PARTIAL } = OperationState;

test("queued: nothing moves yet", () => {
  expect(operationTrack({ state: QUEUED, step: OperationStep.QUEUED })).toEqual(["todo", "todo", "todo", "todo"]);
});

test("at work: full, moving, hollow", () => {
  const watching = { state: RUNNING, step: OperationStep.ACTING };
  expect(operationTrack(watching)).toEqual(["done", "done", "now", "todo"]);
  expect(stepNumber(watching)).toBe(3);
});

test("at its end: all full, or red where it broke", () => {
  expect(operationTrack({ state: SUCCEEDED, step: OperationStep.DONE })).toEqual(["done", "done", "done", "done"]);
  expect(operationTrack({ state: FAILED, step: OperationStep.ACTING })).toEqual(["done", "done", "failed", "todo"]);
  expect(operationTrack({ state: PARTIAL, step: OperationStep.DONE })).toEqual(["done", "done", "done", "failed"]);
});
