package activities

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/power"
)

// end is the final word on one target.
type end struct {
	resource uuid.UUID
	state    power.TargetState
	reason   string
	detail   string
	before   string
	after    string
}

// ends collects final words and writes them in as few statements as there are
// kinds of rows.
type ends struct{ list []end }

func (e *ends) count(state power.TargetState) (n int) {
	for _, x := range e.list {
		if x.state == state {
			n++
		}
	}
	return n
}

func (e *ends) add(x end) { e.list = append(e.list, x) }

// write releases the resources, then ends the targets: the order of locks is
// the same in every transaction. seenAt is when `after` was read; zero when
// nothing was read.
func (e *ends) write(ctx context.Context, q *gen.Queries, in WorkInput, seenAt time.Time) error {
	if len(e.list) == 0 {
		return nil
	}
	var release gen.ReleaseResourcesParams
	var targets gen.EndTargetsParams
	for _, x := range e.list {
		release.Ids = append(release.Ids, x.resource)
		release.States = append(release.States, x.after)
		targets.ResourceIds = append(targets.ResourceIds, x.resource)
		targets.States = append(targets.States, string(x.state))
		targets.Reasons = append(targets.Reasons, x.reason)
		targets.Details = append(targets.Details, clip(x.detail, maxDetail))
		targets.BeforeStates = append(targets.BeforeStates, x.before)
		targets.AfterStates = append(targets.AfterStates, x.after)
	}
	release.OrgID, release.OperationID, release.SeenAt = in.Org, in.Subject, seenAt
	targets.OrgID, targets.OperationID = in.Org, in.Subject
	if err := q.ReleaseResources(ctx, release); err != nil {
		return err
	}
	_, err := q.EndTargets(ctx, targets)
	return err
}

// maxDetail is how much of a provider's text is kept, in bytes.
const maxDetail = 500

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 { // not inside a character
		n--
	}
	return s[:n]
}
