import { LeftAloneReason, type Resource, ResourceState } from "@/gen/cloudhub/v1/resource_pb";

export type Power = "start" | "stop";

type Machine = Pick<Resource, "id" | "name" | "state" | "leftAlone" | "protected" | "actAnyway">;

/** What a person may lift, machine by machine, so that schedules act on it all the same. */
export const LIFTABLE: readonly LeftAloneReason[] = [
  LeftAloneReason.AUTO_SCALING,
  LeftAloneReason.SPOT,
  LeftAloneReason.INSTANCE_STORE,
];

/** The reason, as the error registry names it, why a machine is left alone; "" when it is not, or when a person has lifted it. */
export function leftAloneReason(machine: Pick<Resource, "leftAlone" | "protected" | "actAnyway">): string {
  const lifted = machine.actAnyway && LIFTABLE.includes(machine.leftAlone);
  if (machine.leftAlone !== LeftAloneReason.UNSPECIFIED && !lifted) return LeftAloneReason[machine.leftAlone] ?? "";
  return machine.protected ? "PROTECTED" : "";
}

const ALREADY: Record<Power, ResourceState[]> = {
  start: [ResourceState.RUNNING, ResourceState.STARTING],
  stop: [ResourceState.STOPPED, ResourceState.STOPPING],
};

export interface PowerPlan<M> {
  /** Those that the request names. */
  act: M[];
  /** Those that are, or are becoming, what is asked for. */
  already: M[];
  leftAlone: { machine: M; reason: string }[];
}

/** What a change of power would do to each of the chosen machines. */
export function powerPlan<M extends Machine>(machines: M[], power: Power): PowerPlan<M> {
  const plan: PowerPlan<M> = { act: [], already: [], leftAlone: [] };
  for (const machine of machines) {
    const reason = leftAloneReason(machine);
    if (ALREADY[power].includes(machine.state) || machine.state === ResourceState.GONE) plan.already.push(machine);
    else if (reason !== "") plan.leftAlone.push({ machine, reason });
    else plan.act.push(machine);
  }
  return plan;
}

/** Why one machine cannot be started or stopped now; undefined when it can. */
export type Hindrance =
  | { kind: "permission" }
  | { kind: "already" }
  | { kind: "gone" }
  | { kind: "leftAlone"; reason: string };

export function hindrance(machine: Machine, power: Power, allowed: boolean): Hindrance | undefined {
  if (!allowed) return { kind: "permission" };
  if (machine.state === ResourceState.GONE) return { kind: "gone" };
  const reason = leftAloneReason(machine);
  if (reason !== "") return { kind: "leftAlone", reason };
  if (ALREADY[power].includes(machine.state)) return { kind: "already" };
  return undefined;
}

/** The states in a selection, the most frequent first. */
export function statesOf(machines: Pick<Resource, "state">[]): { state: ResourceState; count: number }[] {
  const counts = new Map<ResourceState, number>();
  for (const { state } of machines) counts.set(state, (counts.get(state) ?? 0) + 1);
  return [...counts].map(([state, count]) => ({ state, count })).sort((a, b) => b.count - a.count);
}
