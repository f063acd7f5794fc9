import { useInfiniteQuery, useMutation, useQuery } from "@connectrpc/connect-query";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { type Notification, NotificationService } from "@/gen/cloudhub/v1/notification_pb";
import { Permission } from "@/gen/cloudhub/v1/options_pb";
import { invalidate } from "@/lib/stream/apply";
import { useWorkspace } from "@/lib/workspace";

/** No stream tells of them; the list is also read when the stream comes back. */
const EVERY = 30_000;
/** In the popover of the bell. */
export const NEWEST = 8;

/** The newest, and how many were not read. */
export function useNewest() {
  const { ids, can } = useWorkspace();
  return useQuery(
    NotificationService.method.listNotifications,
    { ...ids, pageSize: NEWEST },
    { enabled: can(Permission.RESOURCES_VIEW), refetchInterval: EVERY, refetchOnWindowFocus: true },
  );
}

export function useNotifications() {
  const { ids, can } = useWorkspace();
  return useInfiniteQuery(
    NotificationService.method.listNotifications,
    { ...ids, pageSize: 50, pageToken: "" },
    {
      pageParamKey: "pageToken",
      getNextPageParam: (last) => last.nextPageToken || undefined,
      enabled: can(Permission.RESOURCES_VIEW),
      refetchInterval: EVERY,
    },
  );
}

/** Says, once for each newest one, that all that is shown was read. */
export function useMarkRead(shown: readonly Notification[] | undefined) {
  const { ids } = useWorkspace();
  const client = useQueryClient();
  const { mutate } = useMutation(NotificationService.method.markNotificationsRead);
  const said = useRef("");
  const newest = shown?.[0];
  const unread = shown?.some((one) => !one.read) ?? false;
  useEffect(() => {
    if (!newest || !unread || said.current === newest.id) return;
    said.current = newest.id;
    mutate(
      { ...ids, notificationId: newest.id },
      {
        onSuccess: () => invalidate(client, [NotificationService.method.listNotifications]),
        // The count stays; the next opening says it again.
        onError: () => {
          said.current = "";
        },
      },
    );
  }, [newest, unread, mutate, ids, client]);
}

/** The ids that were unread when the list was opened: they stay marked while it is looked at. */
export function useWereUnread(shown: readonly Notification[] | undefined): ReadonlySet<string> {
  const held = useRef(new Set<string>());
  for (const one of shown ?? []) if (!one.read) held.current.add(one.id);
  return held.current;
}
