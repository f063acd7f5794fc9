import clsx from "clsx";
import type { CSSProperties } from "react";
import type { Segment } from "./segments";
import { MINUTES_A_DAY } from "./wall";
import "./time.css";

const LONG = [0, 6, 12, 18, 24].map((h) => `M${h} 0V16`).join("");
const SHORT = Array.from({ length: 24 }, (_, h) => h)
  .filter((h) => h % 6 !== 0)
  .map((h) => `M${h} 10V16`)
  .join("");

const percent = (minute: number) => `${((minute / MINUTES_A_DAY) * 100).toFixed(2)}%`;

export interface RulerProps {
  segments: Segment[];
  /** Minute of the wall clock at which the petrol line stands. */
  now?: number;
  /** A start or a stop of which nothing after is known. */
  point?: { at: number; on: boolean };
  /** What the drawing says, for those who do not see it. */
  label: string;
  className?: string;
}

/** A day drawn to scale: 24 ticks for 24 hours. */
export function Ruler({ segments, now, point, label, className }: RulerProps) {
  return (
    <span className={clsx("ruler", className)} role="img" aria-label={label}>
      <svg className="ruler-ticks" viewBox="0 0 24 16" preserveAspectRatio="none" aria-hidden="true">
        <path d={LONG + SHORT} vectorEffect="non-scaling-stroke" shapeRendering="crispEdges" />
      </svg>
      {segments.map((s) => (
        <i
          key={`${s.kind}${s.from}`}
          className="ruler-on"
          data-kind={s.kind}
          style={{ "--a": percent(s.from), "--z": percent(s.to) } as CSSProperties}
        />
      ))}
      {point && <i className="ruler-point" data-on={point.on} style={{ "--a": percent(point.at) } as CSSProperties} />}
      {now !== undefined && <i className="ruler-now" style={{ "--a": percent(now) } as CSSProperties} />}
    </span>
  );
}

/** The hours above a column of rulers. */
export function RulerHours() {
  return (
    <span className="ruler-hours" aria-hidden="true">
      {[0, 6, 12, 18, 24].map((h) => (
        <i key={h} style={{ "--a": percent(h * 60) } as CSSProperties}>
          {String(h).padStart(2, "0")}
        </i>
      ))}
    </span>
  );
}
