import { useTranslation } from "react-i18next";
import { NavLink } from "react-router";
import { useWorkspace } from "@/lib/workspace";

/** The pages of the timetables, under their titles. */
export function ScheduleTabs() {
  const { t } = useTranslation("schedule");
  const { path } = useWorkspace();
  return (
    <nav className="subnav" aria-label={t("tabs.label")}>
      <NavLink to={path("schedules")} end>
        {t("tabs.schedules")}
      </NavLink>
      <NavLink to={path("schedules/holds")}>{t("tabs.holds")}</NavLink>
      <NavLink to={path("schedules/calendars")}>{t("tabs.calendars")}</NavLink>
    </nav>
  );
}
