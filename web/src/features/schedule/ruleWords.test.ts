import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RunExceptionKind, RunExceptionSchema, TargetSelectorSchema } from "@/gen/cloudhub/v1/schedule_pb";
import { i18n } from "@/i18n";
import { makeFormat } from "@/lib/format";
import type { Rule } from "./day";
import { exceptionWords, ruleWords, selectorWords, stretches } from "./words";

const zone = "America/Sao_Paulo";
const now = new Date("2026-11-24T14:32:00-03:00").getTime();
const rule = (over: Partial<Rule>): Rule => ({
  startTime: "07:00",
  stopTime: "19:00",
  weekdays: [1, 2, 3, 4, 5],
  timeZone: zone,
  ...over,
});
const monthly = { weekdays: [], monthDays: [1, 2, 3, 15, 31] };

const languages = {
  "pt-BR": {
    workdays: "de segunda a sexta, das 07:00 às 19:00",
    daily: "todos os dias, liga às 07:00",
    weekend: "sábado e domingo, para às 19:00",
    chosen: "seg e qua, das 07:00 às 19:00, hora de Manaus",
    month: "dias 1 a 3, 15 e 31 do mês, ou o último, das 07:00 às 19:00",
    skip: "dias 1 a 3, 15 e 31 do mês, só em meses que o têm, das 07:00 às 19:00",
    first: "dia 1 do mês, das 07:00 às 19:00, menos Feriados nacionais e Empresa",
    tags: "ambiente = lab ou teste, com a etiqueta dono e nome que começa com web-, em ipe-hml, sa-east-1",
    everything: "todas as máquinas, em 2 contas",
    exceptions: [
      "Natal, feriado (Nacionais)",
      "pulada por Ana",
      "em espera até amanhã 18:00: férias",
      "pausado por Caio",
      "toda a automação está pausada: virada",
    ],
  },
  en: {
    workdays: "Monday to Friday, 07:00 to 19:00",
    daily: "every day, starts at 07:00",
    weekend: "Saturday and Sunday, stops at 19:00",
    chosen: "Mon and Wed, 07:00 to 19:00, times of Manaus",
    month: "days 1 to 3, 15, and 31 of the month, or the last one, 07:00 to 19:00",
    skip: "days 1 to 3, 15, and 31 of the month, only in months that have it, 07:00 to 19:00",
    first: "day 1 of the month, 07:00 to 19:00, except Feriados nacionais and Empresa",
    tags: "ambiente = lab or teste, with the tag dono, and name that begins with web-, in ipe-hml, sa-east-1",
    everything: "every machine, in 2 accounts",
    exceptions: [
      "Natal, holiday (Nacionais)",
      "skipped by Ana",
      "on hold until tomorrow 18:00: férias",
      "paused by Caio",
      "all automation is paused: virada",
    ],
  },
};

describe.each(Object.entries(languages))("in %s", (language, wanted) => {
  const format = makeFormat(language, zone);
  const t = () => i18n.getFixedT(language, "schedule");
  beforeAll(() => i18n.changeLanguage(language));
  afterAll(() => i18n.changeLanguage("pt-BR"));

  test("a rule in words: days, hours, zone when it is another, holidays", () => {
    const said = (over: Partial<Rule>, calendars: string[] = []) => ruleWords(rule(over), t(), format, calendars);
    expect(said({})).toBe(wanted.workdays);
    expect(said({ weekdays: [1, 2, 3, 4, 5, 6, 7], stopTime: "" })).toBe(wanted.daily);
    expect(said({ weekdays: [6, 7], startTime: "" })).toBe(wanted.weekend);
    expect(said({ weekdays: [1, 3], timeZone: "America/Manaus" })).toBe(wanted.chosen);
    expect(said(monthly)).toBe(wanted.month);
    expect(said({ ...monthly, skipShort: true })).toBe(wanted.skip);
    expect(said({ weekdays: [], monthDays: [1] }, ["Feriados nacionais", "Empresa"])).toBe(wanted.first);
  });

  test("a selector in words", () => {
    const tagged = create(TargetSelectorSchema, {
      tags: [{ key: "ambiente", values: ["lab", "teste"] }, { key: "dono" }],
      namePrefix: "web-",
      cloudAccountIds: ["a"],
      regions: ["sa-east-1"],
    });
    expect(selectorWords(tagged, t(), format, ["ipe-hml"])).toBe(wanted.tags);
    const all = create(TargetSelectorSchema, { everything: true, cloudAccountIds: ["a", "b"] });
    expect(selectorWords(all, t(), format)).toBe(wanted.everything);
  });

  test("why a run is left out", () => {
    const { HOLIDAY, SKIPPED, HELD, PAUSED, AUTOMATION_PAUSED } = RunExceptionKind;
    const until = timestampFromDate(new Date("2026-11-25T18:00:00-03:00"));
    const said = [
      { kind: HOLIDAY, text: "Natal", calendarName: "Nacionais" },
      { kind: SKIPPED, byName: "Ana" },
      { kind: HELD, text: "férias", untilTime: until },
      { kind: PAUSED, byName: "Caio" },
      { kind: AUTOMATION_PAUSED, text: "virada" },
    ].map((one) => exceptionWords(create(RunExceptionSchema, one), now, t(), format));
    expect(said).toEqual(wanted.exceptions);
  });
});

test("two days in a row are two, three are a stretch", () => {
  expect(stretches([1, 2, 4, 5, 6, 31])).toEqual([
    { from: 1, to: 1 },
    { from: 2, to: 2 },
    { from: 4, to: 6 },
    { from: 31, to: 31 },
  ]);
});
