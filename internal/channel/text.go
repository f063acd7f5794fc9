package channel

import (
	"embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/cloudhub/cloudhub/internal/event"
)

// writer writes in one language.
type writer struct {
	m    Message
	v    values
	pt   bool
	zone *time.Location
}

func compose(m Message) content {
	w := writer{m: m, v: parse(m.Data), pt: m.Locale == Portuguese, zone: m.Zone}
	if w.zone == nil {
		w.zone = time.UTC
	}
	c := w.of()
	c.title, c.sentence = cut(c.title, maxName+60), cut(c.sentence, maxSentence)
	c.mark = map[tone]string{
		neutral: w.say("Aviso", "Notice"), good: w.say("Tudo certo", "All is well"), warning: w.say("Atenção", "Attention"), bad: w.say("Falhou", "Failed"),
	}[c.tone]
	c.fact(w.say("Workspace", "Workspace"), clean(m.Workspace, maxName))
	c.fact(w.say("Organização", "Organization"), clean(m.Organization, maxName))
	c.fact(w.say("Quando", "When"), w.moment(m.At))
	c.link, c.open = safeLink(m.Link), w.say("Abrir no CloudHub", "Open in CloudHub")
	if d := clean(m.Destination, maxName); d != "" {
		c.footer = fmt.Sprintf(w.say("Enviado pelo CloudHub ao destino %s.", "Sent by CloudHub to the destination %s."), d)
	} else {
		c.footer = w.say("Enviado pelo CloudHub.", "Sent by CloudHub.")
	}
	return c
}

// fact adds one that says something.
func (c *content) fact(label, value string) {
	if value != "" {
		c.facts = append(c.facts, fact{label, value})
	}
}

func (w writer) say(pt, en string) string {
	if w.pt {
		return pt
	}
	return en
}

// fill says what is filled in, in the same order in both languages.
func (w writer) fill(pt, en string, args ...any) string { return fmt.Sprintf(w.say(pt, en), args...) }

// moment is a time in the workspace's zone, with the zone's name.
func (w writer) moment(t time.Time) string {
	layout := w.say("02/01/2006 15:04", "2 Jan 2006, 15:04")
	return t.In(w.zone).Format(layout) + " (" + w.zone.String() + ")"
}

func (w writer) machines(n int64) string {
	if n == 1 {
		return w.say("1 máquina", "1 machine")
	}
	return w.number(n) + w.say(" máquinas", " machines")
}

// number is a count as the language groups it.
func (w writer) number(n int64) string {
	tag := language.English
	if w.pt {
		tag = language.BrazilianPortuguese
	}
	return message.NewPrinter(tag).Sprint(n)
}

// state is "running" or "stopped" in the person's words, of a machine.
func (w writer) state(s string) string {
	switch s {
	case "running":
		return w.say("ligada", "running")
	case "stopped":
		return w.say("parada", "stopped")
	case "starting":
		return w.say("ligando", "starting")
	case "stopping":
		return w.say("parando", "stopping")
	case "gone":
		return w.say("removida", "gone")
	default:
		return s
	}
}

// named is a name, or a word for what has none.
func (w writer) named(key, pt, en string) string {
	if s := w.v.text(key); s != "" {
		return s
	}
	return w.say(pt, en)
}

func (w writer) of() content {
	switch w.m.Event {
	case event.ResourceStarted, event.ResourceStopped, event.ResourceFailed:
		return w.resource()
	case event.ScheduleExecuted, event.ScheduleMissed:
		return w.run()
	case event.AlertTriggered:
		if w.v.text("alert") == "not_followed" {
			return w.astray()
		}
		return w.generic()
	case event.WebhookTest:
		return content{
			title: w.say("Teste do CloudHub", "Test of CloudHub"), tone: neutral,
			sentence: w.say("Este destino está recebendo. Nada aconteceu: alguém pediu um teste.", "This destination receives. Nothing has happened: somebody asked for a test."),
		}
	default:
		return w.generic()
	}
}

func (w writer) resource() (c content) {
	name := w.named("resource_name", "Máquina", "Machine")
	switch w.m.Event {
	case event.ResourceStarted:
		c.title, c.tone = w.fill("%s foi ligada", "%s was started", name), good
		c.sentence = w.say("Foi pedido ao CloudHub, e a máquina foi vista ligada.", "CloudHub was asked to, and the machine was seen running.")
	case event.ResourceStopped:
		c.title, c.tone = w.fill("%s foi parada", "%s was stopped", name), good
		c.sentence = w.say("Foi pedido ao CloudHub, e a máquina foi vista parada.", "CloudHub was asked to, and the machine was seen stopped.")
	default:
		c.tone = bad
		if w.v.text("wanted") == "running" {
			c.title = w.fill("Não deu para ligar %s", "%s could not be started", name)
		} else {
			c.title = w.fill("Não deu para parar %s", "%s could not be stopped", name)
		}
		c.sentence = w.reason(w.v.text("reason"))
	}
	if id := w.v.text("provider_id"); id != name {
		c.fact(w.say("Id no provedor", "Provider's id"), id)
	}
	c.fact(w.say("Região", "Region"), w.v.text("region"))
	if w.m.Event == event.ResourceFailed {
		c.fact(w.say("Motivo", "Reason"), w.v.text("reason"))
	}
	return c
}

func (w writer) run() (c content) {
	name := w.named("schedule_name", "Agendamento", "Schedule")
	n := w.v.count
	verb := w.say("parar", "stop")
	if w.v.text("wanted") == "running" {
		verb = w.say("ligar", "start")
	}
	troubled := n("failed_count") + n("missed_count")
	switch {
	case w.m.Event == event.ScheduleMissed:
		c.title, c.tone = w.fill("%s perdeu a hora", "%s missed its time", name), warning
		c.sentence = w.say("A hora passou antes que algo pudesse ser feito, e nada age atrasado: as máquinas ficaram como estavam. Se ainda for preciso, execute agora.",
			"Its time had passed before anything could be done, and nothing acts late: the machines are as they were. Run it now if it is still needed.")
	case troubled > 0:
		c.title, c.tone = w.fill("%s terminou com falhas", "%s ended with failures", name), bad
		c.sentence = w.fill("Era para %s %s; %s de %s não ficaram como pedido. Abra a execução para ver o motivo de cada uma.",
			"It was to %s %s; %s of %s are not as wanted. Open the run for the reason of each.", verb, w.machines(n("target_count")), w.number(troubled), w.number(n("target_count")))
	case n("unread_count") > 0:
		c.title, c.tone = w.fill("%s não leu todas as contas", "%s could not read every account", name), warning
		c.sentence = w.say("Em uma ou mais contas as máquinas não puderam ser procuradas. As outras estão como pedido.",
			"In one or more accounts its machines could not be looked for. The others are as wanted.")
	default:
		c.title, c.tone = w.fill("%s foi executado", "%s ran", name), good
		c.sentence = w.fill("Era para %s %s; tudo ficou como pedido.", "It was to %s %s; everything is as wanted.", verb, w.machines(n("target_count")))
		if left := n("left_alone_count"); left > 0 {
			c.sentence = w.fill("Era para %s %s. Deixadas de propósito: %s. O resto ficou como pedido.", "It was to %s %s. Left alone on purpose: %s. The rest is as wanted.",
				verb, w.machines(n("target_count")), w.number(left))
		}
	}
	if due, ok := w.v.time("due_time"); ok {
		c.fact(w.say("Hora marcada", "Due"), w.moment(due))
	}
	for _, k := range []struct{ key, pt, en string }{
		{"done_count", "Como pedido", "As wanted"}, {"left_alone_count", "Deixadas de propósito", "Left alone"}, {"failed_count", "Falharam", "Failed"},
		{"missed_count", "Perderam a hora", "Too late"}, {"unread_count", "Contas não lidas", "Accounts not read"},
	} {
		if v := n(k.key); v > 0 {
			c.fact(w.say(k.pt, k.en), w.number(v))
		}
	}
	return c
}

func (w writer) astray() (c content) {
	name := w.named("resource_name", "Máquina", "Machine")
	c.title, c.tone = w.fill("%s saiu do agendamento", "%s left its schedule", name), warning
	c.sentence = w.fill("O agendamento deixou a máquina %s, e em menos de 15 minutos ela foi vista %s, sem ordem do CloudHub. Veja quem ou o que mais mexe nela.",
		"The schedule left the machine %s, and within 15 minutes it was seen %s, without an order of CloudHub. Look for who or what else changes it.",
		w.state(w.v.text("wanted")), w.state(w.v.text("seen")))
	if id := w.v.text("provider_id"); id != name {
		c.fact(w.say("Id no provedor", "Provider's id"), id)
	}
	return c
}

// titles of what has no words of its own yet.
var titles = map[event.Name][2]string{
	event.AlertTriggered:         {"Alerta", "Alert"},
	event.BudgetThresholdCrossed: {"Um orçamento passou de um limite", "A budget's threshold was crossed"},
	event.AnomalyDetected:        {"Um custo fora do comum", "A cost out of the ordinary"},
	event.ScanCompleted:          {"A análise de custos terminou", "A FinOps scan has ended"},
	event.RecommendationApplied:  {"Uma recomendação foi aplicada", "A recommendation was applied"},
	event.RecommendationUndone:   {"Uma recomendação foi desfeita", "A recommendation was undone"},
	event.BillingPaid:            {"Pagamento confirmado", "Payment confirmed"},
	event.BillingRefunded:        {"Pagamento devolvido", "Payment refunded"},
	event.MemberAdded:            {"Um membro foi adicionado", "A member was added"},
}

// maxFacts is how many of its data a message without words of its own shows.
const maxFacts = 8

// generic shows what the data says, by its own names.
func (w writer) generic() (c content) {
	if t, ok := titles[w.m.Event]; ok {
		c.title = w.say(t[0], t[1])
	} else if c.title = clean(string(w.m.Event), maxName); c.title == "" {
		c.title = w.say("Evento", "Event")
	}
	c.tone = neutral
	c.sentence = w.say("Estes são os dados do evento.", "These are the data of the event.")
	for _, key := range slices.Sorted(maps.Keys(w.v)) {
		if strings.HasSuffix(key, "_id") || len(c.facts) == maxFacts {
			continue
		}
		switch v := w.v[key].(type) {
		case string:
			c.fact(clean(key, 40), clean(v, maxName))
		case json.Number:
			c.fact(clean(key, 40), clean(v.String(), maxName))
		case bool:
			c.fact(clean(key, 40), fmt.Sprint(v))
		}
	}
	return c
}

//go:embed reasons.en.json reasons.pt-BR.json
var reasonFiles embed.FS

// reasons are the registry's words, in each language.
var reasons = sync.OnceValue(func() map[string]map[string]string {
	out := map[string]map[string]string{}
	for _, l := range []string{Portuguese, English} {
		raw, err := reasonFiles.ReadFile("reasons." + l + ".json")
		texts := map[string]string{}
		if err == nil {
			err = json.Unmarshal(raw, &texts)
		}
		if err != nil {
			panic(fmt.Sprintf("channel: words of reasons: %v", err))
		}
		out[l] = texts
	}
	return out
})

// reason says in the registry's words why; those that need filling in say less.
func (w writer) reason(code string) string {
	if s := reasons()[w.say(Portuguese, English)][code]; s != "" && !strings.Contains(s, "{{") {
		return s
	}
	return w.say("O provedor não chegou ao estado pedido. Abra a operação para ver o que foi tentado.", "The provider did not come to the wanted state. Open the operation to see what was tried.")
}
