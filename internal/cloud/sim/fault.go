package sim

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Effect is what a fault does to a call.
type Effect string

// The effects of faults.
const (
	// FaultError answers Code with Status (503 and "Unavailable" when left
	// out) and does nothing.
	FaultError Effect = "error"
	// FaultCapacity refuses StartInstances for want of capacity.
	FaultCapacity Effect = "capacity"
	// FaultLatency delays the answer by Delay, after the call took effect.
	FaultLatency Effect = "latency"
	// FaultHang never answers, until the client leaves or the Sim is closed.
	FaultHang Effect = "hang"
	// FaultReset breaks the connection.
	FaultReset Effect = "reset"
	// FaultStuck accepts a change of power, and the machine never leaves
	// pending or stopping.
	FaultStuck Effect = "stuck"
	// FaultIgnored accepts a change of power as if it happened, and nothing
	// ever changes.
	FaultIgnored Effect = "ignored"
	// FaultLag lets reads show the machines as they were Delay ago.
	FaultLag Effect = "lag"
)

// Fault is a rule: which calls it strikes, and with what. Empty fields of the
// match fit everything.
type Fault struct {
	ID string `json:"id,omitempty"` // given by AddFault

	Action   string `json:"action,omitempty"`
	Account  string `json:"account,omitempty"`
	Region   string `json:"region,omitempty"`
	Instance string `json:"instance,omitempty"`
	// Times is how many calls it strikes before it is gone; 0 is all.
	Times int `json:"times,omitempty"`
	// Probability of striking a call that fits; 0 counts as 1.
	Probability float64 `json:"probability,omitempty"`

	Effect  Effect   `json:"effect"`
	Code    string   `json:"code,omitempty"`
	Message string   `json:"message,omitempty"`
	Status  int      `json:"status,omitempty"`
	Delay   Duration `json:"delay,omitzero"`
	// AnswerLost lets hang and reset strike only after the call took effect:
	// the client cannot know that it did.
	AnswerLost bool `json:"answer_lost,omitempty"`
}

func (f Fault) check() error {
	switch f.Effect {
	case FaultError, FaultCapacity, FaultHang, FaultReset, FaultStuck, FaultIgnored:
	case FaultLatency, FaultLag:
		if f.Delay <= 0 {
			return fmt.Errorf("effect %s needs a delay", f.Effect)
		}
	default:
		return fmt.Errorf("unknown effect %q", f.Effect)
	}
	if f.Status != 0 && (f.Status < 400 || f.Status > 599) {
		return fmt.Errorf("status %d is no error", f.Status)
	}
	if f.Probability < 0 || f.Probability > 1 || f.Times < 0 {
		return errors.New("probability must be 0 to 1, times must not be negative")
	}
	return nil
}

// fits says whether the rule is about this call. A rule for one machine fits
// calls that name it, and a lag also reads of all; touches narrows it later.
func (f Fault) fits(q *request) bool {
	if f.Action != "" && f.Action != q.action ||
		f.Account != "" && f.Account != q.who.account.ID ||
		f.Region != "" && f.Region != q.region {
		return false
	}
	switch f.Effect {
	case FaultStuck, FaultIgnored:
		if q.dryRun || q.action != actionStart && q.action != actionStop {
			return false
		}
	case FaultCapacity:
		if q.dryRun || q.action != actionStart {
			return false
		}
	case FaultLag:
		if !strings.HasPrefix(q.action, "Describe") {
			return false // what a call does is decided on the truth
		}
		return f.Instance == "" || len(q.ids) == 0 || slices.Contains(q.ids, f.Instance)
	}
	return f.Instance == "" || slices.Contains(q.ids, f.Instance)
}

// touches says whether a fault of this effect concerns the machine, and which.
func (q *request) touches(e Effect, id string) (Fault, bool) {
	for _, f := range q.faults {
		if f.Effect == e && (f.Instance == "" || f.Instance == id) {
			return f, true
		}
	}
	return Fault{}, false
}

// struck returns the first fault of one of these effects.
func (q *request) struck(effects ...Effect) (Fault, bool) {
	for _, f := range q.faults {
		if slices.Contains(effects, f.Effect) {
			return f, true
		}
	}
	return Fault{}, false
}

// AddFault puts a rule into force and returns its id. Rules are not durable: a
// restarted provider is a healthy one.
func (s *Sim) AddFault(f Fault) (string, error) {
	if err := f.check(); err != nil {
		return "", fmt.Errorf("fault: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faultSeq++
	f.ID = strconv.Itoa(s.faultSeq)
	s.faults = append(s.faults, f)
	return f.ID, nil
}

// Faults returns the rules in force, with what is left of their Times.
func (s *Sim) Faults() []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.faults)
}

// RemoveFault ends a rule; it says whether there was one.
func (s *Sim) RemoveFault(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := len(s.faults)
	s.faults = slices.DeleteFunc(s.faults, func(f Fault) bool { return f.ID == id })
	return len(s.faults) < before
}

// ClearFaults ends all rules. Calls that hang go on hanging.
func (s *Sim) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// strike collects the faults that hit this call and counts them down.
func (s *Sim) strike(q *request) {
	kept := s.faults[:0]
	for _, f := range s.faults {
		if f.fits(q) && (f.Probability == 0 || s.world.rng.Float64() < f.Probability) {
			q.faults = append(q.faults, f)
			if f.Times == 1 {
				continue
			}
			if f.Times > 0 {
				f.Times--
			}
		}
		kept = append(kept, f)
	}
	s.faults = kept
}

// refusal is the error that a fault makes of this call, if one does.
func (q *request) refusal() *apiError {
	f, ok := q.struck(FaultError, FaultCapacity)
	switch {
	case !ok:
		return nil
	case f.Effect == FaultCapacity:
		return errCapacity()
	}
	e := &apiError{Status: f.Status, Code: f.Code, Message: f.Message}
	if e.Status == 0 {
		e.Status = 503
	}
	if e.Code == "" {
		e.Code = "Unavailable"
	}
	if e.Message == "" {
		e.Message = "The server is overloaded and can't handle the request."
	}
	return e
}
