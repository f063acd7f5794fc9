import type { DescMethodUnary } from "@bufbuild/protobuf";
import { createConnectQueryKey } from "@connectrpc/connect-query";
import type { QueryClient } from "@tanstack/react-query";
import { CloudAccountService, type ListCloudAccountsResponse } from "@/gen/cloudhub/v1/cloud_account_pb";
import { type GetResourceResponse, InventoryService, type ListResourcesResponse } from "@/gen/cloudhub/v1/inventory_pb";
import { NotificationService } from "@/gen/cloudhub/v1/notification_pb";
import {
  type GetOperationResponse,
  type ListOperationsResponse,
  type Operation,
  OperationService,
  type OperationTarget,
  type WatchWorkspaceResponse,
} from "@/gen/cloudhub/v1/operation_pb";
import { ScheduleService } from "@/gen/cloudhub/v1/schedule_pb";

type Row = { id: string; version: bigint };

/**
 * Puts the rows of one message of the stream into what the lists and drawers
 * have cached, each only when its version is higher. Returns the methods
 * whose answers can no longer be right as a whole: a row that no list holds
 * yet, or one whose change moves it in or out of a filter and its counts.
 */
export function applyMessage(client: QueryClient, message: WatchWorkspaceResponse): Set<DescMethodUnary> {
  const stale = new Set<DescMethodUnary>();

  if (message.resources.length > 0) {
    const rows = byId(message.resources);
    const seen = new Set<string>();
    eachAnswer<ListResourcesResponse>(client, InventoryService.method.listResources, (answer) => {
      const resources = replace(answer.resources, rows, seen);
      return resources === answer.resources ? answer : { ...answer, resources };
    });
    eachAnswer<GetResourceResponse>(client, InventoryService.method.getResource, (answer) => {
      const held = answer.resource;
      const row = held && rows.get(held.id);
      if (!row || row.version <= held.version) return answer;
      // The stream tells the neutral fields; the details that were read stay.
      return { ...answer, resource: row.details.case ? row : { ...row, details: held.details } };
    });
    // A state moves a machine between tabs, and the server keeps the counts.
    stale.add(InventoryService.method.listResources);
  }

  if (message.operations.length > 0 || message.targets.length > 0) {
    const rows = byId(message.operations);
    const targets = new Map(message.targets.map((target) => [targetKey(target), target]));
    const moveOn = (held: Operation) => withTargets(withRow(held, rows.get(held.id)), targets);
    eachAnswer<ListOperationsResponse>(client, OperationService.method.listOperations, (answer) => {
      const operations = answer.operations.map(moveOn);
      return operations.some((one, index) => one !== answer.operations[index]) ? { ...answer, operations } : answer;
    });
    eachAnswer<GetOperationResponse>(client, OperationService.method.getOperation, (answer) => {
      const operation = answer.operation && moveOn(answer.operation);
      return operation === answer.operation ? answer : { ...answer, operation };
    });
    if (rows.size > 0) stale.add(OperationService.method.listOperations);
  }

  if (message.cloudAccounts.length > 0) {
    const rows = byId(message.cloudAccounts);
    const seen = new Set<string>();
    eachAnswer<ListCloudAccountsResponse>(client, CloudAccountService.method.listCloudAccounts, (answer) => {
      const cloudAccounts = replace(answer.cloudAccounts, rows, seen);
      // Whether an account is only observed is said on each of its machines, whose rows do not change for it.
      if (cloudAccounts.some((account, index) => account.observeOnly !== answer.cloudAccounts[index]?.observeOnly)) {
        stale.add(InventoryService.method.listResources);
        stale.add(InventoryService.method.getResource);
      }
      return cloudAccounts === answer.cloudAccounts ? answer : { ...answer, cloudAccounts };
    });
    if (seen.size < rows.size) stale.add(CloudAccountService.method.listCloudAccounts);
  }

  if (message.removedCloudAccountIds.length > 0) {
    // Its machines went with it, and left the schedules.
    for (const method of workspaceMethods) stale.add(method);
  }

  if (message.scheduleIds.length > 0) {
    stale.add(ScheduleService.method.listSchedules);
    stale.add(ScheduleService.method.getSchedule);
    stale.add(ScheduleService.method.listHolds);
  }
  return stale;
}

/** Everything that shows rows of a workspace. */
export const workspaceMethods: readonly DescMethodUnary[] = [
  InventoryService.method.listResources,
  InventoryService.method.getResource,
  OperationService.method.listOperations,
  OperationService.method.getOperation,
  CloudAccountService.method.listCloudAccounts,
  ScheduleService.method.listSchedules,
  ScheduleService.method.getSchedule,
  ScheduleService.method.listHolds,
  NotificationService.method.listNotifications,
];

export function invalidate(client: QueryClient, methods: Iterable<DescMethodUnary>) {
  for (const method of methods) {
    void client.invalidateQueries({ queryKey: createConnectQueryKey({ schema: method, cardinality: undefined }) });
  }
}

const targetKey = (target: OperationTarget) => `${target.operationId} ${target.resourceId}`;

/** The newer row, with the targets that were read: the stream tells them apart from it. */
function withRow(held: Operation, row: Operation | undefined): Operation {
  if (!row || row.version <= held.version) return held;
  return row.targets.length > 0 ? row : { ...row, targets: held.targets };
}

function withTargets(held: Operation, rows: ReadonlyMap<string, OperationTarget>): Operation {
  let changed = false;
  const targets = held.targets.map((target) => {
    const row = rows.get(targetKey(target));
    if (!row || row.version <= target.version) return target;
    changed = true;
    return row;
  });
  return changed ? { ...held, targets } : held;
}

function byId<R extends Row>(rows: readonly R[]) {
  const newest = new Map<string, R>();
  for (const row of rows) {
    const other = newest.get(row.id);
    if (!other || other.version < row.version) newest.set(row.id, row);
  }
  return newest;
}

/** The same array when nothing in it is older, so that nothing is drawn anew for nothing. */
function replace<R extends Row>(held: R[], rows: ReadonlyMap<string, R>, seen: Set<string>): R[] {
  let changed = false;
  const next = held.map((old) => {
    const row = rows.get(old.id);
    if (!row) return old;
    seen.add(old.id);
    if (row.version <= old.version) return old;
    changed = true;
    return row;
  });
  return changed ? next : held;
}

type Paged<Answer> = { pages: Answer[]; pageParams: unknown[] };

const isPaged = <Answer>(cached: Answer | Paged<Answer>): cached is Paged<Answer> =>
  typeof cached === "object" && cached !== null && "pages" in cached;

/** Runs over every cached answer of a method, paged or not. */
function eachAnswer<Answer>(client: QueryClient, method: DescMethodUnary, update: (answer: Answer) => Answer) {
  const queries = client.getQueriesData<Answer | Paged<Answer>>({
    queryKey: createConnectQueryKey({ schema: method, cardinality: undefined }),
  });
  for (const [key, cached] of queries) {
    if (!cached) continue;
    if (isPaged(cached)) {
      const pages = cached.pages.map(update);
      if (pages.some((page, index) => page !== cached.pages[index])) client.setQueryData(key, { ...cached, pages });
    } else {
      const next = update(cached);
      if (next !== cached) client.setQueryData(key, next);
    }
  }
}
