import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { createContext, useContext, useMemo } from "react";
import { useTranslation } from "react-i18next";

/** A moment as the contract, the platform or a row has it. */
export type Moment = Date | Timestamp | number | undefined;

export function toDate(moment: Moment): Date | undefined {
  if (moment === undefined) return undefined;
  if (moment instanceof Date) return moment;
  if (typeof moment === "number") return new Date(moment);
  return timestampDate(moment);
}

/** The zone in which times are shown: the workspace's. Outside one, the browser's. */
export const ZoneContext = createContext<string | undefined>(undefined);

/** A dash for what is not there, so that a cell is never empty by accident. */
const none = "–";
const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

export type Format = ReturnType<typeof makeFormat>;

export function makeFormat(language: string, zone: string | undefined) {
  const dateTime = (options: Intl.DateTimeFormatOptions) => {
    try {
      return new Intl.DateTimeFormat(language, { ...options, timeZone: zone });
    } catch {
      // A zone that this browser's tables do not have yet.
      return new Intl.DateTimeFormat(language, options);
    }
  };
  const clock = dateTime({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const clockSeconds = dateTime({ hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
  const weekday = dateTime({ weekday: "short" });
  const dayMonth = dateTime({ day: "numeric", month: "short" });
  const dayMonthYear = dateTime({ day: "numeric", month: "short", year: "numeric" });
  const long = dateTime({ weekday: "long", day: "numeric", month: "long" });
  const parts = new Intl.DateTimeFormat("en-CA", {
    timeZone: validZone(zone),
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
  });
  const plain = new Intl.NumberFormat(language);
  const percent = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 0 });
  const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });
  const relativeAlways = new Intl.RelativeTimeFormat(language, { numeric: "always", style: "short" });
  const list = new Intl.ListFormat(language, { type: "conjunction" });

  /** "23 nov" and "12 mar 2025": without the "de" and the points of the long form. */
  const bare = (text: string) =>
    text
      .replaceAll(".", "")
      .replaceAll(" de ", " ")
      .replace(/(\d\s)seg$/, "$1s");
  /** Days since 1970 of the calendar day in the zone. */
  const dayNumber = (date: Date) => Date.parse(`${parts.format(date)}T00:00:00Z`) / day;
  const sameYear = (a: Date, b: Date) => parts.format(a).slice(0, 4) === parts.format(b).slice(0, 4);

  const date = (moment: Moment, now = Date.now()) => {
    const at = toDate(moment);
    if (!at) return none;
    return bare((sameYear(at, new Date(now)) ? dayMonth : dayMonthYear).format(at));
  };
  const time = (moment: Moment) => {
    const at = toDate(moment);
    return at ? clock.format(at) : none;
  };

  const ago = (moment: Moment, now = Date.now()) => {
    const at = toDate(moment);
    if (!at) return none;
    const gap = at.getTime() - now;
    const size = Math.abs(gap);
    if (size < 5_000) return bare(relative.format(0, "second"));
    if (size < minute) return bare(relativeAlways.format(Math.trunc(gap / 1000), "second"));
    if (size < hour) return bare(relativeAlways.format(Math.trunc(gap / minute), "minute"));
    if (size < day) return bare(relativeAlways.format(Math.trunc(gap / hour), "hour"));
    return bare(relativeAlways.format(Math.trunc(gap / day), "day"));
  };

  return {
    language,
    zone,
    number: (value: number | bigint) => plain.format(value),
    percent: (value: number) => percent.format(value),
    /** "a, b e c" */
    list: (values: readonly string[]) => list.format(values),
    date,
    time,
    /** "14:31:12" */
    timeSeconds: (moment: Moment) => {
      const at = toDate(moment);
      return at ? clockSeconds.format(at) : none;
    },
    /** "terça-feira, 24 de novembro" */
    longDate: (moment: Moment) => {
      const at = toDate(moment);
      return at ? long.format(at) : none;
    },
    /** "ter" */
    weekday: (moment: Moment) => {
      const at = toDate(moment);
      return at ? bare(weekday.format(at)) : none;
    },
    /** "12 mar 2025 14:32": the whole truth, for tooltips. */
    full: (moment: Moment) => {
      const at = toDate(moment);
      return at ? `${bare(dayMonthYear.format(at))} ${clockSeconds.format(at)}` : none;
    },
    /** "hoje 19:00", "amanhã 07:00", "qua 05:30" within a week, "25 dez 19:00" beyond. */
    when: (moment: Moment, now = Date.now()) => {
      const at = toDate(moment);
      if (!at) return none;
      const away = dayNumber(at) - dayNumber(new Date(now));
      if (Math.abs(away) <= 1) return `${relative.format(away, "day")} ${clock.format(at)}`;
      if (away > 0 && away < 7) return `${bare(weekday.format(at))} ${clock.format(at)}`;
      return `${date(at, now)} ${clock.format(at)}`;
    },
    /** "há 2 min", "em 4 h", "agora". */
    ago,
    /** "há 6 h" today, "ontem 20:10", "22 nov" before: how far back decides what one wants to know. */
    past: (moment: Moment, now = Date.now()) => {
      const at = toDate(moment);
      if (!at) return none;
      const away = dayNumber(at) - dayNumber(new Date(now));
      if (away >= 0) return ago(at, now);
      return away === -1 ? `${relative.format(-1, "day")} ${clock.format(at)}` : date(at, now);
    },
    /** "48 s", "6 min 12 s", "4 h 28 min", "3 d 2 h": two units at most. */
    duration: (milliseconds: number) => {
      const total = Math.max(0, Math.round(milliseconds / 1000));
      const pieces: Array<[number, string]> = [
        [Math.floor(total / 86_400), "d"],
        [Math.floor((total % 86_400) / 3600), "h"],
        [Math.floor((total % 3600) / 60), "min"],
        [total % 60, "s"],
      ];
      const from = pieces.findIndex(([value]) => value > 0);
      if (from < 0) return "0\u00a0s";
      return pieces
        .slice(from, from + 2)
        .filter(([value], index) => index === 0 || value > 0)
        .map(([value, unit]) => `${plain.format(value)}\u00a0${unit}`)
        .join(" ");
    },
    /** "0:48", "12:05": a running count. */
    counter: (milliseconds: number) => {
      const total = Math.max(0, Math.floor(milliseconds / 1000));
      return `${Math.floor(total / 60)}:${String(total % 60).padStart(2, "0")}`;
    },
    /** "São Paulo, UTC−3" */
    zoneName: (name: string, at = new Date()) => {
      const city = (name.split("/").pop() ?? name).replaceAll("_", " ");
      try {
        const offset = new Intl.DateTimeFormat("en", { timeZone: name, timeZoneName: "shortOffset" })
          .formatToParts(at)
          .find((part) => part.type === "timeZoneName")?.value;
        return `${cities[city] ?? city}, ${(offset ?? "UTC").replace("GMT", "UTC").replace("-", "−")}`;
      } catch {
        return name;
      }
    },
  };
}

/** Names that the IANA data writes without their accents. */
const cities: Record<string, string> = {
  "Sao Paulo": "São Paulo",
  Belem: "Belém",
  Maceio: "Maceió",
  Cuiaba: "Cuiabá",
  Araguaina: "Araguaína",
  Eirunepe: "Eirunepé",
  Santarem: "Santarém",
};

function validZone(zone: string | undefined) {
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return zone;
  } catch {
    return undefined;
  }
}

/** Formats in the person's language and the workspace's zone. */
export function useFormat(): Format {
  const { i18n } = useTranslation();
  const zone = useContext(ZoneContext);
  const language = i18n.language;
  return useMemo(() => makeFormat(language, zone), [language, zone]);
}
