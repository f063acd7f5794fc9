/**
 * The data of the design pictures, as the services would answer it: names,
 * ids, states, counts and times of a Tuesday, 24 November 2026, at 14:32 in
 * São Paulo. `npm run pictures` draws the pages from it, the clock held there.
 * What a picture shows and the contract cannot say is left out, never faked;
 * PICTURES.md has the list.
 */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate, timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  type Operation,
  OperationOrigin,
  OperationSchema,
  OperationState,
  OperationStep,
  type OperationTargetSchema,
  TargetState,
} from "@/gen/cloudhub/v1/operation_pb";
import {
  LeftAloneReason,
  type Resource,
  ResourceKind,
  ResourceSchema,
  ResourceState,
} from "@/gen/cloudhub/v1/resource_pb";
import {
  RunExceptionKind,
  type Schedule,
  ScheduleHealth,
  ScheduleRunSchema,
  ScheduleSchema,
} from "@/gen/cloudhub/v1/schedule_pb";
import { accountId, fakeAccount } from "@/test/fakes";

const { RUNNING, STOPPED, STARTING, STOPPING } = ResourceState;
const zone = "America/Sao_Paulo";
/** "24T14:32:00" of November 2026, or "12-01T06:00:00", on the wall of São Paulo. */
const at = (wall: string) =>
  timestampFromDate(new Date(`2026-${wall.includes("-") ? wall : `11-${wall}`}${wall.length < 9 ? ":00" : ""}-03:00`));
const before = (seconds: number) => timestampFromMs(Date.now() - seconds * 1000);
const id = (family: string, n: number) =>
  `${family.repeat(8)}-${family.repeat(4)}-4${family.repeat(3)}-8${family.repeat(3)}-${String(n).padStart(12, "0")}`;

const region = (name: string, count: number) => ({ region: name, ok: true, count });

export const pictureAccounts = [
  fakeAccount(1, {
    name: "ipe-hml",
    externalId: "447122901836",
    observeOnly: false,
    resourceCount: 61,
    coverage: [region("sa-east-1", 61), region("us-east-1", 0), region("us-west-2", 0)],
  }),
  fakeAccount(2, {
    name: "ipe-prd",
    externalId: "447122901837",
    observeOnly: false,
    resourceCount: 52,
    coverage: [region("sa-east-1", 49), region("us-east-1", 3), region("us-west-2", 0)],
  }),
  fakeAccount(3, {
    name: "ipe-lab",
    externalId: "447122901838",
    resourceCount: 23,
    coverage: [region("sa-east-1", 12), region("us-east-1", 11), region("us-west-2", 0)],
  }),
  fakeAccount(4, {
    name: "ipe-lojas",
    externalId: "447122901839",
    resourceCount: 12,
    coverage: [region("sa-east-1", 9), region("us-west-2", 3), region("us-east-1", 0)],
  }),
];

type Row = [name: string, state: ResourceState, type: string, zone: string, more?: "protected"];
const rows: Row[] = [
  ["ipe-hml-api-01", RUNNING, "t3.large", "sa-east-1a"],
  ["ipe-hml-api-02", STOPPING, "t3.large", "sa-east-1a"],
  ["ipe-hml-bd-01", RUNNING, "r6i.large", "sa-east-1a"],
  ["ipe-hml-cache-01", RUNNING, "t3.medium", "sa-east-1c"],
  ["ipe-hml-fila-01", RUNNING, "t3.medium", "sa-east-1a"],
  ["ipe-hml-jobs-01", RUNNING, "c6i.xlarge", "sa-east-1c"],
  ["ipe-hml-web-01", RUNNING, "t3.large", "sa-east-1a"],
  ["ipe-hml-web-02", RUNNING, "t3.large", "sa-east-1c"],
  ["ipe-hml-web-03", RUNNING, "t3.large", "sa-east-1a"],
  ["ipe-lab-gpu-01", STOPPED, "g5.2xlarge", "sa-east-1a", "protected"],
  ["ipe-lab-notebook-01", STOPPED, "m6i.xlarge", "us-east-1b"],
  ["ipe-prd-api-01", RUNNING, "m6i.xlarge", "sa-east-1a", "protected"],
  ["ipe-prd-api-02", RUNNING, "m6i.xlarge", "sa-east-1c", "protected"],
  ["ipe-prd-bi-01", STOPPED, "r6i.2xlarge", "sa-east-1a"],
  ["ipe-prd-bi-02", STOPPED, "r6i.2xlarge", "sa-east-1a"],
  ["ipe-prd-bi-03", RUNNING, "r6i.4xlarge", "sa-east-1c"],
  ["ipe-prd-fila-02", RUNNING, "m6i.large", "sa-east-1c"],
  ["ipe-prd-web-01", RUNNING, "c6i.large", "sa-east-1a"],
];
const resourceId = (n: number) => id("4", n);
const indexOf = (name: string) => rows.findIndex(([one]) => one === name);

const live = create(OperationSchema, {
  id: id("5", 1),
  origin: OperationOrigin.PERSON,
  state: OperationState.RUNNING,
  step: OperationStep.WATCHING,
  requestedByName: "Ana Prado",
  targetCount: 1,
  targetOffCount: 1,
  attempts: 1,
  createTime: at("24T14:31:12"),
  startTime: at("24T14:31:12"),
  actBefore: at("24T14:46:12"),
  version: 3n,
  targets: [
    {
      operationId: id("5", 1),
      resourceId: resourceId(1),
      resourceName: "ipe-hml-api-02",
      wanted: STOPPED,
      state: TargetState.ACCEPTED,
      before: RUNNING,
      attempts: 1,
      acceptTime: at("24T14:31:13"),
      version: 2n,
    },
  ],
});

export const pictureResources: Resource[] = rows.map(([name, state, type, place, more], n) => {
  const account = ["ipe-hml", "ipe-prd", "ipe-lab"].findIndex((one) => name.startsWith(one)) + 1;
  const second = name === "ipe-hml-api-02";
  return create(ResourceSchema, {
    id: resourceId(n),
    kind: ResourceKind.AWS_EC2_INSTANCE,
    cloudAccountId: accountId(account),
    providerId: second ? "i-0c41d7e9a2b85f310" : `i-0c41d7e9a2b85${String(n).padStart(4, "0")}`,
    name,
    region: place.slice(0, -1),
    zone: place,
    type,
    state,
    operationId: second ? live.id : "",
    protected: more === "protected",
    leftAlone: more === "protected" ? LeftAloneReason.PROTECTED : LeftAloneReason.UNSPECIFIED,
    tags: {
      ambiente: account === 2 ? "produção" : "homologação",
      time: "plataforma",
      sistema: "pedidos",
      "centro-de-custo": "4102",
      "gerido-por": "terraform",
    },
    createTime: timestampFromDate(new Date("2025-03-12T14:00:00Z")),
    seenTime: before(2),
    version: 1n,
    details: {
      case: "awsEc2Instance",
      value: {
        privateIp: "10.20.4.37",
        vpcId: "vpc-ipe-hml",
        imageId: "Amazon Linux 2023",
        architecture: "x86_64",
      },
    },
  });
});

/** By state, of the 96 that the filter lets through; the first 18 are in the picture. */
export const pictureCounts = [
  { state: RUNNING, count: 71 },
  { state: STOPPED, count: 22 },
  { state: STARTING, count: 2 },
  { state: STOPPING, count: 1 },
];

type Bar = "ok" | "partial" | "missed" | "none";
type Plan = {
  name: string;
  targets: number;
  start: string;
  stop: string;
  days: number[];
  next?: string;
  nextOn?: boolean;
  /** Newest first; `on` alternates back from `lastOn`. */
  past: string[];
  lastOn: boolean;
  bars?: Record<number, Bar>;
  monthDays?: number[];
  /** Until when, by whom and why nothing of it runs. */
  held?: { until: string; by: string; reason: string };
};
const workdays = [1, 2, 3, 4, 5];
const week = [1, 2, 3, 4, 5, 6, 7];
const plans: Plan[] = [
  {
    name: "Treinamento RH",
    targets: 3,
    start: "13:00",
    stop: "17:30",
    days: [2, 4],
    next: "24T17:30",
    past: [
      "24T13:00",
      "19T17:30",
      "19T13:00",
      "17T17:30",
      "17T13:00",
      "12T17:30",
      "12T13:00",
      "10T17:30",
      "10T13:00",
      "05T17:30",
    ],
    lastOn: true,
  },
  {
    name: "Dev, dias úteis",
    targets: 23,
    start: "08:00",
    stop: "18:30",
    days: workdays,
    next: "24T18:30",
    past: [
      "24T08:00",
      "23T18:30",
      "23T08:00",
      "20T18:30",
      "20T08:00",
      "19T18:30",
      "19T08:00",
      "18T18:30",
      "18T08:00",
      "17T18:30",
    ],
    lastOn: true,
  },
  {
    name: "Homologação, dias úteis",
    targets: 14,
    start: "07:00",
    stop: "19:00",
    days: workdays,
    next: "24T19:00",
    past: [
      "24T07:00",
      "23T19:00",
      "23T07:00",
      "20T19:00",
      "20T07:00",
      "19T19:00",
      "19T07:00",
      "18T19:00",
      "18T07:00",
      "17T19:00",
    ],
    lastOn: true,
    bars: { 1: "partial" },
  },
  {
    name: "Site institucional (hml)",
    targets: 2,
    start: "08:00",
    stop: "20:00",
    days: week,
    next: "24T20:00",
    past: [
      "23T20:10",
      "23T08:00",
      "22T20:00",
      "22T08:00",
      "21T20:00",
      "21T08:00",
      "20T20:00",
      "20T08:00",
      "19T20:00",
      "19T08:00",
    ],
    lastOn: false,
    bars: { 0: "missed" },
  },
  {
    name: "BI noturno",
    targets: 4,
    start: "22:00",
    stop: "04:00",
    days: week,
    next: "24T22:00",
    nextOn: true,
    past: [
      "24T04:00",
      "23T22:00",
      "23T04:00",
      "22T22:00",
      "22T04:00",
      "21T22:00",
      "21T04:00",
      "20T22:00",
      "20T04:00",
      "19T22:00",
    ],
    lastOn: false,
  },
  {
    name: "Lojas: relatórios",
    targets: 6,
    start: "05:30",
    stop: "09:00",
    days: week,
    next: "25T05:30",
    nextOn: true,
    past: [
      "24T09:00",
      "24T05:30",
      "23T09:00",
      "23T05:30",
      "22T09:00",
      "22T05:30",
      "21T09:00",
      "21T05:30",
      "20T09:00",
      "20T05:30",
    ],
    lastOn: false,
  },
  {
    name: "Lote SAP",
    targets: 5,
    start: "06:00",
    stop: "14:00",
    days: [6, 7],
    next: "28T06:00",
    nextOn: true,
    past: [
      "22T14:00",
      "22T06:00",
      "21T14:00",
      "21T06:00",
      "15T14:00",
      "15T06:00",
      "14T14:00",
      "14T06:00",
      "08T14:00",
      "08T06:00",
    ],
    lastOn: false,
  },
  {
    name: "Fechamento contábil",
    targets: 2,
    start: "06:00",
    stop: "23:00",
    days: [],
    monthDays: [1, 2, 3, 4, 5],
    next: "12-01T06:00",
    nextOn: true,
    past: [
      "05T23:00",
      "05T06:00",
      "04T23:00",
      "04T06:00",
      "03T23:00",
      "03T06:00",
      "02T23:00",
      "02T06:00",
      "01T23:00",
      "01T06:00",
    ],
    lastOn: false,
  },
  {
    name: "Sandbox engenharia",
    targets: 11,
    start: "09:00",
    stop: "18:00",
    days: workdays,
    next: "25T09:00",
    nextOn: true,
    held: { until: "30T18:00", by: "Caio", reason: "Férias coletivas do time" },
    past: ["20T18:00", "20T09:00", "19T18:00", "19T09:00", "18T18:00", "18T09:00"],
    lastOn: false,
  },
];

/** The machines of the run in the picture: who, how often it was asked, and how long after 19:00:01 it was seen off. */
type Ran = [name: string, attempts: number, seconds: number, how?: "failed" | "already"];
const ran: Ran[] = [
  ["vm-hml-erp-01", 3, 91, "failed"],
  ["vm-hml-erp-02", 2, 108],
  ["vm-hml-nfe-01", 1, 99],
  ["ipe-hml-pg-01", 1, 400],
  ["ipe-hml-rel", 0, 0, "already"],
  ["ipe-hml-api-01", 1, 58],
  ["ipe-hml-api-02", 1, 70],
  ["ipe-hml-bd-01", 1, 82],
  ["ipe-hml-cache-01", 1, 53],
  ["ipe-hml-fila-01", 1, 48],
  ["ipe-hml-jobs-01", 1, 65],
  ["ipe-hml-web-01", 1, 57],
  ["ipe-hml-web-02", 1, 60],
  ["ipe-hml-web-03", 1, 62],
];
const scopeLocked =
  "ScopeLocked: The scope '…/rg-hml-erp/…/vm-hml-erp-01' cannot perform write operation because following scope(s) are locked: '…/rg-hml-erp'.";

function ranTargets(operationId: string, scheduleId: string, due: number) {
  return ran.map(
    ([name, attempts, seconds, how], n): MessageInitShape<typeof OperationTargetSchema> => ({
      operationId,
      scheduleId,
      resourceId: indexOf(name) < 0 ? id("9", n) : resourceId(indexOf(name)),
      resourceName: name,
      cloudAccountId: accountId(1),
      region: "sa-east-1",
      wanted: STOPPED,
      before: how === "already" ? STOPPED : RUNNING,
      after: how === "failed" ? RUNNING : STOPPED,
      state: how === "failed" ? TargetState.FAILED : how === "already" ? TargetState.ALREADY : TargetState.DONE,
      reason: how === "failed" ? "PROVIDER_DENIED" : "",
      detail: how === "failed" ? scopeLocked : "",
      attempts,
      ...(how ? {} : { acceptTime: timestampFromMs(due + (attempts > 1 ? 12_700 : 1_400)) }),
      endTime: timestampFromMs(due + 1_000 + seconds * 1_000),
      version: 1n,
    }),
  );
}

const operations: Operation[] = [live];

export const pictureSchedules: Schedule[] = plans.map((plan, index) => {
  const scheduleId = id("6", index);
  const named = pictureResources.map((r) => r.id).slice(0, plan.targets);
  const resourceIds = [
    ...named,
    ...Array.from({ length: plan.targets - named.length }, (_, n) => id("8", index * 100 + n)),
  ];
  const recentRuns = plan.past.map((wall, n) => {
    const on = n % 2 === 0 ? plan.lastOn : !plan.lastOn;
    const due = at(wall);
    const dueMs = Number(due.seconds) * 1000;
    const operationId = id("7", index * 100 + n);
    const bar = plan.bars?.[n] ?? "ok";
    const failed = bar === "partial" ? 1 : 0;
    const missed = bar === "missed" ? plan.targets : 0;
    operations.push(
      create(OperationSchema, {
        id: operationId,
        origin: OperationOrigin.TIMETABLE,
        state: missed ? OperationState.MISSED : failed ? OperationState.PARTIAL : OperationState.SUCCEEDED,
        step: OperationStep.DONE,
        schedules: [{ scheduleId, name: plan.name, revision: 1 }],
        targetCount: plan.targets,
        targetDoneCount: plan.targets,
        targetFailedCount: failed,
        targetOnCount: on ? plan.targets : 0,
        targetOffCount: on ? 0 : plan.targets,
        attempts: failed ? 16 : plan.targets,
        dueTime: due,
        createTime: due,
        startTime: timestampFromMs(dueMs + 1_000),
        endTime: timestampFromMs(dueMs + 402_000),
        actBefore: timestampFromMs(dueMs + 600_000),
        version: 1n,
        targets:
          plan.name === "Homologação, dias úteis" && !on
            ? ranTargets(operationId, scheduleId, dueMs)
            : resourceIds.map((resource, m) => ({
                operationId,
                scheduleId,
                resourceId: resource,
                resourceName: pictureResources[m]?.name ?? `ipe-hml-m-${m}`,
                cloudAccountId: accountId(1),
                wanted: on ? RUNNING : STOPPED,
                before: on ? STOPPED : RUNNING,
                after: on ? RUNNING : STOPPED,
                state: missed ? TargetState.MISSED : TargetState.DONE,
                reason: missed ? "TOO_LATE" : "",
                attempts: missed ? 0 : 1,
                ...(missed ? {} : { acceptTime: timestampFromMs(dueMs + 1_400) }),
                endTime: timestampFromMs(dueMs + 60_000),
                version: 1n,
              })),
      }),
    );
    return create(ScheduleRunSchema, {
      operationId,
      dueTime: due,
      wanted: on ? RUNNING : STOPPED,
      targetCount: plan.targets,
      doneCount: plan.targets - failed - missed,
      failedCount: failed,
      missedCount: missed,
      ended: true,
    });
  });
  return create(ScheduleSchema, {
    id: scheduleId,
    name: plan.name,
    rule: {
      startTime: plan.start,
      stopTime: plan.stop,
      weekdays: plan.days,
      monthDays: plan.monthDays ?? [],
      timeZone: zone,
    },
    catchUpMinutes: 10,
    health: plan.held
      ? ScheduleHealth.ON_HOLD
      : plan.bars?.[0] === "missed"
        ? ScheduleHealth.FAILING
        : ScheduleHealth.OK,
    ...(plan.held
      ? {
          hold: {
            id: id("d", index),
            scheduleId,
            reason: plan.held.reason,
            untilTime: at(plan.held.until),
            createdByName: plan.held.by,
            createTime: at("20T18:30"),
          },
          nextException: {
            kind: RunExceptionKind.HELD,
            text: plan.held.reason,
            byName: plan.held.by,
            untilTime: at(plan.held.until),
          },
        }
      : {}),
    resourceIds,
    revision: 1,
    ...(plan.next ? { nextTime: at(plan.next), nextWanted: plan.nextOn ? RUNNING : STOPPED } : {}),
    createdByName: "Caio Lima",
    createTime: at("02-12T10:00:00"),
    updateTime: at("02-12T10:00:00"),
    etag: `"${index}"`,
    recentRuns,
  });
});

/** The third line of the drawer's history: it worked at the third attempt, for somebody else. */
operations.push(
  create(OperationSchema, {
    id: id("5", 2),
    origin: OperationOrigin.PERSON,
    state: OperationState.SUCCEEDED,
    step: OperationStep.DONE,
    requestedByName: "Caio Lima",
    targetCount: 1,
    targetDoneCount: 1,
    targetOffCount: 1,
    attempts: 3,
    createTime: at("20T17:42:00"),
    startTime: at("20T17:42:01"),
    endTime: at("20T17:44:10"),
    version: 1n,
    targets: [
      {
        operationId: id("5", 2),
        resourceId: resourceId(1),
        resourceName: "ipe-hml-api-02",
        wanted: STOPPED,
        state: TargetState.DONE,
        before: RUNNING,
        after: STOPPED,
        attempts: 3,
        acceptTime: at("20T17:43:00"),
        endTime: at("20T17:44:10"),
        version: 1n,
      },
    ],
  }),
);

export const pictureOperations = operations;

/** The three lines of the drawer in the picture, or the runs of a schedule. */
export function pictureListed(request: { resourceId: string; scheduleId: string; open: boolean }): Operation[] {
  const whole = operations
    .filter((o) => !request.open || o === live)
    .filter((o) => !request.scheduleId || o.schedules.some((s) => s.scheduleId === request.scheduleId))
    .filter((o) => !request.resourceId || o.targets.some((t) => t.resourceId === request.resourceId));
  if (!request.resourceId) return whole.map((o) => ({ ...o, targets: [] }));
  const homologation = id("6", 2);
  const touching = whole.filter((o) => o.schedules.length === 0 || o.schedules[0]?.scheduleId === homologation);
  const [atWork, ...past] = touching;
  const shown = [atWork, ...past.slice(0, 2), past.at(-1)].filter((o) => o !== undefined);
  return shown.map((o) => ({ ...o, targets: o.targets.filter((t) => t.resourceId === request.resourceId) }));
}
