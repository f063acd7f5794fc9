import clsx from "clsx";
import { Skeleton } from "./Badge";
import { type Column, cellClass } from "./column";

/** Widths that repeat without looking like a pattern, and never change between two renders. */
const widths = [86, 64, 104, 76, 92, 70, 98, 60];

/** A list being read keeps the shape of a full one; nothing shimmers. */
export function SkeletonRows<Row>({
  columns,
  selectable,
  count = 8,
}: {
  columns: ReadonlyArray<Column<Row>>;
  selectable: boolean;
  count?: number;
}) {
  return Array.from({ length: count }, (_, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: the rows are all alike.
    <tr key={index} className="sk-r" aria-hidden="true">
      {selectable && (
        <td className="ckc">
          <Skeleton width={16} />
        </td>
      )}
      {columns.map((column, at) => (
        <td key={column.id} className={clsx("sk-c", cellClass(column))}>
          <Skeleton
            width={(widths[(index + at * 3) % widths.length] ?? 80) * (column.numeric ? 0.6 : 1)}
            className={column.numeric ? "ml-auto" : undefined}
          />
        </td>
      ))}
    </tr>
  ));
}
