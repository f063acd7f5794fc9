package webhook

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/agenda"
	"github.com/cloudhub/cloudhub/internal/platform/rpcerr"
	"github.com/cloudhub/cloudhub/internal/platform/vault"
	"github.com/cloudhub/cloudhub/internal/webhook"
	"github.com/cloudhub/cloudhub/server/audit"
	"github.com/cloudhub/cloudhub/server/request"
	"github.com/cloudhub/cloudhub/server/rpc"
)

// CreateDestination makes one. The signing secret of a webhook is answered here once.
func (s *Service) CreateDestination(ctx context.Context, req *v1.CreateDestinationRequest) (*v1.CreateDestinationResponse, error) {
	grant := rpc.GrantOf(ctx)
	want, err := s.specOf(req.GetSpec())
	if err != nil {
		return nil, err
	}
	for name, value := range want.headers {
		if value == "" {
			return nil, rpcerr.Invalid(rpcerr.ReasonHeaderRefused, "spec.webhook.headers", "a secret header needs a value", "name", name, "why", "it has no value")
		}
	}
	if (want.channel == "slack" || want.channel == "teams") && want.url == "" {
		return nil, rpcerr.Invalid(rpcerr.ReasonAddressRefused, "spec."+want.channel+".url", "it is missing", "why", "it is missing")
	}
	fresh, err := uuid.NewV7()
	if err != nil {
		return nil, err
	}
	k, err := newKeys(want.config.Ed25519)
	if err != nil {
		return nil, err
	}
	out := &v1.CreateDestinationResponse{}
	err = s.Tenants.InTenant(ctx, grant.Org, func(q *gen.Queries) error {
		id := fresh
		out.Secret = ""
		earlier, err := request.Once(ctx, q, "CreateDestination", req.GetRequestId(), req, id)
		switch {
		case err != nil:
			return err
		case earlier != nil:
			id = *earlier
		default:
			if err := s.insert(ctx, q, id, want, k); err != nil {
				return err
			}
			if want.channel == "webhook" {
				out.Secret = k.secret
			}
		}
		out.Destination, err = s.one(ctx, q, id)
		return err
	})
	if err != nil {
		return nil, nameTaken(err)
	}
	return out, nil
}

func nameTaken(err error) error {
	if db.ViolatesUnique(err, "destinations_name") {
		return rpcerr.Invalid(rpcerr.ReasonValidation, "spec.name", "another destination has this name")
	}
	return err
}

func (s *Service) insert(ctx context.Context, q *gen.Queries, id uuid.UUID, want spec, k keys) error {
	grant := rpc.GrantOf(ctx)
	if _, err := q.LockOrganization(ctx, grant.Org); err != nil {
		return err
	}
	n, err := q.CountDestinations(ctx, gen.CountDestinationsParams{OrgID: grant.Org, WorkspaceID: grant.Workspace, Channel: want.channel})
	if err != nil {
		return err
	}
	if n >= webhook.MostDestinations {
		return rpcerr.New(rpcerr.ReasonLimitReached, "limit", strconv.Itoa(webhook.MostDestinations))
	}
	want.config.PublicKey = k.public
	raw, err := json.Marshal(want.config)
	if err != nil {
		return err
	}
	if err := q.InsertDestination(ctx, gen.InsertDestinationParams{
		OrgID: grant.Org, WorkspaceID: grant.Workspace, ID: id, Channel: want.channel, Name: want.name, Description: want.description,
		Config: raw, Events: want.events, Ordering: want.ordering, RatePerSecond: want.rate,
	}); err != nil {
		return err
	}
	if want.channel == "webhook" {
		if err := s.sealKeys(ctx, q, id, k); err != nil {
			return err
		}
	}
	if err := s.sealRest(ctx, q, id, want); err != nil {
		return err
	}
	return write(ctx, q, "destination.create", id, nil, described(want))
}

func (s *Service) sealKeys(ctx context.Context, q *gen.Queries, id uuid.UUID, k keys) error {
	if err := s.seal(ctx, q, id, kindSigning, "", k.secret, webhook.Hint(k.secret)); err != nil || k.private == "" {
		return err
	}
	return s.seal(ctx, q, id, kindEd25519, "", k.private, "")
}

// sealRest seals the values that a request gave of secret headers and of a chat's
// address, in place of those before.
func (s *Service) sealRest(ctx context.Context, q *gen.Queries, id uuid.UUID, want spec) error {
	grant := rpc.GrantOf(ctx)
	kept := []string{}
	for name, value := range want.headers {
		if value == "" {
			kept = append(kept, name)
		}
	}
	if err := q.DeleteDestinationSecrets(ctx, gen.DeleteDestinationSecretsParams{OrgID: grant.Org, DestinationID: id, Kind: kindHeader, KeepNames: kept}); err != nil {
		return err
	}
	for name, value := range want.headers {
		if value == "" {
			continue
		}
		if err := s.seal(ctx, q, id, kindHeader, name, value, ""); err != nil {
			return err
		}
	}
	if want.url == "" {
		return nil
	}
	if err := q.DeleteDestinationSecrets(ctx, gen.DeleteDestinationSecretsParams{OrgID: grant.Org, DestinationID: id, Kind: kindURL, KeepNames: []string{}}); err != nil {
		return err
	}
	host := strings.TrimPrefix(want.url[strings.Index(want.url, "//")+2:], "")
	if i := strings.IndexAny(host, "/?"); i >= 0 {
		host = host[:i]
	}
	return s.seal(ctx, q, id, kindURL, "", want.url, webhook.URLHint(host, want.url))
}

func (s *Service) seal(ctx context.Context, q *gen.Queries, destination uuid.UUID, kind, name, value, hint string) error {
	grant := rpc.GrantOf(ctx)
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	at := vault.DestinationSecret(grant.Org.String(), grant.Workspace.String(), id.String(), kind, vault.DestinationSecretSchema)
	sealed, err := s.Sealer.Seal(vault.NewSecret(value), at)
	if err != nil {
		return err
	}
	return q.InsertDestinationSecret(ctx, gen.InsertDestinationSecretParams{
		OrgID: grant.Org, WorkspaceID: grant.Workspace, DestinationID: destination, ID: id, Kind: kind, Name: name, SchemaVersion: vault.DestinationSecretSchema,
		KeyID: sealed.KeyID, Ciphertext: sealed.Ciphertext, Hint: hint,
	})
}

// UpdateDestination replaces what a person has set.
func (s *Service) UpdateDestination(ctx context.Context, req *v1.UpdateDestinationRequest) (*v1.UpdateDestinationResponse, error) {
	want, err := s.specOf(req.GetSpec())
	if err != nil {
		return nil, err
	}
	k, err := newKeys(true)
	if err != nil {
		return nil, err
	}
	out := &v1.UpdateDestinationResponse{}
	out.Destination, err = s.change(ctx, req.GetDestinationId(), req.GetEtag(), func(q *gen.Queries, row gen.Destination) error {
		return s.update(ctx, q, row, want, k)
	})
	if err != nil {
		return nil, nameTaken(err)
	}
	return out, nil
}

func (s *Service) update(ctx context.Context, q *gen.Queries, row gen.Destination, want spec, k keys) error {
	if row.Channel != want.channel {
		return rpcerr.Invalid(rpcerr.ReasonValidation, "spec", "a destination stays what it is: make another")
	}
	var had webhook.Config
	if err := json.Unmarshal(row.Config, &had); err != nil {
		return err
	}
	secret := map[string]bool{}
	for _, h := range had.Headers {
		secret[strings.ToLower(h.Name)] = h.Secret
	}
	for name, value := range want.headers {
		if value == "" && !secret[name] {
			return rpcerr.Invalid(rpcerr.ReasonHeaderRefused, "spec.webhook.headers", "a secret header needs a value", "name", name, "why", "it has no value")
		}
	}
	switch {
	case want.config.Ed25519 && had.PublicKey == "":
		want.config.PublicKey = k.public
		if err := s.seal(ctx, q, row.ID, kindEd25519, "", k.private, ""); err != nil {
			return err
		}
	case want.config.Ed25519:
		want.config.PublicKey = had.PublicKey
	case had.PublicKey != "":
		if err := q.DeleteDestinationSecrets(ctx, gen.DeleteDestinationSecretsParams{OrgID: row.OrgID, DestinationID: row.ID, Kind: kindEd25519, KeepNames: []string{}}); err != nil {
			return err
		}
	}
	if err := s.sealRest(ctx, q, row.ID, want); err != nil {
		return err
	}
	raw, err := json.Marshal(want.config)
	if err != nil {
		return err
	}
	if err := q.UpdateDestination(ctx, gen.UpdateDestinationParams{
		Name: want.name, Description: want.description, Config: raw, Events: want.events, Ordering: want.ordering, RatePerSecond: want.rate, OrgID: row.OrgID, ID: row.ID,
	}); err != nil {
		return err
	}
	if err := q.TouchDestination(ctx, gen.TouchDestinationParams{OrgID: row.OrgID, ID: row.ID}); err != nil {
		return err
	}
	before := map[string]any{"name": row.Name, "url": had.URL, "events": row.Events, "ordering": row.Ordering, "rate_per_second": row.RatePerSecond}
	return write(ctx, q, "destination.update", row.ID, before, described(want))
}

// change locks a destination, changes it and answers how it is then. Errors:
// NOT_FOUND, CONFLICT.
func (s *Service) change(ctx context.Context, given, etag string, edit func(*gen.Queries, gen.Destination) error) (out *v1.Destination, err error) {
	grant := rpc.GrantOf(ctx)
	id, err := request.ID(given)
	if err != nil {
		return nil, err
	}
	err = s.Tenants.InTenant(ctx, grant.Org, func(q *gen.Queries) error {
		row, err := q.LockDestination(ctx, gen.LockDestinationParams{OrgID: grant.Org, WorkspaceID: grant.Workspace, ID: id})
		if db.IsNoRows(err) {
			return rpcerr.NotFound()
		}
		if err != nil {
			return err
		}
		if etag != "" && etag != strconv.FormatInt(row.Version, 36) {
			return rpcerr.New(rpcerr.ReasonConflict)
		}
		if err := edit(q, row); err != nil {
			return err
		}
		out, err = s.one(ctx, q, id)
		return err
	})
	return out, err
}

// DeleteDestination removes one with what was sent to it.
func (s *Service) DeleteDestination(ctx context.Context, req *v1.DeleteDestinationRequest) (*v1.DeleteDestinationResponse, error) {
	grant := rpc.GrantOf(ctx)
	id, err := request.ID(req.GetDestinationId())
	if err != nil {
		return nil, err
	}
	err = s.Tenants.InTenant(ctx, grant.Org, func(q *gen.Queries) error {
		n, err := q.DeleteDestination(ctx, gen.DeleteDestinationParams{OrgID: grant.Org, WorkspaceID: grant.Workspace, ID: id})
		if err != nil {
			return err
		}
		if n == 0 {
			return rpcerr.NotFound()
		}
		return write(ctx, q, "destination.delete", id, nil, nil)
	})
	if err != nil {
		return nil, err
	}
	return &v1.DeleteDestinationResponse{}, nil
}

// PauseDestination holds what would be sent.
func (s *Service) PauseDestination(ctx context.Context, req *v1.PauseDestinationRequest) (*v1.PauseDestinationResponse, error) {
	d, err := s.change(ctx, req.GetDestinationId(), "", func(q *gen.Queries, row gen.Destination) error {
		if row.PausedAt != nil {
			return nil
		}
		if err := q.PauseDestination(ctx, gen.PauseDestinationParams{ByName: rpc.GrantOf(ctx).Name, OrgID: row.OrgID, ID: row.ID}); err != nil {
			return err
		}
		if err := q.HoldDeliveries(ctx, gen.HoldDeliveriesParams{OrgID: row.OrgID, DestinationID: row.ID}); err != nil {
			return err
		}
		return write(ctx, q, "destination.pause", row.ID, nil, nil)
	})
	if err != nil {
		return nil, err
	}
	return &v1.PauseDestinationResponse{Destination: d}, nil
}

// ResumeDestination sends again what comes from now on.
func (s *Service) ResumeDestination(ctx context.Context, req *v1.ResumeDestinationRequest) (*v1.ResumeDestinationResponse, error) {
	d, err := s.change(ctx, req.GetDestinationId(), "", func(q *gen.Queries, row gen.Destination) error {
		if row.PausedAt == nil && row.DisabledAt == nil {
			return nil
		}
		if err := q.ResumeDestination(ctx, gen.ResumeDestinationParams{OrgID: row.OrgID, ID: row.ID}); err != nil {
			return err
		}
		if err := write(ctx, q, "destination.resume", row.ID, map[string]any{"disabled_reason": deref(row.DisabledReason)}, nil); err != nil {
			return err
		}
		return askIfRetries(ctx, q, row)
	})
	if err != nil {
		return nil, err
	}
	return &v1.ResumeDestinationResponse{Destination: d}, nil
}

// askIfRetries has the workflow look again where anything waits to be sent again.
func askIfRetries(ctx context.Context, q *gen.Queries, row gen.Destination) error {
	has, err := q.HasRetries(ctx, gen.HasRetriesParams{OrgID: row.OrgID, DestinationID: row.ID})
	if err != nil || !has {
		return err
	}
	return ask(ctx, q, row)
}

// ask stands in the background lane, where the loop's own asking puts it.
func ask(ctx context.Context, q *gen.Queries, row gen.Destination) error {
	return request.AskIn(ctx, q, row.OrgID, agenda.KindDestination, agenda.LaneBackground, row.ID, uuid.Nil)
}

// defaultOverlap is how long a replaced secret signs when nobody says otherwise.
const defaultOverlap = 24 * time.Hour

// RotateSecret makes another signing secret; the present one signs on for a while.
func (s *Service) RotateSecret(ctx context.Context, req *v1.RotateSecretRequest) (*v1.RotateSecretResponse, error) {
	overlap := defaultOverlap
	if req.GetOverlap() != nil {
		overlap = req.GetOverlap().AsDuration()
	}
	k, err := newKeys(false)
	if err != nil {
		return nil, err
	}
	d, err := s.change(ctx, req.GetDestinationId(), "", func(q *gen.Queries, row gen.Destination) error {
		if row.Channel != "webhook" {
			return rpcerr.NotFound()
		}
		if err := q.ExpireDestinationSecrets(ctx, gen.ExpireDestinationSecretsParams{
			OverlapSeconds: overlap.Seconds(), OrgID: row.OrgID, DestinationID: row.ID, Kind: kindSigning,
		}); err != nil {
			return err
		}
		if err := s.sealKeys(ctx, q, row.ID, k); err != nil {
			return err
		}
		if err := q.TouchDestination(ctx, gen.TouchDestinationParams{OrgID: row.OrgID, ID: row.ID}); err != nil {
			return err
		}
		return write(ctx, q, "destination.rotate_secret", row.ID, nil, map[string]any{"overlap_seconds": int64(overlap.Seconds())})
	})
	if err != nil {
		return nil, err
	}
	return &v1.RotateSecretResponse{Destination: d, Secret: k.secret}, nil
}

// described is what the audit keeps: no secret, and no value of a header.
func described(want spec) map[string]any {
	out := map[string]any{"name": want.name, "channel": want.channel, "events": want.events, "ordering": want.ordering, "rate_per_second": want.rate}
	if want.config.URL != "" {
		out["url"] = want.config.URL
	}
	if len(want.config.Recipients) > 0 {
		out["recipients"] = len(want.config.Recipients)
	}
	names := []string{}
	for _, h := range want.config.Headers {
		names = append(names, h.Name)
	}
	if len(names) > 0 {
		out["headers"] = names
	}
	return out
}

func write(ctx context.Context, q *gen.Queries, action string, id uuid.UUID, before, after map[string]any) error {
	grant := rpc.GrantOf(ctx)
	e := audit.Entry{Org: grant.Org, Workspace: grant.Workspace, Action: action, SubjectKind: "destination", SubjectID: id.String()}
	if before != nil {
		e.Before = before
	}
	if after != nil {
		e.After = after
	}
	return audit.Write(ctx, q, e)
}
