package auth

import (
	"context"
	"crypto/sha256"

	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/server/rpc"
)

// freeTries is how many failures within an hour cost nothing, by what is
// counted; then waits grow from 5 s to 15 minutes. An address is an office's.
var freeTries = map[string]int32{"account": 10, "address": 100, "pair": 5}

// countTry counts a try before the password is checked, under the rows' locks,
// so that parallel guesses cannot pass together. It is its own transaction: a
// failed sign-in must not take its count back.
func (s *Service) countTry(ctx context.Context, emailKey string) (locked bool, err error) {
	err = s.identity.Tx(ctx, func(q *gen.Queries) error {
		locked = false
		for _, scope := range []string{"account", "address", "pair"} { // one order of locks
			row, err := q.CountLoginFailure(ctx, gen.CountLoginFailureParams{Scope: scope, Key: s.tryKey(ctx, scope, emailKey), FreeTries: freeTries[scope]})
			if err != nil {
				return err
			}
			locked = locked || row.Locked
		}
		return nil
	})
	return locked, err
}

// forgetTries is for a try that was right: what was counted of the account and
// the pair is forgotten, and of the address, others' failures stay.
func (s *Service) forgetTries(ctx context.Context, q *gen.Queries, emailKey string) error {
	if err := q.UncountLogin(ctx, gen.UncountLoginParams{Scope: "address", Key: s.tryKey(ctx, "address", emailKey)}); err != nil {
		return err
	}
	for _, scope := range []string{"account", "pair"} {
		if err := q.ForgetLoginFailures(ctx, gen.ForgetLoginFailuresParams{Scope: scope, Key: s.tryKey(ctx, scope, emailKey)}); err != nil {
			return err
		}
	}
	return nil
}

// tryKey keeps neither addresses nor e-mails in the table.
func (s *Service) tryKey(ctx context.Context, scope, emailKey string) []byte {
	text := emailKey
	switch scope {
	case "address":
		text = rpc.CallerOf(ctx).Address
	case "pair":
		text = rpc.CallerOf(ctx).Address + "\x00" + emailKey
	}
	sum := sha256.Sum256(s.sessions.ring.MAC("login "+scope, []byte(text)))
	return sum[:]
}
