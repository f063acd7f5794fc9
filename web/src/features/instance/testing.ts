import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { ConnectRouter } from "@connectrpc/connect";
import { CloudAccountService } from "@/gen/cloudhub/v1/cloud_account_pb";
import { InventoryService, type ListResourcesRequest } from "@/gen/cloudhub/v1/inventory_pb";
import { type Operation, OperationService, type WatchWorkspaceResponse } from "@/gen/cloudhub/v1/operation_pb";
import { ResourceService, type StartResourcesRequest, type StopResourcesRequest } from "@/gen/cloudhub/v1/power_pb";
import { type Resource, ResourceKind, ResourceSchema, ResourceState } from "@/gen/cloudhub/v1/resource_pb";
import { type Schedule, ScheduleService } from "@/gen/cloudhub/v1/schedule_pb";
import { accountId, fakeAccount } from "@/test/fakes";

export const machineId = (n: number) => `44444444-4444-4444-8444-${String(n).padStart(12, "0")}`;

export function machine(n: number, name: string, changes: MessageInitShape<typeof ResourceSchema> = {}): Resource {
  return create(ResourceSchema, {
    id: machineId(n),
    kind: ResourceKind.AWS_EC2_INSTANCE,
    cloudAccountId: accountId(1),
    providerId: `i-${n}`,
    name,
    region: "sa-east-1",
    zone: "sa-east-1a",
    type: "t3.large",
    state: ResourceState.RUNNING,
    seenTime: timestampFromMs(Date.now()),
    version: 5n,
    ...changes,
  });
}

/** The services that the page of instances talks to, over rows that a test may change. */
export function cloud(resources: Resource[]) {
  const asked = {
    lists: [] as ListResourcesRequest[],
    stops: [] as StopResourcesRequest[],
    starts: [] as StartResourcesRequest[],
    /** Ids of GetOperation. */
    operations: [] as string[],
    syncs: 0,
  };
  const state = {
    resources,
    operations: [] as Operation[],
    schedules: [] as Schedule[],
    accounts: [fakeAccount(1, { name: "ipe-hml", observeOnly: false, resourceCount: resources.length })],
    /** Thrown by the list, and by a change of power. */
    fail: undefined as unknown,
    refuse: undefined as unknown,
  };
  const waiting: ((message: WatchWorkspaceResponse) => void)[] = [];
  const queued: WatchWorkspaceResponse[] = [];
  /** Says something on the stream. */
  const say = (message: WatchWorkspaceResponse) => {
    const next = waiting.shift();
    if (next) next(message);
    else queued.push(message);
  };
  const services = (rpc: ConnectRouter) => {
    rpc.service(InventoryService, {
      listResources: (request) => {
        asked.lists.push(request);
        if (state.fail) throw state.fail;
        const found = state.resources.filter(
          (r) =>
            r.name.includes(request.search) && (request.resourceIds.length === 0 || request.resourceIds.includes(r.id)),
        );
        const counts = [ResourceState.RUNNING, ResourceState.STOPPED, ResourceState.STOPPING].map((s) => ({
          state: s,
          count: found.filter((r) => r.state === s).length,
        }));
        return {
          resources: found.filter((r) => request.states.length === 0 || request.states.includes(r.state)),
          counts,
        };
      },
      getResource: (request) => ({ resource: state.resources.find((r) => r.id === request.resourceId) }),
      syncInventory: () => {
        asked.syncs += 1;
        return { accounts: 1 };
      },
    });
    rpc.service(CloudAccountService, { listCloudAccounts: () => ({ cloudAccounts: state.accounts }) });
    rpc.service(ResourceService, {
      stopResources: (request) => {
        asked.stops.push(request);
        if (state.refuse) throw state.refuse;
        return { operation: { id: "op-1" } };
      },
      startResources: (request) => {
        asked.starts.push(request);
        return { operation: { id: "op-1" } };
      },
    });
    rpc.service(OperationService, {
      listOperations: (request) => ({
        operations: state.operations.map((o) => ({
          ...o,
          targets: o.targets.filter((x) => x.resourceId === request.resourceId),
        })),
      }),
      getOperation: (request) => {
        asked.operations.push(request.operationId);
        return { operation: state.operations.find((o) => o.id === request.operationId) };
      },
      watchWorkspace: async function* (_request, { signal }) {
        yield {};
        while (!signal.aborted) {
          yield queued.shift() ??
            (await new Promise<WatchWorkspaceResponse>((resolve, reject) => {
              waiting.push(resolve);
              signal.addEventListener("abort", () => reject(signal.reason));
            }));
        }
      },
    });
    rpc.service(ScheduleService, { listSchedules: () => ({ schedules: state.schedules }) });
  };
  return { asked, state, services, say };
}
