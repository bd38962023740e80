package lives

import (
	"slices"
	"time"

	"sessionwarden"
	"sessionwarden/policy"
	"sessionwarden/policy/replay"
)

// Options is what [Play] needs beside a life.
type Options struct {
	// Account is the configuration that judges. The life's own countries are put
	// in where Expect is true, and none where it is not.
	Account sessionwarden.Account
	Expect  bool
	// Answers: the owner answers when a session of his own was ended or is asked
	// about. An hour later he trusts its country for a month, or its network where
	// the country is unknown or in dispute.
	Answers bool

	Distance func(a, b sessionwarden.Country) (km float64, known bool)
}

// Played is what was found in a life, and what was done.
type Played struct {
	Life     *Life
	Found    []Found     // by time
	Ended    []End       // by time
	Asked    []time.Time // when a question about the thief came up
	Trusts   int         // that the owner added because of it
	begins   time.Time   // the thief's first use
	changed  time.Time   // when he first changed something; zero: he did not
	could    map[sessionwarden.Rule]bool
	returned bool
}

// Found is a finding and whether it is about the thief.
type Found struct {
	sessionwarden.Finding
	Thief bool
}

// End is a session that was ended.
type End struct {
	At    time.Time
	Thief bool
}

// manyPlays bounds how often a life is played: once more for each session that
// is ended.
const manyPlays = 200

// Play judges a life. Each session that is ended changes what comes after it,
// so the life is played again from the start until nobody else is ended.
func Play(l *Life, o Options) Played {
	life := *l
	life.visits, life.Trusts = slices.Clone(l.visits), slices.Clone(l.Trusts)
	a := o.Account
	a.Name, a.Expected = "anna", nil
	if o.Expect {
		a.Expected = l.Home
	}
	p := Played{Life: l}
	for range manyPlays {
		r := life.record(a)
		p.Found, p.Asked = nil, nil
		end, answer := life.once(a, o, &r, &p)
		if answer != nil && (end.At.IsZero() || answer.Created.Before(end.At)) {
			life.Trusts = append(life.Trusts, *answer)
			continue
		}
		if end.At.IsZero() {
			break
		}
		p.Ended = append(p.Ended, End{At: end.At, Thief: end.Thief})
		p.returned = life.cut(end) || p.returned
	}
	p.Trusts = len(life.Trusts) - len(l.Trusts)
	r := life.record(a)
	p.begins = life.begins()
	for _, d := range r.deeds {
		if d.thief && p.changed.IsZero() {
			p.changed = d.at
		}
	}
	p.could = life.couldKnow(a, &r, o)
	if p.returned {
		p.could[sessionwarden.Respawned] = true
	}
	slices.SortStableFunc(p.Found, func(a, b Found) int { return a.Time.Compare(b.Time) })
	slices.SortFunc(p.Asked, time.Time.Compare)
	return p
}

// ending is a session to be ended.
type ending struct {
	End
	visit int
}

// once plays a life and returns the first session that would be ended and was
// not yet, its time zero where there is none, and the first trust that the owner
// adds and has not yet; nil where there is none.
func (l *Life) once(a sessionwarden.Account, o Options, r *record, p *Played) (first ending, answer *sessionwarden.Trust) {
	over := func(out replay.Outcome) {
		w, session := r.whose[out.Sighting.Seq]
		for _, f := range out.Findings {
			about := w.stop.thief || l.names(f)
			if !session {
				about = l.Attack && !f.Time.Before(l.begins())
			}
			p.Found = append(p.Found, Found{Finding: f, Thief: about})
			if t := l.answers(f, out.Sighting); o.Answers && session && !w.stop.thief && t != nil && (answer == nil || t.Created.Before(answer.Created)) {
				answer = t
			}
		}
		if out.Action == nil || !session {
			return
		}
		if hold := out.Action.Hold == sessionwarden.HeldByAsk || out.Action.State == sessionwarden.Denied; hold && l.visits[w.visit].thiefAt(out.Action.Created) {
			p.Asked = append(p.Asked, out.Action.Created)
		}
		v := &l.visits[w.visit]
		if at := out.Action.Answered; out.Action.State == sessionwarden.Done && v.ended.IsZero() && (first.At.IsZero() || at.Before(first.At)) {
			first = ending{End{at, v.thiefAt(at)}, w.visit}
		}
	}
	trusts := slices.Clone(l.Trusts)
	for i := range trusts {
		trusts[i].ID, trusts[i].Account = uint64(i+1), a.Name
	}
	e := replay.New(replay.Options{
		Accounts: []replay.Account{{Account: a, Baseline: start, Trusts: trusts, Told: r.told, Uses: r.uses, Facts: r.facts}},
		Distance: o.Distance, Over: over,
	})
	for _, row := range r.rows {
		e.Add(row)
	}
	e.Finish(l.end)
	return first, answer
}

// names reports whether a finding about another session names the thief's place
// as what it was compared with.
func (l *Life) names(f sessionwarden.Finding) bool {
	for _, fact := range f.Facts {
		if fact.Name != policy.FactBeforeAddress {
			continue
		}
		for i := range l.visits {
			for _, s := range l.visits[i].stops {
				if s.thief && s.where.addr.String() == fact.Value {
					return true
				}
			}
		}
	}
	return false
}

// answers is the trust that the owner adds because of a finding on his own
// session; nil where it asks for nothing to be done, or he has added it.
func (l *Life) answers(f sessionwarden.Finding, s sessionwarden.Sighting) *sessionwarden.Trust {
	if f.Response < sessionwarden.Ask {
		return nil
	}
	t := sessionwarden.Trust{Country: s.Location.Country, Created: f.Time.Add(time.Hour), Until: f.Time.Add(30 * day)}
	if f.Rule == sessionwarden.LocationMismatch || !s.Location.Placed() {
		t.Country, t.ASN = "", s.Location.ASN
	}
	if t.Country == "" && t.ASN == 0 || slices.ContainsFunc(l.Trusts, func(o sessionwarden.Trust) bool {
		return o.Country == t.Country && o.ASN == t.ASN && !o.Created.After(t.Created) && t.Created.Before(o.Until)
	}) {
		return nil
	}
	return &t
}

// thiefAt reports whether the thief was the last who used the session.
func (v *visit) thiefAt(at time.Time) (thief bool) {
	for _, s := range v.stops {
		if !s.at.After(at) {
			thief = s.thief
		}
	}
	return thief
}

// cut ends a session and lets its user sign in again where he can. It reports
// whether that is a thief.
func (l *Life) cut(e ending) bool {
	v := &l.visits[e.visit]
	later := slices.IndexFunc(v.stops, func(s stop) bool { return s.at.After(e.At) })
	var rest []stop
	if later >= 0 {
		rest = slices.Clone(v.stops[later:])
		v.stops = v.stops[:later:later]
	}
	out := v.out
	v.out, v.ended = e.At.Add(time.Second), e.At
	rest = slices.DeleteFunc(rest, func(s stop) bool { return s.thief })
	next := visit{agent: v.agent, again: true}
	switch {
	case e.Thief && len(v.returns) > 0:
		from := v.stops[len(v.stops)-1]
		from.at, from.where, from.thief = e.At.Add(v.after), v.returns[0], true
		next.stops, next.returns, next.after = []stop{from}, v.returns[1:], v.after
		next.out = from.at.Add(12 * time.Minute)
		for _, d := range v.deeds {
			if !v.stops[0].at.Add(d.after).Before(v.out) {
				next.deeds = append(next.deeds, d)
			}
		}
	case len(rest) > 0: // the owner, when he wants to use it next
		next.stops, next.out = rest, out
	default:
		return false
	}
	l.ids++
	next.id = sessionID(l.ids)
	l.visits = append(l.visits, next)
	return e.Thief && len(v.returns) > 0
}

// begins is when the thief came, or we.
func (l *Life) begins() (first time.Time) {
	for i := range l.visits {
		for _, s := range l.visits[i].stops {
			if s.thief && (first.IsZero() || s.at.Before(first)) {
				first = latest(s.at, start)
			}
		}
	}
	return first
}
