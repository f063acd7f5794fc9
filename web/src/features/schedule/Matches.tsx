import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { Skeleton } from "@/components/Badge";
import { Button } from "@/components/Button";
import { NamedStateMark, resourceMark } from "@/components/StateMark";
import { AloneMark } from "@/features/instance/AloneMark";
import type { PreviewTargetsResponse } from "@/gen/cloudhub/v1/schedule_pb";
import { toAppError } from "@/lib/errors";
import { useWorkspace } from "@/lib/workspace";

const SHOWN = 8;

export interface MatchesProps {
  matches: {
    data: PreviewTargetsResponse | undefined;
    isPending: boolean;
    isError: boolean;
    error: unknown;
    refetch: () => unknown;
  };
}

/** The first of the machines that a selector finds, with their state now. */
export function Matches({ matches }: MatchesProps) {
  const { t } = useTranslation("schedule");
  const { path } = useWorkspace();
  const [all, setAll] = useState(false);
  if (matches.isError && !matches.data) {
    return (
      <p className="text-fg-2">
        {toAppError(matches.error).text}{" "}
        <button type="button" className="lk" onClick={() => void matches.refetch()}>
          {t("drawer.retry")}
        </button>
      </p>
    );
  }
  if (!matches.data) return <Skeleton width={200} />;
  const { matchedCount, leftAloneCount, resources } = matches.data;
  if (matchedCount === 0) return <p className="text-fg-3">{t("match.none")}</p>;
  const shown = all ? resources : resources.slice(0, SHOWN);
  return (
    <>
      <ul className="targets">
        {shown.map((r) => (
          <li key={r.id}>
            <Link className="el text-fg" to={`${path("aws/ec2")}?id=${r.id}`}>
              {r.name || r.providerId}
            </Link>
            <AloneMark resource={r} />
            <span className="ml-auto">
              <NamedStateMark mark={resourceMark(r.state)} />
            </span>
          </li>
        ))}
      </ul>
      {leftAloneCount > 0 && <p className="text-12 text-fg-2">{t("match.alone", { count: leftAloneCount })}</p>}
      {resources.length > shown.length && (
        <Button kind="quiet" small className="mt-1" onClick={() => setAll(true)}>
          {t("drawer.showTargets", { count: resources.length - shown.length })}
        </Button>
      )}
      {all && matchedCount > resources.length && (
        <p className="text-12 text-fg-3">{t("match.more", { count: matchedCount - resources.length })}</p>
      )}
    </>
  );
}
