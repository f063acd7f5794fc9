import { useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { Skeleton } from "@/components/Badge";
import { Button, IconButton } from "@/components/Button";
import { Check, SearchInput, Segmented } from "@/components/form";
import { toAppError } from "@/lib/errors";
import { EventCatalog, TypeBadges } from "./EventCatalog";
import { useEventTypes } from "./queries";
import { grouped, groupText, typeText } from "./words";

export interface EventPickerProps {
  which: "all" | "some";
  selected: readonly string[];
  onWhich: (which: "all" | "some") => void;
  onSelect: (events: string[]) => void;
  invalid: boolean;
}

/** Sent to every destination by hand, whatever it has chosen. */
const TEST = "webhook.test";

export function EventPicker({ which, selected, onWhich, onSelect, invalid }: EventPickerProps) {
  const { t } = useTranslation("webhook");
  const query = useEventTypes();
  const [search, setSearch] = useState("");
  const [shown, setShown] = useState<string>();
  const id = useId();
  const types = (query.data?.eventTypes ?? []).filter((one) => one.name !== TEST);
  const wanted = search.trim().toLocaleLowerCase();
  const found = types.filter((one) =>
    [one.name, typeText(one.name, t), groupText(one.name.split(".")[0] ?? "", t)].some((text) =>
      text.toLocaleLowerCase().includes(wanted),
    ),
  );
  const set = (names: readonly string[], on: boolean) =>
    onSelect(on ? [...new Set([...selected, ...names])] : selected.filter((one) => !names.includes(one)));
  return (
    <>
      <div className="flex flex-wrap items-center gap-2">
        <Segmented
          label={t("form.events")}
          value={which}
          onChange={onWhich}
          options={[
            { value: "all", label: t("form.eventsAll") },
            { value: "some", label: t("form.eventsSome") },
          ]}
        />
        <Button kind="quiet" icon="info" onClick={() => setShown("")}>
          {t("catalog.open")}
        </Button>
      </div>
      {which === "some" && (
        <div className="wh-pick" data-invalid={invalid || undefined}>
          <SearchInput
            id={id}
            value={search}
            placeholder={t("form.eventsSearch")}
            aria-label={t("form.eventsSearch")}
            onChange={(event) => setSearch(event.target.value)}
            onKeyDown={(event) => event.key === "Enter" && event.preventDefault()}
          />
          <div className="wh-pick-list">
            {query.isPending && (
              <div className="grid gap-3 p-3" aria-busy="true">
                <Skeleton width={200} />
                <Skeleton width={160} />
              </div>
            )}
            {query.isError && types.length === 0 && (
              <p className="p-3 text-fg-2">
                {toAppError(query.error).text}{" "}
                <button type="button" className="lk" onClick={() => void query.refetch()}>
                  {t("retry")}
                </button>
              </p>
            )}
            {query.data && found.length === 0 && <p className="p-3 text-fg-3">{t("form.eventsNone")}</p>}
            {grouped(found).map(([word, members]) => {
              const names = members.map((one) => one.name);
              const count = names.filter((name) => selected.includes(name)).length;
              return (
                <fieldset key={word}>
                  <legend className="sr">{groupText(word, t)}</legend>
                  <label className="mi wh-group">
                    <Check
                      checked={count === names.length}
                      mixed={count > 0 && count < names.length}
                      onChange={() => set(names, count < names.length)}
                    />
                    <span className="flex-1">{groupText(word, t)}</span>
                    <span className="tnum text-12 font-normal text-fg-3">
                      {t("form.eventsOf", { count, total: names.length })}
                    </span>
                  </label>
                  {members.map((one) => (
                    <div key={one.name} className="wh-type">
                      <label className="mi">
                        <Check
                          checked={selected.includes(one.name)}
                          onChange={(event) => set([one.name], event.target.checked)}
                        />
                        <span className="min-w-0 flex-1">
                          <span className="code">{one.name}</span> <TypeBadges type={one} />
                          <span className="block text-12 text-fg-3">{typeText(one.name, t)}</span>
                        </span>
                      </label>
                      <IconButton
                        small
                        icon="info"
                        label={t("catalog.openOf", { name: one.name })}
                        onClick={() => setShown(one.name)}
                      />
                    </div>
                  ))}
                </fieldset>
              );
            })}
          </div>
        </div>
      )}
      {shown !== undefined && <EventCatalog first={shown} onClose={() => setShown(undefined)} />}
    </>
  );
}
