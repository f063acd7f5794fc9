import { useTranslation } from "react-i18next";
import { Button } from "@/components/Button";
import { resourceMark } from "@/components/StateMark";
import { SelectionBar } from "@/components/Table";
import { Permission } from "@/gen/cloudhub/v1/options_pb";
import type { Resource } from "@/gen/cloudhub/v1/resource_pb";
import { useFormat } from "@/lib/format";
import { useWorkspace } from "@/lib/workspace";
import { type Power, powerPlan, statesOf } from "./power";

export interface InstanceSelectionBarProps {
  machines: Resource[];
  onPower: (power: Power, machines: Resource[]) => void;
  onSchedule: (machines: Resource[]) => void;
  onClear: () => void;
}

/** How many are chosen, in which state, and what can be done with them. */
export function InstanceSelectionBar({ machines, onPower, onSchedule, onClear }: InstanceSelectionBarProps) {
  const { t } = useTranslation("instance");
  const { can } = useWorkspace();
  const manage = can(Permission.RESOURCES_MANAGE);
  const power = (which: Power) => {
    const count = powerPlan(machines, which).act.length;
    // What nobody could press is not shown; what is hindered says by what.
    if (count === 0 && manage) return null;
    return (
      <Button
        icon={which === "start" ? "play" : "stop"}
        disabled={!manage}
        title={manage ? undefined : t("hindrance.permission")}
        onClick={() => onPower(which, machines)}
      >
        {t(`batch.${which}`, { count })}
      </Button>
    );
  };
  const schedule = can(Permission.SCHEDULES_MANAGE);
  return (
    <SelectionBar
      said={t("batch.selected", { count: machines.length })}
      detail={<States machines={machines} />}
      onClear={onClear}
    >
      {power("start")}
      {power("stop")}
      <Button
        icon="calendar"
        disabled={!schedule}
        title={schedule ? undefined : t("hindrance.schedulePermission")}
        onClick={() => onSchedule(machines)}
      >
        {t("batch.schedule")}
      </Button>
    </SelectionBar>
  );
}

/** "todas ligadas", "2 ligadas e 1 parada". */
function States({ machines }: { machines: Resource[] }) {
  const { t } = useTranslation("instance");
  const format = useFormat();
  const states = statesOf(machines).map(({ state, count }) => ({ word: resourceMark(state).word as StateWord, count }));
  const [first] = states;
  if (!first) return null;
  if (states.length === 1) return machines.length === 1 ? t(`batch.one.${first.word}`) : t(`batch.all.${first.word}`);
  return format.list(states.map(({ word, count }) => t(`batch.some.${word}`, { count })));
}

type StateWord = "running" | "stopped" | "starting" | "stopping" | "gone" | "unknown";
