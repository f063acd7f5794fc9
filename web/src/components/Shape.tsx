import clsx from "clsx";

/**
 * The shapes of states, 12 px, filled with the current colour. A shape never
 * stands alone: a word goes with it (StateMark), or a label does.
 */
export type ShapeName =
  | "running"
  | "stopped"
  | "pending"
  | "failed"
  | "warning"
  | "ok"
  | "skip"
  | "missed"
  | "held"
  | "wait";

const line = { stroke: "currentColor", strokeLinecap: "round", strokeLinejoin: "round" } as const;

export function Shape({ name, className }: { name: ShapeName; className?: string }) {
  return (
    <svg className={clsx("sh", name === "pending" && "spin", className)} viewBox="0 0 12 12" aria-hidden="true">
      {draw(name)}
    </svg>
  );
}

function draw(name: ShapeName) {
  switch (name) {
    case "running":
      return <circle cx="6" cy="6" r="4.25" fill="currentColor" />;
    case "stopped":
      return <rect x="2.25" y="2.25" width="7.5" height="7.5" rx=".75" {...line} strokeWidth="1.5" />;
    case "pending":
      return <circle cx="6" cy="6" r="4" stroke="currentColor" strokeWidth="1.5" strokeDasharray="4.2 2.08" />;
    case "failed":
      return <path d="M6 .9 11.1 6 6 11.1.9 6z" fill="currentColor" />;
    case "warning":
      return (
        <>
          <path d="M6 1.6 11 10.4H1z" {...line} strokeWidth="1.5" />
          <path d="M6 4.8v2.4M6 8.7v.1" {...line} strokeWidth="1.4" />
        </>
      );
    case "ok":
      return <path d="m2 6.4 2.7 2.8L10 3.2" {...line} strokeWidth="1.75" />;
    case "skip":
      return <path d="M2.5 6h7" {...line} strokeWidth="1.75" />;
    case "missed":
      return <path d="M3 3l6 6M9 3 3 9" {...line} strokeWidth="1.6" />;
    case "held":
      return <path d="M4 2.5v7M8 2.5v7" {...line} strokeWidth="2" />;
    case "wait":
      return (
        <>
          <circle cx="6" cy="6" r="4.25" stroke="currentColor" strokeWidth="1.5" />
          <path d="M6 3.8V6l1.5 1" {...line} strokeWidth="1.3" />
        </>
      );
  }
}
