// Package power decides, purely, what a change of power does next with each of
// its targets and how it ends. It knows no provider, no database and no clock.
package power

import "time"

// State of a machine, in the words of the inventory.
type State string

// The states of a machine.
const (
	Running  State = "running"
	Stopped  State = "stopped"
	Starting State = "starting"
	Stopping State = "stopping"
	Gone     State = "gone"
	Unknown  State = "unknown"
)

// TargetState is how far one operation has come with one machine. The values
// are stored.
type TargetState string

// The states of a target; from Done on they are final.
const (
	Pending    TargetState = "pending"
	Taken      TargetState = "taken"
	Accepted   TargetState = "accepted"
	Done       TargetState = "done"
	Already    TargetState = "already"
	LeftAlone  TargetState = "left_alone"
	Failed     TargetState = "failed"
	Superseded TargetState = "superseded"
	Missed     TargetState = "missed"
)

// Reason why a target was left alone or failed: names of the error registry
// (api/reasons.yaml). The values are stored.
type Reason string

// The reasons that this package gives.
const (
	ReasonProtected        Reason = "PROTECTED"
	ReasonObserveOnly      Reason = "OBSERVE_ONLY"
	ReasonAutoScaling      Reason = "AUTO_SCALING"
	ReasonSpot             Reason = "SPOT"
	ReasonInstanceStore    Reason = "INSTANCE_STORE"
	ReasonAutomationPaused Reason = "AUTOMATION_PAUSED"
	ReasonOnHold           Reason = "ON_HOLD"
	ReasonNotReadInTime    Reason = "NOT_READ_IN_TIME"
	ReasonSuperseded       Reason = "SUPERSEDED"
	ReasonAccountRemoved   Reason = "ACCOUNT_REMOVED"
	ReasonConflicting      Reason = "CONFLICTING_ORDERS"
	ReasonTooLate          Reason = "TOO_LATE"
	ReasonNotSeen          Reason = "NOT_SEEN"
	ReasonGone             Reason = "GONE"
	ReasonOperatorEnded    Reason = "OPERATOR_ENDED"
	ReasonParked           Reason = "PARKED"
	ReasonExpiredParked    Reason = "EXPIRED_PARKED"
)

// ActWithin is how long after a person's order a provider may still be asked.
const ActWithin = 15 * time.Minute

// WatchFor is how long after acceptance the wanted state may take to be seen.
// A Windows guest that installs updates on its way down needs the most; EC2
// gives up by itself later than that.
const WatchFor = 20 * time.Minute

// How long a power call may take. The check before it holds for LeaveWithin:
// a call that has not left by then is checked anew. AnswerWithin is how long the
// provider may take to answer. After acceptance a reading may show the state
// before for SettleFor (EC2 is eventually consistent).
const (
	LeaveWithin  = 30 * time.Second
	AnswerWithin = 45 * time.Second
	SettleFor    = 10 * time.Second
)

// Facts of a machine that decide whether it may be touched at all.
type Facts struct {
	Protected   bool
	ObserveOnly bool
	// LeftAlone is the kind of machine it is, as the inventory noted:
	// AUTO_SCALING, SPOT, INSTANCE_STORE or empty.
	LeftAlone Reason
	// Paused is the organization's switch; it stops automation, not people.
	Paused bool
	// Held: a person holds the machine; it stops automation, not people.
	Held      bool
	Automatic bool
}

// Untouchable says why a machine must be left alone, or "".
func Untouchable(f Facts) Reason {
	switch {
	case f.ObserveOnly:
		return ReasonObserveOnly
	case f.Protected:
		return ReasonProtected
	case f.LeftAlone != "":
		return f.LeftAlone
	case f.Paused && f.Automatic:
		return ReasonAutomationPaused
	case f.Held && f.Automatic:
		return ReasonOnHold
	default:
		return ""
	}
}

// Target is what is known of one open target.
type Target struct {
	Wanted State // Running or Stopped
	// Attempts counts the calls that may have left for it.
	Attempts   int
	AcceptedAt time.Time // zero: not accepted
	// WatchFor bounds how long the wanted state may take to be seen.
	WatchFor time.Duration
	// InFlight: an older operation's call for the opposite has not been answered
	// yet. Settling: one was accepted a moment ago and may not show yet.
	InFlight, Settling bool
}

// Step is what happens next with a target.
type Step string

// The steps. Act asks the provider; Wait looks again later; all others end it.
const (
	Act         Step = "act"
	Wait        Step = "wait"
	EndDone     Step = "done"
	EndAlready  Step = "already"
	EndGone     Step = "gone"
	EndNotSeen  Step = "not_seen"
	EndTooLate  Step = "too_late"
	NowAccepted Step = "accepted" // somebody's earlier call is under way: as accepted
)

// Next decides from what the provider shows now. `now` and `actBefore` are the
// database's times.
func Next(t Target, seen State, now, actBefore time.Time) Step {
	if seen == Gone {
		return EndGone
	}
	if t.overtaking(seen) && now.Before(actBefore) {
		return Wait
	}
	if !t.AcceptedAt.IsZero() {
		switch {
		case seen == t.Wanted:
			return EndDone
		case now.After(t.AcceptedAt.Add(t.WatchFor)):
			return EndNotSeen
		default:
			// Accepted, but the old state is still shown: providers' readings
			// lag behind their writes. Asking again would be a second call.
			return Wait
		}
	}
	switch {
	case seen == t.Wanted && t.Attempts > 0:
		return EndDone
	case seen == t.Wanted:
		return EndAlready
	case seen == onTheWayTo(t.Wanted):
		return NowAccepted
	case !now.Before(actBefore):
		return EndTooLate
	case seen == opposite(t.Wanted):
		return Act
	default:
		// On its way to the other state, or unreadable: it must settle first.
		return Wait
	}
}

// overtaking says that what is seen must not be believed yet: a call of the
// operation that this one has overtaken may land after the look. One that was
// accepted has shown by the time that this operation asks for the opposite.
func (t Target) overtaking(seen State) bool {
	asked := t.Attempts > 0 || !t.AcceptedAt.IsZero()
	return t.InFlight && (seen == t.Wanted || seen == opposite(t.Wanted)) || t.Settling && seen == t.Wanted && !asked
}

func onTheWayTo(wanted State) State {
	if wanted == Running {
		return Starting
	}
	return Stopping
}

func opposite(wanted State) State {
	if wanted == Running {
		return Stopped
	}
	return Running
}

// OperationState is how an operation ended. The values are stored.
type OperationState string

// The ends of an operation.
const (
	Succeeded       OperationState = "succeeded"
	Partial         OperationState = "partial"
	OperationFailed OperationState = "failed"
	OperationMissed OperationState = "missed"
	// OperationSkipped is one of which every schedule was left out.
	OperationSkipped OperationState = "skipped"
)

// Ends counts the final targets of an operation.
type Ends struct {
	Reached  int // done or already
	PassedBy int // left alone or superseded, with the reason
	Failed   int
	Missed   int
	// Unread is of accounts in which its machines could not be looked for.
	Unread int
}

// Outcome is the state of an operation whose targets are all final.
func Outcome(e Ends) OperationState {
	switch {
	case e.Failed == 0 && e.Missed == 0 && e.Unread == 0:
		return Succeeded
	case e.Reached > 0:
		return Partial
	case e.Failed > 0 || e.Unread > 0:
		return OperationFailed
	default:
		return OperationMissed
	}
}

// PollEvery is how long to wait between two looks at machines that are
// changing: 2 s for the first half minute, then 5 s, then 15 s. A look costs one
// call for up to a thousand machines of a region.
func PollEvery(since time.Duration) time.Duration {
	switch {
	case since < 30*time.Second:
		return 2 * time.Second
	case since < 3*time.Minute:
		return 5 * time.Second
	default:
		return 15 * time.Second
	}
}
