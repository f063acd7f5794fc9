import { useCallback, useLayoutEffect, useMemo, useRef } from "react";
import { type Location, useLocation, useNavigate } from "react-router";

type Changes = Record<string, string | readonly string[] | undefined>;

/** What was asked of an address and has not come: the next change starts from it. */
const asked = new WeakMap<Location, URLSearchParams>();

/**
 * State that lives in the address: filters, sort, tab, the open row. A change
 * of filter replaces the entry of the history; opening something (`push`)
 * makes one, so that "back" closes it. Changes in one tick add up, whoever
 * makes them.
 */
export function useAddress() {
  const location = useLocation();
  const navigate = useNavigate();
  const params = useMemo(() => new URLSearchParams(location.search), [location.search]);
  // What is drawn now, for a `set` that was kept since an earlier address.
  const drawn = useRef(location);
  useLayoutEffect(() => {
    drawn.current = location;
  }, [location]);

  const get = useCallback((key: string) => params.get(key) ?? "", [params]);
  const list = useCallback((key: string) => (params.get(key) ?? "").split(",").filter(Boolean).map(decode), [params]);

  const set = useCallback(
    (changes: Changes, how: "replace" | "push" = "replace") => {
      const from = drawn.current;
      const next = new URLSearchParams(asked.get(from) ?? from.search);
      for (const [key, value] of Object.entries(changes)) {
        // Values of a list are encoded once more, since a label may hold a comma.
        const text = typeof value === "string" ? value : value?.map(encodeURIComponent).join(",");
        if (text) next.set(key, text);
        else next.delete(key);
      }
      asked.set(from, next);
      void navigate(
        { search: next.size > 0 ? `?${next}` : "", hash: from.hash },
        { replace: how === "replace", preventScrollReset: true },
      );
    },
    [navigate],
  );

  return useMemo(() => ({ get, list, set }), [get, list, set]);
}

/** An address that somebody typed or cut may not decode; it is then taken as it is. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
