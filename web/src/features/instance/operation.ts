import type { MarkWord, NamedMark } from "@/components/StateMark";
import { operationMark, resourceMark } from "@/components/StateMark";
import { isAlive } from "@/components/time/track";
import { type Operation, OperationState, OperationStep } from "@/gen/cloudhub/v1/operation_pb";
import type { Resource } from "@/gen/cloudhub/v1/resource_pb";

export type Direction = "start" | "stop" | "both";

export function directionOf(operation: Pick<Operation, "targetOnCount" | "targetOffCount">): Direction {
  if (operation.targetOffCount === 0) return "start";
  return operation.targetOnCount === 0 ? "stop" : "both";
}

/** The detail of these reasons is what our operators wrote, and stands in their text; no provider said it. */
export function isOurs(reason: string): boolean {
  return reason === "OPERATOR_ENDED" || reason === "EXPIRED_PARKED";
}

const moving: Record<Direction, MarkWord> = { start: "starting", stop: "stopping", both: "changing" };

/** What a row says: the operation that holds the machine, else the state last seen. */
export function rowMark(
  resource: Pick<Resource, "state" | "operationId">,
  operation: Operation | undefined,
): NamedMark {
  if (resource.operationId === "") return resourceMark(resource.state);
  if (!operation) return { shape: "pending", tone: "pending", word: "changing" };
  if (!isAlive(operation.state)) return resourceMark(resource.state);
  if (operation.state === OperationState.QUEUED) return operationMark(operation.state);
  return { shape: "pending", tone: "pending", word: moving[directionOf(operation)] };
}

export type StepWord = "queued" | "deciding" | "acting" | "watching";

const steps: Partial<Record<OperationStep, StepWord>> = {
  [OperationStep.QUEUED]: "queued",
  [OperationStep.DECIDING]: "deciding",
  [OperationStep.ACTING]: "acting",
  [OperationStep.WATCHING]: "watching",
};

export function stepWord(step: OperationStep): StepWord {
  return steps[step] ?? "queued";
}

export const STEP_WORDS: StepWord[] = ["queued", "deciding", "acting", "watching"];
