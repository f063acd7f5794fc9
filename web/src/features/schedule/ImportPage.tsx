import { useMutation } from "@connectrpc/connect-query";
import { useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";
import { toast } from "@/components/Toast";
import { Permission } from "@/gen/cloudhub/v1/options_pb";
import { type ImportSchedulesResponse, ScheduleService } from "@/gen/cloudhub/v1/schedule_pb";
import { worthRetrying } from "@/lib/errors";
import { invalidate } from "@/lib/stream/apply";
import { useWorkspace } from "@/lib/workspace";
import { ImportPageView } from "./ImportPageView";
import { scheduleMethods } from "./queries";

/** Many schedules from one file: reported first, then made, all or none. */
export function ImportPage() {
  const { t } = useTranslation("schedule");
  const { ids, can, path } = useWorkspace();
  const client = useQueryClient();
  const navigate = useNavigate();
  const check = useMutation(ScheduleService.method.importSchedules);
  const make = useMutation(ScheduleService.method.importSchedules);
  const [csv, setCsv] = useState("");
  const [report, setReport] = useState<{ of: string; answer: ImportSchedulesResponse }>();
  const requestId = useRef(crypto.randomUUID());

  const onCheck = () => {
    make.reset();
    check.mutate({ ...ids, csv, dryRun: true }, { onSuccess: (answer) => setReport({ of: csv, answer }) });
  };
  const onImport = () =>
    make.mutate(
      { ...ids, csv, dryRun: false, requestId: requestId.current },
      {
        onSuccess: (answer) => {
          if (!answer.imported) {
            // Something has changed since it was checked: nothing was made.
            setReport({ of: csv, answer });
            return;
          }
          // An answer that was lost and asked for again tells no lines.
          toast(t("import.done", { count: answer.lines.length || (report?.answer.lines.length ?? 0) }), {
            shape: "ok",
          });
          invalidate(client, scheduleMethods);
          void navigate(path("schedules"));
        },
        onError: (error) => {
          if (!worthRetrying(error)) requestId.current = crypto.randomUUID();
        },
      },
    );
  return (
    <ImportPageView
      denied={!can(Permission.SCHEDULES_MANAGE)}
      csv={csv}
      onCsv={(text) => {
        setCsv(text);
        check.reset();
        make.reset();
        requestId.current = crypto.randomUUID();
      }}
      report={report && report.of === csv ? report.answer : undefined}
      error={check.error ?? make.error}
      checking={check.isPending}
      importing={make.isPending}
      onCheck={onCheck}
      onImport={onImport}
    />
  );
}
