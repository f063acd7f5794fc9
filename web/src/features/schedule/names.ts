import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { useAccounts } from "@/features/instance/queries";
import { useCalendarChoices } from "./queries";

/** The id of the Brazilian national holidays, which everybody has. */
export const BRAZIL = "br";

/** What the calendars of the organization are called, by their id. */
export function useCalendarNames(): ReadonlyMap<string, string> {
  const { t } = useTranslation("schedule");
  const { data } = useCalendarChoices();
  return useMemo(() => {
    const named = new Map(data?.calendars.map((c) => [c.id, c.name]));
    // The server has it in one language.
    named.set(BRAZIL, t("calendarBr"));
    return named;
  }, [data, t]);
}

export function useAccountNames(): ReadonlyMap<string, string> {
  const { data } = useAccounts();
  return useMemo(() => new Map(data?.cloudAccounts.map((a) => [a.id, a.name])), [data]);
}
