import { useTranslation } from "react-i18next";
import { CopyButton } from "@/components/CopyButton";
import { policy } from "./policy";

/** The least-privilege policy, to read and to copy. */
export function PolicyBlock({ observeOnly }: { observeOnly: boolean }) {
  const { t } = useTranslation("account");
  const text = policy(observeOnly);
  return (
    <div className="grid gap-2">
      <div className="flex items-center justify-between gap-2">
        <p className="text-12 text-fg-2">{t(observeOnly ? "policy.read" : "policy.full")}</p>
        <CopyButton value={text} label={t("policy.copy")} text={t("policy.copy")} />
      </div>
      <div className="well">
        {/* Focusable, since it scrolls sideways. */}
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and the keyboard must reach what scrolls. */}
        <pre tabIndex={0}>{text}</pre>
      </div>
    </div>
  );
}
