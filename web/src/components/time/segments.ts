/**
 * What a ruler draws: stretches of one day, in minutes of its wall clock.
 * Solid is what was, hollow what will be, dashed what will not be (or was not),
 * hatched what should not be.
 */
export type SegmentKind = "was" | "will" | "wont" | "wrong";

export interface Segment {
  /** 0 to 1440. */
  from: number;
  to: number;
  kind: SegmentKind;
}

/** Joins neighbours of one kind and drops what has no length. */
export function joined(segments: Segment[]): Segment[] {
  const out: Segment[] = [];
  for (const s of segments) {
    if (s.to <= s.from) continue;
    const last = out.at(-1);
    if (last && last.kind === s.kind && last.to === s.from) last.to = s.to;
    else out.push({ ...s });
  }
  return out;
}
