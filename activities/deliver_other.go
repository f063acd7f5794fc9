package activities

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/cloudhub/cloudhub/internal/channel"
	"github.com/cloudhub/cloudhub/internal/event"
	"github.com/cloudhub/cloudhub/internal/platform/mail"
	"github.com/cloudhub/cloudhub/internal/platform/rpcerr"
	"github.com/cloudhub/cloudhub/internal/webhook"
)

// sendOther sends what people read: to Slack, to Microsoft Teams, and by e-mail.
func (d *Deliverer) sendOther(ctx context.Context, a Attempt, config webhook.Config, secrets *opened) Attempt {
	row := a.Claimed.Send
	zone, err := time.LoadLocation(row.TimeZone)
	if err != nil {
		zone = time.UTC
	}
	m := channel.Message{
		Event: event.Name(row.Type), Data: row.Data, Organization: row.OrgName, Workspace: row.WorkspaceName, Destination: row.Name,
		At: row.CreatedAt, Zone: zone, Locale: config.Locale, Link: d.link(a.Claimed.Org, row.EventWorkspace, event.Name(row.Type), row.Data),
	}
	json := []webhook.Header{{Name: "Content-Type", Value: "application/json"}, {Name: "User-Agent", Value: "CloudHub-Webhooks/1.0"}}
	switch row.Channel {
	case "slack":
		return d.post(ctx, a, secrets.url, hostOf(secrets.url), json, channel.Slack(m))
	case "teams":
		return d.post(ctx, a, secrets.url, hostOf(secrets.url), json, channel.Teams(m))
	default:
		return d.sendMail(ctx, a, config.Recipients, m)
	}
}

// link leads into the interface; "" where nobody has said where it is.
func (d *Deliverer) link(org uuid.UUID, workspace *uuid.UUID, name event.Name, data []byte) string {
	path := channel.Path(org, workspace, name, data)
	if d.public == "" || path == "" {
		return ""
	}
	return strings.TrimSuffix(d.public, "/") + path
}

// hostOf is what the log shows of an address that is a secret.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host + "/…"
}

func (d *Deliverer) sendMail(ctx context.Context, a Attempt, to []string, m channel.Message) Attempt {
	if d.mailer == nil {
		return a.ours("this installation has no mail server")
	}
	a.url = "smtp://" + d.mailer.Host()
	text, err := channel.Email(m)
	if err != nil {
		return a.ours("the mail cannot be written")
	}
	ctx, cancel := context.WithTimeout(ctx, d.within)
	defer cancel()
	response, err := d.mailer.Send(ctx, mail.Mail{
		ID: a.Claimed.Event.String() + "." + a.Claimed.Destination.String(), To: to, Subject: text.Subject, Text: text.Text, HTML: text.HTML, Date: a.Claimed.Send.CreatedAt,
	})
	a.times.set(&a.times.total, a.Started)
	switch {
	case err == nil:
		a.body = []byte(clip(response, webhook.KeptBody))
		a.Answer.Status = 250
		return a
	case mail.Permanent(err):
		// An address that does not exist today may exist tomorrow: it is tried as often
		// as any other.
		return a.failed(webhook.Answer{Status: mailStatus(err)}, rpcerr.ReasonDeliveryRefused, err.Error())
	default:
		return a.failed(webhook.Answer{Status: mailStatus(err), TimedOut: ctx.Err() != nil}, rpcerr.ReasonDeliveryUnreachable, err.Error())
	}
}

// mailStatus is the code with which a mail server refused; 0 when it said nothing.
func mailStatus(err error) int {
	var refused *mail.Error
	if errors.As(err, &refused) {
		return refused.Code
	}
	return 0
}
