package webhook

import (
	"crypto/rand"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/internal/event"
	"github.com/cloudhub/cloudhub/internal/platform/rpcerr"
	"github.com/cloudhub/cloudhub/internal/webhook"
	"github.com/cloudhub/cloudhub/server/request"
)

// Kinds of secrets, as they are stored.
const (
	kindSigning = "signing"
	kindEd25519 = "ed25519"
	kindHeader  = "header"
	kindURL     = "url"
)

// spec is a destination as a request wants it.
type spec struct {
	name, description string
	channel           string
	config            webhook.Config
	events            []string
	ordering          string
	rate              int32
	// url of a chat, and values of secret headers by name in lower case; empty: as it is.
	url     string
	headers map[string]string
}

// specOf reads a request. Errors: ADDRESS_REFUSED, HEADER_REFUSED, UNKNOWN_EVENT_TYPE,
// VALIDATION, CHANNEL_NOT_READY.
func (s *Service) specOf(in *v1.DestinationSpec) (out spec, err error) {
	if out.name, err = request.Name(in.GetName()); err != nil {
		return out, err
	}
	out.description, out.ordering, out.rate = strings.TrimSpace(in.GetDescription()), orderings[in.GetOrdering()], in.GetRatePerSecond()
	out.events, out.headers = []string{}, map[string]string{}
	for i, name := range in.GetEvents() {
		if _, ok := event.Lookup(event.Name(name)); !ok {
			return out, rpcerr.Invalid(rpcerr.ReasonUnknownEventType, fmt.Sprintf("spec.events[%d]", i), "choose one of the list", "name", name)
		}
		out.events = append(out.events, name)
	}
	slices.Sort(out.events)
	switch c := in.GetConfig().(type) {
	case *v1.DestinationSpec_Webhook:
		out.channel = "webhook"
		return out, s.webhook(&out, c.Webhook)
	case *v1.DestinationSpec_Email:
		out.channel = "email"
		if !s.MailReady {
			return out, rpcerr.New(rpcerr.ReasonChannelNotReady)
		}
		out.config = webhook.Config{Recipients: c.Email.GetRecipients(), Locale: c.Email.GetLocale()}
		for i, r := range out.config.Recipients {
			if strings.ContainsAny(r, "\r\n\x00<>\"") {
				return out, rpcerr.Invalid(rpcerr.ReasonValidation, fmt.Sprintf("spec.email.recipients[%d]", i), "give an address alone")
			}
		}
		return out, nil
	case *v1.DestinationSpec_Slack:
		out.channel = "slack"
		return out, s.chat(&out, c.Slack, "slack")
	case *v1.DestinationSpec_Teams:
		out.channel = "teams"
		return out, s.chat(&out, c.Teams, "teams")
	default:
		return out, rpcerr.Invalid(rpcerr.ReasonValidation, "spec", "say where to send")
	}
}

func (s *Service) webhook(out *spec, c *v1.WebhookConfig) error {
	address, err := s.address(c.GetUrl(), "spec.webhook.url")
	if err != nil {
		return err
	}
	out.config = webhook.Config{URL: address.String(), Ed25519: c.GetEd25519()}
	seen := map[string]bool{}
	for i, h := range c.GetHeaders() {
		path, key := fmt.Sprintf("spec.webhook.headers[%d].name", i), strings.ToLower(h.GetName())
		switch {
		case !webhook.HeaderAllowed(key):
			return rpcerr.Invalid(rpcerr.ReasonHeaderRefused, path, "it is set by us", "name", h.GetName(), "why", "it is set by us")
		case seen[key]:
			return rpcerr.Invalid(rpcerr.ReasonHeaderRefused, path, "name each once", "name", h.GetName(), "why", "it is there twice")
		}
		seen[key] = true
		header := webhook.Header{Name: h.GetName(), Value: strings.TrimSpace(h.GetValue()), Secret: h.GetSecret()}
		if header.Secret {
			out.headers[key], header.Value = header.Value, ""
		}
		out.config.Headers = append(out.config.Headers, header)
	}
	return nil
}

func (s *Service) chat(out *spec, c *v1.ChatConfig, field string) error {
	out.config = webhook.Config{Locale: c.GetLocale()}
	if c.GetUrl() == "" {
		return nil // as it is; a new one must have it
	}
	address, err := s.address(c.GetUrl(), "spec."+field+".url")
	if err != nil {
		return err
	}
	out.url = address.String()
	return nil
}

func (s *Service) address(given, path string) (*url.URL, error) {
	address, err := s.Egress.CheckURL(strings.TrimSpace(given))
	if err != nil {
		why := strings.TrimPrefix(err.Error(), "address refused: ")
		return nil, rpcerr.Invalid(rpcerr.ReasonAddressRefused, path, why, "why", why)
	}
	address.Fragment, address.RawFragment = "", ""
	return address, nil
}

// keys are what a webhook signs with, newly made.
type keys struct{ secret, private, public string }

func newKeys(ed25519 bool) (k keys, err error) {
	if k.secret, err = webhook.NewSecret(rand.Reader); err != nil || !ed25519 {
		return k, err
	}
	k.private, k.public, err = webhook.NewKeyPair(rand.Reader)
	return k, err
}

// text is what of an answer can be shown.
func text(raw []byte) string {
	if utf8.Valid(raw) {
		return string(raw)
	}
	return strings.ToValidUTF8(string(raw), "�")
}
