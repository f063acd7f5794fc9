package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/internal/cloud/sim"
	"github.com/cloudhub/cloudhub/internal/platform/vault"
)

// twoAccounts is the small estate and another account without machines.
func twoAccounts() (estate sim.Estate, second sim.Key) {
	estate = sim.SmallEstate()
	second = sim.Key{AccessKeyID: "AKIASECONDSECOND0002", Secret: "second/secret/0000000000000000000000002"}
	estate.Accounts = append(estate.Accounts, sim.Account{ID: "222222222222", Keys: []sim.Key{second}})
	return estate, second
}

// keys runs `cloudhub keys` on the operator's folder.
func (a *apart) keysCommand(code int, args ...string) string {
	a.t.Helper()
	p := spawn(a.t, []string{"CLOUDHUB_KEYS_DIR=" + a.keys, "CLOUDHUB_DATABASE_SYSTEM_URL=" + a.db.URLs.System}, append([]string{"keys"}, args...)...)
	require.Equal(a.t, code, p.exit(a.t, 30*time.Second), p.out.String())
	return p.out.String()
}

// distribute gives the server's host its files, and tells the server.
func (a *apart) distribute() {
	a.t.Helper()
	for _, name := range []string{vault.ServerFile, vault.WorkersPublicFile} {
		raw, err := os.ReadFile(filepath.Join(a.keys, name))
		require.NoError(a.t, err)
		tmp := filepath.Join(a.serverKeys, "."+name)
		require.NoError(a.t, os.WriteFile(tmp, raw, 0o600))
		require.NoError(a.t, os.Rename(tmp, filepath.Join(a.serverKeys, name)))
	}
	require.NoError(a.t, a.server.cmd.Process.Signal(syscall.SIGHUP))
}

// uses waits until a process says that it uses a key.
func (a *apart) uses(p *process, ring, key string) {
	a.t.Helper()
	line := fmt.Sprintf(`cloudhub_key_primary{key_id=%q,ring=%q} 1`, key, ring)
	a.eventually("the key is in use: "+line, func() bool { return strings.Contains(a.metricsOf(p), line) })
}

func (a *apart) metricsOf(p *process) string {
	a.t.Helper()
	resp, err := http.Get(p.private(a.t) + "/metrics")
	require.NoError(a.t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(a.t, err)
	return string(raw)
}

// long makes it an hour ago that keys were replaced: nobody waits for it here.
func (a *apart) long(file string) {
	a.t.Helper()
	path := filepath.Join(a.keys, file)
	raw, err := os.ReadFile(path)
	require.NoError(a.t, err)
	var content map[string]json.RawMessage
	require.NoError(a.t, json.Unmarshal(raw, &content))
	age := func(ring json.RawMessage) json.RawMessage {
		var r map[string]json.RawMessage
		require.NoError(a.t, json.Unmarshal(ring, &r))
		var replaced map[string]time.Time
		if r["replaced"] == nil {
			return ring
		}
		require.NoError(a.t, json.Unmarshal(r["replaced"], &replaced))
		for id, at := range replaced {
			replaced[id] = at.Add(-time.Hour)
		}
		r["replaced"], err = json.Marshal(replaced)
		require.NoError(a.t, err)
		out, err := json.Marshal(r)
		require.NoError(a.t, err)
		return out
	}
	if file == vault.ServerFile {
		for name, ring := range content {
			content[name] = age(ring)
		}
		raw, err = json.Marshal(content)
		require.NoError(a.t, err)
	} else {
		raw = age(raw)
	}
	require.NoError(a.t, os.WriteFile(path, raw, 0o600))
}

func (a *apart) primary(ring vault.Ring) string {
	a.t.Helper()
	list, err := vault.Status(a.keys)
	require.NoError(a.t, err)
	i := slices.IndexFunc(list, func(k vault.KeyStatus) bool { return k.Ring == ring && k.Primary })
	return list[i].KeyID
}

var addedKey = regexp.MustCompile(`added key (\d+) to ring`)

// sealedWith is which key sealed an account's credential.
func (w *world) sealedWith(account string) (key string) {
	w.t.Helper()
	require.NoError(w.t, w.db.Owner.QueryRow(w.t.Context(), "SELECT key_id FROM credentials WHERE cloud_account_id = $1", account).Scan(&key))
	return key
}

// An operator replaces the workers' key while server and worker run, each on a
// host of its own with the files that it may have.
func TestTheWorkersKeyIsReplacedWhileTheyRun(t *testing.T) {
	t.Parallel()
	estate, second := twoAccounts()
	a := newApart(t, estate)
	worker := a.spawnWorker()
	a.person = a.register("ana@example.com")
	first := a.addAccount("primeira", sim.SmallKey.AccessKeyID, sim.SmallKey.Secret)
	old := a.primary(vault.RingWorkers)
	require.Equal(t, old, a.sealedWith(first.GetId()))
	require.Regexp(t, `workers +`+old+` +primary +\S+ +\S+ +1\n`, a.keysCommand(0, "status"))
	require.Contains(t, a.keysCommand(1, "generate"), "nothing was changed", "rings are never overwritten")
	require.Contains(t, a.keysCommand(1, "retire", old), "nothing was changed")
	require.Contains(t, a.keysCommand(1, "promote", "7"), `has a key "7"`)

	// Added everywhere, then promoted. Nothing is sealed with it before.
	fresh := addedKey.FindStringSubmatch(a.keysCommand(0, "generate", "--ring", "workers"))[1]
	a.distribute()
	require.Regexp(t, `workers +`+fresh+` +added +\S+ +\S+ +0\n`, a.keysCommand(0, "status"))
	require.Equal(t, old, a.primary(vault.RingWorkers))
	a.uses(a.server, "workers", old)

	// No worker runs while it is promoted: the row stays as it is, and the old key
	// cannot go.
	worker.kill()
	a.keysCommand(0, "promote", fresh)
	a.distribute()
	a.uses(a.server, "workers", fresh)
	require.Contains(t, a.keysCommand(1, "retire", old), "has sealed 1 rows")
	require.Equal(t, old, a.sealedWith(first.GetId()))

	// A worker comes: what the old key sealed opens, and is sealed anew.
	worker = a.spawnWorker()
	a.eventually("the row is sealed anew", func() bool { return a.sealedWith(first.GetId()) == fresh })
	another := a.addAccount("segunda", second.AccessKeyID, second.Secret)
	require.Equal(t, fresh, a.sealedWith(another.GetId()), "the server seals with the new key")
	a.eventually("the agenda is empty again", func() bool {
		var n int
		require.NoError(t, a.db.Owner.QueryRow(t.Context(), "SELECT count(*) FROM agenda WHERE kind = 'reseal'").Scan(&n))
		return n == 0
	})
	require.Contains(t, a.keysCommand(1, "retire", old), "retire it after", "a server that has not heard may still use it")
	a.long(vault.WorkersPrivateFile)
	a.keysCommand(0, "retire", old)
	a.distribute()
	require.NotContains(t, a.keysCommand(0, "status"), old)

	// Everything works on, with what runs and with what is started now.
	a.uses(worker, "workers", fresh)
	got, _ := a.ended(a.stop(ids(a.machines(), sim.SmallRunning)...).GetId())
	require.Equal(t, v1.OperationState_OPERATION_STATE_SUCCEEDED, got.GetState(), got)
	worker.kill()
	worker = a.spawnWorker()
	got, _ = a.ended(a.start(ids(a.machines(), sim.SmallRunning)...).GetId())
	require.Equal(t, v1.OperationState_OPERATION_STATE_SUCCEEDED, got.GetState(), got)
	line := fmt.Sprintf(`cloudhub_sealed_rows_by_key{key_id=%q,state="primary"} 2`, fresh)
	a.eventually("the metric counts them: "+line, func() bool { return strings.Contains(a.metricsOf(worker), line) })
	for name, p := range map[string]*process{"server": a.server, "worker": worker} {
		require.NotContains(t, p.out.String(), "private ring", name)
	}

	// What a server has opens nothing: a worker cannot even be started with it.
	alone := spawn(t, append(slices.Clone(a.workerEnv), "CLOUDHUB_KEYS_DIR="+a.serverKeys), "worker")
	require.Equal(t, 1, alone.exit(t, 30*time.Second))
	require.Contains(t, alone.out.String(), vault.WorkersPrivateFile)
	public, err := os.ReadFile(filepath.Join(a.serverKeys, vault.WorkersPublicFile))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(a.serverKeys, vault.WorkersPrivateFile), public, 0o600))
	alone = spawn(t, append(slices.Clone(a.workerEnv), "CLOUDHUB_KEYS_DIR="+a.serverKeys), "worker")
	require.Equal(t, 1, alone.exit(t, 30*time.Second), alone.out.String())
}

// The key that signs access tokens is replaced: who is signed in stays so.
func TestTheSigningKeyIsReplacedWhileTheServerRuns(t *testing.T) {
	t.Parallel()
	a := newApart(t, sim.SmallEstate())
	a.person = a.register("ana@example.com")
	before := a.person
	kid := func(p person) string {
		raw, err := base64.RawURLEncoding.DecodeString(strings.Split(p.token, ".")[0])
		require.NoError(t, err)
		var header struct{ Kid string }
		require.NoError(t, json.Unmarshal(raw, &header))
		return header.Kid
	}
	works := func(p person) error {
		_, err := p.user.GetMe(t.Context(), &v1.GetMeRequest{})
		return err
	}
	old := a.primary(vault.RingSigning)
	require.Equal(t, old, kid(before))
	fresh := addedKey.FindStringSubmatch(a.keysCommand(0, "generate", "--ring", "signing"))[1]
	a.distribute()
	a.keysCommand(0, "promote", fresh)
	a.distribute()
	a.uses(a.server, "signing", fresh)
	after := a.signIn(before.email, before.password)
	require.Equal(t, fresh, kid(after))
	require.NoError(t, works(before), "a token of the old key is good until it expires")
	require.NoError(t, works(after))
	require.Contains(t, a.keysCommand(1, "retire", old), "retire it after")
	a.long(vault.ServerFile)
	a.keysCommand(0, "retire", old)
	a.distribute()
	a.eventually("a token of a key that is gone is refused", func() bool { return works(before) != nil })
	require.NoError(t, works(after))
	p := spawn(t, []string{"CLOUDHUB_KEYS_DIR=" + t.TempDir()}, "keys", "generate")
	require.Zero(t, p.exit(t, 30*time.Second), p.out.String())
	require.Equal(t, 5, strings.Count(p.out.String(), "made ring"), p.out.String())
}

// Somebody who can write to the database copies a ciphertext to where he may use
// it. It does not open there, and the log says which row it is.
func TestACiphertextThatWasMovedDoesNotOpen(t *testing.T) {
	t.Parallel()
	estate, second := twoAccounts()
	_, url := newSim(t, estate)
	w := newWorld(t, url)
	mine := w.addAccount("pequena", sim.SmallKey.AccessKeyID, sim.SmallKey.Secret)
	ana := w.person
	beside := w.addAccount("segunda", second.AccessKeyID, second.Secret)
	w.person = w.register("bia@example.com")
	other := w.addAccount("de outra", sim.SmallKey.AccessKeyID, sim.SmallKey.Secret)
	w.person = ana
	workspace := uuid.NewString() // another one of the same organization
	w.db.Exec(t, "INSERT INTO workspaces (org_id, id, name, time_zone) VALUES ($1, $2, 'outro', 'UTC')", w.org, workspace)
	for name, move := range map[string]string{
		"other row":          fmt.Sprintf("UPDATE credentials c SET ciphertext = o.ciphertext, key_id = o.key_id FROM credentials o WHERE o.cloud_account_id = '%s' AND c.cloud_account_id = '%s'", beside.GetId(), mine.GetId()),
		"other organization": fmt.Sprintf("UPDATE credentials c SET ciphertext = o.ciphertext, key_id = o.key_id FROM credentials o WHERE o.cloud_account_id = '%s' AND c.cloud_account_id = '%s'", other.GetId(), mine.GetId()),
		"other schema":       fmt.Sprintf("UPDATE credentials SET schema_version = 2 WHERE cloud_account_id = '%s'", mine.GetId()),
	} {
		t.Log(name)
		w.db.Exec(t, "CREATE TABLE credentials_kept AS SELECT * FROM credentials")
		w.db.Exec(t, move)
		w.doesNotOpen(mine.GetId(), w.ws)
		w.db.Exec(t, "UPDATE credentials c SET ciphertext = k.ciphertext, key_id = k.key_id, schema_version = k.schema_version FROM credentials_kept k WHERE k.cloud_account_id = c.cloud_account_id")
		w.db.Exec(t, "DROP TABLE credentials_kept")
		w.reads(mine.GetId())
	}
	// To another workspace the row goes as a whole, with its account.
	w.db.Exec(t, "DELETE FROM resources WHERE cloud_account_id = $1", mine.GetId())
	w.db.Exec(t, "CREATE TABLE credentials_kept AS SELECT * FROM credentials WHERE cloud_account_id = '"+mine.GetId()+"'")
	w.db.Exec(t, "DELETE FROM credentials WHERE cloud_account_id = $1", mine.GetId())
	w.db.Exec(t, "UPDATE cloud_accounts SET workspace_id = $1 WHERE id = $2", workspace, mine.GetId())
	w.db.Exec(t, "UPDATE credentials_kept SET workspace_id = $1", workspace)
	w.db.Exec(t, "INSERT INTO credentials SELECT * FROM credentials_kept")
	w.db.Exec(t, "DROP TABLE credentials_kept")
	w.ws = workspace
	w.doesNotOpen(mine.GetId(), workspace)
}

// sync reads an account now.
func (w *world) sync(account string) {
	w.t.Helper()
	_, err := w.inventory.SyncInventory(w.t.Context(), &v1.SyncInventoryRequest{OrgId: w.org, WorkspaceId: w.ws, CloudAccountIds: []string{account}})
	require.NoError(w.t, err)
}

func (w *world) doesNotOpen(account, workspace string) {
	w.t.Helper()
	seen := len(w.logs.String())
	w.sync(account)
	w.eventually("the account fails", func() bool { return w.account(account).GetState() == v1.CloudAccountState_CLOUD_ACCOUNT_STATE_FAILING })
	require.Equal(w.t, "PROVIDER_UNAUTHENTICATED", w.account(account).GetLastError())
	logs := w.logs.String()[seen:]
	require.Contains(w.t, logs, "does not open as the credential of row "+account+" in workspace "+workspace+" of organization "+w.org)
}

func (w *world) reads(account string) {
	w.t.Helper()
	w.sync(account)
	w.eventually("the account is read", func() bool { return w.account(account).GetState() == v1.CloudAccountState_CLOUD_ACCOUNT_STATE_OK })
}
