import clsx from "clsx";
import {
  type InputHTMLAttributes,
  type KeyboardEvent,
  type ReactNode,
  type Ref,
  useEffect,
  useId,
  useRef,
} from "react";

type CheckProps = Omit<InputHTMLAttributes<HTMLInputElement>, "type"> & {
  ref?: Ref<HTMLInputElement>;
  /** Some but not all; shown as a dash. */
  mixed?: boolean;
};

/** A bare box, for table cells; give it an aria-label. */
export function Check({ mixed = false, className, ref, ...rest }: CheckProps) {
  const own = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (own.current) own.current.indeterminate = mixed;
  }, [mixed]);
  return (
    <input
      {...rest}
      type="checkbox"
      className={clsx("ck", className)}
      ref={(node) => {
        own.current = node;
        if (typeof ref === "function") ref(node);
        else if (ref) ref.current = node;
      }}
    />
  );
}

export function Checkbox({ label, hint, ...rest }: CheckProps & { label: ReactNode; hint?: ReactNode }) {
  const id = useId();
  return (
    <label className="ckl">
      <Check {...rest} aria-describedby={hint ? id : undefined} />
      <span>
        {label}
        {hint && (
          <span id={id} className="block text-12 text-fg-3">
            {hint}
          </span>
        )}
      </span>
    </label>
  );
}

/** On or off, in force at once (or with the form it stands in). */
export function Switch({
  label,
  hint,
  ...rest
}: Omit<InputHTMLAttributes<HTMLInputElement>, "type"> & {
  label: ReactNode;
  hint?: ReactNode;
  ref?: Ref<HTMLInputElement>;
}) {
  const id = useId();
  return (
    <label className="ckl">
      <input {...rest} type="checkbox" role="switch" className="tog" aria-describedby={hint ? id : undefined} />
      <span>
        {label}
        {hint && (
          <span id={id} className="block text-12 text-fg-3">
            {hint}
          </span>
        )}
      </span>
    </label>
  );
}

/** One of a few, all in sight. Arrow keys move the choice. */
export function Segmented<Value extends string>({
  label,
  value,
  options,
  onChange,
  small,
}: {
  label: string;
  value: Value;
  options: ReadonlyArray<{ value: Value; label: ReactNode; disabled?: boolean }>;
  onChange: (value: Value) => void;
  small?: boolean;
}) {
  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const open = options.filter((option) => !option.disabled);
    const at = open.findIndex((option) => option.value === value);
    const next = open[(at + step + open.length) % open.length];
    if (!next) return;
    onChange(next.value);
    const buttons = event.currentTarget.querySelectorAll<HTMLButtonElement>("button");
    buttons[options.indexOf(next)]?.focus();
  };
  return (
    <div role="radiogroup" aria-label={label} className={clsx("seg", small && "s")} onKeyDown={onKeyDown}>
      {options.map((option) => (
        <button
          key={option.value}
          type="button"
          role="radio"
          aria-checked={option.value === value}
          tabIndex={option.value === value ? 0 : -1}
          disabled={option.disabled}
          onClick={() => onChange(option.value)}
        >
          {option.label}
        </button>
      ))}
    </div>
  );
}
