import { create } from "@bufbuild/protobuf";
import { type Destination, type DestinationSpec, DestinationSpecSchema } from "@/gen/cloudhub/v1/webhook_pb";
import { type ChannelWord, channelWord, type OrderingWord, orderingOf, orderingWord } from "./words";

export interface HeaderValues {
  name: string;
  value: string;
  secret: boolean;
}

export type Locale = "pt-BR" | "en";

export interface Values {
  channel: ChannelWord;
  name: string;
  description: string;
  url: string;
  headers: HeaderValues[];
  ed25519: boolean;
  /** One a line, or with commas. */
  recipients: string;
  chatUrl: string;
  locale: Locale;
  /** "all" of them, or those of `events`. */
  which: "all" | "some";
  events: string[];
  ordering: OrderingWord;
  /** Deliveries a second; "" is no limit. */
  rate: string;
}

export const MOST_HEADERS = 20;
export const MOST_RECIPIENTS = 20;
export const MOST_RATE = 1000;

export function valuesOf(destination: Destination | undefined, channel: ChannelWord, language: string): Values {
  const config = destination?.config;
  const webhook = config?.case === "webhook" ? config.value : undefined;
  const locale = config?.case === undefined || config.case === "webhook" ? language : config.value.locale;
  return {
    channel: destination ? channelWord(destination.channel) : channel,
    name: destination?.name ?? "",
    description: destination?.description ?? "",
    url: webhook?.url ?? "",
    headers: webhook?.headers.map(({ name, value, secret }) => ({ name, value, secret })) ?? [],
    ed25519: webhook?.ed25519 ?? false,
    recipients: config?.case === "email" ? config.value.recipients.join("\n") : "",
    chatUrl: "",
    locale: locale === "en" ? "en" : "pt-BR",
    which: !destination || destination.events.length === 0 ? "all" : "some",
    events: [...(destination?.events ?? [])],
    ordering: orderingWord(destination?.ordering ?? 0),
    rate: destination && destination.ratePerSecond > 0 ? String(destination.ratePerSecond) : "",
  };
}

/** Addresses as written, without what stands between them. */
export function recipientsOf(text: string): string[] {
  return [...new Set(text.split(/[\s,;]+/).filter(Boolean))];
}

/** A secret header that the server has keeps its value when none is written. */
export function isKept(header: HeaderValues, destination: Destination | undefined): boolean {
  const config = destination?.config;
  if (config?.case !== "webhook" || !header.secret || header.value !== "") return false;
  return config.value.headers.some((one) => one.secret && one.name.toLowerCase() === header.name.trim().toLowerCase());
}

export type HeaderProblem = "name" | "own" | "twice" | "value";

export function headerProblem(
  header: HeaderValues,
  all: readonly HeaderValues[],
  destination: Destination | undefined,
): HeaderProblem | undefined {
  const name = header.name.trim().toLowerCase();
  if (!/^[!#$%&'*+.^_`|~0-9a-z-]{1,100}$/.test(name)) return "name";
  if (/^(webhook-|x-cloudhub-)/.test(name)) return "own";
  if (all.filter((one) => one.name.trim().toLowerCase() === name).length > 1) return "twice";
  if (!/^[\x20-\x7e]*$/.test(header.value)) return "value";
  return header.value === "" && !isKept(header, destination) ? "value" : undefined;
}

/** What a webhook's address lacks; undefined when it may be sent. Addresses of this machine are for a server that is tried out. */
export function addressProblem(text: string): "none" | "https" | undefined {
  if (text.trim() === "") return "none";
  try {
    const { protocol, hostname } = new URL(text.trim());
    if (protocol === "https:") return undefined;
    return protocol === "http:" && /^(localhost|127\.|\[::1\])/.test(hostname) ? undefined : "https";
  } catch {
    return "https";
  }
}

export function specOf(v: Values): DestinationSpec {
  return create(DestinationSpecSchema, {
    name: v.name.trim(),
    description: v.description.trim(),
    config: configOf(v),
    events: v.which === "all" ? [] : v.events,
    ordering: orderingOf(v.ordering),
    ratePerSecond: v.rate.trim() === "" ? 0 : Number(v.rate),
  });
}

function configOf(v: Values) {
  const chat = { url: v.chatUrl.trim(), locale: v.locale };
  switch (v.channel) {
    case "webhook":
      return {
        case: "webhook" as const,
        value: {
          url: v.url.trim(),
          headers: v.headers.map((one) => ({ ...one, name: one.name.trim() })),
          ed25519: v.ed25519,
        },
      };
    case "email":
      return { case: "email" as const, value: { recipients: recipientsOf(v.recipients), locale: v.locale } };
    case "slack":
      return { case: "slack" as const, value: chat };
    case "teams":
      return { case: "teams" as const, value: chat };
  }
}
