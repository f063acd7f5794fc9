import { OperationState, OperationStep } from "@/gen/cloudhub/v1/operation_pb";

/** Full, moving stripes, hollow, red. */
export type TrackStep = "done" | "now" | "todo" | "failed";

/** The steps of an operation, in order: the segments of its track. */
export const OPERATION_STEPS = [
  OperationStep.QUEUED,
  OperationStep.DECIDING,
  OperationStep.ACTING,
  OperationStep.WATCHING,
] as const;

export interface OperationPosition {
  state: OperationState;
  step: OperationStep;
}

export function isAlive(state: OperationState): boolean {
  return state === OperationState.QUEUED || state === OperationState.RUNNING;
}

/** Where an operation is, from 1 to 4; 0 when the contract does not say. */
export function stepNumber({ state, step }: OperationPosition): number {
  if (state === OperationState.SUCCEEDED || step === OperationStep.DONE) return OPERATION_STEPS.length;
  return OPERATION_STEPS.indexOf(step as (typeof OPERATION_STEPS)[number]) + 1;
}

export function operationTrack(position: OperationPosition): TrackStep[] {
  const { state, step } = position;
  const all = OPERATION_STEPS.length;
  const at = stepNumber(position);
  return OPERATION_STEPS.map((_, i) => {
    const n = i + 1;
    switch (state) {
      case OperationState.SUCCEEDED:
        return "done";
      case OperationState.FAILED:
      case OperationState.PARTIAL:
      case OperationState.CANCELLED:
      case OperationState.MISSED: {
        // An operation that got to its end broke in what it was watching.
        const broke = step === OperationStep.DONE ? all : Math.max(at, 1);
        if (n < broke) return "done";
        return n === broke ? "failed" : "todo";
      }
      default:
        if (step === OperationStep.DONE || n < at) return "done";
        // Queued is not at work yet: nothing moves.
        return n === at && state === OperationState.RUNNING ? "now" : "todo";
    }
  });
}
