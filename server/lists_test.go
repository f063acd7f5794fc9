package server_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/db/dbtest"
)

// pages reads a list to its end, by pages of three, and answers the ids.
func (w *world) pages(p person, procedure string, req proto.Message, out func() proto.Message, field string) (ids []string, tokens []string) {
	w.t.Helper()
	m := req.ProtoReflect()
	fields := m.Descriptor().Fields()
	m.Set(fields.ByName("page_size"), protoreflect.ValueOfInt32(3))
	for {
		a := w.rpc(p.token, procedure, req)
		a.ok(w.t)
		res := out()
		a.into(w.t, res)
		list := res.ProtoReflect().Get(res.ProtoReflect().Descriptor().Fields().ByName(protoreflect.Name(field))).List()
		require.LessOrEqual(w.t, list.Len(), 3)
		for i := range list.Len() {
			item := list.Get(i).Message()
			ids = append(ids, item.Get(item.Descriptor().Fields().ByName("id")).String())
		}
		token := res.ProtoReflect().Get(res.ProtoReflect().Descriptor().Fields().ByName("next_page_token")).String()
		if token == "" {
			return ids, tokens
		}
		tokens = append(tokens, token)
		m.Set(fields.ByName("page_token"), protoreflect.ValueOfString(token))
	}
}

// lists are the rpcs that answer page by page.
func lists(e estate) map[string]struct {
	req   func() proto.Message
	res   func() proto.Message
	field string
} {
	org, ws := e.org.String(), e.workspace.String()
	return map[string]struct {
		req   func() proto.Message
		res   func() proto.Message
		field string
	}{
		"InventoryService/ListResources": {func() proto.Message { return &v1.ListResourcesRequest{OrgId: org, WorkspaceId: ws} },
			func() proto.Message { return &v1.ListResourcesResponse{} }, "resources"},
		"CloudAccountService/ListCloudAccounts": {func() proto.Message { return &v1.ListCloudAccountsRequest{OrgId: org, WorkspaceId: ws} },
			func() proto.Message { return &v1.ListCloudAccountsResponse{} }, "cloud_accounts"},
		"ScheduleService/ListSchedules": {func() proto.Message { return &v1.ListSchedulesRequest{OrgId: org, WorkspaceId: ws} },
			func() proto.Message { return &v1.ListSchedulesResponse{} }, "schedules"},
		"OperationService/ListOperations": {func() proto.Message { return &v1.ListOperationsRequest{OrgId: org, WorkspaceId: ws} },
			func() proto.Message { return &v1.ListOperationsResponse{} }, "operations"},
	}
}

func TestPagesAreCompleteAndTheirTokensGoodForNothingElse(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p, foreign := w.register("Ana"), w.register("Eva")
	e, theirs := w.estate(p.org, p.workspace), w.estate(foreign.org, foreign.workspace)
	other := w.estate(p.org, w.newWorkspace(p.org, "Outro"))
	for _, x := range []estate{e, theirs, other} {
		// Names and times alike: only the id tells them apart.
		next := time.Now().Add(time.Hour).Truncate(time.Minute)
		for range 7 {
			w.account(x.org, x.workspace, dbtest.NewID(t), "igual")
			w.machine(x, "igual", "running", "us-east-1", nil)
			w.schedule(x, dbtest.NewID(t), "igual", next)
			w.operation(x, dbtest.NewID(t), x.schedule, x.resources[:1], true)
		}
		w.exec(`UPDATE operations SET created_at = date_trunc('hour', now()) WHERE workspace_id = $1 AND id <> $2`, x.workspace, x.operation)
	}
	want := map[string][]string{
		"InventoryService/ListResources":        column[string](w, `SELECT id::text FROM resources WHERE workspace_id = $1 ORDER BY lower(name) COLLATE "C", id`, e.workspace),
		"CloudAccountService/ListCloudAccounts": column[string](w, `SELECT id::text FROM cloud_accounts WHERE workspace_id = $1 ORDER BY lower(name) COLLATE "C", id`, e.workspace),
		"ScheduleService/ListSchedules":         column[string](w, `SELECT id::text FROM schedules WHERE workspace_id = $1 ORDER BY next_at, id`, e.workspace),
		"OperationService/ListOperations":       column[string](w, `SELECT id::text FROM operations WHERE workspace_id = $1 ORDER BY created_at DESC, id DESC`, e.workspace),
	}
	var everyToken []string
	for name, l := range lists(e) {
		ids, tokens := w.pages(p, name, l.req(), l.res, l.field)
		require.Equal(t, want[name], ids, name)
		require.GreaterOrEqual(t, len(tokens), 2, name)
		everyToken = append(everyToken, tokens[0])
	}
	// A token of another list, tenant, workspace or filter, or of nobody.
	for name, l := range lists(theirs) {
		_, tokens := w.pages(foreign, name, l.req(), l.res, l.field)
		everyToken = append(everyToken, tokens[0])
	}
	for name, l := range lists(other) {
		_, tokens := w.pages(p, name, l.req(), l.res, l.field)
		everyToken = append(everyToken, tokens[0])
	}
	everyToken = append(everyToken, "x", "AAAA", uuid.NewString())
	var first string
	for name, l := range lists(e) {
		passed := 0
		for _, token := range everyToken {
			req := l.req()
			req.ProtoReflect().Set(req.ProtoReflect().Descriptor().Fields().ByName("page_token"), protoreflect.ValueOfString(token))
			a := w.rpc(p.token, name, req)
			if a.isOK() {
				passed++
				continue
			}
			a.refused(t, "PAGE_TOKEN_INVALID")
			require.Equal(t, []string{"page_token"}, a.fields)
			if first == "" {
				first = a.withoutID(t)
			}
			require.Equal(t, first, a.withoutID(t), "all refused tokens are refused alike")
		}
		require.Equal(t, 1, passed, "%s: its own token, and no other", name)
	}
	resources := lists(e)["InventoryService/ListResources"]
	_, tokens := w.pages(p, "InventoryService/ListResources", resources.req(), resources.res, "resources")
	w.rpc(p.token, "InventoryService/ListResources", &v1.ListResourcesRequest{
		OrgId: p.org.String(), WorkspaceId: p.workspace.String(), Search: "x", PageToken: tokens[0],
	}).refused(t, "PAGE_TOKEN_INVALID")
	// Another page size is no other list.
	w.rpc(p.token, "InventoryService/ListResources", &v1.ListResourcesRequest{
		OrgId: p.org.String(), WorkspaceId: p.workspace.String(), PageToken: tokens[0], PageSize: 500,
	}).ok(t)
}

func TestPageSizes(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Ana")
	e := w.estate(p.org, p.workspace)
	w.exec(`INSERT INTO resources (org_id, workspace_id, id, cloud_account_id, kind, provider_id, name, region, zone, type, state, seen_at)
		SELECT $1, $2, gen_random_uuid(), $3, 'aws.ec2.instance', 'i-' || i, 'bulk', 'us-east-1', 'us-east-1a', 't3.micro', 'running', now()
		FROM generate_series(1, 600) i`, p.org, p.workspace, e.account)
	for asked, want := range map[int32]int{0: 50, 7: 7, 500: 500, 501: 500, 1 << 30: 500} {
		got := get(w, p.token, "InventoryService/ListResources", &v1.ListResourcesRequest{OrgId: p.org.String(), WorkspaceId: p.workspace.String(), PageSize: asked}, &v1.ListResourcesResponse{})
		require.Len(t, got.GetResources(), want)
		require.Equal(t, int32(603), got.GetCounts()[0].GetCount())
		if want < 500 {
			next := get(w, p.token, "InventoryService/ListResources", &v1.ListResourcesRequest{
				OrgId: p.org.String(), WorkspaceId: p.workspace.String(), PageSize: asked, PageToken: got.GetNextPageToken(),
			}, &v1.ListResourcesResponse{})
			require.Empty(t, next.GetCounts(), "counted once, with the first page")
		}
	}
	w.rpc(p.token, "InventoryService/ListResources", &v1.ListResourcesRequest{OrgId: p.org.String(), WorkspaceId: p.workspace.String(), PageSize: -1}).refused(t, "VALIDATION")
}

func TestAListOfMachinesIsWhatTheFilterSays(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Ana")
	e := estate{org: p.org, workspace: p.workspace, account: dbtest.NewID(t)}
	second := estate{org: p.org, workspace: p.workspace, account: dbtest.NewID(t)}
	w.account(p.org, p.workspace, e.account, "Uma")
	w.account(p.org, p.workspace, second.account, "Outra")
	names := map[string]string{}
	add := func(e estate, name, state, region string, tags map[string]string) string {
		id := w.machine(e, name, state, region, tags)
		names[id.String()] = name
		return id.String()
	}
	web := add(e, "WEB 100%", "running", "sa-east-1", map[string]string{"env": "prod", "team": "a"})
	add(e, "web_2", "stopped", "sa-east-1", map[string]string{"env": "prod", "team": "b"})
	add(e, "webx2", "running", "us-east-1", map[string]string{"env": "dev", "team": "a"})
	add(e, "sumiu", "gone", "us-east-1", map[string]string{"env": "prod", "team": "a"})
	add(second, "SERVIDOR É", "stopping", "us-east-1", nil)
	w.exec(`UPDATE resources SET provider_id = 'i-00FACE' WHERE id = $1`, web)
	type filter = func(*v1.ListResourcesRequest)
	for name, c := range map[string]struct {
		filter filter
		want   []string
	}{
		"all but what is gone": {func(*v1.ListResourcesRequest) {}, []string{"SERVIDOR É", "WEB 100%", "web_2", "webx2"}},
		"by account":           {func(r *v1.ListResourcesRequest) { r.CloudAccountIds = []string{second.account.String()} }, []string{"SERVIDOR É"}},
		"by two accounts": {func(r *v1.ListResourcesRequest) {
			r.CloudAccountIds = []string{second.account.String(), e.account.String()}
		}, []string{"SERVIDOR É", "WEB 100%", "web_2", "webx2"}},
		"by region": {func(r *v1.ListResourcesRequest) { r.Regions = []string{"us-east-1"} }, []string{"SERVIDOR É", "webx2"}},
		"by state": {func(r *v1.ListResourcesRequest) {
			r.States = []v1.ResourceState{v1.ResourceState_RESOURCE_STATE_STOPPED, v1.ResourceState_RESOURCE_STATE_STOPPING}
		}, []string{"SERVIDOR É", "web_2"}},
		"gone is never listed": {func(r *v1.ListResourcesRequest) { r.States = []v1.ResourceState{v1.ResourceState_RESOURCE_STATE_GONE} }, nil},
		"by tag":               {func(r *v1.ListResourcesRequest) { r.Tags = []*v1.Tag{{Key: "env", Value: "prod"}} }, []string{"WEB 100%", "web_2"}},
		"by two tags, both": {func(r *v1.ListResourcesRequest) {
			r.Tags = []*v1.Tag{{Key: "env", Value: "prod"}, {Key: "team", Value: "a"}}
		}, []string{"WEB 100%"}},
		"the same tag twice": {func(r *v1.ListResourcesRequest) {
			r.Tags = []*v1.Tag{{Key: "team", Value: "b"}, {Key: "team", Value: "b"}}
		}, []string{"web_2"}},
		"two values of one key": {func(r *v1.ListResourcesRequest) {
			r.Tags = []*v1.Tag{{Key: "team", Value: "a"}, {Key: "team", Value: "b"}}
		}, nil},
		"search, any case":       {func(r *v1.ListResourcesRequest) { r.Search = " Web " }, []string{"WEB 100%", "web_2", "webx2"}},
		"search, accents":        {func(r *v1.ListResourcesRequest) { r.Search = "dor é" }, []string{"SERVIDOR É"}},
		"a percent is a percent": {func(r *v1.ListResourcesRequest) { r.Search = "0%" }, []string{"WEB 100%"}},
		"an underscore is one":   {func(r *v1.ListResourcesRequest) { r.Search = "b_2" }, []string{"web_2"}},
		"a backslash is one":     {func(r *v1.ListResourcesRequest) { r.Search = `\` }, nil},
		"a quote is one":         {func(r *v1.ListResourcesRequest) { r.Search = `' OR 1=1 --` }, nil},
		"the provider's id":      {func(r *v1.ListResourcesRequest) { r.Search = "00face" }, []string{"WEB 100%"}},
		"by id":                  {func(r *v1.ListResourcesRequest) { r.ResourceIds = []string{web, uuid.NewString()} }, []string{"WEB 100%"}},
		"everything at once": {func(r *v1.ListResourcesRequest) {
			r.Search, r.Regions, r.Tags = "web", []string{"sa-east-1"}, []*v1.Tag{{Key: "team", Value: "b"}}
		}, []string{"web_2"}},
	} {
		req := &v1.ListResourcesRequest{OrgId: p.org.String(), WorkspaceId: p.workspace.String()}
		c.filter(req)
		got := get(w, p.token, "InventoryService/ListResources", req, &v1.ListResourcesResponse{})
		var have []string
		for _, r := range got.GetResources() {
			have = append(have, names[r.GetId()])
		}
		slices.Sort(have)
		slices.Sort(c.want)
		require.Equal(t, c.want, have, name)
		if len(req.GetStates()) == 0 {
			sum := int32(0)
			for _, n := range got.GetCounts() {
				sum += n.GetCount()
			}
			require.Len(t, c.want, int(sum), "%s: the counts are of the same filter", name)
		}
	}
}

// Who opens a list while others do shares their counting. It is never another
// tenant's, workspace's or filter's, and never from before he asked: who has just
// changed something sees it.
func TestCountsAskedForAtOnceAreOfTheirListAndOfNow(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p, foreign := w.register("Ana"), w.register("Eva")
	type place struct {
		who   person
		e     estate
		state v1.ResourceState // of all its machines, and of no other's
	}
	at := func(who person, workspace uuid.UUID, state v1.ResourceState) place {
		e := estate{org: who.org, workspace: workspace, account: dbtest.NewID(t)}
		w.account(e.org, e.workspace, e.account, "Uma")
		return place{who, e, state}
	}
	var all sync.WaitGroup
	for _, x := range []place{
		at(p, p.workspace, v1.ResourceState_RESOURCE_STATE_RUNNING),
		at(p, w.newWorkspace(p.org, "Outro"), v1.ResourceState_RESOURCE_STATE_STOPPED),
		at(foreign, foreign.workspace, v1.ResourceState_RESOURCE_STATE_STOPPING),
	} {
		count := func(search string) int32 {
			var got v1.ListResourcesResponse
			a := w.rpc(x.who.token, "InventoryService/ListResources", &v1.ListResourcesRequest{OrgId: x.e.org.String(), WorkspaceId: x.e.workspace.String(), PageSize: 1, Search: search})
			if !assert.True(t, a.isOK(), a.outcome()) || !assert.NoError(t, protojson.Unmarshal(a.body, &got)) || len(got.GetCounts()) == 0 {
				return 0
			}
			assert.Len(t, got.GetCounts(), 1)
			assert.Equal(t, x.state, got.GetCounts()[0].GetState())
			return got.GetCounts()[0].GetCount()
		}
		const machines = 25
		done := make(chan struct{})
		for _, search := range []string{"", "", "", "par"} {
			all.Go(func() {
				last := int32(0)
				for reading := true; reading; {
					select {
					case <-done:
						reading = false
					default:
					}
					n := count(search)
					assert.GreaterOrEqual(t, n, last, "no count is older than the one before")
					last = n
				}
				want := int32(machines)
				if search != "" {
					want = (machines + 1) / 2
				}
				assert.Equal(t, want, last, "exact when nothing changes")
			})
		}
		all.Go(func() {
			defer close(done)
			for i := range int32(machines) {
				w.machine(x.e, []string{"par", "um"}[i%2], strings.ToLower(strings.TrimPrefix(x.state.String(), "RESOURCE_STATE_")), "sa-east-1", nil)
				assert.Equal(t, i+1, count(""), "who has added one sees it")
			}
		})
	}
	all.Wait()
}

func TestOperationsAreFilteredByAllThatIsAsked(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Ana")
	e := w.estate(p.org, p.workspace) // its operation: first two machines, ended
	open, other := dbtest.NewID(t), dbtest.NewID(t)
	w.operation(e, open, e.schedule, e.resources[:1], false)
	night := dbtest.NewID(t)
	w.schedule(e, night, "Outra", time.Now().Add(time.Hour))
	w.operation(e, other, night, e.resources[2:], true)
	for name, c := range map[string]struct {
		resource, schedule string
		open               bool
		want               []uuid.UUID
	}{
		"all":                               {"", "", false, []uuid.UUID{other, open, e.operation}},
		"open":                              {"", "", true, []uuid.UUID{open}},
		"a machine's":                       {e.resources[0].String(), "", false, []uuid.UUID{open, e.operation}},
		"a machine's, open":                 {e.resources[0].String(), "", true, []uuid.UUID{open}},
		"another machine's, open":           {e.resources[1].String(), "", true, nil},
		"a schedule's":                      {"", e.schedule.String(), false, []uuid.UUID{open, e.operation}},
		"a schedule's, open":                {"", e.schedule.String(), true, []uuid.UUID{open}},
		"a schedule's with a machine":       {e.resources[1].String(), e.schedule.String(), false, []uuid.UUID{e.operation}},
		"a schedule's with a machine, open": {e.resources[1].String(), e.schedule.String(), true, nil},
		"a schedule that never had it":      {e.resources[1].String(), night.String(), false, nil},
	} {
		got := get(w, p.token, "OperationService/ListOperations", &v1.ListOperationsRequest{
			OrgId: p.org.String(), WorkspaceId: p.workspace.String(), ResourceId: c.resource, ScheduleId: c.schedule, Open: c.open,
		}, &v1.ListOperationsResponse{})
		var have []string
		for _, o := range got.GetOperations() {
			have = append(have, o.GetId())
			if c.resource == "" {
				require.Empty(t, o.GetTargets())
			}
			for _, target := range o.GetTargets() {
				require.Equal(t, c.resource, target.GetResourceId(), "that machine's target alone")
			}
		}
		require.ElementsMatch(t, texts(c.want), have, name)
	}
	whole := get(w, p.token, "OperationService/GetOperation", &v1.GetOperationRequest{OrgId: p.org.String(), WorkspaceId: p.workspace.String(), OperationId: e.operation.String()}, &v1.GetOperationResponse{}).GetOperation()
	require.Len(t, whole.GetTargets(), 2)
	require.Equal(t, "Noite", whole.GetSchedules()[0].GetName())
	require.Equal(t, fmt.Sprint(v1.OperationState_OPERATION_STATE_SUCCEEDED), fmt.Sprint(whole.GetState()))
}
