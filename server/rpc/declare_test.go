package rpc

import (
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	cloudhubv1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
)

// contract makes a contract of one rpc at run time.
func contract(t testing.TB, auth *cloudhubv1.Auth, fields map[string]descriptorpb.FieldDescriptorProto_Type) *protoregistry.Files {
	t.Helper()
	options := &descriptorpb.MethodOptions{}
	if auth != nil {
		proto.SetExtension(options, cloudhubv1.E_Auth, auth)
	}
	in := &descriptorpb.DescriptorProto{Name: proto.String("DoRequest")}
	n := int32(1)
	for name, kind := range fields {
		in.Field = append(in.Field, &descriptorpb.FieldDescriptorProto{
			Name: proto.String(name), Number: proto.Int32(n), Type: kind.Enum(), Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
		})
		n++
	}
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String("cloudhub/v1/test.proto"), Package: proto.String(Package), Syntax: proto.String("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{in, {Name: proto.String("DoResponse")}},
		Service: []*descriptorpb.ServiceDescriptorProto{{Name: proto.String("TestService"), Method: []*descriptorpb.MethodDescriptorProto{{
			Name: proto.String("Do"), InputType: proto.String(".cloudhub.v1.DoRequest"), OutputType: proto.String(".cloudhub.v1.DoResponse"), Options: options,
		}}}},
	}, nil)
	require.NoError(t, err)
	files := &protoregistry.Files{}
	require.NoError(t, files.RegisterFile(file))
	return files
}

func methodOf(t testing.TB, files *protoregistry.Files) protoreflect.MethodDescriptor {
	t.Helper()
	d, err := files.FindDescriptorByName("cloudhub.v1.TestService.Do")
	require.NoError(t, err)
	return d.(protoreflect.MethodDescriptor)
}

var both = map[string]descriptorpb.FieldDescriptorProto_Type{
	"org_id": descriptorpb.FieldDescriptorProto_TYPE_STRING, "workspace_id": descriptorpb.FieldDescriptorProto_TYPE_STRING,
}

func TestTheServerDoesNotStartWithAnRPCThatSaysTooLittle(t *testing.T) {
	t.Parallel()
	require.NoError(t, CheckContract(), "the contract itself is complete")
	const (
		permission = cloudhubv1.Access_ACCESS_PERMISSION
		read       = cloudhubv1.RateClass_RATE_CLASS_READ
		view       = cloudhubv1.Permission_PERMISSION_RESOURCES_VIEW
		members    = cloudhubv1.Permission_PERMISSION_MEMBERS_VIEW
	)
	org := map[string]descriptorpb.FieldDescriptorProto_Type{"org_id": descriptorpb.FieldDescriptorProto_TYPE_STRING}
	bytesOrg := map[string]descriptorpb.FieldDescriptorProto_Type{"org_id": descriptorpb.FieldDescriptorProto_TYPE_BYTES, "workspace_id": descriptorpb.FieldDescriptorProto_TYPE_STRING}
	for name, c := range map[string]struct {
		auth   *cloudhubv1.Auth
		fields map[string]descriptorpb.FieldDescriptorProto_Type
		want   string
	}{
		"nothing":                        {nil, both, "declares no (cloudhub.v1.auth)"},
		"an empty option":                {&cloudhubv1.Auth{}, both, "rate class"},
		"no access":                      {&cloudhubv1.Auth{Rate: read}, both, "declares no access"},
		"an access from the future":      {&cloudhubv1.Auth{Rate: read, Access: 99}, both, "declares no access"},
		"no rate class":                  {&cloudhubv1.Auth{Access: permission, Permission: view}, both, "rate class"},
		"a rate class without figures":   {&cloudhubv1.Auth{Access: permission, Permission: view, Rate: 99}, both, "rate class"},
		"no permission":                  {&cloudhubv1.Auth{Access: permission, Rate: read}, both, "not one of the nineteen"},
		"the twentieth permission":       {&cloudhubv1.Auth{Access: permission, Rate: read, Permission: 20}, both, "not one of the nineteen"},
		"no org_id":                      {&cloudhubv1.Auth{Access: permission, Rate: read, Permission: view}, nil, "no string org_id"},
		"org_id is bytes":                {&cloudhubv1.Auth{Access: permission, Rate: read, Permission: view}, bytesOrg, "no string org_id"},
		"no workspace_id":                {&cloudhubv1.Auth{Access: permission, Rate: read, Permission: view}, org, "no string workspace_id"},
		"public with a permission":       {&cloudhubv1.Auth{Access: cloudhubv1.Access_ACCESS_PUBLIC, Rate: read, Permission: view}, both, "not asked for"},
		"an operator, with a permission": {&cloudhubv1.Auth{Access: cloudhubv1.Access_ACCESS_PLATFORM_ADMIN, Rate: read, Permission: view}, both, "not asked for"},
		"an operator, without a rate":    {&cloudhubv1.Auth{Access: cloudhubv1.Access_ACCESS_PLATFORM_ADMIN}, both, "rate class"},
		"signed in, with a plan":         {&cloudhubv1.Auth{Access: cloudhubv1.Access_ACCESS_AUTHENTICATED, Rate: read, Plan: cloudhubv1.Plan_PLAN_PRO}, both, "not asked for"},
	} {
		err := checkFiles(contract(t, c.auth, c.fields))
		require.ErrorContains(t, err, "cloudhub.v1.TestService.Do", name)
		require.ErrorContains(t, err, c.want, name)
	}
	require.NoError(t, checkFiles(contract(t, &cloudhubv1.Auth{Access: permission, Rate: read, Permission: members}, org)))
	require.NoError(t, checkFiles(contract(t, &cloudhubv1.Auth{Access: cloudhubv1.Access_ACCESS_PLATFORM_ADMIN, Rate: read}, nil)))
	require.NoError(t, checkFiles(contract(t, &cloudhubv1.Auth{Access: permission, Rate: read, Permission: view}, both)))
}

// Every permission and plan of the contract is one of the table's, and the other
// way round.
func TestTheContractAndTheTableNameTheSamePermissions(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for n := range cloudhubv1.Permission_name {
		if p := cloudhubv1.Permission(n); p != cloudhubv1.Permission_PERMISSION_UNSPECIFIED {
			require.Contains(t, permissionsOfTheTable(), PermissionOf(p))
			seen[string(PermissionOf(p))] = true
		}
	}
	require.Len(t, seen, len(permissionsOfTheTable()))
	require.Equal(t, "free", string(PlanOf(cloudhubv1.Plan_PLAN_UNSPECIFIED)))
	require.Equal(t, "free", string(PlanOf(cloudhubv1.Plan_PLAN_FREE)))
	require.Equal(t, "pro", string(PlanOf(cloudhubv1.Plan_PLAN_PRO)))
	require.Equal(t, "enterprise", string(PlanOf(cloudhubv1.Plan_PLAN_ENTERPRISE)))
}
