package activities

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/agenda"
	"github.com/cloudhub/cloudhub/internal/calendar"
	"github.com/cloudhub/cloudhub/internal/notify"
	"github.com/cloudhub/cloudhub/internal/platform/crashpoint"
	"github.com/cloudhub/cloudhub/internal/platform/egress"
	"github.com/cloudhub/cloudhub/internal/platform/rpcerr"
	"github.com/cloudhub/cloudhub/internal/schedule"
	"github.com/cloudhub/cloudhub/internal/timetable"
)

// Calendar reads calendars from the addresses where they are published.
type Calendar struct {
	tenants *db.Tenants
	client  *http.Client
	within  time.Duration
	logger  *slog.Logger
	metrics *Metrics
}

// What a reading may take.
const (
	calendarBytes     = 2 << 20 // decompressed
	calendarTimeout   = 15 * time.Second
	calendarRedirects = 3
)

// NewCalendar makes the activities of the family calendar.
func NewCalendar(d Deps) *Calendar {
	within := cmp.Or(d.FetchWithin, calendarTimeout)
	client := d.Egress.Client(egress.Options{Timeout: within, MaxBody: calendarBytes, Redirects: calendarRedirects})
	return &Calendar{d.Tenants, client, within, d.Logger, d.Metrics}
}

// CalendarResult says whether somebody has asked again meanwhile.
type CalendarResult struct {
	Again bool `json:"again"`
}

// ReadCalendar reads one calendar from its address. Its days change only when all
// of it could be read and understood; otherwise those read before stay in force,
// and the calendar says what went wrong. That is a result, not an error.
func (c *Calendar) ReadCalendar(ctx context.Context, in WorkInput) (CalendarResult, error) {
	stop := heartbeat(ctx)
	defer stop()
	taken, err := c.take(ctx, in)
	if err != nil || taken.asked == 0 {
		return CalendarResult{}, err
	}
	read := c.fetch(ctx, taken)
	if ctx.Err() != nil {
		return CalendarResult{}, ctx.Err()
	}
	crashpoint.Reached(crashpoint.Fetched, in.Subject)
	c.metrics.calendarRead(read.outcome())
	if read.reason != "" {
		c.logger.InfoContext(ctx, "a calendar could not be read", "org_id", in.Org, "calendar_id", in.Subject, "reason", read.reason, "detail", read.detail)
	}
	return c.finish(ctx, in, taken, read)
}

// takenCalendar is what a reading begins with.
type takenCalendar struct {
	address    string
	validators validators
	now        time.Time // the database's
	asked      int64     // 0: there is nothing to do
}

// validators are what an answer gave to ask by whether anything has changed since,
// and the first day of which the days that came of it are: they are read anew in
// good time before they run out.
type validators struct {
	ETag         string `json:"etag,omitempty"`
	LastModified string `json:"last_modified,omitempty"`
	From         string `json:"from,omitempty"`
}

// How far days are read: back, for what is shown of the past, and ahead.
const (
	calendarYearsBack  = 1
	calendarYearsAhead = 3
	// askAnewAfter is for how many days an unchanged calendar is not expanded again.
	askAnewAfter = 30
)

// usable says that what is unchanged since needs no reading.
func (v validators) usable(today schedule.Day) bool {
	from, err := schedule.ParseDay(v.From)
	return err == nil && (v.ETag != "" || v.LastModified != "") && firstDay(today).Compare(from.Add(askAnewAfter)) <= 0
}

func firstDay(today schedule.Day) schedule.Day { return today.Add(-366 * calendarYearsBack) }

// take answers asked 0 when the calendar is gone, is read from no address any
// more, or a newer run has it.
func (c *Calendar) take(ctx context.Context, in WorkInput) (out takenCalendar, err error) {
	gone := false
	err = c.tenants.InTenant(ctx, in.Org, func(q *gen.Queries) error {
		out, gone = takenCalendar{}, false
		row, err := q.TakeCalendar(ctx, gen.TakeCalendarParams{Lease: in.Lease, OrgID: in.Org, ID: in.Subject})
		if err != nil {
			gone = db.IsNoRows(err)
			return err
		}
		out.address = row.Address
		if err := json.Unmarshal(row.Validators, &out.validators); err != nil {
			return err
		}
		if out.now, err = q.DatabaseTime(ctx); err != nil {
			return err
		}
		out.asked, err = q.Asked(ctx, gen.AskedParams{OrgID: in.Org, Kind: string(agenda.KindCalendar), Subject: in.Subject.String()})
		if db.IsNoRows(err) {
			return nil // ended already
		}
		if err != nil {
			return err
		}
		return takenUp(ctx, q, in, agenda.KindCalendar)
	})
	if gone {
		return takenCalendar{}, c.drop(ctx, in)
	}
	return out, err
}

// drop takes the row of a calendar that is gone off the agenda; one that a newer
// run has is still there and keeps its row.
func (c *Calendar) drop(ctx context.Context, in WorkInput) error {
	return c.tenants.InTenant(ctx, in.Org, func(q *gen.Queries) error {
		there, err := q.CalendarIsRead(ctx, gen.CalendarIsReadParams{OrgID: in.Org, ID: in.Subject})
		if err != nil || there {
			return err
		}
		return q.DeleteAgenda(ctx, agendaKey(in, agenda.KindCalendar))
	})
}

// readCalendar is what a reading brought.
type readCalendar struct {
	reason     rpcerr.Reason // why it failed; empty when it did not
	detail     string
	unchanged  bool
	validators validators
	result     calendar.Result
}

func (r readCalendar) outcome() string {
	switch {
	case r.reason != "":
		return string(r.reason)
	case r.unchanged:
		return "unchanged"
	default:
		return "read"
	}
}

func failedReading(reason rpcerr.Reason, format string, args ...any) readCalendar {
	detail := strings.ReplaceAll(strings.ToValidUTF8(fmt.Sprintf(format, args...), ""), "\x00", "")
	return readCalendar{reason: reason, detail: clip(detail, maxDetail)}
}

func (c *Calendar) fetch(ctx context.Context, taken takenCalendar) readCalendar {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, taken.address, nil)
	if err != nil {
		return failedReading(rpcerr.ReasonAddressRefused, "it is not an address")
	}
	req.Header.Set("Accept", "text/calendar, */*;q=0.1")
	req.Header.Set("User-Agent", "CloudHub (calendar)")
	today := schedule.DayOf(taken.now.UTC())
	asked := taken.validators.usable(today)
	if asked {
		setIf(req.Header, "If-None-Match", taken.validators.ETag)
		setIf(req.Header, "If-Modified-Since", taken.validators.LastModified)
	}
	res, err := c.client.Do(req)
	if err != nil {
		return c.whyUnreachable(err)
	}
	defer func() { _ = res.Body.Close() }()
	switch {
	case res.StatusCode == http.StatusNotModified && asked:
		return readCalendar{unchanged: true, validators: taken.validators}
	case res.StatusCode != http.StatusOK:
		return failedReading(rpcerr.ReasonCalendarUnreachable, "HTTP %d", res.StatusCode)
	}
	from := firstDay(today)
	body := &failing{Reader: res.Body}
	result, err := calendar.ParseICal(body, from, today.Add(366*calendarYearsAhead))
	switch {
	case errors.Is(body.err, egress.ErrTooLarge), errors.Is(err, calendar.ErrTooBig):
		return failedReading(rpcerr.ReasonCalendarTooLarge, "more than %d MB", calendarBytes>>20)
	case body.err != nil:
		return c.whyUnreachable(body.err)
	case err != nil:
		return failedReading(rpcerr.ReasonCalendarUnreadable, "%v", err)
	}
	v := validators{ETag: res.Header.Get("ETag"), LastModified: res.Header.Get("Last-Modified"), From: from.String()}
	if len(v.ETag)+len(v.LastModified) > maxDetail {
		v = validators{}
	}
	return readCalendar{result: result, validators: v}
}

func setIf(h http.Header, name, value string) {
	if value != "" {
		h.Set(name, value)
	}
}

// whyUnreachable says in words that a tenant may read why an exchange failed: not
// with the address, which may hold a secret, nor with what the resolver is.
func (c *Calendar) whyUnreachable(err error) readCalendar {
	if why, refused := egress.Refusal(err); refused {
		return failedReading(rpcerr.ReasonAddressRefused, "%s", why)
	}
	var (
		name        *net.DNSError
		timeout     net.Error
		certificate *tls.CertificateVerificationError
		whole       *url.Error
	)
	switch {
	case errors.As(err, &name) && name.IsNotFound:
		return failedReading(rpcerr.ReasonCalendarUnreachable, "the name is not known")
	case errors.As(err, &name):
		return failedReading(rpcerr.ReasonCalendarUnreachable, "the name could not be looked up")
	case errors.As(err, &timeout) && timeout.Timeout():
		return failedReading(rpcerr.ReasonCalendarUnreachable, "no answer within %.0f s", c.within.Seconds())
	case errors.As(err, &certificate):
		return failedReading(rpcerr.ReasonCalendarUnreachable, "its certificate is not valid")
	case errors.As(err, &whole):
		return failedReading(rpcerr.ReasonCalendarUnreachable, "the connection failed")
	default:
		return failedReading(rpcerr.ReasonCalendarUnreachable, "the connection broke off")
	}
}

// failing remembers why a body could not be read, whatever its reader makes of it.
type failing struct {
	io.Reader
	err error
}

func (f *failing) Read(b []byte) (int, error) {
	n, err := f.Reader.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		f.err = err
	}
	return n, err
}

// finish records a reading and takes its row off the agenda, unless a newer run
// has it or its address is another by now: then what was read is worth nothing.
func (c *Calendar) finish(ctx context.Context, in WorkInput, taken takenCalendar, read readCalendar) (out CalendarResult, err error) {
	err = c.tenants.InTenant(ctx, in.Org, func(q *gen.Queries) error {
		out = CalendarResult{}
		// The order of locks is that of every change of a calendar: organization,
		// clock, calendar; then timetables.
		if _, err := q.LockOrganization(ctx, in.Org); err != nil {
			return err
		}
		clock := gen.LockAgendaParams{OrgID: in.Org, Kind: string(agenda.KindCalendarClock), Subject: in.Subject.String()}
		if _, err := q.LockAgenda(ctx, clock); err != nil && !db.IsNoRows(err) {
			return err
		}
		row, err := q.LockCalendar(ctx, gen.LockCalendarParams{OrgID: in.Org, ID: in.Subject})
		if db.IsNoRows(err) {
			return q.DeleteAgenda(ctx, agendaKey(in, agenda.KindCalendar))
		}
		if err != nil || row.Fence != in.Lease {
			return err // fenced: the newer run ends the row
		}
		if row.Address == nil {
			return nil // whoever took it away has taken the row off the agenda
		}
		if *row.Address != taken.address {
			out.Again = true
			return nil
		}
		if err := record(ctx, q, row, read); err != nil {
			return err
		}
		ended, err := q.EndAgenda(ctx, gen.EndAgendaParams{OrgID: in.Org, Kind: string(agenda.KindCalendar), Subject: in.Subject.String(), Asked: taken.asked})
		out.Again = ended == 0
		return err
	})
	return out, err
}

// record writes what a reading brought, and when the next one comes.
func record(ctx context.Context, q *gen.Queries, row gen.Calendar, read readCalendar) error {
	now, err := q.DatabaseTime(ctx)
	if err != nil {
		return err
	}
	next := agenda.NextCalendar(row.ID, now)
	if read.reason == "" {
		err = recordDays(ctx, q, row, read, next)
	} else {
		since := now
		if row.FailingSince != nil {
			since = *row.FailingSince
		}
		next = now.Add(agenda.RetryCalendar(now.Sub(since)))
		err = recordFailure(ctx, q, row, read, since, now, next)
	}
	if err != nil {
		return err
	}
	return q.SetClock(ctx, gen.SetClockParams{
		OrgID: row.OrgID, Kind: string(agenda.KindCalendarClock), Subject: row.ID.String(), Lane: int16(agenda.LaneBackground), DueAt: next,
	})
}

func recordDays(ctx context.Context, q *gen.Queries, row gen.Calendar, read readCalendar, next time.Time) error {
	raw, err := json.Marshal(read.validators)
	if err != nil {
		return err
	}
	p := gen.NoteCalendarReadParams{NextRefreshAt: &next, Validators: raw, Notes: row.Notes, OrgID: row.OrgID, ID: row.ID}
	if !read.unchanged {
		p.Notes = read.result.Notes()
	}
	if err := q.NoteCalendarRead(ctx, p); err != nil || read.unchanged {
		return err
	}
	return timetable.ReplaceDays(ctx, q, row.OrgID, row.ID, read.result.Days)
}

// recordFailure leaves the days as they are. After a day of failures it is told
// wherever schedules keep to the calendar.
func recordFailure(ctx context.Context, q *gen.Queries, row gen.Calendar, read readCalendar, since, now, next time.Time) error {
	reason := string(read.reason)
	err := q.NoteCalendarFailure(ctx, gen.NoteCalendarFailureParams{
		FailingSince: &since, LastError: &reason, LastErrorDetail: &read.detail, NextRefreshAt: &next, OrgID: row.OrgID, ID: row.ID,
	})
	if err != nil || now.Sub(since) < agenda.TellCalendarAfter {
		return err
	}
	workspaces, err := q.WorkspacesToTell(ctx, gen.WorkspacesToTellParams{OrgID: row.OrgID, CalendarID: row.ID, FailingSince: since})
	if err != nil {
		return err
	}
	var b notify.Batch
	for _, ws := range workspaces {
		b.CalendarFailing(row.OrgID, ws, row.ID, row.Name)
	}
	return Tell(ctx, q, b)
}
