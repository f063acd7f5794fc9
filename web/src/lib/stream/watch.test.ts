import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type WatchWorkspaceResponse, WatchWorkspaceResponseSchema } from "@/gen/cloudhub/v1/operation_pb";
import { createWatch, type StreamState } from "./watch";

type Line = {
  send: (message?: WatchWorkspaceResponse) => void;
  end: () => void;
  fail: (error: unknown) => void;
  signal: AbortSignal;
};

/** A server whose streams the test holds in its hands. */
function setup() {
  const lines: Line[] = [];
  const states: StreamState[] = [];
  const place = { visible: true, online: true };
  const onReadAll = vi.fn();
  const onMessage = vi.fn();
  const onDenied = vi.fn();
  const watch = createWatch({
    open: (signal) => {
      const waiting: Array<{ value?: WatchWorkspaceResponse; error?: unknown; done?: boolean }> = [];
      let wake: () => void = () => {};
      const put = (item: (typeof waiting)[number]) => {
        waiting.push(item);
        wake();
      };
      signal.addEventListener("abort", () => put({ error: new ConnectError("aborted", Code.Canceled) }));
      lines.push({
        send: (value = create(WatchWorkspaceResponseSchema, {})) => put({ value }),
        end: () => put({ done: true }),
        fail: (error) => put({ error }),
        signal,
      });
      return {
        async *[Symbol.asyncIterator]() {
          for (;;) {
            const item = waiting.shift();
            if (!item) {
              await new Promise<void>((resolve) => {
                wake = resolve;
              });
              continue;
            }
            if (item.error) throw item.error;
            if (item.done) return;
            if (item.value) yield item.value;
          }
        },
      };
    },
    onMessage,
    onReadAll,
    onDenied,
    onStatus: (status) => states.push(status.state),
    visible: () => place.visible,
    online: () => place.online,
    random: () => 1,
  });
  const line = () => lines.at(-1) as Line;
  return { watch, lines, line, states, place, onReadAll, onMessage, onDenied };
}

const settle = () => vi.advanceTimersByTimeAsync(1);
const down = new ConnectError("down", Code.Unavailable);

describe("createWatch", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("is live at the first message, and reads the lists once then", async () => {
    const { watch, line, onReadAll, onMessage } = setup();
    watch.start();
    await settle();
    expect(watch.status().state).toBe("connecting");
    line().send();
    line().send();
    await settle();
    expect(watch.status().state).toBe("live");
    expect(onReadAll).toHaveBeenCalledTimes(1);
    expect(onMessage).toHaveBeenCalledTimes(2);
    watch.stop();
  });

  it("opens the next stream at once when one ends by itself, without a flicker", async () => {
    const { watch, lines, line, states } = setup();
    watch.start();
    line().send();
    await settle();
    line().end();
    await settle();
    expect(lines).toHaveLength(2);
    expect(states).toEqual(["live"]);
    watch.stop();
  });

  it("waits longer after each failure, polls after three, and stops polling when it is live again", async () => {
    const { watch, lines, line, onReadAll } = setup();
    watch.start();
    for (const wait of [1_000, 2_000]) {
      line().fail(down);
      await settle();
      expect(watch.status().state).toBe("connecting");
      const before = lines.length;
      await vi.advanceTimersByTimeAsync(wait - 10);
      expect(lines).toHaveLength(before);
      await vi.advanceTimersByTimeAsync(20);
      expect(lines).toHaveLength(before + 1);
    }
    line().fail(down);
    await settle();
    expect(watch.status().state).toBe("polling");
    expect(watch.status().nextTry).toBeGreaterThan(Date.now());
    await vi.advanceTimersByTimeAsync(20_500);
    expect(onReadAll).toHaveBeenCalledTimes(2);

    line().send();
    await settle();
    expect(watch.status().state).toBe("live");
    const read = onReadAll.mock.calls.length;
    // Heartbeats keep it from being taken for dead.
    for (let beat = 0; beat < 4; beat++) {
      await vi.advanceTimersByTimeAsync(15_000);
      line().send();
    }
    await settle();
    expect(onReadAll).toHaveBeenCalledTimes(read);
    watch.stop();
  });

  it("takes a line that is silent for forty seconds for dead", async () => {
    const { watch, lines, line } = setup();
    watch.start();
    line().send();
    await settle();
    await vi.advanceTimersByTimeAsync(41_500);
    expect(lines[0]?.signal.aborted).toBe(true);
    expect(lines.length).toBeGreaterThan(1);
    watch.stop();
  });

  it("closes while nobody looks and opens when somebody does", async () => {
    const { watch, lines, line, place } = setup();
    watch.start();
    line().send();
    await settle();
    place.visible = false;
    watch.changed();
    await settle();
    expect(watch.status().state).toBe("paused");
    expect(lines[0]?.signal.aborted).toBe(true);
    await vi.advanceTimersByTimeAsync(120_000);
    expect(lines).toHaveLength(1);
    place.visible = true;
    watch.changed();
    await settle();
    expect(lines).toHaveLength(2);
    watch.stop();
  });

  it("says since when there is no network, and does not try", async () => {
    const { watch, lines, line, place } = setup();
    watch.start();
    line().send();
    await settle();
    const lost = Date.now();
    place.online = false;
    watch.changed();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(watch.status()).toMatchObject({ state: "offline", since: lost });
    expect(lines).toHaveLength(1);
    watch.stop();
  });

  it("lets other requests renew a token that the stream was refused for", async () => {
    const { watch, lines, line, onReadAll } = setup();
    watch.start();
    line().fail(new ConnectError("old", Code.Unauthenticated));
    await settle();
    expect(onReadAll).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1_100);
    expect(lines).toHaveLength(2);
    watch.stop();
  });

  it("does not go on asking for what it may not see", async () => {
    const { watch, lines, line, onDenied } = setup();
    watch.start();
    line().fail(new ConnectError("no", Code.PermissionDenied));
    await vi.advanceTimersByTimeAsync(120_000);
    expect(lines).toHaveLength(1);
    expect(onDenied).toHaveBeenCalledTimes(1);
    watch.stop();
  });
});
