import { useCallback } from "react";
import { stateOf, useStale } from "@/features/instance/listState";
import { Permission } from "@/gen/cloudhub/v1/options_pb";
import { useAddress } from "@/lib/address";
import { useWorkspace } from "@/lib/workspace";
import { CalendarDrawer } from "./CalendarDrawer";
import { CalendarForm } from "./CalendarForm";
import { CalendarsPageView } from "./CalendarsPageView";
import { useCalendars } from "./queries";

/** In the address: `id` is the calendar of the drawer, `form` is "new", or "edit" for that one. */
export function CalendarsPage() {
  const { org, can } = useWorkspace();
  const { get, set } = useAddress();
  const list = useCalendars();
  const stale = useStale(list);
  const rows = list.data?.calendars ?? [];
  const openId = get("id");
  const form = get("form");
  // Calendars are the organization's, not the workspace's.
  const manage = org.permissions.includes(Permission.ORG_MANAGE);
  const opened = rows.find((calendar) => calendar.id === openId);
  const closeForm = useCallback(() => set({ form: "" }), [set]);
  const aside = () => {
    if (form === "new" && manage) {
      return <CalendarForm onClose={closeForm} onSaved={(saved) => set({ form: "", id: saved?.id ?? "" })} />;
    }
    if (form === "edit" && opened && manage) {
      return (
        <CalendarForm
          key={opened.id}
          calendar={opened}
          onClose={closeForm}
          onSaved={closeForm}
          onReload={() => void list.refetch().then(closeForm)}
        />
      );
    }
    if (openId === "") return undefined;
    return (
      <CalendarDrawer
        key={openId}
        calendarId={openId}
        row={opened}
        manage={manage}
        onEdit={() => set({ form: "edit" }, "push")}
        onClose={() => set({ id: "", form: "" })}
      />
    );
  };
  const panel = manage && (form === "new" || (form === "edit" && opened !== undefined));
  return (
    <CalendarsPageView
      state={stateOf(list, can(Permission.SCHEDULES_VIEW))}
      error={list.error}
      rows={rows}
      manage={manage}
      openId={openId}
      onOpen={(id) => set({ id, form: "" }, "push")}
      onNew={() => set({ form: "new", id: "" }, "push")}
      onRetry={() => void list.refetch()}
      stale={stale}
      aside={aside()}
      panel={panel}
    />
  );
}
