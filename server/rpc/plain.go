package rpc

import (
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/cloudhub/cloudhub/internal/platform/rpcerr"
)

const (
	// maxElements is more than any list of ours may have; each rule of a longer
	// one would be tried on each of its elements.
	maxElements = 10_000
	// maxFields is how many mistakes one answer names.
	maxFields = 20
)

// plain finds what no field of ours may hold and validation would not see, or
// would take long over: U+0000, which PostgreSQL does not store, and lists
// beyond all bounds.
func plain(m proto.Message) []rpcerr.Field {
	var out []rpcerr.Field
	walk(m.ProtoReflect(), "", &out)
	return out
}

func walk(m protoreflect.Message, prefix string, out *[]rpcerr.Field) {
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		path := prefix + string(fd.Name())
		switch {
		case fd.IsMap():
		case fd.IsList() && v.List().Len() > maxElements:
			*out = append(*out, rpcerr.Field{Path: path, Text: "send fewer elements", Rule: "REPEATED_MAX_ITEMS"})
		case fd.IsList():
			for i := range v.List().Len() {
				look(fd, v.List().Get(i), path+"["+strconv.Itoa(i)+"]", out)
			}
		default:
			look(fd, v, path, out)
		}
		return len(*out) < maxFields
	})
}

func look(fd protoreflect.FieldDescriptor, v protoreflect.Value, path string, out *[]rpcerr.Field) {
	switch {
	case fd.Message() != nil:
		walk(v.Message(), path+".", out)
	case fd.Kind() == protoreflect.StringKind && strings.ContainsRune(v.String(), 0):
		*out = append(*out, rpcerr.Field{Path: path, Text: "this must not contain the character U+0000", Rule: "STRING_NUL"})
	}
}
