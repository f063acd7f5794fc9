import { useAddress } from "@/lib/address";
import { AgendaPageView } from "./AgendaPageView";
import { OpenRow } from "./OpenRow";
import { useAgenda, useSummary } from "./queries";
import { idOf, keyOf, laneOf, lanes, viewNamed, viewOf } from "./rows";

/** In the address: `view` is the tab, `kind`, `lane` and `org` filter, `open` is the row of the drawer. */
export function AgendaPage() {
  const address = useAddress();
  const view = viewNamed(address.get("view"));
  const kinds = address.list("kind");
  const chosenLanes = lanes.filter((lane) => address.list("lane").includes(lane));
  const organization = address.get("org");
  const key = keyOf(address.get("open"));
  const openId = key && idOf(key);

  const summary = useSummary();
  const list = useAgenda({ view: viewOf[view], kinds, lanes: chosenLanes.map((lane) => laneOf[lane]), organization });
  const rows = list.data?.pages.flatMap((page) => page.rows);

  return (
    <AgendaPageView
      summary={summary.data}
      rows={rows}
      error={list.data ? undefined : list.error}
      staleSince={list.data && list.isError ? list.dataUpdatedAt : undefined}
      busy={list.isFetching}
      onRetry={() => void list.refetch()}
      view={view}
      onView={(next) => address.set({ view: next === "due" ? undefined : next, open: undefined })}
      kinds={kinds}
      lanes={chosenLanes}
      organization={organization}
      onFilter={(changes) => address.set({ ...changes, open: undefined })}
      openId={openId}
      onOpen={(row) => address.set({ open: idOf(row) }, "push")}
      hasMore={list.hasNextPage}
      loadingMore={list.isFetchingNextPage}
      onMore={() => void list.fetchNextPage()}
      aside={
        key && (
          <OpenRow
            key={openId}
            rowKey={key}
            listed={rows?.find((row) => idOf(row) === openId)}
            onClose={() => address.set({ open: undefined })}
          />
        )
      }
    />
  );
}
