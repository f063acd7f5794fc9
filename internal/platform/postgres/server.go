package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cloudhub/cloudhub/internal/platform/loopback"
)

// superuser is the role that initdb makes.
const superuser = "postgres"

// Options says which cluster to run and how.
type Options struct {
	// DataDir holds the cluster and what belongs to it: cluster/, password,
	// port, lock, postgres.log. It is made when missing.
	DataDir string
	// BinDir is the folder with initdb and postgres (CLOUDHUB_POSTGRES_BIN);
	// empty looks for one.
	BinDir string
	// Port on 127.0.0.1; 0 takes the last one if it is free, else any.
	Port int
	// Logger; nil discards.
	Logger *slog.Logger
	// Settings of PostgreSQL, over the built-in ones: tests set
	// {"timezone": "America/Noronha"}.
	Settings map[string]string
}

// Server is a running PostgreSQL that comes back when it dies by itself.
type Server struct {
	opts     Options
	log      *slog.Logger
	bin      Binaries
	account  *account
	password string
	port     int
	lock     *os.File
	logFile  *logFile

	pid     atomic.Int64
	trouble atomic.Pointer[SpaceError]
	stop    chan struct{} // closed when Stop is called
	stopped sync.Once
	done    chan struct{} // closed when nothing runs any more
	err     error         // set before done is closed
}

// Start starts the cluster in opts.DataDir, making it first when there
// is none, and returns when it answers. ctx covers the start alone; the server
// runs until Stop, or until this process ends.
//
// Errors to tell apart: *NotFoundError, *VersionError, *InUseError,
// *TraverseError, *FolderError, *SpaceError, *PortError, *ExitError.
func Start(ctx context.Context, opts Options) (*Server, error) {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if err := checkSettings(opts.Settings); err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(opts.DataDir)
	if err != nil {
		return nil, err
	}
	opts.DataDir = dir
	s := &Server{opts: opts, log: opts.Logger, stop: make(chan struct{}), done: make(chan struct{})}
	if err := s.prepare(ctx); err != nil {
		s.release()
		return nil, err
	}
	running, err := s.firstStart(ctx)
	if err != nil {
		s.release()
		return nil, err
	}
	go s.supervise(running)
	go s.watchDisk()
	return s, nil
}

func (s *Server) cluster() string { return filepath.Join(s.opts.DataDir, "cluster") }

// prepare does all that must be true before the server can start.
func (s *Server) prepare(ctx context.Context) error {
	if err := makeDataDir(s.opts.DataDir); err != nil {
		return writable(filepath.Dir(s.opts.DataDir), err)
	}
	var err error
	if s.lock, err = lockFolder(ctx, s.opts.DataDir); err != nil {
		return writable(s.opts.DataDir, err)
	}
	want, err := clusterMajor(s.cluster())
	if err != nil {
		return err
	}
	need := int64(needToRun)
	if want == 0 {
		need = needNew
	}
	if err := checkSpace(s.opts.DataDir, need); err != nil {
		return err
	}
	if s.bin, err = FindBinaries(ctx, s.opts.BinDir, want); err != nil {
		var mismatch *VersionError
		if errors.As(err, &mismatch) {
			mismatch.Dir = s.opts.DataDir
		}
		return err
	}
	if s.account, err = chooseAccount(s.cluster()); err != nil {
		return err
	}
	for _, path := range []string{s.opts.DataDir, s.bin.Dir} {
		if err := s.account.reach(path); err != nil {
			return err
		}
	}
	if err := endOrphan(ctx, s.cluster(), s.log); err != nil {
		return err
	}
	if s.password, err = s.ensureCluster(ctx, want > 0); err != nil {
		return err
	}
	if err := s.account.own(s.cluster()); err != nil {
		return err
	}
	s.logFile, err = openLogFile(filepath.Join(s.opts.DataDir, "postgres.log"), logLimit)
	return err
}

// backendPatience is how long the backends of a postmaster that was killed may
// take to notice. They hold its shared memory, so a new one does not start.
const backendPatience = 15 * time.Second

// firstStart starts the server and waits until it answers. A chosen port can be
// taken between the choice and the use, so with a free choice it tries others.
func (s *Server) firstStart(ctx context.Context) (running *child, err error) {
	deadline := time.Now().Add(backendPatience)
	for ports := 1; ; {
		if s.port, err = s.choosePort(ports > 1); err != nil {
			return nil, err
		}
		if running, err = s.launch(ctx); err == nil {
			break
		}
		switch {
		case s.logFile.says("pre-existing shared memory block") && time.Now().Before(deadline):
			select {
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			case <-time.After(50 * time.Millisecond):
			}
		case s.logFile.says("Address already in use") && s.opts.Port == 0 && ports < 5:
			ports++
		default:
			return nil, err
		}
	}
	port := []byte(strconv.Itoa(s.port) + "\n")
	return running, writeFile(filepath.Join(s.opts.DataDir, "port"), port, 0o600)
}

func (s *Server) choosePort(fresh bool) (int, error) {
	if s.opts.Port != 0 {
		if !loopback.Free(s.opts.Port) {
			return 0, &PortError{Port: s.opts.Port}
		}
		return s.opts.Port, nil
	}
	if raw, err := os.ReadFile(filepath.Join(s.opts.DataDir, "port")); err == nil && !fresh {
		if last, err := strconv.Atoi(strings.TrimSpace(string(raw))); err == nil && last > 0 && loopback.Free(last) {
			return last, nil
		}
	}
	ports, err := loopback.Ports(1)
	if err != nil {
		return 0, err
	}
	return ports[0], nil
}

// launch starts the server and waits until it answers with our password, or
// ends. When it returns an error no server is left.
func (s *Server) launch(ctx context.Context) (*child, error) {
	s.logFile.forget()
	running, err := startChild(s.bin, s.serverArgs(), s.cluster(), s.account, s.logFile)
	if err != nil {
		return nil, err
	}
	s.pid.Store(int64(running.process.Pid))
	ready := make(chan error, 1)
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { ready <- s.waitReady(waiting) }()
	select {
	case err := <-running.exited:
		s.pid.Store(0)
		return nil, &ExitError{Err: err, Tail: s.logFile.last()}
	case err := <-ready:
		if err != nil {
			_ = running.process.Signal(quitSignal)
			<-running.exited
			s.pid.Store(0)
			return nil, fmt.Errorf("PostgreSQL does not answer: %w (%s)", err, s.logFile.last())
		}
		return running, nil
	}
}

func (s *Server) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second) // crash recovery reads up to max_wal_size
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, s.URL("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// builtinSettings: sized for one developer's machine or a test, with the
// promises of a real database (fsync stays on). There is no replication, and yet
// WAL is not minimal: then a sequence that is used in the transaction that made
// it goes back after a crash (nextval counts as logged what was never written).
// Small WAL, because Temporal writes much and keeps little; early
// vacuum, because its queues are tables; UTC, whatever the machine's zone.
var builtinSettings = map[string]string{
	"autovacuum_analyze_scale_factor":     "0.02",
	"autovacuum_vacuum_scale_factor":      "0.02",
	"cluster_name":                        "cloudhub",
	"fsync":                               "on",
	"idle_in_transaction_session_timeout": "60s",
	"jit":                                 "off", // our queries are short; compiling them costs more than it saves
	"log_checkpoints":                     "off",
	"log_line_prefix":                     "%m [%p] ",
	"log_timezone":                        "UTC",
	"logging_collector":                   "off", // it writes to our pipe
	"max_connections":                     "120", // Temporal keeps some 30, more under load
	"max_wal_senders":                     "0",
	"max_wal_size":                        "256MB",
	"password_encryption":                 "scram-sha-256",
	"shared_buffers":                      "128MB",
	"timezone":                            "UTC",
	"wal_level":                           "replica",
}

var settingName = regexp.MustCompile(`^[a-z_]+(\.[a-z_]+)?$`)

// fixedSettings are ours alone: they are what keeps the database private.
var fixedSettings = []string{"listen_addresses", "port", "unix_socket_directories", "data_directory", "hba_file"}

func checkSettings(settings map[string]string) error {
	for name := range settings {
		if !settingName.MatchString(name) || slices.Contains(fixedSettings, name) {
			return fmt.Errorf("PostgreSQL setting %q cannot be set here", name)
		}
	}
	return nil
}

// serverArgs: no Unix socket, because its path has a length limit and the usual
// folder belongs to the distribution's own cluster.
func (s *Server) serverArgs() []string {
	settings := maps.Clone(builtinSettings)
	maps.Copy(settings, s.opts.Settings)
	settings["listen_addresses"] = loopback.Address
	settings["port"] = strconv.Itoa(s.port)
	settings["unix_socket_directories"] = ""
	args := []string{"-D", s.cluster()}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, "-c", name+"="+settings[name])
	}
	return args
}

// URL is a connection URL for the superuser. It contains the password: never
// log it.
func (s *Server) URL(db string) string {
	u := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(superuser, s.password),
		Host:     loopback.HostPort(s.port),
		Path:     "/" + db,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Port on 127.0.0.1. It stays the same when the server comes back.
func (s *Server) Port() int { return s.port }

// PID of the postmaster; 0 while it is down.
func (s *Server) PID() int { return int(s.pid.Load()) }

// LogPath is the file PostgreSQL's log is written to.
func (s *Server) LogPath() string { return s.logFile.path }

// Binaries in use.
func (s *Server) Binaries() Binaries { return s.bin }

// Done is closed when the server has ended for good: after Stop, or when it died
// and could not be brought back.
func (s *Server) Done() <-chan struct{} { return s.done }

// Err says why it ended for good: nil while it runs and after a clean Stop.
func (s *Server) Err() error {
	select {
	case <-s.done:
		return s.err
	default:
		return nil
	}
}

// release gives the folder back.
func (s *Server) release() {
	if s.logFile != nil {
		s.logFile.Close()
	}
	if s.lock != nil {
		s.lock.Close() // closing releases the flock
	}
}
