import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { Shape } from "@/components/Shape";
import { Past } from "@/components/Time";
import type { Notification } from "@/gen/cloudhub/v1/notification_pb";
import { useNow } from "@/lib/clock";
import { useFormat } from "@/lib/format";
import { useWorkspace } from "@/lib/workspace";
import { notificationLink, notificationText, severityMark } from "./words";
import "./notification.css";

/** One of them: what happened, how much, when, and where to go on. */
export function NotificationLine({
  notification,
  unread,
  onFollow,
}: {
  notification: Notification;
  unread: boolean;
  onFollow?: () => void;
}) {
  const { t } = useTranslation("notification");
  const format = useFormat();
  const now = useNow(30_000);
  const { path } = useWorkspace();
  const { title, detail } = notificationText(notification, now, t, format);
  const mark = severityMark(notification.severity);
  const link = notificationLink(notification);
  const body = (
    <>
      <span className="ntf-shape" data-tone={mark.tone}>
        <Shape name={mark.shape} />
      </span>
      <span className="min-w-0">
        <span className="ntf-title">
          {title}
          {unread && <span className="sr"> {t("unread")}</span>}
        </span>
        <span className="block text-12 text-fg-2">{detail}</span>
      </span>
      <span className="ntf-when">
        <Past at={notification.createTime} />
        {unread && <i aria-hidden="true" />}
      </span>
    </>
  );
  return (
    <li className={unread ? "ntf unread" : "ntf"}>
      {link ? (
        <Link className="ntf-in" to={`${path(link.page)}${link.rest}`} onClick={onFollow}>
          {body}
        </Link>
      ) : (
        <div className="ntf-in">{body}</div>
      )}
    </li>
  );
}
