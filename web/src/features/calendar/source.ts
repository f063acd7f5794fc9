import { type Calendar, CalendarSource } from "@/gen/cloudhub/v1/calendar_pb";

export type SourceWord = "builtIn" | "days" | "file" | "address";

const words: Partial<Record<CalendarSource, SourceWord>> = {
  [CalendarSource.BUILT_IN]: "builtIn",
  [CalendarSource.DAYS]: "days",
  [CalendarSource.FILE]: "file",
  [CalendarSource.ADDRESS]: "address",
};

export function sourceWord(source: CalendarSource): SourceWord {
  return words[source] ?? "days";
}

/** Read from an address that has not answered yet. */
export function isWaiting(calendar: Calendar): boolean {
  return calendar.source === CalendarSource.ADDRESS && !calendar.refreshTime && calendar.lastError === "";
}
