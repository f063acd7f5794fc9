package aws

import (
	"context"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// forgetful signs each request as if it were the first. The SDK's own signer
// keeps the key that it derived by access key id, and does not look at the
// secret again until the next day: whoever mistyped a secret once would be
// refused with the right one too. It costs four HMACs a request, and no
// customer's key stays behind in a client that all share.
type forgetful struct{}

func (forgetful) SignHTTP(ctx context.Context, credentials aws.Credentials, r *http.Request, payloadHash, service, region string,
	at time.Time, options ...func(*v4.SignerOptions),
) error {
	return v4.NewSigner().SignHTTP(ctx, credentials, r, payloadHash, service, region, at, options...)
}
