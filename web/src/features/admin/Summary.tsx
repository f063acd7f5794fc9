import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Skeleton } from "@/components/Badge";
import { Shape } from "@/components/Shape";
import { RelativeTime } from "@/components/Time";
import { type AgendaCount, AgendaLane, type GetAgendaSummaryResponse } from "@/gen/cloudhub/v1/admin_pb";
import { useFormat } from "@/lib/format";
import { inFlightOf, kindName, laneName, oldestOf, totals } from "./rows";

/** Is it driven at all, how late is it, what is under way, what needs somebody. */
export function Summary({ summary }: { summary: GetAgendaSummaryResponse | undefined }) {
  const { t } = useTranslation("admin");
  const format = useFormat();
  if (!summary) {
    return (
      <dl className="figs" aria-hidden="true">
        {["d", "o", "f", "n", "p"].map((key) => (
          <Figure key={key} name={<Skeleton width={70} />} value={<Skeleton width={90} />} />
        ))}
      </dl>
    );
  }
  const counts = summary.counts;
  const sum = totals(counts);
  const oldest = oldestOf(counts);
  const connections = Number(summary.dispatcherConnectionCount);
  const alive = connections > 0;
  const lane = (one: AgendaLane) => format.number(inFlightOf(counts, one));
  return (
    <section aria-label={t("summary.label")}>
      <dl className="figs">
        <Figure
          name={t("summary.dispatcher")}
          bad={!alive}
          value={
            <span className="inline-flex items-center gap-2">
              <Shape name={alive ? "ok" : "failed"} />
              {t(alive ? "summary.connected" : "summary.none")}
            </span>
          }
          note={
            alive
              ? t("summary.connections", { count: connections, shown: format.number(connections) })
              : t("summary.noneMeans")
          }
        />
        <Figure
          name={t("summary.oldest")}
          bad={sum.late > 0}
          value={oldest ? <RelativeTime at={oldest} /> : t("summary.nothing")}
        />
        <Figure
          name={t("summary.inFlight")}
          value={format.number(sum.inFlight)}
          note={t("summary.byLane", {
            person: lane(AgendaLane.PERSON),
            minute: lane(AgendaLane.MINUTE),
            background: lane(AgendaLane.BACKGROUND),
          })}
        />
        <Figure
          name={t("summary.needs")}
          bad={sum.failing + sum.openTooLong > 0}
          value={format.number(sum.failing + sum.openTooLong)}
          note={t("summary.needsCount", {
            failing: format.number(sum.failing),
            open: format.number(sum.openTooLong),
          })}
        />
        <Figure name={t("summary.parked")} value={format.number(sum.parked)} />
      </dl>
      {counts.length > 0 && <ByKind counts={counts} />}
    </section>
  );
}

function Figure({ name, value, note, bad }: { name: ReactNode; value: ReactNode; note?: string; bad?: boolean }) {
  return (
    <div className={bad ? "bad" : undefined}>
      <dt>{name}</dt>
      <dd>{value}</dd>
      {note && <dd className="note-l">{note}</dd>}
    </div>
  );
}

function ByKind({ counts }: { counts: readonly AgendaCount[] }) {
  const { t } = useTranslation("admin");
  const format = useFormat();
  const cell = (n: bigint) => <td className={n > 0n ? undefined : "none"}>{format.number(Number(n))}</td>;
  return (
    <details className="by-kind">
      <summary>{t("summary.byKind")}</summary>
      <div className="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">{t("column.kind")}</th>
              <th scope="col">{t("column.lane")}</th>
              <th scope="col">{t("view.due")}</th>
              <th scope="col">{t("view.late")}</th>
              <th scope="col">{t("view.failing")}</th>
              <th scope="col">{t("summary.inFlight")}</th>
              <th scope="col">{t("view.openTooLong")}</th>
              <th scope="col">{t("view.parked")}</th>
              <th scope="col">{t("summary.oldest")}</th>
            </tr>
          </thead>
          <tbody>
            {counts.map((one) => (
              <tr key={`${one.kind} ${one.lane}`}>
                <th scope="row">{kindName(one.kind, t)}</th>
                <td className="word">{laneName(one.lane, t)}</td>
                {cell(one.dueCount)}
                {cell(one.lateCount)}
                {cell(one.failingCount)}
                {cell(one.inFlightCount)}
                {cell(one.openTooLongCount)}
                {cell(one.parkedCount)}
                <td>{one.oldestDueTime ? <RelativeTime at={one.oldestDueTime} /> : "–"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
