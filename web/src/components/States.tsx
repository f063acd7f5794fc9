import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { Permission } from "@/gen/cloudhub/v1/options_pb";
import { Permission as Permissions } from "@/gen/cloudhub/v1/options_pb";
import { useNow } from "@/lib/clock";
import { useAppError } from "@/lib/errors";
import { type Moment, useFormat } from "@/lib/format";
import { Button } from "./Button";
import { CopyButton } from "./CopyButton";
import { Icon } from "./Icon";
import { Shape } from "./Shape";

/** Nothing there yet: what it would give, and the one thing to do. `drawing` is the page's own (a ruler). */
export function EmptyState({
  title,
  children,
  action,
  drawing,
}: {
  title: ReactNode;
  children?: ReactNode;
  action?: ReactNode;
  drawing?: ReactNode;
}) {
  return (
    <div className="slot">
      {drawing}
      <h2>{title}</h2>
      {children && <div className="text-fg-2">{children}</div>}
      {action && <div className="acts">{action}</div>}
    </div>
  );
}

/** It could not be read: what failed, what still works (`children`), the request's id, and trying again. */
export function ErrorState({
  title,
  error,
  children,
  onRetry,
  busy,
}: {
  title: ReactNode;
  error: unknown;
  children?: ReactNode;
  onRetry?: (() => void) | undefined;
  busy?: boolean;
}) {
  const { t } = useTranslation("common");
  const said = useAppError(error);
  return (
    <div className="slot" role="alert">
      <Shape name="failed" className="h-[18px]! w-[18px]! text-failed" />
      <h2>{title}</h2>
      <p className="text-fg-2">{said?.reason === "OFFLINE" ? t("error.offline") : said?.text}</p>
      {children && <div className="text-fg-2">{children}</div>}
      {said?.requestId && <RequestId id={said.requestId} />}
      {onRetry && (
        <div className="acts">
          <Button icon="refresh" onClick={onRetry} busy={busy}>
            {t("error.retry")}
          </Button>
        </div>
      )}
    </div>
  );
}

export function RequestId({ id }: { id: string }) {
  const { t } = useTranslation("common");
  return (
    <p className="rid">
      <span className="text-fg-3">{t("error.requestId")}</span> <span className="min-w-0 break-all">{id}</span>
      <CopyButton value={id} label={t("error.copyRequestId")} />
    </p>
  );
}

/** Seen by those who lack a permission: which one, and who can give it. */
export function DeniedState({
  title,
  permission,
  workspace,
}: {
  title: ReactNode;
  permission: Permission;
  workspace: string;
}) {
  const { t } = useTranslation("common");
  return (
    <div className="slot">
      <Icon name="lock" className="h-[18px]! w-[18px]! text-fg-3" />
      <h2>{title}</h2>
      <p className="text-fg-2">
        {t("denied.before")} <b className="text-fg">{permissionName(permission)}</b> {t("denied.after", { workspace })}
      </p>
    </div>
  );
}

/** PERMISSION_SCHEDULES_VIEW → schedules.view, as the server writes it. */
export function permissionName(permission: Permission): string {
  return (Permissions[permission] ?? "").toLowerCase().replace("_", ".");
}

/** The data stays; this says from when it is, and when the next try comes. */
export function StaleBanner({
  since,
  nextTry,
  onRetry,
}: {
  since: Moment;
  nextTry?: number | undefined;
  onRetry?: (() => void) | undefined;
}) {
  const { t } = useTranslation("common");
  const format = useFormat();
  const now = useNow(1000);
  const seconds = nextTry ? Math.max(0, Math.ceil((nextTry - now) / 1000)) : undefined;
  return (
    <div className="stale" role="status">
      <Shape name="missed" />
      <span>
        <b>{t("stale.since", { time: format.time(since) })}</b>{" "}
        {/* The count is left out of what a screen reader says, which would say it each second. */}
        {seconds !== undefined && <span aria-hidden="true">{t("stale.next", { seconds })}</span>}
      </span>
      {onRetry && (
        <span className="end">
          <Button small onClick={onRetry}>
            {t("stale.now")}
          </Button>
        </span>
      )}
    </div>
  );
}
