package activities

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/cloud"
	"github.com/cloudhub/cloudhub/internal/platform/crashpoint"
	"github.com/cloudhub/cloudhub/internal/power"
	"github.com/cloudhub/cloudhub/internal/schedule"
)

// FindInput is one reading of one operation.
type FindInput struct {
	WorkInput
	Reading
}

// Find looks at the provider for the machines that a schedule selects in one
// account, writes them into the inventory, and makes them targets of the
// operation. Regions that cannot be read for a moment are read again until the
// window is over; then, and when the provider refuses for good, the reading says
// so. It may die and begin again at any point.
func (p *Power) Find(ctx context.Context, in FindInput) error {
	stop := heartbeat(ctx)
	defer stop()
	f := finding{p: p, in: in}
	row, err := f.open(ctx)
	if err != nil || row == nil {
		return err
	}
	if row.Paused {
		return f.end(ctx, string(power.ReasonAutomationPaused), "")
	}
	if err := json.Unmarshal(row.Selector, &f.selector); err != nil {
		return fmt.Errorf("selector: %w", err)
	}
	f.wanted, f.actBefore = row.Wanted, row.ActBefore
	opened, err := p.accounts.open(ctx, in.Org, in.Account)
	switch {
	case errors.Is(err, ErrAccountGone):
		return f.end(ctx, string(power.ReasonAccountRemoved), "")
	case errors.Is(err, ErrUnreadable):
		return f.end(ctx, providerReason(cloud.ReasonUnauthenticated), unreadableDetail)
	case err != nil:
		return err
	}
	f.opened = opened
	f.left = time.Now().Add(time.Duration(row.SecondsLeft * float64(time.Second)))
	return f.run(ctx)
}

// finding is one attempt of one reading.
type finding struct {
	p         *Power
	in        FindInput
	opened    openAccount
	kinds     []cloud.Instances // in which the selector can find anything
	selector  schedule.Selector
	wanted    string
	actBefore time.Time
	left      time.Time // this process's time at the end of the window
}

// open answers nil when the reading has ended, or a newer run has the operation.
func (f *finding) open(ctx context.Context) (*gen.OpenReadingRow, error) {
	var row gen.OpenReadingRow
	err := f.p.accounts.tenants.InTenant(ctx, f.in.Org, func(q *gen.Queries) (err error) {
		row, err = q.OpenReading(ctx, gen.OpenReadingParams{
			OrgID: f.in.Org, OperationID: f.in.Subject, ScheduleID: f.in.Schedule, CloudAccountID: f.in.Account, Lease: f.in.Lease,
		})
		return err
	})
	if db.IsNoRows(err) {
		return nil, nil
	}
	return &row, err
}

func (f *finding) run(ctx context.Context) error {
	filter := cloud.Filter{NamePrefix: f.selector.NamePrefix, Regions: f.selector.Regions}
	f.kinds = f.selectable()
	for _, t := range f.selector.Tags {
		filter.Tags = append(filter.Tags, cloud.TagFilter{Key: t.Key, Values: t.Values})
	}
	refused := map[string]cloud.Coverage{} // by region, for good
	for wait := time.Second; ; wait = min(2*wait, 15*time.Second) {
		if !time.Now().Before(f.left) {
			return f.end(ctx, string(power.ReasonNotReadInTime), unread(refused))
		}
		again, err := f.read(ctx, filter, refused)
		var theirs *cloud.Error
		switch {
		case err != nil && !errors.As(err, &theirs):
			return err
		case err != nil && !theirs.Reason.Retryable():
			return f.end(ctx, providerReason(theirs.Reason), detailOf(theirs))
		}
		if err == nil && len(again) == 0 {
			reason := ""
			for _, c := range refused {
				reason = "PROVIDER_" + c.Reason
			}
			return f.end(ctx, reason, unread(refused))
		}
		if err == nil {
			filter.Regions = again
		}
		if err := pause(ctx, min(wait, max(0, time.Until(f.left)))); err != nil {
			return err
		}
	}
}

// read reads once, and answers the regions that must be read again. A *cloud.Error
// is about the whole account; other errors are ours.
func (f *finding) read(ctx context.Context, filter cloud.Filter, refused map[string]cloud.Coverage) (again []string, err error) {
	var began time.Time
	if err := f.p.accounts.tenants.InTenant(ctx, f.in.Org, func(q *gen.Queries) (err error) {
		began, err = q.DatabaseTime(ctx)
		return err
	}); err != nil {
		return nil, err
	}
	crashpoint.Reached(crashpoint.Looking, f.in.Subject)
	var ours, theirs error
	for _, kind := range f.kinds {
		listErr := kind.FindInstances(ctx, f.opened.account, filter, func(c cloud.Coverage, found []cloud.Instance) error {
			switch {
			case c.OK:
				if ours = f.write(ctx, kind.Kind(), c.Region, began, found); len(found) > 0 {
					crashpoint.Reached(crashpoint.Found, f.in.Subject)
				}
			case !cloud.Reason(c.Reason).Retryable():
				refused[c.Region] = c
			case !slices.Contains(again, c.Region):
				again = append(again, c.Region)
			}
			return ours
		})
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if ours != nil {
			return nil, ours
		}
		theirs = cmp.Or(theirs, listErr)
	}
	return again, theirs
}

// selectable are the adapters of the account whose kinds the selector can find.
func (f *finding) selectable() (out []cloud.Instances) {
	used := cloud.SelectorParts{Tags: len(f.selector.Tags) > 0, Name: f.selector.NamePrefix != ""}
	for _, i := range f.opened.cloud.Instances {
		if k, ok := cloud.KindNamed(i.Kind()); ok && k.SelectableBy(used) {
			out = append(out, i)
		}
	}
	return out
}

// write puts what was found into the inventory and on the operation.
func (f *finding) write(ctx context.Context, kind, region string, began time.Time, found []cloud.Instance) error {
	found = slices.DeleteFunc(found, func(i cloud.Instance) bool { return !f.selector.Matches(i.Name, i.Region, i.Tags) })
	slices.SortFunc(found, func(a, b cloud.Instance) int { return cmpString(a.ProviderID, b.ProviderID) })
	r := reading{s: &Sync{f.p.accounts, f.p.logger, f.p.metrics}, in: WorkInput{Org: f.in.Org, Subject: f.in.Account}, opened: f.opened, kind: kind, readAt: began}
	for chunk := range slices.Chunk(found, rowsAtOnce) {
		if err := f.p.accounts.tenants.InTenant(ctx, f.in.Org, func(q *gen.Queries) error { return r.upsert(ctx, q, region, chunk) }); err != nil {
			return err
		}
		ids := make([]string, len(chunk))
		for i, c := range chunk {
			ids[i] = c.ProviderID
		}
		err := f.p.fenced(ctx, f.in.WorkInput, func(q *gen.Queries) error {
			if err := q.InsertFoundTargets(ctx, gen.InsertFoundTargetsParams{
				OperationID: f.in.Subject, ScheduleID: &f.in.Schedule, Wanted: f.wanted, ActBefore: &f.actBefore, OrgID: f.in.Org,
				CloudAccountID: f.in.Account, Kind: kind, Region: region, ProviderIds: ids,
			}); err != nil {
				return err
			}
			return progress(ctx, q, f.in.WorkInput)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (f *finding) end(ctx context.Context, reason, detail string) error {
	err := f.p.fenced(ctx, f.in.WorkInput, func(q *gen.Queries) error {
		if err := q.EndReading(ctx, gen.EndReadingParams{
			Reason: reason, Detail: clip(detail, maxDetail), OrgID: f.in.Org, OperationID: f.in.Subject, ScheduleID: f.in.Schedule, CloudAccountID: f.in.Account,
		}); err != nil {
			return err
		}
		if reason != "" {
			if err := q.NoteAttempt(ctx, gen.NoteAttemptParams{
				LastError: reason, LastErrorDetail: clip(detail, maxDetail), OrgID: f.in.Org, ID: f.in.Subject, Lease: f.in.Lease,
			}); err != nil {
				return err
			}
		}
		return progress(ctx, q, f.in.WorkInput)
	})
	if err == nil {
		f.p.metrics.lookedFor(reason)
	}
	return err
}

// unread names the regions that were refused, with the provider's codes.
func unread(refused map[string]cloud.Coverage) string {
	var out []string
	for region, c := range refused {
		out = append(out, strings.TrimSpace(region+" "+c.Detail))
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}
