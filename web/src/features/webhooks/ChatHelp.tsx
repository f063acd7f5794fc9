import { useTranslation } from "react-i18next";

/** How to make the address that Slack or Teams takes messages at. */
export function ChatHelp({ channel }: { channel: "slack" | "teams" }) {
  const { t } = useTranslation("webhook");
  return (
    <>
      <ol className="wh-steps">
        {(["one", "two", "three", "four"] as const).map((step) => (
          <li key={step}>{t(`help.${channel}.${step}`)}</li>
        ))}
      </ol>
      <p className="text-12 text-fg-3">{t(`help.${channel}.note`)}</p>
    </>
  );
}
