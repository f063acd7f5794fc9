import { describe, expect, it } from "vitest";

type Tree = { [key: string]: string | Tree };
const files = { ...import.meta.glob<Tree>("./locales/*/*.json", { eager: true, import: "default" }) };
const reasons = import.meta.glob<Tree>("./gen/reasons.*.json", { eager: true, import: "default" });
const sources = import.meta.glob<string>(["../**/*.tsx", "!../**/*.test.tsx", "!../dev/**", "!../test/**"], {
  eager: true,
  query: "?raw",
  import: "default",
});

const suffix = /_(zero|one|two|few|many|other)$/;
/** What each language needs of a text that counts. */
const forms: Record<string, string[]> = { "pt-BR": ["many", "one", "other"], en: ["one", "other"] };

function flatten(tree: Tree, prefix = ""): Map<string, string> {
  const all = new Map<string, string>();
  for (const [key, value] of Object.entries(tree)) {
    if (typeof value === "string") all.set(prefix + key, value);
    else for (const [deeper, text] of flatten(value, `${prefix + key}.`)) all.set(deeper, text);
  }
  return all;
}

const namespaces = [...new Set(Object.keys(files).map((path) => path.split("/").pop() as string))];
const texts = (language: string, name: string) => flatten(files[`./locales/${language}/${name}`] ?? {});
const values = (text: string) => [...new Set([...text.matchAll(/\{\{\s*(\w+)/g)].map((match) => match[1]))].sort();

describe.each(namespaces)("%s", (name) => {
  const portuguese = texts("pt-BR", name);
  const english = texts("en", name);
  const bases = (all: Map<string, string>) =>
    [...new Set([...all.keys()].map((key) => key.replace(suffix, "")))].sort();

  it("says the same things in both languages", () => {
    expect(bases(english)).toEqual(bases(portuguese));
  });

  it.each(Object.entries(forms))("has every plural form of %s and no other", (language, wanted) => {
    const all = texts(language, name);
    const counted = new Map<string, string[]>();
    for (const key of all.keys()) {
      const form = suffix.exec(key)?.[1];
      // "zero" is not a form of these languages but a text of its own ("nenhum").
      if (form && form !== "zero")
        counted.set(key.replace(suffix, ""), [...(counted.get(key.replace(suffix, "")) ?? []), form]);
    }
    for (const [key, got] of counted) expect([key, got.sort()]).toEqual([key, wanted]);
  });

  it("fills in the same values in both languages", () => {
    for (const [key, text] of english) {
      const other = portuguese.get(key);
      if (other !== undefined) expect([key, values(other)]).toEqual([key, values(text)]);
    }
  });

  it("leaves nothing empty", () => {
    for (const all of [portuguese, english])
      for (const [key, text] of all) expect([key, text.trim()]).not.toEqual([key, ""]);
  });
});

it("has the same reasons in both languages", () => {
  const [one, other] = ["pt-BR", "en"].map((language) =>
    Object.keys(reasons[`./gen/reasons.${language}.json`] ?? {}).sort(),
  );
  expect(one?.length).toBeGreaterThan(0);
  expect(one).toEqual(other);
});

describe("the source", () => {
  // Text between tags, and attributes that people read. A letter of any alphabet counts.
  const between = /(?<![=\-(?:&|<\w])>\s*([^<>{}\n;=()]*\p{L}{2,}[^<>{}\n;=()]*)\s*<\//gu;
  const attribute = /\b(?:label|title|placeholder|aria-label|alt|hint)="([^"]*\p{L}[^"]*)"/gu;

  it.each(Object.entries(sources))("%s has no text outside the files of texts", (_path, code) => {
    const bare = code.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
    const found = [...bare.matchAll(between), ...bare.matchAll(attribute)].map((match) => match[1]?.trim());
    expect(found).toEqual([]);
  });
});
