import { create } from "@bufbuild/protobuf";
import { useInfiniteQuery, useMutation, useQuery } from "@connectrpc/connect-query";
import { keepPreviousData } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { CalendarService } from "@/gen/cloudhub/v1/calendar_pb";
import { OperationService } from "@/gen/cloudhub/v1/operation_pb";
import { Permission } from "@/gen/cloudhub/v1/options_pb";
import { ScheduleRuleSchema, ScheduleService, TargetSelectorSchema } from "@/gen/cloudhub/v1/schedule_pb";
import { useWorkspace } from "@/lib/workspace";
import type { Rule } from "./day";
import { isComplete, isSelective, type SelectorValues, selectorOf } from "./form";
import { toContract } from "./rule";

const nextPage = {
  pageParamKey: "pageToken",
  getNextPageParam: (last: { nextPageToken: string }) => last.nextPageToken || undefined,
} as const;

export function useSchedules() {
  const { ids, can } = useWorkspace();
  return useInfiniteQuery(
    ScheduleService.method.listSchedules,
    { ...ids, pageSize: 100, pageToken: "" },
    { ...nextPage, enabled: can(Permission.SCHEDULES_VIEW) },
  );
}

export function useSchedule(scheduleId: string) {
  const { ids, can } = useWorkspace();
  return useQuery(
    ScheduleService.method.getSchedule,
    { ...ids, scheduleId },
    { enabled: scheduleId !== "" && can(Permission.SCHEDULES_VIEW) },
  );
}

/** The runs of a schedule are operations. */
export function useRuns(scheduleId: string) {
  const { ids } = useWorkspace();
  return useInfiniteQuery(
    OperationService.method.listOperations,
    { ...ids, scheduleId, pageSize: 10, pageToken: "" },
    { ...nextPage },
  );
}

export function useScheduleMutations() {
  return {
    create: useMutation(ScheduleService.method.createSchedule),
    update: useMutation(ScheduleService.method.updateSchedule),
    remove: useMutation(ScheduleService.method.deleteSchedule),
    pause: useMutation(ScheduleService.method.pauseSchedule),
    resume: useMutation(ScheduleService.method.resumeSchedule),
    skip: useMutation(ScheduleService.method.skipNext),
    restore: useMutation(ScheduleService.method.restoreRun),
    runNow: useMutation(ScheduleService.method.runNow),
  };
}

/** Holds, those in force first. */
export function useHolds(inForce: boolean) {
  const { ids, can } = useWorkspace();
  return useInfiniteQuery(
    ScheduleService.method.listHolds,
    { ...ids, inForce, pageSize: 100, pageToken: "" },
    { ...nextPage, enabled: can(Permission.SCHEDULES_VIEW), placeholderData: keepPreviousData },
  );
}

/** The hold that keeps every schedule from one machine; undefined when there is none. */
export function useMachineHold(resourceId: string) {
  const { ids, can } = useWorkspace();
  const query = useQuery(
    ScheduleService.method.listHolds,
    { ...ids, inForce: true, pageSize: 500 },
    { enabled: can(Permission.SCHEDULES_VIEW) },
  );
  return { ...query, hold: query.data?.holds.find((hold) => hold.resourceId === resourceId) };
}

export function useHoldMutations() {
  return {
    create: useMutation(ScheduleService.method.createHold),
    end: useMutation(ScheduleService.method.endHold),
  };
}

/** What a hold changes: the schedules that say they are held, and the list of holds. */
export const holdMethods = [
  ScheduleService.method.listHolds,
  ScheduleService.method.listSchedules,
  ScheduleService.method.getSchedule,
  ScheduleService.method.previewSchedule,
] as const;

export const scheduleMethods = [
  ScheduleService.method.listSchedules,
  ScheduleService.method.getSchedule,
  ScheduleService.method.previewSchedule,
] as const;

/** The calendars that a rule may keep to. */
export function useCalendarChoices() {
  const { ids, can } = useWorkspace();
  return useQuery(CalendarService.method.listCalendars, ids, { enabled: can(Permission.SCHEDULES_VIEW) });
}

/** The days of a calendar, of this year and the next. */
export function useCalendarDays(calendarId: string, enabled: boolean) {
  const { ids } = useWorkspace();
  return useQuery(
    CalendarService.method.getCalendar,
    { ...ids, calendarId },
    { enabled: enabled && calendarId !== "" },
  );
}

/** How many coming runs are asked for. */
export const PREVIEWED = 30;
/** A rule that is being written is sent once it has rested this long. */
export const PREVIEW_AFTER = 300;

export interface PreviewAsked {
  rule: Rule;
  scheduleId?: string | undefined;
  resourceIds?: readonly string[];
  selector?: SelectorValues | undefined;
  catchUpMinutes?: number;
}

/** The coming runs of a rule while it is written; what was last computed stays meanwhile. */
export function usePreview(what: PreviewAsked) {
  const { ids } = useWorkspace();
  const rested = useRested(JSON.stringify(what), PREVIEW_AFTER);
  const asked: PreviewAsked = JSON.parse(rested);
  const complete = isComplete(asked.rule);
  const selector = asked.selector && isSelective(asked.selector) ? selectorOf(asked.selector) : undefined;
  const query = useQuery(
    ScheduleService.method.previewSchedule,
    {
      ...ids,
      rule: create(ScheduleRuleSchema, toContract(asked.rule)),
      count: PREVIEWED,
      scheduleId: asked.scheduleId ?? "",
      resourceIds: selector ? [] : [...(asked.resourceIds ?? [])],
      catchUpMinutes: asked.catchUpMinutes ?? 0,
      ...(selector ? { selector: create(TargetSelectorSchema, selector) } : {}),
    },
    { enabled: complete, placeholderData: keepPreviousData, retry: false },
  );
  return { ...query, asked: asked.rule, idle: !isComplete(what.rule) };
}

/** The machines that a selector finds in the inventory now; what was last found stays meanwhile. */
export function useMatches(selector: SelectorValues, after = PREVIEW_AFTER) {
  const { ids } = useWorkspace();
  const asked: SelectorValues = JSON.parse(useRested(JSON.stringify(selectorOf(selector)), after));
  const query = useQuery(
    ScheduleService.method.previewTargets,
    { ...ids, selector: create(TargetSelectorSchema, asked) },
    { enabled: isSelective(asked), placeholderData: keepPreviousData, retry: false },
  );
  return { ...query, idle: !isSelective(selector) };
}

/** `value` as it was once it had not changed for `after` milliseconds. */
export function useRested<Value>(value: Value, after: number): Value {
  const [rested, setRested] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setRested(value), after);
    return () => clearTimeout(timer);
  }, [value, after]);
  return rested;
}
