import { createQueryOptions, useInfiniteQuery, useMutation, useQuery, useTransport } from "@connectrpc/connect-query";
import { keepPreviousData, useQueries } from "@tanstack/react-query";
import { useMemo } from "react";
import { CloudAccountService } from "@/gen/cloudhub/v1/cloud_account_pb";
import { InventoryService } from "@/gen/cloudhub/v1/inventory_pb";
import { type Operation, OperationService } from "@/gen/cloudhub/v1/operation_pb";
import { Permission } from "@/gen/cloudhub/v1/options_pb";
import { ResourceService } from "@/gen/cloudhub/v1/power_pb";
import { ResourceKind } from "@/gen/cloudhub/v1/resource_pb";
import { ScheduleService } from "@/gen/cloudhub/v1/schedule_pb";
import { useWorkspace } from "@/lib/workspace";
import { type InstanceFilter, listFields } from "./filters";

const PAGE = 100;

const nextPage = {
  pageParamKey: "pageToken",
  getNextPageParam: (last: { nextPageToken: string }) => last.nextPageToken || undefined,
} as const;

/** The instances that a filter lets through, page by page, with the counts of each state. */
export function useInstances(filter: InstanceFilter) {
  const { ids, can } = useWorkspace();
  return useInfiniteQuery(
    InventoryService.method.listResources,
    { ...ids, kind: ResourceKind.AWS_EC2_INSTANCE, pageSize: PAGE, pageToken: "", ...listFields(filter) },
    { ...nextPage, enabled: can(Permission.RESOURCES_VIEW), placeholderData: keepPreviousData },
  );
}

/** For choosing machines: the first of those whose name or id holds `search`. */
export function useInstanceChoices(search: string) {
  const { ids } = useWorkspace();
  return useQuery(
    InventoryService.method.listResources,
    { ...ids, kind: ResourceKind.AWS_EC2_INSTANCE, pageSize: 50, search: search.trim().slice(0, 100) },
    { placeholderData: keepPreviousData },
  );
}

/** What one answer holds at most. */
const NAMED = 500;

/** Instances by id, with their names, in the order of their names. One that is gone is left out. */
export function useInstancesById(resourceIds: readonly string[]) {
  const { ids } = useWorkspace();
  const transport = useTransport();
  const parts = Array.from({ length: Math.ceil(resourceIds.length / NAMED) }, (_, i) =>
    resourceIds.slice(i * NAMED, (i + 1) * NAMED),
  );
  return useQueries({
    queries: parts.map((part) =>
      createQueryOptions(
        InventoryService.method.listResources,
        { ...ids, resourceIds: part, pageSize: NAMED },
        { transport },
      ),
    ),
    combine: (answers) => ({
      resources: answers
        .flatMap((a) => a.data?.resources ?? [])
        .sort((a, b) => a.name.localeCompare(b.name) || a.id.localeCompare(b.id)),
      isPending: answers.some((a) => a.isPending),
      isError: answers.some((a) => a.isError && !a.data),
      refetch: () => Promise.all(answers.map((a) => a.refetch())),
    }),
  });
}

export function useInstance(resourceId: string) {
  const { ids } = useWorkspace();
  return useQuery(InventoryService.method.getResource, { ...ids, resourceId }, { enabled: resourceId !== "" });
}

export function useAccounts() {
  const { ids, can } = useWorkspace();
  return useQuery(
    CloudAccountService.method.listCloudAccounts,
    { ...ids, pageSize: 500 },
    { enabled: can(Permission.RESOURCES_VIEW) },
  );
}

/** What is at work now, by operation: the tracks in the rows. */
export function useOpenOperations(): ReadonlyMap<string, Operation> {
  const { ids, can } = useWorkspace();
  const { data } = useQuery(
    OperationService.method.listOperations,
    { ...ids, open: true, pageSize: 500 },
    { enabled: can(Permission.RESOURCES_VIEW) },
  );
  return useMemo(() => new Map(data?.operations.map((o) => [o.id, o])), [data]);
}

export function useOperation(operationId: string) {
  const { ids } = useWorkspace();
  return useQuery(OperationService.method.getOperation, { ...ids, operationId }, { enabled: operationId !== "" });
}

export function useInstanceOperations(resourceId: string) {
  const { ids } = useWorkspace();
  return useInfiniteQuery(
    OperationService.method.listOperations,
    { ...ids, resourceId, pageSize: 10, pageToken: "" },
    { ...nextPage },
  );
}

export function useInstanceSchedules(resourceId: string) {
  const { ids, can } = useWorkspace();
  return useQuery(
    ScheduleService.method.listSchedules,
    { ...ids, resourceId, pageSize: 50 },
    { enabled: can(Permission.SCHEDULES_VIEW) },
  );
}

/** Both calls make one operation and answer at once; the stream tells the rest. */
export function usePower() {
  const start = useMutation(ResourceService.method.startResources);
  const stop = useMutation(ResourceService.method.stopResources);
  return { start, stop };
}

export function useSync() {
  return useMutation(InventoryService.method.syncInventory);
}
