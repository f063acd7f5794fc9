package operation

import (
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/server/inventory"
)

var origins = map[string]v1.OperationOrigin{
	"person": v1.OperationOrigin_OPERATION_ORIGIN_PERSON, "timetable": v1.OperationOrigin_OPERATION_ORIGIN_TIMETABLE,
	"finding": v1.OperationOrigin_OPERATION_ORIGIN_FINDING, "undo": v1.OperationOrigin_OPERATION_ORIGIN_UNDO,
	"system": v1.OperationOrigin_OPERATION_ORIGIN_SYSTEM,
}

var kinds = map[string]v1.OperationKind{
	"power": v1.OperationKind_OPERATION_KIND_POWER, kindSync: v1.OperationKind_OPERATION_KIND_SYNC,
}

const kindSync = "sync"

var operationStates = map[string]v1.OperationState{
	"queued": v1.OperationState_OPERATION_STATE_QUEUED, "running": v1.OperationState_OPERATION_STATE_RUNNING,
	"succeeded": v1.OperationState_OPERATION_STATE_SUCCEEDED, "partial": v1.OperationState_OPERATION_STATE_PARTIAL,
	"failed": v1.OperationState_OPERATION_STATE_FAILED, "missed": v1.OperationState_OPERATION_STATE_MISSED,
	"cancelled": v1.OperationState_OPERATION_STATE_CANCELLED, "skipped": v1.OperationState_OPERATION_STATE_SKIPPED,
}

var steps = map[string]v1.OperationStep{
	"queued": v1.OperationStep_OPERATION_STEP_QUEUED, "deciding": v1.OperationStep_OPERATION_STEP_DECIDING,
	"acting": v1.OperationStep_OPERATION_STEP_ACTING, "watching": v1.OperationStep_OPERATION_STEP_WATCHING, "done": v1.OperationStep_OPERATION_STEP_DONE,
}

var targetStates = map[string]v1.TargetState{
	"pending": v1.TargetState_TARGET_STATE_PENDING, "taken": v1.TargetState_TARGET_STATE_TAKEN, "accepted": v1.TargetState_TARGET_STATE_ACCEPTED,
	"done": v1.TargetState_TARGET_STATE_DONE, "already": v1.TargetState_TARGET_STATE_ALREADY, "left_alone": v1.TargetState_TARGET_STATE_LEFT_ALONE,
	"failed": v1.TargetState_TARGET_STATE_FAILED, "superseded": v1.TargetState_TARGET_STATE_SUPERSEDED, "missed": v1.TargetState_TARGET_STATE_MISSED,
}

// ToProto shows an operation; schedules and targets may be nil.
func ToProto(o gen.Operation, schedules []gen.OperationSchedule, targets []gen.OperationTarget) *v1.Operation {
	out := &v1.Operation{
		Id: o.ID.String(), Origin: origins[o.Origin], State: operationStates[o.State], Step: steps[o.Step], RequestedByName: o.RequestedByName,
		TargetCount: o.TargetCount, TargetDoneCount: o.DoneCount, TargetFailedCount: o.FailedCount, TargetLeftAloneCount: o.LeftAloneCount,
		TargetOnCount: o.OnCount, TargetOffCount: o.OffCount, Attempts: o.Attempts, LastError: deref(o.LastError), LastErrorDetail: deref(o.LastErrorDetail),
		Kind: kinds[o.Kind], ActBefore: timestamppb.New(o.ActBefore), DueTime: stamp(o.DueAt), CreateTime: timestamppb.New(o.CreatedAt), StartTime: stamp(o.StartedAt),
		EndTime: stamp(o.EndedAt), Version: o.Version,
	}
	if o.Kind == kindSync {
		out.ActBefore = nil
		out.Difference = &v1.InventoryDifference{
			CloudAccountName: o.CloudAccountName, AddedCount: o.AddedCount, ChangedCount: o.ChangedCount, GoneCount: o.GoneCount,
		}
		if o.CloudAccountID != nil {
			out.Difference.CloudAccountId = o.CloudAccountID.String()
		}
	}
	for _, s := range schedules {
		if s.OperationID == o.ID {
			out.Schedules = append(out.Schedules, &v1.OperationSchedule{
				ScheduleId: s.ScheduleID.String(), Name: s.Name, Revision: s.Revision, Exception: deref(s.Exception), ExceptionText: deref(s.ExceptionText),
			})
		}
	}
	for _, t := range targets {
		out.Targets = append(out.Targets, targetToProto(t))
	}
	return out
}

func readingToProto(r gen.OperationReading) *v1.OperationReading {
	return &v1.OperationReading{
		ScheduleId: r.ScheduleID.String(), CloudAccountId: r.CloudAccountID.String(), CloudAccountName: r.CloudAccountName, Ended: r.EndedAt != nil,
		FoundCount: r.FoundCount, Reason: deref(r.Reason), Detail: deref(r.Detail),
	}
}

func targetToProto(t gen.OperationTarget) *v1.OperationTarget {
	out := &v1.OperationTarget{
		OperationId: t.OperationID.String(), ResourceId: t.ResourceID.String(), ResourceName: t.ResourceName, ProviderId: t.ProviderID,
		CloudAccountId: t.CloudAccountID.String(), Region: t.Region, Wanted: inventory.State(t.Wanted), State: targetStates[t.State],
		Reason: deref(t.Reason), Detail: deref(t.Detail), Before: inventory.State(deref(t.BeforeState)), After: inventory.State(deref(t.AfterState)),
		Attempts: t.Attempts, AcceptTime: stamp(t.AcceptedAt), EndTime: stamp(t.EndedAt), Version: t.Version,
	}
	if t.ScheduleID != nil {
		out.ScheduleId = t.ScheduleID.String()
	}
	return out
}

func stamp(t *time.Time) *timestamppb.Timestamp {
	if t == nil {
		return nil
	}
	return timestamppb.New(*t)
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func idsOf(ops []gen.Operation) []uuid.UUID {
	out := make([]uuid.UUID, len(ops))
	for i, o := range ops {
		out[i] = o.ID
	}
	return out
}
