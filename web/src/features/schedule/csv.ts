import type { ImportedLine, LineProblem } from "@/gen/cloudhub/v1/schedule_pb";

/** The longest file that the server takes, in characters. */
export const LONGEST_CSV = 500_000;

/** The columns, as the server knows them. */
export const COLUMNS = [
  "name",
  "start",
  "stop",
  "days",
  "time_zone",
  "resources",
  "tags",
  "name_prefix",
  "accounts",
  "regions",
  "calendars",
  "catch_up_minutes",
] as const;

/** A file to begin with: a pair on weekdays, a stop every day by tag, a start on days of the month. */
export const EXAMPLE = [
  COLUMNS.join(","),
  "Homologação,07:00,19:00,weekdays,America/Sao_Paulo,,ambiente=homologação,,,,br,10",
  "Laboratório à noite,,22:00,daily,America/Sao_Paulo,,time=dados|time=ia,,,sa-east-1,,",
  "Fechamento,06:00,,1|2|31,America/Sao_Paulo,,,erp-,,,,30",
  "",
].join("\n");

export interface Report {
  right: number;
  wrong: number;
  /** In how many lines each column is wrong, the most frequent first. */
  columns: { column: string; count: number }[];
  /** Those that are wrong come first. */
  lines: ImportedLine[];
}

/** What a dry run found, counted for the line above its table. */
export function reportOf(lines: readonly ImportedLine[]): Report {
  const bad = lines.filter((line) => line.problems.length > 0);
  const counts = new Map<string, number>();
  for (const line of bad) {
    for (const column of new Set(line.problems.map((problem) => problem.column))) {
      counts.set(column, (counts.get(column) ?? 0) + 1);
    }
  }
  const byLine = (a: ImportedLine, b: ImportedLine) => a.line - b.line;
  return {
    right: lines.length - bad.length,
    wrong: bad.length,
    columns: [...counts]
      .map(([column, count]) => ({ column, count }))
      .sort((a, b) => b.count - a.count || a.column.localeCompare(b.column)),
    lines: [...bad.sort(byLine), ...lines.filter((line) => line.problems.length === 0).sort(byLine)],
  };
}

/** The problems of a line by their column, in the order of the file. */
export function problemsByColumn(line: Pick<ImportedLine, "problems">): { column: string; problems: LineProblem[] }[] {
  const groups = new Map<string, LineProblem[]>();
  for (const problem of line.problems) groups.set(problem.column, [...(groups.get(problem.column) ?? []), problem]);
  const rank = (column: string) => {
    const at = (COLUMNS as readonly string[]).indexOf(column);
    return at < 0 ? COLUMNS.length : at;
  };
  return [...groups]
    .map(([column, problems]) => ({ column, problems }))
    .sort((a, b) => rank(a.column) - rank(b.column));
}
