package sessionwarden

import (
	"fmt"
	"slices"
	"time"
)

// AccountFacts are what the service said last of an account beside its
// sessions, and what happened to them lately. The zero value knows nothing.
// All texts are cleaned, and hostile still.
type AccountFacts struct {
	TwoFactor  Known[bool]
	TradeURL   Known[string]
	Payout     Known[string] // the payout mail
	Contact    Known[string] // the contact mail
	Discord    Known[string] // the Discord id
	DiscordTag Known[string] // the Discord name
	Name       Known[string]
	Balance    Known[Cents]
	Reviews    Known[int64] // open payment reviews

	Peaks   []Peak       // balances that were higher, in the last hour: by time, falling
	Changes []FactChange // what changed lately, as far as a rule speaks of it, the oldest first
	Left    []Suspect    // suspicious sessions that are over, or went on elsewhere, the oldest first
}

// Known is a value that the service may leave out: what it leaves out once
// stays as it was. The zero value was never said.
type Known[T comparable] struct {
	Value T
	Read  time.Time // when it was read last; zero: not known
}

// OK reports whether the value is known.
func (k Known[T]) OK() bool { return !k.Read.IsZero() }

// Cents is an amount of money in hundredths.
type Cents int64

// String returns the amount with two decimals, such as 2500.00.
func (c Cents) String() string {
	sign, n := "", uint64(c)
	if c < 0 {
		sign, n = "-", -n
	}
	return fmt.Sprintf("%s%d.%02d", sign, n/100, n%100)
}

// Peak is a balance that there was until At.
type Peak struct {
	At    time.Time
	Value Cents
}

// FactChange is one change of an account's facts.
type FactChange struct {
	Rule   Rule      // the rule that speaks of it
	Before string    // as people read it, shortened
	After  string    // likewise
	Was    time.Time // when it was read as before for the last time
	Seen   time.Time // when the change was seen
}

// Suspect is what is remembered of a suspicious session that is over, or went
// on under other facts.
type Suspect struct {
	Seq     uint64
	Session SessionID
	Addr    string
	Where   string    // the place and the network, as people read it
	Began   time.Time // when the session began, as far as that is known
	Seen    time.Time // when it was first seen as it was
	Gone    time.Time // when it was over, or went on under other facts
	Loud    bool      // a rule asked for more than a note; else it was only new to the profile
	Told    bool      // it was told together with a change of the account
}

// Same reports whether f and g say the same of the account, whenever it was
// read.
func (f AccountFacts) Same(g AccountFacts) bool {
	return same(f.TwoFactor, g.TwoFactor) && same(f.TradeURL, g.TradeURL) && same(f.Payout, g.Payout) && same(f.Contact, g.Contact) &&
		same(f.Discord, g.Discord) && same(f.DiscordTag, g.DiscordTag) && same(f.Name, g.Name) && same(f.Balance, g.Balance) && same(f.Reviews, g.Reviews)
}

func same[T comparable](a, b Known[T]) bool { return a.Value == b.Value && a.OK() == b.OK() }

// With returns f with what a later reading knows. What the reading does not
// know, and what happened lately, stays as it is in f.
func (f AccountFacts) With(read AccountFacts) AccountFacts {
	take(&f.TwoFactor, read.TwoFactor)
	take(&f.TradeURL, read.TradeURL)
	take(&f.Payout, read.Payout)
	take(&f.Contact, read.Contact)
	take(&f.Discord, read.Discord)
	take(&f.DiscordTag, read.DiscordTag)
	take(&f.Name, read.Name)
	take(&f.Balance, read.Balance)
	take(&f.Reviews, read.Reviews)
	return f
}

func take[T comparable](to *Known[T], read Known[T]) {
	if read.OK() {
		*to = read
	}
}

// Clone returns a copy of f that can be changed without changing f.
func (f AccountFacts) Clone() AccountFacts {
	f.Peaks, f.Changes, f.Left = slices.Clone(f.Peaks), slices.Clone(f.Changes), slices.Clone(f.Left)
	return f
}
