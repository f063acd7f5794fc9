import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, createRouterTransport } from "@connectrpc/connect";
import { CloudAccountService, CloudAccountState } from "@/gen/cloudhub/v1/cloud_account_pb";
import { InventoryService } from "@/gen/cloudhub/v1/inventory_pb";
import { OperationService, WatchWorkspaceResponseSchema } from "@/gen/cloudhub/v1/operation_pb";
import { Permission } from "@/gen/cloudhub/v1/options_pb";
import { AutomationPauseSchema } from "@/gen/cloudhub/v1/organization_pb";
import {
  LeftAloneReason,
  type Resource,
  ResourceKind,
  ResourceSchema,
  ResourceState,
} from "@/gen/cloudhub/v1/resource_pb";
import { ScheduleService } from "@/gen/cloudhub/v1/schedule_pb";
import { UserService } from "@/gen/cloudhub/v1/user_pb";
import { accountId, fakeAccount, fakeError, fakeMe, fakeRole } from "@/test/fakes";
import { listed, operations, previewSchedule, schedules } from "./operations";
import {
  pictureAccounts,
  pictureCounts,
  pictureListed,
  pictureOperations,
  pictureResources,
  pictureSchedules,
} from "./picture";
import { previewTargets, timetables } from "./timetables";
import { webhooks } from "./webhooks";

export type Scene = "full" | "picture" | "empty" | "error" | "denied" | "loading" | "probe" | "refused" | "paused";

const never = () => new Promise<never>(() => {});
const failed = () => fakeError(Code.Internal, "INTERNAL");

export const accounts = [
  fakeAccount(1, { name: "ipe-hml", observeOnly: false, resourceCount: 96 }),
  fakeAccount(2, {
    name: "ipe-prd",
    state: CloudAccountState.PARTIAL,
    resourceCount: 41,
    coverage: [
      { region: "sa-east-1", ok: true, count: 38 },
      { region: "us-east-1", ok: true, count: 3 },
      { region: "eu-west-1", ok: true, count: 0 },
      { region: "us-west-2", ok: false, reason: "PROVIDER_DENIED", detail: "UnauthorizedOperation" },
    ],
    missingPermissions: ["ec2:StartInstances", "ec2:StopInstances"],
  }),
  fakeAccount(3, { name: "laboratório de dados", simulated: true, resourceCount: 11, observeOnly: false }),
  fakeAccount(4, {
    name: "lojas-antigas",
    state: CloudAccountState.FAILING,
    lastError: "PROVIDER_UNAUTHENTICATED",
    resourceCount: 0,
    lastSyncTime: timestampFromMs(Date.now() - 7_400_000),
    coverage: [{ region: "us-east-1", ok: false, reason: "PROVIDER_UNAUTHENTICATED", detail: "AuthFailure" }],
  }),
];

const names = [
  "api-01",
  "api-02",
  "bd-01",
  "cache-01",
  "fila-01",
  "jobs-01",
  "web-01",
  "web-02",
  "web-03",
  "gpu-01",
  "notebook-01",
  "bi-01",
  "bi-02",
];

export const resources: Resource[] = names.flatMap((name, index) =>
  ["hml", "prd"].map((place, half) =>
    create(ResourceSchema, {
      id: `44444444-4444-4444-8444-${String(index * 2 + half).padStart(12, "0")}`,
      kind: ResourceKind.AWS_EC2_INSTANCE,
      cloudAccountId: accountId(half + 1),
      providerId: `i-0c41d7e9a2b85${String(index * 2 + half).padStart(4, "f")}`,
      name: `ipe-${place}-${name}`,
      region: "sa-east-1",
      zone: index % 2 ? "sa-east-1a" : "sa-east-1c",
      type: index % 3 ? "t3.large" : "m6i.xlarge",
      state:
        index === 1 && half === 0
          ? ResourceState.STOPPING
          : index % 4 === 3
            ? ResourceState.STOPPED
            : ResourceState.RUNNING,
      operationId: index === 1 && half === 0 ? (operations[0]?.id ?? "") : "",
      leftAlone:
        half === 1 && index < 2
          ? LeftAloneReason.PROTECTED
          : half === 1 && index === 6
            ? LeftAloneReason.AUTO_SCALING
            : LeftAloneReason.UNSPECIFIED,
      tags: { ambiente: place === "hml" ? "homologação" : "produção", time: "plataforma", sistema: "pedidos" },
      protected: half === 1 && index < 2,
      createTime: timestampFromMs(Date.now() - 86_400_000 * 90),
      seenTime: timestampFromMs(Date.now() - 130_000),
      version: 1n,
      details: {
        case: "awsEc2Instance",
        value: {
          privateIp: "10.20.4.37",
          vpcId: "vpc-0a1b2c3d",
          subnetId: "subnet-0f9e",
          imageId: "ami-0abc",
          architecture: "x86_64",
          platform: "Linux/UNIX",
        },
      },
    }),
  ),
);

/** What the services answer in a scene. */
export function fakeTransport(scene: Scene) {
  return scene === "picture" ? pictureTransport() : sceneTransport(scene);
}

/** The data of the design pictures; of the 96 machines that they count, the eighteen that they show. */
function pictureTransport() {
  return createRouterTransport((rpc) => {
    rpc.service(UserService, { getMe: () => fakeMe() });
    rpc.service(CloudAccountService, {
      listCloudAccounts: () => ({ cloudAccounts: pictureAccounts }),
      createCloudAccount: never,
    });
    rpc.service(InventoryService, {
      listResources: (request) => {
        if (request.pageToken) return never();
        const named = new Set(request.resourceIds);
        const resources = pictureResources.filter((one) => named.size === 0 || named.has(one.id));
        return { resources, counts: pictureCounts, nextPageToken: named.size === 0 ? "19" : "" };
      },
      getResource: (request) => ({ resource: pictureResources.find((one) => one.id === request.resourceId) }),
    });
    rpc.service(OperationService, {
      listOperations: (request) => ({ operations: pictureListed(request) }),
      getOperation: (request) => ({ operation: pictureOperations.find((one) => one.id === request.operationId) }),
      watchWorkspace,
    });
    rpc.service(ScheduleService, {
      listSchedules: (request) => ({
        schedules: request.resourceId
          ? pictureSchedules.filter((one) => one.name === "Homologação, dias úteis")
          : pictureSchedules,
      }),
      getSchedule: (request) => ({ schedule: pictureSchedules.find((one) => one.id === request.scheduleId) }),
      previewSchedule,
      previewTargets: () => previewTargets(pictureResources),
      listHolds: () => ({ holds: [] }),
    });
    timetables(rpc, async (full) => full);
  });
}

function me(scene: Scene) {
  const answer = scene === "denied" ? fakeMe([Permission.COSTS_VIEW]) : fakeMe();
  const [org] = answer.organizations;
  if (scene === "paused" && org) {
    org.automationPause = create(AutomationPauseSchema, {
      pauseTime: timestampFromMs(Date.now() - 7_400_000),
      reason: "Virada do ERP: ninguém mexe em nada até a contabilidade liberar",
      pausedByName: "Ana Prado",
    });
  }
  return answer;
}

async function* watchWorkspace(_request: unknown, context: { signal: AbortSignal }) {
  yield create(WatchWorkspaceResponseSchema, {});
  await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
}

function sceneTransport(scene: Scene) {
  const answer = async <Answer>(full: Answer, empty: Answer): Promise<Answer> => {
    if (scene === "loading") return never();
    if (scene === "error") throw failed();
    return scene === "empty" ? empty : full;
  };
  return createRouterTransport((rpc) => {
    rpc.service(UserService, { getMe: () => me(scene) });
    rpc.service(CloudAccountService, {
      prepareAwsRole: () => fakeRole(),
      listCloudAccounts: () => answer({ cloudAccounts: accounts }, { cloudAccounts: [] }),
      createCloudAccount: () => {
        if (scene === "probe") return never();
        throw fakeError(Code.FailedPrecondition, "PERMISSION_MISSING_AT_PROVIDER", {
          metadata: { permissions: "ec2:DescribeInstances, ec2:DescribeRegions" },
        });
      },
      updateCloudAccount: (request) => ({
        cloudAccount: accounts.find((account) => account.id === request.cloudAccountId),
      }),
      deleteCloudAccount: () => {
        throw fakeError(Code.FailedPrecondition, "ACCOUNT_BUSY");
      },
    });
    rpc.service(InventoryService, {
      listResources: (request) => {
        const shown =
          request.states.length > 0 ? resources.filter((one) => request.states.includes(one.state)) : resources;
        const counts = [ResourceState.RUNNING, ResourceState.STOPPED, ResourceState.STOPPING].map((state) => ({
          state,
          count: resources.filter((one) => one.state === state).length,
        }));
        return answer({ resources: shown, counts }, { resources: [], counts: [] });
      },
      getResource: (request) => ({ resource: resources.find((one) => one.id === request.resourceId) }),
      syncInventory: () => ({ accounts: 1 }),
    });
    rpc.service(OperationService, {
      listOperations: (request) => answer({ operations: listed(request) }, { operations: [] }),
      getOperation: (request) => ({ operation: operations.find((one) => one.id === request.operationId) }),
      watchWorkspace,
    });
    schedules(rpc, answer, resources);
    timetables(rpc, answer);
    webhooks(rpc, answer);
  });
}
