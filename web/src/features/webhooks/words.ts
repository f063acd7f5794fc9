import type { TFunction } from "i18next";
import type { ShapeName } from "@/components/Shape";
import type { Tone } from "@/components/StateMark";
import { Channel, DeliveryState, DestinationHealth, Ordering } from "@/gen/cloudhub/v1/webhook_pb";
import type { Format } from "@/lib/format";

export type Words = TFunction<"webhook">;

interface Mark<Word> {
  word: Word;
  shape: ShapeName;
  tone: Tone;
}

export type HealthWord = "healthy" | "failing" | "cooling" | "paused" | "disabled";

const healthy: Mark<HealthWord> = { word: "healthy", shape: "ok", tone: "ok" };
const healths: Partial<Record<DestinationHealth, Mark<HealthWord>>> = {
  [DestinationHealth.FAILING]: { word: "failing", shape: "warning", tone: "warning" },
  [DestinationHealth.COOLING]: { word: "cooling", shape: "wait", tone: "warning" },
  [DestinationHealth.PAUSED]: { word: "paused", shape: "held", tone: "off" },
  [DestinationHealth.DISABLED]: { word: "disabled", shape: "failed", tone: "failed" },
};

export function healthMark(health: DestinationHealth): Mark<HealthWord> {
  return healths[health] ?? healthy;
}

/** Nothing is sent to it now. */
export function isStopped(health: DestinationHealth): boolean {
  return health === DestinationHealth.PAUSED || health === DestinationHealth.DISABLED;
}

export const STATE_WORDS = ["waiting", "retrying", "delivered", "exhausted", "held"] as const;
export type StateWord = (typeof STATE_WORDS)[number];

const states: Record<StateWord, Mark<StateWord> & { state: DeliveryState }> = {
  waiting: { word: "waiting", shape: "pending", tone: "pending", state: DeliveryState.WAITING },
  retrying: { word: "retrying", shape: "wait", tone: "warning", state: DeliveryState.RETRYING },
  delivered: { word: "delivered", shape: "ok", tone: "ok", state: DeliveryState.DELIVERED },
  exhausted: { word: "exhausted", shape: "failed", tone: "failed", state: DeliveryState.EXHAUSTED },
  held: { word: "held", shape: "held", tone: "off", state: DeliveryState.HELD },
};

export function stateMark(state: DeliveryState): Mark<StateWord> {
  return Object.values(states).find((one) => one.state === state) ?? states.waiting;
}

export function stateOfWord(word: StateWord): DeliveryState {
  return states[word].state;
}

/** It ended or is held: only such a one is sent again. */
export function canReplay(state: DeliveryState): boolean {
  return [DeliveryState.DELIVERED, DeliveryState.EXHAUSTED, DeliveryState.HELD].includes(state);
}

export const CHANNEL_WORDS = ["webhook", "email", "slack", "teams"] as const;
export type ChannelWord = (typeof CHANNEL_WORDS)[number];

const channels: Record<ChannelWord, Channel> = {
  webhook: Channel.WEBHOOK,
  email: Channel.EMAIL,
  slack: Channel.SLACK,
  teams: Channel.TEAMS,
};

export function channelWord(channel: Channel): ChannelWord {
  return CHANNEL_WORDS.find((word) => channels[word] === channel) ?? "webhook";
}

export function channelOf(word: ChannelWord): Channel {
  return channels[word];
}

export const ORDERING_WORDS = ["none", "resource", "strict"] as const;
export type OrderingWord = (typeof ORDERING_WORDS)[number];

export function orderingWord(ordering: Ordering): OrderingWord {
  if (ordering === Ordering.STRICT) return "strict";
  return ordering === Ordering.RESOURCE ? "resource" : "none";
}

export function orderingOf(word: OrderingWord): Ordering {
  return { none: Ordering.NONE, resource: Ordering.RESOURCE, strict: Ordering.STRICT }[word];
}

/** Types that this page knows words for; another shows its name alone. */
const types = [
  "resource.started",
  "resource.stopped",
  "resource.failed",
  "schedule.executed",
  "schedule.missed",
  "alert.triggered",
  "budget.threshold_crossed",
  "anomaly.detected",
  "finops.scan.completed",
  "finops.recommendation.applied",
  "finops.recommendation.undone",
  "billing.paid",
  "billing.refunded",
  "org.member.added",
  "webhook.test",
] as const;

type Underscored<Name extends string> = Name extends `${infer Head}.${infer Rest}`
  ? `${Head}_${Underscored<Rest>}`
  : Name;

/** When an event of a type is sent; "" for one that this page does not know yet. */
export function typeText(name: string, t: Words): string {
  const known = types.find((one) => one === name);
  if (!known) return "";
  return t(`type.${known.replaceAll(".", "_") as Underscored<typeof known>}`);
}

const groups = ["resource", "schedule", "alert", "budget", "anomaly", "finops", "billing", "org", "webhook"] as const;

/** What types that begin with a word are about. */
export function groupText(word: string, t: Words): string {
  const known = groups.find((one) => one === word);
  return known ? t(`group.${known}`) : word;
}

/** The types by their first word, in the order that they come. */
export function grouped<Type extends { name: string }>(all: readonly Type[]): Array<[string, Type[]]> {
  const found = new Map<string, Type[]>();
  for (const one of all) {
    const word = one.name.split(".")[0] ?? one.name;
    found.set(word, [...(found.get(word) ?? []), one]);
  }
  return [...found];
}

/** The server counts so many and no more. */
const MOST_COUNTED = 10_000;

export function countText(count: number, format: Format): string {
  return count >= MOST_COUNTED ? `${format.number(MOST_COUNTED)}+` : format.number(count);
}
