import { useTranslation } from "react-i18next";
import { Note } from "@/components/Badge";
import { Button } from "@/components/Button";
import type { RateWarning } from "@/gen/cloudhub/v1/schedule_pb";
import { useFormat } from "@/lib/format";
import { wantsOn } from "./health";

export interface RateWarningsProps {
  warnings: readonly RateWarning[];
  /** Minutes that a run has. */
  window: number;
  onTime: (on: boolean, time: string) => void;
}

/** The provider does not take so many orders in the time: how many fit, and when to begin instead. */
export function RateWarnings({ warnings, window, onTime }: RateWarningsProps) {
  const { t } = useTranslation("schedule");
  const format = useFormat();
  return warnings.map((warning) => {
    const on = wantsOn(warning.wanted);
    return (
      <Note key={`${warning.cloudAccountId} ${warning.region} ${on}`} tone="warning" role="status">
        <p>
          <b>{t(on ? "rate.start" : "rate.stop", { count: warning.targetCount })}</b>{" "}
          {t("rate.needs", {
            account: warning.cloudAccountName,
            region: warning.region,
            needed: format.duration(warning.neededSeconds * 1000),
          })}
        </p>
        <p className="text-12 text-fg-2">
          {t("rate.fits", { count: warning.fittingCount, window: format.duration(window * 60_000) })}
        </p>
        {warning.earlierTime !== "" && (
          <div>
            <Button small icon="clock" onClick={() => onTime(on, warning.earlierTime)}>
              {t("rate.begin", { time: warning.earlierTime })}
            </Button>
          </div>
        )}
      </Note>
    );
  });
}
