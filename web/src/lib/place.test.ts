import { expect, it } from "vitest";
import { safeNext } from "./place";

it.each([
  ["/o/a/w/b/schedules?open=1#x", "/o/a/w/b/schedules?open=1#x"],
  [null, "/"],
  ["", "/"],
  ["https://evil.example/", "/"],
  ["//evil.example/", "/"],
  ["/\\evil.example/", "/"],
  ["/\t/evil.example/", "/"],
  ["/a\\b", "/"],
  ["javascript:alert(1)", "/"],
])("after signing in, %s leads to %s", (next, path) => {
  expect(safeNext(next)).toBe(path);
});
