import { create } from "@bufbuild/protobuf";
import { useQuery } from "@connectrpc/connect-query";
import { keepPreviousData, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { ConfirmDialog } from "@/components/ConfirmDialog";
import { Checkbox, FormField, Input } from "@/components/form";
import { When } from "@/components/Time";
import { toast } from "@/components/Toast";
import {
  DeliveryIdsSchema,
  DeliveryRangeSchema,
  type Destination,
  type ReplayDeliveriesRequest,
  WebhookService,
} from "@/gen/cloudhub/v1/webhook_pb";
import { toAppError } from "@/lib/errors";
import { useFormat } from "@/lib/format";
import { invalidate } from "@/lib/stream/apply";
import { useWorkspace } from "@/lib/workspace";
import { readMoment, writeMoment } from "./moment";
import { timesOf, useWebhookMutations, webhookMethods } from "./queries";
import { type StateWord, stateOfWord } from "./words";

const DAY = 86_400_000;
/** Deliveries a second when nothing else is said. */
const USUAL_PACE = 10;
const MOST_PACE = 1000;
/** What is typed is counted once it has rested this long, in milliseconds. */
const REST = 300;

export type ReplayWhat =
  /** Some that were chosen. */
  | { kind: "some"; ids: readonly string[] }
  /** Those of a time; `events` narrows them. */
  | { kind: "range"; events: readonly string[]; since?: Date | undefined; until?: Date | undefined }
  /** All that is held. */
  | { kind: "held" };

const CHOICES = ["exhausted", "held", "delivered"] as const satisfies readonly StateWord[];
type Choice = (typeof CHOICES)[number];

/** Sends again what has ended or is held: says how many first, and until when it takes. */
export function ReplayDialog({
  destination,
  what,
  onClose,
  onSent,
}: {
  destination: Destination;
  what: ReplayWhat;
  onClose: () => void;
  onSent?: () => void;
}) {
  const { t } = useTranslation("webhook");
  const { ids, timeZone } = useWorkspace();
  const format = useFormat();
  const client = useQueryClient();
  const { replay } = useWebhookMutations();
  const zone = timeZone || "America/Sao_Paulo";
  const range = what.kind === "range" ? what : undefined;
  const [since, setSince] = useState(() => writeMoment(range?.since ?? new Date(Date.now() - DAY), zone));
  const [until, setUntil] = useState(() => (range?.until ? writeMoment(range.until, zone) : ""));
  const [choices, setChoices] = useState<readonly Choice[]>(["exhausted", "held"]);
  const [pace, setPace] = useState(String(USUAL_PACE));

  const from = readMoment(since, zone);
  const to = until === "" ? undefined : readMoment(until, zone);
  const wrongSince = range !== undefined && from === undefined ? t("replay.error.since") : undefined;
  const wrongUntil =
    range && until !== "" && (to === undefined || (from !== undefined && to <= from))
      ? t("replay.error.until")
      : undefined;
  const wrongPace =
    /^\d+$/.test(pace.trim()) && Number(pace) >= 1 && Number(pace) <= MOST_PACE ? undefined : t("form.error.rate");
  const complete = !wrongSince && !wrongUntil && !wrongPace && (!range || choices.length > 0);

  const request = () => ({
    ...ids,
    destinationId: destination.id,
    what: whatOf(what, choices, from, to),
    ratePerSecond: Number(pace),
  });
  const rested = useRested(complete ? JSON.stringify([since, until, choices, pace]) : "", REST);
  const current = complete && rested === JSON.stringify([since, until, choices, pace]);
  const count = useQuery(
    WebhookService.method.replayDeliveries,
    { ...request(), validateOnly: true },
    { enabled: current, placeholderData: keepPreviousData, staleTime: 0, gcTime: 0, retry: false },
  );
  const counted = current && !count.isPlaceholderData ? count.data : undefined;
  const onConfirm = () =>
    replay.mutate(request(), {
      onSuccess: (answer) => {
        toast(t("replay.done", { count: answer.count }), { shape: "ok" });
        invalidate(client, webhookMethods);
        onSent?.();
        onClose();
      },
    });
  return (
    <ConfirmDialog
      open
      title={t(`replay.title.${what.kind}`, { name: destination.name })}
      confirmLabel={counted ? t("replay.submit", { count: counted.count }) : t("replay.submitNone")}
      disabled={!counted || counted.count === 0}
      onConfirm={onConfirm}
      onClose={onClose}
      busy={replay.isPending}
      error={replay.error}
    >
      <p>{t("replay.same")}</p>
      {range && (
        <>
          <div className="wh-two">
            <FormField label={t("replay.since")} error={wrongSince}>
              <Input type="datetime-local" value={since} onChange={(event) => setSince(event.target.value)} />
            </FormField>
            <FormField label={t("replay.until")} hint={t("replay.untilHint")} error={wrongUntil}>
              <Input type="datetime-local" value={until} onChange={(event) => setUntil(event.target.value)} />
            </FormField>
          </div>
          <FormField group label={t("replay.which")}>
            {CHOICES.map((word) => (
              <Checkbox
                key={word}
                label={t(`replay.choice.${word}`)}
                checked={choices.includes(word)}
                onChange={(event) =>
                  setChoices(CHOICES.filter((one) => (one === word ? event.target.checked : choices.includes(one))))
                }
              />
            ))}
          </FormField>
          {range.events.length > 0 && (
            <p className="text-12">{t("replay.onlyEvents", { events: format.list(range.events) })}</p>
          )}
        </>
      )}
      <FormField label={t("replay.pace")} error={wrongPace}>
        <span className="wh-rate">
          <Input
            type="number"
            inputMode="numeric"
            min={1}
            max={MOST_PACE}
            value={pace}
            onChange={(event) => setPace(event.target.value)}
          />
          <span>{t("form.rateUnit")}</span>
        </span>
      </FormField>
      <p className="wh-count" role="status">
        {count.isError && current ? (
          <span className="text-failed">{toAppError(count.error).text}</span>
        ) : counted ? (
          <>
            <b>{counted.count === 0 ? t("replay.none") : t("replay.count", { count: counted.count })}</b>
            {counted.count > 0 && counted.lastSendTime && (
              <>
                {" "}
                {t("replay.last")} <When at={counted.lastSendTime} />.
              </>
            )}
          </>
        ) : (
          complete && t("replay.counting")
        )}
      </p>
    </ConfirmDialog>
  );
}

function whatOf(
  what: ReplayWhat,
  choices: readonly Choice[],
  since: Date | undefined,
  until: Date | undefined,
): NonNullable<ReplayDeliveriesRequest["what"]> {
  if (what.kind === "some") {
    return { case: "deliveries", value: create(DeliveryIdsSchema, { ids: [...what.ids] }) };
  }
  if (what.kind === "held") {
    return { case: "range", value: create(DeliveryRangeSchema, { states: [stateOfWord("held")] }) };
  }
  return {
    case: "range",
    value: create(DeliveryRangeSchema, {
      ...timesOf({ since, until }),
      states: choices.map(stateOfWord),
      eventTypes: [...what.events],
    }),
  };
}

/** `value` as it was once it had not changed for `after` milliseconds. */
function useRested<Value>(value: Value, after: number): Value {
  const [rested, setRested] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setRested(value), after);
    return () => clearTimeout(timer);
  }, [value, after]);
  return rested;
}
