import { useTranslation } from "react-i18next";
import { ProviderMark, Simulated, Skeleton, Tag } from "@/components/Badge";
import { Button } from "@/components/Button";
import { CopyButton } from "@/components/CopyButton";
import { Drawer, DrawerSection } from "@/components/Drawer";
import { ErrorState } from "@/components/States";
import { isAlive } from "@/components/time/track";
import type { CloudAccount } from "@/gen/cloudhub/v1/cloud_account_pb";
import { Permission } from "@/gen/cloudhub/v1/options_pb";
import { Provider, type Resource } from "@/gen/cloudhub/v1/resource_pb";
import { isReason, reasonText } from "@/lib/errors";
import { useWorkspace } from "@/lib/workspace";
import { Automation } from "./Automation";
import { InstanceFacts } from "./InstanceFacts";
import { LiveBand } from "./LiveBand";
import { MachineSchedules } from "./MachineSchedules";
import { OperationHistory } from "./OperationHistory";
import { OperationSteps } from "./OperationSteps";
import { type Hindrance, hindrance, type Power } from "./power";
import { useInstance, useInstanceSchedules, useOperation } from "./queries";

export interface InstanceDrawerProps {
  resourceId: string;
  /** The row of the list, shown until the details are read. */
  row: Resource | undefined;
  accounts: readonly CloudAccount[];
  onPower: (power: Power, machines: Resource[]) => void;
  onSchedule: (machines: Resource[]) => void;
  onClose: () => void;
}

export function InstanceDrawer({ resourceId, row, accounts, onPower, onSchedule, onClose }: InstanceDrawerProps) {
  const { t } = useTranslation("instance");
  const query = useInstance(resourceId);
  const read = query.data?.resource;
  // The stream may have told the row something newer than the details know.
  const resource = read && row && row.version > read.version ? { ...row, details: read.details } : (read ?? row);
  const operation = useOperation(resource?.operationId ?? "").data?.operation;
  const live = operation && isAlive(operation.state) && resource?.operationId === operation.id ? operation : undefined;
  if (!resource) {
    return (
      <Drawer title={query.isError ? t("drawer.gone") : "…"} subject={resourceId} onClose={onClose}>
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
            <Skeleton width={210} />
          </div>
        )}
      </Drawer>
    );
  }
  const account = accounts.find((a) => a.id === resource.cloudAccountId);
  // The tag Name is the title already.
  const tags = Object.entries(resource.tags)
    .filter(([key, value]) => key !== "Name" || value !== resource.name)
    .sort(([a], [b]) => a.localeCompare(b));
  return (
    <Drawer
      title={resource.name || resource.providerId}
      subject={resourceId}
      badge={<Simulated when={resource.simulated} />}
      eyebrow={
        <span className="el">
          <ProviderMark provider={Provider.AWS}>{t("drawer.kind")}</ProviderMark>
          <span className="text-fg-3">
            {" · "}
            {t("drawer.eyebrow", { account: account?.name ?? "–", region: resource.zone || resource.region })}
          </span>
        </span>
      }
      tools={<CopyButton value={window.location.href} label={t("drawer.copyAddress")} />}
      actions={<Actions resource={resource} onPower={onPower} onSchedule={onSchedule} />}
      band={live && <LiveBand operation={live} resource={resource} />}
      onClose={onClose}
    >
      <DrawerSection title={t("drawer.facts")}>
        <InstanceFacts resource={resource} account={account} />
      </DrawerSection>
      <DrawerSection title={t("drawer.tags")} count={tags.length}>
        {tags.length === 0 ? (
          <p className="text-fg-3">{t("drawer.noTags")}</p>
        ) : (
          <div className="flex flex-wrap gap-[6px]">
            {tags.map(([name, value]) => (
              <Tag key={name} name={name} value={value} />
            ))}
          </div>
        )}
      </DrawerSection>
      <Schedules resource={resource} />
      <Automation resource={resource} />
      <DrawerSection title={t("drawer.operations")}>
        {live && <OperationSteps operation={live} target={live.targets.find((x) => x.resourceId === resourceId)} />}
        <OperationHistory resourceId={resourceId} />
      </DrawerSection>
    </Drawer>
  );
}

function Actions({
  resource,
  onPower,
  onSchedule,
}: Pick<InstanceDrawerProps, "onPower" | "onSchedule"> & { resource: Resource }) {
  const { t } = useTranslation("instance");
  const { can } = useWorkspace();
  const manage = can(Permission.RESOURCES_MANAGE);
  const schedules = can(Permission.SCHEDULES_MANAGE);
  const start = hindrance(resource, "start", manage);
  const stop = hindrance(resource, "stop", manage);
  const say = (why: Hindrance | undefined, power: Power) => {
    switch (why?.kind) {
      case undefined:
        return undefined;
      case "permission":
        return t("hindrance.permission");
      case "gone":
        return t("hindrance.gone");
      case "already":
        return t(power === "start" ? "hindrance.alreadyOn" : "hindrance.alreadyOff");
      case "leftAlone":
        return t("hindrance.leftAlone", { reason: reasonText(why.reason) ?? why.reason });
    }
  };
  // "Already" is plain to see; what is not said anywhere else stands below the buttons.
  const why = start ?? stop;
  const said = why && why.kind !== "already" ? say(why, "start") : undefined;
  return (
    <>
      <Button
        icon="play"
        disabled={Boolean(start)}
        title={say(start, "start")}
        onClick={() => onPower("start", [resource])}
      >
        {t("action.start")}
      </Button>
      <Button
        icon="stop"
        disabled={Boolean(stop)}
        title={say(stop, "stop")}
        onClick={() => onPower("stop", [resource])}
      >
        {t("action.stop")}
      </Button>
      <Button
        icon="calendar"
        disabled={!schedules}
        title={schedules ? undefined : t("hindrance.schedulePermission")}
        onClick={() => onSchedule([resource])}
      >
        {t("action.schedule")}
      </Button>
      {said && <p className="basis-full text-12 text-fg-2">{said}</p>}
    </>
  );
}

function Schedules({ resource }: { resource: Resource }) {
  const { t } = useTranslation("instance");
  const { can } = useWorkspace();
  const query = useInstanceSchedules(resource.id);
  const schedules = query.data?.schedules ?? [];
  const body = () => {
    if (!can(Permission.SCHEDULES_VIEW)) return <p className="text-fg-3">{t("drawer.schedulesDenied")}</p>;
    if (query.isError) {
      return (
        <p className="text-fg-2">
          {t("drawer.schedulesError")}{" "}
          <button type="button" className="lk" onClick={() => query.refetch()}>
            {t("drawer.retry")}
          </button>
        </p>
      );
    }
    if (query.isPending) return <Skeleton width={220} />;
    if (schedules.length === 0) return <p className="text-fg-3">{t("drawer.noSchedules")}</p>;
    return <MachineSchedules schedules={schedules} resource={resource} />;
  };
  return (
    <DrawerSection title={t("drawer.schedules")} count={schedules.length > 0 ? schedules.length : undefined}>
      {body()}
    </DrawerSection>
  );
}
