import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { Code, type ConnectRouter } from "@connectrpc/connect";
import { addDays, instantOf, wallIn } from "@/components/time/wall";
import { eventAfter, eventsOn } from "@/features/schedule/day";
import { fromContract } from "@/features/schedule/rule";
import {
  type Operation,
  OperationOrigin,
  OperationSchema,
  OperationState,
  OperationStep,
  type OperationTarget,
  OperationTargetSchema,
  TargetState,
} from "@/gen/cloudhub/v1/operation_pb";
import { type Resource, ResourceState } from "@/gen/cloudhub/v1/resource_pb";
import {
  type PreviewScheduleRequest,
  RunExceptionKind,
  type Schedule,
  ScheduleHealth,
  ScheduleRuleSchema,
  ScheduleRunSchema,
  ScheduleSchema,
  ScheduleService,
} from "@/gen/cloudhub/v1/schedule_pb";
import { accountId, fakeError } from "@/test/fakes";
import { holds, importSchedules, previewTargets } from "./timetables";

const zone = "America/Sao_Paulo";
const now = Date.now();
const ago = (seconds: number) => timestampFromMs(now - seconds * 1000);
const resource = (n: number) => `44444444-4444-4444-8444-${String(n).padStart(12, "0")}`;
const uuid = (family: string, n: number) =>
  `${family.repeat(8)}-${family.repeat(4)}-4${family.repeat(3)}-8${family.repeat(3)}-${String(n).padStart(12, "0")}`;
const names = ["api-01", "api-02", "bd-01", "cache-01", "fila-01", "jobs-01", "web-01"];

/** By hand, at work now: the second step of the row in the design. */
const live = create(OperationSchema, {
  id: uuid("5", 1),
  origin: OperationOrigin.PERSON,
  state: OperationState.RUNNING,
  step: OperationStep.ACTING,
  requestedByName: "Ana Prado",
  targetCount: 1,
  targetOffCount: 1,
  attempts: 2,
  lastError: "PROVIDER_THROTTLED",
  lastErrorDetail: "RequestLimitExceeded",
  actBefore: timestampFromMs(now + 850_000),
  createTime: ago(50),
  startTime: ago(48),
  version: 3n,
  targets: [
    {
      operationId: uuid("5", 1),
      resourceId: resource(2),
      resourceName: "ipe-hml-api-02",
      wanted: ResourceState.STOPPED,
      state: TargetState.TAKEN,
      before: ResourceState.RUNNING,
      attempts: 2,
      version: 2n,
    },
  ],
});

const workdays = [1, 2, 3, 4, 5];
const week = [...workdays, 6, 7];

type Plan = {
  name: string;
  start: string;
  stop: string;
  days: number[];
  machines: number[];
  zone?: string;
  /** What else the schedule says. */
  more?: (t: number) => MessageInitShape<typeof ScheduleSchema>;
  rule?: MessageInitShape<typeof ScheduleRuleSchema>;
  odd?: Record<number, "partial" | "missed">;
};

const plans: Plan[] = [
  {
    name: "Treinamento RH",
    start: "13:00",
    stop: "17:30",
    days: [2, 4],
    machines: [12, 14, 16],
    more: (t) => ({
      health: ScheduleHealth.ON_HOLD,
      hold: {
        id: uuid("d", 2),
        reason: "Férias coletivas do time",
        untilTime: timestampFromMs(t + 500_000_000),
        createdByName: "Ana Prado",
        createTime: ago(93_000),
      },
      nextException: {
        kind: RunExceptionKind.HELD,
        text: "Férias coletivas do time",
        byName: "Ana Prado",
        untilTime: timestampFromMs(t + 500_000_000),
      },
    }),
  },
  {
    name: "Dev, dias úteis",
    start: "08:00",
    stop: "18:30",
    days: workdays,
    machines: [0, 2, 4, 6, 8, 10],
    rule: { calendarIds: ["br"] },
    more: () => ({
      resourceIds: [],
      selector: { tags: [{ key: "ambiente", values: ["dev"] }], cloudAccountIds: [accountId(1)] },
      nextException: { kind: RunExceptionKind.SKIPPED, byName: "Caio Lima" },
    }),
  },
  {
    name: "Homologação, dias úteis",
    start: "07:00",
    stop: "19:00",
    days: workdays,
    machines: [0, 1, 2, 3, 4, 6, 8],
    rule: { calendarIds: ["br"] },
    odd: { 1: "partial" },
  },
  {
    name: "Site institucional (hml)",
    start: "08:00",
    stop: "20:00",
    days: week,
    machines: [20, 22],
    odd: { 0: "missed", 1: "missed" },
  },
  { name: "BI noturno", start: "22:00", stop: "04:00", days: week, machines: [18, 20, 22, 24] },
  { name: "Lojas: relatórios", start: "05:30", stop: "09:00", days: week, machines: [10, 12], rule: { stopTime: "" } },
  {
    name: "Fechamento contábil",
    start: "06:00",
    stop: "23:00",
    days: [],
    machines: [14],
    rule: { monthDays: [1, 2, 3, 4, 5, 31] },
  },
  {
    name: "Sandbox engenharia",
    start: "09:00",
    stop: "18:00",
    days: workdays,
    machines: [2, 4],
    more: (t) => ({
      health: ScheduleHealth.PAUSED,
      pauseTime: timestampFromMs(t - 90_000_000),
      pausedByName: "Caio Lima",
    }),
  },
  {
    name: "Escritório de Manaus",
    start: "08:00",
    stop: "18:00",
    days: workdays,
    machines: [16, 18],
    zone: "America/Manaus",
  },
  { name: "Lote SAP", start: "06:00", stop: "14:00", days: [6, 7], machines: [5, 7, 9, 11, 13] },
];

const runs: Operation[] = [];

function target(
  scheduleId: string,
  operationId: string,
  machine: number,
  on: boolean,
  due: number,
  odd: string | undefined,
): OperationTarget {
  const failed = odd === "partial" && machine === 8;
  const missed = odd === "missed";
  const alone = machine === 1 || machine === 3;
  const wanted = on ? ResourceState.RUNNING : ResourceState.STOPPED;
  const before = on ? ResourceState.STOPPED : ResourceState.RUNNING;
  return create(OperationTargetSchema, {
    operationId,
    scheduleId,
    resourceId: resource(machine),
    resourceName: `ipe-${machine % 2 ? "prd" : "hml"}-${names[Math.floor(machine / 2)] ?? `m-${machine}`}`,
    wanted,
    before,
    after: failed || missed || alone ? before : wanted,
    state: missed
      ? TargetState.MISSED
      : alone
        ? TargetState.LEFT_ALONE
        : failed
          ? TargetState.FAILED
          : TargetState.DONE,
    reason: missed ? "TOO_LATE" : alone ? "PROTECTED" : failed ? "PROVIDER_CAPACITY" : "",
    detail: failed ? "InsufficientInstanceCapacity: m6i.xlarge in sa-east-1a" : "",
    attempts: missed || alone ? 0 : failed ? 3 : 1,
    ...(missed || alone ? {} : { acceptTime: timestampFromMs(due + 2_000) }),
    endTime: timestampFromMs(due + 50_000 + machine * 1_300),
    version: 1n,
  });
}

const all: Schedule[] = plans.map((plan, index) => {
  const id = uuid("6", index);
  const said = create(ScheduleRuleSchema, {
    startTime: plan.start,
    stopTime: plan.stop,
    weekdays: plan.days,
    timeZone: plan.zone ?? zone,
    ...plan.rule,
  });
  const rule = fromContract(said);
  const today = wallIn(rule.timeZone, new Date(now));
  const past: { at: number; on: boolean }[] = [];
  for (let back = 0; past.length < 10 && back < 90; back++) {
    const day = addDays(today, -back);
    const events = eventsOn(rule, day).reverse();
    for (const e of events) {
      const at = instantOf(day, e.minute, rule.timeZone).getTime();
      if (at <= now && past.length < 10) past.push({ at, on: e.on });
    }
  }
  const recentRuns = past.map(({ at, on }, n) => {
    const operationId = uuid("7", index * 100 + n);
    const odd = plan.odd?.[n];
    const targets = plan.machines.map((m) => target(id, operationId, m, on, at, odd));
    const of = (state: TargetState) => targets.filter((t) => t.state === state).length;
    const failed = of(TargetState.FAILED);
    const missed = of(TargetState.MISSED);
    const alone = of(TargetState.LEFT_ALONE);
    runs.push(
      create(OperationSchema, {
        id: operationId,
        origin: OperationOrigin.TIMETABLE,
        state: missed ? OperationState.MISSED : failed ? OperationState.PARTIAL : OperationState.SUCCEEDED,
        step: OperationStep.DONE,
        schedules: [{ scheduleId: id, name: plan.name, revision: n > 6 ? 1 : 2 }],
        targetCount: targets.length,
        targetDoneCount: targets.length,
        targetFailedCount: failed,
        targetLeftAloneCount: alone,
        targetOnCount: on ? targets.length : 0,
        targetOffCount: on ? 0 : targets.length,
        attempts: targets.length + failed * 2,
        dueTime: timestampFromMs(at),
        createTime: timestampFromMs(at),
        startTime: timestampFromMs(at + 1_000),
        endTime: timestampFromMs(at + 70_000),
        version: 1n,
        targets,
      }),
    );
    return create(ScheduleRunSchema, {
      operationId,
      dueTime: timestampFromMs(at),
      wanted: on ? ResourceState.RUNNING : ResourceState.STOPPED,
      targetCount: targets.length,
      doneCount: of(TargetState.DONE),
      failedCount: failed,
      missedCount: missed,
      leftAloneCount: alone,
      ended: true,
    });
  });
  const next = eventAfter(rule, today);
  return create(ScheduleSchema, {
    id,
    name: plan.name,
    rule: said,
    resourceIds: plan.machines.map(resource),
    revision: 2,
    ...(next
      ? {
          nextTime: timestampFromMs(instantOf(addDays(today, next.days), next.minute, rule.timeZone).getTime()),
          nextWanted: next.on ? ResourceState.RUNNING : ResourceState.STOPPED,
        }
      : {}),
    createdByName: index % 2 ? "Caio Lima" : "Ana Prado",
    createTime: ago(8_640_000),
    updateTime: ago(864_000),
    etag: `"${index}"`,
    recentRuns,
    catchUpMinutes: 10,
    health: recentRuns.length === 0 ? ScheduleHealth.NEW : plan.odd?.[0] ? ScheduleHealth.FAILING : ScheduleHealth.OK,
    ...plan.more?.(now),
  });
});
const due = (s: Schedule) => (s.nextTime ? timestampMs(s.nextTime) : Number.POSITIVE_INFINITY);
all.sort((a, b) => due(a) - due(b));

export const operations: Operation[] = [
  live,
  ...runs.sort((a, b) => (b.dueTime ? timestampMs(b.dueTime) : 0) - (a.dueTime ? timestampMs(a.dueTime) : 0)),
];

/** The operations that a request asks for; lists leave the targets out. */
export function listed(request: { resourceId: string; scheduleId: string; open: boolean }): Operation[] {
  return operations
    .filter((o) => !request.open || o === live)
    .filter((o) => !request.resourceId || o.targets.some((t) => t.resourceId === request.resourceId))
    .filter((o) => !request.scheduleId || o.schedules.some((s) => s.scheduleId === request.scheduleId))
    .slice(0, 10)
    .map((o) => ({ ...o, targets: [] }));
}

export function schedules(
  rpc: ConnectRouter,
  answer: <Answer>(full: Answer, empty: Answer) => Promise<Answer>,
  resources: Resource[],
) {
  rpc.service(ScheduleService, {
    listSchedules: (request) =>
      answer(
        { schedules: all.filter((s) => !request.resourceId || s.resourceIds.includes(request.resourceId)) },
        { schedules: [] },
      ),
    getSchedule: (request) => ({ schedule: all.find((one) => one.id === request.scheduleId) }),
    createSchedule: () => {
      throw fakeError(Code.InvalidArgument, "VALIDATION", { fields: { "rule.stop_time": "SCHEDULE_CONFLICT" } });
    },
    deleteSchedule: () => ({}),
    previewSchedule,
    previewTargets: () => previewTargets(resources),
    pauseSchedule: () => ({}),
    resumeSchedule: () => ({}),
    skipNext: (request) => ({ skippedTime: all.find((one) => one.id === request.scheduleId)?.nextTime }),
    restoreRun: () => ({}),
    createHold: () => ({}),
    endHold: () => ({}),
    listHolds: (request) =>
      answer({ holds: request.inForce ? holds.filter((one) => !one.endTime) : holds }, { holds: [] }),
    importSchedules,
  });
}

/** The coming runs of a rule, thirty of them; on Christmas nothing happens, and one account is large. */
export function previewSchedule({ rule: said, selector }: PreviewScheduleRequest) {
  const runs = [];
  if (!said) return { runs: [] };
  const rule = fromContract(said);
  let wall = wallIn(rule.timeZone, new Date());
  for (let n = 0; n < 30; n++) {
    const next = eventAfter(rule, wall);
    if (!next) break;
    const day = addDays(wall, next.days);
    const time = instantOf(day, next.minute, rule.timeZone);
    const holiday = holidays[`${day.month}-${day.day}`];
    runs.push({
      time: timestampFromMs(time.getTime()),
      wanted: next.on ? ResourceState.RUNNING : ResourceState.STOPPED,
      movedByGap: wallIn(rule.timeZone, time).minute !== next.minute,
      ...(holiday && said.calendarIds.includes("br")
        ? {
            exception: {
              kind: RunExceptionKind.HOLIDAY,
              text: holiday,
              calendarName: "Feriados nacionais do Brasil",
            },
          }
        : {}),
    });
    wall = { ...wallIn(rule.timeZone, time), minute: next.minute };
  }
  const rateWarnings = selector?.everything
    ? [
        {
          cloudAccountId: accountId(2),
          cloudAccountName: "ipe-prd",
          region: "sa-east-1",
          wanted: ResourceState.RUNNING,
          targetCount: 1_900,
          neededSeconds: 950,
          fittingCount: 1_200,
          earlierTime: "06:44",
        },
      ]
    : [];
  return { runs, rateWarnings };
}

/** Of the weeks around the end of November, so that there is one to see. */
const holidays: Record<string, string> = { "11-30": "Dia do Evangélico", "12-25": "Natal", "1-1": "Confraternização" };
