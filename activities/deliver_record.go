package activities

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/access"
	"github.com/cloudhub/cloudhub/internal/notify"
	"github.com/cloudhub/cloudhub/internal/platform/rpcerr"
	"github.com/cloudhub/cloudhub/internal/webhook"
)

// Recording is what a batch of attempts comes to, decided before the transaction that
// writes it, which may run again.
type Recording struct {
	attempts  gen.RecordAttemptsParams
	successes gen.NoteSuccessParams
	failures  []failingDestination
}

// failingDestination is a destination whose last attempt of the batch failed.
type failingDestination struct {
	org, id uuid.UUID
	count   int
	worst   webhook.Class
	answer  webhook.Answer // of the longest wait
	gone    bool
	probe   bool
	random  float64
}

// Failed are the destinations that need their workflow now.
func (r Recording) Failed() (orgs, ids []uuid.UUID) {
	for _, f := range r.failures {
		orgs, ids = append(orgs, f.org), append(ids, f.id)
	}
	return orgs, ids
}

// Decide says what attempts come to. They are in the order in which they ended.
func Decide(attempts []Attempt) Recording {
	var out Recording
	type standing struct {
		org     uuid.UUID
		ok      bool
		news    bool // it was failing, or its last success was long ago
		failing failingDestination
	}
	byDestination := map[uuid.UUID]*standing{}
	for _, a := range attempts {
		out.add(a)
		if a.Class == webhook.Ours {
			continue
		}
		s := byDestination[a.Claimed.Destination]
		if s == nil {
			s = &standing{org: a.Claimed.Org}
			byDestination[a.Claimed.Destination] = s
		}
		row := a.Claimed.Send
		s.news = s.news || row.Failing || row.Open || row.Failures > 0 || row.SuccessIsNews
		if a.Class == webhook.Accepted {
			s.ok, s.failing = true, failingDestination{} // what failed before it says nothing of now
			continue
		}
		s.ok, s.news = false, true
		f := &s.failing
		f.org, f.id, f.random = a.Claimed.Org, a.Claimed.Destination, random()
		f.count++
		f.gone = f.gone || a.Class == webhook.Gone
		f.probe = f.probe || a.Claimed.Probe
		if f.worst != webhook.Busy {
			f.worst = a.Class
		}
		if a.Class == webhook.Busy && a.Answer.RetryAfter > f.answer.RetryAfter {
			f.answer = a.Answer
		}
	}
	// In one order everywhere, so that two recordings do not wait for each other.
	for _, id := range slices.SortedFunc(maps.Keys(byDestination), func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) }) {
		switch s := byDestination[id]; {
		case !s.ok:
			out.failures = append(out.failures, s.failing)
		case s.news:
			out.successes.OrgIds, out.successes.Ids = append(out.successes.OrgIds, s.org), append(out.successes.Ids, id)
		}
	}
	return out
}

func (r *Recording) add(a Attempt) {
	state, next := "delivered", webhook.Next{Step: a.Claimed.Step}
	switch a.Class {
	case webhook.Accepted:
	case webhook.Gone:
		state = "exhausted"
	default:
		state, next = "waiting", webhook.Again(a.Claimed.Step, a.Claimed.Due, a.Answer, random())
		if next.Ended {
			state = "exhausted"
		}
	}
	p, t := &r.attempts, a.times
	p.OrgIds, p.DestinationIds, p.EventIds = append(p.OrgIds, a.Claimed.Org), append(p.DestinationIds, a.Claimed.Destination), append(p.EventIds, a.Claimed.Event)
	p.Leases, p.States, p.Steps = append(p.Leases, a.Claimed.Lease), append(p.States, state), append(p.Steps, int16(next.Step))
	p.WaitSeconds, p.Numbers = append(p.WaitSeconds, next.Wait.Seconds()), append(p.Numbers, int32(a.Claimed.Attempts+1))
	p.StartedAts, p.KeepDays = append(p.StartedAts, a.Started), append(p.KeepDays, int32(access.LimitsOf(access.Plan(a.Claimed.Send.Plan)).DeliveryDays))
	p.Urls, p.RequestHeaders, p.ResponseHeaders = append(p.Urls, a.url), append(p.RequestHeaders, headersJSON(a.requestHeaders)), append(p.ResponseHeaders, headersJSON(a.responseHeaders))
	p.Statuses, p.ResponseBodies, p.Truncateds = append(p.Statuses, int32(a.Answer.Status)), append(p.ResponseBodies, append([]byte{}, a.body...)), append(p.Truncateds, a.truncated)
	t.mu.Lock()
	defer t.mu.Unlock()
	p.Addresses, p.DnsUs, p.ConnectUs = append(p.Addresses, t.address), append(p.DnsUs, t.dns.Microseconds()), append(p.ConnectUs, t.connect.Microseconds())
	p.TlsUs, p.FirstByteUs, p.TotalUs = append(p.TlsUs, t.tls.Microseconds()), append(p.FirstByteUs, t.first.Microseconds()), append(p.TotalUs, t.total.Microseconds())
	p.Errors, p.Reasons = append(p.Errors, clip(a.Error, maxDetail)), append(p.Reasons, string(a.Reason))
}

func headersJSON(h []webhook.Header) []byte {
	if len(h) == 0 {
		return []byte("[]")
	}
	out, err := json.Marshal(h)
	if err != nil {
		return []byte("[]") // strings marshal
	}
	return out
}

// Write writes results, the log and what became of the destinations, in the caller's
// transaction. Deliveries that were claimed and not tried are released with it.
func (r Recording) Write(ctx context.Context, q *gen.Queries, released []Claimed) error {
	if len(r.attempts.OrgIds) > 0 {
		if _, err := q.RecordAttempts(ctx, r.attempts); err != nil {
			return err
		}
	}
	if len(released) > 0 {
		var p gen.ReleaseDeliveriesParams
		for _, c := range released {
			p.OrgIds, p.DestinationIds, p.EventIds, p.Leases = append(p.OrgIds, c.Org), append(p.DestinationIds, c.Destination), append(p.EventIds, c.Event), append(p.Leases, c.Lease)
		}
		if err := q.ReleaseDeliveries(ctx, p); err != nil {
			return err
		}
	}
	if len(r.successes.Ids) > 0 {
		if err := q.NoteSuccess(ctx, r.successes); err != nil {
			return err
		}
	}
	if len(r.failures) == 0 {
		return nil
	}
	return r.writeFailures(ctx, q)
}

func (r Recording) writeFailures(ctx context.Context, q *gen.Queries) error {
	p := gen.NoteFailingParams{OpenAfter: webhook.OpenAfter}
	of := map[uuid.UUID]failingDestination{}
	for _, f := range r.failures {
		of[f.id] = f
		p.OrgIds, p.Ids, p.Counts = append(p.OrgIds, f.org), append(p.Ids, f.id), append(p.Counts, int32(f.count))
		p.Probes, p.Opens = append(p.Probes, f.probe), append(p.Opens, f.worst == webhook.Busy)
	}
	rows, err := q.NoteFailing(ctx, p)
	if err != nil {
		return err
	}
	var open gen.OpenBreakersParams
	for _, row := range rows {
		f := of[row.ID]
		failingFor := time.Duration(row.FailingSeconds * float64(time.Second))
		switch {
		case row.DisabledAt != nil:
		case f.gone:
			err = disable(ctx, q, row, rpcerr.ReasonDeliveryGone)
		case failingFor >= webhook.DisableAfter:
			err = disable(ctx, q, row, rpcerr.ReasonDestinationFailedLong)
		default:
			cool := f.answer.RetryAfter // of what was on its way when it opened
			if !row.Open || f.probe {
				cool = webhook.Cool(f.worst, int(row.Failures), f.answer, f.random)
			}
			if cool > 0 {
				open.OrgIds, open.Ids, open.WaitSeconds = append(open.OrgIds, row.OrgID), append(open.Ids, row.ID), append(open.WaitSeconds, cool.Seconds())
			}
			err = warn(ctx, q, row, failingFor)
		}
		if err != nil {
			return err
		}
	}
	if len(open.Ids) == 0 {
		return nil
	}
	return q.OpenBreakers(ctx, open)
}

// disable stops a destination for good, until a person resumes it; what waits is held.
func disable(ctx context.Context, q *gen.Queries, row gen.NoteFailingRow, why rpcerr.Reason) error {
	n, err := q.DisableDestination(ctx, gen.DisableDestinationParams{OrgID: row.OrgID, ID: row.ID, Reason: string(why)})
	if err != nil || n == 0 {
		return err
	}
	if err := q.HoldAll(ctx, gen.HoldAllParams{OrgID: row.OrgID, DestinationID: row.ID}); err != nil {
		return err
	}
	var b notify.Batch
	b.DestinationDisabled(row.OrgID, row.WorkspaceID, row.ID, row.Name)
	return Tell(ctx, q, b)
}

// warn tells people on the way to that.
func warn(ctx context.Context, q *gen.Queries, row gen.NoteFailingRow, failingFor time.Duration) error {
	warnings := webhook.WarningOf(failingFor)
	if warnings <= int(row.Warned) {
		return nil
	}
	if err := q.WarnedOf(ctx, gen.WarnedOfParams{OrgID: row.OrgID, ID: row.ID, Warned: int16(warnings)}); err != nil {
		return err
	}
	var b notify.Batch
	b.DestinationFailing(row.OrgID, row.WorkspaceID, row.ID, row.Name, time.Now().Add(webhook.DisableAfter-failingFor))
	return Tell(ctx, q, b)
}
