import clsx from "clsx";
import { useTranslation } from "react-i18next";
import type { Attempt } from "@/gen/cloudhub/v1/webhook_pb";
import { useFormat } from "@/lib/format";
import { isReused, microText, spansOf } from "./spans";

/** Where the time of an attempt went, drawn to scale. */
export function Waterfall({ attempt }: { attempt: Attempt }) {
  const { t } = useTranslation("webhook");
  const { language } = useFormat();
  const spans = spansOf(attempt);
  const total = Math.max(1, Number(attempt.totalUs), ...spans.map((span) => span.to));
  const share = (us: number) => `${(us / total) * 100}%`;
  return (
    <div>
      <h4 className="text-12 font-medium text-fg-2">{t("waterfall.title")}</h4>
      <ul className="wh-fall">
        {spans.map((span) => (
          <li key={span.phase}>
            <span>{t(`waterfall.${span.phase}`)}</span>
            <span className="wh-lane" aria-hidden="true">
              <i
                className={clsx(span.broken && "broken", span.phase)}
                style={{ left: share(span.from), width: share(span.to - span.from) }}
              />
            </span>
            <span className="tnum">
              {microText(span.to - span.from, language)}
              {span.broken && <span className="sr"> {t("waterfall.broken")}</span>}
            </span>
          </li>
        ))}
        <li className="wh-total">
          <span>{t("waterfall.total")}</span>
          <span className="text-12 text-fg-3">{isReused(attempt) && t("waterfall.reused")}</span>
          <span className="tnum">{microText(Number(attempt.totalUs), language)}</span>
        </li>
      </ul>
    </div>
  );
}
