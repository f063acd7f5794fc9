import { useTranslation } from "react-i18next";
import { type Organization, Role, type User } from "@/gen/cloudhub/v1/user_pb";
import { type Language, languageNames, languages, setLanguage } from "@/i18n";
import { type Density, type Theme, useDensity, useTheme } from "@/lib/theme";
import { IconButton } from "./Button";
import { Icon } from "./Icon";
import { Menu, MenuChoices, MenuItem, MenuSeparator } from "./Menu";

/** Theme, density and language: kept in this browser. */
export function SettingsMenu() {
  const { t, i18n } = useTranslation("common");
  const [theme, setTheme] = useTheme();
  const [density, setDensity] = useDensity();
  return (
    <Menu
      align="end"
      label={t("settings.label")}
      trigger={
        <IconButton
          icon={theme === "light" ? "sun" : theme === "dark" ? "moon" : "settings"}
          label={t("settings.label")}
        />
      }
    >
      <MenuChoices<Theme>
        label={t("settings.theme")}
        value={theme}
        onChange={setTheme}
        options={[
          { value: "system", label: t("settings.themeSystem"), icon: "screen" },
          { value: "light", label: t("settings.themeLight"), icon: "sun" },
          { value: "dark", label: t("settings.themeDark"), icon: "moon" },
        ]}
      />
      <MenuSeparator />
      <MenuChoices<Density>
        label={t("settings.density")}
        value={density}
        onChange={setDensity}
        options={[
          { value: "comfortable", label: t("settings.comfortable") },
          { value: "compact", label: t("settings.compact") },
        ]}
      />
      <MenuSeparator />
      <MenuChoices<Language>
        label={t("settings.language")}
        value={i18n.language as Language}
        onChange={(language) => void setLanguage(language)}
        options={languages.map((language) => ({ value: language, label: languageNames[language] }))}
      />
    </Menu>
  );
}

/** `org` is where one is; outside of an organization there is none. */
export function UserMenu({
  user,
  org,
  onSignOut,
}: {
  user: User;
  org?: Organization | undefined;
  onSignOut: () => void;
}) {
  const { t } = useTranslation("common");
  return (
    <Menu
      label={t("user.menu", { name: user.name })}
      trigger={
        <button type="button" className="who" aria-label={t("user.menu", { name: user.name })}>
          <span className="ava" aria-hidden="true">
            {initials(user.name)}
          </span>
          <div className="min-w-0">
            <div className="el font-medium">{user.name}</div>
            <div className="el text-12 text-fg-3">{user.email}</div>
          </div>
          <Icon name="upDown" />
        </button>
      }
    >
      {org && <p className="lab">{`${org.name} · ${roleName(org.role, t)}`}</p>}
      <MenuItem icon="exit" onSelect={onSignOut}>
        {t("user.signOut")}
      </MenuItem>
    </Menu>
  );
}

function roleName(role: Role, t: ReturnType<typeof useTranslation<"common">>["t"]): string {
  switch (role) {
    case Role.OWNER:
      return t("user.role.owner");
    case Role.ADMIN:
      return t("user.role.admin");
    case Role.OPERATOR:
      return t("user.role.operator");
    case Role.BILLING:
      return t("user.role.billing");
    default:
      return t("user.role.viewer");
  }
}

function initials(name: string) {
  const words = name.trim().split(/\s+/);
  return `${words[0]?.[0] ?? ""}${words.length > 1 ? (words.at(-1)?.[0] ?? "") : ""}`.toLocaleUpperCase();
}
