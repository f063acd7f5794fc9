package activities

import (
	"context"
	"log/slog"

	"github.com/google/uuid"

	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/agenda"
	"github.com/cloudhub/cloudhub/internal/platform/vault"
)

// Reseal seals with the primary key what a replaced one sealed, so that the
// replaced one can be retired.
type Reseal struct {
	accounts accounts
	logger   *slog.Logger
}

// NewReseal makes the activities of the family reseal.
func NewReseal(d Deps) *Reseal {
	return &Reseal{accounts{d.Tenants, d.Opener, d.Clouds}, d.Logger}
}

// resealAtOnce bounds one transaction: its rows are locked while it works, some
// tenths of a millisecond each.
const resealAtOnce = 100

// ResealInput is one batch of what an organization has sealed: credentials after
// After, and then secrets of destinations after AfterSecret.
type ResealInput struct {
	WorkInput
	// Asked is the agenda row's counter at the first batch; 0 reads it.
	Asked       int64     `json:"asked"`
	After       uuid.UUID `json:"after"`
	AfterSecret uuid.UUID `json:"after_secret,omitzero"`
}

// ResealResult says where the next batch begins.
type ResealResult struct {
	Asked       int64     `json:"asked"`
	After       uuid.UUID `json:"after"`
	AfterSecret uuid.UUID `json:"after_secret,omitzero"`
	// Sealed anew, and left because they do not open.
	Sealed int  `json:"sealed"`
	Left   int  `json:"left"`
	More   bool `json:"more"`
}

// SealAnew works off one batch. What does not open is left as it is and logged;
// its account says so too, whenever it is used.
func (r *Reseal) SealAnew(ctx context.Context, in ResealInput) (ResealResult, error) {
	var out ResealResult
	var failures []error
	err := r.accounts.tenants.InTenant(ctx, in.Org, func(q *gen.Queries) (err error) {
		out, failures = ResealResult{Asked: in.Asked, After: in.After, AfterSecret: in.AfterSecret}, nil
		if out.Asked == 0 {
			out.Asked, err = q.Asked(ctx, gen.AskedParams{OrgID: in.Org, Kind: string(agenda.KindReseal), Subject: in.Subject.String()})
			if db.IsNoRows(err) {
				return nil // ended already
			}
			if err != nil {
				return err
			}
		}
		rows, err := q.LockCredentialsToReseal(ctx, gen.LockCredentialsToResealParams{
			OrgID: in.Org, Replaced: r.accounts.opener.Replaced(), AfterID: in.After, RowLimit: resealAtOnce,
		})
		if err != nil {
			return err
		}
		for _, row := range rows {
			out.After = row.CloudAccountID
			if failed, err := r.one(ctx, q, in.Org, row); err != nil {
				return err
			} else if failed != nil {
				failures = append(failures, failed)
				continue
			}
			out.Sealed++
		}
		if out.More = len(rows) == resealAtOnce; out.More {
			return nil
		}
		secrets, err := q.LockDestinationSecretsToReseal(ctx, gen.LockDestinationSecretsToResealParams{
			OrgID: in.Org, Replaced: r.accounts.opener.Replaced(), AfterID: in.AfterSecret, RowLimit: resealAtOnce,
		})
		if err != nil {
			return err
		}
		for _, row := range secrets {
			out.AfterSecret = row.ID
			at := vault.DestinationSecret(in.Org.String(), row.WorkspaceID.String(), row.ID.String(), row.Kind, int(row.SchemaVersion))
			sealed, failed, err := r.anew(vault.Sealed{KeyID: row.KeyID, Ciphertext: row.Ciphertext}, at)
			if failed != nil {
				failures = append(failures, failed)
				continue
			}
			if err == nil {
				err = q.ResealDestinationSecret(ctx, gen.ResealDestinationSecretParams{KeyID: sealed.KeyID, Ciphertext: sealed.Ciphertext, OrgID: in.Org, ID: row.ID})
			}
			if err != nil {
				return err
			}
			out.Sealed++
		}
		if out.More = len(secrets) == resealAtOnce; out.More {
			return nil
		}
		ended, err := q.EndAgenda(ctx, gen.EndAgendaParams{OrgID: in.Org, Kind: string(agenda.KindReseal), Subject: in.Subject.String(), Asked: out.Asked})
		if ended == 0 { // asked anew meanwhile: from the beginning
			out.Asked, out.After, out.AfterSecret, out.More = 0, uuid.Nil, uuid.Nil, true
		}
		return err
	})
	if err != nil {
		return ResealResult{}, err
	}
	out.Left = len(failures)
	for _, failed := range failures {
		r.logger.ErrorContext(ctx, "what a replaced key sealed cannot be sealed anew", "org_id", in.Org, "error", failed)
	}
	if out.Sealed > 0 {
		r.logger.InfoContext(ctx, "sealed anew", "org_id", in.Org, "rows", out.Sealed, "key_id", r.accounts.opener.Sealer().KeyID())
	}
	return out, nil
}

// one answers in failed why a row does not open; err is the database's.
func (r *Reseal) one(ctx context.Context, q *gen.Queries, org uuid.UUID, row gen.LockCredentialsToResealRow) (failed, err error) {
	at := vault.CloudCredential(org.String(), row.WorkspaceID.String(), row.CloudAccountID.String(), int(row.SchemaVersion))
	sealed, failed, err := r.anew(vault.Sealed{KeyID: row.KeyID, Ciphertext: row.Ciphertext}, at)
	if failed != nil || err != nil {
		return failed, err
	}
	return nil, q.ResealCredential(ctx, gen.ResealCredentialParams{KeyID: sealed.KeyID, Ciphertext: sealed.Ciphertext, OrgID: org, CloudAccountID: row.CloudAccountID})
}

// anew answers in failed why a ciphertext does not open.
func (r *Reseal) anew(old vault.Sealed, at vault.Context) (sealed vault.Sealed, failed, err error) {
	secret, failed := r.accounts.opener.Open(old, at)
	if failed != nil {
		return sealed, failed, nil
	}
	defer secret.Wipe()
	sealed, err = r.accounts.opener.Sealer().Seal(secret, at)
	return sealed, nil, err
}
