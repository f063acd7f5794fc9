import clsx from "clsx";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Provider } from "@/gen/cloudhub/v1/resource_pb";

export function Badge({
  tone,
  children,
  title,
}: {
  tone?: "warning" | "failed" | "accent" | "ink";
  children: ReactNode;
  title?: string;
}) {
  return (
    <span className={clsx("badge", tone)} title={title}>
      {children}
    </span>
  );
}

/** Stands wherever an account or a resource is not of the real cloud. Draws nothing when `when` is false. */
export function Simulated({ when = true }: { when?: boolean }) {
  const { t } = useTranslation("common");
  if (!when) return null;
  return (
    <span className="badge sim" title={t("simulated.why")}>
      {t("simulated.label")}
    </span>
  );
}

const marks: Partial<Record<Provider, string>> = {
  [Provider.AWS]: "aws",
  [Provider.AZURE]: "azure",
  [Provider.GCP]: "gcp",
  [Provider.M365]: "m365",
};

/** The bar of a provider's colour before a name; the name is always there to be read. */
export function ProviderMark({
  provider,
  children,
  className,
}: {
  provider: Provider;
  children: ReactNode;
  className?: string;
}) {
  return (
    <span className={clsx("prov", marks[provider], className)}>
      <span className="el">{children}</span>
    </span>
  );
}

/** A label of a resource: key = value. */
export function Tag({ name, value }: { name: string; value: string }) {
  return (
    <span className="tag" title={`${name} = ${value}`}>
      <span>{name}</span>
      {value}
    </span>
  );
}

export function Skeleton({ width = 96, className }: { width?: number | string; className?: string }) {
  return <span className={clsx("sk", className)} style={{ width, maxWidth: "100%" }} aria-hidden="true" />;
}

/** Facts in two columns: name, value. */
export function Facts({
  rows,
  keyWidth,
}: {
  rows: ReadonlyArray<readonly [name: ReactNode, value: ReactNode] | readonly ReactNode[] | null | false | undefined>;
  keyWidth?: number;
}) {
  return (
    <dl className="kv" style={keyWidth ? { ["--k" as string]: `${keyWidth}px` } : undefined}>
      {rows.map((row, index) =>
        row ? (
          // The facts of a thing stand in a fixed order.
          // biome-ignore lint/suspicious/noArrayIndexKey: fixed order
          <FactRow key={index} name={row[0]} value={row[1]} />
        ) : null,
      )}
    </dl>
  );
}

function FactRow({ name, value }: { name: ReactNode; value: ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </>
  );
}

export function Note({
  tone,
  children,
  role,
}: {
  tone?: "failed" | "warning" | "accent" | "pending" | "ok";
  children: ReactNode;
  role?: "status" | "alert";
}) {
  return (
    <div className={clsx("note", tone)} role={role}>
      {children}
    </div>
  );
}

export function Kbd({ children }: { children: ReactNode }) {
  return <kbd className="kbd">{children}</kbd>;
}
