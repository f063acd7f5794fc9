import { useInfiniteQuery, useMutation, useQuery } from "@connectrpc/connect-query";
import { keepPreviousData } from "@tanstack/react-query";
import { Permission } from "@/gen/cloudhub/v1/options_pb";
import {
  type Channel,
  type Delivery,
  DeliveryState,
  type Destination,
  DestinationHealth,
  WebhookService,
} from "@/gen/cloudhub/v1/webhook_pb";
import { type Moment, toDate } from "@/lib/format";
import { useWorkspace } from "@/lib/workspace";

/** How often a list is read again: while something is about to be sent, and otherwise. */
const SOON = 3_000;
const CALM = 30_000;
/** What is due within this time is about to be sent. */
const NEAR = 60_000;

function isNear(at: Moment): boolean {
  const date = toDate(at);
  return date !== undefined && date.getTime() - Date.now() < NEAR;
}

/** It waits for its first try, or for one that is near. */
export function isMoving(delivery: Delivery): boolean {
  if (delivery.state === DeliveryState.WAITING) return !delivery.nextAttemptTime || isNear(delivery.nextAttemptTime);
  return delivery.state === DeliveryState.RETRYING && isNear(delivery.nextAttemptTime);
}

function isBusy(one: Destination): boolean {
  if (one.waitingCount === 0) return false;
  return one.health === DestinationHealth.HEALTHY || isNear(one.nextAttemptTime);
}

/** No stream tells of destinations: the list is read again, quickly while something waits. */
export function useDestinations(channels: readonly Channel[]) {
  const { ids, can } = useWorkspace();
  return useQuery(
    WebhookService.method.listDestinations,
    { ...ids, channels: [...channels] },
    {
      enabled: can(Permission.WEBHOOKS_VIEW),
      refetchInterval: ({ state }) => (state.data?.destinations.some(isBusy) ? SOON : CALM),
    },
  );
}

export function useDestination(destinationId: string) {
  const { ids, can } = useWorkspace();
  return useQuery(
    WebhookService.method.getDestination,
    { ...ids, destinationId },
    {
      enabled: destinationId !== "" && can(Permission.WEBHOOKS_VIEW),
      refetchInterval: ({ state }) => (state.data?.destination && isBusy(state.data.destination) ? SOON : CALM),
    },
  );
}

export function useEventTypes(enabled = true) {
  return useQuery(WebhookService.method.listEventTypes, {}, { enabled, staleTime: 600_000 });
}

export interface DeliveryFilter {
  states: readonly DeliveryState[];
  eventTypes: readonly string[];
  since?: Date | undefined;
  until?: Date | undefined;
}

/** The parts of a request that choose deliveries by time; absent when they are open. */
export function timesOf({ since, until }: { since?: Date | undefined; until?: Date | undefined }) {
  return {
    ...(since ? { since: stamp(since) } : {}),
    ...(until ? { until: stamp(until) } : {}),
  };
}

function stamp(date: Date) {
  const ms = date.getTime();
  return { seconds: BigInt(Math.floor(ms / 1000)), nanos: (((ms % 1000) + 1000) % 1000) * 1e6 };
}

export function useDeliveries(destinationId: string, filter: DeliveryFilter, pageSize = 50) {
  const { ids, can } = useWorkspace();
  return useInfiniteQuery(
    WebhookService.method.listDeliveries,
    {
      ...ids,
      destinationId,
      states: [...filter.states],
      eventTypes: [...filter.eventTypes],
      ...timesOf(filter),
      pageSize,
      pageToken: "",
    },
    {
      pageParamKey: "pageToken",
      getNextPageParam: (last) => last.nextPageToken || undefined,
      enabled: destinationId !== "" && can(Permission.WEBHOOKS_VIEW),
      placeholderData: keepPreviousData,
      refetchInterval: ({ state }) => (state.data?.pages.some((page) => page.deliveries.some(isMoving)) ? SOON : CALM),
    },
  );
}

/** One delivery; `every` is how often it is read while it is on its way. */
export function useDelivery(destinationId: string, deliveryId: string, every = SOON) {
  const { ids } = useWorkspace();
  return useQuery(
    WebhookService.method.getDelivery,
    { ...ids, destinationId, deliveryId },
    {
      enabled: deliveryId !== "",
      refetchInterval: ({ state }) => {
        const delivery = state.data?.delivery;
        return delivery && isMoving(delivery) ? every : CALM;
      },
    },
  );
}

export function useWebhookMutations() {
  return {
    create: useMutation(WebhookService.method.createDestination),
    update: useMutation(WebhookService.method.updateDestination),
    remove: useMutation(WebhookService.method.deleteDestination),
    pause: useMutation(WebhookService.method.pauseDestination),
    resume: useMutation(WebhookService.method.resumeDestination),
    rotate: useMutation(WebhookService.method.rotateSecret),
    test: useMutation(WebhookService.method.sendTest),
    replay: useMutation(WebhookService.method.replayDeliveries),
  };
}

/** What a change of a destination, and what is sent, makes old. */
export const webhookMethods = [
  WebhookService.method.listDestinations,
  WebhookService.method.getDestination,
  WebhookService.method.listDeliveries,
  WebhookService.method.getDelivery,
] as const;
