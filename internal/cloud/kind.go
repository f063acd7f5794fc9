package cloud

import "slices"

// KindEC2Instance names the virtual machines of AWS. Only their adapter, this
// registry and the mapping to the contract know it; everybody else asks the
// registry (a test lists where the name stands).
const KindEC2Instance = "aws.ec2.instance"

// Kind is what the product knows of one kind of resource, whichever part of it
// asks: how it is read and switched is its adapter's.
type Kind struct {
	// Name is provider-qualified, "aws.ec2.instance". The values are stored.
	Name     string
	Provider Provider
	// Switchable: it can be started and stopped, by hand and by timetables.
	Switchable bool
	// Has says by what selectors can find it.
	Has SelectorParts
	// Rates are how many the provider switches in what time; without one it is not
	// limited, as far as is known.
	Rates map[Power]PowerRate
}

// SelectorParts are the parts of a selector beside accounts and regions, which
// every kind has.
type SelectorParts struct{ Tags, Name bool }

// Kinds is the registry: a kind joins with a line here and an adapter that the
// worker hands over (Instances). It is read only.
var Kinds = []Kind{
	{
		Name: KindEC2Instance, Provider: AWS, Switchable: true, Has: SelectorParts{Tags: true, Name: true},
		// The resource token buckets of StartInstances and StopInstances, from "Request
		// throttling for the Amazon EC2 API".
		Rates: map[Power]PowerRate{PowerOn: {1000, 2}, PowerOff: {1000, 20}},
	},
}

// KindNamed finds a kind.
func KindNamed(name string) (k Kind, ok bool) {
	i := slices.IndexFunc(Kinds, func(k Kind) bool { return k.Name == name })
	if i < 0 {
		return Kind{}, false
	}
	return Kinds[i], true
}

// Switchable says whether a kind can be started and stopped; one that is not known
// cannot.
func Switchable(name string) bool {
	k, _ := KindNamed(name)
	return k.Switchable
}

// SelectableBy says whether a selector that uses these parts can find machines of
// the kind. What has no tags is not found by one: it is not taken for a match.
func (k Kind) SelectableBy(used SelectorParts) bool {
	return k.Switchable && (k.Has.Tags || !used.Tags) && (k.Has.Name || !used.Name)
}

// PowerRateOf answers the zero rate, which limits nothing, for what is not known.
func PowerRateOf(kind string, want Power) PowerRate {
	k, _ := KindNamed(kind)
	return k.Rates[want]
}
