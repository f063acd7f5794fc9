import { DestinationsPage } from "./DestinationsPage";
import { VerifyHelp } from "./VerifyHelp";

export function WebhooksPage() {
  return <DestinationsPage kind="webhooks" help={<VerifyHelp />} />;
}
