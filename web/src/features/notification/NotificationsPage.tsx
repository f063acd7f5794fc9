import { useTranslation } from "react-i18next";
import { Skeleton } from "@/components/Badge";
import { Button } from "@/components/Button";
import { LeadSkeleton, Page } from "@/components/Page";
import { DeniedState, EmptyState, ErrorState, StaleBanner } from "@/components/States";
import { stateOf, useStale } from "@/features/instance/listState";
import { Permission } from "@/gen/cloudhub/v1/options_pb";
import { useFormat } from "@/lib/format";
import { useWorkspace } from "@/lib/workspace";
import { byDay } from "./days";
import { NotificationLine } from "./NotificationLine";
import { useMarkRead, useNotifications, useWereUnread } from "./queries";
import "./notification.css";

/** All of them, day by day; opening the page marks them as read. */
export function NotificationsPage() {
  const { t } = useTranslation("notification");
  const { can, workspace } = useWorkspace();
  const format = useFormat();
  const list = useNotifications();
  const state = stateOf(list, can(Permission.RESOURCES_VIEW));
  const stale = useStale(list);
  const shown = list.data?.pages.flatMap((page) => page.notifications);
  const unread = useWereUnread(shown);
  useMarkRead(shown);
  const days = byDay(shown ?? [], format);
  return (
    <Page title={t("title")} lead={state === "loading" ? <LeadSkeleton /> : state === "ready" && t("lead")}>
      <div className="tw">
        {stale && <StaleBanner {...stale} />}
        {state === "loading" && (
          <div className="grid gap-5 p-5" aria-busy="true">
            {[320, 260, 340, 280].map((width) => (
              <Skeleton key={width} width={width} />
            ))}
          </div>
        )}
        {state === "denied" && (
          <DeniedState title={t("denied")} permission={Permission.RESOURCES_VIEW} workspace={workspace.name} />
        )}
        {state === "error" && (
          <ErrorState title={t("error")} error={list.error} onRetry={() => void list.refetch()}>
            {t("errorBody")}
          </ErrorState>
        )}
        {state === "ready" && days.length === 0 && <EmptyState title={t("empty.title")}>{t("empty.body")}</EmptyState>}
        {days.map((day) => (
          <section key={day.key} className="ntf-day" aria-label={day.label}>
            <h2>{day.label}</h2>
            <ul>
              {day.notifications.map((one) => (
                <NotificationLine key={one.id} notification={one} unread={unread.has(one.id)} />
              ))}
            </ul>
          </section>
        ))}
        {list.hasNextPage && (
          <div className="tfoot">
            <span className="end">
              <Button kind="quiet" small busy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
                {t("older")}
              </Button>
            </span>
          </div>
        )}
      </div>
    </Page>
  );
}
