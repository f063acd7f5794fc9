import { useTranslation } from "react-i18next";
import { Facts } from "@/components/Badge";
import { NamedStateMark, resourceMark, targetMark } from "@/components/StateMark";
import { type OperationTarget, TargetState } from "@/gen/cloudhub/v1/operation_pb";
import { ResourceState } from "@/gen/cloudhub/v1/resource_pb";
import { reasonText } from "@/lib/errors";
import { toDate, useFormat } from "@/lib/format";
import { isOurs } from "./operation";

/** What one operation did to one machine. */
export function TargetFacts({ target }: { target: OperationTarget }) {
  const { t } = useTranslation("instance");
  const format = useFormat();
  const accepted = toDate(target.acceptTime);
  const ended = toDate(target.endTime);
  const bad = target.state === TargetState.FAILED || target.state === TargetState.MISSED;
  return (
    <Facts
      keyWidth={104}
      rows={[
        [t("operation.result"), <NamedStateMark key="m" mark={targetMark(target.state)} />],
        target.reason !== "" && [
          t("operation.reason"),
          <span key="r" className={bad ? "text-failed" : undefined}>
            {reasonText(target.reason, { detail: target.detail }) ?? target.reason}
          </span>,
        ],
        target.detail !== "" &&
          !isOurs(target.reason) && [
            t("operation.provider"),
            <span key="d" className="code break-words text-fg-2">
              {target.detail}
            </span>,
          ],
        [t("operation.before"), <BeforeAfter key="b" target={target} />],
        [t("operation.attempts"), format.number(target.attempts)],
        accepted && [t("operation.accepted"), format.timeSeconds(accepted)],
        ended && [
          t("operation.ended"),
          <span key="e">
            {format.timeSeconds(ended)}{" "}
            {accepted && (
              <span className="text-fg-3">
                {t("operation.took", { duration: format.duration(ended.getTime() - accepted.getTime()) })}
              </span>
            )}
          </span>,
        ],
      ]}
    />
  );
}

export function BeforeAfter({ target }: { target: OperationTarget }) {
  const known = (state: ResourceState) => state !== ResourceState.UNSPECIFIED;
  if (!known(target.before) && !known(target.after)) return "–";
  return (
    <span className="inline-flex flex-wrap items-baseline gap-2">
      {known(target.before) && <NamedStateMark mark={resourceMark(target.before)} />}
      {known(target.after) && (
        <>
          <span className="text-fg-3" aria-hidden="true">
            →
          </span>
          <NamedStateMark mark={resourceMark(target.after)} />
        </>
      )}
    </span>
  );
}
