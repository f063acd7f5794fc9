import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { Skeleton } from "@/components/Badge";
import { Check } from "@/components/form";
import { civilKey, wallIn } from "@/components/time/wall";
import type { Calendar, CalendarDay } from "@/gen/cloudhub/v1/calendar_pb";
import { makeFormat, useFormat } from "@/lib/format";
import { useCalendarNames } from "./names";
import { useCalendarChoices, useCalendarDays } from "./queries";

/** Holidays named below a calendar. */
const NEXT = 3;
/** With more calendars than these only the chosen ones are read for their days. */
const READ = 5;

export interface CalendarPickerProps {
  value: string[];
  onChange: (next: string[]) => void;
  /** In which "today" is. */
  zone: string;
  inputRef?: (element: HTMLInputElement | null) => void;
}

/** On which holidays nothing happens; each calendar says the next three. */
export function CalendarPicker({ value, onChange, zone, inputRef }: CalendarPickerProps) {
  const { t } = useTranslation("schedule");
  const query = useCalendarChoices();
  const calendars = query.data?.calendars ?? [];
  if (query.isPending) return <Skeleton width={220} />;
  if (query.isError) {
    return (
      <p className="text-fg-2">
        {t("calendars.error")}{" "}
        <button type="button" className="lk" onClick={() => void query.refetch()}>
          {t("drawer.retry")}
        </button>
      </p>
    );
  }
  return (
    <ul className="cals">
      {calendars.map((calendar, index) => (
        <Choice
          key={calendar.id}
          calendar={calendar}
          zone={zone}
          checked={value.includes(calendar.id)}
          read={calendars.length <= READ}
          {...(index === 0 && inputRef ? { inputRef } : {})}
          onChange={(on) => onChange(on ? [...value, calendar.id] : value.filter((id) => id !== calendar.id))}
        />
      ))}
    </ul>
  );
}

function Choice({
  calendar,
  checked,
  read,
  zone,
  onChange,
  inputRef,
}: {
  calendar: Calendar;
  checked: boolean;
  read: boolean;
  zone: string;
  onChange: (on: boolean) => void;
  inputRef?: (element: HTMLInputElement | null) => void;
}) {
  const { t } = useTranslation("schedule");
  const format = useFormat();
  const names = useCalendarNames();
  const days = useCalendarDays(calendar.id, checked || read);
  const utc = useMemo(() => makeFormat(format.language, "UTC"), [format.language]);
  const today = civilKey(wallIn(zone, new Date()));
  const next = nextHolidays(days.data?.days ?? [], today);
  const said = next.map((day) => `${utc.date(new Date(`${day.date}T00:00:00Z`))} ${day.name}`.trim());
  return (
    <li>
      <label className="mi">
        <Check ref={inputRef} checked={checked} onChange={(event) => onChange(event.target.checked)} />
        <span className="min-w-0">
          <span className="el block">{names.get(calendar.id) ?? calendar.name}</span>
          <span className="cal-next block text-12 text-fg-3">
            {days.isLoading ? (
              <Skeleton width={180} />
            ) : said.length > 0 ? (
              said.join(" · ")
            ) : days.data ? (
              t("calendars.noneLeft")
            ) : (
              t("calendars.days", { count: calendar.dayCount })
            )}
          </span>
        </span>
      </label>
    </li>
  );
}

/** From `today` ("2026-11-24") on. */
export function nextHolidays(days: readonly CalendarDay[], today: string): CalendarDay[] {
  return days
    .filter((day) => day.date >= today)
    .sort((a, b) => a.date.localeCompare(b.date))
    .slice(0, NEXT);
}
