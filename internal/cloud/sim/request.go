package sim

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// maxBody bounds a request. A thousand ids are 40 kB.
	maxBody = 1 << 20
	// maxName bounds what a client's words may take in the log.
	maxName = 64

	serviceEC2 = "ec2"
	serviceSTS = "sts"
	versionSTS = "2011-06-15"
)

// principal is who calls, once the signature has been verified: a user by his
// key, or a session of a role.
type principal struct {
	account *Account
	key     *Key    // nil for a session
	session *grant  // nil for a user
	role    *Role   // of the session
	bounds  *policy // of the session, if it has any
}

func (p *principal) arn() string {
	if p.session != nil {
		return p.session.arn()
	}
	return p.key.ARN(p.account.ID)
}

func (p *principal) id() string {
	if p.session != nil {
		return p.role.userID() + ":" + p.session.Name
	}
	return "AIDA" + p.key.AccessKeyID[4:]
}

// denies says whether the caller lacks the permission: a user has all but what
// is taken from him, a session what its role's policies give and its own bounds
// leave.
func (p *principal) denies(action, region string) bool {
	if p.session == nil {
		return p.key.denies(action, region)
	}
	if p.bounds != nil && !p.bounds.allows(action, "", "", nil) {
		return true
	}
	allowed := false
	for _, pol := range p.role.policies {
		allowed = allowed || pol.allows(action, "", "", nil)
	}
	return !allowed
}

// request is a call, parsed. who is nil until it is authenticated.
type request struct {
	now     time.Time // when its turn came
	service string
	region  string
	action  string
	form    url.Values
	ids     []string // InstanceId.N, in order, without repetitions
	dryRun  bool
	who     *principal
	faults  []Fault // those that strike this call
}

func (q *request) place() place { return place{q.who.account.ID, q.region} }

// arnOf is the ARN of an instance in the caller's account and region.
func (q *request) arnOf(id string) string {
	return fmt.Sprintf("arn:aws:ec2:%s:%s:instance/%s", q.region, q.who.account.ID, id)
}

// parse reads the body (bounded) and the form in it. It returns the body too,
// because the signature covers its bytes. The request is never nil: what could
// be read of it is logged.
func parse(r *http.Request) (*request, []byte, *apiError) {
	q := &request{service: serviceEC2, form: url.Values{}}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	if err != nil {
		if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
			return q, nil, &apiError{http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "The request body is too large."}
		}
		return q, nil, badRequest("MalformedQueryString", "The request body could not be read.")
	}
	// Real services take the form from the query as well.
	form, err := url.ParseQuery(strings.Trim(r.URL.RawQuery+"&"+string(body), "&"))
	if err != nil {
		return q, body, badRequest("MalformedQueryString", "The query string contains a syntax error.")
	}
	q.form, q.action = form, form.Get("Action")
	if form.Get("Version") == versionSTS {
		q.service = serviceSTS // for a request that does not even carry a scope
	}
	q.ids = list(form, "InstanceId")
	q.dryRun = form.Get("DryRun") == "true"
	return q, body, nil
}

// list reads the members Name.1, Name.2, … in the order of their numbers.
func list(form url.Values, name string) []string {
	type member struct {
		n     int
		value string
	}
	var members []member
	for key, values := range form {
		number, ok := strings.CutPrefix(key, name+".")
		if !ok {
			continue
		}
		if n, err := strconv.Atoi(number); err == nil {
			members = append(members, member{n, values[0]})
		}
	}
	slices.SortFunc(members, func(a, b member) int { return cmp.Compare(a.n, b.n) })
	seen := make(map[string]bool, len(members))
	var out []string
	for _, m := range members {
		if !seen[m.value] {
			seen[m.value] = true
			out = append(out, m.value)
		}
	}
	return out
}

// authenticate finds out who signed the request, or answers as the service
// that the credential is scoped to would. wall is the time by which clients
// sign.
func (s *Sim) authenticate(q *request, r *http.Request, body []byte, wall time.Time) *apiError {
	header := r.Header.Get("Authorization")
	if header == "" {
		if q.service == serviceSTS {
			return &apiError{http.StatusForbidden, "MissingAuthenticationToken", "Request is missing Authentication Token"}
		}
		return missingParameter("AWSAccessKeyId")
	}
	auth, failed := parseAuthorization(header)
	if failed != nil {
		return failed
	}
	q.service, q.region = clip(auth.service), clip(auth.region)
	unknown := errNotValidated
	if q.service == serviceSTS {
		unknown = errInvalidToken
	}
	who, secret, failed := s.caller(auth, r, unknown)
	if failed != nil {
		return failed
	}
	signed, err := time.Parse(amzTime, r.Header.Get("X-Amz-Date"))
	if err != nil {
		return errIncompleteSignature("X-Amz-Date is missing or malformed")
	}
	if signed.Sub(wall).Abs() > clockSkew {
		return expired(q.service, signed, wall)
	}
	if signed.Format("20060102") != auth.date || !auth.signedBy(secret, r, body) {
		return errSignature()
	}
	if q.service != serviceEC2 && q.service != serviceSTS {
		return badRequest("InvalidAction", "Credential should be scoped to a known service, not %q", q.service)
	}
	if !slices.Contains(who.account.Regions, q.region) {
		return unknown()
	}
	if who.session != nil && !s.estateTime().Before(who.session.Ends) {
		return errExpiredToken(q.service)
	}
	q.who = who
	return nil
}

const tokenHeader = "X-Amz-Security-Token"

// caller finds who the access key id is and the secret that he must have signed
// with. A temporary key is nobody without the token that came with it, and its
// token must be signed.
func (s *Sim) caller(auth authorization, r *http.Request, unknown func() *apiError) (*principal, string, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	token := r.Header.Get(tokenHeader)
	if owner, ok := s.world.keys[auth.accessKeyID]; ok {
		if token != "" {
			return nil, "", unknown()
		}
		return &principal{account: owner.account, key: owner.key}, owner.key.Secret, nil
	}
	g, ok := s.world.unseal(token)
	if !ok || g.AccessKeyID != auth.accessKeyID || !slices.Contains(auth.signedHeaders, strings.ToLower(tokenHeader)) {
		return nil, "", unknown()
	}
	account := s.world.accounts[g.Account]
	if account == nil {
		return nil, "", unknown()
	}
	_, role := s.world.role((&Role{Name: g.Role}).ARN(g.Account))
	if role == nil {
		return nil, "", unknown() // it was deleted meanwhile
	}
	mine := *role // its policies may be replaced while the call is under way
	who := &principal{account: account, session: &g, role: &mine}
	if len(g.Policy) > 0 {
		bounds, err := readPolicy(g.Policy)
		if err != nil {
			return nil, "", unknown()
		}
		who.bounds = &bounds
	}
	return who, s.world.secretOf(token), nil
}

func (s *Sim) estateTime() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now()
}

// expired is the answer to a clock that is off. STS calls it a signature that
// does not match, which is how a client with a wrong clock is told that its
// key is wrong.
func expired(service string, signed, wall time.Time) *apiError {
	if service != serviceSTS {
		return badRequest("RequestExpired", "Request has expired.")
	}
	edge, word := wall.Add(-clockSkew), "Signature expired: %s is now earlier than %s"
	if signed.After(wall) {
		edge, word = wall.Add(clockSkew), "Signature not yet current: %s is still later than %s"
	}
	e := errSignature()
	e.Message = fmt.Sprintf(word, signed.Format(amzTime), edge.UTC().Format(amzTime))
	return e
}

func clip(s string) string { return clipTo(s, maxName) }

func clipTo(s string, most int) string {
	if len(s) > most {
		s = s[:most]
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
