import { create } from "@bufbuild/protobuf";
import { createConnectQueryKey } from "@connectrpc/connect-query";
import { QueryClient } from "@tanstack/react-query";
import { describe, expect, it } from "vitest";
import { CloudAccountService, ListCloudAccountsResponseSchema } from "@/gen/cloudhub/v1/cloud_account_pb";
import {
  GetResourceResponseSchema,
  InventoryService,
  ListResourcesResponseSchema,
} from "@/gen/cloudhub/v1/inventory_pb";
import {
  GetOperationResponseSchema,
  ListOperationsResponseSchema,
  OperationService,
  OperationState,
  TargetState,
  WatchWorkspaceResponseSchema,
} from "@/gen/cloudhub/v1/operation_pb";
import { ResourceSchema, ResourceState } from "@/gen/cloudhub/v1/resource_pb";
import { ScheduleService } from "@/gen/cloudhub/v1/schedule_pb";
import { accountId, fakeAccount } from "@/test/fakes";
import { applyMessage } from "./apply";

const row = (id: string, version: bigint, state: ResourceState) => create(ResourceSchema, { id, version, state });
const page = (...resources: ReturnType<typeof row>[]) => create(ListResourcesResponseSchema, { resources });
const pagedKey = createConnectQueryKey({
  schema: InventoryService.method.listResources,
  input: { pageSize: 100 },
  cardinality: "infinite",
  pageParamKey: "pageToken",
});
const flatKey = createConnectQueryKey({
  schema: InventoryService.method.listResources,
  input: { pageSize: 50 },
  cardinality: "finite",
});
const oneKey = createConnectQueryKey({
  schema: InventoryService.method.getResource,
  input: { resourceId: "a" },
  cardinality: "finite",
});
const operationKey = createConnectQueryKey({
  schema: OperationService.method.getOperation,
  input: { operationId: "o" },
  cardinality: "finite",
});

describe("applyMessage", () => {
  it("replaces a row in every cached list, paged or not, when its version is higher", () => {
    const client = new QueryClient();
    client.setQueryData(pagedKey, {
      pages: [page(row("a", 1n, ResourceState.RUNNING)), page(row("b", 5n, ResourceState.RUNNING))],
      pageParams: ["", "x"],
    });
    client.setQueryData(flatKey, page(row("b", 5n, ResourceState.RUNNING)));
    const message = create(WatchWorkspaceResponseSchema, {
      resources: [row("a", 2n, ResourceState.STOPPING), row("b", 4n, ResourceState.STOPPED)],
    });
    const stale = applyMessage(client, message);
    expect(client.getQueryData(pagedKey)?.pages.map((one) => one.resources[0]?.state)).toEqual([
      ResourceState.STOPPING,
      ResourceState.RUNNING,
    ]);
    expect(client.getQueryData(flatKey)?.resources[0]?.state).toBe(ResourceState.RUNNING);
    expect(stale).toContain(InventoryService.method.listResources);
  });

  it("keeps a list that has nothing older as the very same object", () => {
    const client = new QueryClient();
    const held = page(row("a", 3n, ResourceState.RUNNING));
    client.setQueryData(flatKey, held);
    const before = client.getQueryData(flatKey);
    applyMessage(client, create(WatchWorkspaceResponseSchema, { resources: [row("a", 3n, ResourceState.STOPPED)] }));
    expect(client.getQueryData(flatKey)).toBe(before);
  });

  it("keeps the details that the stream leaves out", () => {
    const client = new QueryClient();
    const full = create(ResourceSchema, {
      id: "a",
      version: 1n,
      state: ResourceState.RUNNING,
      details: { case: "awsEc2Instance", value: { privateIp: "10.0.0.1" } },
    });
    client.setQueryData(oneKey, create(GetResourceResponseSchema, { resource: full }));
    applyMessage(client, create(WatchWorkspaceResponseSchema, { resources: [row("a", 2n, ResourceState.STOPPED)] }));
    const resource = client.getQueryData(oneKey)?.resource;
    expect(resource?.state).toBe(ResourceState.STOPPED);
    expect(resource?.details).toMatchObject({ case: "awsEc2Instance", value: { privateIp: "10.0.0.1" } });
  });

  it("moves an operation and its targets on, each by its own version", () => {
    const client = new QueryClient();
    const targets = [{ operationId: "o", resourceId: "a", state: TargetState.TAKEN, version: 1n }];
    client.setQueryData(
      operationKey,
      create(GetOperationResponseSchema, {
        operation: { id: "o", version: 1n, state: OperationState.RUNNING, targets },
      }),
    );
    applyMessage(
      client,
      create(WatchWorkspaceResponseSchema, {
        operations: [{ id: "o", version: 2n, state: OperationState.SUCCEEDED }],
        targets: [
          { operationId: "o", resourceId: "a", state: TargetState.DONE, version: 2n },
          { operationId: "another", resourceId: "a", state: TargetState.FAILED, version: 9n },
        ],
      }),
    );
    const operation = client.getQueryData(operationKey)?.operation;
    expect(operation?.state).toBe(OperationState.SUCCEEDED);
    expect(operation?.targets.map((target) => target.state)).toEqual([TargetState.DONE]);
  });

  it("keeps the targets of a resource's history when an operation in it moves on", () => {
    const client = new QueryClient();
    const key = createConnectQueryKey({
      schema: OperationService.method.listOperations,
      input: { resourceId: "a" },
      cardinality: "finite",
    });
    const targets = [{ operationId: "o", resourceId: "a", state: TargetState.TAKEN, version: 1n }];
    client.setQueryData(key, create(ListOperationsResponseSchema, { operations: [{ id: "o", version: 1n, targets }] }));
    applyMessage(
      client,
      create(WatchWorkspaceResponseSchema, {
        operations: [{ id: "o", version: 2n, state: OperationState.SUCCEEDED }],
        targets: [{ operationId: "o", resourceId: "a", state: TargetState.DONE, version: 2n }],
      }),
    );
    const operation = client.getQueryData(key)?.operations[0];
    expect(operation?.state).toBe(OperationState.SUCCEEDED);
    expect(operation?.targets.map((target) => target.state)).toEqual([TargetState.DONE]);
  });

  it("asks for the accounts again only when one is new, and for schedules when one is named", () => {
    const client = new QueryClient();
    client.setQueryData(
      createConnectQueryKey({ schema: CloudAccountService.method.listCloudAccounts, input: {}, cardinality: "finite" }),
      create(ListCloudAccountsResponseSchema, { cloudAccounts: [fakeAccount(1)] }),
    );
    const known = applyMessage(
      client,
      create(WatchWorkspaceResponseSchema, { cloudAccounts: [fakeAccount(1, { version: 2n, name: "renamed" })] }),
    );
    expect(known.size).toBe(0);
    const fresh = applyMessage(
      client,
      create(WatchWorkspaceResponseSchema, { cloudAccounts: [fakeAccount(2)], scheduleIds: [accountId(9)] }),
    );
    expect(fresh).toContain(CloudAccountService.method.listCloudAccounts);
    expect(fresh).toContain(ScheduleService.method.listSchedules);
  });

  it("reads the machines anew when their account is only observed from now on", () => {
    const client = new QueryClient();
    const key = createConnectQueryKey({
      schema: CloudAccountService.method.listCloudAccounts,
      input: {},
      cardinality: "finite",
    });
    const tell = (changes: { observeOnly: boolean; version: bigint }) =>
      applyMessage(client, create(WatchWorkspaceResponseSchema, { cloudAccounts: [fakeAccount(1, changes)] }));
    client.setQueryData(
      key,
      create(ListCloudAccountsResponseSchema, { cloudAccounts: [fakeAccount(1, { observeOnly: false })] }),
    );
    expect([...tell({ observeOnly: false, version: 2n })]).toEqual([]);
    expect([...tell({ observeOnly: true, version: 3n })]).toEqual([
      InventoryService.method.listResources,
      InventoryService.method.getResource,
    ]);
  });
});
