package sessionwarden

import "time"

// Finding is one rule that matched one session or one change of an account,
// at one time, with its explanation.
type Finding struct {
	ID       uint64
	Account  string
	Seq      uint64    // the sighting it is about; 0: about the account itself
	Session  SessionID // that session's id; may be empty
	Rule     Rule
	Severity Severity
	Response Response // what the configuration wanted, after the caps that the contract sets
	Time     time.Time
	Late     bool   // found only afterwards, among the expired sessions
	Reason   string // one sentence: what was seen and what was expected
	Facts    []Fact
	Silence  string // the configuration line or command that would make it quiet
	Capped   string // why Response is less than the configuration says; "" where it is not
}

// Fact is one thing that a finding rests on, with where it comes from in its
// value where that matters.
type Fact struct {
	Name  string // snake_case, from a closed set
	Value string // may contain hostile text
}
