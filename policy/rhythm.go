package policy

import (
	"strconv"
	"time"

	"sessionwarden"
)

const (
	// usesForHours is how many uses have to be remembered until the hours of the
	// day say anything.
	usesForHours = 30
	// oddShare is the share of an owner's use below which an hour is odd for him.
	oddShare = 0.01
	// manyFrom and manyNewFrom are how many live sessions, and new ones within an
	// hour, nobody ever speaks of.
	manyFrom    = 8
	manyNewFrom = 5
	// manyTimes is how many times as many as usual are many.
	manyTimes = 2
)

// rhythmRules ask whether a new session fits into the account's life.
func (j *judgement) rhythmRules() {
	c, s := &j.c, &j.c.Sighting
	all := [...]sessionwarden.Rule{sessionwarden.DormantReturn, sessionwarden.OddHours, sessionwarden.ManySessions}
	switch {
	case c.First || s.Baseline && c.Before == nil:
		j.abstain("it was there at the first poll: there was nothing to compare it with", all[:]...)
	case s.Ownership == sessionwarden.Own:
		j.abstain("it is the watch's own session", all[:]...)
	case c.Before != nil:
		j.abstain("the session is not new, it goes on", all[:]...)
	case c.Relocated:
		j.abstain("only our location data changed", all[:]...)
	default:
		j.dormant()
		j.oddHours()
		j.many()
	}
}

// dormant asks whether the account, or its use from the session's country, comes
// back after many quiet days.
func (j *judgement) dormant() {
	c, s, rule := &j.c, &j.c.Sighting, sessionwarden.DormantReturn
	if !j.asks(rule) {
		return
	}
	country := placed(s.Location)
	there := c.Profile.Countries[country].Last
	if lately := s.Used().Add(-min(c.Account.Dormant, c.Account.DormantPlace)); c.Profile.Active.After(lately) && there.After(lately) && !j.explains() {
		return // the usual case, for which nobody else has to be looked at
	}
	last := c.lastActivity()
	quiet, quietThere := s.Used().Sub(last), s.Used().Sub(there)
	long := !last.IsZero() && c.Account.Dormant > 0 && quiet >= c.Account.Dormant
	longThere := !last.IsZero() && c.Account.DormantPlace > 0 && country != "" && !there.IsZero() && quietThere >= c.Account.DormantPlace && !c.usedFrom(country)
	switch {
	case last.IsZero():
		j.silent(rule, "nobody knows when the account was used before")
	case (long || longThere) && j.vouchedPlace():
		j.silent(rule, j.speaker.why())
	case long:
		reason := came(c) + "after " + spanText(quiet) + " in which nobody used the account (last on " + last.UTC().Format("2006-01-02") + ")."
		j.record(j.says(rule, reason, ruleLine(c.Account, rule, sessionwarden.Log), sessionwarden.Fact{Name: FactLastActive, Value: timeText(last)}))
	case longThere:
		reason := came(c) + "from " + country.Name() + ", where the account was used last " + spanText(quietThere) + " ago (on " + there.UTC().Format("2006-01-02") + ")."
		j.record(j.says(rule, reason, ruleLine(c.Account, rule, sessionwarden.Log), sessionwarden.Fact{Name: FactLastActive, Value: timeText(there)}))
	case j.explains():
		j.silent(rule, "the account was used lately, on "+last.UTC().Format("2006-01-02"))
	}
}

// lastActivity is when the account was used last before the judged session, by
// anybody that no rule has found fault with.
func (c *Case) lastActivity() time.Time {
	last := c.Profile.Active
	for _, list := range [...][]sessionwarden.Sighting{c.Live, c.Recent} {
		for i := range list {
			if w := &list[i]; w.Seq != c.Sighting.Seq && !w.Ownership.Untouchable() && clean(w) {
				last = latest(last, w.Used())
			}
		}
	}
	return last
}

// usedFrom reports whether a live session is used from country.
func (c *Case) usedFrom(country sessionwarden.Country) bool {
	for i := range c.Live {
		w := &c.Live[i]
		if w.Seq != c.Sighting.Seq && !w.Ownership.Untouchable() && clean(w) && placed(w.Location) == country {
			return true
		}
	}
	return false
}

// oddHours asks whether the session began at an hour in which the owner does not
// use the account: outside the hours that he wrote down, or where he did not, at
// an hour that he was hardly ever seen in, nor in the two beside it.
func (j *judgement) oddHours() {
	c, s, rule := &j.c, &j.c.Sighting, sessionwarden.OddHours
	if !j.asks(rule) {
		return
	}
	at := s.Used()
	if usual := c.Account.Hours; usual.Set() {
		if usual.Holds(at) {
			j.silent(rule, "it began within the usual hours")
			return
		}
		reason := came(c) + "at " + at.In(usual.Zone).Format("15:04 MST") + ", outside the usual hours (" + usual.String() + ")."
		j.record(j.says(rule, reason, ruleLine(c.Account, rule, sessionwarden.Log), sessionwarden.Fact{Name: FactUsualHours, Value: usual.String()}))
		return
	}
	all, near := float32(0), float32(0)
	hour := at.UTC().Hour()
	for h, n := range c.Profile.Hours {
		all += n
		if away := (h - hour + 24) % 24; away <= 1 || away == 23 {
			near += n
		}
	}
	switch {
	case all < usesForHours:
		j.silent(rule, "too little is known yet of the hours in which the account is used")
	case near >= oddShare*all:
		j.silent(rule, "the account is used at that time of the day")
	case j.speaker.country && j.vouchedPlace():
		j.silent(rule, j.speaker.why()) // where he travels it is another time of the day
	default:
		reason := came(c) + "at " + at.UTC().Format("15:04 MST") + ", an hour in which the account is hardly ever used."
		j.record(j.says(rule, reason, ruleLine(c.Account, rule, sessionwarden.Log), sessionwarden.Fact{Name: FactUsualHours, Value: hoursText(&c.Profile)}))
	}
}

// hoursText lists the hours that a profile knows, in UTC.
func hoursText(p *sessionwarden.Profile) string {
	all := float32(0)
	for _, n := range p.Hours {
		all += n
	}
	text := ""
	for h, n := range p.Hours {
		if n > 0 && n >= oddShare*all {
			if text != "" {
				text += " "
			}
			text += strconv.Itoa(h)
		}
	}
	return text + " h UTC"
}

// crowd counts the live sessions, where all are wanted, and those that began
// within the last hour, in both cases without those that the owner stands for.
func (c *Case) crowd(all bool) (live, fresh int) {
	since := c.Now.Add(-hour)
	for i := range c.Live {
		w := &c.Live[i]
		isFresh := w.FirstSeen.After(since) && !w.Baseline
		if !all && !isFresh || w.Ownership.Untouchable() || vouched(&c.Account, w) {
			continue
		}
		live++
		if isFresh {
			fresh++
		}
	}
	for i := range c.Recent {
		if w := &c.Recent[i]; w.FirstSeen.After(since) && !w.Baseline && w.Account == c.Account.Name && !w.Ownership.Untouchable() {
			fresh++
		}
	}
	return live, fresh
}

// many asks whether there are more sessions than usual, or more new ones within
// an hour. It speaks on one session, and not again within the hour: whoever
// signs in a thousand times makes one finding of it.
func (j *judgement) many() {
	c, rule := &j.c, sessionwarden.ManySessions
	if !j.asks(rule) {
		return
	}
	if since := c.Now.Sub(c.ManyTold); !c.ManyTold.IsZero() && since >= 0 && since < hour {
		j.silent(rule, "that there are many sessions was found within the hour already")
		return
	}
	usual := max(manyFrom, manyTimes*c.Profile.MostLive)
	live, fresh := c.crowd(len(c.Live) > usual || j.explains())
	facts := func() []sessionwarden.Fact {
		return []sessionwarden.Fact{{Name: FactLive, Value: strconv.Itoa(live)}, {Name: FactNewInHour, Value: strconv.Itoa(fresh)}, {Name: FactMostLive, Value: strconv.Itoa(c.Profile.MostLive)}}
	}
	switch {
	case live > usual:
		reason := strconv.Itoa(live) + " sessions are signed in at once, and there were never more than " + strconv.Itoa(max(c.Profile.MostLive, 1)) + " of the owner's."
		j.record(j.says(rule, reason, ruleLine(c.Account, rule, sessionwarden.Log), facts()...))
	case fresh > max(manyNewFrom, c.Profile.MostLive):
		reason := strconv.Itoa(fresh) + " sessions were begun within an hour."
		j.record(j.says(rule, reason, ruleLine(c.Account, rule, sessionwarden.Log), facts()...))
	case j.explains():
		j.silent(rule, "that is not many for this account: "+strconv.Itoa(live)+" live at once, "+strconv.Itoa(fresh)+" begun within the last hour")
	}
}
