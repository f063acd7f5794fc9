import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  type Attempt,
  AttemptSchema,
  Channel,
  type Delivery,
  DeliverySchema,
  DeliveryState,
  type Destination,
  DestinationHealth,
  DestinationSchema,
  type EventType,
  EventTypeSchema,
  Ordering,
} from "@/gen/cloudhub/v1/webhook_pb";

/** Destinations, deliveries and event types as the server answers them, for tests and for the preview. */

export const destinationId = (n: number) => `77777777-7777-4777-8777-${String(n).padStart(12, "0")}`;
export const deliveryId = (n: number) => `88888888-8888-4888-8888-${String(n).padStart(12, "0")}`;
export const ago = (minutes: number) => timestampFromMs(Date.now() - minutes * 60_000);
export const ahead = (minutes: number) => timestampFromMs(Date.now() + minutes * 60_000);

type DestinationInit = Exclude<MessageInitShape<typeof DestinationSchema>, Destination>;

export function fakeDestination(n: number, changes: DestinationInit = {}): Destination {
  return create(DestinationSchema, {
    id: destinationId(n),
    name: `Destino ${n}`,
    channel: Channel.WEBHOOK,
    config: {
      case: "webhook",
      value: { url: `https://hooks.ipe.example/cloudhub/${n}`, secretHint: "LaSw" },
    },
    ordering: Ordering.NONE,
    health: DestinationHealth.HEALTHY,
    lastSuccessTime: ago(4),
    createTime: ago(60 * 24 * 40),
    etag: `"${n}"`,
    ...changes,
  });
}

type DeliveryInit = Exclude<MessageInitShape<typeof DeliverySchema>, Delivery>;

export function fakeDelivery(n: number, changes: DeliveryInit = {}): Delivery {
  return create(DeliverySchema, {
    id: deliveryId(n),
    destinationId: destinationId(1),
    messageId: `msg_01KAT7Q2M9XF${String(n).padStart(4, "0")}`,
    eventType: "resource.stopped",
    state: DeliveryState.DELIVERED,
    attemptCount: 1,
    createTime: ago(n * 3),
    endTime: ago(n * 3),
    lastStatus: 204,
    ...changes,
  });
}

type AttemptInit = Exclude<MessageInitShape<typeof AttemptSchema>, Attempt>;

export function fakeAttempt(number: number, changes: AttemptInit = {}): Attempt {
  return create(AttemptSchema, {
    number,
    startTime: ago(3),
    url: "https://hooks.ipe.example/cloudhub/1",
    address: "203.0.113.20:443",
    status: 204,
    requestHeaders: [
      { name: "content-type", value: "application/json" },
      { name: "webhook-id", value: "msg_01KAT7Q2M9XF0001" },
      { name: "webhook-timestamp", value: "1764007931" },
      { name: "webhook-signature", value: "v1,****", secret: true },
      { name: "authorization", value: "", secret: true },
    ],
    responseHeaders: [
      { name: "server", value: "nginx" },
      { name: "content-type", value: "application/json" },
    ],
    dnsUs: 3_200n,
    connectUs: 14_900n,
    tlsUs: 41_300n,
    firstByteUs: 179_800n,
    totalUs: 182_400n,
    ...changes,
  });
}

/** The answer of a receiver that failed, with its words. */
export const fakeRefusal: AttemptInit = {
  status: 500,
  error: "the receiver answered 500 Internal Server Error",
  errorReason: "DELIVERY_REFUSED",
  responseBody: '{"error":"fila cheia"}',
  nextAttemptTime: ahead(4),
};

export const fakeBody =
  '{"event":"resource.stopped","workspace_id":"22222222-2222-4222-8222-222222222222","timestamp":"2026-11-24T22:00:04.118Z","version":1,"data":{"resource":{"id":"i-0c41d7e9a2b850000","name":"ipe-hml-api-01"},"sequence":9007199254740993}}';

const schema = (title: string) =>
  JSON.stringify({
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title,
    type: "object",
    required: ["resource"],
    properties: {
      resource: { type: "object", properties: { id: { type: "string" }, name: { type: "string" } } },
    },
  });

const type = (name: string, changes: Partial<EventType> = {}) =>
  create(EventTypeSchema, {
    name,
    version: 1,
    schema: schema(name),
    schemaPath: `/schemas/events/${name}.v1.json`,
    example: fakeBody.replace("resource.stopped", name),
    planned: changes.planned ?? false,
    ofOrganization: changes.ofOrganization ?? false,
  });

export const fakeTypes: EventType[] = [
  type("resource.started"),
  type("resource.stopped"),
  type("resource.failed"),
  type("schedule.executed"),
  type("schedule.missed"),
  type("alert.triggered"),
  type("budget.threshold_crossed", { planned: true }),
  type("anomaly.detected", { planned: true }),
  type("finops.scan.completed", { planned: true }),
  type("finops.recommendation.applied", { planned: true }),
  type("finops.recommendation.undone", { planned: true }),
  type("billing.paid", { planned: true, ofOrganization: true }),
  type("billing.refunded", { planned: true, ofOrganization: true }),
  type("org.member.added", { ofOrganization: true }),
  type("webhook.test"),
];
