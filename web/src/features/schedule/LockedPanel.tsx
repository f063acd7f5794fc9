import { useTranslation } from "react-i18next";
import { Drawer } from "@/components/Drawer";
import { EmptyState } from "@/components/States";
import { Ruler } from "@/components/time/Ruler";

/** In the place of the form, outside the plan. */
export function LockedPanel({ title, onClose }: { title: string; onClose: () => void }) {
  return (
    <Drawer title={title} subject="locked" onClose={onClose}>
      <Locked />
    </Drawer>
  );
}

/** Outside the plan: what it would give, and who can change the plan. */
export function Locked() {
  const { t } = useTranslation("schedule");
  return (
    <EmptyState
      title={t("locked.title")}
      drawing={
        <Ruler className="w-full" segments={[{ from: 420, to: 1140, kind: "wont" }]} label={t("locked.drawing")} />
      }
    >
      {t("locked.body")}
    </EmptyState>
  );
}
