import { useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Note } from "@/components/Badge";
import { Button } from "@/components/Button";
import { FormError } from "@/components/Drawer";
import { FormField, Textarea } from "@/components/form";
import { Page } from "@/components/Page";
import { StateMark } from "@/components/StateMark";
import { DeniedState } from "@/components/States";
import { type Column, Table, TableFoot } from "@/components/Table";
import { When } from "@/components/Time";
import { Permission, Plan } from "@/gen/cloudhub/v1/options_pb";
import type { ImportedLine, ImportSchedulesResponse } from "@/gen/cloudhub/v1/schedule_pb";
import { isReason, reasonText } from "@/lib/errors";
import { useFormat } from "@/lib/format";
import { useWorkspace } from "@/lib/workspace";
import { EXAMPLE, LONGEST_CSV, problemsByColumn, reportOf } from "./csv";
import { Locked } from "./LockedPanel";
import { ScheduleTabs } from "./ScheduleTabs";
import "./schedule.css";

export interface ImportPageViewProps {
  denied: boolean;
  csv: string;
  onCsv: (text: string) => void;
  /** Of this text; undefined until it is checked. */
  report: ImportSchedulesResponse | undefined;
  error: unknown;
  checking: boolean;
  importing: boolean;
  onCheck: () => void;
  onImport: () => void;
}

export function ImportPageView(props: ImportPageViewProps) {
  const { csv, onCsv, report, error, denied } = props;
  const { t } = useTranslation("schedule");
  const { org, workspace } = useWorkspace();
  const file = useRef<HTMLInputElement>(null);
  const [tooLong, setTooLong] = useState(false);
  const found = useMemo(() => report && reportOf(report.lines), [report]);
  const body = () => {
    if (denied) {
      return (
        <div className="tw">
          <DeniedState title={t("import.denied")} permission={Permission.SCHEDULES_MANAGE} workspace={workspace.name} />
        </div>
      );
    }
    if (org.plan === Plan.FREE || isReason(error, "PLAN_REQUIRED")) {
      return (
        <div className="tw">
          <Locked />
        </div>
      );
    }
    const onFile = async (chosen: File | undefined) => {
      if (!chosen) return;
      const text = chosen.size > LONGEST_CSV * 4 ? "" : await chosen.text();
      const long = text.length > LONGEST_CSV || chosen.size > LONGEST_CSV * 4;
      setTooLong(long);
      if (!long) onCsv(text.replace(/^\uFEFF/, ""));
    };
    return (
      <>
        <section className="pane import-pane" aria-label={t("import.file")}>
          <p className="text-fg-2">{t("import.how")}</p>
          <div className="flex flex-wrap gap-2">
            <input
              ref={file}
              type="file"
              accept=".csv,text/csv,text/plain"
              className="sr"
              tabIndex={-1}
              aria-label={t("import.choose")}
              onChange={(event) => {
                void onFile(event.target.files?.[0]);
                event.target.value = "";
              }}
            />
            <Button icon="list" onClick={() => file.current?.click()}>
              {t("import.choose")}
            </Button>
            <Button icon="download" onClick={() => download("cloudhub-agendamentos.csv", EXAMPLE)}>
              {t("import.example")}
            </Button>
          </div>
          <FormField
            label={t("import.paste")}
            hint={t("import.limit")}
            error={tooLong ? t("import.tooLong") : undefined}
          >
            <Textarea
              rows={8}
              value={csv}
              maxLength={LONGEST_CSV}
              spellCheck={false}
              wrap="off"
              className="code"
              placeholder={EXAMPLE.split("\n").slice(0, 2).join("\n")}
              onChange={(event) => {
                setTooLong(false);
                onCsv(event.target.value);
              }}
            />
          </FormField>
          <FormError error={error} className="p-0!" />
          <div className="flex flex-wrap items-center gap-2">
            <Button
              kind={found && found.wrong === 0 ? "plain" : "go"}
              disabled={csv.trim() === ""}
              busy={props.checking}
              onClick={props.onCheck}
            >
              {t("import.check")}
            </Button>
            {found && found.wrong === 0 && found.right > 0 && (
              <Button kind="go" busy={props.importing} onClick={props.onImport}>
                {t("import.make", { count: found.right })}
              </Button>
            )}
          </div>
        </section>
        <div role="status" className="mt-4">
          {found && <Report report={found} />}
        </div>
      </>
    );
  };
  return (
    <Page title={t("import.title")} lead={t("import.lead")}>
      <ScheduleTabs />
      {body()}
    </Page>
  );
}

function Report({ report }: { report: ReturnType<typeof reportOf> }) {
  const { t } = useTranslation("schedule");
  const format = useFormat();
  const columns = useMemo<Column<ImportedLine>[]>(
    () => [
      {
        id: "line",
        header: t("import.column.line"),
        phone: 2,
        unit: t("import.column.line"),
        cell: (line) => <span className="tnum">{format.number(line.line)}</span>,
      },
      {
        id: "name",
        header: t("import.column.name"),
        phone: 1,
        cell: (line) => <span className="import-name el font-medium">{line.name || "–"}</span>,
      },
      {
        id: "result",
        header: t("import.column.result"),
        grow: true,
        phone: "w",
        cell: (line) =>
          line.problems.length === 0 ? (
            <StateMark shape="ok" tone="ok">
              {t("import.right")}
            </StateMark>
          ) : (
            <ul className="import-problems">
              {problemsByColumn(line).map(({ column, problems }) => (
                <li key={column}>
                  <b className="code">{column}</b>{" "}
                  {problems.map((problem) => (
                    <span key={`${problem.reason} ${problem.value}`}>
                      <span className="text-failed">
                        {/* The text of the registry is of a whole form. */}
                        {problem.reason === "VALIDATION"
                          ? t("import.invalid")
                          : (reasonText(problem.reason) ?? problem.reason)}
                      </span>
                      {problem.value !== "" && (
                        <span className="text-fg-3"> {t("import.value", { value: problem.value })}</span>
                      )}{" "}
                    </span>
                  ))}
                </li>
              ))}
            </ul>
          ),
      },
      {
        id: "next",
        header: t("import.column.next"),
        priority: 3,
        phone: 3,
        cell: (line) => line.nextTime && <When at={line.nextTime} />,
      },
    ],
    [t, format],
  );
  return (
    <>
      <div className="mb-3">
        <Note tone={report.wrong > 0 ? "failed" : "ok"}>
          <p>
            <b>
              {report.wrong > 0
                ? t("import.wrong", { count: report.wrong })
                : t("import.allRight", { count: report.right })}
            </b>{" "}
            {report.wrong > 0 ? t("import.nothingMade") : t("import.notYet")}
          </p>
          {report.columns.length > 0 && (
            <p className="text-12 text-fg-2">
              {t("import.columns", {
                list: format.list(report.columns.map((one) => `${one.column} (${format.number(one.count)})`)),
              })}
            </p>
          )}
        </Note>
      </div>
      <Table
        label={t("import.report")}
        columns={columns}
        rows={report.lines}
        rowId={(line) => String(line.line)}
        tone={(line) => (line.problems.length > 0 ? "bad" : undefined)}
        foot={<TableFoot>{t("import.count", { count: report.lines.length })}</TableFoot>}
      />
    </>
  );
}

function download(name: string, text: string) {
  const url = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
