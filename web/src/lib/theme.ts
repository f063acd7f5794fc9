import { useSyncExternalStore } from "react";

export type Theme = "system" | "light" | "dark";
export type Density = "comfortable" | "compact";

const listeners = new Set<() => void>();

/** A choice kept in the browser and set as data-… on <html> (public/theme.js does it before the first paint). */
function choice<Value extends string>(name: "theme" | "density", values: readonly Value[], fallback: Value) {
  const read = (): Value => {
    try {
      const stored = localStorage.getItem(`cloudhub.${name}`);
      return values.find((value) => value === stored) ?? fallback;
    } catch {
      return fallback;
    }
  };
  let current = read();
  return {
    get: () => current,
    set: (next: Value) => {
      current = next;
      try {
        localStorage.setItem(`cloudhub.${name}`, next);
      } catch {
        // It still holds until the page is left.
      }
      if (next === fallback) delete document.documentElement.dataset[name];
      else document.documentElement.dataset[name] = next;
      for (const listener of listeners) listener();
    },
  };
}

const theme = choice<Theme>("theme", ["system", "light", "dark"], "system");
const density = choice<Density>("density", ["comfortable", "compact"], "comfortable");

const subscribe = (changed: () => void) => {
  listeners.add(changed);
  return () => listeners.delete(changed);
};

export function useTheme() {
  return [useSyncExternalStore(subscribe, theme.get), theme.set] as const;
}

export function useDensity() {
  return [useSyncExternalStore(subscribe, density.get), density.set] as const;
}
