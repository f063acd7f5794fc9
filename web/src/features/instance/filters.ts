import { ResourceState } from "@/gen/cloudhub/v1/resource_pb";

/** The tabs above the list. */
export const INSTANCE_TABS = ["all", "running", "stopped", "changing"] as const;
export type InstanceTab = (typeof INSTANCE_TABS)[number];

const STATES: Record<InstanceTab, ResourceState[]> = {
  all: [],
  running: [ResourceState.RUNNING],
  stopped: [ResourceState.STOPPED],
  changing: [ResourceState.STARTING, ResourceState.STOPPING],
};

/** What narrows the list. It lives in the address, and only there. */
export interface InstanceFilter {
  tab: InstanceTab;
  accounts: string[];
  regions: string[];
  /** "key=value"; all of them must be on the machine. */
  tags: string[];
  search: string;
}

export const NO_FILTER: InstanceFilter = { tab: "all", accounts: [], regions: [], tags: [], search: "" };

/** How the address is read; useAddress() is one. */
export interface Address {
  get: (key: string) => string;
  list: (key: string) => string[];
}

export function readFilter(address: Address): InstanceFilter {
  return {
    tab: INSTANCE_TABS.find((t) => t === address.get("state")) ?? "all",
    accounts: address.list("account"),
    regions: address.list("region"),
    tags: address.list("tag").filter((t) => t.indexOf("=") > 0),
    search: address.get("q"),
  };
}

/** What useAddress().set() is told for a change of the filter. */
export function addressOf(change: Partial<InstanceFilter>): Record<string, string | string[]> {
  const out: Record<string, string | string[]> = {};
  if (change.tab !== undefined) out.state = change.tab === "all" ? "" : change.tab;
  if (change.accounts !== undefined) out.account = change.accounts;
  if (change.regions !== undefined) out.region = change.regions;
  if (change.tags !== undefined) out.tag = change.tags;
  if (change.search !== undefined) out.q = change.search;
  return out;
}

/** Whether anything but the tab narrows the list. */
export function narrows(filter: InstanceFilter): boolean {
  const { accounts, regions, tags, search } = filter;
  return accounts.length + regions.length + tags.length > 0 || search !== "";
}

/** The fields of ListResources that a filter decides. */
export function listFields(filter: InstanceFilter) {
  return {
    cloudAccountIds: filter.accounts,
    regions: filter.regions,
    states: STATES[filter.tab],
    search: filter.search.trim().slice(0, 100),
    tags: filter.tags.map((t) => {
      const eq = t.indexOf("=");
      return { key: t.slice(0, eq), value: t.slice(eq + 1) };
    }),
  };
}

export type TabCounts = Record<InstanceTab, number>;

export function tabCounts(counts: { state: ResourceState; count: number }[]): TabCounts {
  const of = (tab: InstanceTab) =>
    counts.filter((c) => tab === "all" || STATES[tab].includes(c.state)).reduce((n, c) => n + c.count, 0);
  return { all: of("all"), running: of("running"), stopped: of("stopped"), changing: of("changing") };
}
