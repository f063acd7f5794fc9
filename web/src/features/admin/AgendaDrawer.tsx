import { useTranslation } from "react-i18next";
import { Facts, Note } from "@/components/Badge";
import { Button } from "@/components/Button";
import { CopyButton } from "@/components/CopyButton";
import { Drawer, DrawerSection, FormError } from "@/components/Drawer";
import { Icon } from "@/components/Icon";
import { StateMark } from "@/components/StateMark";
import { RelativeTime, When } from "@/components/Time";
import type { AgendaRow } from "@/gen/cloudhub/v1/admin_pb";
import { useNow } from "@/lib/clock";
import { type Moment, useFormat } from "@/lib/format";
import { laneName, stateMarks, stateOf } from "./rows";

type Props = {
  id: string;
  title: string;
  /** Undefined until it is read, and when it is gone. */
  row: AgendaRow | undefined;
  gone: boolean;
  driving: boolean;
  error: unknown;
  onDrive: () => void;
  onPark: (row: AgendaRow) => void;
  onClose: () => void;
};

/** The whole story of one row. */
export function AgendaDrawer({ id, title, row, gone, driving, error, onDrive, onPark, onClose }: Props) {
  const { t } = useTranslation("admin");
  const now = useNow(5_000);
  const state = row && stateOf(row, now);
  return (
    <Drawer
      title={title}
      subject={id}
      eyebrow={row && <span className="el text-fg-2">{row.orgName || t("installation")}</span>}
      badge={
        state && (
          <span className="text-13 font-normal">
            <StateMark shape={stateMarks[state].shape} tone={stateMarks[state].tone} boxed>
              {t(`mark.${state}`)}
            </StateMark>
          </span>
        )
      }
      onClose={onClose}
      actions={
        row && (
          <>
            <Button icon="refresh" busy={driving} onClick={onDrive}>
              {t("drive.button")}
            </Button>
            <Button icon="pause" onClick={() => onPark(row)}>
              {t("park.button")}
            </Button>
            {row.temporalUrl !== "" && (
              <a className="btn" href={row.temporalUrl} target="_blank" rel="noreferrer">
                <Icon name="external" />
                {t("drawer.temporal")}
              </a>
            )}
          </>
        )
      }
    >
      <FormError error={error} />
      {gone && (
        <div className="px-5 py-4 max-phone:px-4">
          <Note tone="ok" role="status">
            <p>{t("gone")}</p>
          </Note>
        </div>
      )}
      {row && <Story row={row} />}
    </Drawer>
  );
}

function Story({ row }: { row: AgendaRow }) {
  const { t } = useTranslation("admin");
  const format = useFormat();
  const times = (n: bigint | number) => t("fact.times", { count: Number(n), shown: format.number(Number(n)) });
  return (
    <>
      {row.parkTime && (
        <DrawerSection title={t("drawer.parked", { name: row.parkedBy })}>
          <Note tone="warning">
            <p className="break-words">{row.parkReason}</p>
            <p className="text-12 text-fg-2">
              {t("fact.since")} <When at={row.parkTime} />
            </p>
          </Note>
        </DrawerSection>
      )}
      {row.lastError !== "" && (
        <DrawerSection title={t("drawer.error")}>
          <Note tone="failed">
            <p className="code break-words">{row.lastError}</p>
          </Note>
        </DrawerSection>
      )}
      <DrawerSection title={t("drawer.times")}>
        <Facts
          keyWidth={150}
          rows={[
            [t("fact.due"), <Exact key="d" at={row.dueTime} />],
            [t(row.parkTime ? "fact.lookEnds" : "fact.look"), <Exact key="l" at={row.lookTime} />],
          ]}
        />
      </DrawerSection>
      <DrawerSection title={t("drawer.delivery")}>
        <Facts
          keyWidth={150}
          rows={[
            [t("fact.lane"), laneName(row.lane, t)],
            !row.clock && [t("fact.asked"), times(row.asked)],
            !row.clock && [t("fact.told"), row.told > 0n ? times(row.told) : t("fact.notDelivered")],
            !row.clock && [t("fact.starts"), format.number(row.starts)],
            [t("fact.lease"), row.lease > 0n ? format.number(Number(row.lease)) : "–"],
          ]}
        />
      </DrawerSection>
      <DrawerSection title={t("drawer.ids")}>
        <Facts
          keyWidth={150}
          rows={[
            [t(subjectName(row.kind)), <Id key="s" name={t(subjectName(row.kind))} value={row.subject} />],
            [t("fact.organization"), <Id key="o" name={t("fact.organization")} value={row.orgId} />],
            row.workflowId !== "" && [
              t("fact.workflow"),
              <Id key="w" name={t("fact.workflow")} value={row.workflowId} />,
            ],
            row.runId !== "" && [t("fact.run"), <Id key="r" name={t("fact.run")} value={row.runId} />],
          ]}
        />
      </DrawerSection>
    </>
  );
}

function subjectName(kind: string) {
  switch (kind) {
    case "power":
      return "fact.operation";
    case "probe":
      return "fact.draft";
    case "sync":
    case "sync-clock":
      return "fact.account";
    case "calendar":
    case "calendar-clock":
      return "fact.calendar";
    case "reseal":
      return "fact.organization";
    case "timetable":
      return "fact.workspace";
    default:
      return "fact.subject";
  }
}

function Exact({ at }: { at: Moment }) {
  const format = useFormat();
  return (
    <span className="grid">
      <RelativeTime at={at} />
      <span className="text-12 text-fg-3">{format.full(at)}</span>
    </span>
  );
}

function Id({ name, value }: { name: string; value: string }) {
  const { t } = useTranslation("admin");
  return (
    <span className="flex items-start gap-1">
      <span className="code min-w-0 break-all">{value}</span>
      <CopyButton value={value} label={t("drawer.copy", { name })} />
    </span>
  );
}
