package aws_test

import (
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/internal/cloud"
	"github.com/cloudhub/cloudhub/internal/cloud/aws"
	"github.com/cloudhub/cloudhub/internal/cloud/sim"
)

// Somebody mistypes the secret of a key and then types it right, or the key is
// made anew under its old id: the adapter must go by the secret it is given.
func TestASecretThatIsCorrected(t *testing.T) {
	t.Parallel()
	s, err := sim.New(sim.Options{Estate: sim.SmallEstate()})
	require.NoError(t, err)
	h := httptest.NewServer(s.Handler())
	t.Cleanup(func() { h.Close(); require.NoError(t, s.Close()) })
	adapter := aws.New(aws.Options{Endpoint: h.URL})
	for _, try := range []struct {
		secret string
		good   bool
	}{{"mistyped", false}, {sim.SmallKey.Secret, true}, {"mistyped again", false}, {sim.SmallKey.Secret, true}} {
		_, err := adapter.Probe(t.Context(), cloud.Account{
			HomeRegion: "us-east-1", Credential: cloud.Credential{AccessKeyID: sim.SmallKey.AccessKeyID, SecretAccessKey: try.secret},
		})
		if try.good {
			require.NoError(t, err)
			continue
		}
		require.Equal(t, cloud.ReasonUnauthenticated, cloud.ReasonOf(err), "%v", err)
	}
}
