import clsx from "clsx";
import type { ButtonHTMLAttributes, ReactNode, Ref } from "react";
import { Link, type LinkProps } from "react-router";
import { Icon, type IconName } from "./Icon";
import { Shape } from "./Shape";

export type ButtonKind = "plain" | "go" | "quiet" | "danger" | "danger-full";

const kinds: Record<ButtonKind, string> = {
  plain: "",
  go: "go",
  quiet: "quiet",
  danger: "bad",
  "danger-full": "bad full",
};

export type ButtonProps = ButtonHTMLAttributes<HTMLButtonElement> & {
  kind?: ButtonKind;
  small?: boolean;
  wide?: boolean;
  icon?: IconName;
  /** Keeps the label and the width and takes no second click while a request is on its way. */
  busy?: boolean;
  ref?: Ref<HTMLButtonElement>;
};

export function Button({
  kind = "plain",
  small,
  wide,
  icon,
  busy,
  className,
  children,
  type = "button",
  onClick,
  ...rest
}: ButtonProps) {
  return (
    <button
      {...rest}
      type={type}
      className={clsx("btn", kinds[kind], small && "s", wide && "wide", className)}
      aria-busy={busy || undefined}
      onClick={busy ? (event) => event.preventDefault() : onClick}
    >
      {busy ? <Shape name="pending" /> : icon && <Icon name={icon} />}
      {children}
    </button>
  );
}

export function LinkButton({
  kind = "plain",
  small,
  wide,
  icon,
  className,
  children,
  ...rest
}: LinkProps & Pick<ButtonProps, "kind" | "small" | "wide" | "icon"> & { children: ReactNode }) {
  return (
    <Link {...rest} className={clsx("btn", kinds[kind], small && "s", wide && "wide", className)}>
      {icon && <Icon name={icon} />}
      {children}
    </Link>
  );
}

/** A button that shows only an icon; `label` is its name and its tooltip. */
export function IconButton({
  icon,
  label,
  small,
  badge,
  className,
  type = "button",
  ...rest
}: ButtonHTMLAttributes<HTMLButtonElement> & {
  icon: IconName;
  label: string;
  small?: boolean;
  /** A few characters on its corner; the label says them in words. */
  badge?: string;
  ref?: Ref<HTMLButtonElement>;
}) {
  return (
    <button {...rest} type={type} className={clsx("ib", small && "s", className)} aria-label={label} title={label}>
      <Icon name={icon} />
      {badge && (
        <span className="dot tnum" aria-hidden="true">
          {badge}
        </span>
      )}
    </button>
  );
}
