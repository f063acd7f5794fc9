import { useTranslation } from "react-i18next";
import { LinkButton } from "@/components/Button";
import { CopyButton } from "@/components/CopyButton";
import type { Direction } from "@/features/instance/operation";
import { type OperationTarget, TargetState } from "@/gen/cloudhub/v1/operation_pb";
import { reasonText } from "@/lib/errors";
import { useFormat } from "@/lib/format";
import { useWorkspace } from "@/lib/workspace";

const SHOWN = 3;

export interface RunFailuresProps {
  /** Those that failed or were lost. */
  targets: readonly OperationTarget[];
  direction: Direction;
  /** When the time to act ended. */
  limit: Date | undefined;
}

/** Why a machine is not as wanted, what the provider said, and where to go on. One pane for each reason. */
export function RunFailures({ targets, direction, limit }: RunFailuresProps) {
  const groups = new Map<string, OperationTarget[]>();
  for (const target of targets) {
    const key = `${target.state} ${target.reason} ${target.detail}`;
    groups.set(key, [...(groups.get(key) ?? []), target]);
  }
  return [...groups].map(([key, of]) => <Why key={key} targets={of} direction={direction} limit={limit} />);
}

function Why({ targets, direction, limit }: RunFailuresProps) {
  const { t } = useTranslation("schedule");
  const format = useFormat();
  const { path } = useWorkspace();
  const [first] = targets;
  if (!first) return null;
  const name = (target: OperationTarget) => target.resourceName || target.providerId;
  const names = targets.slice(0, SHOWN).map(name);
  const more = targets.length - names.length;
  const missed = first.state === TargetState.MISSED;
  const said = reasonText(first.reason, { detail: first.detail }) ?? first.reason;
  return (
    <section className={missed ? "pane" : "pane why"}>
      <h2>
        {t(missed ? "runPage.whyMissed" : `runPage.why.${direction}`, {
          count: targets.length,
          names: format.list(more > 0 ? [...names, t("runPage.more", { count: more })] : names),
        })}
      </h2>
      <p>{said}</p>
      {first.attempts > 0 && (
        <p className="text-fg-2">
          {t("runPage.tried", { count: first.attempts })}
          {limit && ` ${t("runPage.notAfter", { time: format.time(limit) })}`}
        </p>
      )}
      {first.detail !== "" && (
        <div className="well grid gap-2">
          <p className="font-medium">{t("runPage.answered")}</p>
          <p className="code run-answer">{first.detail}</p>
          <span>
            <CopyButton value={first.detail} label={t("runPage.copyAnswer")} text={t("runPage.copyAnswer")} />
          </span>
        </div>
      )}
      <div className="flex flex-wrap gap-2">
        <LinkButton to={`${path("aws/ec2")}?id=${first.resourceId}`}>
          {t("runPage.openMachine", { name: name(first) })}
        </LinkButton>
      </div>
    </section>
  );
}
