import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Facts, Skeleton } from "@/components/Badge";
import { Button } from "@/components/Button";
import { ConfirmDialog } from "@/components/ConfirmDialog";
import { CopyButton } from "@/components/CopyButton";
import { Drawer, DrawerSection } from "@/components/Drawer";
import { ErrorState } from "@/components/States";
import { toast } from "@/components/Toast";
import { Ruler, RulerHours } from "@/components/time/Ruler";
import { wallIn } from "@/components/time/wall";
import { Permission } from "@/gen/cloudhub/v1/options_pb";
import { type Schedule, ScheduleService } from "@/gen/cloudhub/v1/schedule_pb";
import { useNow } from "@/lib/clock";
import { isReason } from "@/lib/errors";
import { toDate, useFormat } from "@/lib/format";
import { invalidate } from "@/lib/stream/apply";
import { useWorkspace } from "@/lib/workspace";
import { isOvernight, today } from "./day";
import { wantsOn } from "./health";
import { useSchedule, useScheduleMutations } from "./queries";
import { Runs } from "./Runs";
import { pastRunsOf, ruleOf } from "./rule";
import { ScheduleTargets } from "./ScheduleTargets";
import { atWords, nextWords, rulerWords, weekdayWords } from "./words";

export interface ScheduleDrawerProps {
  scheduleId: string;
  row: Schedule | undefined;
  onEdit: () => void;
  onClose: () => void;
}

export function ScheduleDrawer({ scheduleId, row, onEdit, onClose }: ScheduleDrawerProps) {
  const { t } = useTranslation("schedule");
  const { can } = useWorkspace();
  const query = useSchedule(scheduleId);
  const [removing, setRemoving] = useState(false);
  const schedule = query.data?.schedule ?? row;
  const manage = can(Permission.SCHEDULES_MANAGE);
  if (!schedule) {
    return (
      <Drawer title={query.isError ? t("drawer.eyebrow") : "…"} subject={scheduleId} onClose={onClose}>
        {query.isError ? (
          <ErrorState
            title={t("drawer.missing")}
            error={query.error}
            onRetry={isReason(query.error, "NOT_FOUND") ? undefined : () => query.refetch()}
          />
        ) : (
          <div className="grid gap-3 p-5">
            <Skeleton width={240} />
            <Skeleton width={180} />
          </div>
        )}
      </Drawer>
    );
  }
  return (
    <Drawer
      title={schedule.name}
      subject={scheduleId}
      eyebrow={<span className="text-fg-3">{t("drawer.eyebrow")}</span>}
      tools={<CopyButton value={window.location.href} label={t("drawer.copyAddress")} />}
      actions={
        <>
          <Button icon="edit" disabled={!manage} title={manage ? undefined : t("manageDenied")} onClick={onEdit}>
            {t("drawer.edit")}
          </Button>
          <Button
            kind="danger"
            icon="trash"
            disabled={!manage}
            title={manage ? undefined : t("manageDenied")}
            onClick={() => setRemoving(true)}
          >
            {t("drawer.remove")}
          </Button>
          {!manage && <p className="basis-full text-12 text-fg-2">{t("manageDenied")}</p>}
        </>
      }
      onClose={onClose}
    >
      <DrawerSection title={t("drawer.facts")}>
        <When schedule={schedule} />
      </DrawerSection>
      <DrawerSection title={t("drawer.targets")} count={schedule.resourceIds.length}>
        <ScheduleTargets resourceIds={schedule.resourceIds} />
      </DrawerSection>
      <DrawerSection title={t("drawer.runs")}>
        <Runs schedule={schedule} />
      </DrawerSection>
      {removing && <Remove schedule={schedule} onClose={() => setRemoving(false)} onRemoved={onClose} />}
    </Drawer>
  );
}

function When({ schedule }: { schedule: Schedule }) {
  const { t } = useTranslation("schedule");
  const format = useFormat();
  const now = useNow(30_000);
  const rule = ruleOf(schedule);
  const next = toDate(schedule.nextTime);
  const segments = rule ? today(rule, pastRunsOf(schedule), new Date(now)) : [];
  return (
    <div className="grid gap-3">
      {rule && (
        <div className="px-1">
          <RulerHours />
          <Ruler
            segments={segments}
            now={wallIn(rule.timeZone, new Date(now)).minute}
            label={rulerWords(segments, t)}
          />
        </div>
      )}
      <Facts
        rows={[
          rule && [t("drawer.days"), weekdayWords(rule, t, format)],
          rule && [
            t("drawer.hours"),
            t(isOvernight(rule) ? "hoursOver" : "hours", { start: rule.startTime, stop: rule.stopTime }),
          ],
          [t("drawer.zone"), schedule.rule ? format.zoneName(schedule.rule.timeZone) : "–"],
          next && [
            t("drawer.next"),
            <span key="n">
              <b>{format.when(next, now)}</b>{" "}
              <span className="text-fg-3">
                {nextWords(
                  { at: next, on: wantsOn(schedule.nextWanted), count: schedule.resourceIds.length },
                  now,
                  t,
                  format,
                )}
              </span>
            </span>,
          ],
          [
            t("drawer.by"),
            t("drawer.byLine", { name: schedule.createdByName || "–", date: format.date(schedule.createTime) }),
          ],
        ].map((line) => (line as readonly [string, React.ReactNode] | undefined) ?? null)}
      />
    </div>
  );
}

/** Repeats what ends and what stays. */
function Remove({ schedule, onClose, onRemoved }: { schedule: Schedule; onClose: () => void; onRemoved: () => void }) {
  const { t } = useTranslation("schedule");
  const { ids, org, workspace } = useWorkspace();
  const format = useFormat();
  const client = useQueryClient();
  const { remove } = useScheduleMutations();
  const next = toDate(schedule.nextTime);
  const onConfirm = () => {
    remove.mutate(
      { ...ids, scheduleId: schedule.id },
      {
        onSuccess: () => {
          toast(t("remove.done", { name: schedule.name }), { shape: "ok" });
          onClose();
          onRemoved();
          invalidate(client, [ScheduleService.method.listSchedules]);
        },
      },
    );
  };
  return (
    <ConfirmDialog
      open
      danger
      title={t("remove.title", { name: schedule.name })}
      confirmLabel={t("remove.action")}
      onConfirm={onConfirm}
      onClose={onClose}
      busy={remove.isPending}
      error={remove.error}
      impact={[
        { tone: "failed", text: t("remove.effect", { count: schedule.resourceIds.length }) },
        ...(next
          ? [{ tone: "failed" as const, text: t("remove.next", { when: atWords(next, Date.now(), t, format) }) }]
          : []),
        { tone: "ok", text: t("remove.stays") },
      ]}
    >
      <p>
        {t("remove.in")}{" "}
        <b className="text-fg">
          {org.name} › {workspace.name}
        </b>
        .
      </p>
    </ConfirmDialog>
  );
}
