package webhook

import (
	"encoding/json"
	"strconv"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/webhook"
)

// channels and orderings as they are stored.
var (
	channels = map[v1.Channel]string{
		v1.Channel_CHANNEL_WEBHOOK: "webhook", v1.Channel_CHANNEL_EMAIL: "email", v1.Channel_CHANNEL_SLACK: "slack", v1.Channel_CHANNEL_TEAMS: "teams",
	}
	orderings = map[v1.Ordering]string{
		v1.Ordering_ORDERING_UNSPECIFIED: "none", v1.Ordering_ORDERING_NONE: "none", v1.Ordering_ORDERING_RESOURCE: "resource", v1.Ordering_ORDERING_STRICT: "strict",
	}
	states = map[v1.DeliveryState]string{
		v1.DeliveryState_DELIVERY_STATE_WAITING: "waiting", v1.DeliveryState_DELIVERY_STATE_RETRYING: "retrying", v1.DeliveryState_DELIVERY_STATE_DELIVERED: "delivered",
		v1.DeliveryState_DELIVERY_STATE_EXHAUSTED: "exhausted", v1.DeliveryState_DELIVERY_STATE_HELD: "held",
	}
)

// named is what a map has under a value; 0 of those that have several is never asked for.
func named[K ~int32](m map[K]string, value string) (out K) {
	for k, v := range m {
		if v == value && k > out {
			out = k
		}
	}
	return out
}

func toProto(r gen.ListDestinationsRow, hints []gen.DestinationSecretHintsRow, now time.Time) (*v1.Destination, error) {
	d := r.Destination
	var c webhook.Config
	if err := json.Unmarshal(d.Config, &c); err != nil {
		return nil, err
	}
	var retryAt *time.Time
	if r.RetryAt.Unix() > 0 {
		retryAt = &r.RetryAt
	}
	out := &v1.Destination{
		Id: d.ID.String(), Name: d.Name, Description: d.Description, Channel: named(channels, d.Channel), Events: d.Events, Ordering: named(orderings, d.Ordering),
		RatePerSecond: d.RatePerSecond, Health: healthOf(d, retryAt, now), WaitingCount: int32(min(r.Waiting, most)), HeldCount: int32(r.Held),
		ExhaustedCount: int32(r.Exhausted), LastSuccessTime: timestamp(d.LastSuccessAt), LastFailureTime: timestamp(d.LastFailureAt),
		FailingSince: timestamp(d.FailingSince), CreateTime: timestamppb.New(d.CreatedAt), Etag: strconv.FormatInt(d.Version, 36),
		DisabledReason: deref(d.DisabledReason), PausedByName: deref(d.PausedByName),
	}
	if d.PausedAt == nil && d.DisabledAt == nil {
		out.NextAttemptTime = timestamp(retryAt)
		if d.CoolingUntil != nil && d.CoolingUntil.After(now) && (retryAt != nil || d.Open) {
			out.NextAttemptTime = timestamppb.New(*d.CoolingUntil)
		}
		if d.FailingSince != nil {
			out.DisableTime = timestamppb.New(d.FailingSince.Add(webhook.DisableAfter))
		}
	}
	setConfig(out, c, hints)
	return out, nil
}

// most is how many deliveries of a state are counted.
const most = 10_000

func healthOf(d gen.Destination, retryAt *time.Time, now time.Time) v1.DestinationHealth {
	switch {
	case d.DisabledAt != nil:
		return v1.DestinationHealth_DESTINATION_HEALTH_DISABLED
	case d.PausedAt != nil:
		return v1.DestinationHealth_DESTINATION_HEALTH_PAUSED
	case d.Open, d.CoolingUntil != nil && d.CoolingUntil.After(now):
		return v1.DestinationHealth_DESTINATION_HEALTH_COOLING
	case d.FailingSince != nil, retryAt != nil:
		return v1.DestinationHealth_DESTINATION_HEALTH_FAILING
	default:
		return v1.DestinationHealth_DESTINATION_HEALTH_HEALTHY
	}
}

func setConfig(out *v1.Destination, c webhook.Config, hints []gen.DestinationSecretHintsRow) {
	hint := ""
	var previous *time.Time
	for _, h := range hints {
		switch {
		case h.Kind == kindURL, h.Kind == kindSigning && h.ExpiresAt == nil:
			hint = h.Hint
		case h.Kind == kindSigning && (previous == nil || h.ExpiresAt.After(*previous)):
			previous = h.ExpiresAt
		}
	}
	chat := &v1.ChatConfig{UrlHint: hint, Locale: c.Locale}
	switch out.GetChannel() {
	case v1.Channel_CHANNEL_EMAIL:
		out.Config = &v1.Destination_Email{Email: &v1.EmailConfig{Recipients: c.Recipients, Locale: c.Locale}}
	case v1.Channel_CHANNEL_SLACK:
		out.Config = &v1.Destination_Slack{Slack: chat}
	case v1.Channel_CHANNEL_TEAMS:
		out.Config = &v1.Destination_Teams{Teams: chat}
	default:
		w := &v1.WebhookConfig{Url: c.URL, Ed25519: c.Ed25519, PublicKey: c.PublicKey, SecretHint: hint, PreviousSecretUntil: timestamp(previous)}
		for _, h := range c.Headers {
			w.Headers = append(w.Headers, &v1.Header{Name: h.Name, Value: h.Value, Secret: h.Secret})
		}
		out.Config = &v1.Destination_Webhook{Webhook: w}
	}
}

func deliveryProto(d gen.Delivery, eventType string) *v1.Delivery {
	out := &v1.Delivery{
		Id: d.EventID.String(), DestinationId: d.DestinationID.String(), MessageId: webhook.MessageID(d.EventID), EventType: eventType,
		State: named(states, d.State), AttemptCount: d.Attempts, CreateTime: timestamppb.New(d.CreatedAt), EndTime: timestamp(d.EndedAt),
		LastError: deref(d.LastError), Replayed: d.Replayed,
	}
	if d.LastStatus != nil {
		out.LastStatus = *d.LastStatus
	}
	if d.State == "waiting" {
		if d.Attempts > 0 {
			out.State = v1.DeliveryState_DELIVERY_STATE_RETRYING
		}
		if !d.Fresh {
			out.NextAttemptTime = timestamppb.New(d.NextAt)
		}
	}
	return out
}

func attemptProto(a gen.DeliveryAttempt) *v1.Attempt {
	out := &v1.Attempt{
		Number: a.Number, StartTime: timestamppb.New(a.StartedAt), Status: a.Status, ResponseTruncated: a.Truncated, Address: a.Address,
		DnsUs: a.DnsUs, ConnectUs: a.ConnectUs, TlsUs: a.TlsUs, FirstByteUs: a.FirstByteUs, TotalUs: a.TotalUs,
		Error: a.Error, ErrorReason: a.Reason, NextAttemptTime: timestamp(a.NextAt), Url: a.Url,
		RequestHeaders: headersProto(a.RequestHeaders), ResponseHeaders: headersProto(a.ResponseHeaders),
	}
	out.ResponseBody = text(a.ResponseBody)
	return out
}

func headersProto(raw []byte) (out []*v1.Header) {
	var list []webhook.Header
	_ = json.Unmarshal(raw, &list) // it was written by us
	for _, h := range list {
		out = append(out, &v1.Header{Name: h.Name, Value: h.Value})
	}
	return out
}

func timestamp(t *time.Time) *timestamppb.Timestamp {
	if t == nil {
		return nil
	}
	return timestamppb.New(*t)
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
