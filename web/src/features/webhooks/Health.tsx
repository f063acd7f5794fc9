import { useTranslation } from "react-i18next";
import { StateMark } from "@/components/StateMark";
import { Past, When } from "@/components/Time";
import { type Destination, DestinationHealth } from "@/gen/cloudhub/v1/webhook_pb";
import { reasonText } from "@/lib/errors";
import { useFormat } from "@/lib/format";
import { countText, healthMark } from "./words";

/** How a destination stands: the mark, and since when or what comes next. */
export function Health({ destination }: { destination: Destination }) {
  const { t } = useTranslation("webhook");
  const mark = healthMark(destination.health);
  return (
    <span className="grid min-w-0">
      <StateMark shape={mark.shape} tone={mark.tone}>
        {t(`health.${mark.word}`)}
      </StateMark>
      <span className="el wh-why text-12 text-fg-3">
        <Since destination={destination} />
      </span>
    </span>
  );
}

function Since({ destination: d }: { destination: Destination }) {
  const { t } = useTranslation("webhook");
  switch (d.health) {
    case DestinationHealth.FAILING:
    case DestinationHealth.COOLING:
      return (
        <>
          {d.failingSince && (
            <>
              {t("since.failing")} <When at={d.failingSince} />
            </>
          )}
          {d.failingSince && d.nextAttemptTime && " · "}
          {d.nextAttemptTime && (
            <>
              {t("since.next")} <When at={d.nextAttemptTime} />
            </>
          )}
        </>
      );
    case DestinationHealth.PAUSED:
      return d.pausedByName ? t("since.pausedBy", { name: d.pausedByName }) : t("since.paused");
    case DestinationHealth.DISABLED:
      return d.lastFailureTime ? (
        <>
          {t("since.lastFailure")} <Past at={d.lastFailureTime} />
        </>
      ) : (
        t("since.disabled")
      );
    default:
      return d.lastSuccessTime ? (
        <>
          {t("since.success")} <Past at={d.lastSuccessTime} />
        </>
      ) : (
        t("since.nothing")
      );
  }
}

/** What is not with the receiver yet, and what will not get there by itself. */
export function Counts({ destination: d }: { destination: Destination }) {
  const { t } = useTranslation("webhook");
  const format = useFormat();
  const parts: Array<[string, string]> = [];
  const add = (word: "waiting" | "held" | "exhausted", count: number, tone: string) => {
    if (count > 0) parts.push([t(`count.${word}`, { count, shown: countText(count, format) }), tone]);
  };
  add("waiting", d.waitingCount, "");
  add("held", d.heldCount, "");
  add("exhausted", d.exhaustedCount, "text-failed");
  if (parts.length === 0) return <span className="text-fg-3">{t("count.nothing")}</span>;
  return (
    <span className="wh-counts">
      {parts.map(([text, tone]) => (
        <span key={text} className={tone || undefined}>
          {text}
        </span>
      ))}
    </span>
  );
}

export function hasCounts(d: Destination): boolean {
  return d.waitingCount + d.heldCount + d.exhaustedCount > 0;
}

/** Why it is disabled, in words; "" when it is not. */
export function disabledText(destination: Destination): string {
  if (destination.disabledReason === "") return "";
  return reasonText(destination.disabledReason) ?? destination.disabledReason;
}
