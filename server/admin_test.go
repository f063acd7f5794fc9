package server_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/server"
)

// platformAdmin registers one of the people who run the installation.
func (w *world) platformAdmin(name string) person {
	w.t.Helper()
	p := w.register(name)
	w.exec(`INSERT INTO platform_admins (user_id) VALUES ($1)`, p.id)
	return p
}

func (w *world) listAgenda(p person, req *v1.ListAgendaRequest) *v1.ListAgendaResponse {
	w.t.Helper()
	out := &v1.ListAgendaResponse{}
	a := w.rpc(p.token, "AdminService/ListAgenda", req)
	a.ok(w.t)
	a.into(w.t, out)
	return out
}

// work puts one row on an organization's agenda, due some time ago.
func (w *world) work(org uuid.UUID, kind, subject string, age time.Duration, more string) {
	w.t.Helper()
	w.exec(`INSERT INTO agenda (org_id, kind, subject, lane, due_at, look_at) VALUES ($1, $2, $3, 1, now() - make_interval(secs => $4), now() + interval '1 hour')`,
		org, kind, subject, age.Seconds())
	if more != "" {
		w.exec(`UPDATE agenda SET `+more+` WHERE org_id = $1 AND subject = $2`, org, subject)
	}
}

// Each tab has what belongs there, each figure counts the same.
func TestTheAgendaByView(t *testing.T) {
	t.Parallel()
	w := setup(t)
	rita, ana := w.platformAdmin("Rita"), w.register("Ana")
	w.work(ana.org, "power", "fresh", time.Second, "")
	w.work(ana.org, "power", "late", time.Hour, "")
	w.work(ana.org, "sync", "failing", time.Hour, "last_error = 'no', starts = 4")
	w.work(ana.org, "power", "again", time.Hour, "last_error = 'lost', starts = 2, run_id = 'r'")
	w.work(ana.org, "power", "flight", time.Minute, "run_id = 'r', starts = 1")
	w.work(ana.org, "power", "stuck", 3*time.Hour, "run_id = 'r', starts = 1")
	w.work(ana.org, "power", "held", time.Hour, "parked_at = now(), parked_by = 'Rita', parked_reason = 'because'")
	w.work(ana.org, "timetable", "waits", -time.Hour, "")
	for view, want := range map[v1.AgendaView][]string{
		v1.AgendaView_AGENDA_VIEW_DUE:           {"late", "failing", "fresh"},
		v1.AgendaView_AGENDA_VIEW_LATE:          {"again", "late", "failing"},
		v1.AgendaView_AGENDA_VIEW_FAILING:       {"again", "failing"},
		v1.AgendaView_AGENDA_VIEW_OPEN_TOO_LONG: {"stuck", "again"},
		v1.AgendaView_AGENDA_VIEW_PARKED:        {"held"},
		v1.AgendaView_AGENDA_VIEW_ALL:           {"stuck", "again", "held", "late", "failing", "flight", "fresh", "waits"},
	} {
		var got []string
		for _, r := range w.listAgenda(rita, &v1.ListAgendaRequest{View: view, Organization: ana.org.String()}).GetRows() {
			got = append(got, r.GetSubject())
		}
		require.ElementsMatch(t, want, got, view)
	}
	out := &v1.GetAgendaSummaryResponse{}
	a := w.rpc(rita.token, "AdminService/GetAgendaSummary", &v1.GetAgendaSummaryRequest{})
	a.ok(t)
	a.into(t, out)
	require.Positive(t, out.GetDispatcherConnectionCount(), "the pool of the role system is one")
	for _, c := range out.GetCounts() {
		if c.GetKind() == "power" {
			require.Equal(t, []int64{2, 2, 1, 3, 2, 1}, []int64{
				c.GetDueCount(), c.GetLateCount(), c.GetFailingCount(), c.GetInFlightCount(), c.GetOpenTooLongCount(), c.GetParkedCount()})
			require.WithinDuration(t, out.GetTime().AsTime().Add(-time.Hour), c.GetOldestDueTime().AsTime(), time.Minute, "what is delivered and well waits for nobody")
		}
	}
}

// Page by page, every row once, in the order of their time, whatever is equal.
func TestTheAgendaPageByPage(t *testing.T) {
	t.Parallel()
	w := setup(t)
	rita, ana, bia := w.platformAdmin("Rita"), w.register("Ana"), w.register("Bia")
	w.exec(`UPDATE organizations SET name = 'Padaria 100% Trigo' WHERE id = $1`, bia.org)
	for i := range 7 {
		w.work(ana.org, "power", fmt.Sprintf("a%d", i), time.Hour, "last_error = 'x'")
		w.work(bia.org, "sync", fmt.Sprintf("b%d", i), time.Hour, "last_error = 'x'")
	}
	w.exec(`UPDATE agenda SET due_at = date_trunc('hour', now()) - interval '1 hour' WHERE last_error = 'x'`)
	seen := map[string]bool{}
	req := &v1.ListAgendaRequest{View: v1.AgendaView_AGENDA_VIEW_FAILING, PageSize: 4}
	for pages := 0; ; pages++ {
		require.Less(t, pages, 5)
		got := w.listAgenda(rita, req)
		for _, r := range got.GetRows() {
			require.False(t, seen[r.GetSubject()], r.GetSubject())
			seen[r.GetSubject()] = true
		}
		if got.GetNextPageToken() == "" {
			break
		}
		req.PageToken = got.GetNextPageToken()
	}
	require.Len(t, seen, 14)
	for name, c := range map[string]struct {
		req  *v1.ListAgendaRequest
		want int
	}{
		"by part of the name":  {&v1.ListAgendaRequest{Organization: "100% tri"}, 7},
		"by the id":            {&v1.ListAgendaRequest{Organization: ana.org.String()}, 7},
		"a pattern is no name": {&v1.ListAgendaRequest{Organization: "pad%ria"}, 0},
		"by kind":              {&v1.ListAgendaRequest{Kinds: []string{"sync"}}, 7},
		"by lane":              {&v1.ListAgendaRequest{Lanes: []v1.AgendaLane{v1.AgendaLane_AGENDA_LANE_PERSON}}, 0},
		"by all of it":         {&v1.ListAgendaRequest{Kinds: []string{"sync", "power"}, Lanes: []v1.AgendaLane{v1.AgendaLane_AGENDA_LANE_MINUTE}, Organization: "padaria"}, 7},
	} {
		c.req.View = v1.AgendaView_AGENDA_VIEW_FAILING
		require.Len(t, w.listAgenda(rita, c.req).GetRows(), c.want, name)
	}
	other := w.rpc(rita.token, "AdminService/ListAgenda", &v1.ListAgendaRequest{View: v1.AgendaView_AGENDA_VIEW_LATE, PageToken: req.GetPageToken()})
	require.Equal(t, "PAGE_TOKEN_INVALID", other.reason)
}

// The link names the run, or finds the runs of a workflow that was not delivered.
func TestLinksIntoTemporal(t *testing.T) {
	t.Parallel()
	w := setup(t)
	rita, ana := w.platformAdmin("Rita"), w.register("Ana")
	w.work(ana.org, "sync", "s1", time.Hour, "run_id = 'run-1'")
	w.work(ana.org, "power", "p1", time.Hour, "")
	w.work(ana.org, "timetable", "t1", time.Hour, "")
	got := map[string]string{}
	for _, r := range w.listAgenda(rita, &v1.ListAgendaRequest{View: v1.AgendaView_AGENDA_VIEW_ALL, Organization: ana.org.String()}).GetRows() {
		got[r.GetSubject()] = r.GetTemporalUrl()
	}
	require.Equal(t, map[string]string{
		"s1": "http://temporal.example.com/namespaces/cloudhub-background/workflows/sync%2Fs1/run-1/history",
		"p1": "http://temporal.example.com/namespaces/cloudhub/workflows?query=%60WorkflowId%60%3D%22power%2Fp1%22",
		"t1": "",
	}, got)
}

// A server that is not given the role has no such page, for anybody.
func TestAServerWithoutTheOperatorsPage(t *testing.T) {
	t.Parallel()
	w := setup(t, func(d *server.Deps) { d.Admin = nil })
	rita := w.platformAdmin("Rita")
	require.False(t, w.me(rita).GetPlatformAdmin())
	a := w.rpc(rita.token, "AdminService/GetAgendaSummary", &v1.GetAgendaSummaryRequest{})
	require.Equal(t, 404, a.status)
}
