import { Popover } from "radix-ui";
import { type KeyboardEvent, useId, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { SearchInput, useField } from "@/components/form";
import { Icon } from "@/components/Icon";
import { useFormat } from "@/lib/format";

/** More than these are found by searching. */
const SHOWN = 60;

const zones = (): string[] => {
  const all = Intl.supportedValuesOf("timeZone");
  return all.includes("UTC") ? all : [...all, "UTC"];
};

/** Accents and underscores do not matter to whoever searches. */
const plain = (text: string) => text.normalize("NFD").replace(/\p{M}/gu, "").replaceAll("_", " ").toLowerCase();

/** A time zone by searching the IANA names. */
export function ZonePicker({ value, onChange }: { value: string; onChange: (zone: string) => void }) {
  const { t } = useTranslation("schedule");
  const format = useFormat();
  const field = useField();
  const list = useId();
  const [open, setOpen] = useState(false);
  const [search, setSearch] = useState("");
  const [at, setAt] = useState(0);
  const found = useMemo(() => {
    const wanted = plain(search.trim());
    const all = open ? zones() : [];
    const hits =
      wanted === "" ? [value, ...all.filter((z) => z !== value)] : all.filter((z) => plain(z).includes(wanted));
    return hits.slice(0, SHOWN);
  }, [open, search, value]);

  const choose = (zone: string | undefined) => {
    if (zone) onChange(zone);
    setOpen(false);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (move) {
      event.preventDefault();
      setAt((at + move + found.length) % Math.max(1, found.length));
      document
        .getElementById(`${list}-${(at + move + found.length) % Math.max(1, found.length)}`)
        ?.scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter") {
      event.preventDefault();
      choose(found[at]);
    }
  };

  return (
    <Popover.Root
      open={open}
      onOpenChange={(next) => {
        setOpen(next);
        setSearch("");
        setAt(0);
      }}
    >
      <Popover.Trigger asChild>
        <button {...field} type="button" className="in zone-in" aria-haspopup="listbox">
          <span className="el">{format.zoneName(value)}</span>
          <Icon name="down" />
        </button>
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content
          className="menu zone-menu"
          align="start"
          sideOffset={4}
          collisionPadding={8}
          aria-label={t("form.zone")}
        >
          <div className="border-b border-line p-2">
            <SearchInput
              value={search}
              onChange={(event) => {
                setSearch(event.target.value);
                setAt(0);
              }}
              onKeyDown={onKeyDown}
              placeholder={t("picker.zone")}
              aria-label={t("picker.zone")}
              role="combobox"
              aria-expanded="true"
              aria-controls={list}
              aria-activedescendant={found.length > 0 ? `${list}-${at}` : undefined}
            />
          </div>
          <div role="listbox" id={list} aria-label={t("form.zone")} className="max-h-[280px] overflow-y-auto p-1">
            {found.map((zone, i) => (
              // biome-ignore lint/a11y/useFocusableInteractive: the focus stays in the search; aria-activedescendant names it.
              // biome-ignore lint/a11y/useKeyWithClickEvents: keys are answered by the search.
              <div
                key={zone}
                id={`${list}-${i}`}
                role="option"
                aria-selected={zone === value}
                className="mi"
                data-highlighted={i === at ? "" : undefined}
                onClick={() => choose(zone)}
                onMouseMove={() => setAt(i)}
              >
                <span className="el flex-1">{zone.replaceAll("_", " ")}</span>
                <span className="text-12 text-fg-3">{format.zoneName(zone).split(", ").at(-1)}</span>
              </div>
            ))}
            {found.length === 0 && <p className="px-2 py-2 text-12 text-fg-3">{t("picker.zoneNone")}</p>}
          </div>
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}
