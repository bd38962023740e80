package lives

import (
	"math/rand/v2"
	"time"

	"sessionwarden"
)

// Life is some weeks of the sessions of one account, and what is true of it.
type Life struct {
	Name   string
	Says   string                  // one sentence
	Attack bool                    // somebody else is in it
	Home   []sessionwarden.Country // what its owner would write as expected_countries
	Trusts []sessionwarden.Trust   // that its owner added

	end     time.Time
	visits  []visit
	down    []span      // the watch did not run
	logouts []time.Time // our own session was ended by the thief
	knows   map[sessionwarden.Rule]bool
	silent  bool // the service's timestamps do not move on with use

	random *rand.Rand
	zone   *time.Location
	ids    int
	trips  []trip
}

// visit is one login session.
type visit struct {
	id    sessionwarden.SessionID
	agent string
	stops []stop    // the signs of use, in order; the first is the sign-in
	out   time.Time // when it ended by itself
	deeds []deed    // what is done to the account in it

	returns []place       // from where its user signs in again when it is ended
	after   time.Duration // so long afterwards
	ended   time.Time     // when the watch ended it; zero: it did not
	again   bool          // it is a return
}

// stop is a sign that somebody used a session.
type stop struct {
	at    time.Time
	where place
	agent string // "": that of the visit
	thief bool
}

// deed is what somebody does to the account, so long after the sign-in, or
// after the thief came into the session.
type deed struct {
	after  time.Duration
	rule   sessionwarden.Rule // that speaks of it
	cents  sessionwarden.Cents
	change func(*sessionwarden.AccountFacts)
}

type span struct{ from, to time.Time }

// trip is where the owner is away from home.
type trip struct {
	span
	where []place
	pc    bool // he takes the computer along
}

const day = 24 * time.Hour

// lasts is how long the service keeps a session.
const lasts = 30 * day

// at is a local time of the owner, so many days after the start.
func (l *Life) at(days, hour, minute int) time.Time {
	return time.Date(start.Year(), start.Month(), start.Day()+days, hour, minute, 7, 0, l.zone).UTC()
}

// between is a random time of a day.
func (l *Life) between(days, from, to int) time.Time {
	return l.at(days, from, l.random.IntN((to-from)*60))
}

// soon is some seconds later: nobody keeps step with the watch.
func (l *Life) soon(at time.Time) time.Time {
	return at.Add(time.Duration(l.random.IntN(60)) * time.Second)
}

// signIn begins a session and returns it. The pointer holds until the next one.
func (l *Life) signIn(agent string, stops ...stop) *visit {
	l.ids++
	l.visits = append(l.visits, visit{
		id: sessionID(l.ids), agent: agent, stops: stops, out: stops[0].at.Add(lasts),
	})
	return &l.visits[len(l.visits)-1]
}

// could says which rules, beside those that a look at the life tells, could know
// of the attack.
func (l *Life) could(rules ...sessionwarden.Rule) {
	if l.knows == nil {
		l.knows = make(map[sessionwarden.Rule]bool)
	}
	for _, r := range rules {
		l.knows[r] = true
	}
}
