import { useTranslation } from "react-i18next";
import { IconButton } from "@/components/Button";
import { Menu, MenuItem, MenuSeparator } from "@/components/Menu";
import { Permission } from "@/gen/cloudhub/v1/options_pb";
import type { Schedule } from "@/gen/cloudhub/v1/schedule_pb";
import { useWorkspace } from "@/lib/workspace";
import { kindOf } from "./day";

/** What may be done to a schedule besides changing its rule. */
export type Act = "start" | "stop" | "skip" | "pause" | "resume" | "hold" | "endHold" | "edit" | "remove";

export interface ScheduleMenuProps {
  schedule: Schedule;
  onAct: (act: Act, schedule: Schedule) => void;
  /** In the drawer, where some of it has buttons of its own. */
  short?: boolean;
}

/** All that can be done to one schedule, under three dots. */
export function ScheduleMenu({ schedule, onAct, short = false }: ScheduleMenuProps) {
  const { t } = useTranslation("schedule");
  const { can } = useWorkspace();
  const manage = can(Permission.SCHEDULES_MANAGE);
  const kind = kindOf(schedule.rule ?? { startTime: "", stopTime: "" });
  const paused = schedule.pauseTime !== undefined;
  const item = (act: Act) => () => onAct(act, schedule);
  return (
    <Menu
      align="end"
      label={t("menu.label", { name: schedule.name })}
      trigger={
        <IconButton
          icon="more"
          small={!short}
          label={t("menu.label", { name: schedule.name })}
          disabled={!manage}
          title={manage ? undefined : t("manageDenied")}
        />
      }
    >
      {kind !== "stop" && (
        <MenuItem icon="play" onSelect={item("start")}>
          {t("menu.start")}
        </MenuItem>
      )}
      {kind !== "start" && (
        <MenuItem icon="stop" onSelect={item("stop")}>
          {t("menu.stop")}
        </MenuItem>
      )}
      <MenuSeparator />
      <MenuItem icon="arrowRight" disabled={paused || !schedule.nextTime} onSelect={item("skip")}>
        {t("menu.skip")}
      </MenuItem>
      {schedule.hold ? (
        <MenuItem icon="clock" onSelect={item("endHold")}>
          {t("menu.endHold")}
        </MenuItem>
      ) : (
        <MenuItem icon="clock" onSelect={item("hold")}>
          {t("menu.hold")}
        </MenuItem>
      )}
      {paused ? (
        <MenuItem icon="play" onSelect={item("resume")}>
          {t("menu.resume")}
        </MenuItem>
      ) : (
        <MenuItem icon="pause" onSelect={item("pause")}>
          {t("menu.pause")}
        </MenuItem>
      )}
      <MenuSeparator />
      {!short && (
        <MenuItem icon="edit" onSelect={item("edit")}>
          {t("menu.edit")}
        </MenuItem>
      )}
      <MenuItem icon="trash" danger onSelect={item("remove")}>
        {t("menu.remove")}
      </MenuItem>
    </Menu>
  );
}
