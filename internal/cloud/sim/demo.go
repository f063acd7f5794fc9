package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// DemoEstate is the estate of a made-up Brazilian food company, Ipê Alimentos:
// 160 machines in four accounts, with the oddities that a real one has. It is
// the same at every call, launch times relative to now apart. Each account has
// one key, Accounts[i].Keys[0], with which the demo connects it. A fifth account,
// without machines, is the one of whoever operates CloudHub: DemoPrincipal.
//
// Of note: ipe-lojas may not stop machines in us-east-2; ipe-hml-rel and
// ipe-prd-web are Auto Scaling groups; ipe-dev has one-time spot machines;
// ipe-lojas-cam-01 has an ephemeral root; production databases and APIs carry
// cloudhub:protected=true; ipe-dev has machines that nobody tagged.
func DemoEstate(now time.Time) Estate {
	const second = Duration(time.Second)
	rng := rand.New(rand.NewPCG(2026, 11))
	e := Estate{
		Seed: 2026,
		Behaviour: Behaviour{
			Start:    Span{6 * second, 15 * second},
			Stop:     Span{10 * second, 40 * second},
			Replace:  Span{20 * second, 60 * second},
			Latency:  Span{second / 25, second / 5},
			Throttle: 1,
		},
	}
	for _, d := range demoAccounts {
		a := Account{
			ID:   d.id,
			Name: d.name,
			Keys: []Key{{
				AccessKeyID: "AKIASIMULATED" + d.key,
				Secret:      ("simulado/nao-e-segredo/" + d.name + "/" + strings.Repeat("0", 40))[:40],
				User:        "cloudhub",
				Denied:      d.denied,
			}, {
				// One that a person can type: the interface takes what AWS gives out.
				AccessKeyID: "AKIASIMULATED" + strings.TrimSuffix(d.key, "2") + "3",
				Secret:      ("simulado/para/digitar/" + strings.ReplaceAll(d.name, "-", "/") + "/" + strings.Repeat("0", 40))[:40],
				User:        "pessoa",
				Denied:      d.denied,
			}},
		}
		for _, c := range d.crowds {
			a.Instances = append(a.Instances, c.instances(d, rng, now)...)
		}
		e.Accounts = append(e.Accounts, a)
	}
	e.Accounts = append(e.Accounts, Account{ID: DemoOperator, Name: "operador", Keys: []Key{DemoPrincipal}})
	return e
}

// DemoOperator is the account of whoever operates CloudHub in the demo.
const DemoOperator = "905418276340"

// DemoPrincipal is the demo's own AWS identity, which customers' roles trust.
var DemoPrincipal = Key{AccessKeyID: "AKIASIMULATEDOPERAD2", Secret: "simulado/nao-e-segredo/operador/00000000", User: "cloudhub"}

// demoAccount is an account of the demo; prefix begins its machines' names.
type demoAccount struct {
	id, name, key string
	environment   string
	network       int // second number of its private addresses
	denied        []Denial
	crowds        []crowd
}

// crowd is a few machines that differ by number, zone and age only.
type crowd struct {
	name   string // with the account's name and a number: "ipe-prd-api-01"
	n      int
	kind   string // instance type
	region string
	system string
	team   string
	// more is what is particular about them, in the order given.
	more []trait
}

type trait func(in *Instance, number int, now time.Time)

// teams says who owns what and who pays: time, centro-de-custo, dono.
var teams = map[string]struct{ costCentre, owner string }{
	"plataforma": {"4102", "ana.prado"},
	"dados":      {"4110", "caio.lima"},
	"loja":       {"4120", "beatriz.nakamura"},
	"fiscal":     {"4130", "joao.tavares"},
	"pagamentos": {"4140", "renata.souza"},
	"pesquisa":   {"4155", "caio.lima"},
}

func (c crowd) instances(d demoAccount, rng *rand.Rand, now time.Time) []Instance {
	zones := map[string]string{"sa-east-1": "acb", "us-east-1": "bad", "us-east-2": "abc"}[c.region]
	out := make([]Instance, c.n)
	for i := range out {
		team := teams[c.team]
		in := Instance{
			Name:   fmt.Sprintf("%s-%s-%02d", d.name, c.name, i+1),
			Region: c.region,
			Zone:   c.region + zones[i%2:i%2+1],
			Type:   c.kind,
			// From a few days to more than three years, most of them old.
			Launched:  now.Add(-time.Duration(2+rng.IntN(40)*rng.IntN(32)) * 24 * time.Hour).Add(-time.Duration(rng.IntN(86400)) * time.Second),
			PrivateIP: fmt.Sprintf("10.%d.%d.%d", d.network, 1+rng.IntN(6), 4+rng.IntN(250)),
			KeyName:   d.name,
			Tags: map[string]string{
				"ambiente":        d.environment,
				"time":            c.team,
				"sistema":         c.system,
				"centro-de-custo": team.costCentre,
				"gerido-por":      "terraform",
				"dono":            team.owner,
			},
		}
		for _, t := range c.more {
			t(&in, i+1, now)
		}
		out[i] = in
	}
	return out
}

// named gives the machines another beginning than the account's name.
func named(prefix string) trait {
	return func(in *Instance, n int, _ time.Time) { in.Name = fmt.Sprintf("%s-%02d", prefix, n) }
}

// alone gives the one machine of a crowd its whole name.
func alone(name string) trait {
	return func(in *Instance, _ int, _ time.Time) { in.Name = name }
}

// stoppedFor says that they were stopped by somebody so many days ago. With
// numbers, only those.
func stoppedFor(days int, numbers ...int) trait {
	return func(in *Instance, n int, now time.Time) {
		if len(numbers) > 0 && !slices.Contains(numbers, n) {
			return
		}
		at := now.Add(-time.Duration(days)*24*time.Hour - 17*time.Minute)
		in.State, in.StateReason = Stopped, userInitiated(at)
		if in.Launched.After(at) {
			in.Launched = at.Add(-30 * 24 * time.Hour)
		}
	}
}

func tagged(key, value string, numbers ...int) trait {
	return func(in *Instance, n int, _ time.Time) {
		if len(numbers) == 0 || slices.Contains(numbers, n) {
			in.Tags[key] = value
		}
	}
}

func grouped(group string) trait {
	return func(in *Instance, _ int, now time.Time) {
		in.Tags[tagGroup] = group
		in.Launched = now.Add(-time.Duration(in.Launched.Unix()%9+1) * 26 * time.Hour) // groups renew their members
	}
}

func protected(in *Instance, _ int, _ time.Time) { in.Tags["cloudhub:protected"] = "true" }
func public(in *Instance, _ int, _ time.Time)    { in.AutoPublicIP = true }
func windows(in *Instance, _ int, _ time.Time)   { in.Platform = "windows" }
func ephemeral(in *Instance, _ int, _ time.Time) { in.InstanceStore = true }

func elastic(address string) trait {
	return func(in *Instance, _ int, _ time.Time) { in.PublicIP = address }
}

func spot(in *Instance, n int, now time.Time) {
	in.Spot = true
	in.Launched = now.Add(-time.Duration(5*n) * time.Hour)
}

// untagged are the machines that somebody made by hand and told nobody.
func untagged(in *Instance, _ int, _ time.Time) {
	in.Tags = map[string]string{"gerido-por": "manual"}
}

func zone(letter string) trait {
	return func(in *Instance, _ int, _ time.Time) { in.Zone = in.Region + letter }
}

// exactly sets id, address and launch of the machine with that number, for the
// one that the product's screens show.
func exactly(number int, id, privateIP string, launched time.Time) trait {
	return func(in *Instance, n int, _ time.Time) {
		if n == number {
			in.ID, in.PrivateIP, in.Launched = id, privateIP, launched
		}
	}
}
