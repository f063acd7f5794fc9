import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { Skeleton } from "@/components/Badge";
import { Button } from "@/components/Button";
import { NamedStateMark, resourceMark } from "@/components/StateMark";
import { AloneMark } from "@/features/instance/AloneMark";
import { useInstancesById } from "@/features/instance/queries";
import { useWorkspace } from "@/lib/workspace";

const SHOWN = 8;

/** The machines that a schedule names, with their state now. */
export function ScheduleTargets({ resourceIds }: { resourceIds: readonly string[] }) {
  const { t } = useTranslation("schedule");
  const { path } = useWorkspace();
  const [all, setAll] = useState(false);
  const { resources: machines, isPending, isError, refetch } = useInstancesById(resourceIds);
  if (isPending) return <Skeleton width={200} />;
  if (isError) {
    return (
      <p className="text-fg-2">
        {t("drawer.targetsError")}{" "}
        <button type="button" className="lk" onClick={() => void refetch()}>
          {t("drawer.retry")}
        </button>
      </p>
    );
  }
  const shown = all ? machines : machines.slice(0, SHOWN);
  const unread = resourceIds.length - machines.length;
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
      {unread > 0 && <p className="text-12 text-fg-3">{t("drawer.unread", { count: unread })}</p>}
      {machines.length > shown.length && (
        <Button kind="quiet" small className="mt-1" onClick={() => setAll(true)}>
          {t("drawer.showTargets", { count: machines.length - shown.length })}
        </Button>
      )}
    </>
  );
}
