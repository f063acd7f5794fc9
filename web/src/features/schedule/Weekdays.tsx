import type { Ref } from "react";
import { useTranslation } from "react-i18next";
import { WEEK } from "./words";

/** Seven toggles; S T Q Q S S D, each with its whole name. */
export function WeekdayToggles({
  value,
  onChange,
  focusRef,
}: {
  value: number[];
  onChange: (next: number[]) => void;
  focusRef?: Ref<HTMLButtonElement>;
}) {
  const { t } = useTranslation("schedule");
  return (
    <span className="days">
      {WEEK.map((d) => {
        const on = value.includes(d);
        return (
          <button
            key={d}
            type="button"
            ref={d === 1 ? focusRef : undefined}
            aria-pressed={on}
            aria-label={t(`weekday.long.${d}`)}
            title={t(`weekday.long.${d}`)}
            onClick={() => onChange(on ? value.filter((x) => x !== d) : [...value, d].sort((a, b) => a - b))}
          >
            {t(`weekday.short.${d}`)}
          </button>
        );
      })}
    </span>
  );
}

/** The days of a schedule below its ruler; said in words elsewhere. */
export function WeekdayLetters({ weekdays }: { weekdays: number[] }) {
  const { t } = useTranslation("schedule");
  return (
    <span className="day-letters" aria-hidden="true">
      {WEEK.map((d) => (
        <i key={d} className={weekdays.includes(d) ? "y" : undefined}>
          {t(`weekday.short.${d}`)}
        </i>
      ))}
    </span>
  );
}
