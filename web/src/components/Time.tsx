import { useNow } from "@/lib/clock";
import { type Moment, toDate, useFormat } from "@/lib/format";

/** An age or a distance that keeps itself true: "há 2 min", "em 4 h". The exact moment is in the tooltip. */
export function RelativeTime({ at, className }: { at: Moment; className?: string }) {
  const date = toDate(at);
  const now = useNow(date && Math.abs(Date.now() - date.getTime()) < 120_000 ? 5_000 : 30_000);
  const format = useFormat();
  if (!date) return <span className={className}>{format.ago(undefined)}</span>;
  return (
    <time className={className} dateTime={date.toISOString()} title={format.full(date)}>
      {format.ago(date, now)}
    </time>
  );
}

/** What was: "há 6 h" today, "ontem 20:10", "22 nov" before that. */
export function Past({ at, className }: { at: Moment; className?: string }) {
  const now = useNow(30_000);
  const format = useFormat();
  const date = toDate(at);
  if (!date) return <span className={className}>{format.past(undefined)}</span>;
  return (
    <time className={className} dateTime={date.toISOString()} title={format.full(date)}>
      {format.past(date, now)}
    </time>
  );
}

/** "hoje 19:00", "qua 05:30", "25 dez 19:00". */
export function When({ at, className }: { at: Moment; className?: string }) {
  const now = useNow(30_000);
  const format = useFormat();
  const date = toDate(at);
  if (!date) return <span className={className}>{format.when(undefined)}</span>;
  return (
    <time className={className} dateTime={date.toISOString()} title={format.full(date)}>
      {format.when(date, now)}
    </time>
  );
}
