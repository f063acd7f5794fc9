import { useSyncExternalStore } from "react";

type Beat = { subscribe: (changed: () => void) => () => void; read: () => number };

const beats = new Map<number, Beat>();

/** One for each interval, made once: a subscription that changed with each render would never come to rest. */
function beat(every: number): Beat {
  let found = beats.get(every);
  if (!found) {
    found = makeBeat(every);
    beats.set(every, found);
  }
  return found;
}

function makeBeat(every: number): Beat {
  let now = Date.now();
  let timer: ReturnType<typeof setInterval> | undefined;
  const listeners = new Set<() => void>();
  return {
    subscribe: (changed) => {
      listeners.add(changed);
      if (timer === undefined) {
        now = Date.now();
        timer = setInterval(() => {
          now = Date.now();
          for (const listener of listeners) listener();
        }, every);
      }
      return () => {
        listeners.delete(changed);
        if (listeners.size > 0) return;
        clearInterval(timer);
        timer = undefined;
      };
    },
    read: () => {
      // Nobody keeps it fresh yet; rounding keeps the snapshot stable within a render.
      if (listeners.size === 0) now = Math.max(now, Math.floor(Date.now() / 1000) * 1000);
      return now;
    },
  };
}

/**
 * The current time in milliseconds, renewed every `every` milliseconds. All
 * users of one interval share a timer, so that ages on a screen change together.
 */
export function useNow(every = 15_000): number {
  const { subscribe, read } = beat(every);
  return useSyncExternalStore(subscribe, read);
}
