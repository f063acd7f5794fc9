import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { i18n } from "@/i18n";
import { makeFormat } from "@/lib/format";
import type { Rule } from "./day";
import { healthOf } from "./health";
import { healthWords, inWords, machineSentence, nextWords, overnightWords, rulerWords, weekdayWords } from "./words";

const zone = "America/Sao_Paulo";
const now = new Date("2026-11-24T14:32:00-03:00").getTime();
const at = (iso: string) => new Date(`${iso}:00-03:00`);
const office: Rule = { startTime: "07:00", stopTime: "19:00", weekdays: [1, 2, 3, 4, 5], timeZone: zone };
/** The space between a number and its unit does not break; here it is read as any other. */
const plain = (text: string) => text.replaceAll("\u00a0", " ");

const languages = {
  "pt-BR": {
    stop: "para 14, em 4 h 28 min",
    start: "liga 1, em 3 dias",
    soon: "agora",
    already: "Para hoje às 19:00: já estará parada, nada a fazer. Liga amanhã às 07:00.",
    plain: "Liga amanhã às 07:00. Para amanhã às 19:00.",
    weekend: "Para sex às 19:00. Liga seg às 07:00.",
    alone: "Não mexe nela. Está protegida.",
    night: ["liga de segunda a sexta", "Para no dia seguinte: sexta 22:00 até sábado 04:00.", ""],
    days: ["de segunda a sexta", "todos os dias", "sábado e domingo", "seg, qua e sex"],
    ruler: "ligada das 07:00 às 14:32; vai ficar ligada das 14:32 às 24:00",
    health: "1 de 2 execuções certas, 1 perdida",
  },
  en: {
    stop: "stops 14, in 4 h 28 min",
    start: "starts 1, in 3 days",
    soon: "now",
    already: "Stops today at 19:00: it will be off already, nothing to do. Starts tomorrow at 07:00.",
    plain: "Starts tomorrow at 07:00. Stops tomorrow at 19:00.",
    weekend: "Stops Fri at 19:00. Starts Mon at 07:00.",
    alone: "Leaves it alone. It is protected.",
    night: ["starts Monday to Friday", "Stops on the following day: Friday 22:00 to Saturday 04:00.", ""],
    days: ["Monday to Friday", "every day", "Saturday and Sunday", "Mon, Wed, and Fri"],
    ruler: "on from 07:00 to 14:32; will be on from 14:32 to 24:00",
    health: "1 of 2 runs went right, 1 missed",
  },
};

describe.each(Object.entries(languages))("in %s", (language, wanted) => {
  const format = makeFormat(language, zone);
  const words = () => i18n.getFixedT(language, "schedule");
  beforeAll(() => i18n.changeLanguage(language));
  afterAll(() => i18n.changeLanguage("pt-BR"));

  test("the next run: what, how many, how long", () => {
    expect(plain(nextWords({ at: at("2026-11-24T19:00"), on: false, count: 14 }, now, words(), format))).toBe(
      wanted.stop,
    );
    expect(plain(nextWords({ at: at("2026-11-28T06:00"), on: true, count: 1 }, now, words(), format))).toBe(
      wanted.start,
    );
    expect(inWords(at("2026-11-24T14:32"), now, words(), format)).toBe(wanted.soon);
  });

  test("what it does to one machine, and what comes after", () => {
    const next = { rule: office, at: at("2026-11-24T19:00"), on: false, machineOn: false, leftAlone: "" };
    expect(machineSentence(next, now, words(), format)).toBe(wanted.already);
    const start = { ...next, at: at("2026-11-25T07:00"), on: true };
    expect(machineSentence(start, now, words(), format)).toBe(wanted.plain);
    const friday = { ...next, at: at("2026-11-27T19:00"), machineOn: true };
    expect(machineSentence(friday, now, words(), format)).toBe(wanted.weekend);
  });

  test("a machine that is left alone: why nothing will happen", () => {
    const reason = i18n.t("PROTECTED", { ns: "reasons" });
    const next = { rule: office, at: at("2026-11-24T19:00"), on: false, machineOn: true, leftAlone: reason };
    expect(machineSentence(next, now, words(), format)).toBe(wanted.alone);
  });

  test("a night: the days on which it starts, and where it stops", () => {
    const night = { ...office, startTime: "22:00", stopTime: "04:00" };
    expect([
      weekdayWords(night, words(), format),
      overnightWords(night, words()),
      overnightWords(office, words()),
    ]).toEqual(wanted.night);
  });

  test("days, ruler and health in words", () => {
    const sets = [
      [1, 2, 3, 4, 5],
      [7, 1, 2, 3, 4, 5, 6],
      [6, 7],
      [5, 1, 3],
    ];
    expect(sets.map((weekdays) => weekdayWords({ ...office, weekdays }, words(), format))).toEqual(wanted.days);
    expect(
      rulerWords(
        [
          { from: 420, to: 872, kind: "was" },
          { from: 872, to: 1440, kind: "will" },
        ],
        words(),
      ),
    ).toBe(wanted.ruler);
    const run = { targetCount: 1, doneCount: 1, leftAloneCount: 0, failedCount: 0, missedCount: 0, ended: true };
    expect(healthWords(healthOf([{ ...run, doneCount: 0, missedCount: 1 }, run]), words())).toBe(wanted.health);
  });
});
