import { Code, ConnectError } from "@connectrpc/connect";
import { useEffect } from "react";
import { useWorkspaceStream } from "@/lib/stream/WorkspaceStream";

/** How a list stands. "ready" may still be empty. */
export type ListState = "loading" | "ready" | "error" | "denied";

interface Query {
  isPending: boolean;
  isError: boolean;
  error: unknown;
  data: unknown;
}

export function stateOf(query: Query, allowed: boolean): ListState {
  if (!allowed) return "denied";
  if (query.data !== undefined) return "ready";
  if (!query.isError) return "loading";
  return ConnectError.from(query.error).code === Code.PermissionDenied ? "denied" : "error";
}

/** From when the data is, when the line is down or the last reading failed. */
export function useStale(query: { isError: boolean; data: unknown; dataUpdatedAt: number; refetch: () => unknown }) {
  const stream = useWorkspaceStream();
  if (query.data === undefined) return undefined;
  if (stream.state === "offline") return { since: stream.since };
  if (!query.isError) return undefined;
  const retry = () => {
    stream.retryNow();
    query.refetch();
  };
  return { since: query.dataUpdatedAt, nextTry: stream.nextTry, onRetry: retry };
}

/** Esc from anywhere on the page, unless something nearer has answered it. */
export function useEscape(active: boolean, close: () => void) {
  useEffect(() => {
    if (!active) return;
    const onKey = (event: KeyboardEvent) => {
      if (event.key === "Escape" && !event.defaultPrevented) close();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, [active, close]);
}
