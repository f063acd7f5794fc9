import { useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { toast } from "@/components/Toast";
import { stateOf, useStale } from "@/features/instance/listState";
import { Permission } from "@/gen/cloudhub/v1/options_pb";
import type { Hold } from "@/gen/cloudhub/v1/schedule_pb";
import { useAddress } from "@/lib/address";
import { toAppError } from "@/lib/errors";
import { invalidate } from "@/lib/stream/apply";
import { useWorkspace } from "@/lib/workspace";
import { HoldsPageView } from "./HoldsPageView";
import { holdMethods, useHoldMutations, useHolds } from "./queries";

/** Holds of machines and schedules: in force, or all of them (`?all=1`). */
export function HoldsPage() {
  const { t } = useTranslation("schedule");
  const { ids, can } = useWorkspace();
  const { get, set } = useAddress();
  const client = useQueryClient();
  const all = get("all") !== "";
  const list = useHolds(!all);
  const stale = useStale(list);
  const { end } = useHoldMutations();
  const onEnd = (hold: Hold) =>
    end.mutate(
      { ...ids, holdId: hold.id },
      {
        onSuccess: () => {
          invalidate(client, holdMethods);
          toast(t("holds.ended", { name: hold.subjectName }), { shape: "ok" });
        },
        onError: (error) => toast(toAppError(error).text, { shape: "failed", seconds: 8 }),
      },
    );
  return (
    <HoldsPageView
      state={stateOf(list, can(Permission.SCHEDULES_VIEW))}
      error={list.error}
      rows={list.data?.pages.flatMap((page) => page.holds) ?? []}
      all={all}
      onAll={(next) => set({ all: next ? "1" : "" })}
      onEnd={onEnd}
      ending={end.isPending ? end.variables?.holdId : undefined}
      onRetry={() => void list.refetch()}
      hasMore={list.hasNextPage}
      loadingMore={list.isFetchingNextPage}
      onMore={() => void list.fetchNextPage()}
      stale={stale}
    />
  );
}
