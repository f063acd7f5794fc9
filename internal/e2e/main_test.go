// Package e2e proves whole paths: real clients against a real server, worker,
// PostgreSQL and Temporal, with the unmodified SDK against simulated and
// emulated clouds. It is the one test binary that links everything.
package e2e

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/cloudhub/cloudhub/db/dbtest"
	"github.com/cloudhub/cloudhub/internal/cloud"
	"github.com/cloudhub/cloudhub/internal/platform/embedded"
	"github.com/cloudhub/cloudhub/worker"
)

// shared is what all tests of the binary use: one PostgreSQL, one Temporal.
// Each world has a database and two namespaces of its own.
var shared struct {
	temporal   *embedded.Temporal
	superURL   string
	dir        string // removed at the end
	namespaces chan worker.Namespaces
}

// worlds is how many tests may have a world; a test beyond it fails and says so.
const worlds = 120

// atOnce is how many tests run at the same time, whatever the machine's cores:
// they wait for clocks and simulated clouds most of the time.
const atOnce = "6"

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) (code int) {
	if address := os.Getenv(temporalEnv); address != "" {
		return temporalProcess(address)
	}
	flag.Parse()
	cloud.Kinds = append(cloud.Kinds, kindBox)
	if err := flag.Set("test.parallel", atOnce); err != nil {
		return fail(err)
	}
	dir, err := os.MkdirTemp("", "cloudhub-e2e")
	if err != nil {
		return fail(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := os.Chmod(dir, 0o755); err != nil {
		return fail(err)
	}
	shared.dir = dir
	ctx := context.Background()
	pg, err := dbtest.Serve(ctx, dir+"/pg")
	if err != nil {
		return fail(err)
	}
	defer func() { _ = pg.Stop(ctx) }()
	shared.superURL = pg.URL("postgres")
	if err := os.Setenv("CLOUDHUB_TEST_POSTGRES_URL", shared.superURL); err != nil {
		return fail(err)
	}
	namespaces := embedded.DefaultNamespaces()
	shared.namespaces = make(chan worker.Namespaces, worlds)
	for i := range worlds {
		n := worker.Namespaces{Main: fmt.Sprintf("t%02d", i), Background: fmt.Sprintf("t%02d-background", i)}
		namespaces = append(namespaces, embedded.Namespace{Name: n.Main, Retention: 24 * time.Hour}, embedded.Namespace{Name: n.Background, Retention: 24 * time.Hour})
		shared.namespaces <- n
	}
	if shared.temporal, err = embedded.StartTemporal(ctx, embedded.TemporalOptions{PostgresURL: shared.superURL, Namespaces: namespaces, DisableUI: true}); err != nil {
		return fail(err)
	}
	defer func() { _ = shared.temporal.Stop(ctx) }()
	return dbtest.Run(m)
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, "e2e:", err)
	return 1
}
