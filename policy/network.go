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
		j.abstain("it is the watch's own session, which may well come from there", sessionwarden.TorNetwork, sessionwarden.HostingNetwork, sessionwarden.VPNNetwork)
		return
	}
	l := &c.Sighting.Location
	if rule := sessionwarden.TorNetwork; !l.Tor {
		j.abstain("its address is no exit of Tor on the list, or there is no list", rule)
	} else if j.asks(rule) {
		j.record(j.says(rule, torReason(c), ruleLine(c.Account, rule, sessionwarden.Log)))
	}
	if rule := sessionwarden.HostingNetwork; l.Network != sessionwarden.Hosting {
		j.abstain("its address is of no known hosting network", rule)
	} else if j.speaker.asn && j.asks(rule) && j.vouchedNetwork() {
		j.silent(rule, j.speaker.why())
	} else if j.asks(rule) {
		j.record(j.says(rule, hostingReason(c), trustLine(c, rule)))
	}
	if rule := sessionwarden.VPNNetwork; !l.VPN {
		j.abstain("its address is of no VPN provider on the list, or there is no list", rule)
	} else if j.speaker.asn && j.asks(rule) && j.vouchedNetwork() {
		j.silent(rule, j.speaker.why())
	} else if j.asks(rule) {
		j.record(j.says(rule, vpnReason(c), ruleLine(c.Account, rule, sessionwarden.Off)))
	}
}
