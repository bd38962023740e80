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

// stand looks for live sessions that vouch for what s has. Our own session
// and suspicious ones vouch for nothing, nor does s for itself.
func stand(live []sessionwarden.Sighting, s *sessionwarden.Sighting) ground {
	var g ground
	country, asn := placed(s.Location), s.Location.ASN
	for i := range live {
		w := &live[i]
		if !fromStart(w) && !w.Learned || w.Seq == s.Seq || w.Account != s.Account || w.Ownership.Untouchable() || !clean(w) {
			continue
		}
		if known := placed(w.Location); known != "" {
			g.countries = true
			g.country = g.country || known == country
		}
		if w.Location.ASN != 0 {
			g.networks = true
			g.network = g.network || w.Location.ASN == asn
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
func (j *judgement) noveltyRules() {
	c, s := &j.c, &j.c.Sighting
	if c.First || s.Ownership == sessionwarden.Own || s.Baseline && c.Before == nil {
		return
	}
	country, asn := placed(s.Location), s.Location.ASN
	_, hasCountry := c.Profile.Countries[country]
	_, hasNetwork := c.Profile.Networks[asn]
	_, hasDevice := c.Profile.Devices[s.Device]
	newCountry := country != "" && !hasCountry && !c.Relocated && j.asks(sessionwarden.NewCountry)
	newNetwork := asn != 0 && !hasNetwork && !c.Relocated && j.asks(sessionwarden.NewNetwork)
	newDevice := s.Device != "" && !hasDevice && j.asks(sessionwarden.NewDevice)
	if !newCountry && !newNetwork && !newDevice {
		return
	}
	g := stand(c.Live, s)
	if newCountry && !g.country && (g.countries || len(c.Profile.Countries) > 0) {
		rule := sessionwarden.NewCountry
		j.record(j.says(rule, newCountryReason(c), ruleLine(c.Account, rule, sessionwarden.Log), profileCountries(c.Profile)))
	}
	if newNetwork && !g.network && (g.networks || len(c.Profile.Networks) > 0) {
		rule := sessionwarden.NewNetwork
		j.record(j.says(rule, newNetworkReason(c), ruleLine(c.Account, rule, sessionwarden.Off)))
	}
	if newDevice && !g.device && (g.devices || len(c.Profile.Devices) > 0) {
		rule := sessionwarden.NewDevice
		j.record(j.says(rule, newDeviceReason(c), ruleLine(c.Account, rule, sessionwarden.Off), profileDevices(c.Profile)))
	}
}

// Stranger reports whether both the network (ASN) and the country of s are new
// to the account: neither the profile nor a live clean session from the start
// has one of them. What is unknown counts as new. The device does not count,
// as it can be copied.
func Stranger(h sessionwarden.History, s sessionwarden.Sighting) bool {
	if country := placed(s.Location); country != "" {
		if _, known := h.Profile.Countries[country]; known {
			return false
		}
	}
	if s.Location.ASN != 0 {
		if _, known := h.Profile.Networks[s.Location.ASN]; known {
			return false
		}
	}
	g := stand(h.Live, &s)
	return !g.country && !g.network
}
