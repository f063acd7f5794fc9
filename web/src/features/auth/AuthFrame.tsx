import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { Mark } from "@/components/Icon";
import { PageTitle } from "@/components/Page";
import { languageNames, languages, setLanguage } from "@/i18n";
import { DayArt } from "./DayArt";
import "./auth.css";

/** The form on the left, the day on the right, the languages at the foot. */
export function AuthFrame({ title, children }: { title: string; children: ReactNode }) {
  const { t } = useTranslation("auth");
  const { i18n } = useTranslation();
  const { t: common } = useTranslation("common");
  return (
    <div className="si">
      <div className="fm">
        <header>
          <Link className="brand" to="/sign-in" aria-label={common("product")}>
            <Mark />
            <span>{common("product")}</span>
          </Link>
        </header>
        <main className="box" id="main">
          <PageTitle>{title}</PageTitle>
          {children}
        </main>
        <footer>
          <nav className="flex gap-4" aria-label={t("language")}>
            {languages.map((language) => (
              <button
                key={language}
                type="button"
                lang={language}
                aria-current={i18n.language === language ? "true" : undefined}
                onClick={() => void setLanguage(language)}
              >
                {languageNames[language]}
              </button>
            ))}
          </nav>
        </footer>
      </div>
      <DayArt />
    </div>
  );
}
