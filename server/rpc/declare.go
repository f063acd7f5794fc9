package rpc

import (
	"errors"
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	cloudhubv1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/internal/access"
)

// Package is the contract that this server serves.
const Package = "cloudhub.v1"

// authOf reads what a method declares; nil when it declares nothing.
func authOf(m protoreflect.MethodDescriptor) *cloudhubv1.Auth {
	a, ok := proto.GetExtension(m.Options(), cloudhubv1.E_Auth).(*cloudhubv1.Auth)
	if !ok {
		return nil
	}
	return a
}

// PermissionOf translates the contract's permission.
func PermissionOf(p cloudhubv1.Permission) access.Permission {
	name := strings.TrimPrefix(p.String(), "PERMISSION_")
	family, verb, _ := strings.Cut(strings.ToLower(name), "_")
	return access.Permission(family + "." + verb)
}

// PlanOf translates the contract's plan; unspecified is free.
func PlanOf(p cloudhubv1.Plan) access.Plan {
	switch p {
	case cloudhubv1.Plan_PLAN_ENTERPRISE:
		return access.Enterprise
	case cloudhubv1.Plan_PLAN_PRO:
		return access.Pro
	default:
		return access.Free
	}
}

// CheckContract refuses a contract in which any rpc does not say, completely,
// who may call it. The server does not start without it.
func CheckContract() error { return checkFiles(protoregistry.GlobalFiles) }

func checkFiles(files *protoregistry.Files) error {
	var errs []error
	files.RangeFilesByPackage(Package, func(f protoreflect.FileDescriptor) bool {
		for i := range f.Services().Len() {
			methods := f.Services().Get(i).Methods()
			for j := range methods.Len() {
				if err := checkMethod(methods.Get(j)); err != nil {
					errs = append(errs, fmt.Errorf("%s: %w", methods.Get(j).FullName(), err))
				}
			}
		}
		return true
	})
	return errors.Join(errs...)
}

func checkMethod(m protoreflect.MethodDescriptor) error {
	a := authOf(m)
	switch {
	case a == nil:
		return errors.New("declares no (cloudhub.v1.auth)")
	case figures[a.GetRate()].burst == 0:
		return errors.New("declares no rate class that has figures")
	case a.GetAccess() == cloudhubv1.Access_ACCESS_PUBLIC, a.GetAccess() == cloudhubv1.Access_ACCESS_AUTHENTICATED,
		a.GetAccess() == cloudhubv1.Access_ACCESS_PLATFORM_ADMIN:
		if a.GetPermission() != cloudhubv1.Permission_PERMISSION_UNSPECIFIED || a.GetPlan() != cloudhubv1.Plan_PLAN_UNSPECIFIED {
			return errors.New("names a permission or plan that is not asked for")
		}
		return nil
	case a.GetAccess() == cloudhubv1.Access_ACCESS_PERMISSION:
		return checkPermission(m, a)
	default:
		return errors.New("declares no access")
	}
}

func checkPermission(m protoreflect.MethodDescriptor, a *cloudhubv1.Auth) error {
	level, ok := access.LevelOf(PermissionOf(a.GetPermission()))
	if !ok {
		return fmt.Errorf("permission %s is not one of the nineteen", a.GetPermission())
	}
	if !isString(m.Input(), "org_id") {
		return errors.New("its request has no string org_id")
	}
	if level == access.LevelWorkspace && !isString(m.Input(), "workspace_id") {
		return errors.New("its permission is a workspace's and its request has no string workspace_id")
	}
	return nil
}

func isString(m protoreflect.MessageDescriptor, field protoreflect.Name) bool {
	fd := m.Fields().ByName(field)
	return fd != nil && fd.Kind() == protoreflect.StringKind && !fd.IsList()
}
