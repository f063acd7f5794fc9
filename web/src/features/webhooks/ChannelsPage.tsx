import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Segmented } from "@/components/form";
import { ChatHelp } from "./ChatHelp";
import { DestinationsPage } from "./DestinationsPage";

/** Events by e-mail, in Slack and in Microsoft Teams. */
export function ChannelsPage() {
  return <DestinationsPage kind="channels" help={<Help />} />;
}

function Help() {
  const { t } = useTranslation("webhook");
  const [channel, setChannel] = useState<"slack" | "teams">("slack");
  return (
    <section className="wh-help" aria-labelledby="channels-help">
      <div className="wh-help-head">
        <h2 id="channels-help">{t("help.title")}</h2>
        <Segmented
          small
          label={t("help.title")}
          value={channel}
          onChange={setChannel}
          options={[
            { value: "slack", label: t("channel.slack") },
            { value: "teams", label: t("channel.teams") },
          ]}
        />
      </div>
      <div className="wh-help-in">
        <ChatHelp channel={channel} />
      </div>
    </section>
  );
}
