import { Code, ConnectError } from "@connectrpc/connect";
import type { WatchWorkspaceResponse } from "@/gen/cloudhub/v1/operation_pb";

/**
 * live: rows arrive as they change. connecting: not yet, or again. polling:
 * the stream does not hold, everything is read every ten seconds. offline:
 * the browser has no network. paused: nobody is looking.
 */
export type StreamState = "connecting" | "live" | "polling" | "offline" | "paused";
export type StreamStatus = {
  state: StreamState;
  /** When this state began, in milliseconds. */
  since: number;
  /** When the next try to connect comes, while one is awaited. */
  nextTry: number | undefined;
  /** Whether it has been live before: "connecting" is then "reconnecting". */
  again: boolean;
};

export type WatchDeps = {
  open: (signal: AbortSignal) => AsyncIterable<WatchWorkspaceResponse>;
  onMessage: (message: WatchWorkspaceResponse) => void;
  /** The stream has just become live, or a poll is due: read the lists. */
  onReadAll: () => void;
  onStatus: (status: StreamStatus) => void;
  /** The person may not see the workspace (any more). */
  onDenied: () => void;
  visible: () => boolean;
  online: () => boolean;
  random: () => number;
};

/** The server sends a heartbeat every 15 s; two missed and a bit is a dead line. */
const silence = 40_000;
const pollEvery = 10_000;
/** After this many failures in a row the lists are polled, while trying goes on. */
const failuresToPoll = 3;
const longestWait = 30_000;

/** Keeps one stream open while somebody looks. Drive it with start, stop and `changed` (visibility, network). */
export function createWatch(deps: WatchDeps) {
  let status: StreamStatus = { state: "connecting", since: Date.now(), nextTry: undefined, again: false };
  let abort: AbortController | undefined;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let poll: ReturnType<typeof setInterval> | undefined;
  let failures = 0;
  let stopped = true;

  const set = (state: StreamState, nextTry?: number) => {
    const same = status.state === state;
    if (same && status.nextTry === nextTry) return;
    status = {
      state,
      since: same ? status.since : Date.now(),
      nextTry,
      again: status.again || status.state === "live",
    };
    deps.onStatus(status);
  };

  const stopPolling = () => {
    clearInterval(poll);
    poll = undefined;
  };

  const close = () => {
    clearTimeout(retry);
    retry = undefined;
    abort?.abort();
    abort = undefined;
  };

  const open = async () => {
    close();
    const mine = new AbortController();
    abort = mine;
    let watchdog: ReturnType<typeof setTimeout> | undefined;
    let quiet = false;
    const listen = () => {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => {
        quiet = true;
        mine.abort();
      }, silence);
    };
    let ended: unknown;
    let lived = false;
    try {
      listen();
      for await (const message of deps.open(mine.signal)) {
        if (abort !== mine) break;
        listen();
        if (!lived) {
          lived = true;
          failures = 0;
          stopPolling();
          set("live");
          // What changed before the line was open is only in the lists.
          deps.onReadAll();
        }
        deps.onMessage(message);
      }
    } catch (error) {
      ended = error;
    }
    clearTimeout(watchdog);
    if (abort !== mine && !quiet) return;
    abort = undefined;
    if (stopped || !deps.visible() || !deps.online()) return;
    if (lived && ended === undefined && !quiet) {
      // Its five minutes are over: the next one follows at once and nobody notices.
      void open();
      return;
    }
    if (ConnectError.from(ended).code === Code.PermissionDenied && !quiet) {
      // Asking again would not help; the pages say what is missing.
      set("paused");
      deps.onDenied();
      return;
    }
    // A stream does not renew its token; the requests that this makes do, or find out that the session is over.
    if (ConnectError.from(ended).code === Code.Unauthenticated) deps.onReadAll();
    failed();
  };

  const failed = () => {
    failures += 1;
    const wait = Math.min(longestWait, 1_000 * 2 ** (failures - 1)) * (0.5 + deps.random() / 2);
    if (failures >= failuresToPoll) {
      set("polling", Date.now() + wait);
      poll ??= setInterval(() => deps.onReadAll(), pollEvery);
    } else set("connecting", Date.now() + wait);
    retry = setTimeout(() => void open(), wait);
  };

  /** Call it when the tab is shown or hidden, or the network comes or goes. */
  const changed = () => {
    if (stopped) return;
    if (!deps.online()) {
      close();
      stopPolling();
      set("offline");
    } else if (!deps.visible()) {
      close();
      stopPolling();
      set("paused");
    } else if (!abort && !retry) {
      failures = 0;
      set("connecting");
      void open();
    }
  };

  return {
    status: () => status,
    start: () => {
      stopped = false;
      changed();
    },
    stop: () => {
      stopped = true;
      close();
      stopPolling();
    },
    changed,
    /** Tries now instead of when the wait is over. */
    retryNow: () => {
      if (stopped || abort || !deps.online()) return;
      clearTimeout(retry);
      retry = undefined;
      set(poll ? "polling" : "connecting");
      void open();
    },
  };
}
