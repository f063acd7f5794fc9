import { useTranslation } from "react-i18next";
import { Note } from "@/components/Badge";
import { Button } from "@/components/Button";
import { CopyButton } from "@/components/CopyButton";

/** A signing secret, this once; it stays in sight until somebody says that it is stored. */
export function SecretBanner({ name, secret, onStored }: { name: string; secret: string; onStored: () => void }) {
  const { t } = useTranslation("webhook");
  return (
    <Note tone="accent" role="status">
      <p>
        <b className="font-medium">{t("secret.title", { name })}</b>
      </p>
      <p className="text-12 text-fg-2">{t("secret.once")}</p>
      <p className="wh-secret">
        <code className="min-w-0 break-all">{secret}</code>
      </p>
      <p className="flex flex-wrap gap-2">
        <CopyButton value={secret} label={t("secret.copy")} text={t("secret.copy")} />
        <Button small kind="go" icon="check" onClick={onStored}>
          {t("secret.stored")}
        </Button>
      </p>
    </Note>
  );
}
