import { useTranslation } from "react-i18next";

/**
 * A day drawn to scale: one bar each fifteen minutes, solid before now, hollow
 * after. An ornament with fixed, invented figures: nothing of any customer is
 * shown to somebody who has not signed in, and a screen reader passes it by.
 */
const bars = [
  74, 24, 10, 9, 20, 16, 11, 21, 63, 16, 19, 18, 22, 9, 12, 20, 19, 5, 19, 14, 82, 22, 87, 15, 84, 19, 198, 17, 454,
  114, 262, 11, 367, 81, 127, 11, 108, 10, 25, 16, 20, 23, 5, 10, 16, 15, 13, 8, 84, 49, 12, 12, 19, 24, 15, 8, 13, 10,
  12, 13, 11, 16, 18, 9, 24, 14, 23, 18, 18, 15, 15, 19, 175, 13, 230, 10, 427, 108, 171, 13, 151, 23, 6, 22, 6, 13, 7,
  6, 146, 9, 78, 7, 58, 17, 7, 24,
];
const step = 8.6;
const scale = 485.7 / 454;
/** 14:32, in quarters of an hour from midnight. */
const now = 58.13;
const hours = [0, 3, 6, 9, 12, 15, 18, 21, 24];

export function DayArt() {
  const { t } = useTranslation("auth");
  const ticks = Array.from({ length: 97 }, (_, quarter) => {
    const from = quarter % 4 === 0 ? -14 : quarter % 2 === 0 ? -8 : -5;
    return `M${from} ${(quarter * step).toFixed(1)}H0`;
  }).join("");
  const label = (quarter: number, text: string) => (
    <text x={(bars[quarter] ?? 0) * scale + 10} y={quarter * step + 8.3}>
      {text}
    </text>
  );
  return (
    <div className="day" aria-hidden="true">
      <p className="day-head">
        <b>{t("day.title")}</b>
        <span>{t("day.note")}</span>
      </p>
      <svg className="art" viewBox="-64 -6 640 837.6">
        <path className="tk" d={ticks} />
        {hours.map((hour) => (
          <text key={hour} className="h" x="-22" y={hour * 4 * step + 4} textAnchor="end">
            {String(hour).padStart(2, "0")}
          </text>
        ))}
        {bars.map((bar, quarter) => {
          const done = quarter < now - 0.5;
          return (
            <path
              // biome-ignore lint/suspicious/noArrayIndexKey: the place is the time.
              key={quarter}
              className={done ? "dn" : "nx"}
              d={`M${done ? 0 : 0.5} ${(quarter * step + 1.8).toFixed(1)}h${(bar * scale).toFixed(1)}v5h-${(bar * scale).toFixed(1)}z`}
            />
          );
        })}
        {label(28, t("day.peak"))}
        {label(32, t("day.second"))}
        {label(76, t("day.evening"))}
        {label(88, t("day.night"))}
        <path className="now" d={`M-14 ${(now * step).toFixed(1)}H560`} />
        <rect className="nb" x="512" y={now * step - 9} width="48" height="18" rx="2" />
        <text className="nt" x="536" y={now * step + 4} textAnchor="middle">
          14:32
        </text>
      </svg>
    </div>
  );
}
