package sim

import (
	"fmt"
	"slices"
	"time"
)

// State is an EC2 instance state.
type State string

// The states of EC2.
const (
	Pending      State = "pending"
	Running      State = "running"
	ShuttingDown State = "shutting-down"
	Terminated   State = "terminated"
	Stopping     State = "stopping"
	Stopped      State = "stopped"
)

// code is EC2's number for the state, -1 for what is none.
func (s State) code() int {
	switch s {
	case Pending:
		return 0
	case Running:
		return 16
	case ShuttingDown:
		return 32
	case Terminated:
		return 48
	case Stopping:
		return 64
	case Stopped:
		return 80
	}
	return -1
}

const (
	// terminatedVisible is how long EC2 goes on listing a terminated machine.
	terminatedVisible = time.Hour
	// pastKept bounds how far a lagging read can look back.
	pastKept = time.Hour
)

// phase is what is true of a machine from a moment on, until the next phase.
type phase struct {
	At       time.Time `json:"at"`
	State    State     `json:"state"`
	Launched time.Time `json:"launched"`
	PublicIP string    `json:"public_ip,omitempty"`
	// Reason is the "reason" element: "User initiated (…)".
	Reason        string `json:"reason,omitempty"`
	ReasonCode    string `json:"reason_code,omitempty"`
	ReasonMessage string `json:"reason_message,omitempty"`
	// Heir is the machine that an Auto Scaling group launches at this moment
	// in the place of this one.
	Heir string `json:"heir,omitempty"`
}

// machine is an instance with its timeline. Instance's State, Launched and
// PublicIP are those of the beginning; ask at() for the present ones.
type machine struct {
	Instance
	account string
	phases  []phase // by time; those after now are what will happen
}

// newMachine turns an instance of the estate into a machine whose past is one
// phase.
func newMachine(account string, in Instance) *machine {
	p := phase{At: in.Launched, State: in.State, Launched: in.Launched, PublicIP: in.PublicIP, Reason: in.StateReason}
	if in.State == Stopped {
		p.ReasonCode, p.ReasonMessage = userShutdown()
		if in.AutoPublicIP {
			p.PublicIP = ""
		}
	}
	return &machine{Instance: in, account: account, phases: []phase{p}}
}

// at returns the phase in force at t; false when the machine was not yet
// launched, or has been gone for so long that EC2 no longer lists it.
func (m *machine) at(t time.Time) (phase, bool) {
	for _, p := range slices.Backward(m.phases) {
		if !p.At.After(t) {
			return p, p.State != Terminated || t.Sub(p.At) < terminatedVisible
		}
	}
	return phase{}, false
}

// past is the timeline up to now, without what was planned for later and
// without what is too old for anybody to ask about.
func (m *machine) past(now time.Time) []phase {
	end := len(m.phases)
	for end > 0 && m.phases[end-1].At.After(now) {
		end--
	}
	start := 0
	for start+1 < end && !m.phases[start+1].At.After(now.Add(-pastKept)) {
		start++
	}
	return slices.Clone(m.phases[start:end])
}

// plannedHeir is the replacement that is not born yet, if there is one.
func (m *machine) plannedHeir(now time.Time) string {
	for _, p := range m.phases {
		if p.Heir != "" && p.At.After(now) {
			return p.Heir
		}
	}
	return ""
}

func userShutdown() (code, message string) {
	return "Client.UserInitiatedShutdown", "Client.UserInitiatedShutdown: User initiated shutdown"
}

func userInitiated(at time.Time) string {
	return fmt.Sprintf("User initiated (%s GMT)", at.UTC().Format(time.DateTime))
}

// stopPhases appends the phases of a stop. A negative delay never ends.
func stopPhases(past []phase, now time.Time, delay time.Duration, keepIP bool) []phase {
	p := past[len(past)-1]
	p.At, p.State, p.Heir = now, Stopping, ""
	p.Reason = userInitiated(now)
	p.ReasonCode, p.ReasonMessage = userShutdown()
	out := append(past, p)
	if delay < 0 {
		return out
	}
	p.At, p.State = now.Add(delay), Stopped
	if !keepIP {
		p.PublicIP = ""
	}
	return append(out, p)
}

// startPhases appends the phases of a start: a new launch time and, where it
// is not elastic, a new address. A negative delay never ends.
func startPhases(past []phase, now time.Time, delay time.Duration, publicIP string) []phase {
	p := phase{At: now, State: Pending, Launched: now.UTC().Truncate(time.Second), PublicIP: publicIP}
	out := append(past, p)
	if delay < 0 {
		return out
	}
	p.At, p.State = now.Add(delay), Running
	return append(out, p)
}

// replacePhases appends the end of a group's member: noticed as stopped at
// when, terminated a few seconds after.
func replacePhases(phases []phase, when time.Time, takes time.Duration, heir string) []phase {
	p := phases[len(phases)-1]
	p.At, p.State, p.PublicIP, p.Heir = when, ShuttingDown, "", heir
	p.Reason = userInitiated(when)
	out := append(phases, p)
	p.At, p.State, p.Heir = when.Add(takes), Terminated, ""
	return append(out, p)
}
