package vault_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/internal/platform/vault"
)

// Whatever road a secret takes to a log, a page or an error, it must not be
// readable at the end of it.
func TestASecretIsRedactedByEveryRoad(t *testing.T) {
	t.Parallel()
	const text = "hunter2"
	secret := vault.NewSecret(text)
	type exported struct{ Password vault.Secret }
	type unexported struct{ password vault.Secret }
	shapes := map[string]any{
		"itself":     secret,
		"pointer":    &secret,
		"exported":   exported{secret},
		"unexported": unexported{secret},
		"pointed to": &unexported{secret},
		"slice":      []vault.Secret{secret},
		"map":        map[string]vault.Secret{"a": secret},
		"interface":  []any{secret},
	}
	for name, shape := range shapes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%10s", "%.2s"} {
				clean(t, fmt.Sprintf(verb, shape))
			}
			clean(t, fmt.Sprint(shape), fmt.Sprintln(shape), fmt.Errorf("failed: %v", shape).Error())
			raw, err := json.Marshal(shape)
			require.NoError(t, err)
			clean(t, string(raw))
			var asText, asJSON bytes.Buffer
			slog.New(slog.NewTextHandler(&asText, nil)).Error("x", slog.Any("secret", shape), "error", errors.Join(fmt.Errorf("%v", shape)))
			slog.New(slog.NewJSONHandler(&asJSON, nil)).Error("x", slog.Any("secret", shape))
			clean(t, asText.String(), asJSON.String())
		})
	}
	require.Equal(t, "[redacted]", fmt.Sprint(secret))
	require.Equal(t, "[redacted]", secret.String())
	require.Equal(t, "[redacted]", fmt.Sprintf("%#v", secret))
	require.Equal(t, "[redacted]", secret.GoString())
	raw, err := json.Marshal(exported{secret})
	require.NoError(t, err)
	require.JSONEq(t, `{"Password":"[redacted]"}`, string(raw))
	raw, err = xml.Marshal(exported{secret})
	require.NoError(t, err)
	clean(t, string(raw))
	require.Equal(t, text, secret.Reveal())
}

// clean fails when the secret, or its hexadecimal form, is in the output.
func clean(t *testing.T, outputs ...string) {
	t.Helper()
	for _, output := range outputs {
		for _, form := range []string{"hunter2", "68756e74657232", "68756E74657232", "hu", "104 117 110"} {
			require.NotContains(t, output, form)
		}
	}
}

// A redacted secret that is read back must not pass for the secret.
func TestASecretIsNotUnmarshalled(t *testing.T) {
	t.Parallel()
	var secret vault.Secret
	require.Error(t, json.Unmarshal([]byte(`"[redacted]"`), &secret)) //nolint:staticcheck // that it has no way in is what is tested
	require.True(t, secret.Empty())
}

func TestSecretEqual(t *testing.T) {
	t.Parallel()
	require.True(t, vault.NewSecret("a").Equal(vault.NewSecret([]byte("a"))))
	require.False(t, vault.NewSecret("a").Equal(vault.NewSecret("b")))
	require.True(t, vault.Secret{}.Equal(vault.NewSecret("")))
	require.Empty(t, vault.Secret{}.Reveal())
}

func TestASecretIsACopy(t *testing.T) {
	t.Parallel()
	raw := []byte("hunter2")
	secret := vault.NewSecret(raw)
	clear(raw)
	require.Equal(t, "hunter2", secret.Reveal())
}
