import clsx from "clsx";
import { type ReactNode, useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { useLocation } from "react-router";
import { drawerTakesPage, useMedia } from "@/lib/media";
import { Skeleton } from "./Badge";

/**
 * A page: title, one line that says the state of things, actions on the right.
 * The title takes the focus when the path changes, so that a screen reader
 * says where it is.
 */
export function Page({
  title,
  lead,
  actions,
  children,
}: {
  title: string;
  lead?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}) {
  return (
    <div className="page">
      <div className="head">
        <div className="min-w-0">
          <PageTitle>{title}</PageTitle>
          {lead && <p className="lead">{lead}</p>}
        </div>
        {actions && <div className="acts">{actions}</div>}
      </div>
      {children}
    </div>
  );
}

/** Holds the place of the line below the title, so that nothing moves when it comes. */
export function LeadSkeleton() {
  return (
    <span className="flex h-[1.45em] items-center">
      <Skeleton width={260} />
    </span>
  );
}

let lastPath: string | undefined;

export function PageTitle({ children, className }: { children: string; className?: string }) {
  const { t } = useTranslation("common");
  const heading = useRef<HTMLHeadingElement>(null);
  const { pathname } = useLocation();
  useEffect(() => {
    document.title = t("pageTitle", { title: children });
  }, [children, t]);
  useEffect(() => {
    // Not on the first page: the browser begins at the top by itself.
    if (lastPath !== undefined && lastPath !== pathname) heading.current?.focus({ preventScroll: true });
    lastPath = pathname;
  }, [pathname]);
  return (
    <h1 ref={heading} tabIndex={-1} className={className}>
      {children}
    </h1>
  );
}

/**
 * A list and what stands beside it. From 1181 px on, the drawer pushes the
 * list; below, it lies over the page, and the list under it is out of reach
 * but keeps its scroll.
 */
export function Split({
  aside,
  panel,
  children,
}: {
  aside?: ReactNode /** The aside is a FormPanel (488 px). */;
  panel?: boolean;
  children: ReactNode;
}) {
  const covered = useMedia(drawerTakesPage) && Boolean(aside);
  return (
    <div className={clsx("split", aside && "has", panel && "panel")}>
      <div className="min-w-0" inert={covered}>
        {children}
      </div>
      {aside}
    </div>
  );
}
