package policy

import (
	"cmp"
	"slices"
	"time"

	"sessionwarden"
)

// Case is one sighting to be judged, with all that the judgement may rest on.
type Case struct {
	Account sessionwarden.Account
	Profile sessionwarden.Profile
	Live    []sessionwarden.Sighting // the account's live sightings; the judged one may be among them
	Recent  []sessionwarden.Sighting // those that ended within a day

	Sighting sessionwarden.Sighting  // what is judged: located, its Device filled, its Verdicts as they are
	Before   *sessionwarden.Sighting // the same session until its facts changed; nil for a new session

	First          bool   // the account's first poll: what is there is the baseline, history rules abstain
	Relocated      bool   // nothing changed but our location data: findings ask at most
	Late           bool   // seen only among the expired: it is over, there is nothing to end
	WasOwn         bool   // until now it counted as our own session: findings ask at most
	LocationFailed string // why the location data cannot be relied on; "" it can
	Now            time.Time

	Learning time.Time     // until when the account is still learned, at the latest; zero: that is over
	Unseen   time.Duration // how long nobody had looked before this poll
	ManyTold time.Time     // when people were told last that there are many sessions

	// Distance returns the least distance of two countries in kilometres, and
	// whether it is known. Nil: no distance is known.
	Distance func(a, b sessionwarden.Country) (km float64, known bool)

	// Abstained is told of each own rule that could not be worked out, and why.
	// Nil: nobody wants to know.
	Abstained func(rule sessionwarden.OwnRule, why string)
}

// Judge asks every rule about one sighting and returns what they found, the
// most urgent first. Rules that are off find nothing, nor does any rule on a
// session that its owner claimed (Denied) or that is another account's. One that
// has spoken on these facts before speaks again where it asks for more now.
//
// Findings come without ID. Their Response is what the configuration wants,
// after the caps that no configuration lifts; Capped says which one bit.
// Their Facts share memory and are not to be changed.
func Judge(c Case) []sessionwarden.Finding { return judge(c).found }

func judge(c Case) judgement {
	j := newJudgement(c)
	if !c.Sighting.Denied && (c.Sighting.Account == "" || c.Sighting.Account == c.Account.Name) {
		j.all()
	}
	return j
}

// newJudgement looks who speaks for the sighting of a case.
func newJudgement(c Case) judgement {
	if c.Sighting.Ownership.Untouchable() {
		c.Account.Granted = nil // what is ours, or may be, is told as ever
	}
	j := judgement{c: c}
	_, j.isTrusted = c.Account.Trusts(c.Sighting.Addr)
	j.speaker = findSpeaker(&j.c)
	return j
}

// all asks every rule.
func (j *judgement) all() {
	j.placeRules()
	j.movementRules()
	j.noveltyRules()
	j.networkRules()
	j.travelRules()
	j.rhythmRules()
	j.comebackRules()
	j.ownRules()
	j.sayTrust()
	slices.SortStableFunc(j.found, ByUrgency)
}

// ByUrgency orders findings for people: the most severe first, then those
// with the strongest response. It is made for slices.SortStableFunc.
func ByUrgency(a, b sessionwarden.Finding) int {
	return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(b.Response, a.Response))
}

// judgement is a case while it is being judged.
type judgement struct {
	c         Case
	isTrusted bool                 // the address lies in a trusted network
	speaker   speaker              // the trust with an end that speaks for the session
	facts     []sessionwarden.Fact // of the sighting; made with the first finding
	found     []sessionwarden.Finding
	lasting   []sessionwarden.Verdict // of those found, what a cap of the moment is not to be remembered of
	answers   *answers                // of each rule, for [Explain]; nil: nobody wants them
}

// asks reports whether rule is to be asked: it is not off.
func (j *judgement) asks(rule sessionwarden.Rule) bool {
	if j.c.Account.Response(rule) == sessionwarden.Off {
		j.silent(rule, isOff)
		return false
	}
	return true
}

const isOff = "it is switched off in the configuration"

// verdict is what a rule says: the finding without what all findings of a
// sighting have in common.
type verdict struct {
	rule     sessionwarden.Rule
	response sessionwarden.Response // what the configuration wants
	ceiling  sessionwarden.Response // what this very case allows at most; Off: no limit
	ceilWhy  string
	severity sessionwarden.Severity
	reason   string
	silence  string
	facts    []sessionwarden.Fact // beside those of the sighting
	learned  bool                 // it compares with what was learned: see historyRule
}

// says makes a verdict of rule with what the configuration and the contract's
// table say of it.
func (j *judgement) says(rule sessionwarden.Rule, reason, silence string, facts ...sessionwarden.Fact) verdict {
	return verdict{
		rule: rule, response: j.c.Account.Response(rule), severity: j.c.Account.Rule(rule).Severity,
		reason: reason, silence: silence, facts: facts,
	}
}

// record makes a finding of v, where its rule has not said as much on these facts
// already.
func (j *judgement) record(v verdict) {
	c := &j.c
	response, capped := j.capped(v)
	if spokeAs(&c.Sighting, v.rule, remembered(response, &c.Account)) {
		return
	}
	if c.Relocated || c.WasOwn {
		was := *c
		c.Relocated, c.WasOwn = false, false
		lasting, _ := j.capped(v)
		*c = was
		j.lasting = append(j.lasting, sessionwarden.Verdict{Rule: v.rule, Response: lasting})
	}
	if j.isTrusted && response == sessionwarden.Log {
		v.severity = sessionwarden.Info // the owner vouches for the place
	}
	if j.facts == nil {
		j.facts = sightingFacts(c)
	}
	facts := j.facts
	if len(v.facts) > 0 {
		facts = append(j.facts[:len(j.facts):len(j.facts)], v.facts...)
	}
	reason := v.reason
	if c.LocationFailed != "" && restsOnLocation(v.rule) {
		reason += " The location data cannot be relied on at present."
	}
	if j.found == nil {
		j.found = make([]sessionwarden.Finding, 0, 4)
	}
	j.found = append(j.found, sessionwarden.Finding{
		Account: c.Account.Name, Seq: c.Sighting.Seq, Session: c.Sighting.ID,
		Rule: v.rule, Severity: v.severity, Response: response, Time: c.Now, Late: c.Late,
		Reason: reason, Facts: facts, Silence: v.silence, Capped: capped,
	})
}

// spokeAs reports whether rule has spoken on s, with at least response.
func spokeAs(s *sessionwarden.Sighting, rule sessionwarden.Rule, response sessionwarden.Response) bool {
	for _, v := range s.Verdicts {
		if v.Rule == rule && v.Response >= response {
			return true
		}
	}
	return false
}

// capped returns what may be done on v, and why that is less than what the
// configuration wants. The lowest cap comes first and gives the reason.
func (j *judgement) capped(v verdict) (sessionwarden.Response, string) {
	c, response, why := &j.c, v.response, ""
	lower := func(most sessionwarden.Response, because string) {
		if response > most {
			response, why = most, because
		}
	}
	if j.isTrusted {
		most := sessionwarden.Log
		if v.rule == sessionwarden.NewDevice {
			most = sessionwarden.Notify
		}
		vouches, _ := c.Account.Vouches(c.Sighting.Addr)
		j.speaker.counts = j.speaker.counts || j.speaker.network && response > most
		lower(most, vouches)
	}
	switch c.Sighting.Ownership {
	case sessionwarden.Own:
		lower(sessionwarden.Notify, "our own session is never ended")
	case sessionwarden.Disputed:
		lower(sessionwarden.Notify, "the service marks the session as ours and our own login contradicts it: such a session is never touched")
	}
	if c.Late {
		lower(sessionwarden.Notify, "the session was over before it was seen")
	}
	if c.Account.AskDefault == sessionwarden.DisconnectSession && response == sessionwarden.Ask && (c.Relocated || c.WasOwn || !c.Sighting.Addr.IsValid()) {
		why = "without an answer nothing is done, as there is too little to go by"
	}
	if (v.learned || historyRule(v.rule)) && !c.Learning.IsZero() {
		lower(sessionwarden.Log, "the account is still being learned, until "+c.Learning.UTC().Format("2006-01-02")+" at the latest")
	}
	if c.WasOwn {
		lower(sessionwarden.Ask, "until now the session counted as the watch's own")
	}
	if c.Relocated {
		lower(sessionwarden.Ask, "only our location data changed, not the session")
	}
	if !c.Sighting.Addr.IsValid() {
		lower(sessionwarden.Ask, "the service gave no usable address for the session")
	}
	if v.ceiling != sessionwarden.Off {
		lower(v.ceiling, v.ceilWhy)
	}
	return response, why
}

// restsOnLocation reports whether rule says nothing without location data. Of an
// own rule nobody can say for long: it may be another one by now.
func restsOnLocation(rule sessionwarden.Rule) bool {
	switch rule {
	case sessionwarden.UnexpectedCountry, sessionwarden.UnknownCountry, sessionwarden.LocationMismatch,
		sessionwarden.NewCountry, sessionwarden.NewNetwork, sessionwarden.HostingNetwork, sessionwarden.Stranger,
		sessionwarden.ImpossibleTravel, sessionwarden.ConcurrentCountries, sessionwarden.SessionMoved, sessionwarden.SessionRoamed:
		return true
	}
	return rule.Own()
}

// historyRule reports whether rule compares with what was learned of the
// account: while little is known it means little.
func historyRule(rule sessionwarden.Rule) bool {
	switch rule {
	case sessionwarden.NewCountry, sessionwarden.NewNetwork, sessionwarden.NewDevice, sessionwarden.Stranger,
		sessionwarden.DormantReturn, sessionwarden.OddHours, sessionwarden.ManySessions:
		return true
	}
	return false
}

// placed returns the country that our location data puts l in; "" where it
// cannot be believed to be where the person is.
func placed(l sessionwarden.Location) sessionwarden.Country {
	if !l.Placed() {
		return ""
	}
	return l.Country
}
