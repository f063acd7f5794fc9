import { useState } from "react";
import { useTranslation } from "react-i18next";
import { toast } from "@/components/Toast";
import type { AgendaRow } from "@/gen/cloudhub/v1/admin_pb";
import { isReason } from "@/lib/errors";
import { AgendaDrawer } from "./AgendaDrawer";
import { ParkDialog } from "./ParkDialog";
import { useDriveAgain, usePark, useRow } from "./queries";
import { idOf, kindName, type RowKey } from "./rows";

/** The row of the drawer and what can be done with it. `listed` is shown until the row itself has been read. */
export function OpenRow({
  rowKey,
  listed,
  onClose,
}: {
  rowKey: RowKey;
  listed: AgendaRow | undefined;
  onClose: () => void;
}) {
  const { t } = useTranslation("admin");
  const opened = useRow(rowKey);
  const drive = useDriveAgain();
  const park = usePark();
  const [parking, setParking] = useState<AgendaRow>();
  const gone = isReason(opened.error, "NOT_FOUND");
  const what = kindName(rowKey.kind, t);
  const { orgId, kind, subject } = rowKey;
  const stopParking = () => {
    setParking(undefined);
    park.reset();
  };
  const hold = (reason: string) =>
    park.mutate(
      { orgId, kind, subject, reason },
      {
        onSuccess: () => {
          setParking(undefined);
          toast(t("park.done", { what }), { shape: "held" });
        },
      },
    );
  const driveAgain = () =>
    drive.mutate({ orgId, kind, subject }, { onSuccess: () => void toast(t("drive.done", { what }), { shape: "ok" }) });
  return (
    <>
      <AgendaDrawer
        id={idOf(rowKey)}
        row={gone ? undefined : (opened.data?.row ?? listed)}
        gone={gone}
        title={what}
        driving={drive.isPending}
        error={drive.error}
        onDrive={driveAgain}
        onPark={setParking}
        onClose={onClose}
      />
      <ParkDialog row={parking} busy={park.isPending} error={park.error} onClose={stopParking} onConfirm={hold} />
    </>
  );
}
