import clsx from "clsx";
import type { ReactNode } from "react";

export type Column<Row> = {
  id: string;
  header: ReactNode;
  /** What stands in the cell. */
  cell: (row: Row) => ReactNode;
  /** The list may be sorted by it: the head says how, and is a button when the table has `onSort`. */
  sortable?: boolean;
  /** Figures: to the right, tabular. */
  numeric?: boolean;
  /** The cell is the name of the row: in medium weight, and the button that opens it when `onOpen` is given. */
  name?: boolean;
  /** The name stands above a second line; the whole cell opens the row. */
  stacked?: boolean;
  /** Takes the width that is left, and is cut with an ellipsis. */
  grow?: boolean;
  /** Leaves as the table narrows: 1 first, 4 last. Without it the column stays. */
  priority?: 1 | 2 | 3 | 4;
  /** Its place in the card of a phone: 1 2 above, 3 4 below, "w" a third line. Without it the phone leaves it out. */
  phone?: 1 | 2 | 3 | 4 | "w";
  /** Repeated before the figure on phones, where there is no head. */
  unit?: string;
  /** Beside the name, outside its button: badges, marks. */
  after?: (row: Row) => ReactNode;
  /** Least width in px. */
  width?: number;
};

export function cellClass<Row>(column: Column<Row>) {
  return clsx(
    column.numeric && "num",
    column.grow && "max",
    column.priority && `p${column.priority}`,
    column.phone && `m${column.phone}`,
  );
}
