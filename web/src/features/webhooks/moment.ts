import { addDays, civilKey, clockOfMinute, instantOf, minuteOf, wallIn } from "@/components/time/wall";

/** "2026-11-24T14:32" as a wall of the zone shows it, for a field of date and time. */
export function writeMoment(at: Date, zone: string): string {
  const wall = wallIn(zone, at);
  return `${civilKey(wall)}T${clockOfMinute(wall.minute)}`;
}

/** The instant of such a field; undefined when it is none. */
export function readMoment(text: string, zone: string): Date | undefined {
  const parts = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}:\d{2})/.exec(text);
  const minute = minuteOf(parts?.[4] ?? "");
  if (!parts || minute === undefined) return undefined;
  const civil = { year: Number(parts[1]), month: Number(parts[2]), day: Number(parts[3]) };
  // The 31st of a month of thirty is no day.
  if (civilKey(addDays(civil, 0)) !== civilKey(civil)) return undefined;
  return instantOf(civil, minute, zone);
}
