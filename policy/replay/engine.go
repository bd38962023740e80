package replay

import (
	"time"

	"sessionwarden"
	"sessionwarden/policy"
)

// Account is one account to be played.
type Account struct {
	sessionwarden.Account // the configuration that judges

	Baseline time.Time             // when its first poll was recorded; zero: with its first row
	Reset    time.Time             // when its profile was begun anew last; zero: never
	Trusts   []sessionwarden.Trust // with an end, those that have ended too

	// Told is what was recorded about the account itself and its changes, in the
	// order of time: findings of rules that judge no session by itself (see
	// [policy.AsksSessions]). They are taken over with the response that the
	// configuration gives their rule.
	Told []sessionwarden.Finding

	// Uses are the signs that somebody used a session beside its arrival, and
	// Facts what was read of the account itself, each in the order of time. A
	// history keeps neither; who makes lives up knows them.
	Uses  []Use
	Facts []Reading
}

// Use is a sign that somebody used a live sighting.
type Use struct {
	Seq uint64
	At  time.Time
}

// Reading is what the service said of the account itself at a time.
type Reading struct {
	At    time.Time
	Facts sessionwarden.AccountFacts
}

// Options is what [New] needs. Only Accounts is necessary.
type Options struct {
	Accounts []Account // each with a name of its own

	// Distance is that of [policy.Case].
	Distance func(a, b sessionwarden.Country) (km float64, known bool)

	// Judging is called with each case before it is judged. What the case holds
	// is good until it returns. Nil: nobody wants to know.
	Judging func(policy.Case)
	// Over is called with what came of each sighting: when it has left, when it
	// goes on as another one, or at the end. Nil: nobody wants to know.
	Over func(Outcome)
}

// Outcome is what was found on one sighting, and what would have been done.
type Outcome struct {
	Sighting sessionwarden.Sighting // as it stood then; only Account where it is about the account itself
	Findings []sessionwarden.Finding
	Action   *sessionwarden.Action // the last one about it; nil: none. Done: it would have been ended
}

// Engine plays the rows of a history. It holds what lives and what is known of
// each account, and nothing of what is over for more than a day. It is not safe
// for concurrent use.
type Engine struct {
	o      Options
	states map[string]*state
	rows   []sessionwarden.Sighting // that wait to be played
	busy   []*state                 // who has some of the rows that are being played; kept only to be used again
	nextID uint64
}

// New returns an engine before the first row.
func New(o Options) *Engine {
	e := &Engine{o: o, states: make(map[string]*state, len(o.Accounts))}
	if e.o.Over == nil {
		e.o.Over = func(Outcome) {}
	}
	for _, a := range o.Accounts {
		e.states[a.Name] = newState(e, a)
	}
	return e
}

// Add plays the next row of the history, in the order of arrival. Rows of
// accounts that were not named are passed over.
func (e *Engine) Add(s sessionwarden.Sighting) {
	if e.states[s.Account] == nil {
		return
	}
	if e.rows = append(e.rows, s); len(e.rows) == together {
		e.playRows(e.rows)
		e.rows = e.rows[:0]
	}
}

// together is how many rows wait to be played together, account by account: what
// is known of one is near at hand then. Accounts know nothing of each other.
const together = 8_192

// playRows plays rows, and keeps none of them.
func (e *Engine) playRows(rows []sessionwarden.Sighting) {
	for i := range rows {
		if st := e.states[rows[i].Account]; st != nil {
			if len(st.turns) == 0 {
				e.busy = append(e.busy, st)
			}
			st.turns = append(st.turns, int32(i))
		}
	}
	for _, st := range e.busy {
		for _, i := range st.turns {
			st.row(&rows[i])
		}
		st.turns = st.turns[:0]
	}
	e.busy = e.busy[:0]
}

// Finish plays what is left until now, and says what became of those who still
// live. Nothing may be added after it.
func (e *Engine) Finish(now time.Time) {
	e.playRows(e.rows)
	e.rows = nil
	for _, a := range e.o.Accounts {
		st := e.states[a.Name]
		st.play()
		st.advance(now, true)
		for i := range st.h.Live {
			st.over(i)
		}
	}
}

// History returns what is known of an account by now: its profile and what
// lives. It shares memory with the engine.
func (e *Engine) History(account string) sessionwarden.History {
	if st := e.states[account]; st != nil {
		return st.h
	}
	return sessionwarden.History{Account: account}
}

// id returns the next id of a finding or an action.
func (e *Engine) id() uint64 {
	e.nextID++
	return e.nextID
}
