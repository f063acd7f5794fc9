import { useCallback, useMemo } from "react";
import { useSearchParams } from "react-router";

/**
 * State that lives in the address: filters, sort, tab, the open row. A change
 * of filter replaces the entry of the history; opening something (`push`)
 * makes one, so that "back" closes it.
 */
export function useAddress() {
  const [params, setParams] = useSearchParams();

  const get = useCallback((key: string) => params.get(key) ?? "", [params]);
  const list = useCallback((key: string) => (params.get(key) ?? "").split(",").filter(Boolean).map(decode), [params]);

  const set = useCallback(
    (changes: Record<string, string | readonly string[] | undefined>, how: "replace" | "push" = "replace") => {
      setParams(
        (before) => {
          const next = new URLSearchParams(before);
          for (const [key, value] of Object.entries(changes)) {
            // Values of a list are encoded once more, since a label may hold a comma.
            const text = typeof value === "string" ? value : value?.map(encodeURIComponent).join(",");
            if (text) next.set(key, text);
            else next.delete(key);
          }
          return next;
        },
        { replace: how === "replace", preventScrollReset: true },
      );
    },
    [setParams],
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
