package sim

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"
)

// Options configures New. Only an Estate is required, and not even that when
// Dir already holds one.
type Options struct {
	// Dir is where the estate and the journal of calls are kept; empty keeps
	// them in memory. Only one Sim may use a folder at a time.
	Dir string
	// Estate is how the world begins. The estate in Dir, if there is one, wins:
	// it is the one that the journal belongs to. Accounts that it lacks are added.
	Estate Estate
	// Clock is the estate's time: states, launch times, throttling. Nil is
	// time.Now. Latency and hanging always take real time.
	Clock func() time.Time
	// WallClock is the time by which signatures are judged; nil is time.Now.
	// It is apart from Clock because clients sign by their real clock, also
	// when a test moves the estate's.
	WallClock func() time.Time
	Logger    *slog.Logger // nil logs nothing
	// ControlToken guards the control API under /_sim/ as a bearer token;
	// empty leaves it open, which is for tests and loopback only.
	ControlToken string
	// TimeScale multiplies the delays of Behaviour's state machine: 0.1 is ten
	// times faster. 0 means 1.
	TimeScale float64
}

// Sim is the simulated provider. All its methods are safe for concurrent use.
type Sim struct {
	clock, wall  func() time.Time
	log          *slog.Logger
	controlToken string
	closing      chan struct{} // closed by Close: lets go of calls that hang

	mu       sync.Mutex
	world    *world // its keys and accounts never change after New
	throttle throttle
	faults   []Fault
	faultSeq int
	journal  *journal // nil in memory
	calls    []Call   // the latest, by Seq
	seq      int64
	latest   time.Time // see now
	closed   bool
}

// New opens the provider in opts.Dir, or makes it from opts.Estate. Errors are
// about the estate (malformed, none) or the files in Dir (unreadable, or not
// this estate's journal).
func New(opts Options) (*Sim, error) {
	s := &Sim{
		clock:        opts.Clock,
		wall:         opts.WallClock,
		log:          opts.Logger,
		controlToken: opts.ControlToken,
		closing:      make(chan struct{}),
	}
	if s.clock == nil {
		s.clock = time.Now
	}
	if s.wall == nil {
		s.wall = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	scale := opts.TimeScale
	if scale == 0 {
		scale = 1
	}
	if scale < 0 {
		return nil, fmt.Errorf("time scale %v is negative", scale)
	}
	estate, err := s.estate(opts)
	if err != nil {
		return nil, fmt.Errorf("simulated cloud: %w", err)
	}
	s.world = newWorld(estate, scale)
	s.throttle = throttle{factor: max(0, estate.Behaviour.Throttle), levels: map[levelKey]level{}}
	if opts.Dir != "" {
		if s.journal, err = openJournal(opts.Dir, s.log, s.replay); err != nil {
			return nil, fmt.Errorf("simulated cloud: %w", err)
		}
	}
	return s, nil
}

// estate is the one that Dir holds, or the given one, which Dir holds then.
func (s *Sim) estate(opts Options) (Estate, error) {
	if opts.Dir == "" {
		return opts.Estate.completed(s.clock())
	}
	e, err := loadEstate(opts.Dir)
	if err == nil {
		return s.grown(e, opts)
	}
	if !errors.Is(err, os.ErrNotExist) {
		return e, err
	}
	if e, err = opts.Estate.completed(s.clock()); err != nil {
		return e, err
	}
	return e, saveEstate(opts.Dir, e)
}

// grown is the estate of a folder with the accounts that the given one has
// besides: a newer program may know more of them than the folder does.
func (s *Sim) grown(e Estate, opts Options) (Estate, error) {
	known := len(e.Accounts)
	for _, a := range opts.Estate.Accounts {
		if !slices.ContainsFunc(e.Accounts, func(have Account) bool { return have.ID == a.ID }) {
			e.Accounts = append(e.Accounts, a)
		}
	}
	e, err := e.completed(s.clock())
	if err != nil || len(e.Accounts) == known {
		return e, err
	}
	return e, saveEstate(opts.Dir, e)
}

// Handler returns the provider's HTTP side: its API at "/", the control API
// under "/_sim/".
func (s *Sim) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/{$}", s.serveAPI)
	mux.Handle("/_sim/", s.control())
	return mux
}

// Close lets go of calls that hang and closes the journal. Calls that come
// later are refused. The second Close does nothing.
func (s *Sim) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	close(s.closing)
	if s.journal != nil {
		return s.journal.close()
	}
	return nil
}

// Calls returns the calls after the one with that Seq, oldest first. Only the
// latest fifty thousand are kept in memory; the journal has all.
func (s *Sim) Calls(after int64) []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	from, found := slices.BinarySearchFunc(s.calls, after, func(c Call, seq int64) int {
		return cmp.Compare(c.Seq, seq)
	})
	if found {
		from++
	}
	return slices.Clone(s.calls[from:])
}

// maxCalls bounds the calls in memory: a demo may run for weeks.
const maxCalls = 50_000

var errClosed = errors.New("the simulated cloud is closed")

// commit writes what a call did to the journal and only then makes it true, so
// that nothing is ever answered that a restart would forget. The caller holds
// the mutex.
func (s *Sim) commit(call Call, effects []effect) error {
	if s.closed {
		return errClosed
	}
	call.Seq = s.seq + 1
	if s.journal != nil {
		if err := s.journal.append(entry{call, effects}); err != nil {
			return err
		}
	}
	return s.replay(entry{call, effects})
}

// now is the estate's time, which never goes back: a machine's timeline is cut
// at now and continued, and a call that came in late or a clock that was set
// back must not cut off what has been answered. The caller holds the mutex.
func (s *Sim) now() time.Time {
	if now := s.clock(); now.After(s.latest) {
		s.latest = now
	}
	return s.latest
}

// replay makes an entry of the journal true.
func (s *Sim) replay(e entry) error {
	for _, ef := range e.Effects {
		if err := s.world.apply(ef); err != nil {
			return err
		}
	}
	s.seq, s.latest = e.Seq, e.Time
	if e.Service == serviceControl {
		return nil
	}
	if len(s.calls) >= 2*maxCalls {
		s.calls = slices.Clone(s.calls[maxCalls:])
	}
	s.calls = append(s.calls, e.Call)
	return nil
}
