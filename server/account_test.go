package server_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/internal/cloud"
	"github.com/cloudhub/cloudhub/internal/inventory"
	"github.com/cloudhub/cloudhub/internal/platform/vault"
	"github.com/cloudhub/cloudhub/server"
)

func newAccount(p person) *v1.CreateCloudAccountRequest {
	return &v1.CreateCloudAccountRequest{
		OrgId: p.org.String(), WorkspaceId: p.workspace.String(), Name: " Conta nova ", ObserveOnly: true,
		Credential: &v1.CreateCloudAccountRequest_AwsAccessKey{AwsAccessKey: accessKey()},
	}
}

func TestAnAccountIsAddedWhenItsKeyWorks(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Ana")
	w.worker(func(uuid.UUID) verdict {
		v := accepted("123456789012")
		v.result.Checks = []inventory.ProbeCheck{{Permission: "ec2:StopInstances", Needed: "power"}, {Permission: "ec2:DescribeInstances", Needed: "inventory", OK: true}}
		return v
	})
	req := newAccount(p)
	a := get(w, p.token, "CloudAccountService/CreateCloudAccount", req, &v1.CreateCloudAccountResponse{}).GetCloudAccount()
	require.Equal(t, "Conta nova", a.GetName())
	require.Equal(t, "123456789012", a.GetExternalId())
	require.Equal(t, []string{"ec2:StopInstances"}, a.GetMissingPermissions())
	require.Equal(t, v1.CloudAccountState_CLOUD_ACCOUNT_STATE_READING, a.GetState())
	require.True(t, a.GetObserveOnly())
	require.True(t, a.GetSimulated())
	key := req.GetAwsAccessKey()
	require.Equal(t, key.GetAccessKeyId()[16:], a.GetCredentialHint())
	// The draft has become the credential, which only workers open, in its place.
	require.Zero(t, one[int](w, `SELECT count(*)::int FROM credential_drafts`))
	ciphertext := one[[]byte](w, `SELECT ciphertext FROM credentials WHERE cloud_account_id = $1`, a.GetId())
	sealed := vault.Sealed{KeyID: one[string](w, `SELECT key_id FROM credentials`), Ciphertext: ciphertext}
	secret, err := w.opener.Open(sealed, vault.CloudCredential(p.org.String(), p.workspace.String(), a.GetId(), vault.CloudCredentialSchema))
	require.NoError(t, err)
	require.Contains(t, secret.Reveal(), key.GetSecretAccessKey())
	_, err = w.opener.Open(sealed, vault.CloudCredential(p.org.String(), p.workspace.String(), uuid.NewString(), vault.CloudCredentialSchema))
	require.Error(t, err, "copied to another row it does not open")
	// It is read now, and will be again.
	require.ElementsMatch(t, []string{"probe", "sync", "sync-clock"}, column[string](w, `SELECT kind FROM agenda WHERE org_id = $1`, p.org))
	require.Subset(t, column[string](w, `SELECT action FROM audit_log WHERE org_id = $1`, p.org), []string{"credential.try", "cloud_account.create"})
	w.noSecret(key.GetSecretAccessKey(), key.GetAccessKeyId())
}

// noSecret looks for what was sent in every row and every line of the log.
func (w *world) noSecret(secrets ...string) {
	w.t.Helper()
	for _, table := range column[string](w, `SELECT relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p')`) {
		all := one[string](w, `SELECT coalesce(string_agg(x::text || convert_from(decode(replace(encode(convert_to(x::text, 'UTF8'), 'hex'), '00', ''), 'hex'), 'UTF8'), ' '), '') FROM `+table+` x`)
		for _, s := range secrets {
			require.NotContains(w.t, all, s, table)
			require.NotContains(w.t, all, fmt.Sprintf("%x", s), table)
		}
	}
	for _, s := range secrets {
		require.NotContains(w.t, w.logs.String(), s)
	}
}

func TestAKeyThatDoesNotWorkLeavesNothing(t *testing.T) {
	t.Parallel()
	w := setup(t, func(d *server.Deps) { d.ProbeWithin = 700 * time.Millisecond })
	p := w.register("Ana")
	var say atomic.Pointer[verdict]
	w.worker(func(uuid.UUID) verdict { return *say.Load() })
	refused := func(r inventory.ProbeResult) verdict { return verdict{state: "refused", result: r} }
	lacking := accepted("123456789012")
	lacking.result.Checks = []inventory.ProbeCheck{{Permission: "ec2:DescribeInstances", Needed: "inventory"}}
	for name, c := range map[string]struct {
		say    verdict
		reason string
		meta   map[string]string
	}{
		"a wrong key":            {refused(inventory.ProbeResult{Reason: string(cloud.ReasonUnauthenticated), Detail: "InvalidClientTokenId"}), "CREDENTIAL_REFUSED", map[string]string{"detail": "InvalidClientTokenId"}},
		"denied":                 {refused(inventory.ProbeResult{Reason: string(cloud.ReasonDenied), Permission: "ec2:DescribeRegions"}), "PERMISSION_MISSING_AT_PROVIDER", map[string]string{"permissions": "ec2:DescribeRegions"}},
		"cannot read":            {lacking, "PERMISSION_MISSING_AT_PROVIDER", map[string]string{"permissions": "ec2:DescribeInstances"}},
		"the provider is down":   {refused(inventory.ProbeResult{Reason: string(cloud.ReasonTransient)}), "PROBE_TIMEOUT", nil},
		"the provider throttles": {refused(inventory.ProbeResult{Reason: string(cloud.ReasonThrottled)}), "PROBE_TIMEOUT", nil},
		"no worker":              {verdict{}, "PROBE_TIMEOUT", nil},
	} {
		say.Store(&c.say)
		a := w.rpc(p.token, "CloudAccountService/CreateCloudAccount", newAccount(p))
		require.Equal(t, c.reason, a.reason, "%s: %s", name, a.body)
		require.Equal(t, c.meta, a.meta, name)
		require.Zero(t, one[int](w, `SELECT count(*)::int FROM credential_drafts`), "%s: a key that was not taken is kept", name)
		require.Zero(t, one[int](w, `SELECT count(*)::int FROM cloud_accounts`), name)
		require.Zero(t, one[int](w, `SELECT count(*)::int FROM credentials`), name)
	}
}

func TestAnAccountIsInAWorkspaceOnce(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Ana")
	w.worker(func(uuid.UUID) verdict { return accepted("123456789012") })
	won := 0
	for _, a := range parallel(6, func(int) answer { return w.rpc(p.token, "CloudAccountService/CreateCloudAccount", newAccount(p)) }) {
		if a.isOK() {
			won++
			continue
		}
		a.refused(t, "ACCOUNT_EXISTS")
		require.Equal(t, map[string]string{"external_id": "123456789012", "name": "Conta nova"}, a.meta)
	}
	require.Equal(t, 1, won)
	require.Zero(t, one[int](w, `SELECT count(*)::int FROM credential_drafts`))
	elsewhere := newAccount(p)
	elsewhere.WorkspaceId = w.newWorkspace(p.org, "Outro").String()
	w.rpc(p.token, "CloudAccountService/CreateCloudAccount", elsewhere).ok(t)
}

func TestARequestThatIsSentAgainIsAnsweredAsBefore(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Ana")
	w.worker(func(draft uuid.UUID) verdict { return accepted(draft.String()[20:]) })
	req := newAccount(p)
	req.RequestId = uuid.NewString()
	ids := map[string]bool{}
	for _, a := range parallel(5, func(int) answer { return w.rpc(p.token, "CloudAccountService/CreateCloudAccount", req) }) {
		out := &v1.CreateCloudAccountResponse{}
		a.ok(t)
		a.into(t, out)
		ids[out.GetCloudAccount().GetId()] = true
	}
	require.Len(t, ids, 1)
	require.Equal(t, 1, one[int](w, `SELECT count(*)::int FROM cloud_accounts`))
	require.Zero(t, one[int](w, `SELECT count(*)::int FROM credential_drafts`))
	req.Name = "Outra"
	a := w.rpc(p.token, "CloudAccountService/CreateCloudAccount", req)
	a.refused(t, "REQUEST_ID_REUSED")
	require.Equal(t, []string{"request_id"}, a.fields)
}

func TestFiftyCreationsAtOnceDoNotPassThePlan(t *testing.T) {
	t.Parallel()
	w := setup(t, func(d *server.Deps) { d.ProbeWithin = 20 * time.Second })
	p := w.register("Ana")
	w.exec(`UPDATE organizations SET plan = 'free', plan_until = NULL`)
	w.worker(func(draft uuid.UUID) verdict { return accepted(draft.String()[20:]) })
	won := 0
	for _, a := range parallel(50, func(int) answer { return w.rpc(p.token, "CloudAccountService/CreateCloudAccount", newAccount(p)) }) {
		if a.isOK() {
			won++
			continue
		}
		a.refused(t, "PLAN_LIMIT")
		require.Equal(t, "3", a.meta["limit"])
	}
	require.Equal(t, 3, won)
	require.Equal(t, 3, one[int](w, `SELECT count(*)::int FROM cloud_accounts`))
	// Beyond the limit not even a trial is made.
	before := w.contents()
	w.rpc(p.token, "CloudAccountService/CreateCloudAccount", newAccount(p)).refused(t, "PLAN_LIMIT")
	require.Equal(t, before, w.contents())
}

func TestAnAccountIsChangedInPartsAndNotBehindSomebodysBack(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Ana")
	e := w.estate(p.org, p.workspace)
	ask := func(name string, observe bool, etag string, mask ...string) answer {
		return w.rpc(p.token, "CloudAccountService/UpdateCloudAccount", &v1.UpdateCloudAccountRequest{
			OrgId: p.org.String(), WorkspaceId: p.workspace.String(), CloudAccountId: e.account.String(), Name: name, ObserveOnly: observe,
			UpdateMask: &fieldmaskpb.FieldMask{Paths: mask}, Etag: etag,
		})
	}
	read := func(a answer) *v1.CloudAccount {
		t.Helper()
		a.ok(t)
		out := &v1.UpdateCloudAccountResponse{}
		a.into(t, out)
		return out.GetCloudAccount()
	}
	first := read(ask("Um", true, "", "name"))
	require.Equal(t, "Um", first.GetName())
	require.False(t, first.GetObserveOnly(), "what the mask does not name stays")
	second := read(ask("Dois", true, first.GetEtag(), "observe_only"))
	require.Equal(t, "Um", second.GetName())
	require.True(t, second.GetObserveOnly())
	require.NotEqual(t, first.GetEtag(), second.GetEtag())
	require.Greater(t, second.GetVersion(), first.GetVersion())
	ask("Três", true, first.GetEtag(), "name").refused(t, "CONFLICT")
	// A reading by the worker is no edit.
	w.exec(`UPDATE cloud_accounts SET state = 'partial' WHERE id = $1`, e.account)
	require.Equal(t, "Três", read(ask(" Três ", true, second.GetEtag(), "name")).GetName())
	for name, a := range map[string]answer{
		"no mask": ask("x", true, ""), "unknown": ask("x", true, "", "provider"), "no name": ask("", true, "", "name"), "blank": ask("\u00a0", true, "", "name"),
	} {
		require.Equal(t, "VALIDATION", a.reason, name)
	}
	require.Equal(t, []string{"cloud_account.update", "cloud_account.update", "cloud_account.update"},
		column[string](w, `SELECT action FROM audit_log WHERE action LIKE 'cloud%' ORDER BY at`))
	require.JSONEq(t, `{"name":"Um","observe_only":false}`, one[string](w, `SELECT before::text FROM audit_log WHERE action = 'cloud_account.update' ORDER BY at OFFSET 1 LIMIT 1`))
	require.JSONEq(t, `{"name":"Um","observe_only":true}`, one[string](w, `SELECT after::text FROM audit_log WHERE action = 'cloud_account.update' ORDER BY at OFFSET 1 LIMIT 1`))
}

func TestAnAccountGoesWithAllItHasButNotWhileItIsBusy(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Ana")
	e, other := w.estate(p.org, p.workspace), w.estate(p.org, p.workspace)
	del := func(etag string) answer {
		return w.rpc(p.token, "CloudAccountService/DeleteCloudAccount", &v1.DeleteCloudAccountRequest{
			OrgId: p.org.String(), WorkspaceId: p.workspace.String(), CloudAccountId: e.account.String(), Etag: etag,
		})
	}
	w.exec(`UPDATE resources SET operation_id = $2 WHERE id = $1`, e.resources[0], e.operation)
	del("").refused(t, "ACCOUNT_BUSY")
	w.exec(`UPDATE resources SET operation_id = NULL`)
	del(uuid.NewString()).refused(t, "CONFLICT")
	del(one[uuid.UUID](w, `SELECT etag FROM cloud_accounts WHERE id = $1`, e.account).String()).ok(t)
	for _, sql := range []string{
		`SELECT count(*)::int FROM resources WHERE cloud_account_id = $1`, `SELECT count(*)::int FROM credentials WHERE cloud_account_id = $1`,
		`SELECT count(*)::int FROM agenda WHERE subject = $1::text`, `SELECT count(*)::int FROM schedule_targets t WHERE t.schedule_id IN (SELECT s.schedule_id FROM operation_schedules s JOIN operation_targets o USING (org_id, operation_id) WHERE o.cloud_account_id = $1)`,
	} {
		require.Zero(t, one[int](w, sql, e.account), sql)
	}
	require.Equal(t, 3, one[int](w, `SELECT count(*)::int FROM resources WHERE cloud_account_id = $1`, other.account))
	require.Equal(t, 2, one[int](w, `SELECT count(*)::int FROM operation_targets WHERE cloud_account_id = $1`, e.account), "history stays")
	del("").refused(t, "NOT_FOUND")
}

func TestAnInventoryIsReadWhenAsked(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.register("Ana")
	a, b := w.estate(p.org, p.workspace), w.estate(p.org, p.workspace)
	other := w.estate(p.org, w.newWorkspace(p.org, "Outro"))
	ask := func(ids ...string) answer {
		return w.rpc(p.token, "InventoryService/SyncInventory", &v1.SyncInventoryRequest{OrgId: p.org.String(), WorkspaceId: p.workspace.String(), CloudAccountIds: ids})
	}
	count := func(r answer) int32 {
		t.Helper()
		r.ok(t)
		out := &v1.SyncInventoryResponse{}
		r.into(t, out)
		return out.GetAccounts()
	}
	require.Equal(t, int32(2), count(ask()))
	require.Equal(t, int32(1), count(ask(a.account.String(), strings.ToUpper(a.account.String()))), "one account is read once, however it is written")
	ask(a.account.String(), other.account.String()).refused(t, "NOT_FOUND")
	require.Equal(t, int64(2), one[int64](w, `SELECT asked FROM agenda WHERE kind = 'sync' AND subject = $1`, a.account.String()))
	require.Equal(t, int64(1), one[int64](w, `SELECT asked FROM agenda WHERE kind = 'sync' AND subject = $1`, b.account.String()))
	require.Equal(t, 2, one[int](w, `SELECT count(*)::int FROM agenda WHERE kind = 'sync' AND lane = 0`))
	require.Equal(t, 3, one[int](w, `SELECT count(*)::int FROM audit_log WHERE action = 'inventory.sync'`))
	// Two who ask for the same in another order do not wait for each other.
	for _, r := range parallel(20, func(i int) answer {
		if i%2 == 0 {
			return ask(a.account.String(), b.account.String())
		}
		return ask(b.account.String(), a.account.String())
	}) {
		require.Equal(t, int32(2), count(r))
	}
}
