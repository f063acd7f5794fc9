import { useTranslation } from "react-i18next";
import { Facts } from "@/components/Badge";
import { CopyButton } from "@/components/CopyButton";
import { RelativeTime } from "@/components/Time";
import type { CloudAccount } from "@/gen/cloudhub/v1/cloud_account_pb";
import type { Resource } from "@/gen/cloudhub/v1/resource_pb";
import { reasonText } from "@/lib/errors";
import { useFormat } from "@/lib/format";
import { leftAloneReason } from "./power";

/** What is known of an instance. What was not read has no line. */
export function InstanceFacts({ resource, account }: { resource: Resource; account: CloudAccount | undefined }) {
  const { t } = useTranslation("instance");
  const format = useFormat();
  const d = resource.details.case === "awsEc2Instance" ? resource.details.value : undefined;
  const alone = leftAloneReason(resource);
  const aside = (text: string | undefined) => (text ? <span className="text-fg-3"> {text}</span> : null);
  return (
    <Facts
      rows={[
        [
          t("fact.id"),
          <span key="id" className="inline-flex items-center gap-1">
            {resource.providerId}
            <span className="-my-1 inline-flex">
              <CopyButton value={resource.providerId} label={t("fact.copyId")} />
            </span>
          </span>,
        ],
        [
          t("fact.type"),
          <span key="t">
            {resource.type}
            {aside(d?.architecture)}
          </span>,
        ],
        [
          t("fact.account"),
          <span key="a">
            {account?.name ?? "–"}
            {aside(spaced(account?.externalId))}
          </span>,
        ],
        (d?.privateIp || d?.publicIp) && [
          t("fact.network"),
          <span key="n">
            {d.privateIp || "–"}
            {aside([d.vpcId, d.publicIp || t("fact.noPublicIp")].filter(Boolean).join(", "))}
          </span>,
        ],
        d?.vpcId && !d.privateIp && !d.publicIp && [t("fact.vpc"), d.vpcId],
        d?.subnetId && [t("fact.subnet"), d.subnetId],
        d?.imageId && [
          t("fact.image"),
          <span key="i">
            {d.imageId}
            {aside(d.platform)}
          </span>,
        ],
        d?.keyName && [t("fact.key"), d.keyName],
        d?.autoScalingGroup && [t("fact.autoScaling"), d.autoScalingGroup],
        alone !== "" && [t("fact.alone"), reasonText(alone) ?? alone],
        resource.createTime && [t("fact.launched"), format.when(resource.createTime)],
        resource.seenTime && [t("fact.seen"), <RelativeTime key="s" at={resource.seenTime} />],
        d?.stateReason && [
          t("fact.stateReason"),
          <span key="r" className="text-fg-2">
            {d.stateReason}
          </span>,
        ],
      ].map((row) => row || null)}
    />
  );
}

/** "447122901836" as people read it: 4471 2290 1836. */
function spaced(id: string | undefined) {
  return id?.replace(/(\d{4})(?=\d)/g, "$1 ");
}
