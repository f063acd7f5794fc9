import { Popover } from "radix-ui";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { Skeleton } from "@/components/Badge";
import { IconButton } from "@/components/Button";
import { Permission } from "@/gen/cloudhub/v1/options_pb";
import { useWorkspace } from "@/lib/workspace";
import { useNewest } from "./queries";
import { badgeText } from "./words";

// Its texts come with it: the shell has only the bell.
const NotificationList = lazy(() => import("./NotificationList"));

/** How many were not read, and the newest of them. */
export function Bell() {
  const { can } = useWorkspace();
  return can(Permission.RESOURCES_VIEW) ? <OpenBell /> : null;
}

function OpenBell() {
  const { t } = useTranslation("common");
  const [open, setOpen] = useState(false);
  const unread = useNewest().data?.unreadCount ?? 0;
  const badge = badgeText(unread);
  return (
    <Popover.Root open={open} onOpenChange={setOpen}>
      <Popover.Trigger asChild>
        <IconButton
          icon="bell"
          label={unread > 0 ? t("bell.unread", { count: unread }) : t("bell.label")}
          badge={badge}
        />
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content
          className="menu ntf-menu"
          align="end"
          sideOffset={4}
          collisionPadding={8}
          aria-label={t("bell.label")}
        >
          <Suspense
            fallback={
              <div className="grid gap-3 p-4">
                <Skeleton width={240} />
                <Skeleton width={180} />
              </div>
            }
          >
            <NotificationList onFollow={() => setOpen(false)} />
          </Suspense>
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}
