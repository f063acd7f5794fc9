package sim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const (
	actionAssume   = "AssumeRole"
	actionIdentity = "GetCallerIdentity"
	minSession     = 15 * time.Minute
	usualSession   = time.Hour
	maxPolicy      = 2048
)

// grant is what a session token says. Tokens hold all of it, sealed with a key
// of the estate, so that the provider keeps no list of sessions and a restart
// ends none.
type grant struct {
	AccessKeyID string    `json:"k"`
	Account     string    `json:"a"`
	Role        string    `json:"r"`
	Name        string    `json:"n"`
	Ends        time.Time `json:"e"`
	// Policy bounds the session beside the role's own.
	Policy json.RawMessage `json:"p,omitempty"`
}

func (w *world) mac(label, text string) []byte {
	h := hmac.New(sha256.New, w.tokenKey)
	_, _ = h.Write([]byte(label + "\n" + text))
	return h.Sum(nil)
}

// secretOf is a temporary key's secret.
func (w *world) secretOf(token string) string {
	return base64.RawStdEncoding.EncodeToString(w.mac("secret", token))[:40]
}

func (w *world) seal(g grant) (string, error) {
	raw, err := json.Marshal(g)
	if err != nil {
		return "", err
	}
	text := base64.RawStdEncoding.EncodeToString(raw)
	return text + "/" + base64.RawStdEncoding.EncodeToString(w.mac("token", text)), nil
}

func (w *world) unseal(token string) (g grant, ok bool) {
	// The alphabet of base64 has the slash, so the seal is found by its length.
	at := len(token) - base64.RawStdEncoding.EncodedLen(sha256.Size) - 1
	if at < 1 || token[at] != '/' {
		return g, false
	}
	given, err := base64.RawStdEncoding.DecodeString(token[at+1:])
	if err != nil || !hmac.Equal(given, w.mac("token", token[:at])) {
		return g, false
	}
	raw, err := base64.RawStdEncoding.DecodeString(token[:at])
	return g, err == nil && json.Unmarshal(raw, &g) == nil
}

// errExpiredToken is STS's answer to a session that has ended; EC2 says
// RequestExpired.
func errExpiredToken(service string) *apiError {
	if service == serviceSTS {
		return &apiError{http.StatusForbidden, "ExpiredToken", "The security token included in the request is expired"}
	}
	return badRequest("RequestExpired", "Request has expired.")
}

func errValidation(format string, args ...any) *apiError {
	return badRequest("ValidationError", format, args...)
}

var (
	sessionName = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
	externalID  = regexp.MustCompile(`^[\w+=,.@:/-]{2,1000}$`) // AWS allows 1224
)

// assumeRole hands out a session when the trust policy lets the caller and his
// external id in. A role that does not exist is refused in the same words.
func (s *Sim) assumeRole(q *request) (result, *apiError) {
	arn, name := q.form.Get("RoleArn"), q.form.Get("RoleSessionName")
	if !sessionName.MatchString(name) {
		return result{}, errValidation("1 validation error detected: Value '%s' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*", clip(name))
	}
	context := map[string]string{}
	if id, given := q.form["ExternalId"]; given {
		if !externalID.MatchString(id[0]) {
			return result{}, errValidation("1 validation error detected: Value at 'externalId' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@:\\/-]*")
		}
		context["sts:ExternalId"] = id[0]
	}
	bounds := json.RawMessage(q.form.Get("Policy"))
	if len(bounds) > 0 {
		if len(bounds) > maxPolicy {
			return result{}, errValidation("1 validation error detected: Value at 'policy' failed to satisfy constraint: Member must have length less than or equal to %d", maxPolicy)
		}
		if _, err := readPolicy(bounds); err != nil {
			return result{}, badRequest("MalformedPolicyDocument", "The policy is not valid: %v", err)
		}
	}
	account, role := s.world.role(arn)
	allowed := role != nil && q.who.session == nil && !q.who.denies("sts:"+actionAssume, q.region) &&
		role.trust.allows("sts:"+actionAssume, q.who.arn(), q.who.account.ID, context)
	if !allowed {
		return result{}, &apiError{http.StatusForbidden, "AccessDenied", fmt.Sprintf(
			"User: %s is not authorized to perform: sts:AssumeRole on resource: %s", q.who.arn(), clipTo(arn, 256))}
	}
	lasts, longest := usualSession, usualSession
	if role.MaxSession > 0 {
		longest = time.Duration(role.MaxSession)
	}
	if text := q.form.Get("DurationSeconds"); text != "" {
		seconds, err := strconv.Atoi(text)
		if lasts = time.Duration(seconds) * time.Second; err != nil || lasts < minSession {
			return result{}, errValidation("1 validation error detected: Value '%s' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900", clip(text))
		}
		if lasts > longest {
			return result{}, errValidation("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
		}
	}
	g := grant{
		AccessKeyID: "ASIA" + strings.ToUpper(hex.EncodeToString(s.world.random(8))), Account: account.ID, Role: role.Name, Name: name,
		Ends: q.now.Add(lasts).UTC().Truncate(time.Second), Policy: bounds,
	}
	token, err := s.world.seal(g)
	if err != nil {
		s.log.Error("a session could not be sealed", "error", err)
		return result{}, errInternal()
	}
	return result{body: &assumeDocument{
		AccessKeyID: g.AccessKeyID, Secret: s.world.secretOf(token), Token: token, Ends: g.Ends.Format(time.RFC3339),
		ARN: g.arn(), UserID: role.userID() + ":" + name,
	}}, nil
}

func (g grant) arn() string {
	return fmt.Sprintf("arn:aws:sts::%s:assumed-role/%s/%s", g.Account, g.Role, g.Name)
}

func (r *Role) userID() string {
	sum := sha256.Sum256([]byte(r.Name))
	return "AROA" + strings.ToUpper(hex.EncodeToString(sum[:8]))
}

type assumeDocument struct {
	XMLName     xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ AssumeRoleResponse"`
	AccessKeyID string   `xml:"AssumeRoleResult>Credentials>AccessKeyId"`
	Secret      string   `xml:"AssumeRoleResult>Credentials>SecretAccessKey"`
	Token       string   `xml:"AssumeRoleResult>Credentials>SessionToken"`
	Ends        string   `xml:"AssumeRoleResult>Credentials>Expiration"`
	ARN         string   `xml:"AssumeRoleResult>AssumedRoleUser>Arn"`
	UserID      string   `xml:"AssumeRoleResult>AssumedRoleUser>AssumedRoleId"`
	RequestID   string   `xml:"ResponseMetadata>RequestId"`
}

func (d *assumeDocument) setRequestID(id string) { d.RequestID = id }

// role finds a role by its ARN.
func (w *world) role(arn string) (*Account, *Role) {
	rest, ok := strings.CutPrefix(arn, "arn:aws:iam::")
	id, name, found := strings.Cut(rest, ":role/")
	if a := w.accounts[id]; ok && found && a != nil {
		for i := range a.Roles {
			if a.Roles[i].Name == name {
				return a, &a.Roles[i]
			}
		}
	}
	return nil, nil
}

func (w *world) random(n int) []byte {
	out := make([]byte, n)
	for i := range out {
		out[i] = byte(w.rng.Uint32())
	}
	return out
}

// putRole makes a role, or gives it other policies.
func (w *world) putRole(account string, r Role) error {
	a := w.accounts[account]
	if a == nil {
		return fmt.Errorf("no account %q", clip(account))
	}
	if err := r.read(); err != nil {
		return err
	}
	for i := range a.Roles {
		if a.Roles[i].Name == r.Name {
			a.Roles[i] = r
			return nil
		}
	}
	a.Roles = append(a.Roles, r)
	return nil
}

// PutRole makes a role in an account, or gives the one of that name other
// policies, as its owner does in IAM. It returns its ARN. Errors: no such
// account, or documents that are malformed or not simulated.
func (s *Sim) PutRole(account string, r Role) (arn string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.world.accounts[account] == nil {
		return "", fmt.Errorf("no account %q", clip(account))
	}
	if err := r.read(); err != nil {
		return "", err
	}
	return r.ARN(account), s.commitControl("PutRole", account, "", r.Name, s.now(), []effect{{Account: account, Role: &r}})
}

// postRole is PutRole over HTTP.
func (s *Sim) postRole(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Account string `json:"account"`
		Role
	}
	if !decode(w, r, &in) {
		return
	}
	arn, err := s.PutRole(in.Account, in.Role)
	if err != nil {
		complain(w, http.StatusBadRequest, err.Error())
		return
	}
	reply(w, http.StatusCreated, map[string]string{"arn": arn})
}
