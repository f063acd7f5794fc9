package auth

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// What came of a try to sign in. The caller is told the same of all refusals.
const (
	tryPassed  = "passed"
	tryRefused = "refused"
	tryLocked  = "locked" // refused whatever the password was
)

func newTriesMetric(reg prometheus.Registerer) *prometheus.CounterVec {
	v := promauto.With(reg).NewCounterVec(prometheus.CounterOpts{
		Name: "cloudhub_sign_in_tries_total", Help: "Tries to sign in with a password, by what came of them.",
	}, []string{"result"})
	for _, r := range []string{tryPassed, tryRefused, tryLocked} {
		v.WithLabelValues(r)
	}
	return v
}

func refusedAs(locked bool) string {
	if locked {
		return tryLocked
	}
	return tryRefused
}
