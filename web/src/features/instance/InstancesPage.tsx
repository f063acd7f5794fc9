import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { toast } from "@/components/Toast";
import { ScheduleForm } from "@/features/schedule/ScheduleForm";
import { InventoryService } from "@/gen/cloudhub/v1/inventory_pb";
import { OperationService } from "@/gen/cloudhub/v1/operation_pb";
import { Permission } from "@/gen/cloudhub/v1/options_pb";
import type { Resource } from "@/gen/cloudhub/v1/resource_pb";
import { useAddress } from "@/lib/address";
import { toAppError } from "@/lib/errors";
import { invalidate } from "@/lib/stream/apply";
import { useWorkspace } from "@/lib/workspace";
import { addressOf, type InstanceFilter, readFilter, tabCounts } from "./filters";
import { InstanceDrawer } from "./InstanceDrawer";
import { InstancesPageView } from "./InstancesPageView";
import { stateOf, useEscape, useStale } from "./listState";
import { PowerConfirm } from "./PowerConfirm";
import { type Power, powerPlan } from "./power";
import { useAccounts, useInstances, useOpenOperations, usePower, useSync } from "./queries";

export function InstancesPage() {
  const { t } = useTranslation("instance");
  const { ids, can } = useWorkspace();
  const address = useAddress();
  const filter = useMemo(() => readFilter(address), [address]);
  const list = useInstances(filter);
  const accounts = useAccounts().data?.cloudAccounts ?? [];
  const operations = useOpenOperations();
  const stale = useStale(list);
  const sync = useSync();
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [scheduling, setScheduling] = useState<Resource[]>();
  const power = usePowerRequest(() => setSelected(new Set()));

  const rows = useMemo(() => list.data?.pages.flatMap((p) => p.resources) ?? [], [list.data]);
  const counts = list.data?.pages[0]?.counts;
  const openId = address.get("id");
  const row = rows.find((r) => r.id === openId);

  const { set } = address;
  const onFilter = useCallback((change: Partial<InstanceFilter>) => set(addressOf(change)), [set]);
  const open = useCallback((id: string) => set({ id }, "push"), [set]);
  const close = useCallback(() => set({ id: "" }), [set]);
  useEscape(openId !== "" && !scheduling, close);

  const onSync = () => {
    sync.mutate(
      { ...ids, cloudAccountIds: [] },
      {
        onSuccess: (answer) => toast(t("refreshAsked", { count: answer.accounts }), { shape: "ok" }),
        onError: (error) => toast(toAppError(error).text, { shape: "failed" }),
      },
    );
  };

  const aside = scheduling ? (
    <ScheduleForm
      resources={scheduling}
      onClose={() => setScheduling(undefined)}
      onSaved={() => {
        setScheduling(undefined);
        setSelected(new Set());
      }}
    />
  ) : openId !== "" ? (
    <InstanceDrawer
      resourceId={openId}
      row={row}
      accounts={accounts}
      onPower={power.ask}
      onSchedule={setScheduling}
      onClose={close}
    />
  ) : undefined;

  return (
    <>
      <InstancesPageView
        state={stateOf(list, can(Permission.RESOURCES_VIEW))}
        error={list.error}
        rows={rows}
        counts={counts && tabCounts(counts)}
        accounts={accounts}
        operations={operations}
        filter={filter}
        onFilter={onFilter}
        selected={selected}
        onSelect={setSelected}
        openId={openId}
        onOpen={open}
        onPower={power.ask}
        onSchedule={setScheduling}
        onSync={onSync}
        syncing={sync.isPending}
        onRetry={() => list.refetch()}
        hasMore={list.hasNextPage}
        loadingMore={list.isFetchingNextPage}
        onMore={() => {
          if (!list.isFetchingNextPage) void list.fetchNextPage();
        }}
        stale={stale}
        aside={aside}
        asideIsPanel={scheduling !== undefined}
      />
      {power.asked && (
        <PowerConfirm
          open
          power={power.asked.power}
          plan={powerPlan(power.asked.machines, power.asked.power)}
          accounts={accounts}
          busy={power.busy}
          error={power.error}
          onConfirm={power.confirm}
          onClose={power.cancel}
        />
      )}
    </>
  );
}

interface Asked {
  power: Power;
  machines: Resource[];
  /** One for each time that it is asked, so that a second click or a retry makes no second operation. */
  requestId: string;
}

/** Asks before it requests; what happens in the cloud is told by the stream, never guessed. */
function usePowerRequest(done: () => void) {
  const { t } = useTranslation("instance");
  const { ids } = useWorkspace();
  const client = useQueryClient();
  const { start, stop } = usePower();
  const [asked, setAsked] = useState<Asked>();
  const mutation = asked?.power === "start" ? start : stop;
  return {
    asked,
    busy: mutation.isPending,
    error: mutation.error,
    ask: (power: Power, machines: Resource[]) => {
      start.reset();
      stop.reset();
      setAsked({ power, machines, requestId: crypto.randomUUID() });
    },
    cancel: () => setAsked(undefined),
    confirm: () => {
      if (!asked) return;
      const { power, machines, requestId } = asked;
      const resourceIds = powerPlan(machines, power).act.map((m) => m.id);
      mutation.mutate(
        { ...ids, resourceIds, requestId },
        {
          onSuccess: () => {
            setAsked(undefined);
            done();
            toast(t(`requested.${power}`, { count: resourceIds.length }), { shape: "wait" });
            invalidate(client, [
              OperationService.method.listOperations,
              InventoryService.method.listResources,
              InventoryService.method.getResource,
            ]);
          },
        },
      );
    },
  };
}
