package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/internal/platform/config"
	"github.com/cloudhub/cloudhub/internal/platform/vault"
)

const keysUse = `use: cloudhub keys generate [--ring workers|server]
     cloudhub keys status
     cloudhub keys promote KEYID...
     cloudhub keys retire KEYID...
The folder is CLOUDHUB_KEYS_DIR, or else that of cloudhub dev, below --data-dir.
Counting what a key has sealed needs CLOUDHUB_DATABASE_SYSTEM_URL there`

// keyring is what one run of `cloudhub keys` works on.
type keyring struct {
	env
	dir      string // of the keys
	database string // address as the role cloudhub_system; "" when none is known
	ring     string
	ids      []string
}

func runKeys(ctx context.Context, e env, args []string) error {
	if len(args) == 0 {
		return usageError{errors.New(keysUse)}
	}
	k := keyring{env: e, dir: e.config.Get(config.KeysDir), database: e.config.Get(config.DatabaseSystem)}
	dataDir := e.config.Get(config.DataDir)
	fs := flag.NewFlagSet("keys", flag.ContinueOnError)
	fs.SetOutput(e.stderr)
	fs.StringVar(&k.ring, "ring", "", "the ring that gets another key: workers, server, or one of the server's rings")
	fs.StringVar(&dataDir, "data-dir", dataDir, "data folder of cloudhub dev, when CLOUDHUB_KEYS_DIR is not set")
	if err := fs.Parse(args[1:]); err != nil {
		return usageError{err}
	}
	k.ids = fs.Args()
	if k.dir == "" {
		k.dir = filepath.Join(dataDir, "keys")
		if k.database == "" {
			// A folder that never ran has no database, and no rows sealed with a key.
			k.database, _ = devURL(dataDir, db.RoleSystem)
		}
	}
	switch {
	case args[0] == "generate" && len(k.ids) == 0:
		return k.generate()
	case args[0] == "status" && len(k.ids) == 0 && k.ring == "":
		return k.status(ctx)
	case args[0] == "promote" && len(k.ids) > 0 && k.ring == "":
		return k.each(k.promote)
	case args[0] == "retire" && len(k.ids) > 0 && k.ring == "":
		return k.each(func(key vault.KeyStatus) error { return k.retire(ctx, key) })
	default:
		return usageError{errors.New(keysUse)}
	}
}

// generate makes the rings that are missing, or adds a key to one.
func (k *keyring) generate() error {
	if k.ring == "" {
		before, err := vault.Status(k.dir)
		if err != nil {
			return err
		}
		if err := vault.EnsureRings(k.dir, time.Now()); err != nil {
			return err
		}
		after, err := vault.Status(k.dir)
		if err != nil {
			return err
		}
		if len(after) == len(before) {
			return fmt.Errorf("%s has its rings already, and nothing was changed: --ring workers or --ring server adds a key", k.dir)
		}
		for _, key := range after {
			if !slices.Contains(before, key) {
				fmt.Fprintf(k.stdout, "made ring %s with key %s\n", key.Ring, key.KeyID)
			}
		}
		return nil
	}
	rings := []vault.Ring{vault.Ring(k.ring)}
	if k.ring == "server" {
		rings = vault.ServerRings()
	}
	if rings[0] != vault.RingWorkers && !slices.Contains(vault.ServerRings(), rings[0]) {
		return usageError{fmt.Errorf("there is no ring %q: workers, server, or one of the server's %v", k.ring, vault.ServerRings())}
	}
	var ids []string
	for _, ring := range rings {
		id, err := vault.AddKey(k.dir, ring, time.Now())
		if err != nil {
			return err
		}
		ids = append(ids, id)
		fmt.Fprintf(k.stdout, "added key %s to ring %s; it is not in use yet\n", id, ring)
	}
	fmt.Fprintf(k.stdout, "When every server and worker has the new file: cloudhub keys promote %s\n", strings.Join(ids, " "))
	return nil
}

// each does something for every key that was named, in the order named.
func (k *keyring) each(do func(vault.KeyStatus) error) error {
	keys, err := vault.Status(k.dir)
	if err != nil {
		return err
	}
	for _, id := range k.ids {
		i := slices.IndexFunc(keys, func(key vault.KeyStatus) bool { return key.KeyID == id })
		if i < 0 {
			return fmt.Errorf("no ring in %s has a key %q: cloudhub keys status lists them", k.dir, id)
		}
		if err := do(keys[i]); err != nil {
			return err
		}
	}
	return nil
}

func (k *keyring) promote(key vault.KeyStatus) error {
	if err := vault.Promote(k.dir, key.Ring, key.KeyID, time.Now()); err != nil {
		return err
	}
	fmt.Fprintf(k.stdout, "key %s is the primary of ring %s: what follows this file uses it within %s\n", key.KeyID, key.Ring, vault.FollowEvery)
	return nil
}

// retire refuses while a row is sealed with the key.
func (k *keyring) retire(ctx context.Context, key vault.KeyStatus) error {
	if key.Ring == vault.RingWorkers {
		sealed, err := k.sealed(ctx)
		if err != nil {
			return err
		}
		if sealed == nil {
			return errors.New("CLOUDHUB_DATABASE_SYSTEM_URL is needed, to know that no row is sealed with the key")
		}
		if n := sealed[key.KeyID]; n > 0 {
			return fmt.Errorf("key %s has sealed %d rows, and nothing was changed: once another key is primary the workers seal them anew, and cloudhub keys status shows when none is left", key.KeyID, n)
		}
	}
	if err := vault.Retire(k.dir, key.Ring, key.KeyID, time.Now()); err != nil {
		return err
	}
	fmt.Fprintf(k.stdout, "key %s is gone from ring %s\n", key.KeyID, key.Ring)
	return nil
}

// sealed is how many rows each key of the workers' ring has sealed; nil when no
// database is known.
func (k *keyring) sealed(ctx context.Context) (map[string]int64, error) {
	if k.database == "" {
		return nil, nil
	}
	pool, err := db.Connect(ctx, db.Options{URL: k.database, MaxConns: 1, AppName: "cloudhub keys"})
	if err != nil {
		return nil, err
	}
	defer pool.Close()
	rows, err := db.NewSystem(pool).Read().SealedRowsByKey(ctx)
	out := map[string]int64{}
	for _, r := range rows {
		out[r.KeyID] = r.N
	}
	return out, err
}

func (k *keyring) status(ctx context.Context) error {
	keys, err := vault.Status(k.dir)
	if err != nil {
		return err
	}
	if len(keys) == 0 {
		return fmt.Errorf("%s has no keys: cloudhub keys generate makes them", k.dir)
	}
	sealed, countErr := k.sealed(ctx)
	w := tabwriter.NewWriter(k.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "RING\tKEY\tSTATE\tMADE\tAGE\tSEALED ROWS")
	for _, key := range keys {
		made, age := "unknown", "unknown"
		if !key.Created.IsZero() {
			made, age = key.Created.Format(time.DateOnly), ageOf(time.Since(key.Created))
		}
		rows := "-"
		if key.Ring == vault.RingWorkers && sealed != nil && countErr == nil {
			rows = strconv.FormatInt(sealed[key.KeyID], 10)
			delete(sealed, key.KeyID)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", key.Ring, key.KeyID, stateOf(key), made, age, rows)
	}
	for id, n := range sealed {
		fmt.Fprintf(w, "%s\t%s\tMISSING\t\t\t%d\n", vault.RingWorkers, id, n)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if countErr != nil {
		return fmt.Errorf("the sealed rows were not counted: %w", countErr)
	}
	if sealed == nil {
		fmt.Fprintln(k.stdout, "The sealed rows were not counted: CLOUDHUB_DATABASE_SYSTEM_URL is not set.")
	}
	return nil
}

func stateOf(key vault.KeyStatus) string {
	switch {
	case key.Primary:
		return "primary"
	case key.Status != "ENABLED":
		return strings.ToLower(key.Status)
	case !key.Replaced.IsZero():
		return "replaced"
	default:
		return "added"
	}
}

func ageOf(d time.Duration) string {
	if d < 48*time.Hour {
		return d.Truncate(time.Second).String()
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// hangups delivers SIGHUP: look at the keyrings now. Not for `cloudhub dev`,
// which ends with its terminal.
func hangups() <-chan os.Signal {
	ch := make(chan os.Signal, 1)
	signal.Notify(ch, syscall.SIGHUP)
	return ch
}

// followKeys keeps rings as their files are, says so, and exports which keys are
// in use here: before an old one is retired every process must show the new one.
func followKeys(ctx context.Context, log *slog.Logger, reg prometheus.Registerer, hup <-chan os.Signal, rings ...vault.Follower) {
	gauge := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "cloudhub_key_primary", Help: "The key that this process seals and signs with, by ring.",
	}, []string{"ring", "key_id"})
	var there prometheus.AlreadyRegisteredError
	if err := reg.Register(gauge); errors.As(err, &there) {
		if shared, ok := there.ExistingCollector.(*prometheus.GaugeVec); ok { // server and worker in one process
			gauge = shared
		}
	}
	known := map[vault.Ring]string{}
	vault.Follow(ctx, hup, func(of vault.Follower, err error) {
		if err != nil {
			log.ErrorContext(ctx, "a keyring cannot be read; the keys read before stay in use", "error", err)
			return
		}
		for ring, id := range of.Primaries() {
			if before, ok := known[ring]; ok && before != id {
				log.InfoContext(ctx, "another key is in use", "ring", ring, "key_id", id, "before", before)
			}
			known[ring] = id
			gauge.DeletePartialMatch(prometheus.Labels{"ring": string(ring)})
			gauge.WithLabelValues(string(ring), id).Set(1)
		}
	}, rings...)
}
