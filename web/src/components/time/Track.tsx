import clsx from "clsx";
import type { ReactNode } from "react";
import { Shape } from "../Shape";
import "./time.css";
import type { TrackStep } from "./track";

export interface TrackProps {
  steps: TrackStep[];
  /** "passo 3 de 4, em andamento". */
  label: string;
  /** 56 px in a row, the full width elsewhere. */
  full?: boolean;
}

/** One segment per step of a long action. */
export function Track({ steps, label, full = false }: TrackProps) {
  return (
    <span className={clsx("track", full && "track-full")} role="img" aria-label={label}>
      {steps.map((step, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: steps have no name of their own and never change places.
        <i key={i} data-step={step} />
      ))}
    </span>
  );
}

export interface TimelineStep {
  id: string;
  step: TrackStep;
  title: ReactNode;
  detail?: ReactNode;
  at?: ReactNode;
}

/** The same steps upright, with what each did and when. */
export function Timeline({ steps, label }: { steps: TimelineStep[]; label: string }) {
  return (
    <ol className="timeline" aria-label={label}>
      {steps.map((s) => (
        <li key={s.id} data-step={s.step} aria-current={s.step === "now" ? "step" : undefined}>
          <TimelinePoint step={s.step} />
          <div className="timeline-what">
            {s.title} {s.detail !== undefined && <span className="timeline-detail">{s.detail}</span>}
          </div>
          <span className="timeline-at">{s.at}</span>
        </li>
      ))}
    </ol>
  );
}

const points = { done: "ok", now: "pending", failed: "failed" } as const;

function TimelinePoint({ step }: { step: TrackStep }) {
  return step === "todo" ? <span className="timeline-todo" aria-hidden="true" /> : <Shape name={points[step]} />;
}
