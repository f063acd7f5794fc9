// Package deploy holds what operators run CloudHub with. Its tests prove that
// the alert rules fire when they must and not otherwise, and that each has its
// page; that every name they use is exported is internal/e2e's to prove.
package deploy

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

type ruleFile struct {
	Groups []struct {
		Name  string `yaml:"name"`
		Rules []rule `yaml:"rules"`
	} `yaml:"groups"`
}

type rule struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

func rules(t *testing.T) (out []rule) {
	t.Helper()
	var f ruleFile
	unmarshal(t, "prometheus/alerts.yaml", &f)
	for _, g := range f.Groups {
		out = append(out, g.Rules...)
	}
	require.Greater(t, len(out), 20)
	return out
}

func unmarshal(t *testing.T, path string, into any) {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(raw, into))
}

// promtool runs Prometheus's own tool, which .ci/setup has fetched.
func promtool(t *testing.T, args ...string) string {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		if path, err = filepath.Abs("../.cache/promtool"); err == nil {
			_, err = os.Stat(path)
		}
	}
	require.NoError(t, err, "promtool is missing: run make setup-test")
	out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput()
	require.NoError(t, err, string(out))
	return string(out)
}

func TestAlertsFireWhenTheyMustAndNotOtherwise(t *testing.T) {
	t.Parallel()
	require.Contains(t, promtool(t, "check", "config", "prometheus/prometheus.yaml"), "SUCCESS")
	require.Contains(t, promtool(t, "test", "rules", "prometheus/alerts_test.yaml"), "SUCCESS")
}

func TestEachAlertHasATestOfBothKinds(t *testing.T) {
	t.Parallel()
	var f struct {
		Tests []struct {
			Alerts []struct {
				Name string `yaml:"alertname"`
				Exp  []any  `yaml:"exp_alerts"`
			} `yaml:"alert_rule_test"`
		} `yaml:"tests"`
	}
	unmarshal(t, "prometheus/alerts_test.yaml", &f)
	fires, doesNot := map[string]bool{}, map[string]bool{}
	for _, test := range f.Tests {
		for _, a := range test.Alerts {
			fires[a.Name] = fires[a.Name] || len(a.Exp) > 0
			doesNot[a.Name] = doesNot[a.Name] || len(a.Exp) == 0
		}
	}
	for _, r := range rules(t) {
		require.True(t, fires[r.Alert], "%s: a test in which it fires", r.Alert)
		require.True(t, doesNot[r.Alert], "%s: a test in which it does not", r.Alert)
	}
}

func TestEachAlertHasItsPage(t *testing.T) {
	t.Parallel()
	index, err := os.ReadFile("runbooks/README.md")
	require.NoError(t, err)
	pages := map[string]bool{"README.md": true}
	for _, r := range rules(t) {
		require.Contains(t, []string{"page", "ticket"}, r.Labels["severity"], r.Alert)
		require.NotEmpty(t, r.For, r.Alert)
		require.NotEmpty(t, r.Annotations["summary"], r.Alert)
		require.NotEmpty(t, r.Annotations["description"], r.Alert)
		require.Equal(t, "deploy/runbooks/"+r.Alert+".md", r.Annotations["runbook"])
		raw, err := os.ReadFile("runbooks/" + r.Alert + ".md")
		require.NoError(t, err)
		for _, part := range []string{"# " + r.Alert + "\n", "## What it means\n", "## How to see it\n", "## What to do\n", "## When to wake somebody\n"} {
			require.Contains(t, string(raw), part, r.Alert)
		}
		require.Contains(t, string(raw), "```promql\n"+strings.TrimSpace(r.Expr)+"\n```", "%s: its page shows the rule as it is", r.Alert)
		require.Contains(t, string(raw), "Severity `"+r.Labels["severity"]+"`", r.Alert)
		require.Contains(t, string(index), "["+r.Alert+"]("+r.Alert+".md) | "+r.Labels["severity"])
		pages[r.Alert+".md"] = true
	}
	files, err := filepath.Glob("runbooks/*.md")
	require.NoError(t, err)
	// What is done and not reacted to has a name in small letters, and stands in
	// the index too.
	for _, f := range files {
		name := filepath.Base(f)
		if name != "README.md" && name == strings.ToLower(name) {
			require.Contains(t, string(index), "]("+name+")")
			pages[name] = true
		}
	}
	link := regexp.MustCompile(`\]\(([\w-]+\.md)\)`)
	for _, f := range files {
		require.True(t, pages[filepath.Base(f)], "%s is the page of no alert", f)
		raw, err := os.ReadFile(f)
		require.NoError(t, err)
		for _, m := range link.FindAllStringSubmatch(string(raw), -1) {
			require.True(t, pages[m[1]], "%s links to %s, which is not there", f, m[1])
		}
	}
}

// Grafana's own variables are filled in as Grafana does.
func TestDashboardsAsk(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("grafana/cloudhub.json")
	require.NoError(t, err)
	var d struct {
		Panels []struct {
			Title   string `json:"title"`
			Targets []struct {
				Expr string `json:"expr"`
			} `json:"targets"`
		} `json:"panels"`
	}
	require.NoError(t, json.Unmarshal(raw, &d))
	type record struct {
		Record string `yaml:"record"`
		Expr   string `yaml:"expr"`
	}
	var records []record
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			records = append(records, record{"dashboard:query", strings.ReplaceAll(target.Expr, "$__rate_interval", "1m")})
		}
	}
	require.Greater(t, len(records), 20)
	file, err := yaml.Marshal(map[string]any{"groups": []any{map[string]any{"name": "dashboard", "rules": records}}})
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "queries.yaml")
	require.NoError(t, os.WriteFile(path, file, 0o600))
	promtool(t, "check", "rules", "--lint=none", path)
}
