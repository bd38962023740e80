package sessionwarden

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Account is what the configuration says of one watched account, complete
// with the defaults. It is a snapshot: a reload makes new ones.
type Account struct {
	Name    string // unique in the configuration; at most 64 letters, digits, '-', '_' and '.'
	Service string // "mannco"
	BaseURL string // where the service answers; https, or http on loopback

	Schedule     string        // a cron expression or "@every 30s"
	ExpiredEvery time.Duration // how often expired sessions are listed too
	AccountEvery time.Duration // how often the account's facts are read
	Timeout      time.Duration // of one request

	Expected []Country      // expected_countries; nil: not said, the rules that need it abstain
	Trusted  []netip.Prefix // trusted_networks

	MaxDisconnects          int           // an hour, of sessions with a tie to the profile
	MaxDisconnectsStrangers int           // an hour, of strangers
	BalanceDrop             Cents         // balance_drop asks from this drop within an hour on,
	BalanceDropPercent      int           // if it is this much of the highest balance in that hour, too
	TakeoverWithin          time.Duration // how far a suspicious session and a change of the account may be apart

	AskTimeout time.Duration // how long a question stands
	AskDefault AskDefault    // what happens then
	DryRun     bool          // all but the disconnecting

	LearnFor      time.Duration // how long an account is learned before what is new to it is told; 0: not at all
	LearnSessions int           // or how many sessions are learned from, whichever comes first; 0: none
	MaxSpeed      int           // km/h that a traveller makes at most; 0: no journey is impossible
	Dormant       time.Duration // how many quiet days make an account's return worth telling; 0: none
	DormantPlace  time.Duration // the same of a country that others are used beside; 0: none
	Hours         DayHours      // when the owner uses the account; the zero value: as was learned
	Heightened    time.Duration // how long an account is looked at every few seconds after a suspicious finding; 0: not at all

	Rules map[Rule]Response // complete: every rule has its response, the own ones too
	Own   []OwnRule         // the owner's own rules for this account

	Granted []Trust // the trusts with an end that hold now, see [Account.With]; the configuration has none
}

// AskDefault is what happens to a session when nobody answered in time.
type AskDefault string

// What happens when nobody answered.
const (
	KeepSession       AskDefault = "keep"
	DisconnectSession AskDefault = "disconnect"
)

// DayHours is a part of the day: that in which an owner uses his account, or in which
// a channel is quiet. The zero value is none.
type DayHours struct {
	From, To time.Duration  // since midnight; To may be before From: then the night lies within
	Zone     *time.Location // nil: not said; without From and To it only says where the owner's clock is
}

// Set reports whether there is such a part.
func (h DayHours) Set() bool { return h.Zone != nil && h.From != h.To }

// Holds reports whether t lies in it. It must be set.
func (h DayHours) Holds(t time.Time) bool {
	local := t.In(h.Zone)
	at := time.Duration(local.Hour())*time.Hour + time.Duration(local.Minute())*time.Minute
	if h.From <= h.To {
		return at >= h.From && at < h.To
	}
	return at >= h.From || at < h.To
}

// String returns the hours as the configuration has them, such as
// "08:00-23:30 Europe/Berlin"; "" where they are not said.
func (h DayHours) String() string {
	if !h.Set() {
		return ""
	}
	clock := func(d time.Duration) string {
		return fmt.Sprintf("%02d:%02d", int(d.Hours()), int(d.Minutes())%60)
	}
	return clock(h.From) + "-" + clock(h.To) + " " + h.Zone.String()
}

// Response returns what the account wants done when rule matches.
func (a Account) Response(rule Rule) Response { return a.Rules[rule] }

// Rule describes rule, one of the contract's table or of the account's own. It
// has no name where there is none.
func (a Account) Rule(rule Rule) RuleInfo {
	if info, ok := RuleByName(string(rule)); ok {
		return info
	}
	for _, own := range a.Own {
		if own.Name == rule {
			return RuleInfo{Rule: rule, Response: a.Rules[rule], Severity: own.Severity, Judged: true, Says: "a rule of your own"}
		}
	}
	return RuleInfo{}
}

// With returns the account together with those of trusts that hold at now.
func (a Account) With(trusts []Trust, now time.Time) Account {
	a.Granted = nil
	for _, t := range trusts {
		if t.Account == a.Name && t.Holds(now) {
			a.Granted = append(a.Granted, t)
		}
	}
	return a
}

// Trusts reports whether addr lies in one of the account's trusted networks, or
// in one that is trusted for now, and in which. An invalid address is never
// trusted.
func (a Account) Trusts(addr netip.Addr) (netip.Prefix, bool) {
	addr = addr.Unmap()
	for _, network := range a.Trusted {
		if addr.IsValid() && network.Contains(addr) {
			return network, true
		}
	}
	if t, ok := a.grants(addr); ok {
		return t.Network, true
	}
	return netip.Prefix{}, false
}

// Vouches says why addr is trusted, for people: by the configuration, or by which
// trust with an end. It is false where [Account.Trusts] is.
func (a Account) Vouches(addr netip.Addr) (why string, ok bool) {
	network, ok := a.Trusts(addr)
	if !ok {
		return "", false
	}
	why = addr.Unmap().String() + " is in the trusted network " + network.String()
	if slices.Contains(a.Trusted, network) {
		return why, true
	}
	if t, ok := a.grants(addr.Unmap()); ok {
		why = addr.Unmap().String() + " is in the network of " + t.String()
	}
	return why, true
}

// grants returns the trust with an end whose network addr lies in.
func (a Account) grants(addr netip.Addr) (Trust, bool) {
	for _, t := range a.Granted {
		if t.Network.IsValid() && addr.IsValid() && t.Network.Contains(addr) {
			return t, true
		}
	}
	return Trust{}, false
}

// Expects reports whether the owner wrote country down as expected. It is
// false for the unknown country.
func (a Account) Expects(country Country) bool {
	return country != "" && slices.Contains(a.Expected, country)
}

// Stamp is a short hash of everything in the configuration, and of what is
// trusted for now, that decides how sessions are judged. Two snapshots with the same stamp judge alike; a
// changed stamp makes the guard against a mistaken rule look at what is there.
func (a Account) Stamp() string {
	var b strings.Builder
	expected := slices.Clone(a.Expected)
	slices.Sort(expected)
	fmt.Fprintf(&b, "expected %t %v\n", a.Expected != nil, expected)
	trusted := make([]string, 0, len(a.Trusted))
	for _, network := range a.Trusted {
		trusted = append(trusted, network.String())
	}
	slices.Sort(trusted)
	fmt.Fprintf(&b, "trusted %v\ndry_run %t\nask_default %s\n", trusted, a.DryRun, a.AskDefault)
	fmt.Fprintf(&b, "learning %s %d\nspeed %d\ndormant %s %s\nhours %s\n", a.LearnFor, a.LearnSessions, a.MaxSpeed, a.Dormant, a.DormantPlace, a.Hours)
	granted := make([]string, 0, len(a.Granted))
	for _, t := range a.Granted {
		granted = append(granted, t.What())
	}
	slices.Sort(granted)
	for _, what := range slices.Compact(granted) {
		fmt.Fprintf(&b, "trust %s\n", what)
	}
	for _, rule := range slices.Sorted(maps.Keys(a.Rules)) {
		fmt.Fprintf(&b, "%s %s\n", rule, a.Rules[rule])
	}
	for _, own := range a.Own { // a rule may look at the owner's clock
		fmt.Fprintf(&b, "own %s %q %s\n", own.Name, own.When, a.Hours.Zone)
	}
	sum := sha256.Sum256([]byte(b.String()))
	return hex.EncodeToString(sum[:8])
}
