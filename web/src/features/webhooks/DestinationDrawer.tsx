import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { Facts, Note, Skeleton } from "@/components/Badge";
import { Button, IconButton, LinkButton } from "@/components/Button";
import { CopyButton } from "@/components/CopyButton";
import { Drawer, DrawerSection, FormError } from "@/components/Drawer";
import { Menu, MenuItem, MenuSeparator } from "@/components/Menu";
import { StateMark } from "@/components/StateMark";
import { ErrorState } from "@/components/States";
import { Past, RelativeTime, When } from "@/components/Time";
import { Channel, type Destination, DestinationHealth } from "@/gen/cloudhub/v1/webhook_pb";
import { languageNames } from "@/i18n";
import { isReason } from "@/lib/errors";
import { invalidate } from "@/lib/stream/apply";
import { useWorkspace } from "@/lib/workspace";
import { Counts, disabledText, Health } from "./Health";
import { useDeliveries, useDestination, useWebhookMutations, webhookMethods } from "./queries";
import { TestBand } from "./TestBand";
import type { useDestinationActions } from "./useDestinationActions";
import { channelWord, isStopped, orderingWord, stateMark } from "./words";
import "./webhooks.css";

export interface DestinationDrawerProps {
  destinationId: string;
  row: Destination | undefined;
  manage: boolean;
  actions: ReturnType<typeof useDestinationActions>;
  /** A secret that is to be stored. */
  secret?: ReactNode;
  onEdit: () => void;
  onClose: () => void;
}

export function DestinationDrawer(props: DestinationDrawerProps) {
  const { destinationId, row, manage, actions, secret, onEdit, onClose } = props;
  const { t } = useTranslation("webhook");
  const { ids, path } = useWorkspace();
  const client = useQueryClient();
  const query = useDestination(destinationId);
  const { test } = useWebhookMutations();
  const [tested, setTested] = useState("");
  const destination = query.data?.destination ?? row;
  // biome-ignore lint/correctness/useExhaustiveDependencies: what was said of one is not about the next.
  useEffect(() => {
    setTested("");
    test.reset();
  }, [destinationId]);
  if (!destination) {
    return (
      <Drawer title={query.isError ? t("drawer.eyebrow") : "…"} subject={destinationId} onClose={onClose}>
        {query.isError ? (
          <ErrorState
            title={t("drawer.missing")}
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
  const webhook = destination.channel === Channel.WEBHOOK;
  const denied = manage ? undefined : t("manageDenied");
  const deliveries = `${path(webhook ? "webhooks" : "channels")}/${destinationId}`;
  const onTest = () =>
    test.mutate(
      { ...ids, destinationId },
      {
        onSuccess: (answer) => {
          setTested(answer.delivery?.id ?? "");
          invalidate(client, webhookMethods);
        },
      },
    );
  return (
    <Drawer
      title={destination.name}
      subject={destinationId}
      eyebrow={<span className="text-fg-3">{t(`channel.${channelWord(destination.channel)}`)}</span>}
      tools={<CopyButton value={window.location.href} label={t("drawer.copyAddress")} />}
      actions={
        <>
          <Button icon="play" disabled={!manage} title={denied} busy={test.isPending} onClick={onTest}>
            {t("test.send")}
          </Button>
          {isStopped(destination.health) ? (
            <Button
              icon="play"
              kind="go"
              disabled={!manage}
              title={denied}
              busy={actions.busy}
              onClick={() => actions.resume(destination)}
            >
              {t("resume")}
            </Button>
          ) : (
            <Button
              icon="pause"
              disabled={!manage}
              title={denied}
              busy={actions.busy}
              onClick={() => actions.pause(destination)}
            >
              {t("pause")}
            </Button>
          )}
          <Button icon="edit" disabled={!manage} title={denied} onClick={onEdit}>
            {t("edit")}
          </Button>
          <Menu
            align="end"
            label={t("more", { name: destination.name })}
            trigger={<IconButton icon="more" label={t("more", { name: destination.name })} disabled={!manage} />}
          >
            {webhook && (
              <MenuItem icon="key" onSelect={() => actions.rotate(destination)}>
                {t("rotate.open")}
              </MenuItem>
            )}
            {webhook && <MenuSeparator />}
            <MenuItem icon="trash" danger onSelect={() => actions.remove(destination)}>
              {t("remove.open")}
            </MenuItem>
          </Menu>
          {!manage && <p className="basis-full text-12 text-fg-2">{t("manageDenied")}</p>}
        </>
      }
      onClose={onClose}
    >
      {secret && <section>{secret}</section>}
      {tested !== "" && (
        <section>
          <TestBand destinationId={destinationId} deliveryId={tested} href={`${deliveries}?id=${tested}`} />
        </section>
      )}
      <FormError error={test.error} />
      <Trouble destination={destination} />
      <DrawerSection title={t("drawer.state")}>
        <Facts
          rows={[
            [t("fact.health"), <Health key="h" destination={destination} />],
            [t("fact.queue"), <Counts key="c" destination={destination} />],
            destination.lastSuccessTime !== undefined && [
              t("fact.success"),
              <RelativeTime key="s" at={destination.lastSuccessTime} />,
            ],
            destination.lastFailureTime !== undefined && [
              t("fact.failure"),
              <RelativeTime key="f" at={destination.lastFailureTime} />,
            ],
          ]}
        />
      </DrawerSection>
      <Latest destination={destination} href={deliveries} />
      <DrawerSection title={t("drawer.facts")}>
        <DestinationFacts destination={destination} />
      </DrawerSection>
    </Drawer>
  );
}

/** What is wrong and what to do, above everything else. */
function Trouble({ destination: d }: { destination: Destination }) {
  const { t } = useTranslation("webhook");
  if (d.health === DestinationHealth.DISABLED) {
    return (
      <section>
        <Note tone="failed" role="status">
          <p>
            <b className="font-medium">{t("trouble.disabled")}</b>
          </p>
          <p>{disabledText(d)}</p>
          <p className="text-12 text-fg-2">{t("trouble.disabledDo")}</p>
        </Note>
      </section>
    );
  }
  if (d.health !== DestinationHealth.FAILING && d.health !== DestinationHealth.COOLING) return null;
  return (
    <section>
      <Note tone="warning" role="status">
        <p>
          <b className="font-medium">
            {t(d.health === DestinationHealth.COOLING ? "trouble.cooling" : "trouble.failing")}
          </b>{" "}
          {d.failingSince && (
            <>
              {t("trouble.since")} <When at={d.failingSince} />.
            </>
          )}
        </p>
        {d.nextAttemptTime && (
          <p>
            {t("trouble.next")} <When at={d.nextAttemptTime} />.
          </p>
        )}
        {d.disableTime && (
          <p className="text-12 text-fg-2">
            {t("trouble.disable")} <When at={d.disableTime} />.
          </p>
        )}
      </Note>
    </section>
  );
}

/** The newest deliveries, and the way to all of them. */
function Latest({ destination, href }: { destination: Destination; href: string }) {
  const { t } = useTranslation("webhook");
  const query = useDeliveries(destination.id, { states: [], eventTypes: [] }, 5);
  const rows = query.data?.pages[0]?.deliveries;
  return (
    <DrawerSection
      title={t("deliveries.title")}
      aside={
        <Link className="lk" to={href}>
          {t("drawer.all")}
        </Link>
      }
    >
      {!rows ? (
        query.isError ? (
          <p className="text-fg-2">{t("deliveries.error")}</p>
        ) : (
          <Skeleton width={220} />
        )
      ) : rows.length === 0 ? (
        <p className="text-fg-3">{t("drawer.noDeliveries")}</p>
      ) : (
        <>
          <ul className="wh-latest">
            {rows.map((delivery) => {
              const mark = stateMark(delivery.state);
              return (
                <li key={delivery.id}>
                  <StateMark shape={mark.shape} tone={mark.tone}>
                    {t(`state.${mark.word}`)}
                  </StateMark>
                  <Link className="el code" to={`${href}?id=${delivery.id}`}>
                    {delivery.eventType}
                  </Link>
                  <Past className="text-12 text-fg-3" at={delivery.createTime} />
                </li>
              );
            })}
          </ul>
          <LinkButton small className="mt-3" icon="list" to={href}>
            {t("drawer.deliveries")}
          </LinkButton>
        </>
      )}
    </DrawerSection>
  );
}

function DestinationFacts({ destination: d }: { destination: Destination }) {
  const { t } = useTranslation("webhook");
  return (
    <Facts
      keyWidth={128}
      rows={[
        ...configFacts(d, t),
        d.description !== "" && [t("fact.description"), d.description],
        [
          t("fact.events"),
          d.events.length === 0 ? (
            t("eventsAll")
          ) : (
            <ul key="e" className="wh-events">
              {d.events.map((name) => (
                <li key={name} className="code">
                  {name}
                </li>
              ))}
            </ul>
          ),
        ],
        [t("fact.ordering"), t(`ordering.${orderingWord(d.ordering)}`)],
        d.ratePerSecond > 0 && [t("fact.rate"), t("rate", { count: d.ratePerSecond })],
        d.createTime !== undefined && [t("fact.created"), <Past key="c" at={d.createTime} />],
      ]}
    />
  );
}

type Row = readonly [ReactNode, ReactNode] | false;

function configFacts(d: Destination, t: ReturnType<typeof useTranslation<"webhook">>["t"]): Row[] {
  switch (d.config.case) {
    case "webhook": {
      const w = d.config.value;
      return [
        [
          t("fact.url"),
          <span key="u" className="break-all">
            {w.url} <CopyButton value={w.url} label={t("copyUrl")} />
          </span>,
        ],
        [t("fact.secret"), t("secretHint", { hint: w.secretHint })],
        w.previousSecretUntil !== undefined && [
          t("fact.previousSecret"),
          <span key="p">
            {t("until")} <When at={w.previousSecretUntil} />
          </span>,
        ],
        w.publicKey !== "" && [
          t("fact.publicKey"),
          <span key="k" className="break-all">
            <span className="code">{w.publicKey}</span> <CopyButton value={w.publicKey} label={t("copyPublicKey")} />
          </span>,
        ],
        w.headers.length > 0 && [
          t("fact.headers"),
          <ul key="h" className="wh-events">
            {w.headers.map((one) => (
              <li key={one.name} className="code">
                {one.name}: {one.secret ? t("kept") : one.value}
              </li>
            ))}
          </ul>,
        ],
      ];
    }
    case "email":
      return [
        [
          t("fact.recipients"),
          <ul key="r" className="wh-events">
            {d.config.value.recipients.map((one) => (
              <li key={one}>{one}</li>
            ))}
          </ul>,
        ],
        [t("fact.locale"), languageNames[d.config.value.locale === "en" ? "en" : "pt-BR"]],
      ];
    case "slack":
    case "teams":
      return [
        [t("fact.url"), <span key="u">{d.config.value.urlHint}</span>],
        [t("fact.locale"), languageNames[d.config.value.locale === "en" ? "en" : "pt-BR"]],
      ];
    default:
      return [];
  }
}
