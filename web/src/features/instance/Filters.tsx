import { useCallback, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { ProviderMark } from "@/components/Badge";
import { Facet, Facets } from "@/components/Facet";
import { SearchInput } from "@/components/form";
import { Shape } from "@/components/Shape";
import { Tabs } from "@/components/Tabs";
import type { CloudAccount } from "@/gen/cloudhub/v1/cloud_account_pb";
import type { InstanceFilter, InstanceTab, TabCounts } from "./filters";

const SEARCH_AFTER = 250;

export interface FiltersProps {
  filter: InstanceFilter;
  counts: TabCounts | undefined;
  accounts: readonly CloudAccount[];
  regions: readonly string[];
  tags: readonly string[];
  onFilter: (change: Partial<InstanceFilter>) => void;
}

/** Tabs with counts, facets, search: all of it in the address. */
export function Filters({ filter, counts, accounts, regions, tags, onFilter }: FiltersProps) {
  const { t } = useTranslation("instance");
  const shapes = {
    all: undefined,
    running: <Shape name="running" className="text-running" />,
    stopped: <Shape name="stopped" className="text-stopped" />,
    // Still: only what is at work in a row moves.
    changing: (
      <span className="still">
        <Shape name="pending" className="text-pending" />
      </span>
    ),
  } satisfies Record<InstanceTab, unknown>;
  const onSearch = useCallback((search: string) => onFilter({ search }), [onFilter]);
  const tabs: InstanceTab[] = ["all", "running", "stopped", "changing"];
  return (
    <>
      <Tabs
        label={t("tabs.label")}
        value={filter.tab}
        onChange={(tab) => onFilter({ tab })}
        options={tabs.map((tab) => ({ value: tab, label: t(`tabs.${tab}`), mark: shapes[tab], count: counts?.[tab] }))}
      />
      <Facets end={<Search value={filter.search} onChange={onSearch} />}>
        <Facet
          label={t("facet.account")}
          options={accounts.map((a) => ({
            value: a.id,
            text: a.name,
            label: <ProviderMark provider={a.provider}>{a.name}</ProviderMark>,
            count: a.resourceCount,
          }))}
          selected={filter.accounts}
          onChange={(next) => onFilter({ accounts: next })}
        />
        <Facet
          label={t("facet.region")}
          options={regions.map((r) => ({ value: r, label: r }))}
          selected={filter.regions}
          onChange={(next) => onFilter({ regions: next })}
        />
        <Facet
          label={t("facet.tag")}
          options={tags.map((tag) => ({ value: tag, label: tag.replace("=", " = ") }))}
          selected={filter.tags}
          onChange={(next) => onFilter({ tags: next })}
        />
      </Facets>
    </>
  );
}

/** While somebody types it is ahead of the address; else it follows it. */
function Search({ value, onChange }: { value: string; onChange: (next: string) => void }) {
  const { t } = useTranslation("instance");
  const [text, setText] = useState(value);
  const sent = useRef(value);
  useEffect(() => {
    if (value === sent.current) return;
    sent.current = value;
    setText(value);
  }, [value]);
  useEffect(() => {
    if (text === sent.current) return;
    const timer = setTimeout(() => {
      sent.current = text;
      onChange(text);
    }, SEARCH_AFTER);
    return () => clearTimeout(timer);
  }, [text, onChange]);
  return (
    <SearchInput
      className="instance-search"
      value={text}
      maxLength={100}
      onChange={(event) => setText(event.target.value)}
      placeholder={t("facet.search")}
      aria-label={t("facet.search")}
    />
  );
}
