package rpc

import (
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	cloudhubv1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/internal/platform/rpcerr"
)

// requests are messages of every shape that the contract has.
func requests() []proto.Message {
	return []proto.Message{
		&cloudhubv1.CreateCloudAccountRequest{}, &cloudhubv1.UpdateCloudAccountRequest{}, &cloudhubv1.ListResourcesRequest{},
		&cloudhubv1.CreateScheduleRequest{}, &cloudhubv1.RegisterRequest{}, &cloudhubv1.GetMeRequest{},
	}
}

func TestWhatDidNotDecodeIsSaidByField(t *testing.T) {
	t.Parallel()
	const org = `"orgId":"o","workspaceId":"w"`
	for body, want := range map[string]string{
		`{` + org + `,"name":7}`:                                      "name",
		`{` + org + `,"rule":{"startTime":7}}`:                        "rule.start_time",
		`{` + org + `,"rule":{"weekdays":["NOPE"]}}`:                  "rule.weekdays",
		`{` + org + `,"rule":{"weekdays":["WEEKDAY_MONDAY","NOPE"]}}`: "rule.weekdays",
		`{` + org + `,"x":1,"rule":{"weekdays":["NOPE"]}}`:            "rule.weekdays",
		`{` + org + `,"resourceIds":"x"}`:                             "(body)",
		`{` + org + `,"name":"a","name":"b"}`:                         "name",
		`{` + org + `,"name": field hunter2}`:                         "(body)",
		`{` + org + `,"hunter2":1,"name":7}`:                          "name",
		`nonsense`:                                                    "(body)",
	} {
		m := &cloudhubv1.CreateScheduleRequest{}
		require.NoError(t, jsonCodec{}.Unmarshal([]byte(body), m))
		why, bad := undecodedOf(m)
		require.True(t, bad, body)
		require.Equal(t, want, why.Field, body)
		require.NotContains(t, why.Text+why.Field, "hunter2")
		if !why.Whole {
			require.Equal(t, "o", m.GetOrgId(), "whose it is about is still known: %s", body)
		}
	}
	// What a newer client knows and we do not is passed over.
	m := &cloudhubv1.CreateScheduleRequest{}
	require.NoError(t, jsonCodec{}.Unmarshal([]byte(`{`+org+`,"fromTheFuture":{"x":[1]},"rule":{"weekdays":["WEEKDAY_MONDAY"],"new":1}}`), m))
	_, bad := undecodedOf(m)
	require.False(t, bad)
	require.Equal(t, []cloudhubv1.Weekday{1}, m.GetRule().GetWeekdays())
}

// No message may use the number that marks what did not decode.
func TestTheMarksNumberIsNobodys(t *testing.T) {
	t.Parallel()
	for _, m := range requests() {
		require.Nil(t, m.ProtoReflect().Descriptor().Fields().ByNumber(badFieldNumber))
	}
}

func FuzzJSONDecode(f *testing.F) {
	for _, s := range []string{
		`{}`, ``, `[]`, `null`, `{"orgId":"x","workspaceId":"y"}`, `{"org_id":1}`, `{"orgId":"a","org_id":"b"}`, `{"rule":{"weekdays":["NOPE",7,null]}}`,
		`{"tags":[{"key":"a"},{}]}`, `{"awsAccessKey":{"secretAccessKey":"s"}}`, `{"updateMask":"name,observeOnly"}`, `{"updateMask":{"paths":["x"]}}`,
		`{"states":[1,"RESOURCE_STATE_RUNNING",9999999999]}`, "\xff\xfe", `{"name":"\ud800"}`, `{"name":"\u0000"}`, strings.Repeat("[", 2000), `{"pageSize":1e999}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, m := range requests() {
			require.NoError(t, jsonCodec{}.Unmarshal(bytes.Clone(data), m), "a codec never fails")
			why, bad := undecodedOf(m)
			strict := proto.Clone(m)
			proto.Reset(strict)
			parses := len(data) == 0 || protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(data, strict) == nil
			require.True(t, bad || parses, "what does not parse is marked: %q", data)
			if !bad {
				continue
			}
			require.NotEmpty(t, why.Text)
			require.Equal(t, rpcerr.ReasonValidation, why.Reason)
			if why.Field != "(body)" {
				require.True(t, known(m.ProtoReflect().Descriptor(), strings.Split(why.Field, ".")), "an error names a field of ours alone: %q", why.Field)
			}
			m.ProtoReflect().SetUnknown(nil)
			m.ProtoReflect().Range(func(fd protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
				require.Contains(t, []protoreflect.Name{"org_id", "workspace_id"}, fd.Name(), "only whose it is about is kept")
				return true
			})
		}
	})
}

func known(m protoreflect.MessageDescriptor, path []string) bool {
	fd := m.Fields().ByName(protoreflect.Name(path[0]))
	if fd == nil || len(path) == 1 {
		return fd != nil
	}
	return fd.Message() != nil && known(fd.Message(), path[1:])
}

func FuzzProtoDecode(f *testing.F) {
	for _, m := range requests() {
		raw, err := proto.Marshal(m)
		require.NoError(f, err)
		f.Add(raw)
	}
	f.Add([]byte{0xff, 0xff, 0xff})
	f.Add([]byte{0xfa, 0xff, 0xff, 0xff, 0x0f, 0x02, '{', '}'})
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, m := range requests() {
			require.NoError(t, protoCodec{}.Unmarshal(bytes.Clone(data), m))
			_, bad := undecodedOf(m)
			clean := proto.Clone(m)
			proto.Reset(clean)
			require.True(t, bad || proto.Unmarshal(data, clean) == nil)
			_ = plain(m)
		}
	})
}

// A gzipped body never fails to be read, and never becomes another message.
func FuzzGunzip(f *testing.F) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write([]byte(`{"orgId":"x"}`))
	require.NoError(f, err)
	require.NoError(f, z.Close())
	f.Add(b.Bytes())
	f.Add(b.Bytes()[:len(b.Bytes())-3])
	f.Add([]byte("no gzip"))
	f.Fuzz(func(t *testing.T, data []byte) {
		g := newGunzip()
		require.NoError(t, g.Reset(bytes.NewReader(data)))
		got, err := io.ReadAll(g)
		require.NoError(t, err)
		require.LessOrEqual(t, len(got), maxMessage+1)
		r, err := gzip.NewReader(bytes.NewReader(data))
		if err == nil {
			var want []byte
			if want, err = io.ReadAll(io.LimitReader(r, maxMessage+1)); err == nil {
				require.Equal(t, want, append([]byte{}, got...))
				return
			}
		}
		for _, m := range requests() {
			require.Error(t, proto.Unmarshal(got, m), "what is no gzip is no message")
			require.Error(t, protojson.Unmarshal(got, m))
		}
	})
}
