package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/cloudhub/cloudhub/internal/platform/config"
	"github.com/cloudhub/cloudhub/internal/platform/mail/mailbox"
	"github.com/cloudhub/cloudhub/internal/platform/telemetry"
)

// readyFile is what `cloudhub dev` writes when everything answers, and removes
// when it ends.
type readyFile struct {
	URL           string         `json:"url"`
	PrivateURL    string         `json:"private_url"`
	TemporalUIURL string         `json:"temporal_ui_url"`
	SimURL        string         `json:"sim_url,omitempty"`
	MailboxURL    string         `json:"mailbox_url,omitempty"`
	Demo          *demoLogin     `json:"demo,omitempty"`
	PIDs          map[string]int `json:"pids"`
}

type demoLogin struct {
	Email    string `json:"email"`
	Password string `json:"password"`
}

func (d *dev) readyPath() string { return filepath.Join(d.flags.dataDir, "ready.json") }

// announce waits until everything answers, then says so to programs and people.
func (d *dev) announce(parts context.Context, login *demoLogin, took time.Duration) error {
	private, err := net.Listen("tcp", d.config.Get(config.PrivateHTTP))
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/", telemetry.Private(d.registry, d.server.ready))
	if d.mailbox != nil {
		mux.Handle(mailbox.Path, d.mailbox.Handler())
	}
	d.group.Go(func() error { return telemetry.ServePrivate(parts, private, mux) })
	r := readyFile{
		URL: d.server.url(), PrivateURL: "http://" + private.Addr().String(), TemporalUIURL: d.temporal.UIURL(), SimURL: d.simAddr, Demo: login,
		PIDs: map[string]int{"cloudhub": os.Getpid(), "postgres": d.postgres.PID()},
	}
	if d.mailbox != nil {
		r.MailboxURL = r.PrivateURL + mailbox.Path
	}
	for _, address := range []string{r.URL + "/readyz", r.PrivateURL + "/readyz", r.TemporalUIURL} {
		if err := answers(parts, address); err != nil {
			return err
		}
	}
	raw, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	tmp := d.readyPath() + ".new"
	if err := os.WriteFile(tmp, append(raw, '\n'), 0o600); err != nil {
		return err
	}
	if err := os.Rename(tmp, d.readyPath()); err != nil {
		return err
	}
	d.announced = true
	d.print(r, took)
	return nil
}

func (d *dev) print(r readyFile, took time.Duration) {
	fmt.Fprintf(d.stdout, "\nCloudHub is ready (%.1f s).\n\n  %-12s %s\n", took.Seconds(), "interface", r.URL)
	if r.Demo != nil {
		fmt.Fprintf(d.stdout, "  %-12s %s\n  %-12s %s\n", "e-mail", r.Demo.Email, "password", r.Demo.Password)
	}
	fmt.Fprintf(d.stdout, "  %-12s %s\n  %-12s %s/metrics\n  %-12s %s\n", "Temporal", r.TemporalUIURL, "metrics", r.PrivateURL, "data", d.flags.dataDir)
	if r.MailboxURL != "" {
		fmt.Fprintf(d.stdout, "  %-12s %s\n", "mailbox", r.MailboxURL)
	}
	if r.Demo != nil {
		fmt.Fprintf(d.stdout, "\nThe clouds are simulated. The schedule %q stops and starts its machines within the next minutes.\n", demoScheduleName)
	}
	fmt.Fprintln(d.stdout, "Ctrl-C stops it; what it keeps is there at the next start.")
}

// withdraw takes the file back, so that nobody waits for what has gone. A start
// that failed has none of its own: the folder may be another's, who lives.
func (d *dev) withdraw() {
	if !d.announced {
		return
	}
	if err := os.Remove(d.readyPath()); err != nil && !errors.Is(err, os.ErrNotExist) {
		d.log.Warn("ready.json could not be removed", "error", err)
	}
}

func answers(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode < 500 {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer: %w", address, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}
