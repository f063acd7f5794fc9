import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, type ConnectRouter } from "@connectrpc/connect";
import { EXAMPLE } from "@/features/schedule/csv";
import { type Calendar, CalendarSchema, CalendarService, CalendarSource } from "@/gen/cloudhub/v1/calendar_pb";
import {
  type Notification,
  NotificationKind,
  NotificationSchema,
  NotificationService,
  Severity,
} from "@/gen/cloudhub/v1/notification_pb";
import { OrganizationService } from "@/gen/cloudhub/v1/organization_pb";
import type { Resource } from "@/gen/cloudhub/v1/resource_pb";
import {
  type Hold,
  HoldSchema,
  type ImportSchedulesResponseSchema,
  type PreviewTargetsResponseSchema,
} from "@/gen/cloudhub/v1/schedule_pb";
import { fakeError } from "@/test/fakes";

type Answer = <A>(full: A, empty: A) => Promise<A>;

const uuid = (family: string, n: number) =>
  `${family.repeat(8)}-${family.repeat(4)}-4${family.repeat(3)}-8${family.repeat(3)}-${String(n).padStart(12, "0")}`;
const hour = 3_600_000;
const ago = (hours: number) => timestampFromMs(Date.now() - hours * hour);
const ahead = (hours: number) => timestampFromMs(Date.now() + hours * hour);

const brazil = (year: number) => [
  { date: `${year}-01-01`, name: "Confraternização Universal", law: "Lei nº 662/1949" },
  { date: `${year}-04-21`, name: "Tiradentes", law: "Lei nº 662/1949" },
  { date: `${year}-05-01`, name: "Dia do Trabalho", law: "Lei nº 662/1949" },
  { date: `${year}-09-07`, name: "Independência do Brasil", law: "Lei nº 662/1949" },
  { date: `${year}-10-12`, name: "Nossa Senhora Aparecida", law: "Lei nº 6.802/1980" },
  { date: `${year}-11-02`, name: "Finados", law: "Lei nº 662/1949" },
  { date: `${year}-11-15`, name: "Proclamação da República", law: "Lei nº 662/1949" },
  { date: `${year}-11-20`, name: "Dia Nacional de Zumbi e da Consciência Negra", law: "Lei nº 14.759/2023" },
  { date: `${year}-12-25`, name: "Natal", law: "Lei nº 662/1949" },
];
const company = (year: number) => [
  { date: `${year}-12-24`, name: "Véspera de Natal", law: "" },
  { date: `${year}-12-31`, name: "Véspera de Ano-Novo", law: "" },
];

export const calendars: Calendar[] = [
  create(CalendarSchema, {
    id: "br",
    name: "Feriados nacionais do Brasil",
    source: CalendarSource.BUILT_IN,
    dayCount: 9,
    scheduleCount: 3,
  }),
  create(CalendarSchema, {
    id: uuid("c", 1),
    name: "Feriados da empresa",
    source: CalendarSource.DAYS,
    dayCount: 4,
    refreshTime: ago(200),
    scheduleCount: 1,
    etag: '"1"',
  }),
  create(CalendarSchema, {
    id: uuid("c", 2),
    name: "São Paulo, municipais",
    source: CalendarSource.ADDRESS,
    address: "https://agenda.example.com.br/sao-paulo/municipais.ics",
    dayCount: 6,
    refreshTime: ago(31),
    nextRefreshTime: ahead(2),
    lastError: "CALENDAR_UNREACHABLE",
    lastErrorDetail: "GET https://agenda.example.com.br/…: 503 Service Unavailable",
    etag: '"2"',
    notes: ["line 14: an event of 3 hours is no day"],
  }),
  create(CalendarSchema, {
    id: uuid("c", 3),
    name: "Bolsa de valores",
    source: CalendarSource.FILE,
    dayCount: 14,
    refreshTime: ago(2000),
    etag: '"3"',
  }),
];

export const holds: Hold[] = [
  {
    id: uuid("d", 1),
    resourceId: "44444444-4444-4444-8444-000000000018",
    subjectName: "ipe-lab-gpu-01",
    reason: "Treino em curso, nenhum horário a para",
    untilTime: ahead(70),
    createdByName: "Caio Lima",
    createTime: ago(5),
  },
  {
    id: uuid("d", 2),
    scheduleId: uuid("6", 0),
    subjectName: "Treinamento RH",
    reason: "Férias coletivas do time",
    untilTime: ahead(140),
    createdByName: "Ana Prado",
    createTime: ago(26),
  },
  {
    id: uuid("d", 3),
    resourceId: "44444444-4444-4444-8444-000000000002",
    subjectName: "ipe-hml-bd-01",
    reason: "Migração do banco",
    untilTime: ago(20),
    createdByName: "Ana Prado",
    createTime: ago(60),
    endTime: ago(40),
    endedByName: "Caio Lima",
  },
].map((hold: MessageInitShape<typeof HoldSchema>) => create(HoldSchema, hold));

const told: Notification[] = [
  {
    id: uuid("e", 1),
    kind: NotificationKind.SCHEDULE_FAILED,
    severity: Severity.ERROR,
    createTime: ago(1),
    subjectName: "Homologação, dias úteis",
    scheduleId: uuid("6", 2),
    operationId: uuid("7", 201),
    failedCount: 1,
    targetCount: 7,
    dueTime: ago(1.1),
  },
  {
    id: uuid("e", 2),
    kind: NotificationKind.NOT_FOLLOWED,
    severity: Severity.WARNING,
    createTime: ago(2),
    subjectName: "ipe-hml-api-02",
    resourceId: "44444444-4444-4444-8444-000000000002",
    wanted: "RESOURCE_STATE_STOPPED",
    seen: "RESOURCE_STATE_RUNNING",
  },
  {
    id: uuid("e", 3),
    kind: NotificationKind.CALENDAR_FAILING,
    severity: Severity.WARNING,
    createTime: ago(7),
    subjectName: "São Paulo, municipais",
    calendarId: uuid("c", 2),
    read: true,
  },
  {
    id: uuid("e", 4),
    kind: NotificationKind.SCHEDULE_MISSED,
    severity: Severity.WARNING,
    createTime: ago(30),
    subjectName: "Site institucional (hml)",
    scheduleId: uuid("6", 3),
    operationId: uuid("7", 300),
    targetCount: 2,
    dueTime: ago(30.2),
    read: true,
  },
].map((one: MessageInitShape<typeof NotificationSchema>) => create(NotificationSchema, one));

/** Lines of the example, one of them wrong. */
export function importSchedules(request: { csv: string }): MessageInitShape<typeof ImportSchedulesResponseSchema> {
  const rows = (request.csv || EXAMPLE).split("\n").slice(1).filter(Boolean);
  return {
    imported: false,
    lines: rows.map((row, index) => ({
      line: index + 2,
      name: row.split(",")[0] ?? "",
      problems:
        index === 1
          ? [
              { column: "accounts", reason: "NOT_FOUND", value: "ipe-labb" },
              { column: "stop", reason: "VALIDATION", value: "25:00" },
            ]
          : [],
      ...(index === 1 ? {} : { nextTime: ahead(14 + index) }),
    })),
  };
}

export function previewTargets(resources: Resource[]): MessageInitShape<typeof PreviewTargetsResponseSchema> {
  const found = resources.filter((one) => one.name.includes("hml"));
  return { matchedCount: found.length, leftAloneCount: 1, resources: found };
}

/** What the pages of calendars, notifications and the organization ask. */
export function timetables(rpc: ConnectRouter, answer: Answer) {
  rpc.service(CalendarService, {
    listCalendars: () => answer({ calendars }, { calendars: calendars.slice(0, 1) }),
    getCalendar: (request) => {
      const now = new Date().getFullYear();
      const years = request.year === 0 ? [now, now + 1] : [request.year];
      return {
        calendar: calendars.find((one) => one.id === request.calendarId),
        days: years.flatMap(request.calendarId === "br" ? brazil : company),
      };
    },
    createCalendar: () => {
      throw fakeError(Code.InvalidArgument, "ADDRESS_REFUSED", { metadata: { why: "it is not public" } });
    },
    deleteCalendar: () => {
      throw fakeError(Code.FailedPrecondition, "CALENDAR_IN_USE", { metadata: { count: "1" } });
    },
    refreshCalendar: (request) => ({ calendar: calendars.find((one) => one.id === request.calendarId) }),
  });
  rpc.service(NotificationService, {
    listNotifications: () => answer({ notifications: told, unreadCount: 2 }, { notifications: [], unreadCount: 0 }),
    markNotificationsRead: () => ({}),
  });
  rpc.service(OrganizationService, {
    pauseAutomation: () => ({
      pause: { pauseTime: timestampFromDate(new Date()), reason: "Manutenção", pausedByName: "Ana Prado" },
    }),
    resumeAutomation: () => ({}),
  });
}
