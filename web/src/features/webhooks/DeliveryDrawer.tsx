import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Facts, Note, Skeleton } from "@/components/Badge";
import { Button } from "@/components/Button";
import { CopyButton } from "@/components/CopyButton";
import { Drawer, DrawerSection } from "@/components/Drawer";
import { Segmented } from "@/components/form";
import { Icon } from "@/components/Icon";
import { StateMark } from "@/components/StateMark";
import { ErrorState } from "@/components/States";
import { RelativeTime, When } from "@/components/Time";
import type { Attempt, Delivery, Header } from "@/gen/cloudhub/v1/webhook_pb";
import { isReason, reasonText } from "@/lib/errors";
import { useFormat } from "@/lib/format";
import { CodeBlock } from "./CodeBlock";
import { layOut } from "./json";
import { useDelivery } from "./queries";
import { microText } from "./spans";
import { Waterfall } from "./Waterfall";
import { canReplay, stateMark } from "./words";

export interface DeliveryDrawerProps {
  destinationId: string;
  deliveryId: string;
  manage: boolean;
  /** Undefined until the destination is read. */
  onReplay: ((deliveryId: string) => void) | undefined;
  onClose: () => void;
}

/** One delivery: what was sent, and everything that was tried. */
export function DeliveryDrawer({ destinationId, deliveryId, manage, onReplay, onClose }: DeliveryDrawerProps) {
  const { t } = useTranslation("webhook");
  const query = useDelivery(destinationId, deliveryId);
  const delivery = query.data?.delivery;
  if (!delivery || !query.data) {
    return (
      <Drawer title={query.isError ? t("delivery.eyebrow") : "…"} subject={deliveryId} onClose={onClose}>
        {query.isError ? (
          <ErrorState
            title={t("delivery.missing")}
            error={query.error}
            onRetry={isReason(query.error, "NOT_FOUND") ? undefined : () => void query.refetch()}
          />
        ) : (
          <div className="grid gap-3 p-5">
            <Skeleton width={240} />
            <Skeleton width={180} />
          </div>
        )}
      </Drawer>
    );
  }
  const { attempts, body } = query.data;
  const blocked = !canReplay(delivery.state);
  return (
    <Drawer
      title={delivery.eventType}
      subject={deliveryId}
      eyebrow={<span className="text-fg-3">{t("delivery.eyebrow")}</span>}
      tools={<CopyButton value={window.location.href} label={t("drawer.copyAddress")} />}
      actions={
        <Button
          icon="refresh"
          disabled={!manage || blocked || !onReplay}
          title={!manage ? t("manageDenied") : blocked ? t("replay.onItsWay") : undefined}
          onClick={() => onReplay?.(deliveryId)}
        >
          {t("replay.one")}
        </Button>
      }
      onClose={onClose}
    >
      <DrawerSection title={t("delivery.facts")}>
        <DeliveryFacts delivery={delivery} />
      </DrawerSection>
      <DrawerSection title={t("delivery.attempts")} count={attempts.length}>
        {attempts.length === 0 ? (
          <p className="text-fg-3">{t("delivery.noAttempts")}</p>
        ) : (
          <ol className="wh-attempts">
            {attempts.map((attempt, index) => (
              <AttemptItem key={attempt.number} attempt={attempt} first={index === 0} />
            ))}
          </ol>
        )}
      </DrawerSection>
      <DrawerSection title={t("delivery.body")}>
        <Body text={body} />
      </DrawerSection>
    </Drawer>
  );
}

function DeliveryFacts({ delivery: d }: { delivery: Delivery }) {
  const { t } = useTranslation("webhook");
  const mark = stateMark(d.state);
  return (
    <Facts
      rows={[
        [
          t("column.state"),
          <StateMark key="s" shape={mark.shape} tone={mark.tone}>
            {t(`state.${mark.word}`)}
          </StateMark>,
        ],
        [
          t("delivery.messageId"),
          <span key="m" className="break-all">
            <span className="code">{d.messageId}</span> <CopyButton value={d.messageId} label={t("delivery.copyId")} />
          </span>,
        ],
        [t("column.created"), <RelativeTime key="c" at={d.createTime} />],
        d.endTime !== undefined && [t("delivery.ended"), <RelativeTime key="e" at={d.endTime} />],
        d.nextAttemptTime !== undefined &&
          !canReplay(d.state) && [t("delivery.next"), <When key="n" at={d.nextAttemptTime} />],
        d.replayed && [t("replayed"), t("replayedWhat")],
      ]}
    />
  );
}

/** One try, closed but for the newest. */
function AttemptItem({ attempt: a, first }: { attempt: Attempt; first: boolean }) {
  const { t } = useTranslation("webhook");
  const format = useFormat();
  const ok = a.error === "" && a.errorReason === "";
  return (
    <li>
      <details open={first}>
        <summary>
          <Icon name="right" className="wh-turn" />
          <StateMark shape={ok ? "ok" : "failed"} tone={ok ? "ok" : "failed"}>
            {a.status > 0 ? a.status : t("delivery.noAnswer")}
          </StateMark>
          <span className="text-fg-2">{t("delivery.attemptN", { n: a.number })}</span>
          <span className="ml-auto text-12 text-fg-3">
            <RelativeTime at={a.startTime} />
            {" · "}
            <span className="tnum">{microText(Number(a.totalUs), format.language)}</span>
          </span>
        </summary>
        <div className="wh-attempt">
          {!ok && (
            <Note tone="failed">
              <p>{reasonText(a.errorReason) ?? a.error}</p>
              {reasonText(a.errorReason) !== undefined && a.error !== "" && (
                <p className="text-12 break-words text-fg-2" lang="en">
                  {a.error}
                </p>
              )}
              {a.nextAttemptTime && (
                <p className="text-12 text-fg-2">
                  {t("delivery.next")}: <When at={a.nextAttemptTime} />
                </p>
              )}
            </Note>
          )}
          <Facts
            keyWidth={88}
            rows={[
              [t("delivery.when"), format.full(a.startTime)],
              [
                t("delivery.url"),
                <span key="u" className="break-all">
                  {a.url}
                </span>,
              ],
              a.address !== "" && [t("delivery.address"), <span key="a">{a.address}</span>],
            ]}
          />
          <Waterfall attempt={a} />
          <Headers title={t("delivery.requestHeaders")} headers={a.requestHeaders} />
          {a.status > 0 && <Headers title={t("delivery.responseHeaders")} headers={a.responseHeaders} />}
          {a.status > 0 &&
            (a.responseBody === "" ? (
              <p className="text-12 text-fg-3">{t("delivery.noResponseBody")}</p>
            ) : (
              <CodeBlock
                label={t("delivery.responseBody")}
                text={layOut(a.responseBody)}
                copies={a.responseBody}
                copyLabel={t("copy")}
                aside={
                  a.responseTruncated
                    ? `${t("delivery.responseBody")}, ${t("delivery.truncated")}`
                    : t("delivery.responseBody")
                }
              />
            ))}
        </div>
      </details>
    </li>
  );
}

function Headers({ title, headers }: { title: string; headers: readonly Header[] }) {
  const { t } = useTranslation("webhook");
  if (headers.length === 0) return null;
  return (
    <div>
      <h4 className="text-12 font-medium text-fg-2">{title}</h4>
      <dl className="wh-hdrs">
        {headers.map((one, index) => (
          // A name may come more than once; the order is the attempt's.
          // biome-ignore lint/suspicious/noArrayIndexKey: a fixed list.
          <div key={index}>
            <dt>{one.name}</dt>
            <dd>{one.value === "" && one.secret ? t("kept") : one.value}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

function Body({ text }: { text: string }) {
  const { t } = useTranslation("webhook");
  const [view, setView] = useState<"laidOut" | "raw">("laidOut");
  return (
    <CodeBlock
      label={t("delivery.body")}
      text={view === "raw" ? text : layOut(text)}
      copies={text}
      copyLabel={t("delivery.copyBody")}
      aside={
        <Segmented
          small
          label={t("delivery.bodyView")}
          value={view}
          onChange={setView}
          options={[
            { value: "laidOut", label: t("delivery.laidOut") },
            { value: "raw", label: t("delivery.raw") },
          ]}
        />
      }
    />
  );
}
