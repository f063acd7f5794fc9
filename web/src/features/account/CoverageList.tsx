import { useTranslation } from "react-i18next";
import { Shape } from "@/components/Shape";
import type { CloudAccount } from "@/gen/cloudhub/v1/cloud_account_pb";
import { reasonText } from "@/lib/errors";

/** Region by region: what was read, and what was not and why. Those that were not come first. */
export function CoverageList({ account }: { account: CloudAccount }) {
  const { t } = useTranslation("account");
  if (account.coverage.length === 0) return <p className="text-fg-2">{t("coverage.none")}</p>;
  const rows = [...account.coverage].sort(
    (a, b) => Number(a.ok) - Number(b.ok) || b.count - a.count || a.region.localeCompare(b.region),
  );
  return (
    <ul className="cov-l">
      {rows.map((region) => (
        <li key={region.region}>
          <Shape name={region.ok ? "ok" : "failed"} className={region.ok ? "text-ok" : "text-failed"} />
          <span>
            {region.region} {!region.ok && <span className="text-failed">{t("coverage.notRead")}</span>}
          </span>
          {region.ok && <span className="tnum text-fg-2">{t("coverage.resources", { count: region.count })}</span>}
          {!region.ok && (
            <span className="why">
              {reasonText(region.reason) ?? region.reason} {region.detail && <code>{region.detail}</code>}
            </span>
          )}
        </li>
      ))}
    </ul>
  );
}
