import { render, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { describe, expect, it, vi } from "vitest";
import { type Column, SelectionBar, type SortState, Table } from "./Table";

type Row = { id: string; name: string };
const rows = (count: number): Row[] =>
  Array.from({ length: count }, (_, index) => ({ id: `r${index}`, name: `machine-${index}` }));
const columns: Column<Row>[] = [{ id: "name", header: "Nome", name: true, sortable: true, cell: (row) => row.name }];

function Harness({
  count = 6,
  onOpen = () => {},
  blocked,
}: {
  count?: number;
  onOpen?: (row: Row) => void;
  blocked?: string;
}) {
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [sort, setSort] = useState<SortState>();
  return (
    <Table
      label="Machines"
      columns={columns}
      rows={rows(count)}
      rowId={(row) => row.id}
      rowName={(row) => row.name}
      selected={selected}
      onSelect={setSelected}
      onOpen={onOpen}
      sort={sort}
      onSort={setSort}
      notSelectable={(row) => (row.id === blocked ? "não pode" : undefined)}
      bar={
        <SelectionBar said={`${selected.size} escolhidas`} onClear={() => setSelected(new Set())}>
          <button type="button">Parar</button>
        </SelectionBar>
      }
    />
  );
}

const body = () => screen.getAllByRole("row").slice(1);
const chosen = () => body().flatMap((row, index) => (row.getAttribute("aria-selected") === "true" ? [index] : []));

describe("Table", () => {
  it("keeps one tab stop among its rows and moves it with the arrows", async () => {
    const user = userEvent.setup();
    render(<Harness />);
    expect(body().map((row) => row.tabIndex)).toEqual([0, -1, -1, -1, -1, -1]);
    body()[0]?.focus();
    await user.keyboard("{ArrowDown}{ArrowDown}");
    expect(document.activeElement).toBe(body()[2]);
    await user.keyboard("{End}");
    expect(document.activeElement).toBe(body()[5]);
    expect(body()[5]?.tabIndex).toBe(0);
  });

  it("opens by Enter, by the name and by a click anywhere in the row, but not by its checkbox", async () => {
    const user = userEvent.setup();
    const onOpen = vi.fn();
    render(<Harness onOpen={onOpen} />);
    body()[1]?.focus();
    await user.keyboard("{Enter}");
    await user.click(screen.getByRole("button", { name: "machine-2" }));
    await user.click(within(body()[3] as HTMLElement).getAllByRole("cell")[1] as HTMLElement);
    await user.click(screen.getByRole("checkbox", { name: "Selecionar machine-4" }));
    expect(onOpen.mock.calls.map(([row]) => row.id)).toEqual(["r1", "r2", "r3"]);
  });

  it("selects with Space, a stretch with Shift, and clears with Esc", async () => {
    const user = userEvent.setup();
    render(<Harness />);
    body()[1]?.focus();
    await user.keyboard(" ");
    expect(chosen()).toEqual([1]);
    await user.keyboard("{Shift>}{ArrowDown}{ArrowDown}{/Shift}");
    expect(chosen()).toEqual([1, 2, 3]);
    expect(screen.getByText("3 escolhidas")).toBeTruthy();
    await user.keyboard("{Escape}");
    expect(chosen()).toEqual([]);
    expect(screen.queryByText(/escolhidas/)).toBeNull();
  });

  it("gives the clicked row's choice to the whole stretch on Shift-click, but not to rows that cannot be chosen", async () => {
    const user = userEvent.setup();
    render(<Harness blocked="r3" />);
    const box = (index: number) => screen.getByRole("checkbox", { name: `Selecionar machine-${index}` });
    await user.click(box(1));
    await user.keyboard("{Shift>}");
    await user.click(box(5));
    await user.keyboard("{/Shift}");
    expect(chosen()).toEqual([1, 2, 4, 5]);
    expect((box(3) as HTMLInputElement).disabled).toBe(true);
  });

  it("says in the head whether all or some are selected", async () => {
    const user = userEvent.setup();
    render(<Harness />);
    const all = screen.getByRole<HTMLInputElement>("checkbox", { name: "Selecionar todas as linhas" });
    await user.click(screen.getByRole("checkbox", { name: "Selecionar machine-0" }));
    expect(all.indeterminate).toBe(true);
    await user.click(all);
    expect(chosen()).toHaveLength(6);
    expect(all.indeterminate).toBe(false);
    expect(all.checked).toBe(true);
  });

  it("sorts by its head and says so", async () => {
    const user = userEvent.setup();
    render(<Harness />);
    const head = screen.getByRole("columnheader", { name: "Nome" });
    expect(head.getAttribute("aria-sort")).toBe("none");
    await user.click(within(head).getByRole("button"));
    expect(head.getAttribute("aria-sort")).toBe("ascending");
    await user.click(within(head).getByRole("button"));
    expect(head.getAttribute("aria-sort")).toBe("descending");
  });

  it("draws few of ten thousand rows and still says how many there are", () => {
    render(<Harness count={10_000} />);
    expect(document.querySelectorAll("tr.row").length).toBeLessThan(100);
    expect(screen.getByRole("table").getAttribute("aria-rowcount")).toBe("10001");
  });

  it("shows its slot only when there are no rows, and rows of the right shape while reading", () => {
    const shared = { label: "Machines", columns, rowId: (row: Row) => row.id, slot: <p>vazia</p> };
    const { rerender } = render(<Table {...shared} rows={[]} />);
    expect(screen.getByText("vazia")).toBeTruthy();
    rerender(<Table {...shared} rows={rows(1)} />);
    expect(screen.queryByText("vazia")).toBeNull();
    rerender(<Table {...shared} rows={[]} loading />);
    expect(screen.queryByText("vazia")).toBeNull();
    expect(screen.getByRole("table").getAttribute("aria-busy")).toBe("true");
  });
});
