import type { ConnectRouter } from "@connectrpc/connect";
import {
  ago,
  ahead,
  deliveryId,
  fakeAttempt,
  fakeBody,
  fakeDelivery,
  fakeDestination,
  fakeRefusal,
  fakeTypes,
} from "@/features/webhooks/testing";
import { Channel, DeliveryState, DestinationHealth, Ordering, WebhookService } from "@/gen/cloudhub/v1/webhook_pb";

type Answer = <A>(full: A, empty: A) => Promise<A>;

const day = 24 * 60;

export const destinations = [
  fakeDestination(1, {
    name: "Sistema de chamados",
    description: "Abre um chamado quando uma máquina não obedece.",
    events: ["resource.failed", "schedule.missed", "alert.triggered"],
    ordering: Ordering.RESOURCE,
    ratePerSecond: 20,
    config: {
      case: "webhook",
      value: {
        url: "https://chamados.ipe.example/integracoes/cloudhub",
        secretHint: "LaSw",
        ed25519: true,
        publicKey: "whpk_9YVlMXKbrrBjlJ0ypLk9cFYFmLXwRpKMbZhnDTQJKpQ=",
        previousSecretUntil: ahead(19 * 60),
        headers: [
          { name: "Authorization", value: "", secret: true },
          { name: "X-Origem", value: "cloudhub" },
        ],
      },
    },
  }),
  fakeDestination(2, {
    name: "Data lake",
    health: DestinationHealth.FAILING,
    waitingCount: 38,
    failingSince: ago(200),
    lastFailureTime: ago(3),
    lastSuccessTime: ago(204),
    nextAttemptTime: ahead(27),
    disableTime: ahead(5 * day - 200),
  }),
  fakeDestination(3, {
    name: "ERP, pedidos de manutenção preventiva",
    health: DestinationHealth.COOLING,
    waitingCount: 1204,
    exhaustedCount: 3,
    failingSince: ago(1900),
    lastSuccessTime: ago(1910),
    nextAttemptTime: ahead(8),
    disableTime: ahead(3 * day),
  }),
  fakeDestination(4, {
    name: "Homologação",
    health: DestinationHealth.PAUSED,
    pausedByName: "Ana Prado",
    heldCount: 12,
    lastSuccessTime: ago(2 * day),
  }),
  fakeDestination(5, {
    name: "Painel antigo",
    health: DestinationHealth.DISABLED,
    disabledReason: "DELIVERY_GONE",
    heldCount: 10_000,
    exhaustedCount: 41,
    lastFailureTime: ago(9 * day),
  }),
  fakeDestination(6, {
    name: "Plantão",
    channel: Channel.EMAIL,
    events: ["resource.failed"],
    config: { case: "email", value: { recipients: ["plantao@ipe.example", "caio@ipe.example"], locale: "pt-BR" } },
  }),
  fakeDestination(7, {
    name: "#operacao",
    channel: Channel.SLACK,
    config: { case: "slack", value: { urlHint: "hooks.slack.com/…aB3d", locale: "pt-BR" } },
  }),
  fakeDestination(8, {
    name: "Operação",
    channel: Channel.TEAMS,
    health: DestinationHealth.FAILING,
    failingSince: ago(12),
    waitingCount: 2,
    nextAttemptTime: ahead(2),
    config: { case: "teams", value: { urlHint: "prod-12.brazilsouth.logic.azure.com/…9x0Q", locale: "pt-BR" } },
  }),
];

const deliveries = [
  fakeDelivery(1, { state: DeliveryState.WAITING, attemptCount: 0, lastStatus: 0 }),
  fakeDelivery(2, {
    state: DeliveryState.RETRYING,
    eventType: "resource.failed",
    attemptCount: 3,
    lastStatus: 500,
    lastError: "the receiver answered 500 Internal Server Error",
    nextAttemptTime: ahead(4),
  }),
  fakeDelivery(3, { replayed: true }),
  fakeDelivery(4, { eventType: "schedule.executed" }),
  fakeDelivery(5, {
    state: DeliveryState.EXHAUSTED,
    eventType: "schedule.missed",
    attemptCount: 10,
    lastStatus: 0,
    lastError: "no answer within 15 s",
  }),
  fakeDelivery(6, { state: DeliveryState.HELD, attemptCount: 0, lastStatus: 0 }),
  ...Array.from({ length: 12 }, (_, n) => fakeDelivery(n + 7)),
];

/** Webhooks, channels and their deliveries. */
export function webhooks(rpc: ConnectRouter, answer: Answer) {
  rpc.service(WebhookService, {
    listEventTypes: () => ({ eventTypes: fakeTypes }),
    listDestinations: (request) =>
      answer(
        { destinations: destinations.filter((one) => request.channels.includes(one.channel)), limit: 10 },
        { destinations: [], limit: 10 },
      ),
    getDestination: (request) => ({ destination: destinations.find((one) => one.id === request.destinationId) }),
    createDestination: () => ({ destination: destinations[0], secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" }),
    listDeliveries: (request) =>
      answer(
        {
          deliveries: deliveries
            .filter((one) => request.states.length === 0 || request.states.includes(one.state))
            .slice(0, request.pageSize),
          nextPageToken: request.pageSize > 5 ? "more" : "",
        },
        { deliveries: [] },
      ),
    getDelivery: (request) => {
      const delivery = deliveries.find((one) => one.id === request.deliveryId) ?? deliveries[1];
      const failed = delivery?.state === DeliveryState.RETRYING;
      return {
        ...(delivery ? { delivery } : {}),
        body: fakeBody,
        attempts: failed
          ? [
              fakeAttempt(3, fakeRefusal),
              fakeAttempt(2, {
                ...fakeRefusal,
                startTime: ago(40),
                status: 0,
                responseHeaders: [],
                responseBody: "",
                error: "dial tcp 203.0.113.20:443: i/o timeout",
                errorReason: "DELIVERY_TIMEOUT",
                connectUs: 0n,
                tlsUs: 0n,
                firstByteUs: 0n,
                totalUs: 15_000_000n,
              }),
              fakeAttempt(1, { ...fakeRefusal, startTime: ago(45), dnsUs: 0n, connectUs: 0n, tlsUs: 0n }),
            ]
          : [fakeAttempt(1)],
      };
    },
    sendTest: () => ({ delivery: fakeDelivery(2, { id: deliveryId(2), eventType: "webhook.test" }) }),
    replayDeliveries: () => ({ count: 12, lastSendTime: ahead(1) }),
    pauseDestination: (request) => ({ destination: destinations.find((one) => one.id === request.destinationId) }),
    resumeDestination: (request) => ({ destination: destinations.find((one) => one.id === request.destinationId) }),
    rotateSecret: () => ({ destination: destinations[0], secret: "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD" }),
  });
}
