import { useMemo } from "react";
import { Trans, useTranslation } from "react-i18next";
import { ProviderMark, Skeleton } from "@/components/Badge";
import { Facet } from "@/components/Facet";
import { FormField, Input, Switch } from "@/components/form";
import { useAccounts, useInstanceChoices } from "@/features/instance/queries";
import type { Resource } from "@/gen/cloudhub/v1/resource_pb";
import { useAppError } from "@/lib/errors";
import type { SelectorValues } from "./form";
import { useMatches } from "./queries";
import { TagFields } from "./TagFields";

/** Names of the machines that match; more are counted. */
const NAMED = 5;

export interface SelectorFieldsProps {
  value: SelectorValues;
  onChange: (next: SelectorValues) => void;
  invalid: boolean;
  inputRef?: (element: HTMLInputElement | null) => void;
}

/** By what machines are found when the schedule runs, and which those would be now. */
export function SelectorFields({ value, onChange, invalid, inputRef }: SelectorFieldsProps) {
  const { t } = useTranslation("schedule");
  const accounts = useAccounts().data?.cloudAccounts ?? [];
  const inventory = useInstanceChoices("").data?.resources;
  const known = useMemo(() => knownTags(inventory ?? []), [inventory]);
  const regions = useMemo(
    () =>
      [
        ...new Set([
          ...accounts.flatMap((a) => a.coverage.map((c) => c.region)),
          ...(inventory ?? []).map((r) => r.region),
          ...value.regions,
        ]),
      ].sort(),
    [accounts, inventory, value.regions],
  );
  const set = (change: Partial<SelectorValues>) => onChange({ ...value, ...change });
  return (
    <div className="selector" data-invalid={invalid || undefined}>
      <div className="selector-in">
        {!value.everything && (
          <>
            <FormField group label={t("selector.tags")}>
              <TagFields
                value={value.tags}
                onChange={(tags) => set({ tags })}
                known={known}
                {...(inputRef ? { inputRef } : {})}
              />
            </FormField>
            <FormField label={t("selector.name")}>
              <Input
                value={value.namePrefix}
                maxLength={128}
                placeholder={t("selector.namePlaceholder")}
                autoCapitalize="none"
                spellCheck={false}
                onChange={(event) => set({ namePrefix: event.target.value })}
              />
            </FormField>
          </>
        )}
        <div className="flex flex-wrap gap-2">
          <Facet
            label={t("selector.account")}
            options={accounts.map((a) => ({
              value: a.id,
              text: a.name,
              label: <ProviderMark provider={a.provider}>{a.name}</ProviderMark>,
            }))}
            selected={value.cloudAccountIds}
            onChange={(cloudAccountIds) => set({ cloudAccountIds })}
          />
          <Facet
            label={t("selector.region")}
            options={regions.map((r) => ({ value: r, label: r }))}
            selected={value.regions}
            onChange={(next) => set({ regions: next })}
          />
        </div>
        <Switch
          label={t("selector.all")}
          hint={t("selector.allHint")}
          checked={value.everything}
          onChange={(event) => set({ everything: event.target.checked })}
        />
      </div>
      <Match value={value} />
    </div>
  );
}

/** How many match now, the first of them, and who will be left alone. */
function Match({ value }: { value: SelectorValues }) {
  const { t } = useTranslation("schedule");
  const { data, isError, error, idle, isPlaceholderData } = useMatches(value);
  const said = useAppError(error);
  const body = () => {
    if (idle) return <p className="text-fg-3">{t("match.idle")}</p>;
    if (isError) return <p className="text-fg-2">{said?.text}</p>;
    if (!data) return <Skeleton width={180} />;
    const named = data.resources.slice(0, NAMED).map((r) => r.name || r.providerId);
    const more = data.matchedCount - named.length;
    return (
      <>
        <p>
          <Trans
            t={t}
            i18nKey="match.count"
            count={data.matchedCount}
            components={{ 1: <b className="text-16 font-medium tnum" /> }}
          />
        </p>
        {named.length > 0 && (
          <p className="text-12 break-words text-fg-2">
            {named.join(", ")}
            {more > 0 && ` ${t("match.andMore", { count: more })}`}
          </p>
        )}
        {data.leftAloneCount > 0 && (
          <p className="text-12 text-fg-2">{t("match.alone", { count: data.leftAloneCount })}</p>
        )}
        <p className="text-12 text-fg-3">{t("match.when")}</p>
      </>
    );
  };
  return (
    <div className="pick-said" role="status" aria-busy={isPlaceholderData || undefined}>
      {body()}
    </div>
  );
}

/** The keys of the machines that were read, each with its values, by name. */
export function knownTags(resources: readonly Pick<Resource, "tags">[]): ReadonlyMap<string, readonly string[]> {
  const known = new Map<string, Set<string>>();
  for (const { tags } of resources) {
    for (const [key, value] of Object.entries(tags)) {
      if (key === "Name") continue;
      const held = known.get(key) ?? new Set();
      known.set(key, held.add(value));
    }
  }
  return new Map(
    [...known].sort(([a], [b]) => a.localeCompare(b)).map(([key, values]) => [key, [...values].sort()] as const),
  );
}
