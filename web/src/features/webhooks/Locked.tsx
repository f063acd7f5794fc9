import { useTranslation } from "react-i18next";
import { Drawer } from "@/components/Drawer";
import { EmptyState } from "@/components/States";

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
  const { t } = useTranslation("webhook");
  return <EmptyState title={t("locked.title")}>{t("locked.body")}</EmptyState>;
}
