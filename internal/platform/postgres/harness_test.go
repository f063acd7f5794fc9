package postgres

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// helperEnv turns the test binary into a process that starts PostgreSQL on the
// folder named in it, prints a helperReport, and stops when its standard input
// ends.
const helperEnv = "POSTGRES_TEST_FOLDER"

type helperReport struct {
	UID, PID, Port int
	Error          string
}

func TestMain(m *testing.M) {
	if dir := os.Getenv(helperEnv); dir != "" {
		os.Exit(runHelper(dir))
	}
	os.Exit(m.Run())
}

func runHelper(dir string) int {
	ctx := context.Background()
	report := helperReport{UID: os.Geteuid()}
	pg, err := Start(ctx, Options{DataDir: dir})
	if err != nil {
		report.Error = err.Error()
	} else {
		report.PID, report.Port = pg.PID(), pg.Port()
	}
	if err := json.NewEncoder(os.Stdout).Encode(report); err != nil || pg == nil {
		return 1
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	if err := pg.Stop(ctx); err != nil {
		return 1
	}
	return 0
}

// helper is another process with a PostgreSQL.
type helper struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	report helperReport
}

// startHelper runs the test binary again; as says who it is, nil for us.
func startHelper(t *testing.T, binary, dir string, as *syscall.Credential) *helper {
	t.Helper()
	cmd := exec.Command(binary)
	cmd.Env = append(os.Environ(), helperEnv+"="+dir)
	cmd.Dir = filepath.Dir(dir)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	h := &helper{cmd: cmd, stdin: stdin}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(line, &h.report))
	return h
}

func self(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	require.NoError(t, err)
	return path
}

// folder is a data folder that PostgreSQL's user can reach, which t.TempDir's
// are not when we are root.
func folder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "cloudhub-postgres-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o755))
	return filepath.Join(dir, "postgres")
}

func start(t testing.TB, opts Options) *Server {
	t.Helper()
	pg, err := Start(t.Context(), opts)
	require.NoError(t, err)
	t.Cleanup(func() { stop(t, pg) })
	return pg
}

func stop(t testing.TB, pg *Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second) // t.Context has ended in a cleanup
	defer cancel()
	require.NoError(t, pg.Stop(ctx))
}

// query runs one statement and returns its only value as text.
func query(t testing.TB, pg *Server, sql string) string {
	t.Helper()
	text, err := tryQuery(t.Context(), pg, sql)
	require.NoError(t, err)
	return text
}

func tryQuery(ctx context.Context, pg *Server, sql string) (string, error) {
	conn, err := pgx.Connect(ctx, pg.URL("postgres"))
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, sql)
	if err != nil {
		return "", err
	}
	texts, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if len(texts) == 0 {
		return "", err
	}
	return texts[0], err
}

// comesBack waits until a new postmaster answers.
func comesBack(t *testing.T, pg *Server, old int) {
	t.Helper()
	require.Eventually(t, func() bool {
		if pid := pg.PID(); pid == 0 || pid == old {
			return false
		}
		_, err := tryQuery(t.Context(), pg, `SELECT 'up'`)
		return err == nil
	}, 20*time.Second, 20*time.Millisecond)
}

// someoneElse is an ordinary user to run as when we are root.
func someoneElse(t *testing.T) *syscall.Credential {
	t.Helper()
	found, err := user.Lookup("nobody")
	require.NoError(t, err)
	uid, err := strconv.ParseUint(found.Uid, 10, 32)
	require.NoError(t, err)
	gid, err := strconv.ParseUint(found.Gid, 10, 32)
	require.NoError(t, err)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

// script writes an executable shell script.
func script(t *testing.T, path, body string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, fmt.Appendf(nil, "#!/bin/sh\n%s\n", body), 0o755))
}
