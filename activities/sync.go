package activities

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/temporal"

	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/agenda"
	"github.com/cloudhub/cloudhub/internal/cloud"
	"github.com/cloudhub/cloudhub/internal/inventory"
	"github.com/cloudhub/cloudhub/internal/notify"
)

// Sync reads accounts into the inventory.
type Sync struct {
	accounts accounts
	logger   *slog.Logger
	metrics  *Metrics
}

// NewSync makes the activities of the family sync.
func NewSync(d Deps) *Sync {
	return &Sync{accounts{d.Tenants, d.Opener, d.Clouds}, d.Logger, d.Metrics}
}

// SyncResult says whether somebody has asked again meanwhile.
type SyncResult struct {
	Again bool `json:"again"`
}

// ReadAccount reads all regions of one account, writes what changed, and says
// what was not read and why. A provider's refusal is a result, not an error.
func (s *Sync) ReadAccount(ctx context.Context, in WorkInput) (SyncResult, error) {
	stop := heartbeat(ctx)
	defer stop()
	start := time.Now()
	began, asked, err := s.take(ctx, in)
	if err != nil || asked == 0 {
		return SyncResult{}, err
	}
	opened, err := s.accounts.open(ctx, in.Org, in.Subject)
	switch {
	case errors.Is(err, ErrAccountGone):
		return SyncResult{}, s.drop(ctx, in)
	case errors.Is(err, ErrUnreadable):
		s.logger.ErrorContext(ctx, "account does not open", "org_id", in.Org, "account_id", in.Subject, "error", err)
		s.metrics.synced(opened.provider, "failing", time.Since(start), nil)
		return s.finish(ctx, in, nil, &cloud.Error{Reason: cloud.ReasonUnauthenticated, Message: unreadableDetail}, began, asked)
	case err != nil:
		return SyncResult{}, err
	}
	r := reading{s: s, in: in, opened: opened, readAt: began}
	var listErr error
	for _, kind := range opened.cloud.Instances {
		r.kind = kind.Kind()
		err := kind.ListInstances(ctx, opened.account, func(c cloud.Coverage, found []cloud.Instance) error {
			return r.region(ctx, c, found)
		})
		if ctx.Err() != nil {
			return SyncResult{}, ctx.Err()
		}
		if r.err != nil {
			return SyncResult{}, r.err
		}
		listErr = cmp.Or(listErr, err)
	}
	r.coverage = inventory.MergeCoverage(r.coverage)
	s.metrics.synced(opened.provider, inventory.AccountState(r.coverage), time.Since(start), r.coverage)
	return s.finish(ctx, in, r.coverage, listErr, began, asked)
}

// take answers 0 when the account is gone or a newer run has it. began is the
// database's time before anything was read from the provider: what an operation
// has seen since is newer than what the reading shows.
func (s *Sync) take(ctx context.Context, in WorkInput) (began time.Time, asked int64, err error) {
	gone := false
	err = s.accounts.tenants.InTenant(ctx, in.Org, func(q *gen.Queries) error {
		asked = 0
		_, err := q.TakeSync(ctx, gen.TakeSyncParams{Lease: in.Lease, OrgID: in.Org, ID: in.Subject})
		if err != nil {
			gone = db.IsNoRows(err)
			return err
		}
		if began, err = q.DatabaseTime(ctx); err != nil {
			return err
		}
		asked, err = q.Asked(ctx, gen.AskedParams{OrgID: in.Org, Kind: string(agenda.KindSync), Subject: in.Subject.String()})
		if db.IsNoRows(err) {
			return nil // ended already
		}
		if err != nil {
			return err
		}
		return takenUp(ctx, q, in, agenda.KindSync)
	})
	if gone {
		return began, 0, s.drop(ctx, in)
	}
	return began, asked, err
}

// drop takes the row of an account that is gone off the agenda; one that a newer
// run has is still there and keeps its row.
func (s *Sync) drop(ctx context.Context, in WorkInput) error {
	return s.accounts.tenants.InTenant(ctx, in.Org, func(q *gen.Queries) error {
		_, err := q.OpenAccount(ctx, gen.OpenAccountParams{OrgID: in.Org, ID: in.Subject})
		if !db.IsNoRows(err) {
			return err
		}
		return q.DeleteAgenda(ctx, agendaKey(in, agenda.KindSync))
	})
}

func (s *Sync) finish(ctx context.Context, in WorkInput, coverage []inventory.Coverage, listErr error, began time.Time, asked int64) (SyncResult, error) {
	var lastError *string
	detail := ""
	if listErr != nil {
		reason := providerReason(cloud.ReasonOf(listErr))
		lastError, detail = &reason, detailOf(listErr)
		s.logger.WarnContext(ctx, "account could not be read", "org_id", in.Org, "account_id", in.Subject, "reason", reason, "detail", detailOf(listErr),
			"provider_request_id", cloud.RequestIDOf(listErr))
	} else if i := slices.IndexFunc(coverage, func(c inventory.Coverage) bool { return !c.OK }); i >= 0 {
		reason := coverage[i].Reason // a copy: they are sorted below
		lastError, detail = &reason, coverage[i].Region+": "+coverage[i].Detail
	}
	slices.SortFunc(coverage, func(a, b inventory.Coverage) int { return cmpString(a.Region, b.Region) })
	if coverage == nil {
		coverage = []inventory.Coverage{}
	}
	raw, err := json.Marshal(coverage)
	if err != nil {
		return SyncResult{}, err
	}
	var out SyncResult
	err = s.accounts.tenants.InTenant(ctx, in.Org, func(q *gen.Queries) error {
		if err := s.tell(ctx, q, in, reported{began, coverage, lastError, detail}); err != nil {
			return err
		}
		n, err := q.FinishSync(ctx, gen.FinishSyncParams{
			OrgID: in.Org, ID: in.Subject, State: inventory.AccountState(coverage), LastError: lastError, Coverage: raw, Lease: in.Lease,
		})
		if err != nil || n == 0 {
			return err // fenced: the newer run ends the row
		}
		ended, err := q.EndAgenda(ctx, gen.EndAgendaParams{OrgID: in.Org, Kind: string(agenda.KindSync), Subject: in.Subject.String(), Asked: asked})
		out.Again = ended == 0
		return err
	})
	return out, err
}

// reported is what a reading found, as it is recorded.
type reported struct {
	began     time.Time
	coverage  []inventory.Coverage
	lastError *string
	detail    string
}

// tell writes the reading as an operation when it found something else than the
// inventory had, or failed otherwise than the one before: a failure that lasts is
// told once, and stands on the account.
func (s *Sync) tell(ctx context.Context, q *gen.Queries, in WorkInput, r reported) error {
	before, err := q.ReadingOf(ctx, gen.ReadingOfParams{OrgID: in.Org, ID: in.Subject, Lease: in.Lease})
	if db.IsNoRows(err) {
		return nil // fenced: the newer run tells it
	}
	if err != nil {
		return err
	}
	var earlier []inventory.Coverage
	if err := json.Unmarshal(before.Coverage, &earlier); err != nil {
		return err
	}
	failure, had := inventory.Failure(r.coverage, deref(r.lastError)), inventory.Failure(earlier, deref(before.LastError))
	if before.ReadingAdded+before.ReadingChanged+before.ReadingGone == 0 && (failure == "" || failure == had) {
		return nil
	}
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	return q.InsertReading(ctx, gen.InsertReadingParams{
		OrgID: in.Org, WorkspaceID: before.WorkspaceID, ID: id, State: inventory.ReadingState(r.coverage), CloudAccountID: in.Subject, CloudAccountName: before.Name,
		Began: r.began, AddedCount: before.ReadingAdded, ChangedCount: before.ReadingChanged, GoneCount: before.ReadingGone,
		LastError: deref(r.lastError), LastErrorDetail: clip(r.detail, maxDetail),
	})
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func cmpString(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	default:
		return 0
	}
}

// reading is one pass over the regions of an account.
type reading struct {
	s        *Sync
	in       WorkInput
	opened   openAccount
	kind     string    // that is being read
	readAt   time.Time // before it, by the database's clock
	coverage []inventory.Coverage
	err      error // of ours, not the provider's: repeat the whole reading
}

// rowsAtOnce bounds one statement, so that a change of power never waits long
// for the rows of a sync.
const rowsAtOnce = 500

func (r *reading) region(ctx context.Context, c cloud.Coverage, instances []cloud.Instance) error {
	if !c.OK {
		r.coverage = append(r.coverage, inventory.Coverage{Region: c.Region, Reason: "PROVIDER_" + c.Reason, Detail: c.Detail})
		return nil
	}
	if err := r.write(ctx, c.Region, instances); err != nil {
		r.err = err
		return err
	}
	r.coverage = append(r.coverage, inventory.Coverage{Region: c.Region, OK: true, Count: len(instances)})
	return nil
}

func (r *reading) write(ctx context.Context, region string, instances []cloud.Instance) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	// Chunks see the same order of rows as every other writer.
	slices.SortFunc(instances, func(a, b cloud.Instance) int { return cmpString(a.ProviderID, b.ProviderID) })
	seen := make([]string, 0, len(instances))
	for _, i := range instances {
		seen = append(seen, i.ProviderID)
	}
	tenants := r.s.accounts.tenants
	for chunk := range slices.Chunk(instances, rowsAtOnce) {
		if err := tenants.InTenant(ctx, r.in.Org, func(q *gen.Queries) error { return r.upsert(ctx, q, region, chunk) }); err != nil {
			return err
		}
	}
	return tenants.InTenant(ctx, r.in.Org, func(q *gen.Queries) error {
		gone, err := q.MarkGone(ctx, gen.MarkGoneParams{
			ReadAt: r.readAt, OrgID: r.in.Org, CloudAccountID: r.in.Subject, Kind: r.kind, Region: region, SeenProviderIds: seen,
		})
		if err != nil {
			return err
		}
		if gone > 0 {
			if err := q.NoteDifferences(ctx, gen.NoteDifferencesParams{Gone: int32(gone), OrgID: r.in.Org, ID: r.in.Subject}); err != nil {
				return err
			}
		}
		return r.astray(ctx, q, region)
	})
}

// astray tells of machines that have left the state into which a timetable had
// brought them, without an order of ours. The last look at one is the first
// reading after its quarter of an hour.
func (r *reading) astray(ctx context.Context, q *gen.Queries, region string) error {
	seen, err := q.SeeFollowed(ctx, gen.SeeFollowedParams{OrgID: r.in.Org, CloudAccountID: r.in.Subject, Kind: r.kind, Region: region, ReadAt: r.readAt})
	if err != nil {
		return err
	}
	var b notify.Batch
	for _, s := range seen {
		name := s.Name
		if name == "" {
			name = s.ProviderID
		}
		b.Astray(r.in.Org, s.WorkspaceID, notify.Astray{
			OperationID: s.OperationID, ScheduleID: s.ScheduleID, ResourceID: s.ResourceID, ResourceName: name, ProviderID: s.ProviderID,
			Wanted: s.Wanted, Seen: s.State,
		})
	}
	return Tell(ctx, q, b)
}

func (r *reading) upsert(ctx context.Context, q *gen.Queries, region string, chunk []cloud.Instance) error {
	p := gen.UpsertResourcesParams{
		OrgID: r.in.Org, WorkspaceID: r.opened.workspace, CloudAccountID: r.in.Subject, Kind: r.kind, Region: region, ReadAt: r.readAt,
	}
	tags := map[string]map[string]string{}
	for _, i := range chunk {
		id, err := uuid.NewV7()
		if err != nil {
			return err
		}
		rawTags, err := json.Marshal(nonNil(i.Tags))
		if err != nil {
			return err
		}
		details, err := json.Marshal(i.Details)
		if err != nil {
			return err
		}
		tags[i.ProviderID] = i.Tags
		p.Ids = append(p.Ids, id)
		p.ProviderIds = append(p.ProviderIds, i.ProviderID)
		p.Names = append(p.Names, i.Name)
		p.Zones = append(p.Zones, i.Zone)
		p.Types = append(p.Types, i.Type)
		p.States = append(p.States, string(i.State))
		p.Tagses = append(p.Tagses, rawTags)
		p.Detailses = append(p.Detailses, details)
		p.Protecteds = append(p.Protecteds, inventory.Protected(i.Tags))
		p.LeftAlones = append(p.LeftAlones, string(inventory.LeftAlone(i.Details.AutoScalingGroup, i.Details.Spot, i.Details.InstanceStore)))
		p.ProviderTimes = append(p.ProviderTimes, i.CreatedAt)
	}
	written, err := q.UpsertResources(ctx, p)
	if err != nil {
		return err
	}
	if err := r.retag(ctx, q, written, tags); err != nil {
		return err
	}
	return r.count(ctx, q, written)
}

// count adds up what differed from the inventory.
func (r *reading) count(ctx context.Context, q *gen.Queries, written []gen.UpsertResourcesRow) error {
	n := gen.NoteDifferencesParams{OrgID: r.in.Org, ID: r.in.Subject}
	for _, w := range written {
		switch {
		case w.Added:
			n.Added++
		case w.Changed:
			n.Changed++
		}
	}
	if n.Added+n.Changed == 0 {
		return nil
	}
	return q.NoteDifferences(ctx, n)
}

// retag writes the tag rows of what changed.
func (r *reading) retag(ctx context.Context, q *gen.Queries, changed []gen.UpsertResourcesRow, tags map[string]map[string]string) error {
	if len(changed) == 0 {
		return nil
	}
	insert := gen.InsertTagsParams{OrgID: r.in.Org, WorkspaceID: r.opened.workspace}
	var ids []uuid.UUID
	for _, c := range changed {
		ids = append(ids, c.ID)
		for k, v := range tags[c.ProviderID] {
			insert.Keys = append(insert.Keys, k)
			insert.Values = append(insert.Values, v)
			insert.ResourceIds = append(insert.ResourceIds, c.ID)
		}
	}
	if err := q.DeleteTagsOf(ctx, gen.DeleteTagsOfParams{OrgID: r.in.Org, ResourceIds: ids}); err != nil {
		return err
	}
	return q.InsertTags(ctx, insert)
}

func nonNil(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

// IsFenced says that an activity stopped because a newer run has taken over.
func IsFenced(err error) bool {
	var app *temporal.ApplicationError
	return errors.As(err, &app) && app.Type() == "Fenced"
}
