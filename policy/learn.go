package policy

import (
	"cmp"
	"maps"
	"time"

	"sessionwarden"
)

// schoolAge is how old a session must be for the profile to learn from it. A
// thief's visit is shorter.
const schoolAge = 24 * time.Hour

// What a profile holds at most. What was seen last the longest ago goes first.
const (
	maxCountries = 64
	maxNetworks  = 1024
	maxDevices   = 256
)

// Learn returns the profile with what the live sessions teach it, and the Seqs
// of those it has learned from. They are sessions of 24 hours and more on
// which no rule has found more than a note, and, at once, those which the owner
// claimed or which come from a trusted network. It never learns from our own session:
// that lives where the daemon does. p is not changed.
//
// A hosting network is learned only from a session that the owner claimed, or
// where the rule hosting_network asks for no more than a note: to trust one
// address there is not to know all of its neighbours.
func Learn(a sessionwarden.Account, p sessionwarden.Profile, live []sessionwarden.Sighting, now time.Time) (sessionwarden.Profile, []uint64) {
	var learned []uint64
	for i := range live {
		s := &live[i]
		if s.Account != a.Name || !mayTeach(s) || !vouched(&a, s) && (!clean(s) || age(s, now) < schoolAge) {
			continue
		}
		if learned == nil {
			p = sessionwarden.Profile{Countries: cloned(p.Countries), Networks: cloned(p.Networks), Devices: cloned(p.Devices)}
		}
		learned = append(learned, s.Seq)
		span := sessionwarden.Span{First: now.Add(-age(s, now)), Last: latest(s.LastSeen, s.FirstSeen)}
		hosting := s.Location.Network == sessionwarden.Hosting && !s.Denied && a.Response(sessionwarden.HostingNetwork) > sessionwarden.Log
		if country := placed(s.Location); country != "" && !hosting {
			note(p.Countries, country, span, maxCountries)
		}
		if s.Location.ASN != 0 && s.Location.Network != sessionwarden.Private && !hosting {
			note(p.Networks, s.Location.ASN, span, maxNetworks)
		}
		if s.Device != "" {
			note(p.Devices, s.Device, span, maxDevices)
		}
	}
	return p, learned
}

// NextLesson returns when the next of the live sessions will be old enough to
// learn from, a time that has come already included; zero if there is none.
func NextLesson(live []sessionwarden.Sighting, now time.Time) time.Time {
	var next time.Time
	for i := range live {
		s := &live[i]
		if !mayTeach(s) || !clean(s) {
			continue
		}
		if due := now.Add(schoolAge - age(s, now)); next.IsZero() || due.Before(next) {
			next = due
		}
	}
	return next
}

// mayTeach reports whether s is a session to learn from once it is old enough
// and clean: live, listed, not ours, and not learned from before.
func mayTeach(s *sessionwarden.Sighting) bool {
	return !s.Learned && s.State == sessionwarden.Live && !s.Late && s.Missing.IsZero() &&
		!s.FirstSeen.IsZero() && !s.Ownership.Untouchable()
}

// age is how old the facts of s are: those of a session that was there at the
// first poll since the session began, as nobody knows of others; those of all
// that came later since they were first seen. A session that moves brings old
// age along and new facts.
func age(s *sessionwarden.Sighting, now time.Time) time.Duration {
	if fromStart(s) {
		return s.Age(now)
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

// note takes key into m, which keeps at most most of them.
func note[K cmp.Ordered](m map[K]sessionwarden.Span, key K, span sessionwarden.Span, most int) {
	if old, known := m[key]; known {
		if old.First.Before(span.First) {
			span.First = old.First
		}
		span.Last = latest(span.Last, old.Last)
		m[key] = span
		return
	}
	if len(m) >= most {
		var oldest K
		found := false
		for k, s := range m {
			if !found || s.Last.Before(m[oldest].Last) || s.Last.Equal(m[oldest].Last) && k < oldest {
				oldest, found = k, true
			}
		}
		if span.Last.Before(m[oldest].Last) {
			return
		}
		delete(m, oldest)
	}
	m[key] = span
}
