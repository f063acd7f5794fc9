import i18next, { type BackendModule, type ReadCallback } from "i18next";
import { initReactI18next } from "react-i18next";

export const languages = ["pt-BR", "en"] as const;
export type Language = (typeof languages)[number];
export const languageNames: Record<Language, string> = { "pt-BR": "Português (Brasil)", en: "English" };

const files = import.meta.glob<{ default: Record<string, unknown> }>(["./locales/*/*.json", "./gen/reasons.*.json"]);

/** Each namespace of each language is a file of its own, read when a page first needs it. */
const backend: BackendModule = {
  type: "backend",
  init: () => {},
  read: (language: string, namespace: string, done: ReadCallback) => {
    const load =
      files[namespace === "reasons" ? `./gen/reasons.${language}.json` : `./locales/${language}/${namespace}.json`];
    if (!load) {
      done(new Error(`no texts for ${namespace} in ${language}`), false);
      return;
    }
    load().then(
      (file) => done(null, file.default as never),
      (error: unknown) => done(error instanceof Error ? error : new Error(String(error)), true),
    );
  },
};

const storageKey = "cloudhub.language";

export const i18n = i18next.createInstance();

function firstLanguage(): Language {
  let stored: string | null = null;
  try {
    stored = localStorage.getItem(storageKey);
  } catch {
    // The browser's own language decides.
  }
  const chosen = languages.find((language) => language === stored);
  if (chosen) return chosen;
  const wanted = navigator.languages?.find((language) => /^(pt|en)\b/i.test(language)) ?? "pt-BR";
  return /^en/i.test(wanted) ? "en" : "pt-BR";
}

export async function initI18n(language: Language = firstLanguage()) {
  i18n.on("languageChanged", (next) => {
    document.documentElement.lang = next;
  });
  await i18n
    .use(backend)
    .use(initReactI18next)
    .init({
      lng: language,
      fallbackLng: false,
      supportedLngs: [...languages],
      ns: ["common", "reasons"],
      defaultNS: "common",
      // React escapes; escaping twice shows &#39; to people.
      interpolation: { escapeValue: false },
      returnNull: false,
      react: { useSuspense: true },
    });
  document.documentElement.lang = i18n.language;
}

export async function setLanguage(language: Language) {
  try {
    localStorage.setItem(storageKey, language);
  } catch {
    // It holds until the page is left.
  }
  await i18n.changeLanguage(language);
}

/**
 * The text of a key that is known only when the program runs (a reason of the
 * server); undefined when the file does not have it. Everything else goes
 * through `t`, whose keys are checked.
 */
export function textFor(
  namespace: "reasons" | "common",
  key: string,
  values: Readonly<Record<string, string>> = {},
): string | undefined {
  if (!i18n.exists(key, { ns: namespace })) return undefined;
  const translate = i18n.t as unknown as (key: string, options: Record<string, unknown>) => string;
  return translate(key, { ...values, ns: namespace });
}
