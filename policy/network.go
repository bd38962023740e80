package policy

import "sessionwarden"

// networkRules asks about the kind of network. A data centre is where our own
// session may well live, so it is not asked about that one.
func (j *judgement) networkRules() {
	c, rule := &j.c, sessionwarden.HostingNetwork
	if c.Sighting.Location.Network != sessionwarden.Hosting || c.Sighting.Ownership == sessionwarden.Own || !j.asks(rule) {
		return
	}
	j.record(j.says(rule, hostingReason(c), trustLine(c, rule)))
}
