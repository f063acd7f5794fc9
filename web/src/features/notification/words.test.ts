import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { NotificationKind, NotificationSchema } from "@/gen/cloudhub/v1/notification_pb";
import { i18n } from "@/i18n";
import { makeFormat } from "@/lib/format";
import { badgeText, notificationLink, notificationText } from "./words";

const now = new Date("2026-11-24T14:32:00-03:00").getTime();
const due = timestampFromDate(new Date("2026-11-24T07:00:00-03:00"));
const { SCHEDULE_MISSED, SCHEDULE_FAILED, NOT_FOLLOWED, CALENDAR_FAILING, DESTINATION_FAILING, DESTINATION_DISABLED } =
  NotificationKind;
const of = (more: MessageInitShape<typeof NotificationSchema>) => create(NotificationSchema, more);

const all = [
  of({ kind: SCHEDULE_MISSED, subjectName: "Dev", targetCount: 2, dueTime: due }),
  of({ kind: SCHEDULE_FAILED, subjectName: "Dev", failedCount: 1, targetCount: 7, dueTime: due }),
  of({ kind: NOT_FOLLOWED, subjectName: "api-01", wanted: "RESOURCE_STATE_STOPPED", seen: "RUNNING" }),
  of({ kind: CALENDAR_FAILING, subjectName: "Municipais" }),
  of({ kind: DESTINATION_FAILING, subjectName: "ERP" }),
  of({ kind: DESTINATION_DISABLED, subjectName: "ERP" }),
];

const wanted = {
  "pt-BR": [
    [
      "Dev perdeu a execução de hoje 07:00",
      "A hora passou antes que desse para agir; 2 máquinas ficaram como estavam.",
    ],
    ["Dev falhou na execução de hoje 07:00", "1 de 7 máquinas não ficou como pedido."],
    [
      "api-01 mudou depois da execução",
      "Devia ficar parada e está ligada, sem pedido nosso: outra pessoa ou ferramenta mexeu.",
    ],
    ["O calendário Municipais não é lido há um dia", "Os dias lidos antes continuam valendo."],
    [
      "As entregas para ERP estão falhando",
      "São tentadas de novo por até 75 horas; depois de cinco dias sem nada aceito, o destino é desativado.",
    ],
    ["ERP foi desativado", "Nada mais é enviado. O que acontecer fica retido até alguém retomar."],
  ],
  en: [
    ["Dev missed its run of today 07:00", "Its time passed before it could act; 2 machines stayed as they were."],
    ["Dev failed in its run of today 07:00", "1 of 7 machines is not as asked."],
    [
      "api-01 changed after the run",
      "It was to be stopped and is running, without an order of ours: another person or tool did it.",
    ],
    ["The calendar Municipais was not read for a day", "The days read before stay in force."],
    [
      "Deliveries to ERP are failing",
      "They are tried again for up to 75 hours; after five days with nothing accepted the destination is disabled.",
    ],
    ["ERP was disabled", "Nothing more is sent. What happens is held until somebody resumes it."],
  ],
};

describe.each(Object.entries(wanted))("in %s", (language, texts) => {
  beforeAll(() => i18n.changeLanguage(language));
  afterAll(() => i18n.changeLanguage("pt-BR"));

  test("each kind says what happened and what it means", () => {
    const format = makeFormat(language, "America/Sao_Paulo");
    const t = i18n.getFixedT(language, "notification");
    expect(all.map((n) => Object.values(notificationText(n, now, t, format)))).toEqual(texts);
  });
});

test("each leads to the run, the machine, the calendar or the schedule", () => {
  expect(notificationLink(of({ kind: SCHEDULE_FAILED, scheduleId: "s", operationId: "o" }))).toEqual({
    page: "schedules",
    rest: "/s/runs/o",
  });
  expect(notificationLink(of({ kind: NOT_FOLLOWED, scheduleId: "s", operationId: "o", resourceId: "r" }))).toEqual({
    page: "aws/ec2",
    rest: "?id=r",
  });
  expect(notificationLink(of({ kind: CALENDAR_FAILING, calendarId: "c" }))).toEqual({
    page: "schedules/calendars",
    rest: "?id=c",
  });
  expect(notificationLink(of({ kind: SCHEDULE_MISSED, scheduleId: "s" }))).toEqual({
    page: "schedules",
    rest: "?id=s",
  });
  expect(notificationLink(of({ kind: DESTINATION_DISABLED, destinationId: "d" }))).toEqual({
    page: "webhooks",
    rest: "/d",
  });
  expect(notificationLink(of({ kind: SCHEDULE_MISSED }))).toBeUndefined();
});

test("the dot holds two characters at most", () => {
  expect([0, 1, 9, 10, 100].map(badgeText)).toEqual(["", "1", "9", "9+", "9+"]);
});
