package sim

import (
	"strings"
	"time"
)

const (
	actionStart = "StartInstances"
	actionStop  = "StopInstances"
)

// never is the delay of a machine that stays in its transition.
const never = time.Duration(-1)

func (s *Sim) startInstances(q *request) (result, *apiError) {
	targets, failed := s.targets(q)
	if failed != nil {
		return result{}, failed
	}
	// A one-time spot machine cannot be stopped, so it is never found stopped;
	// only the states remain to be looked at.
	if wrong := inState(targets, Stopping, ShuttingDown, Terminated); wrong != nil {
		return result{}, errState(wrong,
			"The instance %s is not in a state from which it can be started.",
			"The instances %s are not in a state from which they can be started.")
	}
	if !s.throttle.take(q.place(), "machines:"+q.action, bucketStartMachines, len(targets), q.now) {
		return result{}, errThrottled()
	}
	var res result
	doc := &startDocument{}
	for _, t := range targets {
		now := t.phase.State
		if now == Stopped {
			now = Pending
			res.effects = append(res.effects, s.start(q, t.machine)...)
		}
		doc.Changes = append(doc.Changes, changeItem{t.ID, now.item(), t.phase.State.item()})
		res.changes = append(res.changes, Change{t.ID, t.phase.State, now})
	}
	res.body = doc
	return res, nil
}

func (s *Sim) stopInstances(q *request) (result, *apiError) {
	targets, failed := s.targets(q)
	if failed == nil {
		failed = unstoppable(targets)
	}
	if failed != nil {
		return result{}, failed
	}
	if !s.throttle.take(q.place(), "machines:"+q.action, bucketStopMachines, len(targets), q.now) {
		return result{}, errThrottled()
	}
	var res result
	doc := &stopDocument{}
	for _, t := range targets {
		now := t.phase.State
		if now == Running {
			now = Stopping
			res.effects = append(res.effects, s.stop(q, t.machine)...)
		}
		doc.Changes = append(doc.Changes, changeItem{t.ID, now.item(), t.phase.State.item()})
		res.changes = append(res.changes, Change{t.ID, t.phase.State, now})
	}
	res.body = doc
	return res, nil
}

// targets are the machines of a change of power. All or nothing: one id that
// is malformed or unknown fails the call. The caller's permission has been
// looked at before; a dry run ends here.
func (s *Sim) targets(q *request) ([]seen, *apiError) {
	if len(q.ids) == 0 {
		return nil, missingParameter("InstanceId")
	}
	out, failed := s.byID(q)
	if failed == nil && q.dryRun {
		failed = errDryRun()
	}
	return out, failed
}

// unstoppable names the machines that keep the whole call from happening.
// EC2's lifecycle has pending machines that can be stopped (started again, not
// launched); here none can, which is the harder case for a client.
func unstoppable(targets []seen) *apiError {
	var store, spot []string
	for _, t := range targets {
		switch {
		case t.InstanceStore:
			store = append(store, t.ID)
		case t.Spot && !t.SpotPersistent:
			spot = append(spot, t.ID)
		}
	}
	if store != nil {
		return badRequest("UnsupportedOperation", "%s", about(store,
			"The instance %s does not have an 'ebs' root device type and cannot be stopped.",
			"The instances %s do not have an 'ebs' root device type and cannot be stopped."))
	}
	if spot != nil {
		return badRequest("UnsupportedOperation", "%s", about(spot,
			"You can't stop the Spot Instance %s because it is associated with a one-time Spot Instance request. You can only stop Spot Instances associated with persistent Spot Instance requests.",
			"You can't stop the Spot Instances %s because they are associated with a one-time Spot Instance request. You can only stop Spot Instances associated with persistent Spot Instance requests."))
	}
	if wrong := inState(targets, Pending); wrong != nil {
		return errState(wrong,
			"Instance %s cannot be stopped as it has never reached the 'running' state.",
			"Instances %s cannot be stopped as they have never reached the 'running' state.")
	}
	if wrong := inState(targets, ShuttingDown, Terminated); wrong != nil {
		return errState(wrong,
			"This instance %s is not in a state from which it can be stopped.",
			"These instances %s are not in a state from which they can be stopped.")
	}
	return nil
}

func inState(targets []seen, states ...State) []string {
	var out []string
	for _, t := range targets {
		for _, st := range states {
			if t.phase.State == st {
				out = append(out, t.ID)
			}
		}
	}
	return out
}

func errState(ids []string, one, many string) *apiError {
	return badRequest("IncorrectInstanceState", "%s", about(ids, one, many))
}

// about puts the ids into a message: 'i-1' or 'i-1, i-2'.
func about(ids []string, one, many string) string {
	format := one
	if len(ids) > 1 {
		format = many
	}
	return strings.Replace(format, "%s", "'"+strings.Join(ids, ", ")+"'", 1)
}

// stop plans what happens to a running machine: the whole future, including
// the group that terminates and replaces it.
func (s *Sim) stop(q *request, m *machine) []effect {
	if _, ok := q.touches(FaultIgnored, m.ID); ok {
		return nil
	}
	b, elastic := s.world.estate.Behaviour, !m.AutoPublicIP
	if _, ok := q.touches(FaultStuck, m.ID); ok {
		return []effect{{Account: m.account, ID: m.ID, Phases: stopPhases(m.past(q.now), q.now, never, elastic)}}
	}
	stopped := q.now.Add(s.world.draw(b.Stop))
	phases := stopPhases(m.past(q.now), q.now, stopped.Sub(q.now), elastic)
	if m.Tags[tagGroup] == "" {
		return []effect{{Account: m.account, ID: m.ID, Phases: phases}}
	}
	noticed := stopped.Add(s.world.draw(b.Replace))
	heir := m.Instance
	heir.ID = s.world.newID()
	heir.State, heir.StateReason, heir.Launched = Pending, "", noticed.UTC().Truncate(time.Second)
	heir.PrivateIP = privateIP(byte(s.world.rng.Uint32()), uint16(s.world.rng.Uint32()))
	heir.PublicIP = ""
	if m.AutoPublicIP {
		heir.PublicIP = s.publicIP(m)
	}
	return []effect{
		{Account: m.account, ID: m.ID, Phases: replacePhases(phases, noticed, s.world.draw(b.Stop), heir.ID)},
		{Account: m.account, ID: heir.ID, Born: &heir, Phases: startPhases(nil, noticed, s.world.draw(b.Start), heir.PublicIP)},
	}
}

// start plans a start. A member that is running again before its group noticed
// is not replaced.
func (s *Sim) start(q *request, m *machine) []effect {
	if _, ok := q.touches(FaultIgnored, m.ID); ok {
		return nil
	}
	delay := s.world.draw(s.world.estate.Behaviour.Start)
	if _, ok := q.touches(FaultStuck, m.ID); ok {
		delay = never
	}
	out := []effect{{Account: m.account, ID: m.ID, Phases: startPhases(m.past(q.now), q.now, delay, s.publicIP(m))}}
	if heir := m.plannedHeir(q.now); heir != "" {
		out = append(out, effect{Account: m.account, ID: heir, Gone: true})
	}
	return out
}

// publicIP is the address with which a machine comes up.
func (s *Sim) publicIP(m *machine) string {
	if m.AutoPublicIP {
		return publicIP(uint16(s.world.rng.Uint32()))
	}
	return m.PublicIP
}
