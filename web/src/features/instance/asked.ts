import type { Operation } from "@/gen/cloudhub/v1/operation_pb";
import type { Format } from "@/lib/format";

/** Who or what asked: the schedules of a timetable, or the person. */
export function askedBy(
  operation: Pick<Operation, "schedules" | "requestedByName">,
  format: Pick<Format, "list">,
): string {
  if (operation.schedules.length > 0) return format.list(operation.schedules.map((s) => s.name));
  return operation.requestedByName;
}
