import { Popover } from "radix-ui";
import { type ReactNode, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "./Button";
import { Check, SearchInput } from "./form";
import { Icon } from "./Icon";

export type FacetOption = {
  value: string;
  label: ReactNode /** Searched instead of the label when that is not text. */;
  text?: string;
  count?: number;
};

/**
 * A filter of a list: says its value, opens to choose several, an active one
 * has a cross. Keep `selected` in the address (useAddress).
 */
export function Facet({
  label,
  options,
  selected,
  onChange,
  loading,
}: {
  label: string;
  options: readonly FacetOption[];
  selected: readonly string[];
  onChange: (next: string[]) => void;
  loading?: boolean;
}) {
  const { t } = useTranslation("common");
  const [search, setSearch] = useState("");
  const shown = useMemo(() => {
    const wanted = search.trim().toLocaleLowerCase();
    return wanted ? options.filter((option) => optionText(option).toLocaleLowerCase().includes(wanted)) : options;
  }, [options, search]);

  const first = options.find((option) => option.value === selected[0]);
  const value =
    selected.length === 0
      ? t("facet.all")
      : selected.length === 1
        ? (first?.label ?? selected[0])
        : t("facet.some", { chosen: selected.length, total: options.length });

  const toggle = (option: string) =>
    onChange(selected.includes(option) ? selected.filter((other) => other !== option) : [...selected, option]);

  return (
    <Popover.Root onOpenChange={(open) => !open && setSearch("")}>
      <span className="chips">
        <Popover.Trigger asChild>
          <button type="button" className="chip">
            {label} <b>{value}</b>
            <Icon name="down" />
          </button>
        </Popover.Trigger>
        {selected.length > 0 && (
          <button type="button" className="chip" aria-label={t("facet.clear", { label })} onClick={() => onChange([])}>
            <Icon name="close" />
          </button>
        )}
      </span>
      <Popover.Portal>
        <Popover.Content
          className="menu w-[260px] p-0!"
          align="start"
          sideOffset={4}
          collisionPadding={8}
          aria-label={label}
        >
          {options.length > 7 && (
            <div className="border-b border-line p-2">
              <SearchInput
                value={search}
                onChange={(event) => setSearch(event.target.value)}
                placeholder={t("facet.search")}
                aria-label={t("facet.searchIn", { label })}
              />
            </div>
          )}
          <ul className="max-h-[320px] overflow-y-auto p-1">
            {shown.map((option) => (
              <li key={option.value}>
                <label className="mi">
                  <Check checked={selected.includes(option.value)} onChange={() => toggle(option.value)} />
                  <span className="el flex-1">{option.label}</span>
                  {option.count !== undefined && <span className="tnum text-12 text-fg-3">{option.count}</span>}
                </label>
              </li>
            ))}
            {shown.length === 0 && (
              <li className="px-2 py-2 text-12 text-fg-3">{loading ? t("loading") : t("facet.none")}</li>
            )}
          </ul>
          {selected.length > 0 && (
            <div className="border-t border-line p-1">
              <Button kind="quiet" small onClick={() => onChange([])}>
                {t("facet.clearAll")}
              </Button>
            </div>
          )}
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}

function optionText(option: FacetOption) {
  return option.text ?? (typeof option.label === "string" ? option.label : option.value);
}

/** The row of filters above a table; `end` stands on the right. */
export function Facets({ children, end }: { children: ReactNode; end?: ReactNode }) {
  return (
    <div className="facets">
      {children}
      {end && <span className="end">{end}</span>}
    </div>
  );
}
