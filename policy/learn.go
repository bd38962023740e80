package policy

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"

	"sessionwarden"
)

// schoolAge is how old a session must be for the profile to learn from it. A
// thief's visit is shorter.
const schoolAge = 24 * time.Hour

// What a profile holds at most. What weighs the least goes first.
const (
	maxCountries = 64
	maxNetworks  = 1024
	maxDevices   = 256
)

const (
	// halfLife is how long it takes until what was seen counts half. It is the
	// account's own time: while nobody uses it, nothing fades.
	halfLife = 60 * 24 * time.Hour
	// faded is the weight from which something is not known any more: seen once,
	// that is after a year of activity without it.
	faded = 1.0 / 64
	// again is how long a session has to go on until it counts once more.
	again = 20 * time.Hour
)

// Learn returns the profile with what the live sessions teach it, the Seqs of
// those it has learned from for the first time, and whether it has changed.
// They are sessions of 24 hours and more (of one that goes to and fro, see [GoOn])
// on which no rule has found more than a note, and, at once, those which the owner
// claimed or which come from a trusted network. It never learns from our own session: that lives where the
// daemon does. Nor does it, for the first time, from one that only a trust with
// an end speaks for: what ends is not to be known for good. p is not changed.
//
// Who was learned from goes on to teach as long as he is used and stays clean,
// once a day: the profile ages with its owner's activity and not with the clock.
//
// A hosting network is learned only from a session that the owner claimed, or
// where the rule hosting_network asks for no more than a note: to trust one
// address there is not to know all of its neighbours.
func Learn(a sessionwarden.Account, p sessionwarden.Profile, live []sessionwarden.Sighting, now time.Time) (sessionwarden.Profile, []uint64, bool) {
	l := lesson{a: &a, p: &p, now: now}
	learned := l.learn(live)
	return p, learned, l.changed
}

// LearnInto is [Learn] for a profile whose maps are the caller's alone: it changes
// them in place.
func LearnInto(a *sessionwarden.Account, p *sessionwarden.Profile, live []sessionwarden.Sighting, now time.Time) []uint64 {
	l := lesson{a: a, p: p, now: now, owned: true}
	return l.learn(live)
}

// learn takes what live sessions teach into the profile, and returns the Seqs of
// those it has learned from for the first time.
func (l *lesson) learn(live []sessionwarden.Sighting) []uint64 {
	a := l.a
	var learned []uint64
	known := 0
	for i := range live {
		s := &live[i]
		switch {
		case s.Account != a.Name:
		case mayTeach(s) && !lent(a, s) && (vouched(a, s) || clean(s) && age(s, l.now) >= schoolAge):
			learned = append(learned, s.Seq)
			l.from(s, sessionwarden.Span{First: l.now.Add(-age(s, l.now)), Last: lastUse(s), Weight: 1})
			if !slices.ContainsFunc(s.Faces, func(f sessionwarden.Face) bool { return f.Learned }) {
				l.p.Sessions++
			}
			known++
		case s.Learned && s.State == sessionwarden.Live && !s.Ownership.Untouchable():
			known++
			if l.isNews(s) && clean(s) {
				l.from(s, sessionwarden.Span{First: lastUse(s), Last: lastUse(s), Weight: 1})
			}
		}
	}
	if known > l.p.MostLive {
		l.begin()
		l.p.MostLive = known
	}
	return learned
}

// lesson is a profile while it learns.
type lesson struct {
	a       *sessionwarden.Account
	p       *sessionwarden.Profile
	now     time.Time
	owned   bool // p has maps of its own
	changed bool

	// When the network and the device that were looked up last were used last:
	// most sessions share them.
	network  uint32
	device   string
	networks time.Time
	devices  time.Time
	looked   [2]bool
}

// begin gives the profile maps of its own.
func (l *lesson) begin() {
	l.changed, l.looked = true, [2]bool{}
	if !l.owned || l.p.Countries == nil {
		l.owned = true
		l.p.Countries, l.p.Networks, l.p.Devices = cloned(l.p.Countries), cloned(l.p.Networks), cloned(l.p.Devices)
	}
}

// hosts reports whether s is in a hosting network that is not to be known by it.
func hosts(a *sessionwarden.Account, s *sessionwarden.Sighting) bool {
	return s.Location.Network == sessionwarden.Hosting && !s.Denied && a.Response(sessionwarden.HostingNetwork) > sessionwarden.Log
}

// isNews reports whether a session that was learned from before has been used
// for another day.
func (l *lesson) isNews(s *sessionwarden.Sighting) bool {
	if used := s.Used(); !used.After(l.usedDevice(s.Device)) && !used.After(l.usedNetwork(s.Location.ASN)) {
		return false // mostly so
	}
	last := lastUse(s)
	if hosts(l.a, s) || s.Location.ASN == 0 {
		return last.Sub(l.usedDevice(s.Device)) >= again
	}
	return last.Sub(l.usedNetwork(s.Location.ASN)) >= again || s.Device != "" && last.Sub(l.usedDevice(s.Device)) >= again
}

// usedNetwork returns when the profile's network was used last.
func (l *lesson) usedNetwork(asn uint32) time.Time {
	if !l.looked[0] || l.network != asn {
		l.network, l.networks, l.looked[0] = asn, l.p.Networks[asn].Last, true
	}
	return l.networks
}

// usedDevice returns when the profile's device was used last.
func (l *lesson) usedDevice(device string) time.Time {
	if !l.looked[1] || l.device != device {
		l.device, l.devices, l.looked[1] = device, l.p.Devices[device].Last, true
	}
	return l.devices
}

// from takes what s has into the profile.
func (l *lesson) from(s *sessionwarden.Sighting, span sessionwarden.Span) {
	l.begin()
	if span.Last.After(l.p.Active) {
		fade := float32(fading(span.Last.Sub(l.p.Active)))
		if l.p.Active.IsZero() {
			fade = 1
		}
		for h := range l.p.Hours {
			l.p.Hours[h] *= fade
		}
		l.p.Active = span.Last
	}
	l.p.Hours[span.Last.UTC().Hour()]++
	if country := placed(s.Location); country != "" && !hosts(l.a, s) {
		note(l.p.Countries, country, span, maxCountries)
	}
	if s.Location.ASN != 0 && s.Location.Network != sessionwarden.Private && !hosts(l.a, s) {
		note(l.p.Networks, s.Location.ASN, span, maxNetworks)
	}
	if s.Device != "" {
		note(l.p.Devices, s.Device, span, maxDevices)
	}
}

// NextLesson returns when the next of a's live sessions will be old enough to
// learn from, a time that has come already included; zero if there is none.
func NextLesson(a sessionwarden.Account, live []sessionwarden.Sighting, now time.Time) time.Time {
	var next time.Time
	for i := range live {
		s := &live[i]
		if !mayTeach(s) || !clean(s) || lent(&a, s) {
			continue
		}
		if due := now.Add(schoolAge - age(s, now)); next.IsZero() || due.Before(next) {
			next = due
		}
	}
	return next
}

// Learning reports whether too little is known of the account yet for what is
// new to mean much, and until when at the latest: fewer sessions were learned
// from than the configuration wants, in less time than it wants.
func Learning(a sessionwarden.Account, h sessionwarden.History, now time.Time) (until time.Time, learning bool) {
	if a.LearnSessions <= 0 || a.LearnFor <= 0 || h.Profile.Sessions >= a.LearnSessions {
		return time.Time{}, false
	}
	since := latest(h.Baseline, h.Profile.Since)
	if until = since.Add(a.LearnFor); since.IsZero() {
		until = now.Add(a.LearnFor)
	}
	if !now.Before(until) {
		return time.Time{}, false
	}
	return until, true
}

// mayTeach reports whether s is a session to learn from once it is old enough
// and clean: live, listed, not ours, and not learned from before.
func mayTeach(s *sessionwarden.Sighting) bool {
	return !s.Learned && s.State == sessionwarden.Live && !s.Late && s.Missing.IsZero() &&
		!s.FirstSeen.IsZero() && !s.Ownership.Untouchable()
}

// lastUse is when s was used last, by our clock.
func lastUse(s *sessionwarden.Sighting) time.Time {
	if used := s.Used(); !used.After(latest(s.LastSeen, s.FirstSeen)) {
		return used
	}
	return latest(s.LastSeen, s.FirstSeen)
}

// age is how old the facts of s are: those of a session that was there at the
// first poll since the session began, as nobody knows of others; those of all
// that came later since they were first seen. A session that moves brings old
// age along and new facts.
func age(s *sessionwarden.Sighting, now time.Time) time.Duration {
	if fromStart(s) {
		return s.Age(now)
	}
	if !s.Since.IsZero() {
		return now.Sub(s.Since)
	}
	return now.Sub(s.FirstSeen)
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func cloned[K comparable](m map[K]sessionwarden.Span) map[K]sessionwarden.Span {
	if m == nil {
		return make(map[K]sessionwarden.Span)
	}
	return maps.Clone(m)
}

// fading is what is left of a weight after d.
func fading(d time.Duration) float64 {
	return math.Exp2(-max(0, d.Hours()) / halfLife.Hours())
}

// weightAt is how much a span weighs at a time.
func weightAt(s sessionwarden.Span, at time.Time) float64 {
	weight := s.Weight
	if weight == 0 {
		weight = 1
	}
	return weight * fading(at.Sub(s.Last))
}

// known reports whether key was seen often or lately enough to be the owner's.
func known[K comparable](m map[K]sessionwarden.Span, key K, p *sessionwarden.Profile) bool {
	s, there := m[key]
	return there && !Faded(s, *p)
}

// Faded reports whether what p remembers by s was so long ago, and so seldom, that
// it is new to the rules again.
func Faded(s sessionwarden.Span, p sessionwarden.Profile) bool { return weightAt(s, p.Active) < faded }

// note takes key into m, which keeps at most most of them.
func note[K cmp.Ordered](m map[K]sessionwarden.Span, key K, span sessionwarden.Span, most int) {
	if old, there := m[key]; there {
		if old.First.Before(span.First) {
			span.First = old.First
		}
		last := latest(span.Last, old.Last)
		span.Weight = weightAt(span, last) + weightAt(old, last)
		span.Last = last
		m[key] = span
		return
	}
	if len(m) >= most {
		var least K
		found := false
		for k, s := range m {
			if !found || lighter(s, m[least], span.Last) || !lighter(m[least], s, span.Last) && k < least {
				least, found = k, true
			}
		}
		if lighter(span, m[least], span.Last) {
			return
		}
		delete(m, least)
	}
	m[key] = span
}

// lighter reports whether a weighs less than b at a time.
func lighter(a, b sessionwarden.Span, at time.Time) bool { return weightAt(a, at) < weightAt(b, at) }
