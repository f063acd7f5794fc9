package auth

import (
	"context"
	"crypto/sha256"
	"net/netip"

	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/server/rpc"
)

// tries is what one attempt to sign in counts against, in the order in which the
// rows are locked.
type tries []try

// try is one count. freeTries failures within an hour cost nothing; then waits
// grow from 5 s to 15 minutes.
type try struct {
	scope     string
	text      string
	freeTries int32
	// others' failures stay when this try was right.
	shared bool
}

// triesOf counts a stranger's try against the account, his network and himself at
// the account; a known device's against the network and the device alone, so that
// no stranger can lock it out, and none gains by its sign-ins.
func triesOf(ctx context.Context, emailKey string, device []byte) tries {
	address := rpc.CallerOf(ctx).Address
	network := try{"address", networkOf(address), 100, true} // an office's
	if device != nil {
		return tries{network, {"device", string(device), 10, false}}
	}
	return tries{{"account", emailKey, 10, false}, network, {"pair", address + "\x00" + emailKey, 5, false}}
}

// networkOf is what one customer of a provider holds at least: a /24, or a /64.
func networkOf(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	bits := 64
	if a = a.Unmap(); a.Is4() {
		bits = 24
	}
	p, err := a.WithZone("").Prefix(bits)
	if err != nil {
		return address
	}
	return p.String()
}

// countTry counts a try before the password is checked, under the rows' locks,
// so that parallel guesses cannot pass together. It is its own transaction: a
// failed sign-in must not take its count back.
func (s *Service) countTry(ctx context.Context, all tries) (locked bool, err error) {
	err = s.identity.Tx(ctx, func(q *gen.Queries) error {
		locked = false
		for _, t := range all {
			row, err := q.CountLoginFailure(ctx, gen.CountLoginFailureParams{Scope: t.scope, Key: s.tryKey(t), FreeTries: t.freeTries})
			if err != nil {
				return err
			}
			locked = locked || row.Locked
		}
		return nil
	})
	return locked, err
}

// forgetTries is for a try that was right: what was counted is forgotten, and of
// what it shares with others only its own.
func (s *Service) forgetTries(ctx context.Context, q *gen.Queries, all tries) error {
	for _, t := range all {
		var err error
		if t.shared {
			err = q.UncountLogin(ctx, gen.UncountLoginParams{Scope: t.scope, Key: s.tryKey(t)})
		} else {
			err = q.ForgetLoginFailures(ctx, gen.ForgetLoginFailuresParams{Scope: t.scope, Key: s.tryKey(t)})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// tryKey keeps neither addresses nor e-mails in the table.
func (s *Service) tryKey(t try) []byte {
	sum := sha256.Sum256(s.sessions.ring.MAC("login "+t.scope, []byte(t.text)))
	return sum[:]
}
