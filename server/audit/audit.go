// Package audit writes the audit row of a change, in the transaction of the
// change. It never sees a secret: callers hand it what may be kept.
package audit

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"

	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/server/rpc"
)

// Entry is one change. Before and After are domain values without secrets.
type Entry struct {
	Org         uuid.UUID
	Workspace   uuid.UUID // nil uuid: the organization itself
	Action      string    // e.g. "cloud_account.create"
	SubjectKind string
	SubjectID   string
	// Operator: by a platform admin, and not by a person of the organization.
	Operator bool
	Before   any
	After    any
}

// Write records a change by the caller of this request.
func Write(ctx context.Context, q *gen.Queries, e Entry) error {
	return WriteAs(ctx, q, rpc.CallerOf(ctx).ActorHash, e)
}

// WriteAs records a change by a person who has only just become known.
func WriteAs(ctx context.Context, q *gen.Queries, actor []byte, e Entry) error {
	caller := rpc.CallerOf(ctx)
	before, err := raw(e.Before)
	if err != nil {
		return err
	}
	after, err := raw(e.After)
	if err != nil {
		return err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	var workspace *uuid.UUID
	if e.Workspace != uuid.Nil {
		workspace = &e.Workspace
	}
	kind := "person"
	if e.Operator {
		kind = "operator"
	}
	return q.InsertAudit(ctx, gen.InsertAuditParams{
		OrgID: e.Org, ID: id, WorkspaceID: workspace, ActorKind: kind, Actor: actor, Address: caller.Address,
		RequestID: caller.RequestID, Action: e.Action, SubjectKind: e.SubjectKind, SubjectID: e.SubjectID, Before: before, After: after,
	})
}

func raw(v any) (json.RawMessage, error) {
	if v == nil {
		return nil, nil
	}
	return json.Marshal(v)
}
