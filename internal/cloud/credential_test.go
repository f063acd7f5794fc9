package cloud_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/internal/cloud"
)

// What is sealed must be what is read again: a field that AppendJSON forgets is a
// credential that does not work.
func TestACredentialsOwnJSONIsJSON(t *testing.T) {
	t.Parallel()
	full := cloud.Credential{}
	v := reflect.ValueOf(&full).Elem()
	for i := range v.NumField() {
		require.Equal(t, reflect.String, v.Field(i).Kind(), "write it in AppendJSON, and how a test fills it here")
		v.Field(i).SetString("value \"\\\x00\n\x7fção/+=< " + v.Type().Field(i).Name)
	}
	for _, c := range []cloud.Credential{full, {}, {SecretAccessKey: "s"}, {AccessKeyID: "a", SecretAccessKey: "b"}} {
		raw := c.AppendJSON(make([]byte, 0, c.MaxJSON()))
		require.LessOrEqual(t, len(raw), c.MaxJSON())
		var read cloud.Credential
		require.NoError(t, json.Unmarshal(raw, &read), string(raw))
		require.Equal(t, c, read)
		theirs, err := json.Marshal(c)
		require.NoError(t, err)
		require.JSONEq(t, string(theirs), string(raw))
	}
}
