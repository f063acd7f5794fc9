package rpc

import (
	"encoding/json"
	"regexp"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/cloudhub/cloudhub/internal/platform/rpcerr"
)

// maxMessage is the largest message that is looked at.
const maxMessage = 1 << 20

const tooLarge = "send at most 1 MiB at once"

// badFieldNumber marks a message that did not decode: connect has no way to
// hand a decoding error to an interceptor, where authorization and the shape of
// errors live. No message of ours may use the number, and a client that sends
// it has only described its own mistake.
const badFieldNumber = 536_870_911

// undecoded is why a message did not decode.
type undecoded struct {
	Field  string        `json:"field"`
	Text   string        `json:"text"`
	Reason rpcerr.Reason `json:"reason"`
	// Whole: nothing of it could be read, not even whose it is about.
	Whole bool `json:"whole"`
}

// jsonCodec and protoCodec replace connect's own: they never fail to decode.
type jsonCodec struct{}

func (jsonCodec) Name() string { return "json" }

func (jsonCodec) Marshal(m any) ([]byte, error) {
	return protojson.MarshalOptions{EmitUnpopulated: false}.Marshal(m.(proto.Message))
}

func (jsonCodec) Unmarshal(data []byte, m any) error {
	msg := m.(proto.Message)
	if holdsSecrets(msg.ProtoReflect().Descriptor()) {
		defer clear(data) // connect keeps the buffer, and does not look at it again
	}
	if len(data) > maxMessage {
		mark(msg, undecoded{Field: "(message)", Text: tooLarge, Reason: rpcerr.ReasonTooLarge, Whole: true})
		return nil
	}
	if len(data) == 0 {
		data = []byte("{}")
	}
	if (protojson.UnmarshalOptions{}).Unmarshal(data, msg) == nil {
		return nil
	}
	// A field that we do not know is passed over: a newer client may send it. A
	// name that an enum does not have is not, or a filter would be dropped.
	proto.Reset(msg)
	err := protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(data, msg)
	why := undecoded{Text: needs["enum"], Reason: rpcerr.ReasonValidation}
	if err != nil {
		why = explain(msg, err)
	} else if why.Field = unknownName(msg.ProtoReflect().Descriptor(), data); why.Field == "" {
		return nil
	}
	proto.Reset(msg)
	why.Whole = !rescueScope(data, msg)
	mark(msg, why)
	return nil
}

type protoCodec struct{}

func (protoCodec) Name() string                  { return "proto" }
func (protoCodec) Marshal(m any) ([]byte, error) { return proto.Marshal(m.(proto.Message)) }

func (protoCodec) Unmarshal(data []byte, m any) error {
	msg := m.(proto.Message)
	if holdsSecrets(msg.ProtoReflect().Descriptor()) {
		defer clear(data)
	}
	if len(data) > maxMessage {
		mark(msg, undecoded{Field: "(message)", Text: tooLarge, Reason: rpcerr.ReasonTooLarge, Whole: true})
		return nil
	}
	if err := proto.Unmarshal(data, msg); err != nil {
		proto.Reset(msg)
		mark(msg, undecoded{Field: "(message)", Text: "these bytes are not this message", Reason: rpcerr.ReasonValidation, Whole: true})
	}
	return nil
}

// mark leaves the reason in the message's unknown fields.
func mark(m proto.Message, why undecoded) {
	raw, err := json.Marshal(why)
	if err != nil {
		return // a struct of strings always marshals
	}
	b := protowire.AppendTag(nil, badFieldNumber, protowire.BytesType)
	m.ProtoReflect().SetUnknown(protowire.AppendBytes(b, raw))
}

// undecodedOf finds the mark.
func undecodedOf(m proto.Message) (undecoded, bool) {
	unknown := m.ProtoReflect().GetUnknown()
	for len(unknown) > 0 {
		num, typ, n := protowire.ConsumeTag(unknown)
		if n < 0 {
			return undecoded{}, false
		}
		size := protowire.ConsumeFieldValue(num, typ, unknown[n:])
		if size < 0 {
			return undecoded{}, false
		}
		if num == badFieldNumber && typ == protowire.BytesType {
			raw, _ := protowire.ConsumeBytes(unknown[n:])
			var why undecoded
			if json.Unmarshal(raw, &why) == nil && why.Field != "" {
				if why.Reason != rpcerr.ReasonTooLarge {
					why.Reason = rpcerr.ReasonValidation // whatever a client wrote there
				}
				return why, true
			}
		}
		unknown = unknown[n+size:]
	}
	return undecoded{}, false
}

// rescueScope keeps what authorization needs of a message that does not decode.
func rescueScope(data []byte, m proto.Message) bool {
	var top map[string]json.RawMessage
	defer func() { forget(top) }()
	if json.Unmarshal(data, &top) != nil {
		return false
	}
	fields := m.ProtoReflect().Descriptor().Fields()
	for _, name := range []protoreflect.Name{"org_id", "workspace_id"} {
		fd := fields.ByName(name)
		if fd == nil {
			continue
		}
		for _, key := range []string{fd.JSONName(), string(name)} {
			var s string
			if json.Unmarshal(top[key], &s) == nil && s != "" {
				m.ProtoReflect().Set(fd, protoreflect.ValueOfString(s))
			}
		}
	}
	return true
}

// unknownName is the path of the first enum field with a name that the enum does
// not have, or "".
func unknownName(m protoreflect.MessageDescriptor, data []byte) string {
	var tree map[string]json.RawMessage
	defer func() { forget(tree) }()
	if m.FullName().Parent() != Package || json.Unmarshal(data, &tree) != nil {
		return "" // messages that are not ours have forms of their own
	}
	for i := range m.Fields().Len() {
		fd := m.Fields().Get(i)
		for _, raw := range []json.RawMessage{tree[fd.JSONName()], tree[string(fd.Name())]} {
			if path := unknownIn(fd, raw); path != "" {
				return path
			}
		}
	}
	return ""
}

// forget overwrites copies of what a client sent: there may be a secret in it.
func forget(tree map[string]json.RawMessage) {
	for _, raw := range tree {
		clear(raw)
	}
}

func unknownIn(fd protoreflect.FieldDescriptor, raw json.RawMessage) string {
	elements, path := []json.RawMessage{raw}, string(fd.Name())
	if fd.IsList() && json.Unmarshal(raw, &elements) != nil || len(raw) == 0 {
		return ""
	}
	if fd.IsList() {
		defer func() {
			for _, e := range elements {
				clear(e)
			}
		}()
	}
	for _, e := range elements {
		var name string
		switch {
		case fd.IsMap():
		case fd.Message() != nil:
			if sub := unknownName(fd.Message(), e); sub != "" {
				return path + "." + sub
			}
		case fd.Enum() != nil && json.Unmarshal(e, &name) == nil && fd.Enum().Values().ByName(protoreflect.Name(name)) == nil && string(e) != "null":
			return path
		}
	}
	return ""
}

// fieldInError finds the field that protojson names. What follows it in the
// error is the value.
var fieldInError = regexp.MustCompile(`^proto:[ \x{a0}](?:\(line \d+:\d+\): )?(?:invalid value for (\w+) field (\w+)|duplicate field "(\w+)")`)

// explain turns protojson's words into a field and a sentence, without the
// value: it may be a secret.
func explain(m proto.Message, err error) undecoded {
	out := undecoded{Field: "(body)", Text: "this is not a JSON object of the request's form", Reason: rpcerr.ReasonValidation}
	match := fieldInError.FindStringSubmatch(err.Error())
	if match == nil {
		return out
	}
	path := pathOf(m.ProtoReflect().Descriptor(), match[2]+match[3])
	if path == "" {
		return out
	}
	out.Field = path
	if out.Text = needs[match[1]]; out.Text == "" {
		out.Text = "this value has another form than the field needs"
	}
	return out
}

// pathOf finds a field by its name in JSON, in a message or the messages in it.
// Nothing else may stand in an error: it would be what the client sent.
func pathOf(m protoreflect.MessageDescriptor, name string) string {
	var below string
	for i := range m.Fields().Len() {
		fd := m.Fields().Get(i)
		if fd.JSONName() == name || string(fd.Name()) == name {
			return string(fd.Name())
		}
		if sub := fd.Message(); sub != nil && sub.FullName().Parent() == Package && below == "" {
			if path := pathOf(sub, name); path != "" {
				below = string(fd.Name()) + "." + path
			}
		}
	}
	return below
}

var needs = map[string]string{
	"string": "this needs to be a string", "bool": "this needs to be true or false",
	"int32": "this needs to be a whole number of at most 32 bits", "int64": "this needs to be a whole number",
	"enum": "this is not one of the names the field knows", "message": "this needs to be an object",
}
