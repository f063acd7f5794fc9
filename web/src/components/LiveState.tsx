import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { Permission } from "@/gen/cloudhub/v1/options_pb";
import { useFormat } from "@/lib/format";
import { useWorkspaceStream } from "@/lib/stream/WorkspaceStream";
import { useWorkspace } from "@/lib/workspace";
import { Shape } from "./Shape";

/** Whether what is on screen is live; a word is always there, and it is said aloud when it changes. */
export function LiveState() {
  const { t } = useTranslation("common");
  const format = useFormat();
  const { state, since, again } = useWorkspaceStream();
  const { can } = useWorkspace();
  const steady = useSteady(state);
  // Nothing of the workspace may be seen, so there is nothing to be live.
  if (!can(Permission.RESOURCES_VIEW)) return null;
  const text =
    steady === "offline"
      ? t("live.offline", { time: format.time(since) })
      : steady === "connecting"
        ? t(again ? "live.reconnecting" : "live.connecting")
        : t(`live.${steady}`);
  const why = steady === "polling" ? t("live.pollingWhy") : steady === "paused" ? t("live.pausedWhy") : undefined;
  return (
    <span className={`live ${steady}`} role="status" title={why}>
      {steady === "offline" ? (
        <Shape name="missed" />
      ) : (
        <i aria-hidden="true">
          <b />
          <b />
          <b />
        </i>
      )}
      <span className={steady === "offline" ? undefined : "max-phone:sr-only"}>{text}</span>
    </span>
  );
}

/** A line that breaks for less than a second is not worth a flicker. */
function useSteady<Value>(value: Value): Value {
  const [steady, setSteady] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSteady(value), 800);
    return () => clearTimeout(timer);
  }, [value]);
  return steady;
}
