import { type KeyboardEvent, type Ref, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Icon } from "@/components/Icon";

const DAYS = Array.from({ length: 31 }, (_, i) => i + 1);
const WIDTH = 7;
const MOVES: Record<string, number> = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: WIDTH, ArrowUp: -WIDTH };

export interface MonthDaysProps {
  value: number[];
  onChange: (next: number[]) => void;
  skipShort: boolean;
  onSkipShort: (skip: boolean) => void;
  focusRef?: Ref<HTMLButtonElement>;
}

/** The days of a month in rows of seven; arrows move among them. Which months are too short is asked when it matters. */
export function MonthDays({ value, onChange, skipShort, onSkipShort, focusRef }: MonthDaysProps) {
  const { t } = useTranslation("schedule");
  const grid = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState(value[0] ?? 1);
  const onKeyDown = (event: KeyboardEvent) => {
    const move = MOVES[event.key];
    if (!move) return;
    event.preventDefault();
    const next = Math.min(31, Math.max(1, at + move));
    setAt(next);
    grid.current?.querySelectorAll("button")[next - 1]?.focus();
  };
  const long = value.filter((d) => d > 28);
  return (
    <div className="grid gap-2">
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the buttons in it take the focus; it only moves it. */}
      <div className="month" ref={grid} onKeyDown={onKeyDown}>
        {DAYS.map((d) => {
          const on = value.includes(d);
          return (
            <button
              key={d}
              type="button"
              ref={d === at ? focusRef : undefined}
              tabIndex={d === at ? 0 : -1}
              aria-pressed={on}
              aria-label={t("month.day", { day: d })}
              onFocus={() => setAt(d)}
              onClick={() => onChange(on ? value.filter((x) => x !== d) : [...value, d].sort((a, b) => a - b))}
            >
              {d}
            </button>
          );
        })}
      </div>
      {long.length > 0 && (
        <label className="grid gap-1">
          <span className="text-12 text-fg-2">{t("month.short", { day: long.at(-1) })}</span>
          {/* Not the control of the field around it, which is the grid. */}
          <span className="sel block">
            <select
              className="in"
              value={skipShort ? "skip" : "last"}
              onChange={(event) => onSkipShort(event.target.value === "skip")}
            >
              <option value="last">{t("month.shortLast")}</option>
              <option value="skip">{t("month.shortSkip")}</option>
            </select>
            <Icon name="down" />
          </span>
        </label>
      )}
    </div>
  );
}
