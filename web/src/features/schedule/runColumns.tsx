import type { TFunction } from "i18next";
import { Link } from "react-router";
import type { Column } from "@/components/column";
import { NamedStateMark, resourceMark, StateMark, targetMark } from "@/components/StateMark";
import { type OperationTarget, TargetState } from "@/gen/cloudhub/v1/operation_pb";
import { ResourceState } from "@/gen/cloudhub/v1/resource_pb";
import { type Format, toDate } from "@/lib/format";
import { type Scale, stretchOf } from "./run";

export interface RunColumnsOf {
  t: TFunction<"schedule">;
  format: Format;
  scale: Scale | undefined;
  now: number;
  /** The address of the machines' page. */
  machines: string;
}

export function runColumns({ t, format, scale, now, machines }: RunColumnsOf): Column<OperationTarget>[] {
  return [
    {
      id: "name",
      header: t("runPage.target"),
      phone: 1,
      cell: (target) => (
        <Link className="run-name" to={`${machines}?id=${target.resourceId}`} title={target.resourceName || undefined}>
          {target.resourceName || target.providerId}
        </Link>
      ),
    },
    { id: "before", header: t("runPage.before"), priority: 1, cell: (target) => <State state={target.before} /> },
    { id: "after", header: t("runPage.afterwards"), phone: 3, cell: (target) => <After target={target} t={t} /> },
    {
      id: "attempts",
      header: <span title={t("runPage.attempts")}>{t("runPage.attemptsShort")}</span>,
      numeric: true,
      phone: 2,
      unit: t("runPage.attemptsShort"),
      cell: (target) => (
        <span className={target.attempts > 1 ? "font-semibold" : target.attempts === 0 ? "text-fg-3" : undefined}>
          {format.number(target.attempts)}
        </span>
      ),
    },
    {
      id: "time",
      header: scale ? <ScaleHead scale={scale} format={format} t={t} /> : t("runPage.time"),
      phone: "w",
      grow: true,
      width: 170,
      cell: (target) => scale && <Bar target={target} scale={scale} now={now} t={t} format={format} />,
    },
    {
      id: "took",
      header: t("runPage.took"),
      numeric: true,
      priority: 2,
      phone: 4,
      cell: (target) => <span className="text-fg-2">{took(target, format)}</span>,
    },
  ];
}

function State({ state }: { state: ResourceState }) {
  return state === ResourceState.UNSPECIFIED ? (
    <span className="text-fg-3">–</span>
  ) : (
    <NamedStateMark mark={resourceMark(state)} />
  );
}

/** What it is now; one that did not come says so in red, with what it stayed. */
function After({ target, t }: { target: OperationTarget; t: TFunction<"schedule"> }) {
  const { state, after, wanted } = target;
  if (state === TargetState.FAILED && (after === ResourceState.RUNNING || after === ResourceState.STOPPED)) {
    return (
      <StateMark shape="failed" tone="failed">
        {t(after === ResourceState.RUNNING ? "runPage.stillOn" : "runPage.stillOff")}
      </StateMark>
    );
  }
  if (state === TargetState.ALREADY) {
    return (
      <StateMark shape="skip" tone="off">
        {t(wanted === ResourceState.RUNNING ? "runPage.alreadyOn" : "runPage.alreadyOff")}
      </StateMark>
    );
  }
  if (state === TargetState.DONE) return <NamedStateMark mark={resourceMark(wanted)} />;
  return <NamedStateMark mark={targetMark(state)} />;
}

/** How long from the provider's yes to the wanted state. */
function took(target: OperationTarget, format: Format): string {
  const accepted = toDate(target.acceptTime);
  const ended = toDate(target.endTime);
  return accepted && ended ? format.duration(ended.getTime() - accepted.getTime()) : "–";
}

function ScaleHead({ scale, format, t }: { scale: Scale; format: Format; t: TFunction<"schedule"> }) {
  return (
    <>
      <span className="sr">{t("runPage.time")}</span>
      <span className="run-scale" aria-hidden="true">
        <i>{format.time(scale.from)}</i>
        <i>{format.duration((scale.to.getTime() - scale.from.getTime()) / 2)}</i>
        <i className={scale.limit === 1 ? "end" : undefined}>{format.time(scale.to)}</i>
      </span>
    </>
  );
}

function Bar({
  target,
  scale,
  now,
  t,
  format,
}: Pick<RunColumnsOf, "now" | "t" | "format"> & { target: OperationTarget; scale: Scale }) {
  const stretch = stretchOf(target, scale, now);
  const percent = (share: number) => `${(share * 100).toFixed(2)}%`;
  const accepted = toDate(target.acceptTime);
  const ended = toDate(target.endTime);
  const label = stretch
    ? t(`runPage.bar.${stretch.kind}`, {
        from: format.timeSeconds(accepted ?? ended),
        to: format.timeSeconds(ended),
      })
    : t("runPage.bar.none");
  return (
    <span className="run-bar" role="img" aria-label={label}>
      {scale.limit !== undefined && <b style={{ left: percent(scale.limit) }} />}
      {stretch && (
        <i
          data-kind={stretch.kind}
          style={{ left: percent(stretch.from), width: `max(3px, ${percent(stretch.to - stretch.from)})` }}
        />
      )}
    </span>
  );
}
