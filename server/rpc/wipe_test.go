package rpc

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	cloudhubv1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
)

const canary = "canary/secret/access/key/0123456789"

func withSecret() *cloudhubv1.CreateCloudAccountRequest {
	return &cloudhubv1.CreateCloudAccountRequest{Name: "a", Credential: &cloudhubv1.CreateCloudAccountRequest_AwsAccessKey{
		AwsAccessKey: &cloudhubv1.AwsAccessKey{AccessKeyId: "AKIA", SecretAccessKey: canary},
	}}
}

func TestTheContractSaysWhatIsSecret(t *testing.T) {
	t.Parallel()
	for _, m := range []proto.Message{&cloudhubv1.CreateCloudAccountRequest{}, &cloudhubv1.LoginRequest{}, &cloudhubv1.RegisterRequest{}} {
		require.True(t, holdsSecrets(m.ProtoReflect().Descriptor()), "%T", m)
	}
	require.False(t, holdsSecrets((&cloudhubv1.ListResourcesRequest{}).ProtoReflect().Descriptor()))
}

func TestWhatWasDecodedIsOverwritten(t *testing.T) {
	t.Parallel()
	wire, err := proto.Marshal(withSecret())
	require.NoError(t, err)
	text, err := protojson.Marshal(withSecret())
	require.NoError(t, err)
	for name, c := range map[string]struct {
		codec interface{ Unmarshal([]byte, any) error }
		data  []byte
	}{"proto": {protoCodec{}, wire}, "json": {jsonCodec{}, text}, "json that does not fit": {jsonCodec{}, []byte(strings.Replace(string(text), `"name"`, `"nom"`, 1))}} {
		m := &cloudhubv1.CreateCloudAccountRequest{}
		require.NoError(t, c.codec.Unmarshal(c.data, m))
		require.Equal(t, make([]byte, len(c.data)), c.data, "%s: the body is overwritten", name)
		held := m.GetAwsAccessKey().GetSecretAccessKey()
		require.Equal(t, canary, held)
		wipe(t.Context(), m)
		require.Empty(t, m.GetAwsAccessKey().GetSecretAccessKey())
		require.Equal(t, strings.Repeat("\x00", len(canary)), held, "%s: whoever holds the text holds nothing", name)
		require.Equal(t, "AKIA", m.GetAwsAccessKey().GetAccessKeyId(), "what is no secret stays")
	}
	// The runtime shares strings of one byte among all.
	m := &cloudhubv1.LoginRequest{}
	require.NoError(t, protoCodec{}.Unmarshal([]byte("\x12\x01a"), m))
	wipe(t.Context(), m)
	require.Equal(t, "a", string([]byte{'a'}))
	// A message without secrets is left alone.
	list := []byte(`{"filter":""}`)
	require.NoError(t, jsonCodec{}.Unmarshal(list, &cloudhubv1.ListResourcesRequest{}))
	require.JSONEq(t, `{"filter":""}`, string(list))
}

// slow gives a body in pieces, so that the buffer grows several times.
type slow struct{ rest []byte }

func (s *slow) Read(p []byte) (int, error) {
	if len(s.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), 100)], s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

func TestAGrowingBufferLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	body := bytes.Repeat([]byte("canary "), 1000)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/", io.NopCloser(&slow{body}))
	require.NoError(t, err)
	Guard(r, &Caller{}, nil)
	var seen [][]byte // the arrays that the buffer had
	read := bytes.NewBuffer(make([]byte, 0, 512))
	tee := readerFunc(func(p []byte) (int, error) {
		n, err := r.Body.Read(p)
		if n > 0 {
			seen = append(seen, p[:n])
		}
		return n, err
	})
	_, err = read.ReadFrom(tee)
	require.NoError(t, err)
	require.Equal(t, body, read.Bytes(), "nothing that is needed was overwritten")
	clear(read.Bytes())
	require.Greater(t, len(seen), 10)
	for _, p := range seen {
		require.Equal(t, make([]byte, len(p)), p)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestTheReadBufferOfAConnection(t *testing.T) {
	t.Parallel()
	here, there := net.Pipe()
	go func() { _, _ = there.Write([]byte("POST / HTTP/1.1\r\n\r\n" + canary + " and " + canary + " next")) }()
	c := &Conn{Conn: here}
	t.Cleanup(func() { _ = c.Close(); _ = there.Close() })
	buffer := make([]byte, 4096)
	n, err := c.Read(buffer)
	require.NoError(t, err)
	m := withSecret()
	raw, err := proto.Marshal(m)
	require.NoError(t, err)
	decoded := &cloudhubv1.CreateCloudAccountRequest{}
	require.NoError(t, protoCodec{}.Unmarshal(raw, decoded))
	other := &cloudhubv1.CreateCloudAccountRequest{}
	raw, err = proto.Marshal(m)
	require.NoError(t, err)
	require.NoError(t, protoCodec{}.Unmarshal(raw, other))
	wipe(WithoutConn(WithConn(context.Background(), c)), other)
	gone := strings.Repeat("\x00", len(canary))
	require.NotContains(t, string(buffer[:n]), gone)
	wipe(WithConn(context.Background(), c), decoded)
	require.Equal(t, "POST / HTTP/1.1\r\n\r\n"+gone+" and "+gone+" next", string(buffer[:n]), "and nothing else")
}
