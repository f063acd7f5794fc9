package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	"connectrpc.com/connect"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/api/gen/cloudhub/v1/cloudhubv1connect"
	"github.com/cloudhub/cloudhub/internal/bench/measure"
)

// commitToActivity orders machines that are on to be on, one after another, and
// compares the operation's two moments, both by the database's clock: when the
// handler wrote it, and when the workflow's first activity took it.
func commitToActivity(ctx context.Context, r ready, n int) error {
	token := ""
	auth := connect.WithInterceptors(connect.UnaryInterceptorFunc(func(next connect.UnaryFunc) connect.UnaryFunc {
		return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
			req.Header().Set("Authorization", "Bearer "+token)
			return next(ctx, req)
		}
	}))
	h := http.DefaultClient
	login, err := cloudhubv1connect.NewAuthServiceClient(h, r.URL).Login(ctx, &v1.LoginRequest{Email: r.Demo.Email, Password: r.Demo.Password})
	if err != nil {
		return err
	}
	token = login.GetAccessToken().GetToken()
	me, err := cloudhubv1connect.NewUserServiceClient(h, r.URL, auth).GetMe(ctx, &v1.GetMeRequest{})
	if err != nil {
		return err
	}
	org := me.GetOrganizations()[0]
	orgID, ws := org.GetId(), org.GetWorkspaces()[0].GetId()
	list, err := cloudhubv1connect.NewInventoryServiceClient(h, r.URL, auth).ListResources(ctx, &v1.ListResourcesRequest{
		OrgId: orgID, WorkspaceId: ws, PageSize: 500, States: []v1.ResourceState{v1.ResourceState_RESOURCE_STATE_RUNNING}, Search: "prd",
	})
	if err != nil {
		return err
	}
	if len(list.GetResources()) == 0 {
		return errors.New("the estate has no running machine")
	}
	power := cloudhubv1connect.NewResourceServiceClient(h, r.URL, auth)
	ops := cloudhubv1connect.NewOperationServiceClient(h, r.URL, auth)
	var taken, ended []time.Duration
	for i := range n {
		id := list.GetResources()[i%len(list.GetResources())].GetId()
		made, err := power.StartResources(ctx, &v1.StartResourcesRequest{OrgId: orgID, WorkspaceId: ws, ResourceIds: []string{id}})
		if err != nil {
			return err
		}
		op, err := await(ctx, ops, orgID, ws, made.GetOperation().GetId())
		if err != nil {
			return err
		}
		taken = append(taken, op.GetStartTime().AsTime().Sub(op.GetCreateTime().AsTime()))
		ended = append(ended, op.GetEndTime().AsTime().Sub(op.GetCreateTime().AsTime()))
	}
	measure.Report("commit → first activity                                 ", taken)
	measure.Report("commit → recorded, nothing to do (one look at the cloud)", ended)
	return nil
}

func await(ctx context.Context, ops cloudhubv1connect.OperationServiceClient, org, ws, id string) (*v1.Operation, error) {
	for {
		got, err := ops.GetOperation(ctx, &v1.GetOperationRequest{OrgId: org, WorkspaceId: ws, OperationId: id})
		if err != nil {
			return nil, err
		}
		if got.GetOperation().GetEndTime() != nil {
			return got.GetOperation(), nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}
