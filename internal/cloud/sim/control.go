package sim

import (
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// serviceControl marks journal entries of the control API. They are no calls
// of a client, so Calls leaves them out.
const serviceControl = "sim"

// Machine is an instance as it is now: Instance's State, Launched, StateReason
// and PublicIP are the present ones.
type Machine struct {
	Account string `json:"account"`
	Instance
}

// Machines returns all machines of an account and region (empty: of all) as
// they are now, in the order of account, region and id.
func (s *Sim) Machines(account, region string) []Machine {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	var out []Machine
	for _, m := range s.world.machines {
		if account != "" && m.account != account || region != "" && m.Region != region {
			continue
		}
		if p, ok := m.at(now); ok {
			out = append(out, m.view(p))
		}
	}
	slices.SortFunc(out, func(a, b Machine) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// Machine returns one machine as it is now.
func (s *Sim) Machine(id string) (Machine, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.world.machines[id]; m != nil {
		if p, ok := m.at(s.now()); ok {
			return m.view(p), true
		}
	}
	return Machine{}, false
}

func (m *machine) view(p phase) Machine {
	v := Machine{Account: m.account, Instance: m.Instance}
	v.Tags = maps.Clone(m.Tags)
	v.State, v.Launched, v.PublicIP, v.StateReason = p.State, p.Launched, p.PublicIP, p.Reason
	return v
}

// SetState puts a machine into a state at once, as if somebody had done it
// outside CloudHub (a transition never ends by itself then). It returns an
// error when there is no such machine or state.
func (s *Sim) SetState(id string, state State) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if state.code() < 0 {
		return fmt.Errorf("unknown state %q", state)
	}
	now := s.now()
	m := s.world.machines[id]
	if m == nil || len(m.past(now)) == 0 {
		return fmt.Errorf("no machine %q", clip(id))
	}
	phases := m.past(now)
	switch state {
	case Pending, Running:
		delay := never
		if state == Running {
			delay = 0
		}
		phases = startPhases(phases, now, delay, s.publicIP(m))
	case Stopping, Stopped:
		delay := never
		if state == Stopped {
			delay = 0
		}
		phases = stopPhases(phases, now, delay, !m.AutoPublicIP)
	case ShuttingDown, Terminated:
		phases = replacePhases(phases, now, 0, "")
		if state == ShuttingDown {
			phases = phases[:len(phases)-1]
		}
	}
	effects := []effect{{Account: m.account, ID: id, Phases: phases}}
	if heir := m.plannedHeir(now); heir != "" {
		effects = append(effects, effect{Account: m.account, ID: heir, Gone: true})
	}
	return s.commitControl("SetState", m.account, m.Region, id, now, effects)
}

// AddInstance launches a machine in an account, with the defaults of Instance,
// and returns its id. It returns an error when the instance does not fit.
func (s *Sim) AddInstance(account string, in Instance) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.world.accounts[account]
	if a == nil {
		return "", fmt.Errorf("no account %q", clip(account))
	}
	now := s.now()
	if in.ID == "" {
		in.ID = s.world.newID()
	}
	if in.Launched.IsZero() {
		in.Launched = now
	}
	in.fill(account, len(s.world.machines), now)
	if err := in.check(a); err != nil {
		return "", err
	}
	if s.world.machines[in.ID] != nil {
		return "", fmt.Errorf("instance %s is there already", in.ID)
	}
	born := effect{Account: account, ID: in.ID, Born: &in, Phases: newMachine(account, in).phases}
	return in.ID, s.commitControl("AddInstance", account, in.Region, in.ID, now, []effect{born})
}

func (s *Sim) commitControl(action, account, region, id string, now time.Time, effects []effect) error {
	return s.commit(Call{
		Time: now.UTC(), Service: serviceControl, Account: account, Region: region, Action: action, IDs: []string{id},
	}, effects)
}

// control is the HTTP side of all that: for scripts, the demo and end-to-end
// tests, which run in other processes.
func (s *Sim) control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_sim/healthz", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	guarded := func(pattern string, h http.HandlerFunc) { mux.Handle(pattern, s.guard(h)) }
	guarded("GET /_sim/calls", s.getCalls)
	guarded("GET /_sim/faults", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, map[string]any{"faults": s.Faults()})
	})
	guarded("POST /_sim/faults", s.postFault)
	guarded("DELETE /_sim/faults", func(w http.ResponseWriter, _ *http.Request) {
		s.ClearFaults()
		w.WriteHeader(http.StatusNoContent)
	})
	guarded("DELETE /_sim/faults/{id}", func(w http.ResponseWriter, r *http.Request) {
		if !s.RemoveFault(r.PathValue("id")) {
			complain(w, http.StatusNotFound, "no such fault")
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	guarded("GET /_sim/instances", func(w http.ResponseWriter, r *http.Request) {
		machines := s.Machines(r.FormValue("account"), r.FormValue("region"))
		reply(w, http.StatusOK, map[string]any{"instances": machines})
	})
	guarded("POST /_sim/instances", s.postInstance)
	guarded("POST /_sim/roles", s.postRole)
	return mux
}

// guard asks for the token, and for JSON where there is a body: a page in
// somebody's browser cannot send that to a loopback port unasked.
func (s *Sim) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(s.controlToken))
		if s.controlToken != "" && subtle.ConstantTimeCompare(a[:], b[:]) != 1 {
			complain(w, http.StatusUnauthorized, "the control token is missing or wrong")
			return
		}
		if r.Method == http.MethodPost {
			if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" {
				complain(w, http.StatusUnsupportedMediaType, "send application/json")
				return
			}
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Sim) getCalls(w http.ResponseWriter, r *http.Request) {
	var after int64
	if text := r.FormValue("after"); text != "" {
		var err error
		if after, err = strconv.ParseInt(text, 10, 64); err != nil {
			complain(w, http.StatusBadRequest, "after is not a number")
			return
		}
	}
	calls := s.Calls(after)
	if calls == nil {
		calls = []Call{}
	}
	reply(w, http.StatusOK, map[string]any{"calls": calls})
}

func (s *Sim) postFault(w http.ResponseWriter, r *http.Request) {
	var f Fault
	if !decode(w, r, &f) {
		return
	}
	id, err := s.AddFault(f)
	if err != nil {
		complain(w, http.StatusBadRequest, err.Error())
		return
	}
	reply(w, http.StatusCreated, map[string]string{"id": id})
}

// postInstance sets the state of a machine that exists ({"id", "state"}) or
// adds one ({"account", "region", …}).
func (s *Sim) postInstance(w http.ResponseWriter, r *http.Request) {
	var m Machine
	if !decode(w, r, &m) {
		return
	}
	status, err := http.StatusOK, error(nil)
	if m.Account == "" {
		err = s.SetState(m.ID, m.State)
	} else {
		status = http.StatusCreated
		m.ID, err = s.AddInstance(m.Account, m.Instance)
	}
	if err != nil {
		complain(w, http.StatusBadRequest, err.Error())
		return
	}
	now, _ := s.Machine(m.ID)
	reply(w, status, now)
}

func decode(w http.ResponseWriter, r *http.Request, into any) bool {
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		complain(w, http.StatusBadRequest, err.Error())
		return false
	}
	return true
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that left
}

func complain(w http.ResponseWriter, status int, message string) {
	reply(w, status, map[string]string{"error": message})
}
