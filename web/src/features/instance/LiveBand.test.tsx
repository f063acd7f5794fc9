import { create } from "@bufbuild/protobuf";
import { render, screen } from "@testing-library/react";
import { expect, test } from "vitest";
import { OperationSchema, OperationState, OperationStep } from "@/gen/cloudhub/v1/operation_pb";
import { ResourceSchema } from "@/gen/cloudhub/v1/resource_pb";
import { LiveBand } from "./LiveBand";

test("an operation that is held says so and why, and not that it met an error", async () => {
  const operation = create(OperationSchema, {
    id: "o1",
    state: OperationState.RUNNING,
    step: OperationStep.ACTING,
    targetCount: 1,
    targetOffCount: 1,
    lastError: "PARKED",
    lastErrorDetail: "a AWS está fora do ar",
  });
  render(<LiveBand operation={operation} resource={create(ResourceSchema, { operationId: "o1" })} />);
  expect(await screen.findByText(/Nossa equipe de operações segurou isto/)).toBeTruthy();
  expect(screen.getByText("a AWS está fora do ar")).toBeTruthy();
  expect(screen.queryByText(/Último erro/)).toBeNull();
});
