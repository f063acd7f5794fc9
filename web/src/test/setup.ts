import { cleanup, configure } from "@testing-library/react";
import { afterEach, beforeAll } from "vitest";
import { clearToasts } from "@/components/Toast";
import { i18n, initI18n } from "@/i18n";

// What jsdom does not have and the interface asks for. Widths are those of a large screen.
window.matchMedia ??= (query: string) =>
  ({
    matches: false,
    media: query,
    onchange: null,
    addEventListener: () => {},
    removeEventListener: () => {},
    addListener: () => {},
    removeListener: () => {},
    dispatchEvent: () => false,
  }) as MediaQueryList;
window.scrollTo = () => {};
Element.prototype.scrollIntoView ??= () => {};
Element.prototype.hasPointerCapture ??= () => false;
Element.prototype.setPointerCapture ??= () => {};
Element.prototype.releasePointerCapture ??= () => {};
globalThis.ResizeObserver ??= class {
  observe() {}
  unobserve() {}
  disconnect() {}
};
globalThis.BroadcastChannel ??= class {
  postMessage() {}
  addEventListener() {}
  removeEventListener() {}
  close() {}
} as unknown as typeof BroadcastChannel;
globalThis.CSS ??= { escape: (text: string) => text.replace(/["\\]/g, "\\$&") } as typeof CSS;

// A page's code is read when it is first opened, which takes a while on a busy machine.
configure({ asyncUtilTimeout: 5_000 });

beforeAll(async () => {
  if (!i18n.isInitialized) await initI18n("pt-BR");
  else if (i18n.language !== "pt-BR") await i18n.changeLanguage("pt-BR");
  await i18n.loadNamespaces([
    "common",
    "reasons",
    "auth",
    "account",
    "admin",
    "instance",
    "schedule",
    "calendar",
    "notification",
    "webhook",
  ]);
});

afterEach(() => {
  cleanup();
  clearToasts();
  localStorage.clear();
});
