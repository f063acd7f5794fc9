import type { Notification } from "@/gen/cloudhub/v1/notification_pb";
import { type Format, toDate } from "@/lib/format";

export interface NotificationDay {
  key: string;
  label: string;
  notifications: Notification[];
}

/** In the order they came, under the day on which they were made, in the workspace's zone. */
export function byDay(notifications: readonly Notification[], format: Format): NotificationDay[] {
  const days: NotificationDay[] = [];
  for (const one of notifications) {
    const label = format.longDate(toDate(one.createTime));
    const key = `${label} ${format.date(toDate(one.createTime), 0)}`;
    const last = days.at(-1);
    if (last?.key === key) last.notifications.push(one);
    else days.push({ key, label, notifications: [one] });
  }
  return days;
}
