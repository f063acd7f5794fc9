import { useCallback, useEffect, useMemo } from "react";
import { stateOf, useEscape, useStale } from "@/features/instance/listState";
import { Permission } from "@/gen/cloudhub/v1/options_pb";
import { useAddress } from "@/lib/address";
import { useWorkspace } from "@/lib/workspace";
import { HEALTH_WORDS, passes, pausedLast } from "./health";
import { useSchedule, useSchedules } from "./queries";
import { ScheduleDrawer } from "./ScheduleDrawer";
import { ScheduleForm } from "./ScheduleForm";
import { SchedulesPageView } from "./SchedulesPageView";
import { useScheduleActions } from "./useScheduleActions";

export function SchedulesPage() {
  const { can } = useWorkspace();
  const { get, list: values, set } = useAddress();
  const list = useSchedules();
  const stale = useStale(list);
  const rows = useMemo(() => pausedLast(list.data?.pages.flatMap((p) => p.schedules) ?? []), [list.data]);
  const health = HEALTH_WORDS.filter((one) => values("health").includes(one));
  const shown = rows.filter((s) => passes(s.health, health));
  // The filter lets through what was read, so it needs all of them.
  const { fetchNextPage } = list;
  const wanting = health.length > 0 && list.hasNextPage && !list.isFetchingNextPage && !list.isError;
  useEffect(() => {
    if (wanting) void fetchNextPage();
  }, [wanting, fetchNextPage]);
  const openId = get("id");
  // "new", or "edit" for the open one.
  const form = get("form");
  const closeForm = useCallback(() => set({ form: "" }), [set]);
  const close = useCallback(() => set({ id: "", form: "" }), [set]);
  useEscape(openId !== "" && form === "", close);

  const { act, dialog, busy } = useScheduleActions({
    onEdit: (schedule) => set({ id: schedule.id, form: "edit" }, "push"),
    onRun: (schedule) => {
      if (openId !== schedule.id) set({ id: schedule.id, form: "" }, "push");
    },
    onRemoved: (schedule) => {
      if (openId === schedule.id) close();
    },
  });

  const edited = useSchedule(form === "edit" ? openId : "");
  const aside = () => {
    if (form === "new") return <ScheduleForm onClose={closeForm} onSaved={(s) => set({ form: "", id: s?.id ?? "" })} />;
    const schedule = edited.data?.schedule;
    if (form === "edit" && schedule) {
      // The form begins anew from what was read only when somebody asks for it.
      return (
        <ScheduleForm
          key={schedule.id}
          schedule={schedule}
          onClose={closeForm}
          onReload={() => void edited.refetch().then(closeForm)}
        />
      );
    }
    if (openId === "") return undefined;
    return (
      <ScheduleDrawer
        scheduleId={openId}
        row={rows.find((s) => s.id === openId)}
        onAct={act}
        busy={busy}
        onClose={close}
      />
    );
  };
  return (
    <>
      <SchedulesPageView
        state={stateOf(list, can(Permission.SCHEDULES_VIEW))}
        error={list.error}
        rows={shown}
        all={rows}
        health={health}
        onHealth={(next) => set({ health: next })}
        parked={list.data?.pages[0]?.parked}
        openId={openId}
        onOpen={(id) => set({ id, form: "" }, "push")}
        onNew={() => set({ form: "new", id: "" }, "push")}
        onRetry={() => list.refetch()}
        hasMore={list.hasNextPage}
        loadingMore={list.isFetchingNextPage}
        onMore={() => void list.fetchNextPage()}
        stale={stale}
        aside={aside()}
        asideIsPanel={form !== ""}
        making={form === "new"}
        onAct={act}
      />
      {dialog}
    </>
  );
}
