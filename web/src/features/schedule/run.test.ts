import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "vitest";
import { OperationSchema, type OperationTargetSchema, TargetState } from "@/gen/cloudhub/v1/operation_pb";
import { countsOf, scaleOf, stretchOf, targetsOf } from "./run";

const clock = (time: string) => new Date(`2026-11-23T${time}-03:00`);
const at = (time: string) => timestampFromDate(clock(time));

type Target = MessageInitShape<typeof OperationTargetSchema>;

function operation(targets: Target[], more: MessageInitShape<typeof OperationSchema> = {}) {
  return create(OperationSchema, {
    dueTime: at("19:00:00"),
    actBefore: at("19:10:00"),
    endTime: at("19:06:42"),
    targets,
    ...more,
  });
}

describe("the targets of a run", () => {
  test("are those of its schedule alone, the failed ones first", () => {
    const both = operation([
      { scheduleId: "a", resourceName: "b", state: TargetState.DONE },
      { scheduleId: "a", resourceName: "a", state: TargetState.DONE },
      { scheduleId: "other", resourceName: "0", state: TargetState.FAILED },
      { scheduleId: "a", resourceName: "z", state: TargetState.FAILED },
    ]);
    expect(targetsOf(both, "a").map((target) => target.resourceName)).toEqual(["z", "a", "b"]);
    expect(countsOf(targetsOf(both, "a"))).toMatchObject({ done: 2, failed: 1, open: 0 });
  });
});

describe("the scale", () => {
  test("goes from the minute of the timetable to the end of its window", () => {
    const run = operation([{ state: TargetState.DONE, endTime: at("19:06:40") }]);
    const scale = scaleOf(run, run.targets, clock("21:00:00").getTime());
    expect(scale).toEqual({ from: clock("19:00:00"), to: clock("19:10:00"), limit: 1 });
  });

  test("grows with what ran beyond the window, and says where that ended", () => {
    const run = operation([{ state: TargetState.DONE, endTime: at("19:20:00") }]);
    expect(scaleOf(run, run.targets, 0)).toEqual({ from: clock("19:00:00"), to: clock("19:20:00"), limit: 0.5 });
  });

  test("of a run at work reaches until now, not beyond the window before that", () => {
    const { endTime: _, ...open } = operation([]);
    const run = create(OperationSchema, { dueTime: open.dueTime, actBefore: open.actBefore });
    expect(scaleOf(run, [], clock("19:04:00").getTime())?.to).toEqual(clock("19:10:00"));
    expect(scaleOf(run, [], clock("19:30:00").getTime())?.to).toEqual(clock("19:30:00"));
  });
});

describe("the bar of a machine", () => {
  const scale = { from: clock("19:00:00"), to: clock("19:10:00"), limit: 1 };
  const bar = (target: Target, now = "19:05:00") => {
    const [one] = operation([target]).targets;
    return one && stretchOf(one, scale, clock(now).getTime());
  };

  test("goes from the provider's yes to the wanted state", () => {
    const done = { state: TargetState.DONE, acceptTime: at("19:01:00"), endTime: at("19:03:00") };
    expect(bar(done)).toEqual({ from: 0.1, to: 0.3, kind: "done" });
  });

  test("grows until now while the wanted state is not seen", () => {
    expect(bar({ state: TargetState.ACCEPTED, acceptTime: at("19:01:00") })).toEqual({
      from: 0.1,
      to: 0.5,
      kind: "open",
    });
  });

  test("of one that was refused is the moment of its end", () => {
    expect(bar({ state: TargetState.FAILED, endTime: at("19:02:00") })).toEqual({ from: 0.2, to: 0.2, kind: "failed" });
  });

  test("is not there when nothing was asked", () => {
    expect(bar({ state: TargetState.ALREADY, endTime: at("19:00:02") })).toBeUndefined();
  });
});
