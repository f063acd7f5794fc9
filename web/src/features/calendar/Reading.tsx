import { useTranslation } from "react-i18next";
import { StateMark } from "@/components/StateMark";
import { RelativeTime } from "@/components/Time";
import { type Calendar, CalendarSource } from "@/gen/cloudhub/v1/calendar_pb";
import { isWaiting } from "./source";

/** When its days were last read, and whether that still works. */
export function Reading({ calendar }: { calendar: Calendar }) {
  const { t } = useTranslation("calendar");
  if (calendar.source === CalendarSource.BUILT_IN) return <span className="text-fg-3">{t("reading.law")}</span>;
  // Nothing is read of what was written by hand.
  if (calendar.source === CalendarSource.DAYS) return <span className="text-fg-3">–</span>;
  if (isWaiting(calendar)) {
    return (
      <StateMark shape="pending" tone="pending">
        {t("reading.first")}
      </StateMark>
    );
  }
  return (
    <span className="grid">
      {calendar.lastError !== "" && (
        <StateMark shape="warning" tone="warning">
          {t("reading.failing")}
        </StateMark>
      )}
      <span className={calendar.lastError !== "" ? "text-12 text-fg-3" : undefined}>
        {calendar.refreshTime ? (
          <RelativeTime at={calendar.refreshTime} />
        ) : (
          <span className="text-fg-3">{t("reading.never")}</span>
        )}
      </span>
    </span>
  );
}
