import { createClient } from "@connectrpc/connect";
import { useMutation, useQuery, useTransport } from "@connectrpc/connect-query";
import { keepPreviousData, useQuery as useTanstackQuery } from "@tanstack/react-query";
import { type Calendar, type CalendarDay, CalendarService } from "@/gen/cloudhub/v1/calendar_pb";
import { Permission } from "@/gen/cloudhub/v1/options_pb";
import { ScheduleService } from "@/gen/cloudhub/v1/schedule_pb";
import { useWorkspace } from "@/lib/workspace";

/** While one waits for its first reading, the list is read this often. */
const WAITING = 5_000;

export function useCalendars() {
  const { ids, can } = useWorkspace();
  return useQuery(CalendarService.method.listCalendars, ids, {
    enabled: can(Permission.SCHEDULES_VIEW),
    // No stream tells of calendars.
    refetchInterval: ({ state }) =>
      state.data?.calendars.some((c) => c.address !== "" && !c.refreshTime && c.lastError === "") ? WAITING : 60_000,
  });
}

/** One year of a calendar; 0 is this one and the next. */
export function useCalendar(calendarId: string, year: number) {
  const { ids, can } = useWorkspace();
  return useQuery(
    CalendarService.method.getCalendar,
    { ...ids, calendarId, year },
    { enabled: calendarId !== "" && can(Permission.SCHEDULES_VIEW), placeholderData: keepPreviousData },
  );
}

/** Years asked for at a time, and how far they go. */
const YEARS = 6;
const FIRST = 1970;
const LAST = 2100;

/**
 * All days of a calendar that is written by hand, to be changed: year by year,
 * from the last one on and then back, until as many came as it has. Fewer would
 * be lost when they are stored again.
 */
export function useWrittenDays(calendar: Calendar | undefined) {
  const { ids } = useWorkspace();
  const transport = useTransport();
  return useTanstackQuery({
    queryKey: ["calendar", "written", ids, calendar?.id, calendar?.etag],
    enabled: calendar !== undefined,
    gcTime: 0,
    queryFn: async ({ signal }) => {
      if (!calendar) return [];
      const client = createClient(CalendarService, transport);
      const days: CalendarDay[] = [];
      for (const years of yearsToRead(new Date().getUTCFullYear())) {
        if (days.length >= calendar.dayCount) break;
        const answers = await Promise.all(
          years.map((year) => client.getCalendar({ ...ids, calendarId: calendar.id, year }, { signal })),
        );
        days.push(...answers.flatMap((answer) => answer.days));
      }
      return days.sort((a, b) => a.date.localeCompare(b.date));
    },
  });
}

/** In groups, those nearest to now first. */
export function yearsToRead(now: number): number[][] {
  const ahead = Array.from({ length: LAST - now + 2 }, (_, i) => now - 1 + i);
  const back = Array.from({ length: now - 1 - FIRST }, (_, i) => now - 2 - i);
  return [...grouped(ahead), ...grouped(back)];
}

function grouped(years: number[]): number[][] {
  return Array.from({ length: Math.ceil(years.length / YEARS) }, (_, i) => years.slice(i * YEARS, (i + 1) * YEARS));
}

export function useCalendarMutations() {
  return {
    create: useMutation(CalendarService.method.createCalendar),
    update: useMutation(CalendarService.method.updateCalendar),
    remove: useMutation(CalendarService.method.deleteCalendar),
    refresh: useMutation(CalendarService.method.refreshCalendar),
  };
}

/** A change of days is a change of what schedules do. */
export const calendarMethods = [
  CalendarService.method.listCalendars,
  CalendarService.method.getCalendar,
  ScheduleService.method.listSchedules,
  ScheduleService.method.getSchedule,
  ScheduleService.method.previewSchedule,
] as const;
