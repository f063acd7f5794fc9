import { useQuery } from "@connectrpc/connect-query";
import { useTranslation } from "react-i18next";
import { Link, NavLink, Outlet } from "react-router";
import { NotFoundPage } from "@/app/NotFoundPage";
import { Icon } from "@/components/Icon";
import { Frame } from "@/components/Shell";
import { UserMenu } from "@/components/ShellMenus";
import { UserService } from "@/gen/cloudhub/v1/user_pb";
import { session } from "@/lib/auth/browser";

/** Around the operators' pages. To everybody else they do not exist. */
export function AdminLayout() {
  const { t } = useTranslation("common");
  const { data } = useQuery(UserService.method.getMe, {}, { staleTime: 60_000 });
  if (!data?.user) return null;
  if (!data.platformAdmin) return <NotFoundPage />;
  return (
    <Frame
      sections={
        <nav className="nav" aria-label={t("nav.label")}>
          <section>
            <h2>{t("nav.operations")}</h2>
            <NavLink to="/admin/agenda" title={t("nav.agenda")}>
              <Icon name="list" />
              <span>{t("nav.agenda")}</span>
            </NavLink>
          </section>
          <section>
            <Link to="/" title={t("nav.back")}>
              <Icon name="left" />
              <span>{t("nav.back")}</span>
            </Link>
          </section>
        </nav>
      }
      person={<UserMenu user={data.user} onSignOut={() => void session.signOut()} />}
      where={
        <div className="path">
          <span className="el px-2 font-medium">{t("nav.operations")}</span>
        </div>
      }
    >
      <Outlet />
    </Frame>
  );
}
