import { create } from "@bufbuild/protobuf";
import { useInfiniteQuery, useMutation, useQuery } from "@connectrpc/connect-query";
import { keepPreviousData } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { OperationService } from "@/gen/cloudhub/v1/operation_pb";
import { Permission } from "@/gen/cloudhub/v1/options_pb";
import { ScheduleRuleSchema, ScheduleService } from "@/gen/cloudhub/v1/schedule_pb";
import { useWorkspace } from "@/lib/workspace";
import type { Rule } from "./day";
import { isComplete } from "./form";

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
  };
}

/** How many coming runs are asked for. */
export const PREVIEWED = 30;
/** A rule that is being written is sent once it has rested this long. */
export const PREVIEW_AFTER = 300;

/** The coming runs of a rule while it is written; what was last computed stays meanwhile. */
export function usePreview(rule: Rule) {
  const { ids } = useWorkspace();
  const rested = useRested(JSON.stringify(rule), PREVIEW_AFTER);
  const asked: Rule = JSON.parse(rested);
  const complete = isComplete(asked);
  const query = useQuery(
    ScheduleService.method.previewSchedule,
    { ...ids, rule: create(ScheduleRuleSchema, asked), count: PREVIEWED },
    { enabled: complete, placeholderData: keepPreviousData, retry: false },
  );
  return { ...query, asked, idle: !isComplete(rule) };
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
