import type { Attempt } from "@/gen/cloudhub/v1/webhook_pb";

export type Phase = "dns" | "connect" | "tls" | "wait" | "read";

export interface Span {
  phase: Phase;
  /** Microseconds from the beginning of the attempt. */
  from: number;
  to: number;
  /** It did not come to its end: the attempt broke here. */
  broken: boolean;
}

/**
 * An attempt as spans that follow one another. A moment that was not reached,
 * or that an open connection did not need, has none. Where there was no answer,
 * the rest belongs to the step that was not reached.
 */
export function spansOf(attempt: Attempt): Span[] {
  const total = Number(attempt.totalUs);
  const marks: Array<[Phase, number]> = [
    ["dns", Number(attempt.dnsUs)],
    ["connect", Number(attempt.connectUs)],
    ["tls", Number(attempt.tlsUs)],
    ["wait", Number(attempt.firstByteUs)],
  ];
  const spans: Span[] = [];
  let at = 0;
  for (const [phase, end] of marks) {
    if (end <= 0) continue;
    spans.push({ phase, from: at, to: Math.max(at, end), broken: false });
    at = Math.max(at, end);
  }
  if (total > at || spans.length === 0) {
    const answered = attempt.firstByteUs > 0n;
    spans.push({ phase: answered ? "read" : nextPhase(attempt), from: at, to: Math.max(at, total), broken: !answered });
  }
  return spans;
}

/** The step at which an attempt without an answer stood. */
function nextPhase(attempt: Attempt): Phase {
  const secure = !attempt.url.startsWith("http://");
  if (attempt.tlsUs > 0n || (attempt.connectUs > 0n && !secure)) return "wait";
  if (attempt.connectUs > 0n) return "tls";
  // An address that is written in figures asks no name service.
  if (attempt.dnsUs > 0n || attempt.address !== "") return "connect";
  return "dns";
}

/** The connection was open already. */
export function isReused(attempt: Attempt): boolean {
  return attempt.firstByteUs > 0n && attempt.connectUs === 0n && attempt.tlsUs === 0n;
}

/** "38 ms", "1,4 s", "640 µs". */
export function microText(us: number, language: string): string {
  const [value, unit] = us < 1_000 ? [us, "µs"] : us < 1_000_000 ? [us / 1_000, "ms"] : [us / 1_000_000, "s"];
  const digits = value >= 100 || unit === "µs" ? 0 : 1;
  return `${new Intl.NumberFormat(language, { maximumFractionDigits: digits }).format(value)}\u00a0${unit}`;
}
