import { Dialog } from "radix-ui";
import { type ReactNode, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, NavLink, useLocation } from "react-router";
import { Provider } from "@/gen/cloudhub/v1/resource_pb";
import { useWorkspace } from "@/lib/workspace";
import { ProviderMark } from "./Badge";
import { IconButton } from "./Button";
import { Icon, Mark } from "./Icon";
import { LiveState } from "./LiveState";
import { AutomationPaused } from "./PauseAutomation";
import { SettingsMenu, UserMenu } from "./ShellMenus";
import { Toaster } from "./Toast";
import { WhereAmI } from "./WhereAmI";

/** Sidebar, bar and the page of a workspace. */
export function Shell({
  children,
  bell,
  onSignOut,
}: {
  children: ReactNode;
  /** What needs the person, at the end of the bar. */
  bell?: ReactNode;
  onSignOut: () => void;
}) {
  const { user, org } = useWorkspace();
  return (
    <Frame
      sections={<Sections />}
      person={<UserMenu user={user} org={org} onSignOut={onSignOut} />}
      where={
        <>
          <WhereAmI />
          <AutomationPaused />
          <LiveState />
          {bell}
        </>
      }
    >
      {children}
    </Frame>
  );
}

/** The same around pages of no workspace; `where` says in the bar where one is. */
export function Frame({
  sections,
  person,
  where,
  children,
}: {
  sections: ReactNode;
  person: ReactNode;
  where: ReactNode;
  children: ReactNode;
}) {
  const { t } = useTranslation("common");
  return (
    <>
      <a className="skip" href="#main">
        {t("skip")}
      </a>
      <div className="app">
        <aside className="side">
          <div className="side-in">
            <Brand />
            {sections}
            <div className="side-foot">{person}</div>
          </div>
        </aside>
        <header className="bar">
          <PhoneMenu sections={sections} person={person} />
          {where}
          <SettingsMenu />
        </header>
        <main className="main" id="main" tabIndex={-1}>
          {children}
        </main>
      </div>
      <Toaster />
    </>
  );
}

function Brand() {
  const { t } = useTranslation("common");
  return (
    <Link className="brand" to="/" aria-label={t("product")}>
      <Mark />
      <span>{t("product")}</span>
    </Link>
  );
}

/** Only what exists stands here. */
function Sections() {
  const { t } = useTranslation("common");
  const { path, platformAdmin } = useWorkspace();
  return (
    <nav className="nav" aria-label={t("nav.label")}>
      <section>
        <h2>{t("nav.clouds")}</h2>
        <span className="grp">
          <ProviderMark provider={Provider.AWS}>{t("nav.aws")}</ProviderMark>
        </span>
        <div className="sub">
          <NavLink to={path("aws/ec2")} title={t("nav.instances")}>
            <Icon name="machine" />
            <span>{t("nav.instances")}</span>
          </NavLink>
        </div>
      </section>
      <section>
        <h2>{t("nav.tools")}</h2>
        <NavLink to={path("schedules")} title={t("nav.schedules")}>
          <Icon name="calendar" />
          <span>{t("nav.schedules")}</span>
        </NavLink>
        <NavLink to={path("webhooks")} title={t("nav.webhooks")}>
          <Icon name="send" />
          <span>{t("nav.webhooks")}</span>
        </NavLink>
        <NavLink to={path("channels")} title={t("nav.channels")}>
          <Icon name="mail" />
          <span>{t("nav.channels")}</span>
        </NavLink>
      </section>
      <section>
        <h2>{t("nav.account")}</h2>
        <NavLink to={path("accounts")} title={t("nav.accounts")}>
          <Icon name="cloud" />
          <span>{t("nav.accounts")}</span>
        </NavLink>
      </section>
      {platformAdmin && (
        <section>
          <h2>{t("nav.operations")}</h2>
          <NavLink to="/admin/agenda" title={t("nav.agenda")}>
            <Icon name="list" />
            <span>{t("nav.agenda")}</span>
          </NavLink>
        </section>
      )}
    </nav>
  );
}

function PhoneMenu({ sections, person }: { sections: ReactNode; person: ReactNode }) {
  const { t } = useTranslation("common");
  const [open, setOpen] = useState(false);
  const { pathname } = useLocation();
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new page closes it.
  useEffect(() => setOpen(false), [pathname]);
  return (
    <Dialog.Root open={open} onOpenChange={setOpen}>
      <Dialog.Trigger asChild>
        <IconButton className="only-m" icon="menu" label={t("nav.menu")} />
      </Dialog.Trigger>
      <Dialog.Portal>
        <Dialog.Overlay className="veil" />
        <Dialog.Content className="sheet-menu" aria-describedby={undefined}>
          <Dialog.Title className="sr">{t("nav.menu")}</Dialog.Title>
          <div className="flex items-center justify-between">
            <Brand />
            <Dialog.Close asChild>
              <IconButton icon="close" label={t("close")} />
            </Dialog.Close>
          </div>
          {sections}
          <div className="side-foot">{person}</div>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
