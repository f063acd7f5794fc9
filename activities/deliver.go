package activities

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/event"
	"github.com/cloudhub/cloudhub/internal/platform/egress"
	"github.com/cloudhub/cloudhub/internal/platform/mail"
	"github.com/cloudhub/cloudhub/internal/platform/rpcerr"
	"github.com/cloudhub/cloudhub/internal/platform/vault"
	"github.com/cloudhub/cloudhub/internal/webhook"
)

// Deliverer sends deliveries, one attempt each, and remembers the secrets that it has
// opened. Both the worker's loop and the workflow of a destination use it.
type Deliverer struct {
	tenants *db.Tenants
	opener  *vault.Opener
	client  *http.Client
	mailer  *mail.Mailer // nil: no mail server
	public  string       // where the interface is; "" when nobody has said
	within  time.Duration
	logger  *slog.Logger

	mu      sync.Mutex
	opened  map[uuid.UUID]*opened // by destination
	openers sync.Mutex            // one at a time reads secrets, or a burst reads the same ones again and again
}

// opened are the secrets of a destination at a version of it.
type opened struct {
	version int64
	at      time.Time
	signers []expiring
	headers map[string]string // by name in lower case
	url     string
	failed  string // why they do not open
}

type expiring struct {
	signer webhook.Signer
	until  time.Time // zero: without end
}

const (
	// rememberSecrets bounds how long an opened secret stays in memory, and how many
	// destinations' do.
	rememberSecrets = 10 * time.Minute
	mostRemembered  = 20_000
	idleConnections = 16
)

// NewDeliverer makes one.
func NewDeliverer(d Deps) *Deliverer {
	within := cmp.Or(d.DeliverWithin, webhook.Timeout)
	return &Deliverer{
		tenants: d.Tenants, opener: d.Opener, mailer: d.Mailer, public: d.PublicURL, within: within, logger: d.Logger, opened: map[uuid.UUID]*opened{},
		client: d.Egress.Client(egress.Options{Timeout: within, MaxBody: 1 << 40, IdlePerHost: idleConnections}),
	}
}

// Claimed is one delivery that this process may send until its lease ends.
type Claimed struct {
	Org, Destination, Event uuid.UUID
	Lease                   int64
	Step, Attempts          int
	OrderKey                string
	// Due: the attempt is the schedule's own; a probe of a destination that cools
	// is not.
	Due bool
	// Probe: the breaker is open, and this one tries whether it may close.
	Probe bool
	// What is sent, and where to; nil when it is gone.
	Send *gen.ToSendRow
}

// Load reads what claimed deliveries take to be sent, by q, and opens the secrets of
// their destinations that it does not remember. What is gone meanwhile has no Send.
func (d *Deliverer) Load(ctx context.Context, q *gen.Queries, claimed []Claimed) error {
	var p gen.ToSendParams
	for _, c := range claimed {
		p.OrgIds, p.DestinationIds, p.EventIds = append(p.OrgIds, c.Org), append(p.DestinationIds, c.Destination), append(p.EventIds, c.Event)
	}
	rows, err := q.ToSend(ctx, p)
	if err != nil {
		return err
	}
	type key struct{ destination, event uuid.UUID }
	found := make(map[key]*gen.ToSendRow, len(rows))
	for i := range rows {
		found[key{rows[i].DestinationID, rows[i].EventID}] = &rows[i]
	}
	missing := map[uuid.UUID][]uuid.UUID{}
	versions := map[uuid.UUID]int64{}
	for i := range claimed {
		c := &claimed[i]
		c.Send = found[key{c.Destination, c.Event}]
		if c.Send != nil && versions[c.Destination] == 0 {
			versions[c.Destination] = c.Send.Version
			if d.remembered(c.Destination, c.Send.Version) == nil {
				missing[c.Org] = append(missing[c.Org], c.Destination)
			}
		}
	}
	for org, ids := range missing {
		if err := d.open(ctx, org, ids, versions); err != nil {
			return err
		}
	}
	return nil
}

func (d *Deliverer) remembered(id uuid.UUID, version int64) *opened {
	d.mu.Lock()
	defer d.mu.Unlock()
	o := d.opened[id]
	if o == nil || o.version != version || time.Since(o.at) > rememberSecrets {
		return nil
	}
	return o
}

func (d *Deliverer) open(ctx context.Context, org uuid.UUID, ids []uuid.UUID, versions map[uuid.UUID]int64) error {
	d.openers.Lock()
	defer d.openers.Unlock()
	var rows []gen.DestinationSecretsToOpenRow
	if err := d.tenants.InTenant(ctx, org, func(q *gen.Queries) (err error) {
		rows, err = q.DestinationSecretsToOpen(ctx, gen.DestinationSecretsToOpenParams{OrgID: org, Ids: ids})
		return err
	}); err != nil {
		return err
	}
	made := make(map[uuid.UUID]*opened, len(ids))
	for _, id := range ids {
		made[id] = &opened{version: versions[id], at: time.Now(), headers: map[string]string{}}
	}
	for _, r := range rows {
		at := vault.DestinationSecret(org.String(), r.WorkspaceID.String(), r.ID.String(), r.Kind, int(r.SchemaVersion))
		secret, err := d.opener.Open(vault.Sealed{KeyID: r.KeyID, Ciphertext: r.Ciphertext}, at)
		if err != nil {
			d.logger.ErrorContext(ctx, "a secret of a destination does not open", "org_id", org, "destination_id", r.DestinationID, "error", err)
			made[r.DestinationID].failed = "a secret of this destination does not open"
			continue
		}
		made[r.DestinationID].add(r, strings.Clone(secret.Reveal())) // what it reveals is wiped
		secret.Wipe()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.opened)+len(made) > mostRemembered {
		clear(d.opened)
	}
	for id, o := range made {
		d.opened[id] = o
	}
	return nil
}

func (o *opened) add(r gen.DestinationSecretsToOpenRow, plain string) {
	switch r.Kind {
	case "header":
		o.headers[r.Name] = plain
	case "url":
		o.url = plain
	default:
		signer, err := webhook.ParseSigner(plain)
		if err != nil {
			o.failed = "a signing secret of this destination is not one"
			return
		}
		e := expiring{signer: signer}
		if r.ExpiresAt != nil {
			e.until = *r.ExpiresAt
		}
		o.signers = append(o.signers, e)
	}
}

// present are those that sign now, shared secrets before private keys and the newest
// first.
func (o *opened) present(now time.Time) (out []webhook.Signer) {
	for _, hmac := range []bool{true, false} {
		for _, e := range o.signers {
			if e.signer.IsHMAC() == hmac && (e.until.IsZero() || e.until.After(now)) {
				out = append(out, e.signer)
			}
		}
	}
	return out
}

// Attempt is what came of one try.
type Attempt struct {
	Claimed Claimed
	Class   webhook.Class
	Answer  webhook.Answer
	Reason  rpcerr.Reason // empty when it was accepted
	Error   string
	Started time.Time

	url             string
	requestHeaders  []webhook.Header
	responseHeaders []webhook.Header
	body            []byte
	truncated       bool
	times           *times
}

// times are since the attempt began; 0: not reached.
type times struct {
	mu                              sync.Mutex
	address                         string
	dns, connect, tls, first, total time.Duration
}

// maskedValue stands in the log instead of a secret.
const maskedValue = "••••"

// Send makes one attempt. Whatever happens is a result.
func (d *Deliverer) Send(ctx context.Context, c Claimed) Attempt {
	a := Attempt{Claimed: c, Started: time.Now(), times: &times{}}
	secrets := d.remembered(c.Destination, c.Send.Version)
	if secrets == nil {
		return a.ours("its secrets are not at hand")
	}
	if secrets.failed != "" {
		return a.ours(secrets.failed)
	}
	var config webhook.Config
	if err := json.Unmarshal(c.Send.Config, &config); err != nil {
		return a.ours("its settings cannot be read")
	}
	switch c.Send.Channel {
	case "webhook":
		return d.sendWebhook(ctx, a, config, secrets)
	default:
		return d.sendOther(ctx, a, config, secrets)
	}
}

func (a Attempt) ours(why string) Attempt {
	a.Answer.Ours = true
	a.Class, a.Reason, a.Error = webhook.Ours, rpcerr.ReasonDeliveryNotSent, why
	return a
}

// Body is what is sent of an event, byte for byte the same each time.
func Body(row *gen.ToSendRow) []byte {
	return event.Body(event.Name(row.Type), row.EventWorkspace, row.CreatedAt, row.Data)
}

func (d *Deliverer) sendWebhook(ctx context.Context, a Attempt, config webhook.Config, secrets *opened) Attempt {
	row := a.Claimed.Send
	body := Body(row)
	headers := []webhook.Header{
		{Name: "Content-Type", Value: "application/json"},
		{Name: "User-Agent", Value: "CloudHub-Webhooks/1.0"},
		{Name: "X-CloudHub-Event", Value: row.Type},
	}
	headers = append(headers, webhook.Signed(secrets.present(a.Started), webhook.MessageID(row.EventID), a.Started, body)...)
	for _, h := range config.Headers {
		if h.Secret {
			h.Value = secrets.headers[strings.ToLower(h.Name)]
		}
		headers = append(headers, h)
	}
	return d.post(ctx, a, config.URL, config.URL, headers, body)
}

// post sends and reads the answer; shown is the address as the log may have it.
func (d *Deliverer) post(ctx context.Context, a Attempt, address, shown string, headers []webhook.Header, body []byte) Attempt {
	a.url = shown
	for _, h := range headers {
		if h.Secret {
			h.Value, h.Secret = maskedValue, false
		}
		a.requestHeaders = append(a.requestHeaders, h)
	}
	req, err := http.NewRequestWithContext(a.traced(ctx), http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return a.failed(webhook.Answer{}, rpcerr.ReasonAddressRefused, "it is not an address")
	}
	for _, h := range headers {
		req.Header.Set(h.Name, h.Value)
	}
	res, err := d.client.Do(req)
	if err != nil {
		return a.unreachable(err)
	}
	defer func() { _ = res.Body.Close() }()
	a.read(res)
	answer := webhook.Answer{Status: res.StatusCode, RetryAfter: webhook.RetryAfter(res.Header.Get("Retry-After"), time.Now())}
	switch class := webhook.Classify(answer); {
	case class == webhook.Accepted:
		a.Answer = answer
		return a
	case class == webhook.Gone:
		return a.failed(answer, rpcerr.ReasonDeliveryGone, res.Status)
	case class == webhook.Busy:
		return a.failed(answer, rpcerr.ReasonDeliveryBusy, res.Status)
	case res.StatusCode >= 300 && res.StatusCode < 400:
		return a.failed(answer, rpcerr.ReasonDeliveryRedirected, res.Status)
	default:
		return a.failed(answer, rpcerr.ReasonDeliveryRefused, res.Status)
	}
}

func (a Attempt) failed(answer webhook.Answer, reason rpcerr.Reason, why string) Attempt {
	a.Answer, a.Class, a.Reason, a.Error = answer, webhook.Classify(answer), reason, clean(why)
	a.times.set(&a.times.total, a.Started)
	return a
}

// unreachable says why no answer came.
func (a Attempt) unreachable(err error) Attempt {
	var netErr net.Error
	var record tls.RecordHeaderError
	var certificate *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	var dns *net.DNSError
	if why, refused := egress.Refusal(err); refused {
		return a.failed(webhook.Answer{}, rpcerr.ReasonAddressRefused, why)
	}
	var wrapped *url.Error
	text := err.Error()
	if errors.As(err, &wrapped) {
		text = wrapped.Err.Error() // without the address, which may hold a secret
	}
	switch {
	case errors.As(err, &dns):
		return a.failed(webhook.Answer{TimedOut: dns.IsTimeout}, rpcerr.ReasonDeliveryUnreachable, "the name "+dns.Name+" does not resolve")
	case errors.As(err, &netErr) && netErr.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return a.failed(webhook.Answer{TimedOut: true}, rpcerr.ReasonDeliveryTimeout, "no answer in time")
	case errors.Is(err, context.Canceled):
		return a.ours("this worker was stopped")
	case errors.As(err, &record), errors.As(err, &certificate), errors.As(err, &unknown), strings.Contains(text, "tls: "), strings.Contains(text, "x509: "):
		return a.failed(webhook.Answer{}, rpcerr.ReasonDeliveryTls, text)
	default:
		return a.failed(webhook.Answer{}, rpcerr.ReasonDeliveryUnreachable, text)
	}
}

// read keeps the beginning of an answer. What comes later, or too late, is not waited
// for: the status has decided.
func (a *Attempt) read(res *http.Response) {
	a.times.set(&a.times.total, a.Started)
	for _, name := range slices.Sorted(headerNames(res.Header)) {
		for _, v := range res.Header[name] {
			if len(a.responseHeaders) < 100 {
				a.responseHeaders = append(a.responseHeaders, webhook.Header{Name: clip(clean(name), 200), Value: clip(clean(v), 2000)})
			}
		}
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, webhook.KeptBody+1))
	a.truncated = err != nil || len(body) > webhook.KeptBody
	a.body = body[:min(len(body), webhook.KeptBody)]
	a.times.set(&a.times.total, a.Started)
}

func headerNames(h http.Header) func(func(string) bool) {
	return func(yield func(string) bool) {
		for name := range h {
			if !yield(name) {
				return
			}
		}
	}
}

func clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, ""), "\x00", "")
}

func (t *times) set(field *time.Duration, began time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	*field = time.Since(began)
}

func (a Attempt) traced(ctx context.Context) context.Context {
	t, began := a.times, a.Started
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(i httptrace.GotConnInfo) {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.address = i.Conn.RemoteAddr().String()
		},
		DNSDone:              func(httptrace.DNSDoneInfo) { t.set(&t.dns, began) },
		ConnectDone:          func(string, string, error) { t.set(&t.connect, began) },
		TLSHandshakeDone:     func(tls.ConnectionState, error) { t.set(&t.tls, began) },
		GotFirstResponseByte: func() { t.set(&t.first, began) },
	})
}

// random is in [0, 1).
func random() float64 { return rand.Float64() }
