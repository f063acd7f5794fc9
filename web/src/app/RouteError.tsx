import { ConnectError } from "@connectrpc/connect";
import { useTranslation } from "react-i18next";
import { useRouteError } from "react-router";
import { Button } from "@/components/Button";
import { PageTitle } from "@/components/Page";
import { ErrorState } from "@/components/States";
import { Plain } from "./NotFoundPage";

/** What a page shows when its code or its first reading failed. */
export function RouteError({ inPage }: { inPage?: boolean }) {
  const { t } = useTranslation("common");
  const error = useRouteError();
  const reload = () => window.location.reload();
  return (
    <Plain inPage={inPage ?? false}>
      {error instanceof ConnectError ? (
        <ErrorState title={t("error.page")} error={error} onRetry={reload} />
      ) : (
        <>
          <PageTitle>{t("error.page")}</PageTitle>
          <p className="text-fg-2">{t("error.pageText")}</p>
          <div>
            <Button icon="refresh" onClick={reload}>
              {t("error.reload")}
            </Button>
          </div>
        </>
      )}
    </Plain>
  );
}
