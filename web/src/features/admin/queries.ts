import { useInfiniteQuery, useMutation, useQuery } from "@connectrpc/connect-query";
import { keepPreviousData, useQueryClient } from "@tanstack/react-query";
import { AdminService, type AgendaLane, type AgendaView } from "@/gen/cloudhub/v1/admin_pb";
import { invalidate } from "@/lib/stream/apply";
import type { RowKey } from "./rows";

/** There is no stream over all tenants: the page reads anew while it is looked at. */
const every = 4_000;

export type AgendaFilter = { view: AgendaView; kinds: string[]; lanes: AgendaLane[]; organization: string };

export function useSummary() {
  return useQuery(AdminService.method.getAgendaSummary, {}, { refetchInterval: every });
}

export function useAgenda(filter: AgendaFilter) {
  return useInfiniteQuery(
    AdminService.method.listAgenda,
    { ...filter, pageSize: 100, pageToken: "" },
    {
      pageParamKey: "pageToken",
      getNextPageParam: (last) => last.nextPageToken || undefined,
      refetchInterval: every,
      placeholderData: keepPreviousData,
    },
  );
}

export function useRow({ orgId, kind, subject }: RowKey) {
  return useQuery(AdminService.method.getAgendaRow, { orgId, kind, subject }, { refetchInterval: every, retry: false });
}

export function useDriveAgain() {
  return useMutation(AdminService.method.driveAgain, { onSettled: useReadAnew() });
}

export function usePark() {
  return useMutation(AdminService.method.parkAgendaRow, { onSettled: useReadAnew() });
}

function useReadAnew() {
  const client = useQueryClient();
  const { getAgendaSummary, listAgenda, getAgendaRow } = AdminService.method;
  return () => invalidate(client, [getAgendaSummary, listAgenda, getAgendaRow]);
}
