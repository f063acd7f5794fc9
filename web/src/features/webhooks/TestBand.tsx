import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { StateMark } from "@/components/StateMark";
import { When } from "@/components/Time";
import { DeliveryState } from "@/gen/cloudhub/v1/webhook_pb";
import { reasonText, toAppError } from "@/lib/errors";
import { useFormat } from "@/lib/format";
import { useDelivery } from "./queries";
import { microText } from "./spans";
import { stateMark } from "./words";

/** A test is read this often until it has an end, in milliseconds. */
const WATCHED = 1_000;

/** What became of a test delivery, as it happens. */
export function TestBand({
  destinationId,
  deliveryId,
  href,
}: {
  destinationId: string;
  deliveryId: string;
  href: string;
}) {
  const { t } = useTranslation("webhook");
  const format = useFormat();
  const query = useDelivery(destinationId, deliveryId, WATCHED);
  const delivery = query.data?.delivery;
  const attempt = query.data?.attempts[0];
  if (query.isError && !delivery) {
    return <p className="text-failed">{toAppError(query.error).text}</p>;
  }
  const mark = stateMark(delivery?.state ?? DeliveryState.WAITING);
  const outcome = () => {
    if (!delivery) return t("test.sending");
    switch (delivery.state) {
      case DeliveryState.DELIVERED:
        return attempt && attempt.status > 0
          ? t("test.delivered", { status: attempt.status, time: microText(Number(attempt.totalUs), format.language) })
          : t("test.deliveredPlain");
      case DeliveryState.HELD:
        return t("test.held");
      case DeliveryState.RETRYING:
      case DeliveryState.EXHAUSTED:
        return (
          (attempt && reasonText(attempt.errorReason)) || attempt?.error || delivery.lastError || t("test.refused")
        );
      default:
        return t("test.sending");
    }
  };
  return (
    <div className="wh-test" role="status">
      <StateMark shape={mark.shape} tone={mark.tone}>
        {t("test.title")}: {t(`state.${mark.word}`)}
      </StateMark>
      <p className="text-fg-2">
        {outcome()}{" "}
        {delivery && delivery.lastStatus > 0 && delivery.state !== DeliveryState.DELIVERED && (
          <span className="tnum">{t("test.status", { status: delivery.lastStatus })} </span>
        )}
        {delivery?.state === DeliveryState.RETRYING && delivery.nextAttemptTime && (
          <>
            {t("test.next")} <When at={delivery.nextAttemptTime} />.
          </>
        )}
      </p>
      {delivery && (
        <Link className="lk" to={href}>
          {t("test.see")}
        </Link>
      )}
    </div>
  );
}
