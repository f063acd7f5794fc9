import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { ImportedLineSchema } from "@/gen/cloudhub/v1/schedule_pb";
import { COLUMNS, EXAMPLE, problemsByColumn, reportOf } from "./csv";

const line = (n: number, ...columns: string[]) =>
  create(ImportedLineSchema, {
    line: n,
    name: `l${n}`,
    problems: columns.map((column) => ({ column, reason: "VALIDATION", value: "x" })),
  });

test("a report counts lines and columns, and shows what is wrong first", () => {
  const report = reportOf([line(2), line(3, "stop", "accounts", "stop"), line(4), line(5, "accounts")]);
  expect(report).toMatchObject({ right: 2, wrong: 2 });
  expect(report.columns).toEqual([
    { column: "accounts", count: 2 },
    { column: "stop", count: 1 },
  ]);
  expect(report.lines.map((one) => one.line)).toEqual([3, 5, 2, 4]);
});

test("the problems of a line stand by their column, in the order of the file", () => {
  const groups = problemsByColumn(line(2, "accounts", "start", "accounts", "mystery"));
  expect(groups.map((g) => [g.column, g.problems.length])).toEqual([
    ["start", 1],
    ["accounts", 2],
    ["mystery", 1],
  ]);
});

test("every line of the example has a cell for each column", () => {
  const rows = EXAMPLE.trim().split("\n");
  expect(rows).toHaveLength(4);
  for (const row of rows) expect(row.split(",")).toHaveLength(COLUMNS.length);
});
