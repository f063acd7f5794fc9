package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/cloud"
	"github.com/cloudhub/cloudhub/internal/platform/vault"
)

// Cloud is one provider as this installation reaches it.
type Cloud struct {
	Prober cloud.Prober
	// Instances are the adapters of its kinds, in the order in which they are read.
	Instances []cloud.Instances
	// Simulated is true when the operator has set another endpoint than the
	// provider's own: a simulator or an emulator.
	Simulated bool
}

// instances is the adapter of a kind. A batch that was begun before batches named
// their kind is of the first.
func (c Cloud) instances(kind string) (cloud.Instances, bool) {
	i := slices.IndexFunc(c.Instances, func(x cloud.Instances) bool { return kind == "" || x.Kind() == kind })
	if i < 0 {
		return nil, false
	}
	return c.Instances[i], true
}

// Clouds has the adapters that the worker handed over.
type Clouds map[cloud.Provider]Cloud

// Errors of opening an account that no retry mends.
var (
	// ErrAccountGone says that the account was removed meanwhile.
	ErrAccountGone = errors.New("the cloud account was removed")
	// ErrUnreadable says that this installation cannot use what is stored: no
	// key of the ring opens the credential, or no adapter knows the provider.
	ErrUnreadable = errors.New("the stored credential cannot be opened")
)

// accounts opens accounts: the only place where a credential is in the clear,
// for as long as a call needs it.
type accounts struct {
	tenants *db.Tenants
	opener  *vault.Opener
	clouds  Clouds
}

type openAccount struct {
	provider  string
	cloud     Cloud
	account   cloud.Account
	workspace uuid.UUID
}

// unreadableDetail is what a person reads of ErrUnreadable: the vault's own words
// are for the log.
const unreadableDetail = "the stored credential cannot be opened by this installation: enter it again"

// open reads and unseals an account. Errors: ErrAccountGone, ErrUnreadable, or
// the database's.
func (a *accounts) open(ctx context.Context, org, id uuid.UUID) (openAccount, error) {
	var row gen.OpenAccountRow
	err := a.tenants.InTenant(ctx, org, func(q *gen.Queries) (err error) {
		row, err = q.OpenAccount(ctx, gen.OpenAccountParams{OrgID: org, ID: id})
		return err
	})
	if db.IsNoRows(err) {
		return openAccount{}, ErrAccountGone
	}
	if err != nil {
		return openAccount{}, err
	}
	provider, ok := a.clouds[cloud.Provider(row.Provider)]
	if !ok {
		return openAccount{}, fmt.Errorf("%w: no adapter for provider %q", ErrUnreadable, row.Provider)
	}
	credential, err := a.unseal(org, row.WorkspaceID, id, vault.Sealed{KeyID: row.KeyID, Ciphertext: row.Ciphertext}, int(row.SchemaVersion))
	if err != nil {
		return openAccount{}, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	return openAccount{
		provider: row.Provider, cloud: provider, workspace: row.WorkspaceID,
		account: cloud.Account{
			ID: id.String(), ExternalID: row.ExternalID, Org: org.String(), Workspace: row.WorkspaceID.String(),
			HomeRegion: row.HomeRegion, Credential: credential,
		},
	}, nil
}

func (a *accounts) unseal(org, workspace, subject uuid.UUID, sealed vault.Sealed, schema int) (cloud.Credential, error) {
	secret, err := a.opener.Open(sealed, vault.CloudCredential(org.String(), workspace.String(), subject.String(), schema))
	if err != nil {
		return cloud.Credential{}, err
	}
	defer secret.Wipe()
	raw := []byte(secret.Reveal())
	defer clear(raw)
	var c cloud.Credential
	if err := json.Unmarshal(raw, &c); err != nil {
		// The text of a JSON error can quote what it could not read.
		return cloud.Credential{}, errors.New("the credential is not of its schema")
	}
	return c, nil
}
