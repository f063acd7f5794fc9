import { useCallback, useRef } from "react";

type Options = {
  ids: readonly string[];
  selected: ReadonlySet<string> | undefined;
  onSelect: ((next: Set<string>) => void) | undefined;
  selectable: (index: number) => boolean;
};

/** Choosing rows: one, a range from the last one touched, all. */
export function useTableSelection({ ids, selected, onSelect, selectable }: Options) {
  // By id, not by place: the order may change between two clicks.
  const anchor = useRef<string>(undefined);

  const toggle = useCallback(
    (index: number, extend: boolean) => {
      const id = ids[index];
      if (!id || !onSelect || !selectable(index)) return;
      const next = new Set(selected);
      const from = anchor.current ? ids.indexOf(anchor.current) : -1;
      const on = !next.has(id);
      if (extend && from >= 0) {
        // The whole stretch takes what the clicked row takes.
        for (let at = Math.min(from, index); at <= Math.max(from, index); at++) {
          const other = ids[at];
          if (!other || !selectable(at)) continue;
          if (on) next.add(other);
          else next.delete(other);
        }
      } else if (on) next.add(id);
      else next.delete(id);
      anchor.current = id;
      onSelect(next);
    },
    [ids, selected, onSelect, selectable],
  );

  const range = useCallback(
    (to: number) => {
      if (!onSelect) return;
      const from = anchor.current ? ids.indexOf(anchor.current) : to;
      const next = new Set(selected);
      for (let at = Math.min(from, to); at <= Math.max(from, to); at++) {
        const id = ids[at];
        if (id && selectable(at)) next.add(id);
      }
      if (!anchor.current) anchor.current = ids[to];
      onSelect(next);
    },
    [ids, selected, onSelect, selectable],
  );

  const all = useCallback(
    (on: boolean) => onSelect?.(on ? new Set(ids.filter((_, index) => selectable(index))) : new Set()),
    [ids, onSelect, selectable],
  );

  const clear = useCallback(() => onSelect?.(new Set()), [onSelect]);

  const chosen = ids.filter((id) => selected?.has(id)).length;
  const possible = ids.filter((_, index) => selectable(index)).length;
  return {
    toggle,
    range,
    all,
    clear,
    allSelected: possible > 0 && chosen >= possible,
    someSelected: chosen > 0 && chosen < possible,
  };
}
