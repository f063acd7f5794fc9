import { Dialog } from "radix-ui";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Badge, Skeleton } from "@/components/Badge";
import { IconButton } from "@/components/Button";
import { CopyButton } from "@/components/CopyButton";
import { Segmented, Select } from "@/components/form";
import { ErrorState } from "@/components/States";
import type { EventType } from "@/gen/cloudhub/v1/webhook_pb";
import { CodeBlock } from "./CodeBlock";
import { layOut } from "./json";
import { useEventTypes } from "./queries";
import { grouped, groupText, typeText } from "./words";

export interface EventCatalogProps {
  /** The type that it opens with; "" is the first. */
  first?: string;
  onClose: () => void;
}

/** Every event type with an example and its schema, to read and to copy. */
export function EventCatalog({ first = "", onClose }: EventCatalogProps) {
  const { t } = useTranslation("webhook");
  const { t: common } = useTranslation("common");
  const query = useEventTypes();
  const [chosen, setChosen] = useState(first);
  const types = query.data?.eventTypes ?? [];
  const shown = types.find((one) => one.name === chosen) ?? types[0];
  const before = useRef<Element>(null);
  return (
    <Dialog.Root open onOpenChange={(open) => !open && onClose()}>
      <Dialog.Portal>
        <Dialog.Overlay className="veil" />
        <Dialog.Content
          className="dlg wh-cat"
          aria-describedby={undefined}
          onOpenAutoFocus={() => {
            before.current = document.activeElement;
          }}
          onCloseAutoFocus={(event) => {
            event.preventDefault();
            if (before.current instanceof HTMLElement && before.current.isConnected) before.current.focus();
          }}
        >
          <div className="wh-cat-head">
            <Dialog.Title asChild>
              <h2>{t("catalog.title")}</h2>
            </Dialog.Title>
            <IconButton icon="close" label={common("close")} onClick={onClose} />
          </div>
          {query.isError && types.length === 0 ? (
            <ErrorState title={t("catalog.error")} error={query.error} onRetry={() => void query.refetch()} />
          ) : !shown ? (
            <div className="grid gap-3 py-4" aria-busy="true">
              <Skeleton width={240} />
              <Skeleton width={180} />
            </div>
          ) : (
            <div className="wh-cat-in">
              <nav className="wh-cat-list" aria-label={t("catalog.types")}>
                {grouped(types).map(([word, members]) => (
                  <section key={word}>
                    <h3>{groupText(word, t)}</h3>
                    <ul>
                      {members.map((one) => (
                        <li key={one.name}>
                          <button
                            type="button"
                            className="mi"
                            aria-current={one === shown ? "true" : undefined}
                            onClick={() => setChosen(one.name)}
                          >
                            <span className="el code">{one.name}</span>
                          </button>
                        </li>
                      ))}
                    </ul>
                  </section>
                ))}
              </nav>
              <div className="wh-cat-pick">
                <Select
                  aria-label={t("catalog.types")}
                  value={shown.name}
                  onChange={(event) => setChosen(event.target.value)}
                >
                  {grouped(types).map(([word, members]) => (
                    <optgroup key={word} label={groupText(word, t)}>
                      {members.map((one) => (
                        <option key={one.name} value={one.name}>
                          {one.name}
                        </option>
                      ))}
                    </optgroup>
                  ))}
                </Select>
              </div>
              <TypeView key={shown.name} type={shown} />
            </div>
          )}
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

function TypeView({ type }: { type: EventType }) {
  const { t } = useTranslation("webhook");
  const [view, setView] = useState<"example" | "schema">("example");
  const text = typeText(type.name, t);
  const address = new URL(type.schemaPath, window.location.origin).href;
  return (
    <div className="wh-cat-type">
      <h3>
        <span className="code">{type.name}</span> <TypeBadges type={type} />
      </h3>
      {text !== "" && <p className="text-fg-2">{text}</p>}
      <Segmented
        label={t("catalog.view")}
        value={view}
        onChange={setView}
        options={[
          { value: "example", label: t("catalog.example") },
          { value: "schema", label: t("catalog.schema") },
        ]}
      />
      {view === "example" ? (
        <CodeBlock
          label={t("catalog.exampleOf", { name: type.name })}
          text={layOut(type.example)}
          copies={type.example}
          copyLabel={t("catalog.copyExample")}
          aside={t("catalog.exampleWhat")}
        />
      ) : (
        <>
          <CodeBlock
            label={t("catalog.schemaOf", { name: type.name })}
            text={layOut(type.schema)}
            copyLabel={t("catalog.copySchema")}
            aside={t("catalog.schemaWhat", { version: type.version })}
          />
          <p className="flex items-center gap-1 text-12 text-fg-2">
            <a className="lk min-w-0 break-all" href={type.schemaPath} target="_blank" rel="noreferrer">
              {type.schemaPath}
            </a>
            <CopyButton value={address} label={t("catalog.copyAddress")} />
          </p>
        </>
      )}
    </div>
  );
}

/** What is special about a type: nothing writes it yet, or it is the whole organization's. */
export function TypeBadges({ type }: { type: EventType }) {
  const { t } = useTranslation("webhook");
  return (
    <>
      {type.planned && <Badge title={t("catalog.plannedWhat")}>{t("catalog.planned")}</Badge>}
      {type.ofOrganization && <Badge title={t("catalog.organizationWhat")}>{t("catalog.organization")}</Badge>}
    </>
  );
}
