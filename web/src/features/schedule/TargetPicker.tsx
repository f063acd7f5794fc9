import { useMemo, useState } from "react";
import { Trans, useTranslation } from "react-i18next";
import { Check, SearchInput } from "@/components/form";
import { Icon } from "@/components/Icon";
import { Shape } from "@/components/Shape";
import { NamedStateMark, resourceMark } from "@/components/StateMark";
import { aloneIcon } from "@/features/instance/AloneMark";
import { leftAloneReason } from "@/features/instance/power";
import { useInstanceChoices, useInstancesById } from "@/features/instance/queries";
import type { Resource } from "@/gen/cloudhub/v1/resource_pb";
import { reasonText } from "@/lib/errors";
import { useRested } from "./queries";

const SHOWN = 50;
const TAGS = 12;

export interface TargetPickerProps {
  value: string[];
  onChange: (next: string[]) => void;
  /** Machines whose names are known already. */
  known: readonly Resource[];
  invalid: boolean;
  inputRef?: (element: HTMLInputElement | null) => void;
}

/** Chosen machines as tags, a search, a list to choose from, and who will be left alone. */
export function TargetPicker({ value, onChange, known, invalid, inputRef }: TargetPickerProps) {
  const { t } = useTranslation("schedule");
  const [search, setSearch] = useState("");
  const [picked, setPicked] = useState<Resource[]>([]);
  // Those that were chosen before the form was opened; what is chosen in it has its name from the list.
  const [before] = useState(value);
  const named = useInstancesById(before);
  const query = useInstanceChoices(useRested(search, 250));
  const found = query.data?.resources ?? [];
  const byId = useMemo(
    () => new Map([...named.resources, ...known, ...picked].map((r) => [r.id, r])),
    [named.resources, known, picked],
  );
  const chosen = value.flatMap((id) => byId.get(id) ?? []);
  const nameless = value.length - chosen.length;
  const alone = chosen.flatMap((r) => {
    const reason = leftAloneReason(r);
    return reason === "" ? [] : [{ id: r.id, name: r.name, reason: reasonText(reason) ?? reason }];
  });
  const toggle = (resource: Resource) => {
    setPicked((before) => [...before, resource]);
    onChange(value.includes(resource.id) ? value.filter((id) => id !== resource.id) : [...value, resource.id]);
  };
  return (
    <div className="pick" data-invalid={invalid || undefined}>
      {chosen.length > 0 && (
        <div className="pick-tags">
          {chosen.slice(0, TAGS).map((r) => (
            <span key={r.id} className="tag">
              {r.name || r.providerId}
              <button
                type="button"
                aria-label={t("form.removeOne", { name: r.name })}
                onClick={() => onChange(value.filter((id) => id !== r.id))}
              >
                <Icon name="close" />
              </button>
            </span>
          ))}
          {chosen.length > TAGS && <span className="text-12 text-fg-3">+ {chosen.length - TAGS}</span>}
        </div>
      )}
      <SearchInput
        ref={inputRef}
        className="pick-search"
        value={search}
        maxLength={100}
        placeholder={t("form.pickerSearch")}
        aria-label={t("form.pickerSearch")}
        onChange={(event) => setSearch(event.target.value)}
        onKeyDown={(event) => {
          // Enter chooses the first that was found; it does not send the form.
          if (event.key !== "Enter") return;
          event.preventDefault();
          const [first] = found;
          if (search.trim() !== "" && first) toggle(first);
        }}
      />
      <ul className="pick-list" aria-label={t("form.pickerList")}>
        {found.slice(0, SHOWN).map((r) => {
          const reason = leftAloneReason(r);
          return (
            <li key={r.id}>
              <label className="mi">
                <Check checked={value.includes(r.id)} onChange={() => toggle(r)} />
                <span className="el">{r.name || r.providerId}</span>
                {reason !== "" ? (
                  <span className="pick-note text-fg-3" title={reasonText(reason)}>
                    <Icon name={aloneIcon(reason)} />
                    <span className="el">{reasonText(reason) ?? reason}</span>
                  </span>
                ) : (
                  <span className="pick-note">
                    <NamedStateMark mark={resourceMark(r.state)} />
                  </span>
                )}
              </label>
            </li>
          );
        })}
        {found.length === 0 && (
          <li className="px-2 py-2 text-12 text-fg-3">
            {query.isError ? t("form.pickerError") : query.isPending ? "…" : t("form.pickerNone")}
          </li>
        )}
        {(found.length > SHOWN || query.data?.nextPageToken) && (
          <li className="px-2 py-1 text-12 text-fg-3">{t("form.pickerMore")}</li>
        )}
      </ul>
      <div className="pick-said" role="status">
        {value.length === 0 ? (
          <p className="text-fg-3">{t("form.chosenNone")}</p>
        ) : (
          <p className="flex items-baseline gap-2">
            <span>
              <Trans
                t={t}
                i18nKey="form.chosen"
                count={value.length}
                components={{ 1: <b className="text-16 font-medium tnum" /> }}
              />
            </span>
            {nameless > 0 && <span className="text-12 text-fg-3">{t("form.chosenUnread", { count: nameless })}</span>}
            <button type="button" className="lk ml-auto text-12" onClick={() => onChange([])}>
              {t("form.clearChosen")}
            </button>
          </p>
        )}
        {alone.map((a) => (
          <p key={a.id} className="pick-alone">
            <Shape name="skip" className="text-fg-3" />
            <span>
              <Trans
                t={t}
                i18nKey="form.leftAlone"
                values={{ name: a.name, reason: a.reason }}
                components={{ 1: <b className="text-fg" /> }}
              />
            </span>
          </p>
        ))}
      </div>
    </div>
  );
}
