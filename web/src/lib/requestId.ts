import { useCallback, useRef } from "react";

/** A UUID of version 4. crypto.randomUUID is missing where a page is served over plain http from another machine. */
export function newRequestId(): string {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/**
 * The id of a request that must happen once. The same values sent again (an
 * answer that was lost on the way) carry the same id; other values a new one.
 */
export function useRequestId() {
  const last = useRef<{ values: string; id: string }>(undefined);
  return useCallback((values: unknown): string => {
    const written = JSON.stringify(values);
    if (last.current?.values !== written) last.current = { values: written, id: newRequestId() };
    return last.current.id;
  }, []);
}
