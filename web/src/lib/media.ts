import { useSyncExternalStore } from "react";

/** Whether a media query holds, and again when that changes. */
export function useMedia(query: string): boolean {
  return useSyncExternalStore(
    (changed) => {
      const list = window.matchMedia(query);
      list.addEventListener("change", changed);
      return () => list.removeEventListener("change", changed);
    },
    () => window.matchMedia(query).matches,
  );
}

/** Below this width a drawer takes the page (panels.css says the same). */
export const drawerTakesPage = "(max-width: 1180px)";
export const phone = "(max-width: 760px)";
