import { useMutation } from "@connectrpc/connect-query";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Note, Skeleton } from "@/components/Badge";
import { Button } from "@/components/Button";
import { DrawerSection } from "@/components/Drawer";
import { Switch } from "@/components/form";
import { toast } from "@/components/Toast";
import { HoldDialog } from "@/features/schedule/HoldDialog";
import { holdMethods, useHoldMutations, useMachineHold } from "@/features/schedule/queries";
import { InventoryService } from "@/gen/cloudhub/v1/inventory_pb";
import { Permission } from "@/gen/cloudhub/v1/options_pb";
import { ResourceService } from "@/gen/cloudhub/v1/power_pb";
import { LeftAloneReason, type Resource } from "@/gen/cloudhub/v1/resource_pb";
import { useNow } from "@/lib/clock";
import { reasonText, toAppError } from "@/lib/errors";
import { useFormat } from "@/lib/format";
import { invalidate } from "@/lib/stream/apply";
import { useWorkspace } from "@/lib/workspace";
import { LIFTABLE } from "./power";
// The hold is drawn and asked for as on the pages of the schedules.
import "@/features/schedule/schedule.css";

/** What keeps schedules from this machine, and what lets them: a hold until a time, and a word of a person. */
export function Automation({ resource }: { resource: Resource }) {
  const { t } = useTranslation("instance");
  const { can } = useWorkspace();
  if (!can(Permission.SCHEDULES_VIEW)) return null;
  return (
    <DrawerSection title={t("automation.title")}>
      <div className="grid gap-3">
        <Hold resource={resource} />
        {LIFTABLE.includes(resource.leftAlone) && <ActAnyway resource={resource} />}
      </div>
    </DrawerSection>
  );
}

function Hold({ resource }: { resource: Resource }) {
  const { t } = useTranslation("instance");
  const { ids, can } = useWorkspace();
  const format = useFormat();
  const now = useNow(30_000);
  const client = useQueryClient();
  const { hold, isPending, isError, refetch } = useMachineHold(resource.id);
  const { end } = useHoldMutations();
  const [asking, setAsking] = useState(false);
  const manage = can(Permission.SCHEDULES_MANAGE);
  const name = resource.name || resource.providerId;
  if (isPending) return <Skeleton width={200} />;
  if (isError) {
    return (
      <p className="text-fg-2">
        {t("automation.error")}{" "}
        <button type="button" className="lk" onClick={() => void refetch()}>
          {t("drawer.retry")}
        </button>
      </p>
    );
  }
  if (hold) {
    const onEnd = () =>
      end.mutate(
        { ...ids, holdId: hold.id },
        {
          onSuccess: () => {
            invalidate(client, holdMethods);
            toast(t("automation.ended", { name }), { shape: "ok" });
          },
          onError: (error) => toast(toAppError(error).text, { shape: "failed", seconds: 8 }),
        },
      );
    return (
      <Note tone="warning" role="status">
        <p>
          <b>{t("automation.held", { when: format.when(hold.untilTime, now) })}</b>{" "}
          {t("automation.by", { name: hold.createdByName || "–" })}
        </p>
        <p className="break-words">{hold.reason}</p>
        {manage && (
          <div>
            <Button small busy={end.isPending} onClick={onEnd}>
              {t("automation.end")}
            </Button>
          </div>
        )}
      </Note>
    );
  }
  return (
    <div className="flex flex-wrap items-center gap-3">
      <Button
        small
        icon="clock"
        disabled={!manage}
        title={manage ? undefined : t("hindrance.schedulePermission")}
        onClick={() => setAsking(true)}
      >
        {t("automation.hold")}
      </Button>
      <span className="text-12 text-fg-3">{t("automation.free")}</span>
      {asking && <HoldDialog subject={{ kind: "machine", id: resource.id, name }} onClose={() => setAsking(false)} />}
    </div>
  );
}

function ActAnyway({ resource }: { resource: Resource }) {
  const { t } = useTranslation("instance");
  const { ids, can } = useWorkspace();
  const client = useQueryClient();
  const set = useMutation(ResourceService.method.setActAnyway);
  const reason = LeftAloneReason[resource.leftAlone] ?? "";
  // What was asked for, until the answer is read.
  const on = set.isPending ? set.variables?.actAnyway === true : resource.actAnyway;
  return (
    <Switch
      label={t("automation.anyway")}
      hint={t("automation.anywayHint", { reason: reasonText(reason) ?? reason })}
      checked={on}
      disabled={!can(Permission.RESOURCES_MANAGE)}
      onChange={(event) =>
        set.mutate(
          { ...ids, resourceId: resource.id, actAnyway: event.target.checked },
          {
            onSuccess: () => {
              invalidate(client, [InventoryService.method.getResource, InventoryService.method.listResources]);
            },
            onError: (error) => toast(toAppError(error).text, { shape: "failed", seconds: 8 }),
          },
        )
      }
    />
  );
}
