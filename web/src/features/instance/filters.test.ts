import { expect, test } from "vitest";
import { ResourceState } from "@/gen/cloudhub/v1/resource_pb";
import { addressOf, type InstanceFilter, listFields, NO_FILTER, narrows, readFilter, tabCounts } from "./filters";

const address = (entries: Record<string, string | string[]>) => ({
  get: (key: string) => {
    const value = entries[key] ?? "";
    return typeof value === "string" ? value : value.join(",");
  },
  list: (key: string) => {
    const value = entries[key] ?? [];
    return typeof value === "string" ? value.split(",") : value;
  },
});

test("an address and its filter say the same, there and back", () => {
  const filter: InstanceFilter = {
    tab: "changing",
    accounts: ["a1", "a2"],
    regions: ["sa-east-1"],
    tags: ["time=plataforma"],
    search: "api",
  };
  expect(readFilter(address(addressOf(filter)))).toEqual(filter);
  expect(addressOf({ tab: "all" })).toEqual({ state: "" });
});

test("an address that somebody typed is not trusted", () => {
  expect(readFilter(address({ state: "exploded", tag: ["nothing", "=x"] }))).toEqual(NO_FILTER);
});

test("what is asked of the server", () => {
  const fields = listFields({ ...NO_FILTER, tab: "changing", tags: ["a=b=c"], search: "  api " });
  expect(fields).toEqual({
    cloudAccountIds: [],
    regions: [],
    states: [ResourceState.STARTING, ResourceState.STOPPING],
    search: "api",
    tags: [{ key: "a", value: "b=c" }],
  });
  expect(narrows({ ...NO_FILTER, tab: "running" })).toBe(false);
  expect(narrows({ ...NO_FILTER, search: "x" })).toBe(true);
});

test("all counts every state, also those without a tab", () => {
  const counts = [
    { state: ResourceState.RUNNING, count: 71 },
    { state: ResourceState.STOPPED, count: 20 },
    { state: ResourceState.STOPPING, count: 2 },
    { state: ResourceState.STARTING, count: 1 },
    { state: ResourceState.UNKNOWN, count: 2 },
  ];
  expect(tabCounts(counts)).toEqual({ all: 96, running: 71, stopped: 20, changing: 3 });
});
