import type { DescMethodUnary } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { useTransport } from "@connectrpc/connect-query";
import { useQueryClient } from "@tanstack/react-query";
import { createContext, type ReactNode, useContext, useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { OperationService } from "@/gen/cloudhub/v1/operation_pb";
import { Permission } from "@/gen/cloudhub/v1/options_pb";
import { UserService } from "@/gen/cloudhub/v1/user_pb";
import { useWorkspace } from "../workspace";
import { applyMessage, invalidate, workspaceMethods } from "./apply";
import { createWatch, type StreamStatus } from "./watch";

export type { StreamState, StreamStatus } from "./watch";

type Value = StreamStatus & { retryNow: () => void };

const Context = createContext<Value>({
  state: "connecting",
  since: 0,
  nextTry: undefined,
  again: false,
  retryNow: () => {},
});

/** Whether what is on screen is live, since when, and when the next try comes. */
export function useWorkspaceStream(): Value {
  return useContext(Context);
}

/** A burst of rows is answered by one reading of the lists, this long after its first. */
const gather = 1_500;
/** A screen reader is told of changes at most this often. */
const sayEvery = 5_000;

/** Keeps the caches of the workspace true while its pages are looked at. */
export function WorkspaceStreamProvider({ children }: { children: ReactNode }) {
  const { orgId, workspaceId, can } = useWorkspace();
  const allowed = can(Permission.RESOURCES_VIEW);
  const transport = useTransport();
  const queryClient = useQueryClient();
  const [status, setStatus] = useState<StreamStatus>({
    state: "connecting",
    since: Date.now(),
    nextTry: undefined,
    again: false,
  });
  const retry = useRef<() => void>(() => {});
  const announce = useAnnouncer();

  useEffect(() => {
    if (!allowed) return;
    const client = createClient(OperationService, transport);
    const stale = new Set<DescMethodUnary>();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const watch = createWatch({
      open: (signal) => client.watchWorkspace({ orgId, workspaceId }, { signal }),
      onMessage: (message) => {
        for (const method of applyMessage(queryClient, message)) stale.add(method);
        announce.count(message.resources.length + message.operations.length);
        if (stale.size === 0) return;
        timer ??= setTimeout(() => {
          timer = undefined;
          invalidate(queryClient, stale);
          stale.clear();
        }, gather);
      },
      onReadAll: () => invalidate(queryClient, workspaceMethods),
      onStatus: setStatus,
      // What one may do has changed since it was read.
      onDenied: () => invalidate(queryClient, [UserService.method.getMe]),
      visible: () => document.visibilityState === "visible",
      online: () => navigator.onLine,
      random: Math.random,
    });
    retry.current = watch.retryNow;
    document.addEventListener("visibilitychange", watch.changed);
    window.addEventListener("online", watch.changed);
    window.addEventListener("offline", watch.changed);
    watch.start();
    return () => {
      watch.stop();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", watch.changed);
      window.removeEventListener("online", watch.changed);
      window.removeEventListener("offline", watch.changed);
    };
  }, [orgId, workspaceId, transport, queryClient, announce, allowed]);

  const value = useMemo(() => ({ ...status, retryNow: () => retry.current() }), [status]);
  return (
    <Context.Provider value={value}>
      {children}
      <span className="sr" role="status" aria-live="polite">
        {announce.text}
      </span>
    </Context.Provider>
  );
}

/** For previews and tests of a page: a status without a stream. */
export const StreamStatusContext = Context;

function useAnnouncer() {
  const { t } = useTranslation("common");
  const [text, setText] = useState("");
  const say = useRef(t);
  say.current = t;
  const waiting = useRef({ count: 0, timer: undefined as ReturnType<typeof setTimeout> | undefined, last: 0 });
  useEffect(() => () => clearTimeout(waiting.current.timer), []);
  const count = useRef((more: number) => {
    if (more === 0) return;
    const state = waiting.current;
    state.count += more;
    state.timer ??= setTimeout(
      () => {
        setText(say.current("live.said", { count: state.count }));
        state.count = 0;
        state.timer = undefined;
        state.last = Date.now();
      },
      Math.max(0, state.last + sayEvery - Date.now()),
    );
  });
  const value = useRef({ count: count.current, text });
  value.current.text = text;
  return value.current;
}
