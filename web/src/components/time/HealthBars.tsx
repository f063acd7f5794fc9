import "./time.css";

export type HealthBar = "ok" | "partial" | "failed" | "missed" | "nothing" | "live" | "left" | undefined;

/** The last runs, the newest at the right; a place without a run is a low line. */
export function HealthBars({ bars, label }: { bars: HealthBar[]; label: string }) {
  return (
    <span className="health" role="img" aria-label={label}>
      {bars.map((bar, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a bar is its place in the row of ten.
        <i key={i} data-bar={bar ?? "none"} />
      ))}
    </span>
  );
}
