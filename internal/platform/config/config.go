// Package config is the one table of settings: name, form, default, who reads
// it. The README's table is made from it. A bad or unknown value stops the
// program with the name, the form and an example; secrets are never printed.
package config

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/mail"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cloudhub/cloudhub/internal/awsrole"
	"github.com/cloudhub/cloudhub/internal/platform/egress"
)

// Prefix of every setting.
const Prefix = "CLOUDHUB_"

// Setting is one row of the table.
type Setting struct {
	Name    string // without the prefix
	Form    string // what a value looks like, in words
	Example string
	Default string
	Secret  bool
	// For: the commands that read it.
	For  string
	Help string
	// check says what is wrong with a value.
	check func(string) error
}

// The names of all settings.
const (
	HTTP             = "HTTP"
	PrivateHTTP      = "PRIVATE_HTTP"
	PublicURL        = "PUBLIC_URL"
	TrustedProxies   = "TRUSTED_PROXIES"
	DataDir          = "DATA_DIR"
	PostgresBin      = "POSTGRES_BIN"
	DatabaseOwner    = "DATABASE_OWNER_URL"
	DatabaseApp      = "DATABASE_APP_URL"
	DatabaseIdentity = "DATABASE_IDENTITY_URL"
	DatabaseSystem   = "DATABASE_SYSTEM_URL"
	DatabaseAdmin    = "DATABASE_ADMIN_URL"
	TemporalAddress  = "TEMPORAL_ADDRESS"
	TemporalUI       = "TEMPORAL_UI_URL"
	KeysDir          = "KEYS_DIR"
	AWSEndpoint      = "AWS_ENDPOINT"
	AWSPrincipalARN  = "AWS_PRINCIPAL_ARN"
	AWSPrincipalKey  = "AWS_PRINCIPAL_ACCESS_KEY_ID"
	// AWSPrincipalSecret belongs to workers alone; a server that is given it does not start.
	AWSPrincipalSecret = "AWS_PRINCIPAL_SECRET_ACCESS_KEY"
	AWSPrincipalChain  = "AWS_PRINCIPAL_DEFAULT_CHAIN"
	EgressAllow        = "EGRESS_ALLOW"
	SMTPHost           = "SMTP_HOST"
	SMTPPort           = "SMTP_PORT"
	SMTPUser           = "SMTP_USER"
	// SMTPPassword belongs to workers alone; a server that is given it does not start.
	SMTPPassword = "SMTP_PASSWORD"
	SMTPTLS      = "SMTP_TLS"
	MailFrom     = "MAIL_FROM"
	TrialDays    = "TRIAL_DAYS"
	LogLevel     = "LOG_LEVEL"
	Traces       = "TRACES"
	SimToken     = "SIM_TOKEN"
)

// Table lists every setting, in the order of the README.
var Table = []Setting{
	{HTTP, "host:port", "0.0.0.0:8080", "127.0.0.1:8080", false, "dev, server", "Where the interface and the API answer.", hostPort},
	{PrivateHTTP, "host:port", "127.0.0.1:9090", "127.0.0.1:0", false, "dev, server, worker", "Where metrics, pprof and readiness answer. Never public. Port 0 takes a free one.", hostPort},
	{PublicURL, "http or https address", "https://cloudhub.example.com", "", false, "server, worker", "The address people type, and to which messages lead. With https, cookies are Secure and HSTS is sent. Empty: plain http.", httpURL},
	{TrustedProxies, "networks, comma separated", "10.0.0.0/8,192.168.1.7/32", "", false, "dev, server", "Proxies whose X-Forwarded-For is believed.", networks},
	{DataDir, "folder", "/var/lib/cloudhub", "./data", false, "dev", "Everything that `cloudhub dev` keeps.", anything},
	{PostgresBin, "folder with initdb and postgres", "/usr/lib/postgresql/15/bin", "", false, "dev", "Which PostgreSQL to start. Empty: found on the machine.", anything},
	{DatabaseOwner, "postgres address", "postgres://cloudhub_owner:secret@db:5432/cloudhub", "", true, "migrate, restored, admin", "As role cloudhub_owner.", postgresURL},
	{DatabaseApp, "postgres address", "postgres://cloudhub_app:secret@db:5432/cloudhub", "", true, "server, worker", "As role cloudhub_app.", postgresURL},
	{DatabaseIdentity, "postgres address", "postgres://cloudhub_identity:secret@db:5432/cloudhub", "", true, "server", "As role cloudhub_identity.", postgresURL},
	{DatabaseSystem, "postgres address", "postgres://cloudhub_system:secret@db:5432/cloudhub", "", true, "worker", "As role cloudhub_system.", postgresURL},
	{DatabaseAdmin, "postgres address", "postgres://cloudhub_admin:secret@db:5432/cloudhub", "", true, "server", "As role cloudhub_admin: the operators' page. Empty: this server has none.", postgresURL},
	{TemporalAddress, "host:port", "temporal:7233", "", false, "worker", "Temporal's frontend.", hostPort},
	{TemporalUI, "http or https address", "https://temporal.example.com", "", false, "server", "Temporal's UI, for links on the operators' page. Empty: no links.", httpURL},
	{KeysDir, "folder", "/etc/cloudhub/keys", "", false, "server, worker", "Keyrings: server.json and workers.public.json for a server, workers.private.json for a worker.", anything},
	{AWSEndpoint, "http or https address", "http://127.0.0.1:5000", "", false, "dev, worker", "Another AWS than the real one: a simulator or an emulator. Accounts are then marked simulated.", httpURL},
	{AWSPrincipalARN, "role or user ARN of AWS IAM", "arn:aws:iam::123456789012:user/cloudhub", "", false, "dev, server", "The installation's own AWS identity, which the roles of customers' accounts trust. Empty: accounts are added by access key only.", principalARN},
	{AWSPrincipalKey, "AWS access key id", "AKIAIOSFODNN7EXAMPLE", "", false, "dev, worker", "Access key of that identity. It needs one permission, sts:AssumeRole.", accessKeyID},
	{AWSPrincipalSecret, "AWS secret access key", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "", true, "dev, worker", "Its secret. A server never gets it.", anything},
	{AWSPrincipalChain, "true or false", "true", "false", false, "dev, worker", "Instead of a key: that identity is whatever the AWS SDK finds on the worker's machine (environment, web identity, instance role).", trueOrFalse},
	{EgressAllow, "networks, and the words http and any-port, comma separated", "10.20.0.0/16,http", "", false, "dev, server, worker", "What addresses that people give (calendars, webhooks) may lead to beside the public internet over https: networks of your own, plain http, and with any-port every port in those networks. `cloudhub dev` allows all three for this machine.", egressList},
	{SMTPHost, "host name or address", "smtp.example.com", "", false, "dev, worker", "The server that sends e-mail. Empty: none is sent; `cloudhub dev` keeps mails in a mailbox of its own.", hostName},
	{SMTPPort, "port", "465", "587", false, "dev, worker", "Its port.", port},
	{SMTPUser, "any text", "cloudhub", "", false, "dev, worker", "Who signs in there. Empty: nobody does.", anything},
	{SMTPPassword, "any text", "a-long-random-text", "", true, "dev, worker", "With this password. A server of CloudHub never gets it.", anything},
	{SMTPTLS, "starttls, implicit or none", "implicit", "starttls", false, "dev, worker", "How the connection to it is protected: STARTTLS, which is demanded; TLS from the first byte (port 465); or not at all, which only a server on the same machine may be.", smtpTLS},
	{MailFrom, "e-mail address, with a name or without", "CloudHub <cloudhub@example.com>", "", false, "dev, server, worker", "Who e-mails are from. Give it to servers and workers alike: with it people can choose e-mail as a destination.", mailAddress},
	{TrialDays, "whole number, 0 to 365", "30", "30", false, "dev, server", "Days of the pro plan for a person's first organization.", days},
	{LogLevel, "debug, info, warn or error", "info", "info", false, "all", "How much is logged.", logLevel},
	{Traces, "off, otlp or file:PATH", "otlp", "off", false, "dev, server, worker", "Where traces go. `otlp`: by HTTP, to the address and with the headers of the standard `OTEL_EXPORTER_OTLP_…` settings. `file:PATH`: a JSON object for each span.", traces},
	{SimToken, "any text", "a-long-random-text", "", true, "sim", "Guards the simulator's control addresses.", anything},
}

// Values are the settings of this process, checked.
type Values struct{ m map[string]string }

// Load reads the environment. Errors name every bad or unknown setting, with
// its form and an example and without its value when it is a secret.
func Load(environ []string) (Values, error) {
	known := map[string]Setting{}
	v := Values{m: map[string]string{}}
	for _, s := range Table {
		known[s.Name] = s
		v.m[s.Name] = s.Default
	}
	var errs []error
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		name, ours := strings.CutPrefix(name, Prefix)
		if !ours || strings.HasPrefix(name, "TEST_") {
			continue
		}
		s, ok := known[name]
		if !ok {
			errs = append(errs, fmt.Errorf("%s%s is not a setting; did you mean %s%s?", Prefix, name, Prefix, nearest(name)))
			continue
		}
		if err := v.set(s, value); err != nil {
			errs = append(errs, err)
		}
	}
	return v, errors.Join(errs...)
}

func (v Values) set(s Setting, value string) error {
	value = strings.TrimSpace(value)
	if value != "" {
		if err := s.check(value); err != nil {
			shown := strconv.Quote(value)
			if s.Secret {
				shown = "the value (not shown)"
			}
			return fmt.Errorf("%s%s: %s is not a %s, for example %s", Prefix, s.Name, shown, s.Form, s.Example)
		}
		v.m[s.Name] = value
	}
	return nil
}

// Set overrides a setting, as a flag does.
func (v Values) Set(name, value string) error {
	i := slices.IndexFunc(Table, func(s Setting) bool { return s.Name == name })
	if i < 0 {
		return fmt.Errorf("%s is not a setting", name)
	}
	return v.set(Table[i], value)
}

// Get is the value of a setting.
func (v Values) Get(name string) string { return v.m[name] }

// Int is the value of a setting that the table has checked to be a number.
func (v Values) Int(name string) int {
	n, err := strconv.Atoi(v.m[name])
	if err != nil {
		return 0
	}
	return n
}

// Bool is the value of a setting that is true or false.
func (v Values) Bool(name string) bool { return v.m[name] == "true" }

// Need fails when any of the settings is empty, naming all of them.
func (v Values) Need(names ...string) error {
	var errs []error
	for _, n := range names {
		if v.m[n] != "" {
			continue
		}
		i := slices.IndexFunc(Table, func(s Setting) bool { return s.Name == n })
		errs = append(errs, fmt.Errorf("%s%s is needed: a %s, for example %s", Prefix, n, Table[i].Form, Table[i].Example))
	}
	return errors.Join(errs...)
}

// Markdown is the README's table.
func Markdown() string {
	var b strings.Builder
	b.WriteString("| setting | form | default | for | what it does |\n|---|---|---|---|---|\n")
	for _, s := range Table {
		def := s.Default
		if def == "" {
			def = "–"
		} else {
			def = "`" + def + "`"
		}
		secret := ""
		if s.Secret {
			secret = " Secret."
		}
		fmt.Fprintf(&b, "| `%s%s` | %s | %s | %s | %s%s |\n", Prefix, s.Name, s.Form, def, s.For, s.Help, secret)
	}
	return b.String()
}

func anything(string) error { return nil }

func hostPort(s string) error {
	_, port, err := net.SplitHostPort(s)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(port)
	if err != nil || n < 0 || n > 65535 {
		return errors.New("port")
	}
	return nil
}

func httpURL(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return errors.New("address")
	}
	return nil
}

func postgresURL(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return errors.New("address")
	}
	return nil
}

func networks(s string) error {
	for _, n := range strings.Split(s, ",") {
		if _, _, err := net.ParseCIDR(strings.TrimSpace(n)); err != nil {
			return err
		}
	}
	return nil
}

func egressList(s string) error {
	_, err := egress.Parse(s)
	return err
}

func principalARN(s string) error {
	if !awsrole.ValidPrincipal(s) {
		return errors.New("ARN")
	}
	return nil
}

func accessKeyID(s string) error {
	for _, r := range s {
		if (r < 'A' || r > 'Z') && (r < '0' || r > '9') {
			return errors.New("key id")
		}
	}
	if len(s) < 16 || len(s) > 128 {
		return errors.New("key id")
	}
	return nil
}

func hostName(s string) error {
	if strings.ContainsAny(s, " /@") || len(s) > 253 || strings.Contains(s, ":") && net.ParseIP(s) == nil {
		return errors.New("host")
	}
	return nil
}

func port(s string) error {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > 65535 {
		return errors.New("port")
	}
	return nil
}

func smtpTLS(s string) error {
	if !slices.Contains([]string{"starttls", "implicit", "none"}, s) {
		return errors.New("protection")
	}
	return nil
}

func mailAddress(s string) error {
	_, err := mail.ParseAddress(s)
	return err
}

func trueOrFalse(s string) error {
	if s != "true" && s != "false" {
		return errors.New("switch")
	}
	return nil
}

func days(s string) error {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > 365 {
		return errors.New("days")
	}
	return nil
}

func logLevel(s string) error {
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, s) {
		return errors.New("level")
	}
	return nil
}

func traces(s string) error {
	path, file := strings.CutPrefix(s, "file:")
	if file && path != "" || s == "off" || s == "otlp" {
		return nil
	}
	return errors.New("traces")
}

// nearest is the known name that differs in the fewest letters.
func nearest(name string) string {
	best, least := "", 1<<30
	for _, s := range Table {
		if d := distance(name, s.Name); d < least {
			best, least = s.Name, d
		}
	}
	return best
}

func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		prev := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := prev
			if a[i-1] != b[j-1] {
				cost = 1 + min(prev, row[j], row[j-1])
			}
			prev, row[j] = row[j], cost
		}
	}
	return row[len(b)]
}

// Environment is the process's, as Load takes it.
func Environment() []string { return os.Environ() }

// DrainWithin is how long a process may take to stop after SIGTERM.
const DrainWithin = 30 * time.Second

// Copy is a second set of values to change.
func (v Values) Copy() Values { return Values{maps.Clone(v.m)} }
