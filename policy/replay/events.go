package replay

import (
	"cmp"
	"time"

	"sessionwarden"
	"sessionwarden/policy"
)

// event is something that happens to an account between two arrivals.
type event struct {
	at   time.Time
	kind kind
	seq  uint64 // of the sighting; 0: of the account
	told int    // which of Account.Told, or of Account.Facts
}

// kind says what happens. Of what happens at one time the smaller comes first.
type kind uint8

const (
	used    kind = iota // somebody used it
	leaves              // it is known to be gone
	misses              // a complete list lacks it for the first time
	asks                // a question has run out, or the hour's budget is back
	isEnded             // it is proven that we ended it
	// What follows happens after the poll of the same time has judged.
	trustsChange // a trust begins or ends
	reset        // the profile begins anew
	told         // something about the account was found
	reads        // the account's facts are read
	denies       // the owner claims it
	lesson       // a session is old enough to learn from
)

// events is a heap of what is to come, the next one first.
type events []event

func (x *event) before(y *event) bool {
	return cmp.Or(x.at.Compare(y.at), cmp.Compare(x.kind, y.kind), cmp.Compare(x.seq, y.seq), cmp.Compare(x.told, y.told)) < 0
}

// add puts one where it belongs, if it has a time at all.
func (e *events) add(x event) {
	if x.at.IsZero() {
		return
	}
	*e = append(*e, x)
	list := *e
	for i := len(list) - 1; i > 0; {
		up := (i - 1) / 2
		if !list[i].before(&list[up]) {
			return
		}
		list[i], list[up] = list[up], list[i]
		i = up
	}
}

// pop takes the next one out.
func (e *events) pop() event {
	list := *e
	next, last := list[0], len(list)-1
	list[0] = list[last]
	list = list[:last]
	*e = list
	for i := 0; ; {
		least := 2*i + 1
		if least >= last {
			return next
		}
		if other := least + 1; other < last && list[other].before(&list[least]) {
			least = other
		}
		if !list[least].before(&list[i]) {
			return next
		}
		list[i], list[least] = list[least], list[i]
		i = least
	}
}

// foresee notes what the record says of a sighting's future.
func (st *state) foresee(s *sessionwarden.Sighting, l *life) {
	st.events.add(event{at: s.DeniedAt, kind: denies, seq: s.Seq})
	if s.Denied && s.DeniedAt.IsZero() {
		st.events.add(event{at: s.FirstSeen, kind: denies, seq: s.Seq}) // nobody wrote down when
	}
	switch s.State {
	case sessionwarden.Gone:
		left, kind := s.LeftAt, leaves
		if left.IsZero() {
			left = latest(s.GoneAt, s.EndedAt) // nobody wrote it down
		}
		if !s.EndedAt.IsZero() && !s.EndedAt.Before(left) {
			kind = isEnded
		}
		st.events.add(event{at: s.GoneAt, kind: misses, seq: s.Seq})
		st.events.add(event{at: latest(left, s.FirstSeen), kind: kind, seq: s.Seq})
	case sessionwarden.Moved:
		// It leaves when it goes on elsewhere. Where that row is missing, when no
		// session can live any more.
		st.events.add(event{at: latest(s.LastSeen, s.FirstSeen).Add(longest), kind: leaves, seq: s.Seq})
	default:
		l.gone = s.Missing
		st.events.add(event{at: s.Missing, kind: misses, seq: s.Seq})
	}
}

// longest is how long a session lives at the most.
const longest = 40 * 24 * time.Hour

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// advance brings the account forward to a time: all that happened before it,
// and of what happened at it what the poll of that time knew; with all, the rest
// too.
func (st *state) advance(to time.Time, all bool) {
	if at := st.a.Baseline; st.h.Baseline.IsZero() && !at.IsZero() && (at.Before(to) && (len(st.batch) == 0 || !st.batch[0].Baseline)) {
		st.h.Baseline = at // there was nobody at the first poll
	}
	for len(st.events) > 0 {
		next := &st.events[0]
		if next.at.After(to) || next.at.Equal(to) && next.kind > isEnded && !all {
			return
		}
		st.happens(st.events.pop())
	}
}

// happens plays one event.
func (st *state) happens(x event) {
	i := -1
	switch x.kind {
	case told:
		st.tell(&st.a.Told[x.told], x.at)
		return
	case reads:
		st.read(st.a.Facts[x.told].Facts, x.at)
		return
	}
	if x.seq != 0 {
		if i = st.live(x.seq); i < 0 {
			return // it has gone on elsewhere
		}
	}
	switch x.kind {
	case used:
		st.h.Live[i].Active = x.at
	case leaves, isEnded:
		st.leave(i, x.at)
	case misses:
		st.miss(i, x.at)
	case denies:
		st.h.Live[i].Denied, st.h.Live[i].DeniedAt = true, x.at
		st.settle(x.seq, sessionwarden.Denied, x.at)
		st.learn(x.at)
	case reset:
		st.h.Profile = sessionwarden.Profile{Since: x.at}
		for i := range st.h.Live {
			st.h.Live[i].Learned = false
		}
		st.learn(x.at)
	case trustsChange:
		st.trusts(x.at)
	case lesson:
		st.learn(x.at)
	case asks:
		st.answers(x.at)
	}
}

// miss marks who is not listed any more. His last use is known by then.
func (st *state) miss(i int, at time.Time) {
	s, l := &st.h.Live[i], &st.lives[i]
	used := s.Used()
	s.Started, s.Active, s.LastSeen, s.Missing = l.started, l.active, l.lastSeen, l.gone
	if s.Learned && s.Used().After(used) {
		st.learn(at)
	}
}

// leave takes who is gone out of the list.
func (st *state) leave(i int, at time.Time) {
	st.miss(i, at)
	s, l := &st.h.Live[i], &st.lives[i]
	s.EndedAt = l.endedAt
	if l.state == sessionwarden.Gone {
		st.lately(s, l.gone)
	}
	st.settle(s.Seq, sessionwarden.Moot, at)
	s.State, s.GoneAt, s.LeftAt = l.state, l.gone, at
	st.over(i)
	st.drop(s.Seq)
	if len(st.a.Facts) == 0 { // nobody looks for suspects
		st.remove(i)
		return
	}
	was := *s
	st.remove(i)
	st.suspects(at, was)
}

// trusts has everything judged anew where a trust begins or ends.
func (st *state) trusts(at time.Time) {
	st.now = st.a.Account
	st.now.Granted = nil
	for _, t := range st.a.Trusts {
		if !t.Created.After(at) && at.Before(t.Ended()) {
			t.Removed = time.Time{} // it was not, then
			st.now.Granted = append(st.now.Granted, t)
		}
	}
	stamp := st.now.Stamp()
	if stamp == st.h.Stamp {
		return
	}
	st.h.Stamp = stamp
	st.forget(at)
	judged := make([]policy.Judged, 0, len(st.h.Live))
	for i := range st.h.Live {
		s := &st.h.Live[i]
		before := s.Verdicts
		s.Verdicts = nil
		judged = append(judged, st.find(s, &st.lives[i], st.ask(s, at), before, true))
	}
	st.plan(judged, at)
	st.mayTeach(0, at)
	st.learn(at)
}

// mayTeach notes when the live sightings from the place fresh on are old enough
// to learn from, and reports whether one is so at once.
func (st *state) mayTeach(fresh int, at time.Time) bool {
	now := false
	for i := fresh; i < len(st.h.Live); i++ {
		s := &st.h.Live[i]
		if _, trusted := st.now.Trusts(s.Addr); trusted || s.Learned {
			now = true
		}
		due := policy.NextLesson(st.now, st.h.Live[i:i+1], at)
		if now = now || !due.IsZero() && !due.After(at); !due.IsZero() && due.After(at) {
			st.events.add(event{at: due, kind: lesson, seq: s.Seq})
		}
	}
	return now
}

// learn lets the profile learn from who is old and clean enough.
func (st *state) learn(at time.Time) {
	for _, seq := range policy.LearnInto(&st.now, &st.h.Profile, st.h.Live, at) {
		if i := st.live(seq); i >= 0 {
			st.h.Live[i].Learned = true
		}
	}
}

// tell takes over what was found about the account itself, or about a session
// beside a change of it.
func (st *state) tell(recorded *sessionwarden.Finding, at time.Time) {
	f, asked := policy.Again(st.now, *recorded)
	if !asked {
		return
	}
	f.ID = st.e.id()
	i := st.live(f.Seq)
	if i < 0 {
		st.e.o.Over(Outcome{Sighting: sessionwarden.Sighting{Account: st.a.Name}, Findings: []sessionwarden.Finding{f}})
		return
	}
	s, l := &st.h.Live[i], &st.lives[i]
	s.Verdicts = append(s.Verdicts, policy.VerdictOf(f, st.now))
	l.findings = append(l.findings, f)
	st.plan([]policy.Judged{{Sighting: *s, Findings: []sessionwarden.Finding{f}}}, at)
}
