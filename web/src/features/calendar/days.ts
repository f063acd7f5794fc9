import type { CalendarDay } from "@/gen/cloudhub/v1/calendar_pb";

/** As many days as one calendar takes by hand. */
export const MOST_DAYS = 2000;

export interface WrittenDays {
  days: { date: string; name: string }[];
  /** Lines that are no day, from 1, with what is there. */
  wrong: { line: number; text: string }[];
}

/**
 * Days as people write or paste them, one a line: "2026-12-24 Véspera",
 * "24/12/2026; Véspera". A day that comes twice keeps its last name; lines
 * without anything are passed over.
 */
export function readDays(text: string): WrittenDays {
  const days = new Map<string, string>();
  const wrong: WrittenDays["wrong"] = [];
  text.split(/\r?\n/).forEach((raw, index) => {
    const line = raw.trim();
    if (line === "") return;
    const iso = /^(\d{4})-(\d{1,2})-(\d{1,2})(?=$|[\s,;:])/.exec(line);
    const day = iso ?? /^(\d{1,2})\/(\d{1,2})\/(\d{4})(?=$|[\s,;:])/.exec(line);
    const date = day && (iso ? dateOf(day[1], day[2], day[3]) : dateOf(day[3], day[2], day[1]));
    if (!day || !date) {
      wrong.push({ line: index + 1, text: line });
      return;
    }
    days.set(
      date,
      line
        .slice(day[0].length)
        .replace(/^[\s,;:–-]+/, "")
        .trim(),
    );
  });
  return {
    days: [...days].map(([date, name]) => ({ date, name })).sort((a, b) => a.date.localeCompare(b.date)),
    wrong,
  };
}

/** "2026-12-24"; undefined for the 31st of a month of thirty. */
function dateOf(year = "", month = "", day = ""): string | undefined {
  const text = `${year}-${month.padStart(2, "0")}-${day.padStart(2, "0")}`;
  const at = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(at.getTime()) && at.toISOString().slice(0, 10) === text ? text : undefined;
}

/** The same lines again, to be changed. */
export function writeDays(days: readonly Pick<CalendarDay, "date" | "name">[]): string {
  return days.map((day) => `${day.date} ${day.name}`.trim()).join("\n");
}
