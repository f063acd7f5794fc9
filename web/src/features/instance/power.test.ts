import { expect, test } from "vitest";
import { LeftAloneReason, ResourceState } from "@/gen/cloudhub/v1/resource_pb";
import { hindrance, powerPlan, statesOf } from "./power";

const machine = (
  name: string,
  over: { state?: ResourceState; leftAlone?: LeftAloneReason; protected?: boolean; actAnyway?: boolean } = {},
) => ({
  id: name,
  name,
  state: ResourceState.RUNNING,
  leftAlone: LeftAloneReason.UNSPECIFIED,
  protected: false,
  actAnyway: false,
  ...over,
});

test("stopping acts on what is on, and leaves alone what must be left alone", () => {
  const plan = powerPlan(
    [
      machine("web"),
      machine("off", { state: ResourceState.STOPPED }),
      machine("asg", { leftAlone: LeftAloneReason.AUTO_SCALING }),
      machine("db", { protected: true }),
      machine("booting", { state: ResourceState.STARTING }),
      machine("gone", { state: ResourceState.GONE }),
    ],
    "stop",
  );
  expect(plan.act.map((m) => m.name)).toEqual(["web", "booting"]);
  expect(plan.already.map((m) => m.name)).toEqual(["off", "gone"]);
  expect(plan.leftAlone.map((l) => [l.machine.name, l.reason])).toEqual([
    ["asg", "AUTO_SCALING"],
    ["db", "PROTECTED"],
  ]);
});

test("a machine whose state was not read may be told either", () => {
  const unknown = machine("x", { state: ResourceState.UNKNOWN });
  expect(powerPlan([unknown], "start").act).toHaveLength(1);
  expect(powerPlan([unknown], "stop").act).toHaveLength(1);
});

test("a button says why it does not work, the person's own reason first", () => {
  const asg = machine("asg", { leftAlone: LeftAloneReason.AUTO_SCALING });
  expect(hindrance(asg, "stop", false)).toEqual({ kind: "permission" });
  expect(hindrance(asg, "stop", true)).toEqual({ kind: "leftAlone", reason: "AUTO_SCALING" });
  expect(hindrance(machine("web"), "start", true)).toEqual({ kind: "already" });
  expect(hindrance(machine("web"), "stop", true)).toBeUndefined();
});

test("the states of a selection, most frequent first", () => {
  const states = statesOf([machine("a", { state: ResourceState.STOPPED }), machine("b"), machine("c")]);
  expect(states).toEqual([
    { state: ResourceState.RUNNING, count: 2 },
    { state: ResourceState.STOPPED, count: 1 },
  ]);
});
