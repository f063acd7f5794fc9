import type { TFunction } from "i18next";
import type { ShapeName } from "@/components/Shape";
import type { Tone } from "@/components/StateMark";
import { type Notification, NotificationKind, Severity } from "@/gen/cloudhub/v1/notification_pb";
import { type Format, toDate } from "@/lib/format";
import type { WorkspacePage } from "@/lib/workspace";

type Words = TFunction<"notification">;

export interface NotificationText {
  /** What happened, and to what. */
  title: string;
  /** What it means, or how much of it. */
  detail: string;
}

/** The text of a notification in the reader's language. */
export function notificationText(n: Notification, now: number, t: Words, format: Format): NotificationText {
  const name = n.subjectName || t("nameless");
  const due = toDate(n.dueTime);
  const when = due ? format.when(due, now) : "";
  const destination = destinationWord(n);
  if (destination) return { title: t(`${destination}.title`, { name }), detail: t(`${destination}.detail`) };
  switch (n.kind) {
    case NotificationKind.SCHEDULE_MISSED:
      return {
        title: when ? t("missed.titleAt", { name, when }) : t("missed.title", { name }),
        detail: n.targetCount > 0 ? t("missed.detail", { count: n.targetCount }) : t("missed.detailNone"),
      };
    case NotificationKind.SCHEDULE_FAILED:
      return {
        title: when ? t("failed.titleAt", { name, when }) : t("failed.title", { name }),
        detail: t("failed.detail", { count: n.failedCount, total: n.targetCount }),
      };
    case NotificationKind.NOT_FOLLOWED:
      return {
        title: t("notFollowed.title", { name }),
        detail: t("notFollowed.detail", { wanted: stateText(n.wanted, t), seen: stateText(n.seen, t) }),
      };
    case NotificationKind.CALENDAR_FAILING:
      return { title: t("calendar.title", { name }), detail: t("calendar.detail") };
    default:
      // Of a server that is newer than this page.
      return { title: t("other.title", { name }), detail: t("other.detail") };
  }
}

/** What a notification says of a destination of events; undefined when it is about something else. */
function destinationWord(n: Notification): "destinationFailing" | "destinationDisabled" | undefined {
  // By number: the contract of this page may be older than the server.
  const kind: number = n.kind;
  if (kind === NotificationKind.DESTINATION_FAILING) return "destinationFailing";
  return kind === NotificationKind.DESTINATION_DISABLED ? "destinationDisabled" : undefined;
}

const states = ["RUNNING", "STOPPED", "STARTING", "STOPPING", "GONE"] as const;

/** "RESOURCE_STATE_RUNNING", or "RUNNING". */
function stateText(name: string, t: Words): string {
  const bare = name.replace(/^RESOURCE_STATE_/, "");
  const known = states.find((one) => one === bare);
  return t(`state.${known ?? "UNKNOWN"}`);
}

export interface NotificationLink {
  page: WorkspacePage;
  /** What follows the page's address. */
  rest: string;
}

/** Where it leads: the run, the machine, the calendar, else the schedule. Undefined when there is nothing to see. */
export function notificationLink(n: Notification): NotificationLink | undefined {
  if (destinationWord(n)) return { page: "webhooks", rest: n.destinationId ? `/${n.destinationId}` : "" };
  if (n.kind === NotificationKind.NOT_FOLLOWED && n.resourceId) return { page: "aws/ec2", rest: `?id=${n.resourceId}` };
  if (n.calendarId) return { page: "schedules/calendars", rest: `?id=${n.calendarId}` };
  if (n.scheduleId && n.operationId) return { page: "schedules", rest: `/${n.scheduleId}/runs/${n.operationId}` };
  if (n.scheduleId) return { page: "schedules", rest: `?id=${n.scheduleId}` };
  if (n.resourceId) return { page: "aws/ec2", rest: `?id=${n.resourceId}` };
  return undefined;
}

const marks: Partial<Record<Severity, { shape: ShapeName; tone: Tone }>> = {
  [Severity.ERROR]: { shape: "failed", tone: "failed" },
  [Severity.WARNING]: { shape: "warning", tone: "warning" },
};

export function severityMark(severity: Severity): { shape: ShapeName; tone: Tone } {
  return marks[severity] ?? { shape: "ok", tone: "off" };
}

/** "" when there is none, "9+" beyond nine: it stands in a dot. */
export function badgeText(unread: number): string {
  if (unread <= 0) return "";
  return unread > 9 ? "9+" : String(unread);
}
