// Package request is what handlers share: ids out of messages, the idempotency
// of creation by request_id, and asking for what takes longer than a request.
package request

import (
	"context"
	"crypto/sha256"
	"strings"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/agenda"
	"github.com/cloudhub/cloudhub/internal/platform/rpcerr"
	"github.com/cloudhub/cloudhub/internal/platform/telemetry"
	"github.com/cloudhub/cloudhub/server/rpc"
)

// ID parses an id that validation has seen; anything else does not exist.
func ID(s string) (uuid.UUID, error) {
	id, err := uuid.Parse(s)
	if err != nil {
		return uuid.Nil, rpcerr.NotFound()
	}
	return id, nil
}

// IDs parses several, each once: one id has two spellings, and not every list is
// checked for repetition.
func IDs(list []string) ([]uuid.UUID, error) {
	out := make([]uuid.UUID, 0, len(list))
	seen := make(map[uuid.UUID]bool, len(list))
	for _, s := range list {
		id, err := ID(s)
		if err != nil {
			return nil, err
		}
		if !seen[id] {
			seen[id] = true
			out = append(out, id)
		}
	}
	return out, nil
}

// Name trims a name. What is blank to people, and not to the contract's pattern
// (a no-break space), is refused. Errors: VALIDATION.
func Name(s string) (string, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return "", rpcerr.Invalid(rpcerr.ReasonValidation, "name", "give a name of 1 to 100 characters")
	}
	return s, nil
}

// Once makes a creation idempotent by its request_id, inside the transaction of
// the creation. It answers the id of what the same request made before, or nil
// when it is new; then subject is remembered for it. An empty request_id is
// always new. Errors: REQUEST_ID_REUSED when the body differs.
func Once(ctx context.Context, q *gen.Queries, procedure, requestID string, req proto.Message, subject uuid.UUID) (*uuid.UUID, error) {
	if requestID == "" {
		return nil, nil
	}
	key, hash, err := keyOf(ctx, procedure, requestID, req)
	if err != nil {
		return nil, err
	}
	n, err := q.InsertIdempotencyKey(ctx, gen.InsertIdempotencyKeyParams{
		OrgID: key.OrgID, UserID: key.UserID, Procedure: procedure, RequestID: key.RequestID, RequestHash: hash, SubjectID: subject,
	})
	if err != nil || n == 1 {
		return nil, err
	}
	return find(ctx, q, key, hash)
}

// Before looks a request_id up without remembering anything: for what must be
// done before the transaction of the creation.
func Before(ctx context.Context, q *gen.Queries, procedure, requestID string, req proto.Message) (*uuid.UUID, error) {
	if requestID == "" {
		return nil, nil
	}
	key, hash, err := keyOf(ctx, procedure, requestID, req)
	if err != nil {
		return nil, err
	}
	return find(ctx, q, key, hash)
}

// keyOf is who asked what under which request_id, and the hash of how.
func keyOf(ctx context.Context, procedure, requestID string, req proto.Message) (gen.FindIdempotencyKeyParams, []byte, error) {
	id, err := ID(requestID)
	if err != nil {
		return gen.FindIdempotencyKeyParams{}, nil, err
	}
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(req)
	if err != nil {
		return gen.FindIdempotencyKeyParams{}, nil, err
	}
	hash := sha256.Sum256(raw)
	clear(raw) // there may be a secret in it
	return gen.FindIdempotencyKeyParams{OrgID: rpc.GrantOf(ctx).Org, UserID: rpc.CallerOf(ctx).UserID, Procedure: procedure, RequestID: id}, hash[:], nil
}

// Ask puts work on the agenda, as the last statement of the transaction that
// makes it true, with the request and the trace that asked for it. Whoever asks
// by an rpc is waiting: it is the person's lane. account is the cloud account it
// is about, nil for several or none.
func Ask(ctx context.Context, q *gen.Queries, org uuid.UUID, kind agenda.Kind, subject, account uuid.UUID) error {
	return AskIn(ctx, q, org, kind, agenda.LanePerson, subject, account)
}

// AskIn is Ask in another lane, for what nobody waits for.
func AskIn(ctx context.Context, q *gen.Queries, org uuid.UUID, kind agenda.Kind, lane agenda.Lane, subject, account uuid.UUID) error {
	return q.Ask(ctx, gen.AskParams{
		OrgID: org, Kind: string(kind), Subject: subject.String(), Lane: int16(lane), AccountID: account,
		Trace: telemetry.Traceparent(ctx), RequestID: rpc.CallerOf(ctx).RequestID,
	})
}

func find(ctx context.Context, q *gen.Queries, p gen.FindIdempotencyKeyParams, hash []byte) (*uuid.UUID, error) {
	row, err := q.FindIdempotencyKey(ctx, p)
	if db.IsNoRows(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if string(row.RequestHash) != string(hash) {
		return nil, rpcerr.Invalid(rpcerr.ReasonRequestIdReused, "request_id", "use a new id for a new request")
	}
	return &row.SubjectID, nil
}
