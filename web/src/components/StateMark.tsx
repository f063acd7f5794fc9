import clsx from "clsx";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { OperationState, TargetState } from "@/gen/cloudhub/v1/operation_pb";
import { ResourceState } from "@/gen/cloudhub/v1/resource_pb";
import { Shape, type ShapeName } from "./Shape";
import "./state-mark.css";

export type Tone = "running" | "stopped" | "pending" | "failed" | "warning" | "ok" | "off";

export interface StateMarkProps {
  shape: ShapeName;
  tone: Tone;
  /** The word. It is never left out. */
  children: ReactNode;
  /** On its wash, for a heading; never in a row. */
  boxed?: boolean;
}

/** A state is always shape, word and colour, in this order of importance. */
export function StateMark({ shape, tone, children, boxed = false }: StateMarkProps) {
  return (
    <span className={clsx("mark", `mark-${tone}`, boxed && "mark-boxed")}>
      <Shape name={shape} />
      <span>{children}</span>
    </span>
  );
}

/** The mark of something that the contract names, with its word from the texts. */
export function NamedStateMark({ mark, boxed }: { mark: NamedMark; boxed?: boolean }) {
  const { t } = useTranslation("instance");
  return (
    <StateMark shape={mark.shape} tone={mark.tone} boxed={boxed ?? false}>
      {t(`mark.${mark.word}`)}
    </StateMark>
  );
}

export type MarkWord =
  | "running"
  | "stopped"
  | "starting"
  | "stopping"
  | "changing"
  | "gone"
  | "unknown"
  | "queued"
  | "working"
  | "done"
  | "partial"
  | "failed"
  | "missed"
  | "cancelled"
  | "taken"
  | "accepted"
  | "already"
  | "leftAlone"
  | "superseded"
  | "skipped";

export interface NamedMark {
  shape: ShapeName;
  tone: Tone;
  word: MarkWord;
}

const mark = (shape: ShapeName, tone: Tone, word: MarkWord): NamedMark => ({ shape, tone, word });

const unknown = mark("skip", "off", "unknown");

const ofResource: Partial<Record<ResourceState, NamedMark>> = {
  [ResourceState.RUNNING]: mark("running", "running", "running"),
  [ResourceState.STOPPED]: mark("stopped", "stopped", "stopped"),
  [ResourceState.STARTING]: mark("pending", "pending", "starting"),
  [ResourceState.STOPPING]: mark("pending", "pending", "stopping"),
  [ResourceState.GONE]: mark("missed", "off", "gone"),
};

export function resourceMark(state: ResourceState): NamedMark {
  return ofResource[state] ?? unknown;
}

const ofOperation: Partial<Record<OperationState, NamedMark>> = {
  [OperationState.QUEUED]: mark("wait", "off", "queued"),
  [OperationState.RUNNING]: mark("pending", "pending", "working"),
  [OperationState.SUCCEEDED]: mark("ok", "ok", "done"),
  [OperationState.PARTIAL]: mark("failed", "failed", "partial"),
  [OperationState.FAILED]: mark("failed", "failed", "failed"),
  [OperationState.MISSED]: mark("missed", "warning", "missed"),
  [OperationState.CANCELLED]: mark("missed", "off", "cancelled"),
  [OperationState.SKIPPED]: mark("skip", "off", "skipped"),
};

export function operationMark(state: OperationState): NamedMark {
  return ofOperation[state] ?? unknown;
}

const ofTarget: Partial<Record<TargetState, NamedMark>> = {
  [TargetState.PENDING]: mark("wait", "off", "queued"),
  [TargetState.TAKEN]: mark("pending", "pending", "taken"),
  [TargetState.ACCEPTED]: mark("pending", "pending", "accepted"),
  [TargetState.DONE]: mark("ok", "ok", "done"),
  [TargetState.ALREADY]: mark("skip", "off", "already"),
  [TargetState.LEFT_ALONE]: mark("skip", "off", "leftAlone"),
  [TargetState.FAILED]: mark("failed", "failed", "failed"),
  [TargetState.SUPERSEDED]: mark("skip", "off", "superseded"),
  [TargetState.MISSED]: mark("missed", "warning", "missed"),
};

export function targetMark(state: TargetState): NamedMark {
  return ofTarget[state] ?? unknown;
}
