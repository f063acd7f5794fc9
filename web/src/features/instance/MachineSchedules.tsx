import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { Ruler } from "@/components/time/Ruler";
import { wallIn } from "@/components/time/wall";
import { pointOf, todayOfMachine } from "@/features/schedule/day";
import { wantsOn } from "@/features/schedule/health";
import { isQuiet, pastRunsOf, ruleOf } from "@/features/schedule/rule";
import { exceptionWords, machineSentence, pointWords, rulerWords, weekdayWords } from "@/features/schedule/words";
import { type Resource, ResourceState } from "@/gen/cloudhub/v1/resource_pb";
import type { Schedule } from "@/gen/cloudhub/v1/schedule_pb";
import { useNow } from "@/lib/clock";
import { reasonText } from "@/lib/errors";
import { toDate, useFormat } from "@/lib/format";
import { useWorkspace } from "@/lib/workspace";
import { leftAloneReason } from "./power";

const isOff = (state: ResourceState) => state === ResourceState.STOPPED || state === ResourceState.STOPPING;
const isOn = (state: ResourceState) => state === ResourceState.RUNNING || state === ResourceState.STARTING;

/** The schedules that touch a machine: today drawn to scale, and what comes next for it. */
export function MachineSchedules({ schedules, resource }: { schedules: readonly Schedule[]; resource: Resource }) {
  const { t } = useTranslation("schedule");
  const format = useFormat();
  const { path } = useWorkspace();
  const now = useNow(30_000);
  const reason = leftAloneReason(resource);
  return (
    <ul className="grid gap-4">
      {schedules.map((schedule) => {
        const rule = ruleOf(schedule);
        const at = toDate(schedule.nextTime);
        if (!rule) return null;
        const off = isOff(resource.state) || reason !== "";
        const segments = todayOfMachine(rule, pastRunsOf(schedule), new Date(now), off, isQuiet(schedule, now));
        const point = pointOf(rule);
        const on = isOn(resource.state) ? true : isOff(resource.state) ? false : undefined;
        return (
          <li key={schedule.id} className="grid gap-2">
            <div className="flex items-baseline gap-2">
              <Link className="el font-medium text-fg" to={`${path("schedules")}?id=${schedule.id}`}>
                {schedule.name}
              </Link>
              <span className="ml-auto shrink-0 text-12 text-fg-3">{weekdayWords(rule, t, format)}</span>
            </div>
            <Ruler
              segments={segments}
              {...(point ? { point } : {})}
              now={wallIn(rule.timeZone, new Date(now)).minute}
              label={point ? pointWords(point, t) : rulerWords(segments, t)}
            />
            {at && schedule.nextException ? (
              <p className="text-12 text-warning">
                <s>{format.when(at, now)}</s> {exceptionWords(schedule.nextException, now, t, format)}
              </p>
            ) : (
              at && (
                <p className="text-12 text-fg-2">
                  {machineSentence(
                    {
                      rule,
                      at,
                      on: wantsOn(schedule.nextWanted),
                      machineOn: on,
                      leftAlone: reason && (reasonText(reason) ?? reason),
                    },
                    now,
                    t,
                    format,
                  )}
                </p>
              )
            )}
            {schedule.pauseTime && <p className="text-12 text-fg-3">{t("next.paused")}</p>}
          </li>
        );
      })}
    </ul>
  );
}
