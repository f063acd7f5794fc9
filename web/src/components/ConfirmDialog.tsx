import { Dialog } from "radix-ui";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "./Button";
import { FormError } from "./Drawer";
import { FormField, Input } from "./form";
import { Shape } from "./Shape";

export type Impact = { tone: "failed" | "warning" | "ok"; text: ReactNode };

/**
 * Confirmation, second and third weight (the first is a toast with undo).
 * Second: repeats what, where and the effect. Third (`typeName`): for what
 * cannot be taken back, with the list of what it touches and what it does not.
 */
export function ConfirmDialog({
  open,
  onClose,
  title,
  children,
  impact,
  typeName,
  confirmLabel,
  onConfirm,
  busy,
  error,
  danger,
  disabled = false,
}: {
  open: boolean;
  onClose: () => void;
  /** A question: "Parar 3 instâncias?" */
  title: string;
  children?: ReactNode;
  impact?: readonly Impact[];
  /** What has to be typed, letter by letter. */
  typeName?: string;
  /** Says what and how many: "Parar 3". */
  confirmLabel: string;
  onConfirm: () => void;
  busy?: boolean;
  error?: unknown;
  danger?: boolean;
  /** Something in `children` must be filled in first. */
  disabled?: boolean;
}) {
  const { t } = useTranslation("common");
  const [typed, setTyped] = useState("");
  const before = useRef<Element>(null);
  useEffect(() => {
    if (open) setTyped("");
  }, [open]);
  const ready = !disabled && (typeName === undefined || typed.trim() === typeName);
  return (
    <Dialog.Root open={open} onOpenChange={(next) => !next && !busy && onClose()}>
      <Dialog.Portal>
        <Dialog.Overlay className="veil" />
        <Dialog.Content
          className="dlg"
          role="alertdialog"
          aria-describedby={undefined}
          onOpenAutoFocus={() => {
            before.current = document.activeElement;
          }}
          onCloseAutoFocus={(event) => {
            // Without a trigger of its own the dialog would leave the focus nowhere.
            event.preventDefault();
            if (before.current instanceof HTMLElement && before.current.isConnected) before.current.focus();
          }}
        >
          <Dialog.Title asChild>
            <h2>{title}</h2>
          </Dialog.Title>
          {/* All of it, so that Enter in a field among the words confirms. */}
          <form
            className="grid gap-[10px]"
            onSubmit={(event) => {
              event.preventDefault();
              if (ready && !busy) onConfirm();
            }}
          >
            {children && <div className="grid gap-2 text-fg-2">{children}</div>}
            {impact && impact.length > 0 && (
              <ul className="imp">
                {impact.map((line, index) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: written once, in a fixed order.
                  <li key={index}>
                    <Shape
                      name={line.tone}
                      className={
                        line.tone === "ok" ? "text-ok" : line.tone === "warning" ? "text-warning" : "text-failed"
                      }
                    />
                    <span className={line.tone === "ok" ? "text-fg-2" : undefined}>{line.text}</span>
                  </li>
                ))}
              </ul>
            )}
            {typeName !== undefined && (
              <FormField
                label={
                  <>
                    {t("confirm.typeBefore")} <b className="font-semibold">{typeName}</b> {t("confirm.typeAfter")}
                  </>
                }
              >
                <Input
                  value={typed}
                  onChange={(event) => setTyped(event.target.value)}
                  autoComplete="off"
                  spellCheck={false}
                  autoCapitalize="none"
                />
              </FormField>
            )}
            <FormError error={error} className="p-0!" />
            <div className="acts">
              <Button onClick={onClose} disabled={busy ?? false}>
                {t("cancel")}
              </Button>
              <Button
                type="submit"
                kind={danger || typeName !== undefined ? "danger-full" : "go"}
                busy={busy ?? false}
                disabled={!ready}
              >
                {confirmLabel}
              </Button>
            </div>
          </form>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
