import { useTranslation } from "react-i18next";
import { StateMark } from "@/components/StateMark";
import type { OperationReading } from "@/gen/cloudhub/v1/operation_pb";
import { reasonText } from "@/lib/errors";

/** Where the machines of a selector were looked for, and what could not be read. */
export function RunReadings({ readings }: { readings: readonly OperationReading[] }) {
  const { t } = useTranslation("schedule");
  const worstFirst = [...readings].sort(
    (a, b) => Number(b.reason !== "") - Number(a.reason !== "") || a.cloudAccountName.localeCompare(b.cloudAccountName),
  );
  return (
    <section className="pane">
      <h2>{t("readings.title")}</h2>
      <ul className="readings">
        {worstFirst.map((reading) => (
          <li key={reading.cloudAccountId}>
            <div className="flex items-baseline gap-3">
              <span className="el font-medium">{reading.cloudAccountName}</span>
              <span className="ml-auto shrink-0">
                <Mark reading={reading} />
              </span>
            </div>
            {reading.reason !== "" && (
              <p className="text-12 text-warning">
                {reasonText(reading.reason, { detail: reading.detail }) ?? reading.reason}
              </p>
            )}
            {reading.detail !== "" && <p className="text-12 break-words text-fg-3">{reading.detail}</p>}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Mark({ reading }: { reading: OperationReading }) {
  const { t } = useTranslation("schedule");
  if (reading.reason !== "") {
    return (
      <StateMark shape="warning" tone="warning">
        {reading.foundCount > 0 ? t("readings.part", { count: reading.foundCount }) : t("readings.not")}
      </StateMark>
    );
  }
  if (!reading.ended) {
    return (
      <StateMark shape="pending" tone="pending">
        {t("readings.now")}
      </StateMark>
    );
  }
  return (
    <StateMark shape="ok" tone="ok">
      {t("readings.found", { count: reading.foundCount })}
    </StateMark>
  );
}
