import { type ReactNode, useCallback, useState } from "react";
import { useTranslation } from "react-i18next";
import { stateOf, useStale } from "@/features/instance/listState";
import { Permission } from "@/gen/cloudhub/v1/options_pb";
import type { Destination } from "@/gen/cloudhub/v1/webhook_pb";
import { useAddress } from "@/lib/address";
import { useWorkspace } from "@/lib/workspace";
import { DestinationDrawer } from "./DestinationDrawer";
import { DestinationForm } from "./DestinationForm";
import { DestinationsPageView } from "./DestinationsPageView";
import { useDestinations } from "./queries";
import { SecretBanner } from "./SecretBanner";
import { useDestinationActions } from "./useDestinationActions";
import { type ChannelWord, channelOf } from "./words";

/** Of which channels, and in whose words. */
export type DestinationKind = "webhooks" | "channels";

const channelsOf: Record<DestinationKind, readonly ChannelWord[]> = {
  webhooks: ["webhook"],
  channels: ["email", "slack", "teams"],
};

/** In the address: `id` is the destination of the drawer, `form` is "new", or "edit" for that one. */
export function DestinationsPage({ kind, help }: { kind: DestinationKind; help?: ReactNode }) {
  const { t } = useTranslation("webhook");
  const { can } = useWorkspace();
  const { get, set } = useAddress();
  const channels = channelsOf[kind];
  const list = useDestinations(channels.map(channelOf));
  const stale = useStale(list);
  const rows = list.data?.destinations ?? [];
  const limit = list.data?.limit ?? 0;
  // Not in the address, and nowhere else: it is gone with the page.
  const [secret, setSecret] = useState<{ id: string; name: string; text: string }>();
  const openId = get("id");
  const form = get("form");
  const manage = can(Permission.WEBHOOKS_MANAGE);
  const opened = rows.find((one) => one.id === openId);
  const closeForm = useCallback(() => set({ form: "" }), [set]);
  const close = useCallback(() => set({ id: "", form: "" }), [set]);
  const keep = (destination: Destination | undefined, text: string) => {
    if (destination && text !== "") setSecret({ id: destination.id, name: destination.name, text });
  };
  const actions = useDestinationActions({
    onSecret: keep,
    onRemoved: (destination) => {
      if (secret?.id === destination.id) setSecret(undefined);
      if (openId === destination.id) close();
    },
  });
  const full =
    limit === 0 ? [] : channels.filter((word) => rows.filter((one) => one.channel === channelOf(word)).length >= limit);
  const banner = secret && (
    <SecretBanner name={secret.name} secret={secret.text} onStored={() => setSecret(undefined)} />
  );
  const making = form === "new" && manage;
  const editing = form === "edit" && manage && opened !== undefined;
  const aside = () => {
    if (making) {
      return (
        <DestinationForm
          channels={channels}
          full={full}
          onClose={closeForm}
          onSaved={(saved, text) => {
            keep(saved, text);
            set({ form: "", id: saved?.id ?? "" });
          }}
        />
      );
    }
    if (editing) {
      return (
        <DestinationForm
          key={opened.id}
          channels={channels}
          full={full}
          destination={opened}
          onClose={closeForm}
          onSaved={closeForm}
          onReload={() => void list.refetch().then(closeForm)}
        />
      );
    }
    if (openId === "") return undefined;
    return (
      <DestinationDrawer
        key={openId}
        destinationId={openId}
        row={opened}
        manage={manage}
        actions={actions}
        secret={secret?.id === openId ? banner : undefined}
        onEdit={() => set({ form: "edit" }, "push")}
        onClose={close}
      />
    );
  };
  const inDrawer = secret?.id === openId && !making && !editing;
  return (
    <>
      <DestinationsPageView
        kind={kind}
        title={t(`${kind}.title`)}
        state={stateOf(list, can(Permission.WEBHOOKS_VIEW))}
        error={list.error}
        rows={rows}
        limit={limit}
        isFull={full.length === channels.length}
        manage={manage}
        openId={openId}
        onOpen={(id) => set({ id, form: "" }, "push")}
        onNew={() => set({ form: "new", id: "" }, "push")}
        onRetry={() => void list.refetch()}
        stale={stale}
        banner={inDrawer ? undefined : banner}
        aside={aside()}
        panel={making || editing}
        help={help}
      />
      {actions.dialog}
    </>
  );
}
