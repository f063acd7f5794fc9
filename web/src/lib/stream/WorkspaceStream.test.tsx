import { create } from "@bufbuild/protobuf";
import { useQuery } from "@connectrpc/connect-query";
import { act, screen, waitFor } from "@testing-library/react";
import { expect, it } from "vitest";
import { InventoryService } from "@/gen/cloudhub/v1/inventory_pb";
import {
  OperationService,
  type WatchWorkspaceRequest,
  type WatchWorkspaceResponse,
  WatchWorkspaceResponseSchema,
} from "@/gen/cloudhub/v1/operation_pb";
import { Permission } from "@/gen/cloudhub/v1/options_pb";
import { ResourceSchema, ResourceState } from "@/gen/cloudhub/v1/resource_pb";
import { renderInWorkspace } from "@/test/app";
import { orgId, workspaceId } from "@/test/fakes";
import { useWorkspaceStream, WorkspaceStreamProvider } from "./WorkspaceStream";

const machine = (state: ResourceState, version: bigint) =>
  create(ResourceSchema, { id: "a", name: "api-01", state, version });

function Machines() {
  const { data } = useQuery(InventoryService.method.listResources, { orgId, workspaceId });
  const { state } = useWorkspaceStream();
  return (
    <p data-testid="shown">
      {state}:{data?.resources.map((one) => ResourceState[one.state]).join()}
    </p>
  );
}

function setup(permissions?: Permission[]) {
  const opened: WatchWorkspaceRequest[] = [];
  let reads = 0;
  const waiting: WatchWorkspaceResponse[] = [];
  let wake: () => void = () => {};
  const send = (message: WatchWorkspaceResponse) =>
    act(async () => {
      waiting.push(message);
      wake();
      await new Promise((resolve) => setTimeout(resolve, 20));
    });
  const view = renderInWorkspace(
    <WorkspaceStreamProvider>
      <Machines />
    </WorkspaceStreamProvider>,
    {
      ...(permissions ? { permissions } : {}),
      services: (rpc) => {
        rpc.service(InventoryService, {
          listResources: () => {
            reads++;
            return { resources: [machine(ResourceState.RUNNING, 1n)] };
          },
        });
        rpc.service(OperationService, {
          async *watchWorkspace(request, context) {
            opened.push(request);
            yield create(WatchWorkspaceResponseSchema, {});
            while (!context.signal.aborted) {
              const next = waiting.shift();
              if (next) yield next;
              else
                await new Promise<void>((resolve) => {
                  wake = resolve;
                  context.signal.addEventListener("abort", () => resolve());
                });
            }
          },
        });
      },
    },
  );
  return { ...view, opened, send, reads: () => reads };
}

it("shows a row that the stream tells, says it to a screen reader, and reads the lists once it is live", async () => {
  const { opened, send, reads } = setup();
  await waitFor(() => expect(screen.getByTestId("shown").textContent).toBe("live:RUNNING"));
  expect(opened[0]).toMatchObject({ orgId, workspaceId });
  await waitFor(() => expect(reads()).toBe(2));
  await send(create(WatchWorkspaceResponseSchema, { resources: [machine(ResourceState.STOPPING, 2n)] }));
  expect(screen.getByTestId("shown").textContent).toBe("live:STOPPING");
  await waitFor(() => expect(screen.getByText("1 mudança em recursos ou operações.")).toBeTruthy());
});

it("closes the stream with the page", async () => {
  const { unmount, opened } = setup();
  await waitFor(() => expect(opened).toHaveLength(1));
  unmount();
  await act(() => new Promise((resolve) => setTimeout(resolve, 30)));
  expect(opened).toHaveLength(1);
});

it("opens no stream for somebody who may not see the workspace", async () => {
  const { opened } = setup([Permission.COSTS_VIEW]);
  await act(() => new Promise((resolve) => setTimeout(resolve, 50)));
  expect(opened).toHaveLength(0);
});
