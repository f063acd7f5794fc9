package rpc

import (
	"log/slog"
	"net/http"
	"strings"
	"time"

	"buf.build/go/protovalidate"
	"connectrpc.com/connect"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/cloudhub/cloudhub/db"
)

// Deps is what the stack is made of.
type Deps struct {
	Tenants      *db.Tenants
	Authenticate Authenticate
	Logger       *slog.Logger
	Now          func() time.Time
	Registerer   prometheus.Registerer
	// NoRateLimit is for tests that call faster than people do.
	NoRateLimit bool
}

// Stack is what stands before every handler.
type Stack struct {
	authenticate Authenticate
	Authorizer   *Authorizer
	limits       *limits
	logger       *slog.Logger
	metrics      *metrics
	options      []connect.HandlerOption
}

// New makes the stack. It fails when the contract leaves anything undeclared.
func New(d Deps) (*Stack, error) {
	if err := CheckContract(); err != nil {
		return nil, err
	}
	validator, err := protovalidate.New()
	if err != nil {
		return nil, err
	}
	s := &Stack{
		authenticate: d.Authenticate, Authorizer: &Authorizer{Tenants: d.Tenants, Now: d.Now},
		limits: &limits{buckets: map[bucketKey]*bucket{}, now: d.Now, off: d.NoRateLimit},
		logger: d.Logger, metrics: newMetrics(d.Registerer),
	}
	s.options = []connect.HandlerOption{
		connect.WithCodec(jsonCodec{}), connect.WithCodec(protoCodec{}), connect.WithCompression("gzip", newGunzip, newGzip),
		// Beyond what the codecs look at, so that a message a little too large
		// gets a sentence; beyond this it is cut off.
		connect.WithReadMaxBytes(4 * maxMessage),
		connect.WithRequestGate(s.gate),
		// A handler's panic is counted and logged like any failure; the outer one
		// is for the interceptor's own.
		connect.WithRecover(s.recover),
		connect.WithInterceptors(&interceptor{auth: s.Authorizer, validator: validator, logger: d.Logger, metrics: s.metrics, streams: newStreams()}),
		connect.WithRecover(s.recover),
	}
	return s, nil
}

// Options are given to every handler.
func (s *Stack) Options() []connect.HandlerOption { return s.options }

type metrics struct{ calls *prometheus.HistogramVec }

func newMetrics(reg prometheus.Registerer) *metrics {
	return &metrics{calls: promauto.With(reg).NewHistogramVec(prometheus.HistogramOpts{
		Name: "cloudhub_rpc_duration_seconds", Help: "Calls by procedure, code and reason (ok when answered).",
		Buckets: []float64{.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 60, 300},
	}, []string{"procedure", "code", "reason"})}
}

func (m *metrics) observe(procedure, code, reason string, took time.Duration) {
	m.calls.WithLabelValues(procedure, code, reason).Observe(took.Seconds())
}

// NewCaller makes the caller of an HTTP request, before anything is known of
// him but where he calls from.
func NewCaller(address, requestID string, r *http.Request) *Caller {
	const longest = 300
	agent := r.UserAgent()
	if len(agent) > longest {
		agent = agent[:longest]
	}
	agent = strings.ToValidUTF8(agent, "") // it is stored, and need not be text
	return &Caller{Address: address, RequestID: requestID, UserAgent: agent}
}
