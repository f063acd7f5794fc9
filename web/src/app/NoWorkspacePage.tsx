import { useTranslation } from "react-i18next";
import { Button } from "@/components/Button";
import { PageTitle } from "@/components/Page";
import { session } from "@/lib/auth/browser";
import { Plain } from "./NotFoundPage";

export function NoWorkspacePage() {
  const { t } = useTranslation("common");
  return (
    <Plain inPage={false}>
      <PageTitle>{t("noWorkspace.title")}</PageTitle>
      <p className="text-fg-2">{t("noWorkspace.text")}</p>
      <div>
        <Button icon="exit" onClick={() => void session.signOut()}>
          {t("user.signOut")}
        </Button>
      </div>
    </Plain>
  );
}
