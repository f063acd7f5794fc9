import { timestampDate } from "@bufbuild/protobuf/wkt";
import { type CloudAccount, CloudAccountState } from "@/gen/cloudhub/v1/cloud_account_pb";

/** What the line below the title says, over all accounts and without filter. */
export interface Lead {
  total: number;
  accounts: number;
  /** With at least one machine. */
  regions: number;
  /** The oldest last reading of the accounts that can be read. */
  readAt: Date | undefined;
  reading: boolean;
  /** Accounts of which nothing could be read. */
  failing: number;
  /** Regions that the last reading of the others could not read. */
  unread: number;
}

export function leadOf(accounts: readonly CloudAccount[]): Lead {
  const failing = accounts.filter((a) => a.state === CloudAccountState.FAILING);
  const readings = accounts
    .filter((a) => !failing.includes(a))
    .flatMap((a) => (a.lastSyncTime ? [timestampDate(a.lastSyncTime).getTime()] : []));
  const coverage = accounts.flatMap((a) => a.coverage);
  return {
    total: accounts.reduce((n, a) => n + a.resourceCount, 0),
    accounts: accounts.length,
    regions: new Set(coverage.filter((c) => c.ok && c.count > 0).map((c) => c.region)).size,
    readAt: readings.length > 0 ? new Date(Math.min(...readings)) : undefined,
    reading: accounts.some((a) => a.state === CloudAccountState.READING),
    failing: failing.length,
    unread: accounts.filter((a) => !failing.includes(a)).flatMap((a) => a.coverage.filter((c) => !c.ok)).length,
  };
}

/** The regions that a filter can name: those that were read, and have machines. */
export function regionsOf(accounts: readonly CloudAccount[], chosen: readonly string[]): string[] {
  const found = accounts.flatMap((a) => a.coverage.filter((c) => c.count > 0).map((c) => c.region));
  return [...new Set([...found, ...chosen])].sort();
}

/** "key=value" of what was loaded. The server has no list of tags. */
export function tagsOf(resources: readonly { tags: Record<string, string> }[], chosen: readonly string[]): string[] {
  const found = resources.flatMap((r) => Object.entries(r.tags).map(([key, value]) => `${key}=${value}`));
  return [...new Set([...found, ...chosen])].sort((a, b) => a.localeCompare(b));
}
