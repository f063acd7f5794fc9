import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { expect, test } from "vitest";
import { CloudAccountState } from "@/gen/cloudhub/v1/cloud_account_pb";
import { fakeAccount } from "@/test/fakes";
import { leadOf, regionsOf, tagsOf } from "./lead";

const now = Date.now();
const ok = fakeAccount(1, { resourceCount: 40, lastSyncTime: timestampFromMs(now - 60_000) });
const partial = fakeAccount(2, {
  state: CloudAccountState.PARTIAL,
  resourceCount: 2,
  lastSyncTime: timestampFromMs(now - 120_000),
  coverage: [
    { region: "sa-east-1", ok: true, count: 2 },
    { region: "eu-west-1", ok: false, reason: "PROVIDER_DENIED" },
  ],
});
const failing = fakeAccount(3, {
  state: CloudAccountState.FAILING,
  resourceCount: 0,
  lastSyncTime: timestampFromMs(now - 7_200_000),
  coverage: [{ region: "sa-east-1", ok: false, reason: "PROVIDER_UNAUTHENTICATED" }],
});

test("the line of the page tells what was read, how long ago at most, and what was not", () => {
  expect(leadOf([ok, partial, failing])).toEqual({
    total: 42,
    accounts: 3,
    regions: 2,
    readAt: new Date(now - 120_000),
    reading: false,
    failing: 1,
    unread: 1,
  });
  expect(leadOf([fakeAccount(4, { state: CloudAccountState.READING })]).reading).toBe(true);
});

test("facets offer what there is, and keep what the address names", () => {
  expect(regionsOf([ok, partial], ["ap-south-1"])).toEqual(["ap-south-1", "sa-east-1", "us-east-1"]);
  expect(tagsOf([{ tags: { time: "dados", app: "x" } }, { tags: { time: "dados" } }], ["a=b"])).toEqual([
    "a=b",
    "app=x",
    "time=dados",
  ]);
});
