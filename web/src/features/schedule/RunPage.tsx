import { useParams } from "react-router";
import { stateOf } from "@/features/instance/listState";
import { useOperation } from "@/features/instance/queries";
import { Permission } from "@/gen/cloudhub/v1/options_pb";
import { useWorkspace } from "@/lib/workspace";
import { useSchedule } from "./queries";
import { RunPageView } from "./RunPageView";

/** One run of one schedule: what it did to each machine, and why not to one. */
export function RunPage() {
  const { scheduleId = "", operationId = "" } = useParams();
  const { can } = useWorkspace();
  const allowed = can(Permission.RESOURCES_VIEW);
  const query = useOperation(allowed ? operationId : "");
  const schedule = useSchedule(scheduleId).data?.schedule;
  return (
    <RunPageView
      state={stateOf(query, allowed)}
      error={query.error}
      operation={query.data?.operation}
      scheduleId={scheduleId}
      schedule={schedule}
      onRetry={() => void query.refetch()}
    />
  );
}
