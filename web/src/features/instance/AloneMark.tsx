import { useTranslation } from "react-i18next";
import { Icon, type IconName } from "@/components/Icon";
import type { Resource } from "@/gen/cloudhub/v1/resource_pb";
import { reasonText } from "@/lib/errors";
import { leftAloneReason } from "./power";

const icons: Record<string, IconName> = { PROTECTED: "shield", OBSERVE_ONLY: "eye" };

/** A shield for what is protected, an eye for what is only observed, a lock for what cannot be switched. */
export function aloneIcon(reason: string): IconName {
  return icons[reason] ?? "lock";
}

/** Beside a name: that the machine is left alone, and why. */
export function AloneMark({ resource }: { resource: Pick<Resource, "leftAlone" | "protected" | "actAnyway"> }) {
  const { t } = useTranslation("instance");
  const reason = leftAloneReason(resource);
  if (reason === "") return null;
  const said = t("hindrance.leftAlone", { reason: reasonText(reason) ?? reason });
  return (
    <span className="text-fg-3" title={said}>
      <Icon name={aloneIcon(reason)} className="h-[14px]! w-[14px]!" />
      <span className="sr">{said}</span>
    </span>
  );
}
