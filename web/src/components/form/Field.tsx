import clsx from "clsx";
import {
  createContext,
  type InputHTMLAttributes,
  type ReactNode,
  type Ref,
  type SelectHTMLAttributes,
  type TextareaHTMLAttributes,
  useContext,
  useId,
  useState,
} from "react";
import { useTranslation } from "react-i18next";
import { IconButton } from "../Button";
import { Icon } from "../Icon";
import { Shape } from "../Shape";

type FieldContext = { id: string; describedBy: string | undefined; invalid: boolean };

const Context = createContext<FieldContext | null>(null);

/** What a control needs to be the control of the FormField around it. */
export function useField() {
  const field = useContext(Context);
  return field
    ? { id: field.id, "aria-describedby": field.describedBy, "aria-invalid": field.invalid || undefined }
    : {};
}

/**
 * One label, one control, one hint, one error. The control inside (Input,
 * Select, PasswordField, Textarea) takes its id and its descriptions from here.
 * With `group` the label is the legend of a group (days, segmented choices).
 */
export function FormField({
  label,
  hint,
  error,
  aside,
  group,
  className,
  children,
}: {
  label: ReactNode;
  hint?: ReactNode;
  error?: string | undefined;
  /** On the right of the label: a link, a small switch. */
  aside?: ReactNode;
  group?: boolean;
  className?: string;
  children: ReactNode;
}) {
  const id = useId();
  const describedBy = clsx(error && `${id}-err`, hint && `${id}-hint`) || undefined;
  const body = (
    <>
      <Context.Provider value={{ id, describedBy, invalid: Boolean(error) }}>{children}</Context.Provider>
      {error && (
        <span className="err" id={`${id}-err`}>
          <Shape name="failed" />
          <span>{error}</span>
        </span>
      )}
      {hint && (
        <span className="hint" id={`${id}-hint`}>
          {hint}
        </span>
      )}
    </>
  );
  if (group) {
    return (
      <fieldset className={clsx("f", className)} aria-describedby={describedBy}>
        <legend>{label}</legend>
        {body}
      </fieldset>
    );
  }
  return (
    <div className={clsx("f", className)}>
      {aside ? (
        <span className="flex items-baseline justify-between gap-2">
          <label className="font-medium" htmlFor={id}>
            {label}
          </label>
          {aside}
        </span>
      ) : (
        <label htmlFor={id}>{label}</label>
      )}
      {body}
    </div>
  );
}

export function Input({ className, ...rest }: InputHTMLAttributes<HTMLInputElement> & { ref?: Ref<HTMLInputElement> }) {
  return <input {...useField()} {...rest} className={clsx("in", className)} />;
}

export function Textarea({
  className,
  ...rest
}: TextareaHTMLAttributes<HTMLTextAreaElement> & { ref?: Ref<HTMLTextAreaElement> }) {
  return <textarea {...useField()} {...rest} className={clsx("in", className)} />;
}

/** The browser's own list: right on phones, by keyboard and for screen readers. */
export function Select({
  className,
  children,
  ...rest
}: SelectHTMLAttributes<HTMLSelectElement> & { ref?: Ref<HTMLSelectElement> }) {
  return (
    <span className="sel block">
      <select {...useField()} {...rest} className={clsx("in", className)}>
        {children}
      </select>
      <Icon name="down" />
    </span>
  );
}

export function PasswordField({
  className,
  ...rest
}: InputHTMLAttributes<HTMLInputElement> & { ref?: Ref<HTMLInputElement> }) {
  const { t } = useTranslation("common");
  const [shown, setShown] = useState(false);
  return (
    <span className="pw block">
      <input
        {...useField()}
        {...rest}
        type={shown ? "text" : "password"}
        className={clsx("in", className)}
        spellCheck={false}
        autoCapitalize="none"
      />
      <IconButton
        icon={shown ? "eyeOff" : "eye"}
        label={t(shown ? "password.hide" : "password.show")}
        aria-pressed={shown}
        onClick={() => setShown(!shown)}
      />
    </span>
  );
}

export function SearchInput({
  className,
  ...rest
}: InputHTMLAttributes<HTMLInputElement> & { ref?: Ref<HTMLInputElement> }) {
  return (
    <span className="srch block">
      <Icon name="search" />
      <input {...useField()} type="search" {...rest} className={clsx("in search", className)} />
    </span>
  );
}
