import type { ReactNode } from "react";
import { CopyButton } from "@/components/CopyButton";

/** Text to read and to copy; `copies` is what is copied when it is not what is shown. */
export function CodeBlock({
  label,
  text,
  copies = text,
  copyLabel,
  aside,
  lang,
}: {
  /** Names the block for those who do not see it. */
  label: string;
  text: string;
  copies?: string;
  copyLabel: string;
  aside?: ReactNode;
  lang?: string;
}) {
  return (
    <div className="wh-code">
      <div className="wh-code-head">
        <span className="min-w-0 text-12 text-fg-2">{aside}</span>
        <CopyButton value={copies} label={copyLabel} text={copyLabel} />
      </div>
      <div className="well">
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and the keyboard must reach what scrolls. */}
        <pre tabIndex={0} role="region" aria-label={label} lang={lang}>
          {text}
        </pre>
      </div>
    </div>
  );
}
