/**
 * The session of this browser: one access token, in memory only, shared by its
 * tabs. One tab at a time renews it; the others take what it got. A tab that
 * signs out signs all of them out.
 */
export type Token = { token: string; expires: number };

export type SessionState =
  | { status: "unknown" }
  | { status: "in"; token: Token }
  /** `why` is "ended" when nobody here asked for it. */
  | { status: "out"; why: "never" | "left" | "ended" };

type Message = { kind: "token"; token: Token } | { kind: "left" };

/** What the session needs of its surroundings; tests give two tabs the same ones. */
export type SessionDeps = {
  /** RefreshSession. Rejects with `refused` true when the server says that there is no session. */
  refresh: () => Promise<Token>;
  refused: (error: unknown) => boolean;
  logout: () => Promise<void>;
  locks: Pick<LockManager, "request">;
  channel: Pick<BroadcastChannel, "postMessage" | "addEventListener" | "close">;
  /** Whether somebody signed in here before: it saves strangers a request that must fail. */
  memory: { had: () => boolean; set: (had: boolean) => void };
  now: () => number;
};

/** A token is renewed this long before it ends, so that no request leaves with one that ends on the way. */
const early = 30_000;

export type Session = ReturnType<typeof createSession>;

export function createSession(deps: SessionDeps) {
  let state: SessionState = { status: "unknown" };
  let flight: Promise<Token> | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const listeners = new Set<() => void>();

  const set = (next: SessionState) => {
    state = next;
    clearTimeout(timer);
    if (next.status === "in") {
      // Renewed ahead of time, so that an open page does not wait for it; a
      // sleeping machine is caught by `token()` instead.
      timer = setTimeout(() => void renew().catch(() => {}), Math.max(1_000, next.token.expires - deps.now() - early));
    }
    for (const listener of listeners) listener();
  };

  const fresh = () => (state.status === "in" && state.token.expires - deps.now() > early ? state.token : undefined);

  const take = (token: Token, tell: boolean) => {
    deps.memory.set(true);
    set({ status: "in", token });
    if (tell) deps.channel.postMessage({ kind: "token", token } satisfies Message);
  };

  const leave = (why: "left" | "ended") => {
    deps.memory.set(false);
    set({ status: "out", why });
  };

  deps.channel.addEventListener("message", (event) => {
    const message = (event as MessageEvent<Message>).data;
    if (message.kind === "token") take(message.token, false);
    else if (state.status !== "out") leave("left");
  });

  /** One request a tab, one tab at a time. `stale` is the token that was refused, if one was. */
  function renew(stale?: string): Promise<Token> {
    flight ??= deps.locks
      .request("cloudhub-session", async () => {
        // What another tab got while this one waited for its turn has been
        // posted; a turn of the event loop lets it arrive.
        await new Promise((resolve) => setTimeout(resolve, 0));
        const got = fresh();
        if (got && got.token !== stale) return got;
        if (state.status === "out" && state.why === "left") throw new Error("signed out");
        try {
          const token = await deps.refresh();
          // Signed out while the answer was on its way: it must not sign in again.
          if (state.status === "out" && state.why === "left") throw new Error("signed out");
          take(token, true);
          return token;
        } catch (error) {
          if (deps.refused(error)) leave("ended");
          throw error;
        }
      })
      .finally(() => {
        flight = undefined;
      });
    return flight;
  }

  return {
    state: () => state,
    subscribe: (listener: () => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    /** A token that is good for half a minute at least. Rejects when there is no session or it cannot be renewed now. */
    token: async (): Promise<string> => (fresh() ?? (await renew())).token,
    /** After an answer said that `stale` is not accepted. */
    renew: async (stale: string): Promise<string> => (await renew(stale)).token,
    /** Finds out, at the start of the page, whether there is a session. */
    start: async (): Promise<SessionState> => {
      if (state.status !== "unknown") return state;
      if (!deps.memory.had()) {
        set({ status: "out", why: "never" });
        return state;
      }
      try {
        await renew();
      } catch (error) {
        // Not known to be over: the page says that the server does not answer.
        if (state.status === "unknown") throw error;
      }
      return state;
    },
    /** After Login or Register. */
    enter: (token: Token) => take(token, true),
    /** Ends the session here and in every tab, whatever the server answers. */
    signOut: async () => {
      leave("left");
      deps.channel.postMessage({ kind: "left" } satisfies Message);
      // Behind a renewal that is on its way, whose new cookie would outlive the old one's end.
      await deps.locks.request("cloudhub-session", () => deps.logout()).catch(() => {});
    },
    close: () => {
      clearTimeout(timer);
      deps.channel.close();
    },
  };
}
