// Package moto runs moto, a mock of AWS that others wrote, as a server for
// tests: a second opinion beside our own simulator, which shares our
// misunderstandings.
//
// It owns the virtual environment with the pinned version and the life of the
// server. It must not paper over what moto gets wrong: that is said, by name, in
// the tests that use it.
package moto

import (
	"bufio"
	"bytes"
	_ "embed"
	"io"
	"os"
	"os/exec"
	"regexp"
	"sync"
	"testing"
	"time"
)

//go:embed serve.py
var serve string

// startTimeout is generous: importing moto on a loaded machine takes seconds.
const startTimeout = 2 * time.Minute

var listening = regexp.MustCompile(`Running on (http://127\.0\.0\.1:\d+)`)

// Start runs a moto server of its own for this test and returns its endpoint.
// Any key is accepted; all of them are account 123456789012. The server ends
// with the test, or with the process if that is killed.
//
// The first call on a machine installs moto from PyPI (20 s, 320 MB) under
// os.UserCacheDir, or in CLOUDHUB_MOTO_VENV. A machine without python3 or its
// venv module fails the test with what to install.
func Start(t testing.TB) (endpoint string) {
	t.Helper()
	python, err := environment(t.Context())
	if err != nil {
		t.Fatalf("moto: %v", err)
	}
	cmd := exec.Command(python, "-c", serve)
	cmd.Env = append(os.Environ(), "MOTO_EC2_LOAD_DEFAULT_AMIS=false", "PYTHONDONTWRITEBYTECODE=1")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatalf("moto: %v", err)
	}
	out, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatalf("moto: %v", err)
	}
	log := &tail{}
	found, ended := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // it is always killed; how it ended is in its log
		_ = w.Close()
	}()
	go follow(out, log, found)
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Process.Kill()
		<-ended
		if t.Failed() {
			t.Logf("moto said last:\n%s", log)
		}
	})
	select {
	case endpoint = <-found:
	case <-ended:
		t.Fatalf("moto ended at once:\n%s", log)
	case <-time.After(startTimeout):
		t.Fatalf("moto did not listen within %s:\n%s", startTimeout, log)
	}
	return endpoint
}

// follow keeps the end of the log and reports the address when it is there.
func follow(r io.Reader, log *tail, found chan<- string) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		log.add(lines.Bytes())
		if m := listening.FindSubmatch(lines.Bytes()); m != nil {
			select {
			case found <- string(m[1]):
			default:
			}
		}
	}
	_, _ = io.Copy(io.Discard, r) // a line too long must not block the server
}

// tail is the last lines of a log.
type tail struct {
	mu    sync.Mutex
	lines [][]byte
}

func (l *tail) add(line []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, bytes.Clone(line))
	if len(l.lines) > 40 {
		l.lines = l.lines[1:]
	}
}

func (l *tail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(bytes.Join(l.lines, []byte("\n")))
}
