package webhook

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// The example of the Standard Webhooks libraries.
func TestSignaturesAreThoseOfTheSpecification(t *testing.T) {
	t.Parallel()
	s, err := ParseSigner("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	require.NoError(t, err)
	at := time.Unix(1614265330, 0)
	body := []byte(`{"test": 2432232314}`)
	require.Equal(t, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", s.Sign("msg_p5jXN8AQM9LWM0D4loKWxJek", at, body))
	require.Regexp(t, `^sha256=[0-9a-f]{64}$`, s.BodySignature(body))

	private, public, err := NewKeyPair(rand.Reader)
	require.NoError(t, err)
	pair, err := ParseSigner(private)
	require.NoError(t, err)
	token := pair.Sign("msg_1", at, body)
	signature, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(token, "v1a,"))
	require.NoError(t, err)
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(public, "whpk_"))
	require.NoError(t, err)
	require.True(t, ed25519.Verify(key, []byte("msg_1.1614265330."+string(body)), signature))
	require.Empty(t, pair.BodySignature(body))

	headers := map[string]string{}
	for _, h := range Signed([]Signer{s, s, pair}, "msg_1", at, body) {
		headers[h.Name] = h.Value
	}
	require.Len(t, strings.Fields(headers["webhook-signature"]), 3)
	require.NotEmpty(t, headers["X-CloudHub-Signature-Previous"])
}

func TestSecrets(t *testing.T) {
	t.Parallel()
	a, err := NewSecret(rand.Reader)
	require.NoError(t, err)
	b, err := NewSecret(rand.Reader)
	require.NoError(t, err)
	require.NotEqual(t, a, b)
	_, err = ParseSigner(a)
	require.NoError(t, err)
	require.Len(t, Hint(a), 4)
	require.NotContains(t, URLHint("hooks.slack.com", "https://hooks.slack.com/services/T0/B0/secretsecret"), "services")
	for _, bad := range []string{"", "whsec_", "whsec_AAAA", "whsk_AAAA", "secret", "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 65)), "whsec_!!!!"} {
		_, err := ParseSigner(bad)
		require.ErrorIs(t, err, ErrSecret, bad)
	}
	_, err = NewSecret(bytes.NewReader(nil))
	require.Error(t, err, "no randomness is no secret")
	require.NotContains(t, MessageID(uuid.New()), ".")
}

func TestWhatAnAnswerMeans(t *testing.T) {
	t.Parallel()
	for status := 100; status < 600; status++ {
		want := Failed
		switch {
		case status >= 200 && status < 300:
			want = Accepted
		case status == 410:
			want = Gone
		case status == 429, status == 502, status == 504:
			want = Busy
		}
		require.Equal(t, want, Classify(Answer{Status: status}), status)
	}
	require.Equal(t, Failed, Classify(Answer{}), "no connection")
	require.Equal(t, Busy, Classify(Answer{TimedOut: true}))
	require.Equal(t, Busy, Classify(Answer{Status: 503, RetryAfter: time.Second}))
	require.Equal(t, Ours, Classify(Answer{Ours: true}))
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "0": 0, "-5": 0, "soon": 0, "NaN": 0, "120": 2 * time.Minute, " 1.5 ": 1500 * time.Millisecond,
		"86400": 24 * time.Hour, "999999999": 24 * time.Hour, "Inf": 24 * time.Hour,
		"Tue, 24 Nov 2026 12:10:00 GMT": 10 * time.Minute, "Tue, 24 Nov 2026 11:00:00 GMT": 0, "Fri, 27 Nov 2026 12:00:00 GMT": 24 * time.Hour,
		"Tuesday, 24-Nov-26 12:00:30 GMT": 30 * time.Second,
	} {
		require.Equal(t, want, RetryAfter(value, now), value)
	}
}

func TestTheScheduleOfTenAttempts(t *testing.T) {
	t.Parallel()
	for _, random := range []float64{0, 0.5, math.Nextafter(1, 0)} {
		step, attempts, total := 0, 1, time.Duration(0)
		for {
			n := Again(step, true, Answer{Status: 500}, random)
			if n.Ended {
				break
			}
			step, attempts, total = n.Step, attempts+1, total+n.Wait
		}
		require.Equal(t, Attempts(), attempts)
		require.InEpsilon(t, (75*time.Hour + 35*time.Minute + 5*time.Second).Seconds(), total.Seconds(), 0.21, "random %v", random)
		if random == 0.5 {
			require.InDelta(t, (75*time.Hour + 35*time.Minute + 5*time.Second).Seconds(), total.Seconds(), 1)
		}
	}
	// What the receiver asks for is honoured in full, and is never made shorter.
	for _, asked := range []time.Duration{time.Minute, time.Hour, 24 * time.Hour} {
		for _, random := range []float64{0, 0.99} {
			n := Again(0, true, Answer{Status: http.StatusTooManyRequests, RetryAfter: asked}, random)
			require.GreaterOrEqual(t, n.Wait, asked)
			require.Less(t, n.Wait, asked+15*time.Second)
		}
	}
	require.GreaterOrEqual(t, Again(7, true, Answer{RetryAfter: time.Second}, 0).Wait, 16*time.Hour, "the step is the least")
	require.Equal(t, 3, Again(3, false, Answer{Status: 500}, 0).Step, "a probe uses up nothing")
	require.Equal(t, 3, Again(3, true, Answer{Ours: true}, 0).Step, "our fault is charged to nobody")
}

func TestADestinationCools(t *testing.T) {
	t.Parallel()
	for n := 1; n < OpenAfter; n++ {
		require.Zero(t, Cool(Failed, n, Answer{Status: 500}, 0.5), "a few failures cool nothing")
	}
	require.Equal(t, 5*time.Second, Cool(Failed, OpenAfter, Answer{Status: 500}, 0.5))
	require.Equal(t, 5*time.Second, Cool(Busy, 1, Answer{Status: 502}, 0.5))
	for _, c := range []Class{Failed, Busy} {
		require.Equal(t, 5*time.Second, Cool(c, OpenAfter, Answer{}, 0.5))
		require.Equal(t, 10*time.Second, Cool(c, OpenAfter+1, Answer{}, 0.5), "after one probe")
		require.Equal(t, 20*time.Second, Cool(c, OpenAfter+2, Answer{}, 0.5))
	}
	require.Equal(t, 2*time.Hour, Cool(Busy, 1, Answer{Status: 429, RetryAfter: 2 * time.Hour}, 0.5))
	last := time.Duration(0)
	for n := 1; n < 1000; n++ {
		wait := Cool(Busy, n, Answer{Status: 504}, 0.5)
		require.GreaterOrEqual(t, wait, last)
		require.LessOrEqual(t, wait, time.Hour)
		last = wait
	}
	require.Equal(t, time.Hour, last)
}

func TestWarningsOnTheWay(t *testing.T) {
	t.Parallel()
	require.Equal(t, []int{0, 0, 1, 2, 3, 3}, []int{
		WarningOf(0), WarningOf(59 * time.Hour), WarningOf(60 * time.Hour), WarningOf(90 * time.Hour), WarningOf(108 * time.Hour), WarningOf(DisableAfter),
	})
}

func TestHeadersOfTenants(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Authorization", "X-Api-Key", "X-Tenant"} {
		require.True(t, HeaderAllowed(name), name)
	}
	for _, name := range []string{"Host", "CONTENT-LENGTH", "webhook-id", "Webhook-Signature", "X-CloudHub-Signature", "Transfer-Encoding", "User-Agent", "Connection"} {
		require.False(t, HeaderAllowed(name), name)
	}
}
