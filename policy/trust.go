package policy

import "sessionwarden"

// A trust with an end speaks for a session that comes from what it names. What
// each kind does:
//
//   - a network or an address does what trusted_networks do;
//   - an ASN says that this network is the owner's, wherever it seems to be: the
//     rules about its place, its kind and its novelty are silent;
//   - a country is expected and known while the trust holds, by our location
//     data, and it is another time of the day there; where the service names
//     another country that is not expected, the place is disputed as under
//     expected_countries, and the rules speak.
//
// All other rules go on as ever: session_moved where network and device both
// changed, concurrent_countries, respawned. Exits of the Tor network are
// covered by no country and no ASN.

// trusted returns the trust with an end that speaks for s, the strongest first:
// its network, its ASN, its country. A rule that rests on where a person is
// treats such a session as it treats one from a known place.
func trusted(a *sessionwarden.Account, s *sessionwarden.Sighting) (sessionwarden.Trust, bool) {
	if len(a.Granted) == 0 {
		return sessionwarden.Trust{}, false
	}
	for _, kind := range [...]func(*sessionwarden.Trust) bool{ofNetwork, ofASN} {
		if t := granted(a, s, kind); t != nil {
			return *t, true
		}
	}
	if t := granted(a, s, ofCountry); t != nil && undisputed(a, s) {
		return *t, true
	}
	return sessionwarden.Trust{}, false
}

// Silenced reports whether a trust with an end that speaks for s makes rule ask
// for nothing on it.
func Silenced(a sessionwarden.Account, s sessionwarden.Sighting, rule sessionwarden.Rule) bool {
	t, ok := trusted(&a, &s)
	if !ok || ofNetwork(&t) {
		return ok
	}
	switch rule {
	case sessionwarden.UnexpectedCountry, sessionwarden.LocationMismatch, sessionwarden.NewCountry, sessionwarden.Stranger,
		sessionwarden.ImpossibleTravel, sessionwarden.DormantReturn:
		return true
	case sessionwarden.OddHours:
		return ofCountry(&t)
	case sessionwarden.UnknownCountry, sessionwarden.NewNetwork, sessionwarden.HostingNetwork, sessionwarden.VPNNetwork, sessionwarden.ShortLived:
		return ofASN(&t)
	}
	return false
}

// The kinds of trust.
func ofNetwork(t *sessionwarden.Trust) bool { return t.Network.IsValid() }
func ofASN(t *sessionwarden.Trust) bool     { return !t.Network.IsValid() && t.ASN != 0 }
func ofCountry(t *sessionwarden.Trust) bool { return !t.Network.IsValid() && t.ASN == 0 }

// granted returns the trust of one kind that covers s by our own location data;
// nil if there is none.
func granted(a *sessionwarden.Account, s *sessionwarden.Sighting, kind func(*sessionwarden.Trust) bool) *sessionwarden.Trust {
	for i := range a.Granted {
		if t := &a.Granted[i]; kind(t) && t.Covers(*s) {
			return t
		}
	}
	return nil
}

// undisputed reports whether the service puts s where we do, in a country that
// is expected, in one that is trusted too, or nowhere.
func undisputed(a *sessionwarden.Account, s *sessionwarden.Sighting) bool {
	theirs := s.ServiceCountry
	return theirs == "" || theirs == s.Location.Country || a.Expects(theirs) || countryGranted(a, theirs)
}

func countryGranted(a *sessionwarden.Account, country sessionwarden.Country) bool {
	for i := range a.Granted {
		if t := &a.Granted[i]; ofCountry(t) && t.Country == country && country != "" {
			return true
		}
	}
	return false
}

// lent reports whether only a trust with an end speaks for s: the profile does
// not learn from it.
func lent(a *sessionwarden.Account, s *sessionwarden.Sighting) bool {
	if len(a.Granted) == 0 || s.Denied {
		return false
	}
	plain := *a
	plain.Granted = nil
	if _, configured := plain.Trusts(s.Addr); configured {
		return false
	}
	_, only := trusted(a, s)
	return only
}

// speaker is the trust with an end in one judgement.
type speaker struct {
	trust    *sessionwarden.Trust // nil: none speaks for the session
	counts   bool                 // it has lowered or silenced something
	network  bool                 // it is of the network or the address
	asn      bool                 // it is of the ASN
	country  bool                 // it is of the country, by our location data
	disputed bool                 // of the country, and the service names one that is not expected
}

// findSpeaker looks which trust speaks for the judged session.
func findSpeaker(c *Case) speaker {
	a, s := &c.Account, &c.Sighting
	if len(a.Granted) == 0 {
		return speaker{}
	}
	if t := granted(a, s, ofNetwork); t != nil {
		return speaker{trust: t, network: true}
	}
	if t := granted(a, s, ofASN); t != nil {
		return speaker{trust: t, asn: true}
	}
	if t := granted(a, s, ofCountry); t != nil {
		return speaker{trust: t, country: true, disputed: !undisputed(a, s)}
	}
	return speaker{}
}

// vouchedPlace reports whether a trust makes a rule about where the session is
// silent, and notes that it counted: ask it last, of a rule that would speak.
func (j *judgement) vouchedPlace() bool {
	if !j.speaker.asn && (!j.speaker.country || j.speaker.disputed) {
		return false
	}
	j.speaker.counts = true
	return true
}

// vouchedNetwork is vouchedPlace for rules about the network.
func (j *judgement) vouchedNetwork() bool { return j.speaker.asn && j.vouchedPlace() }

// why says why a rule is silent.
func (s speaker) why() string { return s.trust.String() + " counts" }

// sayTrust names the trust that counted in what is left to be said.
func (j *judgement) sayTrust() {
	if !j.speaker.counts {
		return
	}
	text := j.speaker.trust.String()
	for i := range j.found {
		f := &j.found[i]
		f.Reason += " T" + text[1:] + " counts."
		f.Facts = append(f.Facts[:len(f.Facts):len(f.Facts)], sessionwarden.Fact{Name: FactTrust, Value: text})
	}
}
