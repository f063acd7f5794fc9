package sim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	sigAlgorithm = "AWS4-HMAC-SHA256"
	amzTime      = "20060102T150405Z"
	// clockSkew is how far a client's clock may be off, as with AWS.
	clockSkew = 5 * time.Minute
)

// authorization is a parsed SigV4 Authorization header.
type authorization struct {
	accessKeyID, date, region, service string
	signedHeaders                      []string
	signature                          string
}

func (a authorization) scope() string {
	return a.date + "/" + a.region + "/" + a.service + "/aws4_request"
}

// parseAuthorization reads "AWS4-HMAC-SHA256 Credential=AKID/date/region/
// service/aws4_request, SignedHeaders=a;b, Signature=hex".
func parseAuthorization(header string) (authorization, *apiError) {
	fields, ok := strings.CutPrefix(header, sigAlgorithm+" ")
	if !ok {
		return authorization{}, errIncompleteSignature("only " + sigAlgorithm + " is known here")
	}
	var a authorization
	for part := range strings.SplitSeq(fields, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "Credential":
			c := strings.Split(value, "/")
			if len(c) != 5 || c[4] != "aws4_request" || slices.Contains(c, "") {
				return authorization{}, errIncompleteSignature("Credential must be access key id, date, region, service and aws4_request")
			}
			a.accessKeyID, a.date, a.region, a.service = c[0], c[1], c[2], c[3]
		case "SignedHeaders":
			a.signedHeaders = strings.Split(value, ";")
		case "Signature":
			a.signature = value
		}
	}
	switch {
	case a.accessKeyID == "":
		return authorization{}, errIncompleteSignature("Credential is missing")
	case len(a.signedHeaders) == 0:
		return authorization{}, errIncompleteSignature("SignedHeaders is missing")
	case a.signature == "":
		return authorization{}, errIncompleteSignature("Signature is missing")
	}
	return a, nil
}

// signedBy says whether the request carries the signature that this secret
// makes. The body has been read already; Go keeps Host and Content-Length
// apart from the other headers.
func (a authorization) signedBy(secret string, r *http.Request, body []byte) bool {
	if !slices.Contains(a.signedHeaders, "host") || !slices.Contains(a.signedHeaders, "x-amz-date") {
		return false
	}
	var headers strings.Builder
	for _, name := range a.signedHeaders {
		headers.WriteString(name + ":" + headerValue(r, name) + "\n")
	}
	payload := sha256.Sum256(body)
	canonical := strings.Join([]string{
		r.Method,
		canonicalPath(r.URL),
		canonicalQuery(r.URL),
		headers.String(),
		strings.Join(a.signedHeaders, ";"),
		hex.EncodeToString(payload[:]),
	}, "\n")
	hashed := sha256.Sum256([]byte(canonical))
	toSign := strings.Join([]string{sigAlgorithm, r.Header.Get("X-Amz-Date"), a.scope(), hex.EncodeToString(hashed[:])}, "\n")

	key := []byte("AWS4" + secret)
	for _, part := range []string{a.date, a.region, a.service, "aws4_request", toSign} {
		key = hmacSHA256(key, part)
	}
	return hmac.Equal([]byte(hex.EncodeToString(key)), []byte(a.signature))
}

func hmacSHA256(key []byte, message string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(message))
	return h.Sum(nil)
}

func headerValue(r *http.Request, name string) string {
	switch name {
	case "host":
		return r.Host
	case "content-length":
		return strconv.FormatInt(r.ContentLength, 10)
	}
	values := slices.Clone(r.Header.Values(name))
	for i, v := range values {
		values[i] = strings.Join(strings.Fields(v), " ")
	}
	return strings.Join(values, ",")
}

func canonicalPath(u *url.URL) string {
	if p := u.EscapedPath(); p != "" {
		return p
	}
	return "/"
}

// canonicalQuery is url.Values.Encode with the two differences of RFC 3986.
func canonicalQuery(u *url.URL) string {
	return strings.ReplaceAll(u.Query().Encode(), "+", "%20")
}
