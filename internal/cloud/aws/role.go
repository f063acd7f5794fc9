package aws

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/google/uuid"
	"golang.org/x/sync/singleflight"

	"github.com/cloudhub/cloudhub/internal/awsrole"
	"github.com/cloudhub/cloudhub/internal/cloud"
)

const (
	opAssume = "AssumeRole"
	// accessDenied is the one answer that says that a trust policy says no.
	accessDenied = "AccessDenied"

	// sessionFor is asked of STS; every role allows an hour, the least is 15 min.
	sessionFor = 30 * time.Minute
	// renewBefore the end a session is replaced. A call may stand in line for
	// Budget.MaxWait after it was signed in, and clocks differ.
	renewBefore = 5 * time.Minute
	// lastUse before the end a session may still serve when STS cannot be asked.
	lastUse = 2 * time.Minute
	// assumeWithin bounds the asking, which several calls may be waiting for.
	assumeWithin = 15 * time.Second
	maxSessions  = 4096
)

// Principal is the installation's own AWS identity, which customers' roles
// trust. It reaches nothing but those roles.
type Principal struct{ provider aws.CredentialsProvider }

// KeyPrincipal is an access key of an IAM user.
func KeyPrincipal(accessKeyID, secret string) *Principal {
	return &Principal{credentials.NewStaticCredentialsProvider(accessKeyID, secret, "")}
}

// ChainPrincipal is what the SDK's default chain finds: environment, shared
// files, web identity, instance metadata. Nothing is asked of AWS before the
// first role is taken. The error is of malformed shared files.
func ChainPrincipal(ctx context.Context) (*Principal, error) {
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(defaultRegion))
	if err != nil {
		return nil, err
	}
	return &Principal{cfg.Credentials}, nil
}

// session is a role, taken for a while.
type session struct {
	key  aws.Credentials
	ends time.Time
}

func (s session) lasts(now time.Time, d time.Duration) bool { return now.Add(d).Before(s.ends) }

// sessionKey is whose session it is. An account whose role is replaced has
// another one.
type sessionKey struct{ account, role, externalID, name string }

// sessions keeps the sessions of roles, in memory alone and until shortly before
// their end. Many calls of one account share one, and wait together for the
// next.
type sessions struct {
	mu     sync.Mutex
	at     *lru[sessionKey, *slot]
	flight singleflight.Group
}

type slot struct {
	mu  sync.Mutex
	now session
}

func (s *slot) get() session { s.mu.Lock(); defer s.mu.Unlock(); return s.now }

func (s *slot) set(v session) { s.mu.Lock(); defer s.mu.Unlock(); s.now = v }

// drop forgets a session that AWS has refused, unless it is another by now.
func (s *slot) drop(refused session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now.key.AccessKeyID == refused.key.AccessKeyID {
		s.now = session{}
	}
}

func newSessions() *sessions { return &sessions{at: newLRU[sessionKey, *slot](maxSessions)} }

func (s *sessions) slot(k sessionKey) *slot {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at.get(k, func() *slot { return &slot{} })
}

// signIn finds what a call is signed with: the account's key, or a session of
// its role. An error says that the call itself was not sent.
func (a *Adapter) signIn(ctx context.Context, c *call) *cloud.Error {
	given := c.account.Credential
	if given.RoleARN == "" {
		c.signer = credentials.NewStaticCredentialsProvider(given.AccessKeyID, given.SecretAccessKey, given.SessionToken)
		return nil
	}
	held, s, err := a.session(ctx, c.account)
	if err != nil {
		err.Sent = false
		return err
	}
	c.slot, c.session = held, s
	c.signer = credentials.StaticCredentialsProvider{Value: s.key}
	return nil
}

// session answers one that lasts, and where it is kept. The asking is shared: it
// ends neither with the first caller's context nor at his last moment.
func (a *Adapter) session(ctx context.Context, account cloud.Account) (*slot, session, *cloud.Error) {
	k := sessionKey{account.ID, account.Credential.RoleARN, account.Credential.ExternalID, awsrole.SessionName(account.Org, account.Workspace)}
	held := a.sessions.slot(k)
	if s := held.get(); s.lasts(a.clock(), renewBefore) {
		return held, s, nil
	}
	asked := a.sessions.flight.DoChan(k.account+"\n"+k.role+"\n"+k.externalID+"\n"+k.name, func() (any, error) {
		if s := held.get(); s.lasts(a.clock(), renewBefore) {
			return s, nil
		}
		// No deadline, which the gate would take for a last moment.
		ctx, cancel := context.WithCancel(cloud.Detached(ctx))
		defer time.AfterFunc(assumeWithin, cancel).Stop()
		defer cancel()
		s, err := a.assume(ctx, account, account.Credential.ExternalID)
		if err == nil {
			held.set(s)
			return s, nil
		}
		if old := held.get(); err.Reason.Retryable() && old.lasts(a.clock(), lastUse) {
			return old, nil
		}
		return nil, err
	})
	wait := ctx
	if last, ok := cloud.NotAfter(ctx); ok {
		var cancel context.CancelFunc
		wait, cancel = context.WithDeadline(ctx, last)
		defer cancel()
	}
	select {
	case r := <-asked:
		var e *cloud.Error
		if errors.As(r.Err, &e) {
			own := *e // it is shared with others who wait
			return nil, session{}, &own
		}
		return held, r.Val.(session), nil
	case <-wait.Done():
		reason := cloud.ReasonTransient
		if errors.Is(wait.Err(), context.DeadlineExceeded) {
			reason = cloud.ReasonTooLate
		}
		return nil, session{}, &cloud.Error{Reason: reason, Message: "the role's session did not come in time; nothing was sent", Err: wait.Err()}
	}
}

// assume takes a role once, with an external id or, "", without any. That the
// trust policy says no is ReasonUnauthenticated with the code AccessDenied; that
// the installation's own identity is refused or missing, ReasonNoPrincipal.
func (a *Adapter) assume(ctx context.Context, account cloud.Account, externalID string) (session, *cloud.Error) {
	if a.principal == nil {
		return session{}, &cloud.Error{Reason: cloud.ReasonNoPrincipal, Message: "no AWS identity is configured for this installation"}
	}
	own, err := a.principal.provider.Retrieve(ctx)
	if err != nil {
		a.log.ErrorContext(ctx, "the installation's own AWS identity has no credentials", "error", err)
		return session{}, &cloud.Error{Reason: cloud.ReasonNoPrincipal, Message: "the installation's own AWS identity has no credentials", Err: err}
	}
	role := account.Credential.RoleARN
	// STS is asked where every account may ask it: a region must be enabled in the
	// caller's account, and the home region is the customer's. Sessions of a
	// regional endpoint are good everywhere.
	c := &call{account: cloud.Account{ExternalID: awsrole.AccountOf(role)}, region: defaultRegion, op: opAssume}
	in := &sts.AssumeRoleInput{
		RoleArn: aws.String(role), RoleSessionName: aws.String(awsrole.SessionName(account.Org, account.Workspace)),
		DurationSeconds: aws.Int32(int32(sessionFor.Seconds())), Policy: aws.String(awsrole.SessionPolicy()),
	}
	if externalID != "" {
		in.ExternalId = aws.String(externalID)
	}
	out, err := a.sts.AssumeRole(withCall(ctx, c), in, func(o *sts.Options) {
		o.Credentials, o.Region, o.Retryer = credentials.StaticCredentialsProvider{Value: own}, c.region, readRetryer()
	})
	if err != nil {
		e := a.translate(ctx, c, err)
		switch {
		case e.Code == accessDenied:
			e.Reason = cloud.ReasonUnauthenticated
		case e.Reason == cloud.ReasonUnauthenticated || e.Reason == cloud.ReasonDenied:
			a.log.ErrorContext(ctx, "AWS refuses the installation's own identity", "code", e.Code)
			e.Reason = cloud.ReasonNoPrincipal
		}
		return session{}, e
	}
	got := out.Credentials
	if got == nil || got.AccessKeyId == nil || got.Expiration == nil {
		return session{}, &cloud.Error{Reason: cloud.ReasonTransient, Message: "STS answered without credentials", Sent: true}
	}
	return session{
		key: aws.Credentials{
			AccessKeyID: *got.AccessKeyId, SecretAccessKey: aws.ToString(got.SecretAccessKey), SessionToken: aws.ToString(got.SessionToken),
		},
		ends: *got.Expiration,
	}, nil
}

// tryRole takes the role with its external id, which must work, and without it
// and with another one, which must not: a role that lets those in can be used
// through CloudHub by anybody who knows its ARN. Only AccessDenied counts as
// refused; what says nothing about the trust policy is returned.
func (a *Adapter) tryRole(ctx context.Context, account cloud.Account) (cloud.Credential, *cloud.Error) {
	s, err := a.assume(ctx, account, account.Credential.ExternalID)
	if err != nil {
		return cloud.Credential{}, err
	}
	for _, wrong := range []string{"", uuid.NewString()} {
		_, err := a.assume(ctx, account, wrong)
		switch {
		case err == nil:
			return cloud.Credential{}, &cloud.Error{Reason: cloud.ReasonOpenRole, Message: "the role can be assumed without its external id", Sent: true}
		case err.Code != accessDenied:
			return cloud.Credential{}, err
		}
	}
	return cloud.Credential{AccessKeyID: s.key.AccessKeyID, SecretAccessKey: s.key.SecretAccessKey, SessionToken: s.key.SessionToken}, nil
}

// over are the codes of a session that has ended: another one helps.
var over = map[string]bool{"ExpiredToken": true, "ExpiredTokenException": true, "RequestExpired": true}

// endSession forgets the session that AWS has refused. That it has ended mends
// itself, so the call may be tried again.
func (c *call) endSession(e *cloud.Error) {
	if c.slot == nil || e.Reason != cloud.ReasonUnauthenticated {
		return
	}
	c.slot.drop(c.session)
	if over[e.Code] {
		e.Reason = cloud.ReasonTransient
	}
}

// errSessionOver stops a call whose session ended before it left.
type errSessionOver struct{}

func (errSessionOver) Error() string        { return "the role's session ended before the call left" }
func (errSessionOver) CanceledError() bool  { return true }
func (errSessionOver) RetryableError() bool { return false }
