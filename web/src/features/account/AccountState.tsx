import clsx from "clsx";
import { useTranslation } from "react-i18next";
import { StateMark } from "@/components/StateMark";
import { type CloudAccount, CloudAccountState } from "@/gen/cloudhub/v1/cloud_account_pb";

/** What the last reading of an account gave. A part is never called a whole. */
export function AccountState({ account, boxed }: { account: CloudAccount; boxed?: boolean }) {
  const { t } = useTranslation("account");
  switch (account.state) {
    case CloudAccountState.OK:
      return (
        <StateMark shape="ok" tone="ok" boxed={boxed ?? false}>
          {t("state.ok")}
        </StateMark>
      );
    case CloudAccountState.PARTIAL:
      return (
        <StateMark shape="warning" tone="warning" boxed={boxed ?? false}>
          {t("state.partial")}
        </StateMark>
      );
    case CloudAccountState.FAILING:
      return (
        <StateMark shape="failed" tone="failed" boxed={boxed ?? false}>
          {t("state.failing")}
        </StateMark>
      );
    default:
      return (
        <StateMark shape="pending" tone="pending" boxed={boxed ?? false}>
          {t("state.reading")}
        </StateMark>
      );
  }
}

/** "lidas 3 de 4 regiões" */
export function CoverageText({ account }: { account: CloudAccount }) {
  const { t } = useTranslation("account");
  const total = account.coverage.length;
  if (total === 0) return null;
  const read = account.coverage.filter((region) => region.ok).length;
  return <span className="tnum text-12 text-fg-3">{t("coverage.read", { count: total, read })}</span>;
}

/** One mark a region, in the order of the answer: full was read, dashed was not. */
export function CoverageBar({ account }: { account: CloudAccount }) {
  return (
    <span className={clsx("cvb", account.coverage.length > 8 && "many")} aria-hidden="true">
      {account.coverage.map((region) => (
        <i key={region.region} className={region.ok ? undefined : "no"} title={region.region} />
      ))}
    </span>
  );
}
