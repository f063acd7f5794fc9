package vault_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/internal/platform/vault"
)

var now = time.Date(2026, 10, 1, 9, 0, 0, 0, time.UTC)

// place is where the tests keep their secret.
var place = vault.Context{Org: "org-1", Workspace: "ws-1", Subject: "row-1", Field: "credential", Schema: 1}

// rings makes a key directory.
func rings(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "keys")
	require.NoError(t, vault.EnsureRings(dir, now))
	return dir
}

func halves(t testing.TB, dir string) (*vault.Sealer, *vault.Opener) {
	t.Helper()
	sealer, err := vault.LoadSealer(dir)
	require.NoError(t, err)
	opener, err := vault.LoadOpener(dir)
	require.NoError(t, err)
	return sealer, opener
}

func server(t testing.TB, dir string) *vault.ServerRing {
	t.Helper()
	ring, err := vault.LoadServerRing(dir)
	require.NoError(t, err)
	return ring
}

func TestWhatTheServerSealsAWorkerOpens(t *testing.T) {
	t.Parallel()
	sealer, opener := halves(t, rings(t))
	for _, text := range []string{"", "s3cr3t", string(make([]byte, 1<<16))} {
		sealed, err := sealer.Seal(vault.NewSecret(text), place)
		require.NoError(t, err)
		require.Equal(t, sealer.KeyID(), sealed.KeyID)
		if text != "" {
			require.NotContains(t, string(sealed.Ciphertext), text)
		}
		secret, err := opener.Open(sealed, place)
		require.NoError(t, err)
		require.Equal(t, text, secret.Reveal())
	}
}

// Copied into another row, a credential must be of no use there.
func TestACopyElsewhereDoesNotOpen(t *testing.T) {
	t.Parallel()
	dir := rings(t)
	sealer, opener := halves(t, dir)
	ring := server(t, dir)
	elsewhere := map[string]func(*vault.Context){
		"other organization": func(c *vault.Context) { c.Org = "org-2" },
		"other workspace":    func(c *vault.Context) { c.Workspace = "ws-2" },
		"no workspace":       func(c *vault.Context) { c.Workspace = "" },
		"other row":          func(c *vault.Context) { c.Subject = "row-2" },
		"other field":        func(c *vault.Context) { c.Field = "secret" },
		"other schema":       func(c *vault.Context) { c.Schema = 2 },
		"parts shifted":      func(c *vault.Context) { c.Org, c.Workspace = "org-1w", "s-1" },
	}
	for name, move := range elsewhere {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			there := place
			move(&there)
			sealed, err := sealer.Seal(vault.NewSecret("s3cr3t"), place)
			require.NoError(t, err)
			_, err = opener.Open(sealed, there)
			require.ErrorIs(t, err, vault.ErrNotOpened)
			sealed, err = ring.Seal(vault.NewSecret("seed"), place)
			require.NoError(t, err)
			_, err = ring.Open(sealed, there)
			require.ErrorIs(t, err, vault.ErrNotOpened)
		})
	}
}

func TestEveryByteCounts(t *testing.T) {
	t.Parallel()
	dir := rings(t)
	sealer, opener := halves(t, dir)
	ring := server(t, dir)
	sealed, err := sealer.Seal(vault.NewSecret("s3cr3t"), place)
	require.NoError(t, err)
	stored, err := ring.Seal(vault.NewSecret("s3cr3t"), place)
	require.NoError(t, err)
	for i := range sealed.Ciphertext {
		_, err := opener.Open(flip(sealed, i), place)
		require.Error(t, err, "byte %d", i)
	}
	for i := range stored.Ciphertext {
		_, err := ring.Open(flip(stored, i), place)
		require.Error(t, err, "byte %d", i)
	}
	for i := range sealed.Ciphertext {
		short := vault.Sealed{KeyID: sealed.KeyID, Ciphertext: sealed.Ciphertext[:i]}
		_, err := opener.Open(short, place)
		require.Error(t, err, "%d bytes", i)
	}
}

func flip(sealed vault.Sealed, i int) vault.Sealed {
	changed := bytes.Clone(sealed.Ciphertext)
	changed[i] ^= 1
	return vault.Sealed{KeyID: sealed.KeyID, Ciphertext: changed}
}

func TestTheStoredKeyIDMustBeTrue(t *testing.T) {
	t.Parallel()
	sealer, opener := halves(t, rings(t))
	sealed, err := sealer.Seal(vault.NewSecret("s3cr3t"), place)
	require.NoError(t, err)
	sealed.KeyID = "1"
	_, err = opener.Open(sealed, place)
	require.ErrorIs(t, err, vault.ErrNotOpened)
}

func TestAnotherInstallationsKeyIsNamed(t *testing.T) {
	t.Parallel()
	sealer, _ := halves(t, rings(t))
	_, opener := halves(t, rings(t))
	sealed, err := sealer.Seal(vault.NewSecret("s3cr3t"), place)
	require.NoError(t, err)
	_, err = opener.Open(sealed, place)
	var unknown *vault.UnknownKeyError
	require.ErrorAs(t, err, &unknown)
	require.Equal(t, sealed.KeyID, unknown.KeyID)
}

func TestAContextMustBeComplete(t *testing.T) {
	t.Parallel()
	sealer, opener := halves(t, rings(t))
	for _, lack := range []func(*vault.Context){
		func(c *vault.Context) { c.Org = "" },
		func(c *vault.Context) { c.Subject = "" },
		func(c *vault.Context) { c.Field = "" },
		func(c *vault.Context) { c.Schema = 0 },
	} {
		at := place
		lack(&at)
		_, err := sealer.Seal(vault.NewSecret("s3cr3t"), at)
		require.Error(t, err)
		_, err = opener.Open(vault.Sealed{}, at)
		require.Error(t, err)
	}
}

// The server must not be able to open what workers use, even by mistake.
func TestThePublicRingCannotOpen(t *testing.T) {
	t.Parallel()
	dir := rings(t)
	public, err := os.ReadFile(filepath.Join(dir, vault.WorkersPublicFile))
	require.NoError(t, err)
	private, err := os.ReadFile(filepath.Join(dir, vault.WorkersPrivateFile))
	require.NoError(t, err)
	_, err = vault.ParseOpener(public)
	require.Error(t, err, "a public ring must not become an opener")
	_, err = vault.ParseSealer(private)
	require.Error(t, err, "the private ring must be refused where the public one belongs")
	_, err = vault.ParseSealer(public)
	require.NoError(t, err)
	_, err = vault.ParseOpener(private)
	require.NoError(t, err)
}

func TestRotation(t *testing.T) {
	t.Parallel()
	dir := rings(t)
	sealer, _ := halves(t, dir)
	before, err := sealer.Seal(vault.NewSecret("old"), place)
	require.NoError(t, err)

	later := now.Add(time.Hour)
	id, err := vault.AddKey(dir, vault.RingWorkers, later)
	require.NoError(t, err)
	sealer, _ = halves(t, dir)
	require.Equal(t, before.KeyID, sealer.KeyID(), "an added key is not used before it is promoted")

	require.NoError(t, vault.Promote(dir, vault.RingWorkers, id, later))
	sealer, opener := halves(t, dir)
	require.Equal(t, id, sealer.KeyID())
	require.Equal(t, id, opener.Sealer().KeyID())
	after, err := sealer.Seal(vault.NewSecret("new"), place)
	require.NoError(t, err)
	for text, sealed := range map[string]vault.Sealed{"old": before, "new": after} {
		secret, err := opener.Open(sealed, place)
		require.NoError(t, err)
		require.Equal(t, text, secret.Reveal())
	}

	var unknown *vault.UnknownKeyError
	require.ErrorAs(t, vault.Promote(dir, vault.RingWorkers, "7", later), &unknown)
	require.ErrorAs(t, vault.Promote(dir, vault.RingWorkers, "x", later), &unknown)

	status, err := vault.Status(dir)
	require.NoError(t, err)
	require.Len(t, status, 6)
	require.Equal(t, vault.KeyStatus{Ring: vault.RingWorkers, KeyID: before.KeyID, Status: "ENABLED", Created: now, Replaced: later}, status[0])
	require.Equal(t, vault.KeyStatus{Ring: vault.RingWorkers, KeyID: id, Primary: true, Status: "ENABLED", Created: later}, status[1])
}

func TestServersRingRotates(t *testing.T) {
	t.Parallel()
	dir := rings(t)
	ring := server(t, dir)
	oldKid, oldKey := ring.SigningKey()
	signature := ed25519.Sign(oldKey, []byte("token"))
	oldMAC := ring.MAC("refresh", []byte("parent"))
	token, err := ring.SealToken([]byte("last row"), []byte("org-1"))
	require.NoError(t, err)
	stored, err := ring.Seal(vault.NewSecret("seed"), place)
	require.NoError(t, err)

	for _, name := range []vault.Ring{vault.RingSigning, vault.RingMAC, vault.RingTokens, vault.RingStorage} {
		id, err := vault.AddKey(dir, name, now)
		require.NoError(t, err)
		require.NoError(t, vault.Promote(dir, name, id, now))
	}
	ring = server(t, dir)
	kid, key := ring.SigningKey()
	require.NotEqual(t, oldKid, kid)
	require.NotEqual(t, oldKey, key)
	public, ok := ring.VerifyKey(oldKid)
	require.True(t, ok)
	require.True(t, ed25519.Verify(public, []byte("token"), signature), "tokens signed before the promotion stay good")
	_, ok = ring.VerifyKey("7")
	require.False(t, ok)
	require.NotEqual(t, oldMAC, ring.MAC("refresh", []byte("parent")))
	require.Contains(t, values(ring.MACs("refresh", []byte("parent"))), string(oldMAC))
	opened, err := ring.OpenToken(token, []byte("org-1"))
	require.NoError(t, err)
	require.Equal(t, "last row", string(opened))
	secret, err := ring.Open(stored, place)
	require.NoError(t, err)
	require.Equal(t, "seed", secret.Reveal())
}

func values(macs map[string][]byte) []string {
	var list []string
	for _, mac := range macs {
		list = append(list, string(mac))
	}
	return list
}

func TestMAC(t *testing.T) {
	t.Parallel()
	dir := rings(t)
	one, other := server(t, dir), server(t, dir)
	mac := one.MAC("refresh", []byte("parent"))
	require.Len(t, mac, 32)
	require.Equal(t, mac, other.MAC("refresh", []byte("parent")), "another process derives the same successor")
	require.NotEqual(t, mac, one.MAC("reset", []byte("parent")))
	require.NotEqual(t, one.MAC("a", []byte("bc")), one.MAC("ab", []byte("c")))
}

func TestTokensAreForOnePurpose(t *testing.T) {
	t.Parallel()
	ring := server(t, rings(t))
	token, err := ring.SealToken([]byte("last row"), []byte("org-1 list"))
	require.NoError(t, err)
	_, err = ring.OpenToken(token, []byte("org-2 list"))
	require.ErrorIs(t, err, vault.ErrNotOpened)
	for i := range len(token) {
		changed := []byte(token)
		changed[i]++
		_, err := ring.OpenToken(string(changed), []byte("org-1 list"))
		require.ErrorIs(t, err, vault.ErrNotOpened, "character %d", i)
	}
}

func TestFileModes(t *testing.T) {
	t.Parallel()
	dir := rings(t)
	for name, mode := range map[string]os.FileMode{
		vault.WorkersPrivateFile: 0o600, vault.WorkersPublicFile: 0o644, vault.ServerFile: 0o600,
	} {
		info, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Equal(t, mode, info.Mode().Perm(), name)
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o620, 0o601} {
		require.NoError(t, os.Chmod(filepath.Join(dir, vault.WorkersPrivateFile), mode))
		require.NoError(t, os.Chmod(filepath.Join(dir, vault.ServerFile), mode))
		var refused *vault.ModeError
		_, err := vault.LoadOpener(dir)
		require.ErrorAs(t, err, &refused)
		_, err = vault.LoadServerRing(dir)
		require.ErrorAs(t, err, &refused)
		require.ErrorAs(t, vault.EnsureRings(dir, now), &refused)
	}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 4, "the three files and the lock; nothing temporary is left")
}

// cloudhub dev may start twice at once on a fresh folder: both must end up with
// the same keys.
func TestEnsureRingsAtOnce(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "keys")
	kids := make([]string, 16)
	var group sync.WaitGroup
	for i := range kids {
		group.Go(func() {
			if err := vault.EnsureRings(dir, now); err != nil {
				t.Error(err)
				return
			}
			ring, err := vault.LoadServerRing(dir)
			if err != nil {
				t.Error(err)
				return
			}
			kids[i], _ = ring.SigningKey()
		})
	}
	group.Wait()
	for _, kid := range kids {
		require.Equal(t, kids[0], kid)
	}
	sealer, opener := halves(t, dir)
	require.Equal(t, sealer.KeyID(), opener.Sealer().KeyID())
}

func TestEnsureRingsMends(t *testing.T) {
	t.Parallel()
	dir := rings(t)
	sealer, _ := halves(t, dir)
	require.NoError(t, os.Remove(filepath.Join(dir, vault.WorkersPublicFile)))
	require.NoError(t, vault.EnsureRings(dir, now))
	again, _ := halves(t, dir)
	require.Equal(t, sealer.KeyID(), again.KeyID(), "the public half is made from the private one")

	require.NoError(t, os.Remove(filepath.Join(dir, vault.WorkersPrivateFile)))
	require.ErrorContains(t, vault.EnsureRings(dir, now), "put the private ring back")
}

func TestUnknownRing(t *testing.T) {
	t.Parallel()
	dir := rings(t)
	_, err := vault.AddKey(dir, "no such", now)
	require.Error(t, err)
}

// What cannot be read must not be quoted: it may be a key.
func TestMalformedRingsAreNotQuoted(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{"", "hunter2", `{"keyset":"hunter2"}`, `{"signing":{"keyset":{"primaryKeyId":"hunter2"}}}`, `{"primaryKeyId":1,"key":[]}`} {
		for _, parse := range []func([]byte) error{
			func(raw []byte) error { _, err := vault.ParseSealer(raw); return err },
			func(raw []byte) error { _, err := vault.ParseOpener(raw); return err },
			func(raw []byte) error { _, err := vault.ParseServerRing(raw); return err },
		} {
			err := parse([]byte(raw))
			require.Error(t, err)
			require.NotContains(t, err.Error(), "hunter2")
		}
	}
}

func FuzzOpen(f *testing.F) {
	dir := rings(f)
	sealer, opener := halves(f, dir)
	ring := server(f, dir)
	sealed, err := sealer.Seal(vault.NewSecret("s3cr3t"), place)
	require.NoError(f, err)
	token, err := ring.SealToken([]byte("page"), nil)
	require.NoError(f, err)
	f.Add(sealed.KeyID, sealed.Ciphertext[:len(sealed.Ciphertext)-1], token[:len(token)-1])
	f.Add("", []byte{}, "")
	f.Add("1", []byte{1, 0, 0, 0, 1}, "AQ")
	f.Fuzz(func(t *testing.T, keyID string, ciphertext []byte, text string) {
		at := vault.Sealed{KeyID: keyID, Ciphertext: ciphertext}
		if _, err := opener.Open(at, place); err == nil && !bytes.Equal(ciphertext, sealed.Ciphertext) {
			t.Fatal("garbage opened")
		}
		if _, err := ring.Open(at, place); err == nil {
			t.Fatal("garbage opened")
		}
		if _, err := ring.OpenToken(text, nil); err == nil && text != token {
			t.Fatal("garbage opened")
		}
	})
}

func FuzzParse(f *testing.F) {
	dir := rings(f)
	for _, name := range []string{vault.WorkersPublicFile, vault.WorkersPrivateFile, vault.ServerFile} {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(f, err)
		f.Add(raw)
	}
	f.Fuzz(func(_ *testing.T, raw []byte) {
		_, _ = vault.ParseSealer(raw)
		_, _ = vault.ParseOpener(raw)
		_, _ = vault.ParseServerRing(raw)
	})
}

// A process that runs must notice what an operator did to the files, and must go
// on with what it has when the files are broken.
func TestARunningProcessFollowsItsFiles(t *testing.T) {
	t.Parallel()
	dir := rings(t)
	sealer, opener := halves(t, dir)
	ring := server(t, dir)
	old, err := sealer.Seal(vault.NewSecret("old"), place)
	require.NoError(t, err)
	type news struct {
		of  vault.Follower
		err error
	}
	heard, hup := make(chan news, 100), make(chan os.Signal, 1)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		vault.Follow(ctx, hup, func(of vault.Follower, err error) { heard <- news{of, err} }, sealer, opener, ring)
	}()
	hear := func(n int) (list []news) {
		for range n {
			select {
			case x := <-heard:
				list = append(list, x)
			case <-time.After(30 * time.Second):
				t.Fatal("nothing was noticed")
			}
		}
		return list
	}
	hear(3)
	id, err := vault.AddKey(dir, vault.RingWorkers, now)
	require.NoError(t, err)
	require.NoError(t, vault.Promote(dir, vault.RingWorkers, id, now))
	hup <- syscall.SIGHUP
	for _, x := range hear(2) {
		require.NoError(t, x.err)
		require.Equal(t, id, x.of.Primaries()[vault.RingWorkers])
	}
	fresh, err := sealer.Seal(vault.NewSecret("new"), place)
	require.NoError(t, err)
	require.Equal(t, id, fresh.KeyID)
	require.Equal(t, []string{old.KeyID}, opener.Replaced())
	for text, sealed := range map[string]vault.Sealed{"old": old, "new": fresh} {
		secret, err := opener.Open(sealed, place)
		require.NoError(t, err)
		require.Equal(t, text, secret.Reveal())
	}

	// A broken file, and one that others may read, change nothing.
	path := filepath.Join(dir, vault.WorkersPrivateFile)
	good, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, []byte("hunter2"), 0o600))
	hup <- syscall.SIGHUP
	x := hear(1)[0]
	require.ErrorContains(t, x.err, vault.WorkersPrivateFile)
	require.NotContains(t, x.err.Error(), "hunter2")
	_, err = opener.Open(fresh, place)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, good, 0o600))
	require.NoError(t, os.Chmod(path, 0o644))
	hup <- syscall.SIGHUP
	var mode *vault.ModeError
	require.ErrorAs(t, hear(1)[0].err, &mode)
	cancel()
	<-ended
}

// The worker hears of a new key a moment after the server: what is sealed with
// it opens all the same.
func TestAnUnknownKeyIsLookedForInTheFile(t *testing.T) {
	t.Parallel()
	dir := rings(t)
	_, opener := halves(t, dir)
	one, other := server(t, dir), server(t, dir)
	for _, name := range []vault.Ring{vault.RingWorkers, vault.RingSigning} {
		id, err := vault.AddKey(dir, name, now)
		require.NoError(t, err)
		require.NoError(t, vault.Promote(dir, name, id, now))
	}
	sealer, _ := halves(t, dir)
	sealed, err := sealer.Seal(vault.NewSecret("s3cr3t"), place)
	require.NoError(t, err)
	secret, err := opener.Open(sealed, place)
	require.NoError(t, err)
	require.Equal(t, "s3cr3t", secret.Reveal())
	changed, err := one.Reload()
	require.NoError(t, err)
	require.True(t, changed)
	kid, _ := one.SigningKey()
	_, ok := other.VerifyKey(kid)
	require.True(t, ok, "another server signs with the new key already")
	changed, err = other.Reload()
	require.NoError(t, err)
	require.False(t, changed)
}

// A worker that has a new key and has not heard of its promotion must not seal
// what the new one sealed back with the old.
func TestOnlyReplacedKeysAreToBeSealedAnew(t *testing.T) {
	t.Parallel()
	dir := rings(t)
	first := status(t, dir, vault.RingWorkers)[0].KeyID
	id, err := vault.AddKey(dir, vault.RingWorkers, now)
	require.NoError(t, err)
	replaced := func() []string {
		_, opener := halves(t, dir)
		return opener.Replaced()
	}
	require.Empty(t, replaced())
	require.NoError(t, vault.Promote(dir, vault.RingWorkers, id, now))
	require.Equal(t, []string{first}, replaced())
	require.NoError(t, vault.Promote(dir, vault.RingWorkers, id, now.Add(time.Hour)))
	require.Equal(t, now, status(t, dir, vault.RingWorkers)[0].Replaced, "promoting the primary changes nothing")
	require.NoError(t, vault.Promote(dir, vault.RingWorkers, first, now))
	require.Equal(t, []string{id}, replaced(), "and back")
}

func status(t *testing.T, dir string, name vault.Ring) (list []vault.KeyStatus) {
	t.Helper()
	all, err := vault.Status(dir)
	require.NoError(t, err)
	for _, k := range all {
		if k.Ring == name {
			list = append(list, k)
		}
	}
	return list
}

// A key goes when nothing needs it: not while it is in use, and not while what
// it signed is still good.
func TestRetire(t *testing.T) {
	t.Parallel()
	dir := rings(t)
	sealer, _ := halves(t, dir)
	old, err := sealer.Seal(vault.NewSecret("s3cr3t"), place)
	require.NoError(t, err)
	for ring, settles := range map[vault.Ring]time.Duration{
		vault.RingWorkers: time.Minute, vault.RingSigning: 10 * time.Minute, vault.RingMAC: 10 * time.Minute,
		vault.RingTokens: time.Hour, vault.RingStorage: time.Minute,
	} {
		first := status(t, dir, ring)[0].KeyID
		var primary *vault.PrimaryKeyError
		require.ErrorAs(t, vault.Retire(dir, ring, first, now), &primary, ring)
		id, err := vault.AddKey(dir, ring, now)
		require.NoError(t, err)
		require.NoError(t, vault.Promote(dir, ring, id, now))
		var soon *vault.TooSoonError
		require.ErrorAs(t, vault.Retire(dir, ring, first, now.Add(settles-time.Second)), &soon, ring)
		require.Equal(t, now.Add(settles), soon.Until, ring)
		require.NoError(t, vault.Retire(dir, ring, first, now.Add(settles)), ring)
		left := status(t, dir, ring)
		require.Len(t, left, 1, ring)
		require.Equal(t, id, left[0].KeyID)
		var unknown *vault.UnknownKeyError
		require.ErrorAs(t, vault.Retire(dir, ring, first, now.Add(settles)), &unknown, ring)
		never, err := vault.AddKey(dir, ring, now)
		require.NoError(t, err)
		require.NoError(t, vault.Retire(dir, ring, never, now), "one that was never used goes at once")
	}
	_, opener := halves(t, dir)
	_, err = opener.Open(old, place)
	var unknown *vault.UnknownKeyError
	require.ErrorAs(t, err, &unknown)
	raw, err := os.ReadFile(filepath.Join(dir, vault.WorkersPrivateFile))
	require.NoError(t, err)
	require.NotContains(t, string(raw), old.KeyID, "nothing of the key is left")
}

// Whoever reads the log must learn which row it is.
func TestWhatDoesNotOpenSaysWhich(t *testing.T) {
	t.Parallel()
	dir := rings(t)
	sealer, opener := halves(t, dir)
	sealed, err := sealer.Seal(vault.NewSecret("s3cr3t"), place)
	require.NoError(t, err)
	there := vault.Context{Org: "org-2", Workspace: "ws-9", Subject: "row-7", Field: "credential", Schema: 3}
	_, err = opener.Open(sealed, there)
	var which *vault.NotOpenedError
	require.ErrorAs(t, err, &which)
	require.Equal(t, there, which.At)
	for _, part := range []string{"org-2", "ws-9", "row-7", "credential", "schema 3"} {
		require.ErrorContains(t, err, part)
	}
	require.NotContains(t, err.Error(), "s3cr3t")
}

// A server's folder has no private key of the workers, and a worker's has none
// of the server.
func TestStatusOfAPartOfTheFolder(t *testing.T) {
	t.Parallel()
	dir := rings(t)
	require.NoError(t, os.Remove(filepath.Join(dir, vault.WorkersPrivateFile)))
	all, err := vault.Status(dir)
	require.NoError(t, err)
	require.Len(t, all, 5)
	require.NoError(t, os.Remove(filepath.Join(dir, vault.ServerFile)))
	all, err = vault.Status(dir)
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.True(t, all[0].Primary)
	all, err = vault.Status(t.TempDir())
	require.NoError(t, err)
	require.Empty(t, all)
}
