import clsx from "clsx";
import { DropdownMenu } from "radix-ui";
import type { ReactNode } from "react";
import { Icon, type IconName } from "./Icon";

/** A menu under `trigger` (a button). Not modal: nothing else on the page is locked. */
export function Menu({
  trigger,
  children,
  align = "start",
  label,
}: {
  trigger: ReactNode;
  children: ReactNode;
  align?: "start" | "end";
  label?: string;
}) {
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger asChild>{trigger}</DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className="menu" align={align} sideOffset={4} collisionPadding={8} aria-label={label}>
          {children}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

export function MenuItem({
  icon,
  children,
  onSelect,
  danger,
  disabled,
  aside,
}: {
  icon?: IconName;
  children: ReactNode;
  onSelect: () => void;
  danger?: boolean;
  disabled?: boolean;
  aside?: ReactNode;
}) {
  return (
    <DropdownMenu.Item className={clsx("mi", danger && "bad")} onSelect={onSelect} disabled={disabled}>
      {icon && <Icon name={icon} />}
      <span className="min-w-0 flex-1">{children}</span>
      {aside}
    </DropdownMenu.Item>
  );
}

/** One of several; the chosen one has a tick. */
export function MenuChoices<Value extends string>({
  label,
  value,
  options,
  onChange,
}: {
  label: string;
  value: Value;
  options: ReadonlyArray<{ value: Value; label: ReactNode; icon?: IconName }>;
  onChange: (value: Value) => void;
}) {
  return (
    <DropdownMenu.Group>
      <DropdownMenu.Label className="lab">{label}</DropdownMenu.Label>
      <DropdownMenu.RadioGroup value={value} onValueChange={(next) => onChange(next as Value)}>
        {options.map((option) => (
          <DropdownMenu.RadioItem key={option.value} value={option.value} className="mi">
            {option.icon && <Icon name={option.icon} />}
            <span className="min-w-0 flex-1">{option.label}</span>
            <DropdownMenu.ItemIndicator className="tick">
              <Icon name="check" />
            </DropdownMenu.ItemIndicator>
          </DropdownMenu.RadioItem>
        ))}
      </DropdownMenu.RadioGroup>
    </DropdownMenu.Group>
  );
}

export function MenuSeparator() {
  return <DropdownMenu.Separator className="sepr" />;
}
