import clsx from "clsx";
import { type FormEventHandler, type ReactNode, useEffect, useId, useRef } from "react";
import { useTranslation } from "react-i18next";
import { useAppError } from "@/lib/errors";
import { Note } from "./Badge";
import { Button, IconButton } from "./Button";
import { RequestId } from "./States";

/** Focus goes to the title when it opens (or shows something else), and back to where it was when it closes. */
function useAsideFocus(subject: string) {
  const title = useRef<HTMLHeadingElement>(null);
  const before = useRef<Element>(null);
  useEffect(() => {
    before.current = document.activeElement;
    return () => {
      const back = before.current;
      // The row may have been drawn anew; then its id still finds it.
      const row = back?.closest?.("tr[data-id]")?.getAttribute("data-id");
      const again = back?.isConnected ? back : row ? document.querySelector(`tr[data-id="${CSS.escape(row)}"]`) : null;
      if (again instanceof HTMLElement) again.focus({ preventScroll: true });
    };
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another subject is another opening.
  useEffect(() => {
    title.current?.focus({ preventScroll: true });
  }, [subject]);
  return title;
}

/**
 * Esc closes it from wherever one is on the page, but not what lies above the
 * page (a dialog, a menu take it first), nor out of a field outside of it.
 */
function useEscape(onClose: () => void) {
  const close = useRef(onClose);
  useEffect(() => {
    close.current = onClose;
  });
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== "Escape" || event.defaultPrevented) return;
      const at = event.target instanceof Element ? event.target : document.body;
      if (at.closest("[role=dialog], [role=alertdialog], [role=menu]")) return;
      if (at.closest("input, textarea, select") && !at.closest("aside.dr")) return;
      event.preventDefault();
      close.current();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
}

/**
 * What a row is, beside the list. In order: provider, account, place (`eyebrow`)
 * → name → `actions` → `band` (a live operation) → DrawerSections → `foot`.
 */
export function Drawer({
  title,
  subject,
  eyebrow,
  tools,
  actions,
  band,
  foot,
  badge,
  onClose,
  children,
}: {
  title: string;
  /** The id of what is shown; a new one moves the focus to the title again. */
  subject: string;
  eyebrow?: ReactNode;
  /** Icon buttons before the cross. */
  tools?: ReactNode;
  actions?: ReactNode;
  band?: ReactNode;
  foot?: ReactNode;
  /** Beside the name: Simulated. */
  badge?: ReactNode;
  onClose: () => void;
  children: ReactNode;
}) {
  const { t } = useTranslation("common");
  const id = useId();
  const heading = useAsideFocus(subject);
  useEscape(onClose);
  return (
    <aside className="dr" aria-labelledby={id}>
      <div className="dr-in">
        <header>
          <div className="eye">
            {eyebrow}
            <span className="tools">
              {tools}
              <IconButton icon="close" label={t("close")} onClick={onClose} />
            </span>
          </div>
          <h2 className="d-h" id={id} ref={heading} tabIndex={-1}>
            {title} {badge}
          </h2>
          {actions && <div className="d-a">{actions}</div>}
        </header>
        {band && <div className="band">{band}</div>}
        {children}
      </div>
      {foot && <div className="foot">{foot}</div>}
    </aside>
  );
}

export function DrawerSection({
  title,
  count,
  aside,
  children,
}: {
  title?: ReactNode;
  count?: ReactNode /** On the right of the title: a link, an age. */;
  aside?: ReactNode;
  children: ReactNode;
}) {
  return (
    <section>
      {title && (
        <h3>
          {title}
          {count !== undefined && <span className="n">{count}</span>}
          {aside && <span className="r">{aside}</span>}
        </h3>
      )}
      {children}
    </section>
  );
}

/**
 * A form beside the list, in one column. Its actions stay at the foot; `said`
 * tells there what the form will do. `error` is what no field could take.
 */
export function FormPanel({
  title,
  subject = "new",
  submitLabel,
  onSubmit,
  onClose,
  busy,
  disabled,
  error,
  said,
  children,
}: {
  title: string;
  subject?: string;
  submitLabel: string;
  onSubmit: FormEventHandler<HTMLFormElement>;
  onClose: () => void;
  busy?: boolean;
  disabled?: boolean;
  /** Thrown by the request. Undefined when the fields show all of it. */
  error?: unknown;
  said?: ReactNode;
  children: ReactNode;
}) {
  const { t } = useTranslation("common");
  const id = useId();
  const heading = useAsideFocus(subject);
  useEscape(onClose);
  return (
    <aside className="dr form" aria-labelledby={id}>
      <form className="contents" noValidate onSubmit={onSubmit} autoComplete="off" aria-labelledby={id}>
        <header>
          <h2 className="d-h" id={id} ref={heading} tabIndex={-1}>
            {title}
          </h2>
          <IconButton icon="close" label={t("close")} onClick={onClose} />
        </header>
        <div className="dr-in">{children}</div>
        <FormError error={error} />
        <div className="foot">
          {said && <div className="said">{said}</div>}
          <Button onClick={onClose}>{t("cancel")}</Button>
          <Button kind="go" type="submit" busy={busy} disabled={disabled}>
            {submitLabel}
          </Button>
        </div>
      </form>
    </aside>
  );
}

/** What a form's request failed with, when no field can show it. */
export function FormError({ error, className }: { error: unknown; className?: string }) {
  const said = useAppError(error);
  const { t } = useTranslation("common");
  if (!said) return null;
  return (
    <div className={clsx("px-5 pb-3 pt-3", className)}>
      <Note tone="failed" role="alert">
        <p>{said.reason === "OFFLINE" ? t("error.offline") : said.text}</p>
        {said.requestId && <RequestId id={said.requestId} />}
      </Note>
    </div>
  );
}
