import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { Skeleton } from "@/components/Badge";
import { toAppError } from "@/lib/errors";
import { useWorkspace } from "@/lib/workspace";
import { NotificationLine } from "./NotificationLine";
import { useMarkRead, useNewest, useWereUnread } from "./queries";

/** In the popover of the bell: the newest, which opening it marks as read. */
export function NotificationList({ onFollow }: { onFollow: () => void }) {
  const { t } = useTranslation("notification");
  const { path } = useWorkspace();
  const query = useNewest();
  const shown = query.data?.notifications;
  const unread = useWereUnread(shown);
  useMarkRead(shown);
  const body = () => {
    if (!shown && query.isError) {
      return (
        <p className="ntf-said text-fg-2">
          {toAppError(query.error).text}{" "}
          <button type="button" className="lk" onClick={() => void query.refetch()}>
            {t("retry")}
          </button>
        </p>
      );
    }
    if (!shown) {
      return (
        <div className="ntf-said grid gap-3" aria-busy="true">
          <Skeleton width={240} />
          <Skeleton width={180} />
        </div>
      );
    }
    if (shown.length === 0) return <p className="ntf-said text-fg-2">{t("empty.short")}</p>;
    return (
      <ul>
        {shown.map((one) => (
          <NotificationLine key={one.id} notification={one} unread={unread.has(one.id)} onFollow={onFollow} />
        ))}
      </ul>
    );
  };
  return (
    <>
      <div className="ntf-head">
        <h2>{t("title")}</h2>
        <Link className="lk text-12" to={path("notifications")} onClick={onFollow}>
          {t("all")}
        </Link>
      </div>
      <div className="ntf-list">{body()}</div>
    </>
  );
}

export default NotificationList;
