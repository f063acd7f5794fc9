import { useMutation } from "@connectrpc/connect-query";
import { useQueryClient } from "@tanstack/react-query";
import { Popover } from "radix-ui";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Permission } from "@/gen/cloudhub/v1/options_pb";
import { OrganizationService } from "@/gen/cloudhub/v1/organization_pb";
import { ScheduleService } from "@/gen/cloudhub/v1/schedule_pb";
import { UserService } from "@/gen/cloudhub/v1/user_pb";
import { toAppError } from "@/lib/errors";
import { useFormat } from "@/lib/format";
import { invalidate } from "@/lib/stream/apply";
import { useWorkspace } from "@/lib/workspace";
import { Button } from "./Button";
import { ConfirmDialog } from "./ConfirmDialog";
import { FormField, Input } from "./form";
import { Shape } from "./Shape";
import { toast } from "./Toast";

/** Who is there says whether automation is paused; the schedules say what that leaves out. */
const changed = [
  UserService.method.getMe,
  ScheduleService.method.listSchedules,
  ScheduleService.method.getSchedule,
  ScheduleService.method.previewSchedule,
];

/** The switch of the whole organization: asks why, since everybody will read it. */
export function PauseAutomation({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation("common");
  const { org } = useWorkspace();
  const client = useQueryClient();
  const pause = useMutation(OrganizationService.method.pauseAutomation);
  const [reason, setReason] = useState("");
  const said = reason.trim();
  return (
    <ConfirmDialog
      open
      danger
      title={t("automation.title", { name: org.name })}
      confirmLabel={t("automation.pause")}
      disabled={said === ""}
      busy={pause.isPending}
      error={pause.error}
      impact={[
        { tone: "failed", text: t("automation.stops", { count: org.workspaces.length }) },
        { tone: "warning", text: t("automation.due") },
        { tone: "ok", text: t("automation.people") },
      ]}
      onClose={onClose}
      onConfirm={() =>
        pause.mutate(
          { orgId: org.id, reason: said },
          {
            onSuccess: () => {
              toast(t("automation.paused"), { shape: "held" });
              invalidate(client, changed);
              onClose();
            },
          },
        )
      }
    >
      <FormField label={t("automation.reason")} hint={t("automation.reasonHint")}>
        <Input maxLength={200} value={reason} onChange={(event) => setReason(event.target.value)} />
      </FormField>
    </ConfirmDialog>
  );
}

/** Lets it go on; for those who may. */
export function useResumeAutomation() {
  const { t } = useTranslation("common");
  const { org } = useWorkspace();
  const client = useQueryClient();
  const resume = useMutation(OrganizationService.method.resumeAutomation);
  return {
    busy: resume.isPending,
    resume: () =>
      resume.mutate(
        { orgId: org.id },
        {
          onSuccess: () => {
            toast(t("automation.resumed"), { shape: "ok" });
            invalidate(client, changed);
          },
          onError: (error) => toast(toAppError(error).text, { shape: "failed", seconds: 8 }),
        },
      ),
  };
}

/** In the bar while all automation is paused: who, why, since when, and the way out. A phone opens it from one word. */
export function AutomationPaused() {
  const { t } = useTranslation("common");
  const { org } = useWorkspace();
  const format = useFormat();
  const { resume, busy } = useResumeAutomation();
  const { automationPause: pause } = org;
  if (!pause) return null;
  const may = org.permissions.includes(Permission.ORG_MANAGE);
  const said = pause.pausedByName
    ? t("automation.by", { name: pause.pausedByName, when: format.past(pause.pauseTime) })
    : t("automation.since", { when: format.past(pause.pauseTime) });
  const button = may && (
    <Button small busy={busy} onClick={resume}>
      {t("automation.resume")}
    </Button>
  );
  return (
    <>
      <div className="paused only-wide" role="status">
        <Shape name="held" />
        <span className="el" title={`${said}: ${pause.reason}`}>
          <b>{said}</b>
          {` · ${pause.reason}`}
        </span>
        {button}
      </div>
      <Popover.Root>
        <Popover.Trigger asChild>
          <button type="button" className="paused only-narrow">
            <Shape name="held" />
            {t("automation.short")}
          </button>
        </Popover.Trigger>
        <Popover.Portal>
          <Popover.Content
            className="menu grid gap-2 p-3!"
            align="end"
            sideOffset={4}
            collisionPadding={8}
            aria-label={t("automation.short")}
          >
            <b>{said}</b>
            <p className="break-words text-fg-2">{pause.reason}</p>
            <p className="text-12 text-fg-3">{t("automation.people")}</p>
            {button}
          </Popover.Content>
        </Popover.Portal>
      </Popover.Root>
    </>
  );
}
