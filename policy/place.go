package policy

import "sessionwarden"

// placeRules asks the three rules about where the session is. There are two
// witnesses, our location data and the service. Where we know no place, or
// where the two differ and exactly one of them names an expected country, the
// place is uncertain and a person is asked; where all that speak name
// unexpected countries, it is certain enough.
func (j *judgement) placeRules() {
	c := &j.c
	ours, theirs := placed(c.Sighting.Location), c.Sighting.ServiceCountry
	switch {
	case ours == "":
		j.abstain("our location data knows no place for its address", sessionwarden.LocationMismatch)
		if j.speaker.asn && j.vouchedPlace() {
			j.abstain(j.speaker.why(), sessionwarden.UnknownCountry, sessionwarden.UnexpectedCountry)
			return
		}
		j.unknownPlace(theirs)
		return
	case theirs != "" && theirs != ours:
		j.twoPlaces(ours, theirs)
	case len(c.Account.Expected) > 0 && !c.Account.Expects(ours) && !j.vouchedPlace():
		j.abstain(oneWitness(theirs), sessionwarden.LocationMismatch)
		j.unexpected(ours, theirs)
	default:
		j.abstain(oneWitness(theirs), sessionwarden.LocationMismatch)
		j.notUnexpected(ours, theirs)
	}
	if j.explains() {
		j.abstain("its address lies in "+ours.Name(), sessionwarden.UnknownCountry)
	}
}

// oneWitness says why the service and our data do not differ.
func oneWitness(theirs sessionwarden.Country) string {
	if theirs == "" {
		return "the service names no country, so there is nothing to compare"
	}
	return "the service names the same country as our location data"
}

// notUnexpected says why unexpected_country finds nothing on a session in ours.
func (j *judgement) notUnexpected(ours, theirs sessionwarden.Country) {
	if !j.explains() {
		return
	}
	c, rule := &j.c, sessionwarden.UnexpectedCountry
	switch {
	case len(c.Account.Expected) == 0:
		j.abstain("expected_countries is not set for this account", rule)
	case j.speaker.counts && !j.speaker.network && !j.speaker.disputed:
		j.abstain(j.speaker.why(), rule)
	case c.Account.Expects(ours) && (theirs == "" || c.Account.Expects(theirs)):
		j.abstain(ours.Name()+" is expected", rule)
	default:
		j.abstain("its place is disputed: the service says "+theirs.Name()+", our location data "+ours.Name()+"; location_mismatch speaks", rule)
	}
}

// unknownPlace judges a session that we cannot place.
func (j *judgement) unknownPlace(theirs sessionwarden.Country) {
	c, rule := &j.c, sessionwarden.UnknownCountry
	if j.asks(rule) {
		j.record(j.says(rule, unknownReason(c, theirs), trustLine(c, rule)))
	}
	// Whoever has unknown places only recorded still wants to hear of a
	// country that the service calls by a name that is not expected.
	if theirs == "" || len(c.Account.Expected) == 0 || c.Account.Expects(theirs) || c.Account.Response(rule) >= sessionwarden.Ask {
		j.abstain("our location data knows no place for its address; unknown_country speaks", sessionwarden.UnexpectedCountry)
		return
	}
	if j.asks(sessionwarden.UnexpectedCountry) {
		reason := came(c) + "from " + theirs.Name() + ", as the service says, while our location data knows no place for " +
			addrText(c.Sighting) + "; you expect " + expectedText(c.Account) + "."
		v := j.says(sessionwarden.UnexpectedCountry, reason, expectLine(c, theirs), expectedFact(c.Account))
		v.ceiling, v.ceilWhy = sessionwarden.Ask, "our location data knows no place for its address"
		j.record(v)
	}
}

// twoPlaces judges a session that the service puts into another country than
// we do.
func (j *judgement) twoPlaces(ours, theirs sessionwarden.Country) {
	c, rule := &j.c, sessionwarden.LocationMismatch
	said := len(c.Account.Expected) > 0
	expectOurs, expectTheirs := c.Account.Expects(ours), c.Account.Expects(theirs)
	if said && j.speaker.country {
		granted := !expectTheirs && countryGranted(&c.Account, theirs)
		j.speaker.counts = j.speaker.counts || !expectOurs || granted
		expectOurs, expectTheirs = true, expectTheirs || granted
	}
	disputed := said && expectOurs != expectTheirs
	outside := said && !expectOurs && !expectTheirs
	if j.vouchedNetwork() {
		disputed, outside = false, false // wherever this network seems to be, it is the owner's
	}

	if c.Account.Response(rule) != sessionwarden.Off {
		v := j.says(rule, mismatchReason(c, ours, theirs, expectOurs, expectTheirs), ruleLine(c.Account, rule, sessionwarden.Off))
		if j.speaker.asn {
			v.ceiling, v.ceilWhy = sessionwarden.Log, "its network is trusted, wherever it seems to be"
		}
		if said {
			v.facts = append(v.facts, expectedFact(c.Account))
		}
		if disputed {
			v.response = max(v.response, sessionwarden.Ask)
			v.severity = sessionwarden.Critical
			v.silence = expectLine(c, ours, theirs)
		}
		j.record(v)
	} else {
		j.silent(rule, isOff)
	}
	switch {
	case outside:
		j.unexpected(ours, theirs)
	case !disputed || c.Account.Response(rule) != sessionwarden.Off:
		j.notUnexpected(ours, theirs)
	case j.asks(sessionwarden.UnexpectedCountry):
		v := j.says(sessionwarden.UnexpectedCountry, mismatchReason(c, ours, theirs, expectOurs, expectTheirs), expectLine(c, ours, theirs), expectedFact(c.Account))
		v.ceiling, v.ceilWhy = sessionwarden.Ask, "its place is disputed: the service and our location data differ"
		j.record(v)
	}
}

// unexpected judges a session whose place is certain enough, and not expected.
func (j *judgement) unexpected(ours, theirs sessionwarden.Country) {
	c, rule := &j.c, sessionwarden.UnexpectedCountry
	if j.asks(rule) {
		j.record(j.says(rule, unexpectedReason(c, ours, theirs), expectLine(c, ours, theirs), expectedFact(c.Account)))
	}
}
