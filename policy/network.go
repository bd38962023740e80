package policy

import "sessionwarden"

// networkRules asks about the kind of network. A data centre, a VPN or even Tor
// is where our own session may well come from, so it is not asked about that one.
//
// What silences them differs: an address of a data centre may be the owner's
// own machine, but whoever trusts an exit of Tor or of a VPN trusts everybody
// behind it.
func (j *judgement) networkRules() {
	c := &j.c
	if c.Sighting.Ownership == sessionwarden.Own {
		return
	}
	l := &c.Sighting.Location
	if rule := sessionwarden.TorNetwork; l.Tor && j.asks(rule) {
		j.record(j.says(rule, torReason(c), ruleLine(c.Account, rule, sessionwarden.Log)))
	}
	if rule := sessionwarden.HostingNetwork; l.Network == sessionwarden.Hosting && j.asks(rule) {
		j.record(j.says(rule, hostingReason(c), trustLine(c, rule)))
	}
	if rule := sessionwarden.VPNNetwork; l.VPN && j.asks(rule) {
		j.record(j.says(rule, vpnReason(c), ruleLine(c.Account, rule, sessionwarden.Off)))
	}
}
