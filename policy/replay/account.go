package replay

import (
	"slices"
	"time"

	"sessionwarden"
	"sessionwarden/policy"
)

// state is one account while it is played.
type state struct {
	e      *Engine
	a      Account
	now    sessionwarden.Account // a with the trusts that hold
	h      sessionwarden.History
	lives  []life                   // beside h.Live
	batch  []sessionwarden.Sighting // what one poll brought, not judged yet
	turns  []int32                  // which of the rows that are being played are its own
	judged []policy.Judged          // for one poll; kept only to be used again
	events events
	room   struct { // where h.Live and lives lie
		live  []sessionwarden.Sighting
		lives []life
	}
	many time.Time // when many sessions were found last
}

// life is what the record says of a live sighting's future, and what was found.
type life struct {
	state           sessionwarden.SightingState // what becomes of it
	started, active time.Time                   // as they were at its end
	lastSeen, gone  time.Time
	endedAt, denied time.Time
	findings        []sessionwarden.Finding
	action          *sessionwarden.Action
}

// What the watch keeps of what ended lately.
const (
	recentFor = 24 * time.Hour
	maxRecent = 64
)

func newState(e *Engine, a Account) *state {
	st := &state{e: e, a: a, now: a.Account, h: sessionwarden.History{Account: a.Name, Stamp: a.Stamp()}}
	for _, t := range a.Trusts {
		st.events.add(event{at: t.Created, kind: trustsChange})
		st.events.add(event{at: t.Ended(), kind: trustsChange})
	}
	if !a.Reset.IsZero() {
		st.events.add(event{at: a.Reset, kind: reset})
	}
	for _, u := range a.Uses {
		st.events.add(event{at: u.At, kind: used, seq: u.Seq})
	}
	for i := range a.Facts {
		st.events.add(event{at: a.Facts[i].At, kind: reads, told: i})
	}
	for i := range a.Told {
		st.events.add(event{at: a.Told[i].Time, kind: told, seq: a.Told[i].Seq, told: i})
	}
	return st
}

// row takes the next row; those of one poll are played together. Those of the last
// one wait: there may be more.
func (st *state) row(s *sessionwarden.Sighting) {
	if n := len(st.batch); n > 0 && !st.batch[n-1].FirstSeen.Equal(s.FirstSeen) {
		st.play()
	}
	st.batch = append(st.batch, *s)
	st.batch[len(st.batch)-1].Account = st.a.Name // the same words in the same place are quickly compared
}

// play judges what one poll brought, as the watch did then.
func (st *state) play() {
	if len(st.batch) == 0 {
		return
	}
	at, first := st.batch[0].FirstSeen, st.begins()
	st.advance(at, false)
	fresh := len(st.h.Live)
	var before map[uint64]*sessionwarden.Sighting
	var late []sessionwarden.Sighting
	for i := range st.batch {
		s := &st.batch[i]
		switch {
		case !s.Late:
			if was := st.arrive(s); was != nil {
				if before == nil {
					before = make(map[uint64]*sessionwarden.Sighting)
				}
				before[s.Seq] = was
				fresh--
			}
		case !s.Baseline: // else it was over before the first poll
			late = append(late, *s)
			st.lately(s, s.GoneAt)
		}
	}
	st.forget(at)
	if first || st.h.Baseline.IsZero() {
		st.h.Baseline = at
	}
	judged := st.judged[:0]
	for i := fresh; i < len(st.h.Live); i++ {
		c := st.ask(&st.h.Live[i], at)
		c.First, c.Before = first, before[c.Sighting.Seq]
		judged = append(judged, st.find(&st.h.Live[i], &st.lives[i], c, nil, first))
	}
	for i := range late {
		var l life
		s := &late[i]
		s.Verdicts = nil
		c := st.ask(s, at)
		c.Late, c.Unseen = true, s.Unseen
		st.find(s, &l, c, nil, false)
		st.suspects(at, *s)
		st.e.o.Over(Outcome{Sighting: *s, Findings: l.findings})
	}
	st.plan(st.takeover(judged, at), at)
	st.judged = judged
	st.batch = st.batch[:0]
	if st.mayTeach(fresh, at) {
		st.learn(at)
	}
}

// begins reports whether the batch is the account's first poll.
func (st *state) begins() bool {
	return st.h.Baseline.IsZero() && st.batch[0].Baseline
}

// arrive begins a sighting, as it was when it was seen first. It returns what it
// goes on from; nil for a new session.
func (st *state) arrive(s *sessionwarden.Sighting) (before *sessionwarden.Sighting) {
	l := life{
		state: s.State, started: s.Started, active: s.Active, lastSeen: s.LastSeen,
		gone: s.GoneAt, endedAt: s.EndedAt, denied: s.DeniedAt,
	}
	st.foresee(s, &l)
	at := s.FirstSeen
	s.State, s.LastSeen, s.Missing, s.GoneAt, s.LeftAt, s.EndedAt = sessionwarden.Live, at, time.Time{}, time.Time{}, time.Time{}, time.Time{}
	s.Verdicts, s.Learned, s.Denied, s.DeniedAt = nil, false, false, time.Time{}
	s.Since, s.Faces = time.Time{}, nil
	s.Active = time.Time{}
	if s.Started.IsZero() || s.Started.After(at) {
		s.Active = at
		s.Started = earlier(s.Started, at) // the service has moved it on since
	}
	if i := st.goesOn(s); i >= 0 {
		was := st.h.Live[i]
		before = &was
		s.Active = at // it is used from there just now
		policy.GoOn(before, s)
		l.action = st.lives[i].action
		if l.action != nil {
			st.lives[i].action = nil
			l.action.Seq = s.Seq // no question is escaped by moving
			st.put(*l.action)
		}
		st.h.Live[i].State = sessionwarden.Moved
		st.over(i)
		st.remove(i)
		was.State = sessionwarden.Moved
		st.suspects(at, was)
	}
	st.h.Live = push(st.h.Live, &st.room.live, s)
	st.lives = push(st.lives, &st.room.lives, &l)
	return before
}

// earlier returns the earlier of two times; a zero a is none.
func earlier(a, b time.Time) time.Time {
	if a.After(b) {
		return b
	}
	return a
}

// goesOn returns the place of the live sighting that s goes on from; -1 where it
// is a new session.
func (st *state) goesOn(s *sessionwarden.Sighting) int {
	var key sessionwarden.Key
	for i := range st.h.Live {
		if st.lives[i].state != sessionwarden.Moved {
			continue
		}
		if key == "" {
			key = s.Key()
		}
		w := &st.h.Live[i]
		if w.Key() == key || (w.ID == "") != (s.ID == "") && w.AddrText() == s.AddrText() && w.Started.Equal(s.Started) {
			return i
		}
	}
	return -1
}

// ask makes the case for one sighting.
func (st *state) ask(s *sessionwarden.Sighting, at time.Time) policy.Case {
	until, _ := policy.Learning(st.now, st.h, at)
	return policy.Case{
		Account: st.now, Profile: st.h.Profile, Live: st.h.Live, Recent: st.h.Recent, Sighting: *s,
		Now: at, Learning: until, ManyTold: st.many, Distance: st.e.o.Distance,
	}
}

// find records what the rules say of s.
func (st *state) find(s *sessionwarden.Sighting, l *life, c policy.Case, before []sessionwarden.Verdict, known bool) policy.Judged {
	if st.e.o.Judging != nil {
		st.e.o.Judging(c)
	}
	findings, verdicts := policy.Find(c, before)
	s.Verdicts = verdicts
	for i := range findings {
		findings[i].ID = st.e.id()
		if findings[i].Rule == sessionwarden.ManySessions {
			st.many = c.Now
		}
	}
	l.findings = append(l.findings, findings...)
	return policy.Judged{Sighting: *s, Findings: findings, Known: known}
}

// live returns the place of the live sighting seq; -1 where there is none.
func (st *state) live(seq uint64) int {
	live := st.h.Live
	from, to := 0, len(live)
	for from < to {
		if middle := (from + to) / 2; live[middle].Seq < seq {
			from = middle + 1
		} else {
			to = middle
		}
	}
	if from == len(live) || live[from].Seq != seq {
		return -1
	}
	return from
}

func (st *state) remove(i int) {
	st.h.Live, st.lives = without(st.h.Live, i), without(st.lives, i)
}

// without takes one out of a list. It moves the shorter side: nearly always the
// oldest goes.
func without[T any](list []T, i int) []T {
	var none T
	if i < len(list)/2 {
		copy(list[1:i+1], list[:i])
		list[0] = none
		return list[1:]
	}
	return slices.Delete(list, i, i+1)
}

// push appends to a list that [without] takes from. room is where it lies: its front
// is used again once enough of it is free.
func push[T any](list []T, room *[]T, x *T) []T {
	n := len(list)
	if n == cap(list) {
		old := list
		if len(*room) < n+n/2+4 {
			*room = make([]T, n+n/2+4)
		}
		list = (*room)[:n]
		copy(list, old)
		clear((*room)[n:])
	}
	return append(list, *x)
}

// over says what came of a live sighting.
func (st *state) over(i int) {
	st.e.o.Over(Outcome{Sighting: st.h.Live[i], Findings: st.lives[i].findings, Action: st.lives[i].action})
}

// lately remembers a session that has ended, for a day.
func (st *state) lately(s *sessionwarden.Sighting, since time.Time) {
	st.h.Recent = append(st.h.Recent, *s)
	last := &st.h.Recent[len(st.h.Recent)-1]
	last.State, last.GoneAt = sessionwarden.Gone, since
	for len(st.h.Recent) > maxRecent {
		st.h.Recent = without(st.h.Recent, 0)
	}
}

// forget drops what ended more than a day ago.
func (st *state) forget(at time.Time) {
	recent, kept := st.h.Recent, 0
	for i := range recent {
		if at.Sub(recent[i].GoneAt) > recentFor {
			continue
		}
		if kept != i {
			recent[kept] = recent[i]
		}
		kept++
	}
	clear(recent[kept:])
	st.h.Recent = recent[:kept]
	st.h.Spent = slices.DeleteFunc(st.h.Spent, func(s sessionwarden.Spent) bool { return at.Sub(s.At) >= time.Hour })
}
