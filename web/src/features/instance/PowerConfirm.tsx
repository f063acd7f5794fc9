import type { ReactNode } from "react";
import { Trans, useTranslation } from "react-i18next";
import { ConfirmDialog } from "@/components/ConfirmDialog";
import { Shape } from "@/components/Shape";
import type { CloudAccount } from "@/gen/cloudhub/v1/cloud_account_pb";
import type { Resource } from "@/gen/cloudhub/v1/resource_pb";
import { reasonText } from "@/lib/errors";
import { useFormat } from "@/lib/format";
import { useWorkspace } from "@/lib/workspace";
import type { Power, PowerPlan } from "./power";

/** Names beyond these are counted, not listed. */
const NAMED = 6;

export interface PowerConfirmProps {
  power: Power;
  plan: PowerPlan<Resource>;
  accounts: readonly CloudAccount[];
  open: boolean;
  busy: boolean;
  error: unknown;
  onConfirm: () => void;
  onClose: () => void;
}

/** Says again what, where and the effect, and what stays as it is. */
export function PowerConfirm({ power, plan, accounts, open, busy, error, onConfirm, onClose }: PowerConfirmProps) {
  const { t } = useTranslation("instance");
  const format = useFormat();
  const { org, workspace } = useWorkspace();
  const count = plan.act.length;
  const names = plan.act.slice(0, NAMED).map((m) => m.name);
  if (count > NAMED) names.push(t("confirm.more", { count: count - NAMED }));
  const touched = accounts.filter((a) => plan.act.some((m) => m.cloudAccountId === a.id)).map((a) => a.name);
  const where = t("confirm.account", { count: touched.length, names: format.list(touched) });
  const rest = plan.leftAlone.length - NAMED;
  return (
    <ConfirmDialog
      open={open}
      onClose={onClose}
      title={t(`confirm.${power}.title`, { count })}
      confirmLabel={t(`batch.${power}`, { count })}
      onConfirm={onConfirm}
      busy={busy}
      error={error}
    >
      <p>
        <b className="text-fg">{format.list(names)}</b>, {where}, {t("confirm.in")}{" "}
        <b className="text-fg whitespace-nowrap">
          {org.name} › {workspace.name}
        </b>
        .
      </p>
      <p>{t(`confirm.${power}.effect`, { count })}</p>
      {(plan.leftAlone.length > 0 || plan.already.length > 0) && (
        <ul className="imp">
          {plan.already.length > 0 && <Line>{t(`confirm.${power}.already`, { count: plan.already.length })}</Line>}
          {plan.leftAlone.slice(0, NAMED).map(({ machine, reason }) => (
            <Line key={machine.id}>
              <Trans
                t={t}
                i18nKey="confirm.leftAlone"
                values={{ name: machine.name, reason: reasonText(reason) ?? reason }}
                components={{ 1: <b className="text-fg" /> }}
              />
            </Line>
          ))}
          {rest > 0 && <Line>{t("confirm.leftAloneMore", { count: rest })}</Line>}
        </ul>
      )}
    </ConfirmDialog>
  );
}

function Line({ children }: { children: ReactNode }) {
  return (
    <li>
      <Shape name="skip" className="text-fg-3" />
      <span>{children}</span>
    </li>
  );
}
