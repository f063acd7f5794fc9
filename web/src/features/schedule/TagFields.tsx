import { useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/Button";
import { Icon } from "@/components/Icon";
import { useFormat } from "@/lib/format";
import type { SelectorValues } from "./form";
import { eitherOf } from "./words";

type Tags = SelectorValues["tags"];

export interface TagFieldsProps {
  value: Tags;
  onChange: (next: Tags) => void;
  /** What the inventory has: the values of each key. */
  known: ReadonlyMap<string, readonly string[]>;
  inputRef?: (element: HTMLInputElement | null) => void;
}

/**
 * Tags that machines must have. A key that is named again takes one more value,
 * of which one is enough; without a value any will do.
 */
export function TagFields({ value, onChange, known, inputRef }: TagFieldsProps) {
  const { t } = useTranslation("schedule");
  const format = useFormat();
  const keys = useId();
  const values = useId();
  const [key, setKey] = useState("");
  const [text, setText] = useState("");
  const add = () => {
    const next = withTag(value, key, text);
    if (next === value) return;
    onChange(next);
    setKey("");
    setText("");
  };
  const onEnter = (event: React.KeyboardEvent) => {
    // Enter adds the tag; it does not send the form.
    if (event.key !== "Enter") return;
    event.preventDefault();
    add();
  };
  return (
    <div className="tagsel">
      {value.length > 0 && (
        <ul className="pick-tags">
          {value.map((tag) => (
            <li key={tag.key} className="tag">
              <span>{tag.key}</span>
              {tag.values.length > 0 ? eitherOf(tag.values, format) : t("selector.any")}
              <button
                type="button"
                aria-label={t("form.removeOne", { name: tag.key })}
                onClick={() => onChange(value.filter((one) => one !== tag))}
              >
                <Icon name="close" />
              </button>
            </li>
          ))}
        </ul>
      )}
      <div className="tag-row">
        <input
          ref={inputRef}
          className="in"
          list={keys}
          value={key}
          maxLength={128}
          aria-label={t("selector.key")}
          placeholder={t("selector.key")}
          autoCapitalize="none"
          spellCheck={false}
          onChange={(event) => setKey(event.target.value)}
          onKeyDown={onEnter}
        />
        <input
          className="in"
          list={values}
          value={text}
          maxLength={256}
          aria-label={t("selector.value")}
          placeholder={t("selector.valueAny")}
          autoCapitalize="none"
          spellCheck={false}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={onEnter}
        />
        <Button icon="plus" disabled={key.trim() === ""} onClick={add}>
          {t("selector.add")}
        </Button>
      </div>
      <datalist id={keys}>
        {[...known.keys()].map((one) => (
          <option key={one} value={one} />
        ))}
      </datalist>
      <datalist id={values}>
        {(known.get(key.trim()) ?? []).map((one) => (
          <option key={one} value={one} />
        ))}
      </datalist>
    </div>
  );
}

/** The tags with one more; the same list when there is nothing to add. */
export function withTag(tags: Tags, key: string, value: string): Tags {
  const name = key.trim();
  const text = value.trim();
  if (name === "") return tags;
  const held = tags.find((tag) => tag.key === name);
  if (!held) return [...tags, { key: name, values: text ? [text] : [] }];
  if (text === "" ? held.values.length === 0 : held.values.includes(text)) return tags;
  const values = text === "" ? [] : [...held.values, text];
  return tags.map((tag) => (tag === held ? { key: name, values } : tag));
}
