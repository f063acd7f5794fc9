package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/internal/cloud/sim"
	"github.com/cloudhub/cloudhub/internal/platform/config"
	"github.com/cloudhub/cloudhub/internal/platform/embedded"
	"github.com/cloudhub/cloudhub/internal/platform/mail"
	"github.com/cloudhub/cloudhub/internal/platform/mail/mailbox"
	"github.com/cloudhub/cloudhub/internal/platform/postgres"
	"github.com/cloudhub/cloudhub/internal/platform/telemetry"
	"github.com/cloudhub/cloudhub/internal/platform/vault"
)

type devFlags struct {
	demo, reset, yes bool
	dataDir, http    string
	httpChosen       bool
}

func parseDev(e env, args []string) (devFlags, error) {
	f := devFlags{dataDir: e.config.Get(config.DataDir), http: e.config.Get(config.HTTP)}
	chosen := f.http
	fs := flag.NewFlagSet("dev", flag.ContinueOnError)
	fs.SetOutput(e.stderr)
	fs.BoolVar(&f.demo, "demo", false, "simulated clouds with a lived-in estate")
	fs.StringVar(&f.dataDir, "data-dir", f.dataDir, "folder for everything that is kept")
	fs.StringVar(&f.http, "http", f.http, "where the interface answers")
	fs.BoolVar(&f.reset, "reset", false, "begin from nothing: deletes the data folder")
	fs.BoolVar(&f.yes, "yes", false, "do not ask before --reset")
	if err := fs.Parse(args); err != nil {
		return f, usageError{err}
	}
	if fs.NArg() > 0 {
		return f, usageError{fmt.Errorf("dev does not know %q", fs.Arg(0))}
	}
	f.httpChosen = f.http != chosen || os.Getenv(config.Prefix+config.HTTP) != ""
	dir, err := filepath.Abs(f.dataDir)
	f.dataDir = dir
	return f, err
}

// dev is everything on one machine, while it runs.
type dev struct {
	env
	flags    devFlags
	log      *slog.Logger
	registry *prometheus.Registry
	traces   *telemetry.Tracing
	logFile  io.Closer
	postgres *postgres.Server
	temporal *embedded.Temporal
	urls     db.URLs
	server   *serverPart
	worker   *workerPart
	simAddr  string
	simToken string
	// mailbox takes the mails when no mail server is set; nil when one is.
	mailbox *mailbox.Mailbox
	// announced: ready.json is ours.
	announced bool
	group     *errgroup.Group
}

func runDev(ctx context.Context, e env, args []string) (err error) {
	flags, err := parseDev(e, args)
	if err != nil {
		return err
	}
	d := &dev{env: e, flags: flags, registry: telemetry.NewRegistry()}
	if flags.reset {
		if err := d.reset(); err != nil {
			return err
		}
	}
	if err := d.openFolder(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.logFile.Close()) }()
	began := time.Now()
	// Parts stop before what they stand on: their context ends first.
	parts, stopParts := context.WithCancel(ctx)
	defer stopParts()
	d.group, parts = errgroup.WithContext(parts)
	defer func() { err = errors.Join(err, d.shutdown(stopParts)) }()
	if err := d.start(ctx, parts); err != nil {
		return err
	}
	login, err := d.demo(ctx)
	if err != nil {
		return fmt.Errorf("demonstration: %w", err)
	}
	if err := d.announce(parts, login, time.Since(began)); err != nil {
		return err
	}
	<-parts.Done()
	return nil
}

// openFolder makes the data folder and its log. Folders above it are the
// user's; as root PostgreSQL runs as another user and must be able to enter.
func (d *dev) openFolder() error {
	if err := os.MkdirAll(d.flags.dataDir, 0o755); err != nil {
		return fmt.Errorf("data folder: %w; choose another with --data-dir", err)
	}
	file, err := os.OpenFile(filepath.Join(d.flags.dataDir, "cloudhub.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("the data folder cannot be written: %w; make it writable, or choose another with --data-dir", err)
	}
	d.logFile = file
	level := telemetry.Level(d.config.Get(config.LogLevel))
	// A person sees what needs attention; the file has the rest.
	d.log = slog.New(telemetry.Tagged(slog.NewMultiHandler(
		slog.NewJSONHandler(file, &slog.HandlerOptions{Level: level}),
		slog.NewTextHandler(d.stderr, &slog.HandlerOptions{Level: max(level, slog.LevelWarn)}),
	)))
	slog.SetDefault(d.log)
	return nil
}

// reset deletes the data folder, if it is one of ours, and asks first.
func (d *dev) reset() error {
	dir := d.flags.dataDir
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, "postgres")); err != nil {
		return fmt.Errorf("%s is not a data folder of CloudHub: nothing was deleted", dir)
	}
	if !d.flags.yes {
		fmt.Fprintf(d.stdout, "This deletes %s with everything in it. Type yes: ", dir)
		line, err := bufio.NewReader(d.stdin).ReadString('\n')
		if err != nil || strings.TrimSpace(line) != "yes" {
			return errors.New("nothing was deleted; --yes answers the question")
		}
	}
	return os.RemoveAll(dir)
}

func (d *dev) start(ctx, parts context.Context) (err error) {
	if d.postgres, err = postgres.Start(ctx, postgres.Options{
		DataDir: filepath.Join(d.flags.dataDir, "postgres"), BinDir: d.config.Get(config.PostgresBin), Logger: d.log,
	}); err != nil {
		return err
	}
	// The folder is ours now: what a killed run announced is no longer true.
	if err := os.Remove(d.readyPath()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	// Each has databases of its own. Without a context: what has started is there to
	// be stopped, whatever became of the other.
	var databases errgroup.Group
	databases.Go(func() error { return d.prepareDatabase(ctx) })
	databases.Go(func() (err error) {
		d.temporal, err = embedded.StartTemporal(ctx, embedded.TemporalOptions{PostgresURL: d.postgres.URL("postgres"), Logger: d.log})
		return err
	})
	if err := databases.Wait(); err != nil {
		return err
	}
	if d.flags.demo && d.config.Get(config.AWSEndpoint) == "" {
		if err := d.startSim(parts); err != nil {
			return err
		}
	}
	if err := d.startMailbox(parts); err != nil {
		return err
	}
	return d.startParts(ctx, parts)
}

// What dev names its database, and the file in the data folder with the password
// of its roles.
const (
	devDatabase      = "cloudhub"
	databasePassword = "database-password"
)

func (d *dev) prepareDatabase(ctx context.Context) error {
	password, err := secretFile(filepath.Join(d.flags.dataDir, databasePassword))
	if err != nil {
		return err
	}
	if d.urls, err = db.Bootstrap(ctx, d.postgres.URL("postgres"), devDatabase, password); err != nil {
		return err
	}
	if _, err := db.Migrate(ctx, d.urls.Owner); err != nil {
		if errors.Is(err, db.ErrNewerSchema) {
			return fmt.Errorf("%s: %w, or choose another --data-dir", d.flags.dataDir, err)
		}
		return err
	}
	return vault.EnsureRings(d.keysDir(), time.Now())
}

func (d *dev) keysDir() string { return filepath.Join(d.flags.dataDir, "keys") }

// startSim runs the simulated AWS on a loopback port of its own, and makes it
// the AWS of this installation, which has an identity of its own there.
func (d *dev) startSim(parts context.Context) error {
	dir := filepath.Join(d.flags.dataDir, "sim")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	d.simAddr = "http://" + ln.Addr().String()
	if d.simToken, err = secretFile(filepath.Join(dir, "token")); err != nil {
		return errors.Join(err, ln.Close())
	}
	d.group.Go(func() error {
		return sim.ServeListener(parts, ln, sim.Options{Dir: dir, Estate: sim.DemoEstate(time.Now()), Logger: d.log, ControlToken: d.simToken})
	})
	own := sim.DemoPrincipal
	for name, value := range map[string]string{
		config.AWSEndpoint: d.simAddr, config.AWSPrincipalARN: own.ARN(sim.DemoOperator),
		config.AWSPrincipalKey: own.AccessKeyID, config.AWSPrincipalSecret: own.Secret, config.AWSPrincipalChain: "false",
	} {
		if err := d.config.Set(name, value); err != nil {
			return err
		}
	}
	return nil
}

// startMailbox keeps the mails of an installation that has no mail server.
func (d *dev) startMailbox(parts context.Context) error {
	if d.config.Get(config.SMTPHost) != "" {
		return nil
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	d.mailbox = mailbox.New()
	d.group.Go(func() error { return d.mailbox.Serve(parts, ln, d.log) })
	host, port, err := net.SplitHostPort(ln.Addr().String())
	if err != nil {
		return err
	}
	from := d.config.Get(config.MailFrom)
	if from == "" {
		from = "CloudHub <cloudhub@localhost>"
	}
	for name, value := range map[string]string{config.SMTPHost: host, config.SMTPPort: port, config.SMTPTLS: string(mail.None), config.MailFrom: from} {
		if err := d.config.Set(name, value); err != nil {
			return err
		}
	}
	return nil
}

// devEgress lets people try what reaches out (calendars, webhooks) on this machine.
const devEgress = "127.0.0.0/8,::1/128,http,any-port"

func (d *dev) startParts(ctx, parts context.Context) (err error) {
	v := d.config
	if v.Get(config.EgressAllow) == "" {
		if err := v.Set(config.EgressAllow, devEgress); err != nil {
			return err
		}
	}
	for name, value := range map[string]string{
		config.DatabaseApp: d.urls.App, config.DatabaseIdentity: d.urls.Identity, config.DatabaseSystem: d.urls.System,
		config.DatabaseAdmin: d.urls.Admin, config.TemporalUI: d.temporal.UIURL(),
		config.KeysDir: d.keysDir(), config.TemporalAddress: d.temporal.HostPort(),
	} {
		if err := v.Set(name, value); err != nil {
			return err
		}
	}
	ln, err := d.listen()
	if err != nil {
		return err
	}
	if d.traces, err = telemetry.NewTracing(ctx, v.Get(config.Traces), "cloudhub", version, d.log); err != nil {
		return errors.Join(err, ln.Close())
	}
	if d.server, err = newServer(ctx, v, d.log, d.registry, d.traces, ln, d.postgres.Trouble); err != nil {
		return errors.Join(err, ln.Close())
	}
	d.group.Go(func() error { return d.server.run(parts) })
	if d.worker, err = newWorker(ctx, v, d.log, d.registry, d.traces); err != nil {
		return err
	}
	d.group.Go(func() error { return d.worker.run(parts) })
	d.group.Go(func() error { return d.guard(parts) })
	return nil
}

// guard ends everything when PostgreSQL cannot be kept alive.
func (d *dev) guard(parts context.Context) error {
	select {
	case <-parts.Done():
		return nil
	case <-d.postgres.Done():
		return fmt.Errorf("PostgreSQL has ended: %w", d.postgres.Err())
	}
}

// listen takes the wanted address. When nobody chose it and it is taken, by
// another CloudHub perhaps, any free port will do.
func (d *dev) listen() (net.Listener, error) {
	ln, err := net.Listen("tcp", d.flags.http)
	if errors.Is(err, syscall.EADDRINUSE) && !d.flags.httpChosen {
		host, _, splitErr := net.SplitHostPort(d.flags.http)
		if splitErr != nil {
			return nil, splitErr
		}
		return net.Listen("tcp", net.JoinHostPort(host, "0"))
	}
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w; choose another address with --http", d.flags.http, err)
	}
	return ln, nil
}

// shutdown stops in order: server and worker drain, then Temporal, then
// PostgreSQL.
func (d *dev) shutdown(stopParts context.CancelFunc) error {
	d.withdraw()
	stopParts()
	ctx, cancel := context.WithTimeout(context.Background(), config.DrainWithin)
	defer cancel()
	var errs []error
	if err := d.group.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		errs = append(errs, err)
	}
	if d.server != nil {
		d.server.close()
	}
	if d.worker != nil {
		d.worker.close()
	}
	if d.traces != nil {
		stopTraces(d.traces, d.log)
	}
	if d.temporal != nil {
		errs = append(errs, d.temporal.Stop(ctx))
	}
	if d.postgres != nil {
		errs = append(errs, d.postgres.Stop(ctx))
	}
	return errors.Join(errs...)
}

// secretFile reads a random secret, or makes it: 0600, whole or not at all.
func secretFile(path string) (string, error) {
	raw, err := os.ReadFile(path)
	if err == nil && len(raw) > 0 {
		return strings.TrimSpace(string(raw)), nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	secret := rand.Text()
	tmp := path + ".new"
	if err := os.WriteFile(tmp, []byte(secret+"\n"), 0o600); err != nil {
		return "", err
	}
	return secret, os.Rename(tmp, path)
}
