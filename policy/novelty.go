package policy

import "sessionwarden"

// ground is what an account's sessions stand on: what is known beside the
// profile, from live sessions that were there from the start or that the
// profile has learned from.
type ground struct {
	country, network, device bool // such a session shares it with the judged one
	countries, networks      bool // there is such a session that has any
	devices                  bool
}

// stand looks for live sessions of a that vouch for what s has. Our own session
// and suspicious ones vouch for nothing, nor does s for itself. What the profile
// does not learn from a hosting network, a session there does not vouch for
// either: there is something to compare with, and no more.
func stand(a *sessionwarden.Account, live []sessionwarden.Sighting, s *sessionwarden.Sighting) ground {
	var g ground
	country, asn := placed(s.Location), s.Location.ASN
	for i := range live {
		w := &live[i]
		if !fromStart(w) && !w.Learned || w.Seq == s.Seq || w.Account != s.Account || w.Ownership.Untouchable() || !clean(w) {
			continue
		}
		vouches := !hosts(a, w)
		if known := placed(w.Location); known != "" {
			g.countries = true
			g.country = g.country || vouches && known == country
		}
		if w.Location.ASN != 0 {
			g.networks = true
			g.network = g.network || vouches && w.Location.ASN == asn
		}
		if w.Device != "" {
			g.devices = true
			g.device = g.device || w.Device == s.Device
		}
	}
	return g
}

// fromStart reports whether s was there at the account's first poll as it is
// now: a session that has changed since brings new facts.
func fromStart(s *sessionwarden.Sighting) bool {
	return s.Baseline && !s.Spoke(sessionwarden.SessionMoved) && !s.Spoke(sessionwarden.SessionRoamed)
}

// clean reports whether no rule has found more than a note on s, or its owner
// claimed it.
func clean(s *sessionwarden.Sighting) bool { return s.Denied || !s.Suspicious() }

// noveltyRules asks what is new to the account. A rule that has nothing to
// compare with abstains: at the first poll, for what was there then, and as
// long as nothing is known. So it does where only our location data changed:
// that is no new place.
//
// What is new counts together: a network and a country that are both new are one
// matter, and stranger speaks for the two. While the account is still learned,
// and where stranger is off, they speak for themselves.
func (j *judgement) noveltyRules() {
	c, s := &j.c, &j.c.Sighting
	switch {
	case c.First || s.Baseline && c.Before == nil:
		j.abstain("it was there at the first poll: there was nothing to compare it with", noveltyNames[:]...)
		return
	case s.Ownership == sessionwarden.Own:
		j.abstain("it is the watch's own session", noveltyNames[:]...)
		return
	}
	n := j.novelty()
	stranger := j.stranger(n)
	if rule := sessionwarden.NewCountry; j.asks(rule) {
		switch {
		case !n.country:
			j.silent(rule, n.countryWhy)
		case stranger:
			j.silent(rule, inStranger)
		default:
			j.record(j.says(rule, newCountryReason(c), countryRuleLine(c, rule), profileCountries(c.Profile)))
		}
	}
	if rule := sessionwarden.NewNetwork; j.asks(rule) {
		switch {
		case !n.network:
			j.silent(rule, n.networkWhy)
		case stranger:
			j.silent(rule, inStranger)
		default:
			j.record(j.says(rule, newNetworkReason(c), ruleLine(c.Account, rule, sessionwarden.Off)))
		}
	}
	if rule := sessionwarden.NewDevice; j.asks(rule) {
		if !n.device {
			j.silent(rule, n.deviceWhy)
		} else {
			j.record(j.says(rule, newDeviceReason(c), ruleLine(c.Account, rule, sessionwarden.Off), profileDevices(c.Profile)))
		}
	}
}

// noveltyNames are the rules about what is new.
var noveltyNames = [...]sessionwarden.Rule{sessionwarden.Stranger, sessionwarden.NewCountry, sessionwarden.NewNetwork, sessionwarden.NewDevice}

const inStranger = "the rule stranger speaks for country and network together"

// stranger asks whether country and network are both new, and reports whether
// they are.
func (j *judgement) stranger(n novelty) bool {
	c, rule := &j.c, sessionwarden.Stranger
	switch {
	case c.Account.Response(rule) == sessionwarden.Off:
		j.silent(rule, isOff)
		return false
	case !c.Learning.IsZero():
		j.silent(rule, "the account is still being learned: country and network are looked at one by one")
		return false
	case !n.country:
		j.silent(rule, n.countryWhy)
		return false
	case !n.network && c.Sighting.Location.ASN != 0:
		j.silent(rule, n.networkWhy)
		return false
	}
	v := j.says(rule, strangerReason(c, n.device), countryRuleLine(c, rule), profileCountries(c.Profile))
	// It speaks for two rules: what the owner wants of these at the least is
	// what he gets.
	for _, other := range [...]sessionwarden.Rule{sessionwarden.NewCountry, sessionwarden.NewNetwork} {
		if wants := c.Account.Response(other); wants > sessionwarden.Notify && wants > v.response {
			v.response, v.silence = wants, ruleLine(c.Account, other, sessionwarden.Log)
		}
	}
	j.record(v)
	return true
}

// novelty is what of a sighting is new to the account, and why not where it is
// not.
type novelty struct {
	country, network, device          bool
	countryWhy, networkWhy, deviceWhy string
}

func (j *judgement) novelty() (n novelty) {
	c, s := &j.c, &j.c.Sighting
	country, asn := placed(s.Location), s.Location.ASN
	n.country = country != "" && !known(c.Profile.Countries, country, &c.Profile) && !c.Relocated
	n.network = asn != 0 && !known(c.Profile.Networks, asn, &c.Profile) && !c.Relocated
	n.device = s.Device != "" && !known(c.Profile.Devices, s.Device, &c.Profile)
	if n.country || n.network || n.device {
		g := stand(&c.Account, c.Live, s)
		n.country = n.country && !g.country && (g.countries || len(c.Profile.Countries) > 0)
		n.network = n.network && !g.network && (g.networks || len(c.Profile.Networks) > 0)
		n.device = n.device && !g.device && (g.devices || len(c.Profile.Devices) > 0)
	}
	lentCountry := n.country && j.vouchedPlace()
	lentNetwork := n.network && j.vouchedNetwork()
	n.country, n.network = n.country && !lentCountry, n.network && !lentNetwork
	if !j.explains() {
		return n
	}
	why := func(isNew, is, profiled, relocated bool, what string) string {
		switch {
		case isNew:
			return ""
		case !is:
			return "its " + what + " is not known"
		case relocated:
			return "only our location data changed, not the session"
		case profiled:
			return "the " + what + " is known of this account"
		}
		return "nothing is known yet to compare its " + what + " with, or a session that was there from the start has the same"
	}
	n.countryWhy = why(n.country, country != "", known(c.Profile.Countries, country, &c.Profile), c.Relocated, "country")
	n.networkWhy = why(n.network, asn != 0, known(c.Profile.Networks, asn, &c.Profile), c.Relocated, "network")
	if lentCountry {
		n.countryWhy = j.speaker.why()
	}
	if lentNetwork {
		n.networkWhy = j.speaker.why()
	}
	n.deviceWhy = why(n.device, s.Device != "", known(c.Profile.Devices, s.Device, &c.Profile), false, "device")
	return n
}

// Stranger reports whether both the network (ASN) and the country of s are new
// to the account: neither the profile nor a live clean session from the start
// has one of them. What is unknown counts as new. The device does not count,
// as it can be copied.
func Stranger(a sessionwarden.Account, h sessionwarden.History, s sessionwarden.Sighting) bool {
	if country := placed(s.Location); country != "" && known(h.Profile.Countries, country, &h.Profile) {
		return false
	}
	if s.Location.ASN != 0 && known(h.Profile.Networks, s.Location.ASN, &h.Profile) {
		return false
	}
	g := stand(&a, h.Live, &s)
	return !g.country && !g.network
}
