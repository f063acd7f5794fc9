import clsx from "clsx";
import {
  type KeyboardEvent,
  type MouseEvent,
  type ReactNode,
  useCallback,
  useEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { useTranslation } from "react-i18next";
import { type Column, cellClass } from "./column";
import { Check } from "./form";
import { Icon } from "./Icon";
import { SkeletonRows } from "./SkeletonRows";
import { useTableSelection } from "./useTableSelection";
import { useVirtualRows } from "./useVirtualRows";

export type SortState = { id: string; dir: "asc" | "desc" };

export type { Column } from "./column";

export type TableProps<Row> = {
  /** What the table is, for those who do not see it. */
  label: string;
  columns: ReadonlyArray<Column<Row>>;
  rows: readonly Row[];
  rowId: (row: Row) => string;
  /** Names a row in the label of its checkbox. */
  rowName?: (row: Row) => string;
  /** First reading: rows of the right shape instead of data. */
  loading?: boolean;
  /** In the place of rows while there are none: EmptyState, ErrorState, DeniedState. */
  slot?: ReactNode;
  sort?: SortState | undefined;
  onSort?: (next: SortState) => void;
  selected?: ReadonlySet<string>;
  onSelect?: (next: Set<string>) => void;
  /** Why a row cannot be chosen; undefined when it can. */
  notSelectable?: (row: Row) => string | undefined;
  /** The row that the drawer shows. */
  openId?: string | undefined;
  onOpen?: (row: Row) => void;
  tone?: (row: Row) => "bad" | "dim" | undefined;
  /** Rows of two lines (54 px). */
  twoLine?: boolean;
  /** Tabs and facets, above the head. */
  top?: ReactNode;
  /** Between facets and head: StaleBanner. */
  banner?: ReactNode;
  /** Shown docked while something is selected: SelectionBar. */
  bar?: ReactNode;
  foot?: ReactNode;
  /** Rows that exist though not loaded; for aria-rowcount. */
  total?: number | undefined;
  /** The last rows came near: read the next page. */
  onNearEnd?: (() => void) | undefined;
};

/**
 * The one table. Keys on a row: arrows, Home, End move; Enter opens; Space
 * selects, with Shift from the last one; Ctrl+A selects all; Esc clears.
 */
export function Table<Row>(props: TableProps<Row>) {
  const {
    label,
    columns,
    rows,
    rowId,
    rowName,
    loading,
    slot,
    sort,
    onSort,
    selected,
    onSelect,
    openId,
    onOpen,
    tone,
    twoLine,
    top,
    banner,
    bar,
    foot,
    total,
    onNearEnd,
    notSelectable,
  } = props;
  const { t } = useTranslation("common");
  const bodyRef = useRef<HTMLTableSectionElement>(null);
  const ids = useMemo(() => rows.map(rowId), [rows, rowId]);
  const selectable = useCallback(
    (index: number) => !(rows[index] !== undefined && notSelectable?.(rows[index])),
    [rows, notSelectable],
  );
  const selection = useTableSelection({ ids, selected, onSelect, selectable });
  const [focusId, setFocusId] = useState<string>();
  const virtual = useVirtualRows({ count: rows.length, bodyRef, twoLine: Boolean(twoLine) });
  const wantFocus = useRef<string>(undefined);

  // A row that has just scrolled into being takes the focus that the keyboard gave it.
  useEffect(() => {
    if (!wantFocus.current) return;
    const row = bodyRef.current?.querySelector<HTMLTableRowElement>(`tr[data-id="${CSS.escape(wantFocus.current)}"]`);
    if (row) {
      wantFocus.current = undefined;
      row.focus();
    }
  });

  const moveTo = (index: number) => {
    const id = ids[Math.max(0, Math.min(index, ids.length - 1))];
    if (!id) return;
    setFocusId(id);
    wantFocus.current = id;
    virtual.scrollTo(ids.indexOf(id));
  };

  const onRowKey = (event: KeyboardEvent<HTMLTableRowElement>, row: Row, index: number) => {
    if (!inRow(event)) return;
    const onRow = event.target === event.currentTarget;
    const moves: Record<string, number> = { ArrowDown: index + 1, ArrowUp: index - 1, Home: 0, End: ids.length - 1 };
    const to = moves[event.key];
    if (to !== undefined && (onRow || event.key.startsWith("Arrow"))) {
      event.preventDefault();
      moveTo(to);
      if (event.shiftKey && onSelect) selection.range(Math.max(0, Math.min(to, ids.length - 1)));
    } else if (event.key === "Escape" && selected?.size) {
      // Only the selection goes; an open drawer stays for the next Esc.
      event.stopPropagation();
      selection.clear();
    } else if (event.key === "a" && (event.ctrlKey || event.metaKey) && onSelect) {
      event.preventDefault();
      selection.all(true);
    } else if (onRow && event.key === " " && onSelect) {
      event.preventDefault();
      selection.toggle(index, event.shiftKey);
    } else if (onRow && event.key === "Enter" && onOpen) {
      event.preventDefault();
      onOpen(row);
    }
  };

  const onRowClick = (event: MouseEvent<HTMLTableRowElement>, row: Row) => {
    if (!inRow(event)) return;
    // Buttons, links and boxes in the row answer for themselves.
    if ((event.target as HTMLElement).closest("button, a, input, label, select")) return;
    if (window.getSelection()?.toString()) return;
    onOpen?.(row);
  };

  const span = columns.length + (onSelect ? 1 : 0);
  const tabStop = focusId && ids.includes(focusId) ? focusId : (openId ?? ids[0]);
  const showRows = !loading;

  return (
    <div className="tw">
      {top}
      {banner}
      {/* The roles are written out because phones lay rows out as blocks, which takes the table's own away. */}
      <table
        className={clsx("t", twoLine && "two")}
        role="table"
        aria-label={label}
        aria-rowcount={(total ?? rows.length) + 1}
        aria-busy={loading || undefined}
      >
        <thead role="rowgroup">
          <tr role="row" aria-rowindex={1}>
            {onSelect && (
              <th role="columnheader" scope="col" className="ckc">
                <label>
                  <Check
                    aria-label={t("table.selectAll")}
                    checked={showRows && selection.allSelected}
                    mixed={selection.someSelected}
                    disabled={!showRows || rows.length === 0}
                    onChange={() => selection.all(!selection.allSelected)}
                  />
                </label>
              </th>
            )}
            {columns.map((column) => (
              <Head key={column.id} column={column} sort={sort} onSort={onSort} />
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup" ref={bodyRef}>
          {loading && <SkeletonRows columns={columns} selectable={Boolean(onSelect)} />}
          {showRows && virtual.before > 0 && <Pad height={virtual.before} span={span} />}
          {showRows &&
            virtual.indexes.map((index) => {
              const row = rows[index];
              const id = ids[index];
              if (row === undefined || id === undefined) return null;
              const chosen = selected?.has(id) ?? false;
              const blocked = notSelectable?.(row);
              return (
                <tr
                  role="row"
                  key={id}
                  data-id={id}
                  data-index={index}
                  ref={virtual.measure}
                  aria-rowindex={index + 2}
                  aria-selected={onSelect ? chosen : undefined}
                  aria-current={openId === id ? "true" : undefined}
                  tabIndex={(onOpen || onSelect) && id === tabStop ? 0 : onOpen || onSelect ? -1 : undefined}
                  className={clsx(
                    "row",
                    onSelect && "ckr",
                    onOpen && "openable",
                    chosen && "sel",
                    openId === id && "open",
                    tone?.(row),
                  )}
                  onClick={onOpen ? (event) => onRowClick(event, row) : undefined}
                  onFocus={() => setFocusId(id)}
                  onKeyDown={(event) => onRowKey(event, row, index)}
                >
                  {onSelect && (
                    <td role="cell" className="ckc">
                      <label title={blocked}>
                        <Check
                          aria-label={t("table.select", { name: rowName?.(row) ?? id })}
                          checked={chosen}
                          disabled={Boolean(blocked)}
                          tabIndex={-1}
                          onChange={() => {}}
                          onClick={(event) => selection.toggle(index, event.shiftKey)}
                        />
                      </label>
                    </td>
                  )}
                  {columns.map((column) => (
                    <td key={column.id} role="cell" className={cellClass(column)} data-u={column.unit}>
                      {column.name ? (
                        <span className="flex min-w-0 items-center gap-2">
                          {onOpen ? (
                            <button
                              type="button"
                              className={clsx("nm", column.stacked && "stacked")}
                              tabIndex={-1}
                              onClick={() => onOpen(row)}
                            >
                              {column.cell(row)}
                            </button>
                          ) : (
                            <span className={clsx("nm", column.stacked && "stacked")}>{column.cell(row)}</span>
                          )}
                          {column.after?.(row)}
                        </span>
                      ) : (
                        column.cell(row)
                      )}
                    </td>
                  ))}
                </tr>
              );
            })}
          {showRows && virtual.after > 0 && <Pad height={virtual.after} span={span} />}
        </tbody>
      </table>
      {onNearEnd && rows.length > 0 && <NearEnd key={rows.length} onNear={onNearEnd} />}
      {!loading && rows.length === 0 && slot}
      {selected && selected.size > 0 && bar}
      {foot}
    </div>
  );
}

/** Not in a menu of the row, which lies above the page: React tells the row of it all the same. */
function inRow(event: { target: EventTarget; currentTarget: Element }): boolean {
  return event.target instanceof Node && event.currentTarget.contains(event.target);
}

function Head<Row>({
  column,
  sort,
  onSort,
}: {
  column: Column<Row>;
  sort: SortState | undefined;
  onSort: ((next: SortState) => void) | undefined;
}) {
  const active = sort?.id === column.id;
  const dir = active ? sort.dir : undefined;
  return (
    <th
      role="columnheader"
      scope="col"
      className={cellClass(column)}
      style={column.width ? { minWidth: column.width } : undefined}
      aria-sort={column.sortable ? (dir === "asc" ? "ascending" : dir === "desc" ? "descending" : "none") : undefined}
    >
      {column.sortable && onSort ? (
        <button type="button" onClick={() => onSort({ id: column.id, dir: dir === "asc" ? "desc" : "asc" })}>
          {column.header}
          <Icon name={dir === "desc" ? "down" : "up"} className={active ? undefined : "no"} />
        </button>
      ) : active && column.sortable ? (
        <span className="sorted">
          {column.header}
          <Icon name={dir === "desc" ? "down" : "up"} />
        </span>
      ) : (
        column.header
      )}
    </th>
  );
}

/** Comes near the window before the last row does. Its key makes it look again after each page. */
function NearEnd({ onNear }: { onNear: () => void }) {
  const mark = useRef<HTMLDivElement>(null);
  const tell = useRef(onNear);
  tell.current = onNear;
  useEffect(() => {
    if (!mark.current || typeof IntersectionObserver === "undefined") return;
    const observer = new IntersectionObserver(
      (entries) => entries.some((entry) => entry.isIntersecting) && tell.current(),
      { rootMargin: "0px 0px 800px" },
    );
    observer.observe(mark.current);
    return () => observer.disconnect();
  }, []);
  return <div ref={mark} aria-hidden="true" />;
}

function Pad({ height, span }: { height: number; span: number }) {
  return (
    <tr aria-hidden="true">
      <td className="pad" colSpan={span} style={{ height }} />
    </tr>
  );
}

/** The ink bar: how many, in which state, and what can be done with them. */
export function SelectionBar({
  children,
  said,
  detail,
  onClear,
}: {
  said: ReactNode;
  detail?: ReactNode;
  children: ReactNode;
  onClear: () => void;
}) {
  const { t } = useTranslation("common");
  return (
    <div className="batch" role="group" aria-label={t("table.selection")}>
      <span className="said" role="status">
        <b>{said}</b>
        {detail && <span className="c2 el">· {detail}</span>}
      </span>
      {children}
      <button type="button" className="btn" onClick={onClear}>
        {t("table.clear")} <kbd className="kbd">{t("key.esc")}</kbd>
      </button>
    </div>
  );
}

/** Range, sum, what the filter hides; `end` stands on the right. */
export function TableFoot({ children, end }: { children: ReactNode; end?: ReactNode }) {
  return (
    <div className="tfoot">
      {children}
      {end && <span className="end">{end}</span>}
    </div>
  );
}
