import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createSession, type SessionDeps, type Token } from "./session";

/** One lock and one channel for all tabs of a browser, as it has them. */
function browser() {
  let queue: Promise<unknown> = Promise.resolve();
  const locks = {
    request: (_name: string, run: () => unknown) => {
      const turn = queue.then(run);
      queue = turn.catch(() => {});
      return turn;
    },
  } as unknown as SessionDeps["locks"];
  const ears: Array<{ id: number; listener: (event: MessageEvent) => void }> = [];
  let tabs = 0;
  const channel = (): SessionDeps["channel"] => {
    const id = tabs++;
    return {
      addEventListener: ((_type: string, listener: (event: MessageEvent) => void) =>
        ears.push({ id, listener })) as SessionDeps["channel"]["addEventListener"],
      postMessage: (data: unknown) => {
        for (const ear of ears) if (ear.id !== id) setTimeout(() => ear.listener({ data } as MessageEvent), 0);
      },
      close: () => {},
    };
  };
  let had = true;
  return {
    locks,
    channel,
    memory: {
      had: () => had,
      set: (next: boolean) => {
        had = next;
      },
    },
  };
}

const refused = new Error("refused");
const token = (name: string, seconds = 300): Token => ({ token: name, expires: Date.now() + seconds * 1000 });

function tab(
  shared: ReturnType<typeof browser>,
  refresh: () => Promise<Token>,
  logout: () => Promise<void> = async () => {},
) {
  return createSession({
    refresh,
    logout,
    refused: (error) => error === refused,
    locks: shared.locks,
    channel: shared.channel(),
    memory: shared.memory,
    now: () => Date.now(),
  });
}

describe("session", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("renews once for many requests of a tab", async () => {
    const refresh = vi.fn(async () => token("a"));
    const one = tab(browser(), refresh);
    const all = Promise.all([one.token(), one.token(), one.token()]);
    await vi.advanceTimersByTimeAsync(50);
    expect(await all).toEqual(["a", "a", "a"]);
    expect(refresh).toHaveBeenCalledTimes(1);
  });

  it("lets two tabs that need a token at once use one cookie once", async () => {
    const shared = browser();
    const refresh = vi.fn(async () => token("shared"));
    const one = tab(shared, refresh);
    const two = tab(shared, refresh);
    const both = Promise.all([one.token(), two.token()]);
    await vi.advanceTimersByTimeAsync(50);
    expect(await both).toEqual(["shared", "shared"]);
    expect(refresh).toHaveBeenCalledTimes(1);
  });

  it("does not take back the very token that was refused", async () => {
    const refresh = vi.fn(async () => token(refresh.mock.calls.length === 1 ? "old" : "new"));
    const one = tab(browser(), refresh);
    const first = one.token();
    await vi.advanceTimersByTimeAsync(10);
    const second = one.renew(await first);
    await vi.advanceTimersByTimeAsync(10);
    expect(await second).toBe("new");
  });

  it("renews before the token ends, without being asked", async () => {
    const refresh = vi.fn(async () => token("next"));
    const one = tab(browser(), refresh);
    one.enter(token("first", 300));
    await vi.advanceTimersByTimeAsync(269_000);
    expect(refresh).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(2_000);
    expect(refresh).toHaveBeenCalledTimes(1);
  });

  it("ends in every tab when one signs out, and stays ended when a renewal answers late", async () => {
    const shared = browser();
    let answer: (token: Token) => void = () => {};
    const one = tab(
      shared,
      () =>
        new Promise<Token>((resolve) => {
          answer = resolve;
        }),
    );
    const two = tab(shared, async () => token("late"));
    two.enter(token("two"));
    await vi.advanceTimersByTimeAsync(10);
    const renewing = one.renew("two");
    const failed = expect(renewing).rejects.toThrow("signed out");
    await vi.advanceTimersByTimeAsync(10);
    void two.signOut();
    await vi.advanceTimersByTimeAsync(10);
    answer(token("late"));
    await vi.advanceTimersByTimeAsync(10);
    await failed;
    expect(one.state()).toEqual({ status: "out", why: "left" });
    expect(two.state()).toEqual({ status: "out", why: "left" });
  });

  it("tells a session that ended from a server that does not answer", async () => {
    const ended = tab(browser(), async () => Promise.reject(refused));
    const start = ended.start();
    await vi.advanceTimersByTimeAsync(10);
    expect(await start).toEqual({ status: "out", why: "ended" });

    const away = tab(browser(), async () => Promise.reject(new Error("no network")));
    const starting = expect(away.start()).rejects.toThrow("no network");
    await vi.advanceTimersByTimeAsync(10);
    await starting;
    expect(away.state().status).toBe("unknown");
  });

  it("asks nothing for somebody who never signed in here", async () => {
    const shared = browser();
    shared.memory.set(false);
    const refresh = vi.fn(async () => token("a"));
    expect(await tab(shared, refresh).start()).toEqual({ status: "out", why: "never" });
    expect(refresh).not.toHaveBeenCalled();
  });
});
