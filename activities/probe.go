package activities

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/agenda"
	"github.com/cloudhub/cloudhub/internal/cloud"
	"github.com/cloudhub/cloudhub/internal/inventory"
	"github.com/cloudhub/cloudhub/internal/platform/egress"
	"github.com/cloudhub/cloudhub/internal/platform/mail"
	"github.com/cloudhub/cloudhub/internal/platform/vault"
)

// Deps is what activities are made of.
type Deps struct {
	Tenants *db.Tenants
	Opener  *vault.Opener
	Clouds  Clouds
	Logger  *slog.Logger
	// PollEvery says how long to wait between two looks at machines that are
	// changing, by how long they have been; nil means power.PollEvery.
	PollEvery func(since time.Duration) time.Duration
	// WatchFor is how long after acceptance the wanted state may take to be
	// seen; zero means power.WatchFor.
	WatchFor time.Duration
	// Egress says what addresses that tenants give may lead to beside the public
	// internet.
	Egress egress.Policy
	// FetchWithin is for tests that cannot wait for an address that does not
	// answer; zero means 15 s.
	FetchWithin time.Duration
	// DeliverWithin is how long one attempt of a delivery may take; zero means
	// webhook.Timeout.
	DeliverWithin time.Duration
	// Deliverer is the one of this process; nil makes one where it is needed.
	Deliverer *Deliverer
	// Mailer sends e-mail; nil: this installation sends none.
	Mailer *mail.Mailer
	// PublicURL is where people reach the interface; empty: messages have no link.
	PublicURL string
	// Metrics count what ends; nil counts nothing.
	Metrics *Metrics
}

// Probe tries credentials that are not saved yet.
type Probe struct {
	accounts accounts
	logger   *slog.Logger
}

// NewProbe makes the activities of the family probe.
func NewProbe(d Deps) *Probe {
	return &Probe{accounts{d.Tenants, d.Opener, d.Clouds}, d.Logger}
}

// TryCredential probes the draft and writes what it found. The handler that
// waits gives up after ten seconds, so one attempt has eight.
func (p *Probe) TryCredential(ctx context.Context, in WorkInput) error {
	ctx, cancel := context.WithTimeout(ctx, 8*time.Second)
	defer cancel()
	draft, err := p.take(ctx, in)
	if err != nil {
		return err
	}
	if draft == nil {
		return p.end(ctx, in)
	}
	result, state := p.probe(ctx, in.Org, *draft)
	raw, err := json.Marshal(result)
	if err != nil {
		return err
	}
	// What was found out is worth recording although the time is up.
	ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return p.accounts.tenants.InTenant(ctx, in.Org, func(q *gen.Queries) error {
		if _, err := q.FinishDraft(ctx, gen.FinishDraftParams{State: state, Result: raw, OrgID: in.Org, ID: in.Subject, Lease: in.Lease}); err != nil {
			return err
		}
		return q.DeleteAgenda(ctx, agendaKey(in, agenda.KindProbe))
	})
}

// take answers nil when the draft is gone, finished or a newer run has it.
func (p *Probe) take(ctx context.Context, in WorkInput) (*gen.CredentialDraft, error) {
	var draft gen.CredentialDraft
	err := p.accounts.tenants.InTenant(ctx, in.Org, func(q *gen.Queries) (err error) {
		draft, err = q.TakeDraft(ctx, gen.TakeDraftParams{Lease: in.Lease, OrgID: in.Org, ID: in.Subject})
		if err != nil {
			return err
		}
		return takenUp(ctx, q, in, agenda.KindProbe)
	})
	if db.IsNoRows(err) {
		return nil, nil
	}
	return &draft, err
}

func (p *Probe) probe(ctx context.Context, org uuid.UUID, draft gen.CredentialDraft) (inventory.ProbeResult, string) {
	provider, ok := p.accounts.clouds[cloud.Provider(draft.Provider)]
	if !ok {
		return inventory.ProbeResult{Reason: string(cloud.ReasonUnsupported), Detail: draft.Provider}, "refused"
	}
	subject := draft.ID // becomes the account's
	if draft.Replaces != nil {
		subject = *draft.Replaces
	}
	credential, err := p.accounts.unseal(org, draft.WorkspaceID, subject, vault.Sealed{KeyID: draft.KeyID, Ciphertext: draft.Ciphertext}, vault.CloudCredentialSchema)
	if err != nil {
		p.logger.ErrorContext(ctx, "draft does not open", "org_id", org, "draft_id", draft.ID, "error", err)
		return inventory.ProbeResult{Reason: string(cloud.ReasonInvalid)}, "refused"
	}
	found, err := provider.Prober.Probe(ctx, cloud.Account{
		Org: org.String(), Workspace: draft.WorkspaceID.String(), HomeRegion: draft.HomeRegion, Credential: credential,
	})
	if err != nil {
		var e *cloud.Error
		result := inventory.ProbeResult{Reason: string(cloud.ReasonOf(err))}
		if errors.As(err, &e) {
			result.Detail = e.Code
			result.Permission = e.Permission
		}
		p.logger.InfoContext(ctx, "credential refused", "org_id", org, "draft_id", draft.ID, "reason", result.Reason, "code", result.Detail)
		return result, "refused"
	}
	result := inventory.ProbeResult{ExternalID: found.Identity.ExternalID, Principal: found.Identity.Principal, Regions: found.Regions, Simulated: provider.Simulated}
	for _, c := range found.Checks {
		result.Checks = append(result.Checks, inventory.ProbeCheck{Permission: c.Permission, OK: c.OK, Needed: c.Needed, Reason: c.Reason})
	}
	return result, "ok"
}

func (p *Probe) end(ctx context.Context, in WorkInput) error {
	return p.accounts.tenants.InTenant(ctx, in.Org, func(q *gen.Queries) error {
		return q.DeleteAgenda(ctx, agendaKey(in, agenda.KindProbe))
	})
}

func agendaKey(in WorkInput, k agenda.Kind) gen.DeleteAgendaParams {
	return gen.DeleteAgendaParams{OrgID: in.Org, Kind: string(k), Subject: in.Subject.String()}
}
