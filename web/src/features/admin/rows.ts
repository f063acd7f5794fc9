import type { TFunction } from "i18next";
import type { ShapeName } from "@/components/Shape";
import type { Tone } from "@/components/StateMark";
import { type AgendaCount, AgendaLane, type AgendaRow, AgendaView } from "@/gen/cloudhub/v1/admin_pb";
import { toDate } from "@/lib/format";

export type RowKey = { orgId: string; kind: string; subject: string };

/** The row in the address: its three parts, each encoded. */
export function idOf(row: RowKey): string {
  return [row.orgId, row.kind, row.subject].map(encodeURIComponent).join("/");
}

export function keyOf(id: string): RowKey | undefined {
  try {
    const [orgId, kind, subject, ...more] = id.split("/").map(decodeURIComponent);
    return orgId && kind && subject && more.length === 0 ? { orgId, kind, subject } : undefined;
  } catch {
    return undefined;
  }
}

/** The tabs, as they stand in the address and in the texts. */
export const views = ["due", "late", "failing", "openTooLong", "parked", "all"] as const;
export type ViewName = (typeof views)[number];

export const viewOf: Record<ViewName, AgendaView> = {
  due: AgendaView.DUE,
  late: AgendaView.LATE,
  failing: AgendaView.FAILING,
  openTooLong: AgendaView.OPEN_TOO_LONG,
  parked: AgendaView.PARKED,
  all: AgendaView.ALL,
};

export function viewNamed(name: string): ViewName {
  return views.find((one) => one === name) ?? "due";
}

/** Those of internal/agenda, which a test there compares. */
export const kinds = [
  "power",
  "probe",
  "sync",
  "reseal",
  "calendar",
  "destination",
  "timetable",
  "sync-clock",
  "calendar-clock",
  "housekeeping",
] as const;
type Kind = (typeof kinds)[number];

/** A kind that this page does not know yet keeps its own name. */
export function kindName(kind: string, t: TFunction<"admin">): string {
  return kinds.some((one) => one === kind) ? t(`kind.${kind as Kind}`) : kind;
}

export const lanes = ["person", "minute", "background"] as const;
type LaneName = (typeof lanes)[number];

const laneNames: Partial<Record<AgendaLane, LaneName>> = {
  [AgendaLane.PERSON]: "person",
  [AgendaLane.MINUTE]: "minute",
  [AgendaLane.BACKGROUND]: "background",
};

export const laneOf: Record<LaneName, AgendaLane> = {
  person: AgendaLane.PERSON,
  minute: AgendaLane.MINUTE,
  background: AgendaLane.BACKGROUND,
};

export function laneName(lane: AgendaLane, t: TFunction<"admin">): string {
  const name = laneNames[lane];
  return name ? t(`lane.${name}`) : "–";
}

export type RowState = "parked" | "failing" | "openTooLong" | "late" | "inFlight" | "due" | "waits";

/** The worst that is true of it, as a person would say it. */
export function stateOf(row: AgendaRow, now: number): RowState {
  if (row.parkTime) return "parked";
  if (row.lastError !== "") return "failing";
  if (row.openTooLong) return "openTooLong";
  if (row.late) return "late";
  if (row.runId !== "") return "inFlight";
  return (toDate(row.dueTime)?.getTime() ?? 0) <= now ? "due" : "waits";
}

export const stateMarks: Record<RowState, { shape: ShapeName; tone: Tone }> = {
  parked: { shape: "held", tone: "warning" },
  failing: { shape: "failed", tone: "failed" },
  openTooLong: { shape: "warning", tone: "warning" },
  late: { shape: "warning", tone: "warning" },
  inFlight: { shape: "pending", tone: "pending" },
  due: { shape: "wait", tone: "off" },
  waits: { shape: "wait", tone: "off" },
};

const zero = { due: 0n, late: 0n, failing: 0n, openTooLong: 0n, parked: 0n, inFlight: 0n };
export type Totals = { [name in keyof typeof zero]: number };

export function totals(counts: readonly AgendaCount[]): Totals {
  const sum = { ...zero };
  for (const one of counts) {
    sum.due += one.dueCount;
    sum.late += one.lateCount;
    sum.failing += one.failingCount;
    sum.openTooLong += one.openTooLongCount;
    sum.parked += one.parkedCount;
    sum.inFlight += one.inFlightCount;
  }
  return {
    due: Number(sum.due),
    late: Number(sum.late),
    failing: Number(sum.failing),
    openTooLong: Number(sum.openTooLong),
    parked: Number(sum.parked),
    inFlight: Number(sum.inFlight),
  };
}

export function inFlightOf(counts: readonly AgendaCount[], lane: AgendaLane): number {
  return counts.reduce((sum, one) => sum + (one.lane === lane ? Number(one.inFlightCount) : 0), 0);
}

/** When the row that has been due for longest was due; undefined when none is. */
export function oldestOf(counts: readonly AgendaCount[]): Date | undefined {
  let oldest: Date | undefined;
  for (const one of counts) {
    const at = toDate(one.oldestDueTime);
    if (at && (!oldest || at < oldest)) oldest = at;
  }
  return oldest;
}
