package replay

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"sessionwarden"
)

// Count is how much a configuration finds and does.
type Count struct {
	Matches     int `json:"matches"`     // findings
	Alerts      int `json:"alerts"`      // of these, those that people are told of
	Asks        int `json:"asks"`        // that ask a person
	Disconnects int `json:"disconnects"` // that end a session
}

// Add counts one finding by its response: that which ends a session counts as
// told too.
func (c *Count) Add(response sessionwarden.Response) {
	c.Matches++
	if response >= sessionwarden.Notify {
		c.Alerts++
	}
	switch {
	case response == sessionwarden.Ask:
		c.Asks++
	case response >= sessionwarden.Disconnect:
		c.Disconnects++
	}
}

// Side is one of two configurations that are compared.
type Side struct {
	All   Count                         // sessions that are found, told of, held, ended; changes of accounts count beside them
	Rules map[sessionwarden.Rule]*Count // findings of each rule
}

// Rule returns what one rule found.
func (s *Side) Rule(rule sessionwarden.Rule) Count {
	if c := s.Rules[rule]; c != nil {
		return *c
	}
	return Count{}
}

// Tally counts a finding of a rule.
func (s *Side) Tally(rule sessionwarden.Rule, response sessionwarden.Response) {
	c := s.Rules[rule]
	if c == nil {
		c = new(Count)
		if s.Rules == nil {
			s.Rules = make(map[sessionwarden.Rule]*Count)
		}
		s.Rules[rule] = c
	}
	c.Add(response)
}

// Difference is a session that two configurations treat differently.
type Difference struct {
	Now, New Outcome
}

// Comparison plays the same rows under two configurations. It is not safe for
// concurrent use.
type Comparison struct {
	Now, New  Side
	Sessions  int // rows that count
	Different int // how many of them come to something else

	newest  []Difference // of these, twice as many as was wanted at most
	since   time.Time
	most    int
	engines [2]*Engine
	rows    []sessionwarden.Sighting // that wait to be played
	playing []sessionwarden.Sighting // that are being played meanwhile
	played  sync.WaitGroup
	over    [2][]Outcome // of the rows that are being played
}

// Compare begins a comparison. Both must name the same accounts in the same
// order. Only what arrived since counts (the zero time: all); what came before is
// learned from all the same. most is how many differences are kept.
func Compare(now, new Options, since time.Time, most int) *Comparison {
	c := &Comparison{since: since, most: most}
	for i, o := range [2]Options{now, new} {
		o.Over = func(done Outcome) {
			if len(done.Findings) > 0 || done.Action != nil {
				c.over[i] = append(c.over[i], done)
			}
		}
		c.engines[i] = New(o)
	}
	return c
}

// Add plays the next row under both, beside what the caller does meanwhile.
func (c *Comparison) Add(s sessionwarden.Sighting) {
	if c.engines[0].states[s.Account] == nil {
		return
	}
	if !s.FirstSeen.Before(c.since) {
		c.Sessions++
	}
	if c.rows = append(c.rows, s); len(c.rows) == together {
		c.next(func(e *Engine) { e.playRows(c.playing) })
	}
}

// Finish plays what is left until now.
func (c *Comparison) Finish(now time.Time) {
	c.next(func(e *Engine) {
		e.playRows(c.playing)
		e.Finish(now)
	})
	c.played.Wait()
	c.pair()
	c.rows, c.playing = nil, nil
}

// next has the two engines play the rows that wait, each by itself: they know
// nothing of each other. More rows may come meanwhile.
func (c *Comparison) next(play func(*Engine)) {
	c.played.Wait()
	c.pair()
	c.rows, c.playing = c.playing[:0], c.rows
	for _, e := range c.engines {
		c.played.Go(func() { play(e) })
	}
}

// pair counts what came of the sightings that have left. It is the record that
// says when one leaves: both say it of the same ones at the same time.
func (c *Comparison) pair() {
	if len(c.over[0])+len(c.over[1]) == 0 {
		return
	}
	other := make(map[uint64]Outcome, len(c.over[1]))
	for _, o := range c.over[1] {
		c.count(&c.New, &o)
		if o.Sighting.Seq != 0 {
			other[o.Sighting.Seq] = o
		}
	}
	for _, o := range c.over[0] {
		c.count(&c.Now, &o)
		if seq := o.Sighting.Seq; seq != 0 {
			c.differ(o, other[seq])
			delete(other, seq)
		}
	}
	for _, o := range c.over[1] {
		if _, alone := other[o.Sighting.Seq]; alone {
			c.differ(Outcome{}, o)
		}
	}
	clear(c.over[0])
	clear(c.over[1])
	c.over[0], c.over[1] = c.over[0][:0], c.over[1][:0]
}

func (c *Comparison) count(side *Side, o *Outcome) {
	if o.at().Before(c.since) {
		return
	}
	strongest := sessionwarden.Off
	for i := range o.Findings {
		f := &o.Findings[i]
		strongest = max(strongest, f.Response)
		side.Tally(f.Rule, f.Response)
	}
	if len(o.Findings) > 0 {
		side.All.Matches++
	}
	if strongest >= sessionwarden.Notify {
		side.All.Alerts++
	}
	switch o.Comes() {
	case Ended:
		side.All.Disconnects++
	case Waits:
		side.All.Asks++
	}
}

// at is when the outcome's session came, or its finding was made.
func (o *Outcome) at() time.Time {
	switch {
	case o.Sighting.Seq != 0:
		return o.Sighting.FirstSeen
	case len(o.Findings) > 0:
		return o.Findings[0].Time
	case o.Action != nil:
		return o.Action.Created
	}
	return time.Time{}
}

// What comes of a session, in rising order.
const (
	Nothing = "nothing"
	Noted   = "log"
	Told    = "alert"
	Waits   = "ask" // held, by a question or a rail
	Ended   = "disconnect"
)

// Comes says what comes of a session: nothing, log, alert, ask or disconnect.
func (o Outcome) Comes() string {
	if o.Action != nil {
		switch o.Action.State {
		case sessionwarden.Done, sessionwarden.Verified, sessionwarden.Planned:
			return Ended
		case sessionwarden.Held, sessionwarden.Denied, sessionwarden.Moot:
			return Waits
		}
	}
	f, found := o.Strongest()
	switch {
	case !found:
		return Nothing
	case f.Response <= sessionwarden.Log:
		return Noted
	}
	return Told
}

// Strongest returns the finding with the strongest response; false where there
// is none.
func (o Outcome) Strongest() (f sessionwarden.Finding, found bool) {
	for _, one := range o.Findings {
		if !found || one.Response > f.Response {
			f, found = one, true
		}
	}
	return f, found
}

func (c *Comparison) differ(now, new Outcome) {
	s := now.Sighting
	if s.Seq == 0 {
		s = new.Sighting
	}
	if s.FirstSeen.Before(c.since) || now.Comes() == new.Comes() {
		return
	}
	c.Different++
	now.Sighting, new.Sighting = s, s
	c.newest = append(c.newest, Difference{now, new})
	if len(c.newest) > 2*c.most {
		c.keep()
	}
}

func (c *Comparison) keep() {
	slices.SortFunc(c.newest, func(a, b Difference) int { return cmp.Compare(a.Now.Sighting.Seq, b.Now.Sighting.Seq) })
	if n := len(c.newest) - c.most; n > 0 {
		clear(c.newest[:n])
		c.newest = append([]Difference(nil), c.newest[n:]...)
	}
}

// Differences returns the newest differences, in the order of arrival.
func (c *Comparison) Differences() []Difference {
	c.keep()
	return c.newest
}
