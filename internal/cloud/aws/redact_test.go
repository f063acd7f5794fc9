package aws_test

import (
	"errors"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/internal/cloud"
	"github.com/cloudhub/cloudhub/internal/cloud/aws"
	"github.com/cloudhub/cloudhub/internal/cloud/sim"
)

// Somebody answers in the provider's place and says the key back, in the hope
// that it is logged.
func TestAnAnswerThatEchoesTheKey(t *testing.T) {
	t.Parallel()
	s, err := sim.New(sim.Options{Estate: sim.SmallEstate()})
	require.NoError(t, err)
	h := httptest.NewServer(s.Handler())
	t.Cleanup(func() { h.Close(); require.NoError(t, s.Close()) })
	key := cloud.Credential{AccessKeyID: sim.SmallKey.AccessKeyID, SecretAccessKey: sim.SmallKey.Secret}
	_, err = s.AddFault(sim.Fault{
		Action: "GetCallerIdentity", Effect: sim.FaultError, Status: 403,
		Code: "AccessDenied", Message: "no: " + key.SecretAccessKey + " of " + key.AccessKeyID,
	})
	require.NoError(t, err)
	_, err = aws.New(aws.Options{Endpoint: h.URL}).Probe(t.Context(), cloud.Account{HomeRegion: "us-east-1", Credential: key})
	require.ErrorContains(t, err, "no: [redacted] of [redacted]")
	for ; err != nil; err = errors.Unwrap(err) {
		require.NotContains(t, err.Error(), key.SecretAccessKey)
		require.NotContains(t, err.Error(), key.AccessKeyID)
	}
}
