package e2e

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/internal/cloud/sim"
	"github.com/cloudhub/cloudhub/internal/platform/mail"
	"github.com/cloudhub/cloudhub/internal/platform/mail/mailbox"
)

// Slack and Microsoft Teams get the same events, by the same retries. Their addresses
// are secrets: they are in no answer and in no log.
func TestAnEventReachesSlackAndTeams(t *testing.T) {
	t.Parallel()
	_, url := newSim(t, sim.SmallEstate())
	w := newWorld(t, url, lettingOut)
	w.addAccount("pequena", sim.SmallKey.AccessKeyID, sim.SmallKey.Secret)
	slack, teams := newReceiver(t, status(http.StatusInternalServerError)), newReceiver(t, nil)
	const secret = "canary-incoming-webhook"
	toSlack, _ := w.destination(&v1.DestinationSpec{Name: "Plantão", Config: &v1.DestinationSpec_Slack{Slack: &v1.ChatConfig{Url: slack.URL + "/services/" + secret, Locale: "pt-BR"}}})
	w.destination(&v1.DestinationSpec{Name: "Plantão", Config: &v1.DestinationSpec_Teams{Teams: &v1.ChatConfig{Url: teams.URL + "/workflows/" + secret, Locale: "en"}}})
	require.Empty(t, toSlack.GetSlack().GetUrl())
	require.NotContains(t, toSlack.GetSlack().GetUrlHint(), secret)
	m := w.machines()
	w.stop(ids(m, sim.SmallRunning)...)
	w.eventually("both are told", func() bool { return len(slack.messages()) > 0 && len(teams.messages()) > 0 })
	slack.says(nil)
	w.eventually("Slack is told again", func() bool { return w.destinationNow(toSlack.GetId()).GetWaitingCount() == 0 })
	var blocks struct {
		Blocks []any `json:"blocks"`
	}
	require.NoError(t, json.Unmarshal(slack.messages()[1].body, &blocks))
	require.NotEmpty(t, blocks.Blocks)
	var card struct {
		Attachments []struct {
			ContentType string `json:"contentType"`
		} `json:"attachments"`
	}
	require.NoError(t, json.Unmarshal(teams.messages()[0].body, &card))
	require.Equal(t, "application/vnd.microsoft.card.adaptive", card.Attachments[0].ContentType)
	list, err := w.hooks.ListDeliveries(t.Context(), &v1.ListDeliveriesRequest{OrgId: w.org, WorkspaceId: w.ws, DestinationId: toSlack.GetId()})
	require.NoError(t, err)
	got := w.delivery(list.GetDeliveries()[0])
	require.Len(t, got.GetAttempts(), 2)
	raw, err := json.Marshal(got)
	require.NoError(t, err)
	for _, text := range []string{string(raw), w.logs.String()} {
		require.False(t, strings.Contains(text, secret))
	}
	w.settled()
}

// A mail goes out by SMTP in the language of the destination; one that fails is tried
// again. Without a mail server nobody can ask for one.
func TestAnEventReachesAMailbox(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	box := mailbox.New()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	t.Cleanup(func() { stop(); require.NoError(t, <-done) })
	_, url := newSim(t, sim.SmallEstate())
	w := newWorld(t, url, lettingOut, func(w *world) {
		w.mailer, err = mail.New(mail.Settings{Host: "127.0.0.1", Port: ln.Addr().(*net.TCPAddr).Port, TLS: "none", From: "CloudHub <avisos@example.com>"})
		require.NoError(t, err)
	})
	go func() { done <- box.Serve(ctx, ln, w.logger()) }()
	d, _ := w.destination(&v1.DestinationSpec{Name: "Equipe", Config: &v1.DestinationSpec_Email{Email: &v1.EmailConfig{Recipients: []string{"equipe@example.com", "chefe@example.com"}, Locale: "pt-BR"}}})
	got := w.until(w.test(d.GetId()), v1.DeliveryState_DELIVERY_STATE_DELIVERED)
	require.EqualValues(t, 250, got.GetAttempts()[0].GetStatus())
	mails := box.Mails()
	require.Len(t, mails, 1)
	require.ElementsMatch(t, []string{"equipe@example.com", "chefe@example.com"}, mails[0].To)
	require.NotEmpty(t, mails[0].Subject)
	w.settled()

	none := newWorld(t, url, lettingOut)
	_, err = none.hooks.CreateDestination(t.Context(), &v1.CreateDestinationRequest{OrgId: none.org, WorkspaceId: none.ws, Spec: &v1.DestinationSpec{
		Name: "Equipe", Config: &v1.DestinationSpec_Email{Email: &v1.EmailConfig{Recipients: []string{"equipe@example.com"}, Locale: "en"}},
	}})
	require.ErrorContains(t, err, "cannot send e-mail yet")
}
