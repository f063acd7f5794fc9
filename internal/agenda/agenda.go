// Package agenda names what can stand on the agenda and decides, purely, how
// long to wait. The table is db/migrations/00002_agenda.sql; the dispatcher
// (worker) drives it; handlers and activities ask and end.
package agenda

import (
	"slices"
	"time"

	"github.com/google/uuid"
)

// Kind says which code a row is for. The values are stored.
type Kind string

// Work kinds: one workflow each, with the id "<kind>/<subject>".
const (
	// KindPower is one operation that changes power; subject: the operation.
	KindPower Kind = "power"
	// KindProbe tries a credential; subject: the draft.
	KindProbe Kind = "probe"
	// KindSync reads one account into the inventory; subject: the account.
	KindSync Kind = "sync"
	// KindReseal seals with the primary key what a replaced one sealed; subject:
	// the organization.
	KindReseal Kind = "reseal"
	// KindCalendar reads a calendar from its address; subject: the calendar.
	KindCalendar Kind = "calendar"
	// KindDestination sends to one destination what must be sent again; subject: the
	// destination.
	KindDestination Kind = "destination"
)

// Clock kinds: the dispatcher expands them itself.
const (
	// KindTimetable is all schedules of one workspace; subject: the workspace.
	KindTimetable Kind = "timetable"
	// KindSyncClock is the next regular reading of an account; subject: the account.
	KindSyncClock Kind = "sync-clock"
	// KindCalendarClock is the next regular reading of a calendar; subject: the calendar.
	KindCalendarClock Kind = "calendar-clock"
	// KindHousekeeping purges what is past its time; one row for the installation.
	KindHousekeeping Kind = "housekeeping"
)

// Lane keeps a person from waiting behind a burst.
type Lane int16

// The lanes, each with a loop and a cap of its own.
const (
	LanePerson     Lane = 0
	LaneMinute     Lane = 1
	LaneBackground Lane = 2
)

// Lanes lists them.
var Lanes = []Lane{LanePerson, LaneMinute, LaneBackground}

// LaneOf is the lane in which a kind stands unless a person waits for it.
func LaneOf(k Kind) Lane {
	switch k {
	case KindProbe:
		return LanePerson
	case KindPower, KindTimetable:
		return LaneMinute
	default:
		return LaneBackground
	}
}

// WorkKinds are delivered to Temporal.
var WorkKinds = []Kind{KindPower, KindProbe, KindSync, KindReseal, KindCalendar, KindDestination}

// ClockKinds are expanded by the dispatcher.
var ClockKinds = []Kind{KindTimetable, KindSyncClock, KindCalendarClock, KindHousekeeping}

// IsClock says that the dispatcher expands rows of the kind itself.
func (k Kind) IsClock() bool { return slices.Contains(ClockKinds, k) }

// Namespaces of Temporal. Background kinds are forgotten after a day, the
// others after seven.
const (
	Namespace           = "cloudhub"
	NamespaceBackground = "cloudhub-background"
)

// NamespaceOf says where the workflows of a kind run.
func NamespaceOf(k Kind) string {
	switch k {
	case KindSync, KindReseal, KindCalendar, KindDestination:
		return NamespaceBackground
	default:
		return Namespace
	}
}

// WorkflowID is a function of kind and subject alone.
func WorkflowID(k Kind, subject string) string { return string(k) + "/" + subject }

// LateAfter is how long a row may be due before somebody should know. A clock
// is expanded within a second, and work is delivered as soon as the cap allows.
const LateAfter = 30 * time.Second

// OpenTooLongAfter is how long after it was due work of a kind may be under way;
// 0 when nothing is: a clock is never under way, and a destination may be down for
// days. A change of power may act for a quarter of an
// hour and be watched for twenty minutes more; a person waits ten seconds for a
// trial of a credential, and its draft lives for ten minutes.
func OpenTooLongAfter(k Kind) time.Duration {
	switch k {
	case KindPower:
		return 45 * time.Minute
	case KindProbe:
		return 2 * time.Minute
	case KindSync:
		return 30 * time.Minute
	case KindCalendar, KindReseal:
		return 10 * time.Minute
	default:
		return 0
	}
}

// OpenLimits is OpenTooLongAfter of the work kinds that have one, in seconds, as the
// queries take it.
func OpenLimits() (kinds []string, seconds []float64) {
	for _, k := range WorkKinds {
		if limit := OpenTooLongAfter(k); limit > 0 {
			kinds, seconds = append(kinds, string(k)), append(seconds, limit.Seconds())
		}
	}
	return kinds, seconds
}

// ParkedQuiet is how long a parked row whose tenant has been told is left alone
// when nothing of it can come too late.
const ParkedQuiet = time.Hour

// ArrivingCap is how many rows of a lane may be delivered and not yet taken up by
// a worker, all workers together: it keeps the backlog on the agenda, where it can
// be ranked, and out of Temporal's queues. What a worker has taken up counts no
// more, however long it lasts: a provider that hangs must not fill a lane. Rows
// delivered once are looked after beside the cap: it must not cover its own
// recovery.
func ArrivingCap(l Lane) int {
	if l == LaneMinute {
		return 64
	}
	return 32
}

// OrgShare is how many rows of a lane one organization may have delivered that have
// still to ask a provider for something. One that only watches what was accepted
// makes nobody wait, or the 65th workspace of a minute would act when the first has
// seen its machines stop: of those a share has eight times as many (00015).
func OrgShare(l Lane) int {
	if l == LaneBackground {
		return 32
	}
	return 64
}

// AccountShare is how many rows of a lane that are about one cloud account alone
// may be delivered and have still to ask for something: when its provider hangs, the other accounts
// of the organization have the rest of the share. An account is read by one row.
const AccountShare = 16

// OnlyOf is the account that work is about when it is about one alone, and the
// nil id otherwise: it uses the organization's share then.
func OnlyOf(accounts []uuid.UUID) uuid.UUID {
	if len(accounts) == 0 {
		return uuid.Nil
	}
	for _, a := range accounts[1:] {
		if a != accounts[0] {
			return uuid.Nil
		}
	}
	return accounts[0]
}

// SyncEvery is how often an account is read without anybody asking.
const SyncEvery = 15 * time.Minute

// HousekeepingEvery is how often what is past its time is purged.
const HousekeepingEvery = time.Hour

// QuietAfter is how long a delivered row may be silent before the dispatcher
// asks Temporal what became of it. Recording transactions push it out.
const QuietAfter = 30 * time.Second

// LeaseFor is how long one dispatcher owns a row it is delivering. Calls to
// Temporal have a shorter deadline.
const LeaseFor = 15 * time.Second

// RetryWait is how long to wait before starting a workflow anew after it was
// lost or failed, by how many have been started without progress: 2 s, doubling,
// one hour at most.
func RetryWait(starts int) time.Duration {
	const base, most = 2 * time.Second, time.Hour
	if starts < 0 {
		starts = 0
	}
	if starts > 11 {
		return most
	}
	return min(base<<starts, most)
}

// NextSync is the time of the regular reading after `now`, spread over the
// quarter of an hour by the account's id so that accounts do not come together.
func NextSync(account uuid.UUID, now time.Time) time.Time { return spread(account, now, SyncEvery) }

// CalendarEvery is how often a calendar is read from its address.
const CalendarEvery = 6 * time.Hour

// NextCalendar is the time of the regular reading after `now`, spread as NextSync.
func NextCalendar(calendar uuid.UUID, now time.Time) time.Time {
	return spread(calendar, now, CalendarEvery)
}

// RetryCalendar is how long after a reading that failed the next one comes, by how
// long they have been failing: a quarter of an hour, and then so that what has
// passed doubles, up to CalendarEvery.
func RetryCalendar(failing time.Duration) time.Duration {
	return min(max(failing, 15*time.Minute), CalendarEvery)
}

// TellCalendarAfter is how long the readings of a calendar fail before people are
// told.
const TellCalendarAfter = 24 * time.Hour

// spread is the first moment after `now` of those that come every so often, at an
// offset that the id gives. UUIDv7 ends in random bits.
func spread(id uuid.UUID, now time.Time, every time.Duration) time.Time {
	offset := time.Duration(float64(every) * float64(uint64(id[14])<<8|uint64(id[15])) / (1 << 16))
	next := now.Truncate(every).Add(offset)
	for !next.After(now) {
		next = next.Add(every)
	}
	return next
}
