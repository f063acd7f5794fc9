package sim

import (
	"crypto/sha256"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"time"
)

// world is the provider's state: who may call, and every machine with its
// timeline. It is not safe for concurrent use; Sim's mutex guards it.
type world struct {
	estate   Estate
	scale    float64 // of the delays of the state machine
	rng      *rand.Rand
	accounts map[string]*Account
	keys     map[string]owner // by access key id
	machines map[string]*machine
	places   map[place][]string // machine ids, sorted: the order of pages
	tokenKey []byte             // seals session tokens
}

// owner is an access key and the account it opens.
type owner struct {
	account *Account
	key     *Key
}

type place struct{ account, region string }

// effect is a change of one machine, as it is written to the journal: replaying
// all of them over the estate gives the state again.
type effect struct {
	Account string  `json:"account"`
	ID      string  `json:"id"`
	Phases  []phase `json:"phases,omitempty"`
	// Role is set when a role was made or changed, and nothing below Account then.
	Role *Role `json:"role,omitempty"`
	// Born is set when the machine is new.
	Born *Instance `json:"born,omitempty"`
	// Gone takes away a machine that was planned and will not be.
	Gone bool `json:"gone,omitempty"`
}

func newWorld(e Estate, scale float64) *world {
	w := &world{
		estate:   e,
		scale:    scale,
		rng:      rand.New(rand.NewPCG(e.Seed, e.Seed)),
		accounts: map[string]*Account{},
		keys:     map[string]owner{},
		machines: map[string]*machine{},
		places:   map[place][]string{},
	}
	seed := sha256.New()
	for i := range e.Accounts {
		a := &e.Accounts[i]
		w.accounts[a.ID] = a
		for _, k := range a.Keys {
			_, _ = seed.Write([]byte(k.AccessKeyID + k.Secret))
		}
		for j := range a.Keys {
			w.keys[a.Keys[j].AccessKeyID] = owner{a, &a.Keys[j]}
		}
		for _, in := range a.Instances {
			w.add(newMachine(a.ID, in))
		}
	}
	w.tokenKey = seed.Sum(nil)
	return w
}

func (w *world) add(m *machine) {
	w.machines[m.ID] = m
	p := place{m.account, m.Region}
	at, _ := slices.BinarySearch(w.places[p], m.ID)
	w.places[p] = slices.Insert(w.places[p], at, m.ID)
}

// apply makes an effect true. Effects come from the program itself or from its
// journal; one that does not fit says that the journal is not this estate's.
func (w *world) apply(e effect) error {
	switch m := w.machines[e.ID]; {
	case e.Role != nil:
		return w.putRole(e.Account, *e.Role)
	case e.Gone:
		if m == nil {
			return fmt.Errorf("machine %s is not there", e.ID)
		}
		delete(w.machines, e.ID)
		p := place{m.account, m.Region}
		w.places[p] = slices.DeleteFunc(w.places[p], func(id string) bool { return id == e.ID })
	case e.Born != nil:
		if m != nil || w.accounts[e.Account] == nil || len(e.Phases) == 0 {
			return fmt.Errorf("machine %s cannot be added", e.ID)
		}
		w.add(&machine{Instance: *e.Born, account: e.Account, phases: e.Phases})
	case m == nil || len(e.Phases) == 0:
		return fmt.Errorf("machine %s is not there", e.ID)
	default:
		m.phases = e.Phases
	}
	return nil
}

// find returns a machine that exists for this account and region at t.
func (w *world) find(p place, id string, t time.Time) (*machine, phase, bool) {
	m := w.machines[id]
	if m == nil || m.account != p.account || m.Region != p.region {
		return nil, phase{}, false
	}
	ph, ok := m.at(t)
	return m, ph, ok
}

// in yields the machines of a place in the order of their ids, from the first
// after the given one.
func (w *world) in(p place, after string) iter.Seq[*machine] {
	return func(yield func(*machine) bool) {
		ids := w.places[p]
		from, found := slices.BinarySearch(ids, after)
		if found {
			from++
		}
		for _, id := range ids[from:] {
			if !yield(w.machines[id]) {
				return
			}
		}
	}
}

// draw picks a duration from the span, in the estate's time.
func (w *world) draw(s Span) time.Duration {
	return time.Duration(float64(w.between(s)) * w.scale)
}

// between picks a duration from the span, unscaled.
func (w *world) between(s Span) time.Duration {
	d := time.Duration(s.Min)
	if s.Max > s.Min {
		d += time.Duration(w.rng.Int64N(int64(s.Max - s.Min)))
	}
	return d
}

func (w *world) newID() string {
	for {
		id := fmt.Sprintf("i-0%016x", w.rng.Uint64())
		if w.machines[id] == nil {
			return id
		}
	}
}
