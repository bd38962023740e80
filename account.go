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
	AskTimeout              time.Duration // how long a question stands
	AskDefault              AskDefault    // what happens then
	DryRun                  bool          // all but the disconnecting

	Rules map[Rule]Response // complete: every rule has its response
}

// AskDefault is what happens to a session when nobody answered in time.
type AskDefault string

// What happens when nobody answered.
const (
	KeepSession       AskDefault = "keep"
	DisconnectSession AskDefault = "disconnect"
)

// Response returns what the account wants done when rule matches.
func (a Account) Response(rule Rule) Response { return a.Rules[rule] }

// Trusts reports whether addr lies in one of the account's trusted networks,
// and in which. An invalid address is never trusted.
func (a Account) Trusts(addr netip.Addr) (netip.Prefix, bool) {
	addr = addr.Unmap()
	for _, network := range a.Trusted {
		if addr.IsValid() && network.Contains(addr) {
			return network, true
		}
	}
	return netip.Prefix{}, false
}

// Expects reports whether the owner wrote country down as expected. It is
// false for the unknown country.
func (a Account) Expects(country Country) bool {
	return country != "" && slices.Contains(a.Expected, country)
}

// Stamp is a short hash of everything in the configuration that decides how
// sessions are judged. Two snapshots with the same stamp judge alike; a
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
	fmt.Fprintf(&b, "trusted %v\ndry_run %t\n", trusted, a.DryRun)
	for _, rule := range slices.Sorted(maps.Keys(a.Rules)) {
		fmt.Fprintf(&b, "%s %s\n", rule, a.Rules[rule])
	}
	sum := sha256.Sum256([]byte(b.String()))
	return hex.EncodeToString(sum[:8])
}
