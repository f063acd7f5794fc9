import { type ReactNode, useEffect, useSyncExternalStore } from "react";
import { useTranslation } from "react-i18next";
import { Icon } from "./Icon";
import { Shape, type ShapeName } from "./Shape";

type Toast = {
  id: number;
  text: ReactNode;
  shape?: ShapeName | undefined;
  undo?: (() => void) | undefined;
  seconds: number;
};

let toasts: readonly Toast[] = [];
let nextId = 1;
const listeners = new Set<() => void>();

function change(next: readonly Toast[]) {
  toasts = next;
  for (const listener of listeners) listener();
}

function dismiss(id: number) {
  change(toasts.filter((toast) => toast.id !== id));
}

/**
 * Says that something was done. With `undo` it stays longer, shows the time
 * that is left, and Z takes it back. Three at most; the oldest leaves.
 */
export function toast(text: ReactNode, options: { undo?: () => void; shape?: ShapeName; seconds?: number } = {}) {
  const id = nextId++;
  change([
    ...toasts.slice(-2),
    { id, text, undo: options.undo, shape: options.shape, seconds: options.seconds ?? (options.undo ? 10 : 5) },
  ]);
  return () => dismiss(id);
}

/** Signed out, or the next test: nothing of before is told any more. */
export function clearToasts() {
  change([]);
}

/** Where toasts appear; once, in the shell. */
export function Toaster() {
  const { t } = useTranslation("common");
  const shown = useSyncExternalStore(
    (changed) => {
      listeners.add(changed);
      return () => listeners.delete(changed);
    },
    () => toasts,
  );
  return (
    <section className="toasts" aria-label={t("toast.region")} aria-live="polite">
      {shown.map((one) => (
        <ToastLine key={one.id} toast={one} />
      ))}
    </section>
  );
}

function ToastLine({ toast: one }: { toast: Toast }) {
  const { t } = useTranslation("common");
  const undo = one.undo;
  useEffect(() => {
    const timer = setTimeout(() => dismiss(one.id), one.seconds * 1000);
    return () => clearTimeout(timer);
  }, [one]);
  useEffect(() => {
    if (!undo) return;
    const onKey = (event: KeyboardEvent) => {
      const typing =
        event.target instanceof HTMLElement && event.target.closest("input, textarea, select, [contenteditable]");
      if (event.key.toLowerCase() !== "z" || event.altKey || typing) return;
      event.preventDefault();
      dismiss(one.id);
      undo();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, [one.id, undo]);
  return (
    <div className="toast">
      {one.shape && <Shape name={one.shape} />}
      <span>{one.text}</span>
      {undo ? (
        <button
          type="button"
          onClick={() => {
            dismiss(one.id);
            undo();
          }}
        >
          {t("toast.undo")} <kbd className="kbd">Z</kbd>
        </button>
      ) : (
        <button type="button" aria-label={t("close")} onClick={() => dismiss(one.id)}>
          <Icon name="close" />
        </button>
      )}
      {undo && <i className="left" style={{ animationDuration: `${one.seconds}s` }} aria-hidden="true" />}
    </div>
  );
}
