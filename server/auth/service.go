// Package auth signs people in and out: AuthService, sessions, access tokens.
// It reaches the database as the role identity and knows no tenant data.
package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"net/http"
	"strings"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/types/known/timestamppb"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/access"
	"github.com/cloudhub/cloudhub/internal/platform/rpcerr"
	"github.com/cloudhub/cloudhub/internal/platform/vault"
	"github.com/cloudhub/cloudhub/internal/schedule"
	"github.com/cloudhub/cloudhub/server/audit"
	"github.com/cloudhub/cloudhub/server/request"
	"github.com/cloudhub/cloudhub/server/rpc"
)

// Deps is what the service is made of.
type Deps struct {
	Identity *db.Identity
	Ring     *vault.ServerRing
	Now      func() time.Time
	// Secure: the installation is served over https, and cookies say so.
	Secure bool
	// TrialDays of pro for a person's first organization.
	TrialDays int
	// Registerer of metrics; nil exports none.
	Registerer prometheus.Registerer
}

// Service implements AuthService.
type Service struct {
	identity  *db.Identity
	passwords *passwords
	tokens    *tokens
	sessions  *sessions
	now       func() time.Time
	secure    bool
	trialDays int
	tries     *prometheus.CounterVec
}

// New makes the service.
func New(d Deps) (*Service, error) {
	p, err := newPasswords()
	if err != nil {
		return nil, err
	}
	return &Service{
		identity: d.Identity, passwords: p, tokens: &tokens{d.Ring, d.Now}, sessions: &sessions{d.Identity, d.Ring, d.Now},
		now: d.Now, secure: d.Secure, trialDays: d.TrialDays, tries: newTriesMetric(d.Registerer),
	}, nil
}

// Authenticate is the gate's: it reads who holds an access token.
func (s *Service) Authenticate() rpc.Authenticate { return s.authenticate }

// defaultZone is where most people who register live.
const defaultZone = "America/Sao_Paulo"

// Register makes a person, his organization and its first workspace.
func (s *Service) Register(ctx context.Context, req *v1.RegisterRequest) (*v1.RegisterResponse, error) {
	email := strings.TrimSpace(req.GetEmail())
	name, err := request.Name(req.GetName())
	if err != nil {
		return nil, err
	}
	zone := req.GetTimeZone()
	if zone == "" {
		zone = defaultZone
	}
	if err := (schedule.Rule{Stop: schedule.Minutes(1), Weekdays: []time.Weekday{0}, Zone: zone}).Validate(); err != nil {
		return nil, rpcerr.Invalid(rpcerr.ReasonTimeZoneUnknown, "time_zone", "use an IANA name such as America/Sao_Paulo", "zone", zone)
	}
	if weak(req.GetPassword(), email, name) {
		return nil, rpcerr.Invalid(rpcerr.ReasonPasswordTooWeak, "password", "use at least 15 characters that are not only your name or e-mail")
	}
	hash, err := s.passwords.hash(ctx, req.GetPassword())
	if err != nil {
		return nil, err
	}
	p, err := newPerson(email, name, zone, hash, req.GetLocale())
	if err != nil {
		return nil, err
	}
	var started session
	err = s.identity.Tx(ctx, func(q *gen.Queries) (err error) {
		if err = s.insertPerson(ctx, q, p); err != nil {
			return err
		}
		started, err = s.sessions.start(ctx, q, p.user.ID, false)
		return err
	})
	if db.ViolatesUnique(err, "users_email_key_key") {
		return nil, rpcerr.Invalid(rpcerr.ReasonEmailTaken, "email", "there is an account with this e-mail")
	}
	if err != nil {
		return nil, err
	}
	s.rememberDevice(ctx, gen.User{ID: p.user.ID, PasswordHash: hash}, nil)
	token, err := s.hand(ctx, started)
	return &v1.RegisterResponse{AccessToken: token}, err
}

// person is the rows of a registration.
type person struct {
	user     gen.InsertUserParams
	org, ws  uuid.UUID
	timeZone string
}

func newPerson(email, name, zone, hash, locale string) (person, error) {
	var ids [3]uuid.UUID
	for i := range ids {
		id, err := uuid.NewV7()
		if err != nil {
			return person{}, err
		}
		ids[i] = id
	}
	salt := make([]byte, 16)
	if _, err := rand.Read(salt); err != nil {
		return person{}, err
	}
	actor := sha256.Sum256(append(salt, ids[0][:]...))
	if locale == "" {
		locale = "pt-BR"
	}
	return person{
		user: gen.InsertUserParams{ID: ids[0], Email: email, EmailKey: strings.ToLower(email), Name: name, Locale: locale, PasswordHash: hash, ActorHash: actor[:]},
		org:  ids[1], ws: ids[2], timeZone: zone,
	}, nil
}

func (s *Service) insertPerson(ctx context.Context, q *gen.Queries, p person) error {
	if err := q.InsertUser(ctx, p.user); err != nil {
		return err
	}
	until := s.now().Add(time.Duration(s.trialDays) * 24 * time.Hour)
	if err := q.InsertOrganization(ctx, gen.InsertOrganizationParams{
		ID: p.org, Name: p.user.Name, PersonalOf: &p.user.ID, Plan: string(access.Pro), PlanUntil: &until,
	}); err != nil {
		return err
	}
	if err := q.InsertMembership(ctx, gen.InsertMembershipParams{OrgID: p.org, UserID: p.user.ID, Role: string(access.Owner), Name: p.user.Name}); err != nil {
		return err
	}
	if err := q.InsertWorkspace(ctx, gen.InsertWorkspaceParams{OrgID: p.org, ID: p.ws, Name: "Default", TimeZone: p.timeZone}); err != nil {
		return err
	}
	return audit.WriteAs(ctx, q, p.user.ActorHash, audit.Entry{
		Org: p.org, Action: "organization.create", SubjectKind: "organization", SubjectID: p.org.String(),
		After: map[string]any{"plan": access.Pro, "plan_until": until, "workspace_id": p.ws},
	})
}

// Login signs a person in.
func (s *Service) Login(ctx context.Context, req *v1.LoginRequest) (*v1.LoginResponse, error) {
	key := strings.ToLower(strings.TrimSpace(req.GetEmail()))
	user, err := s.identity.Read().UserByEmail(ctx, key)
	if err != nil && !db.IsNoRows(err) {
		return nil, err
	}
	device := s.device(ctx, user)
	tries := triesOf(ctx, key, device)
	locked, err := s.countTry(ctx, tries)
	if err != nil {
		return nil, err
	}
	// Unknown, locked, suspended or wrong: the same work, the same answer.
	ok, err := s.passwords.verify(ctx, user.PasswordHash, req.GetPassword())
	if err != nil {
		return nil, err
	}
	if !ok || locked || user.SuspendedAt != nil {
		s.tries.WithLabelValues(refusedAs(locked)).Inc()
		return nil, rpcerr.New(rpcerr.ReasonBadCredentials)
	}
	var started session
	err = s.identity.Tx(ctx, func(q *gen.Queries) (err error) {
		if started, err = s.sessions.start(ctx, q, user.ID, req.GetRemember()); err != nil {
			return err
		}
		if err = s.forgetTries(ctx, q, tries); err != nil {
			return err
		}
		return auditPerson(ctx, q, user.ID, "session.sign_in", started.id)
	})
	if err != nil {
		return nil, err
	}
	s.tries.WithLabelValues(tryPassed).Inc()
	s.rememberDevice(ctx, user, device)
	token, err := s.hand(ctx, started)
	return &v1.LoginResponse{AccessToken: token}, err
}

// RefreshSession trades the cookie for a new access token and a new cookie.
func (s *Service) RefreshSession(ctx context.Context, _ *v1.RefreshSessionRequest) (*v1.RefreshSessionResponse, error) {
	got, err := s.sessions.refresh(ctx, s.cookie(ctx, s.cookieName("rt")))
	if err != nil {
		if rpcerr.ReasonOf(err) == rpcerr.ReasonSessionEnded {
			s.setCookie(ctx, s.cookieName("rt"), "", -1)
		}
		return nil, err
	}
	token, err := s.hand(ctx, got)
	return &v1.RefreshSessionResponse{AccessToken: token}, err
}

// Logout ends the cookie's session.
func (s *Service) Logout(ctx context.Context, _ *v1.LogoutRequest) (*v1.LogoutResponse, error) {
	if err := s.sessions.revoke(ctx, s.cookie(ctx, s.cookieName("rt"))); err != nil {
		return nil, err
	}
	s.setCookie(ctx, s.cookieName("rt"), "", -1)
	return &v1.LogoutResponse{}, nil
}

// hand gives the person what he holds: the access token in the answer, the
// refresh token in a cookie that no script can read.
func (s *Service) hand(ctx context.Context, got session) (*v1.AccessToken, error) {
	token, expires, err := s.tokens.issue(got.user, got.id)
	if err != nil {
		return nil, err
	}
	s.setCookie(ctx, s.cookieName("rt"), got.refresh, int(got.idle.Seconds()))
	return &v1.AccessToken{Token: token, ExpireTime: timestamppb.New(expires)}, nil
}

// cookieName of the refresh token ("rt") and the known device ("kd").
func (s *Service) cookieName(short string) string {
	if s.secure {
		return "__Host-" + short
	}
	return short // __Host- needs https
}

func (s *Service) setCookie(ctx context.Context, name, value string, maxAge int) {
	info, ok := connect.CallInfoForHandlerContext(ctx)
	if !ok {
		return
	}
	c := http.Cookie{Name: name, Value: value, Path: "/", MaxAge: maxAge, Secure: s.secure, HttpOnly: true, SameSite: http.SameSiteStrictMode}
	info.ResponseHeader().Add("Set-Cookie", c.String())
}

func (s *Service) cookie(ctx context.Context, name string) string {
	info, ok := connect.CallInfoForHandlerContext(ctx)
	if !ok {
		return ""
	}
	r := http.Request{Header: http.Header{"Cookie": info.RequestHeader().Values("Cookie")}}
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}
