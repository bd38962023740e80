package policy

import (
	"time"

	"sessionwarden"
)

const (
	// comebackWithin is how long after a disconnection the same one is taken to
	// be back.
	comebackWithin = time.Hour
	// looked is how long a poll may have been ago for a session that nobody saw
	// live to be a short one. After a longer gap it says only that nobody looked.
	looked = 10 * time.Minute
)

// comebackRules ask about sessions that do not stay and about those that come
// again.
func (j *judgement) comebackRules() {
	j.shortLived()
	j.respawned()
}

// shortLived asks about a session that came and went between two polls. Where
// its place is the owner's he only looked in for a moment.
func (j *judgement) shortLived() {
	c, s, rule := &j.c, &j.c.Sighting, sessionwarden.ShortLived
	if !j.asks(rule) {
		return
	}
	switch {
	case !c.Late:
		j.silent(rule, "it was seen live")
	case c.First || s.Baseline:
		j.silent(rule, "it was over before the first poll")
	case s.Ownership == sessionwarden.Own:
		j.silent(rule, "it is the watch's own session")
	case j.atHome():
		j.silent(rule, "its country and its network are known of this account")
	case j.vouchedNetwork():
		j.silent(rule, j.speaker.why())
	default:
		reason := "Was signed in from " + whereText(s.Location) + " and gone again between two polls."
		v := j.says(rule, reason, ruleLine(c.Account, rule, sessionwarden.Log))
		if c.Unseen > looked {
			v.reason = "Was signed in from " + whereText(s.Location) + " and gone again while nobody looked, for " + spanText(c.Unseen) + "."
			v.ceiling, v.ceilWhy = sessionwarden.Log, "nobody looked for "+spanText(c.Unseen)+", so it need not have been short"
		}
		j.record(v)
	}
}

// atHome reports whether both country and network of the judged session are
// known of the account.
func (j *judgement) atHome() bool {
	c, s := &j.c, &j.c.Sighting
	g := stand(&c.Account, c.Live, s)
	country := placed(s.Location)
	return country != "" && (g.country || known(c.Profile.Countries, country, &c.Profile)) &&
		s.Location.ASN != 0 && (g.network || known(c.Profile.Networks, s.Location.ASN, &c.Profile))
}

// respawned asks whether somebody whom we disconnected signs in again: from the
// same network, from the same country that is not the owner's, or with the same
// kind of device from a place that is not his.
func (j *judgement) respawned() {
	c, s, rule := &j.c, &j.c.Sighting, sessionwarden.Respawned
	if !j.asks(rule) {
		return
	}
	switch {
	case c.First || s.Baseline:
		j.silent(rule, "it was there at the first poll")
		return
	case s.Ownership == sessionwarden.Own:
		j.silent(rule, "it is the watch's own session")
		return
	case c.Before != nil:
		j.silent(rule, "the session is not new, it goes on")
		return
	}
	var back *sessionwarden.Sighting
	same := ""
	for i := range c.Recent {
		w := &c.Recent[i]
		since := s.Used().Sub(w.EndedAt)
		if w.EndedAt.IsZero() || w.Account != s.Account || w.Seq == s.Seq || since > comebackWithin || since < -comebackWithin {
			continue
		}
		if what := j.sameAs(w); what != "" && (back == nil || w.EndedAt.After(back.EndedAt)) {
			back, same = w, what
		}
	}
	if back == nil {
		j.silent(rule, "nobody like it was disconnected within the hour before")
		return
	}
	reason := "Back " + spanText(max(0, c.Now.Sub(back.EndedAt))) + " after session " + sessionText(*back) + " was disconnected, " + same +
		": they can still sign in. Change the password, revoke the API key, and sign out everywhere on Steam."
	j.record(j.says(rule, reason, ruleLine(c.Account, rule, sessionwarden.Log),
		append(beforeFacts(back), sessionwarden.Fact{Name: FactEnded, Value: timeText(back.EndedAt)})...))
}

// sameAs says what the judged session has in common with one that was
// disconnected, where that is not the owner's own; "" for nothing.
func (j *judgement) sameAs(w *sessionwarden.Sighting) string {
	s := &j.c.Sighting
	switch {
	case sessionwarden.SamePlace(s.Addr, w.Addr):
		return "from the same address"
	case j.atHome():
		return ""
	case s.Location.ASN != 0 && s.Location.ASN == w.Location.ASN:
		return "from the same network"
	case placed(s.Location) != "" && placed(s.Location) == placed(w.Location):
		return "from the same country"
	case s.Device != "" && s.Device == w.Device:
		return "with the same kind of device"
	}
	return ""
}
