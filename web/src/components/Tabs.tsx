import type { ReactNode } from "react";
import { useFormat } from "@/lib/format";

/** The states of a list with their counts, as a filter. */
export function Tabs<Value extends string>({
  label,
  value,
  options,
  onChange,
}: {
  label: string;
  value: Value;
  options: ReadonlyArray<{ value: Value; label: ReactNode; mark?: ReactNode; count?: number | undefined }>;
  onChange: (value: Value) => void;
}) {
  const format = useFormat();
  return (
    <div className="tabs" role="group" aria-label={label}>
      {options.map((option) => (
        <button
          key={option.value}
          type="button"
          aria-pressed={option.value === value}
          onClick={() => onChange(option.value)}
        >
          {option.mark}
          {option.label}
          {option.count !== undefined && <span className="n">{format.number(option.count)}</span>}
        </button>
      ))}
    </div>
  );
}
