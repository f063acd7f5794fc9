// Package sim is a simulated AWS: EC2's query protocol and STS behind one
// http.Handler, good enough that the real SDK cannot tell it from the original
// in what CloudHub does. It exists so that tests meet the provider's habits
// (all-or-nothing calls, throttling, answers that lie for a while) and so that
// `cloudhub dev --demo` has an estate to show without anybody's key.
//
// One endpoint serves all accounts and regions: the account follows from the
// access key id, region and service from the SigV4 credential scope, and the
// signature is verified for real.
//
// What happens later is decided when a call is accepted: every machine carries
// a timeline of phases, some of them in the future, and its state is a lookup
// by time. So there is no goroutine per machine, a test moves a clock instead
// of sleeping, a lagging read is a lookup of the past, and a restart loses
// nothing.
//
// Roles are taken by AssumeRole with real trust policies and external ids; their
// sessions may do what the role's own policies say.
//
// Not simulated: creating and terminating machines, volumes, networks, prices,
// metrics, hibernation, requests signed in the query, policies on single
// resources or with other conditions than StringEquals and Bool, sessions that
// take further roles, and eventual consistency (but see FaultLag).
//
// It must not import an SDK or anything of the product: it is the other side.
// Its keys are not secrets; no real credential belongs in an Estate.
package sim
