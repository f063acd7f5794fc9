import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { LinkButton } from "@/components/Button";
import { Mark } from "@/components/Icon";
import { PageTitle } from "@/components/Page";

export function NotFoundPage({ inPage }: { inPage?: boolean }) {
  const { t } = useTranslation("common");
  return (
    <Plain inPage={inPage ?? false}>
      <PageTitle>{t("notFound.title")}</PageTitle>
      <p className="text-fg-2">{t("notFound.text")}</p>
      <div>
        <LinkButton to="/" icon="home">
          {t("notFound.home")}
        </LinkButton>
      </div>
    </Plain>
  );
}

/** A page that has only something to say, in the shell or without one. */
export function Plain({ inPage, children }: { inPage: boolean; children: ReactNode }) {
  const { t } = useTranslation("common");
  const body = <div className="mx-auto grid max-w-[480px] gap-3 px-5 py-16">{children}</div>;
  if (inPage) return body;
  return (
    <div className="min-h-dvh">
      <header>
        <Link to="/" className="brand w-max" aria-label={t("product")}>
          <Mark />
          <span>{t("product")}</span>
        </Link>
      </header>
      <main>{body}</main>
    </div>
  );
}
