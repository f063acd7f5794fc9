import { useCallback, useMemo, useState } from "react";
import { useParams } from "react-router";
import { stateOf, useStale } from "@/features/instance/listState";
import { Permission } from "@/gen/cloudhub/v1/options_pb";
import { useAddress } from "@/lib/address";
import { useWorkspace } from "@/lib/workspace";
import { DeliveriesPageView } from "./DeliveriesPageView";
import { DeliveryDrawer } from "./DeliveryDrawer";
import { readMoment } from "./moment";
import { useDeliveries, useDestination, useEventTypes } from "./queries";
import { useDestinationActions } from "./useDestinationActions";
import { STATE_WORDS, stateOfWord } from "./words";

const none: ReadonlySet<string> = new Set();

/** In the address: `state`, `type`, `since` and `until` are the filter, `id` is the delivery of the drawer. */
export function DeliveriesPage() {
  const { destinationId = "" } = useParams();
  const { can, timeZone } = useWorkspace();
  const { get, list: values, set } = useAddress();
  const zone = timeZone || "America/Sao_Paulo";
  const states = STATE_WORDS.filter((word) => values("state").includes(word));
  const types = values("type");
  const since = get("since");
  const until = get("until");
  const openId = get("id");
  const manage = can(Permission.WEBHOOKS_MANAGE);

  const destination = useDestination(destinationId);
  const catalog = useEventTypes(can(Permission.WEBHOOKS_VIEW));
  const list = useDeliveries(destinationId, {
    states: states.map(stateOfWord),
    eventTypes: types,
    since: readMoment(since, zone),
    until: readMoment(until, zone),
  });
  const stale = useStale(list);
  const rows = useMemo(() => list.data?.pages.flatMap((page) => page.deliveries) ?? [], [list.data]);
  const [selected, setSelected] = useState<ReadonlySet<string>>(none);
  // What the filter or time took away is not sent again by surprise.
  const chosen = useMemo(
    () => new Set(rows.filter((row) => selected.has(row.id)).map((row) => row.id)),
    [rows, selected],
  );
  const close = useCallback(() => set({ id: "" }), [set]);
  const actions = useDestinationActions();
  const found = destination.data?.destination;
  const aside =
    openId === "" ? undefined : (
      <DeliveryDrawer
        key={openId}
        destinationId={destinationId}
        deliveryId={openId}
        manage={manage}
        onReplay={found && ((id) => actions.replay(found, { kind: "some", ids: [id] }))}
        onClose={close}
      />
    );
  return (
    <>
      <DeliveriesPageView
        destination={found}
        destinationError={destination.isError && !found ? destination.error : undefined}
        state={stateOf(list, can(Permission.WEBHOOKS_VIEW))}
        error={list.error}
        rows={rows}
        filter={{ states, types, since, until }}
        eventTypes={catalog.data?.eventTypes.map((one) => one.name) ?? []}
        onFilter={set}
        manage={manage}
        selected={chosen}
        onSelect={setSelected}
        onReplaySelected={() =>
          found && actions.replay(found, { kind: "some", ids: [...chosen] }, () => setSelected(none))
        }
        onReplayRange={() =>
          found &&
          actions.replay(found, {
            kind: "range",
            events: types,
            since: readMoment(since, zone),
            until: readMoment(until, zone),
          })
        }
        openId={openId}
        onOpen={(id) => set({ id }, "push")}
        onRetry={() => {
          void destination.refetch();
          void list.refetch();
        }}
        hasMore={list.hasNextPage}
        loadingMore={list.isFetchingNextPage}
        onMore={() => void list.fetchNextPage()}
        stale={stale}
        aside={aside}
      />
      {actions.dialog}
    </>
  );
}
