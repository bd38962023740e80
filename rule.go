package sessionwarden

// Rule is the name of a test of a session or of an account.
type Rule string

// The rules that this version judges by.
const (
	UnexpectedCountry Rule = "unexpected_country" // outside expected_countries
	UnknownCountry    Rule = "unknown_country"    // no location, private or satellite network
	LocationMismatch  Rule = "location_mismatch"  // the service names another country than we
	NewCountry        Rule = "new_country"        // a country the profile does not have
	NewNetwork        Rule = "new_network"        // an ASN the profile does not have
	NewDevice         Rule = "new_device"         // an operating system and browser family the profile does not have
	HostingNetwork    Rule = "hosting_network"    // an address of a data centre
	TorNetwork        Rule = "tor_network"        // an exit of the Tor network
	VPNNetwork        Rule = "vpn_network"        // an address of a VPN provider
	SessionMoved      Rule = "session_moved"      // the same id, now somewhere that only a stolen cookie explains
	SessionRoamed     Rule = "session_roamed"     // the same id, now on another network or device
	WatcherLoggedOut  Rule = "watcher_logged_out" // our own session was ended by someone
)

// The rules that the configuration may name already and that a later version
// judges by. Package config accepts them and says so.
const (
	ImpossibleTravel    Rule = "impossible_travel"
	ConcurrentCountries Rule = "concurrent_countries"
	Stranger            Rule = "stranger"
	ShortLived          Rule = "short_lived"
	Respawned           Rule = "respawned"
	TwoFactorOff        Rule = "two_factor_off"
	TradeURLChanged     Rule = "trade_url_changed"
	PayoutChanged       Rule = "payout_changed"
	ContactChanged      Rule = "contact_changed"
	DiscordChanged      Rule = "discord_changed"
	NameChanged         Rule = "name_changed"
	BalanceDrop         Rule = "balance_drop"
	PaymentReview       Rule = "payment_review"
	ManySessions        Rule = "many_sessions"
	DormantReturn       Rule = "dormant_return"
	OddHours            Rule = "odd_hours"
	Takeover            Rule = "takeover"
)

// RuleInfo describes one rule: what it does unless the configuration says
// otherwise.
type RuleInfo struct {
	Rule     Rule
	Response Response // default response
	Severity Severity
	Judged   bool   // false: a later version judges by it
	Says     string // what the rule looks for, in a few words
}

// ruleTable is the contract's table of rules, in its order.
var ruleTable = []RuleInfo{
	{UnexpectedCountry, Disconnect, Critical, true, "a country outside expected_countries"},
	{UnknownCountry, Ask, Critical, true, "no known location, a private or a satellite network"},
	{LocationMismatch, Log, Info, true, "the service names another country than the location data"},
	{NewCountry, Notify, Warning, true, "a country this account was never used from"},
	{NewNetwork, Log, Info, true, "a network this account was never used from"},
	{NewDevice, Log, Info, true, "a device this account was never used with"},
	{HostingNetwork, Notify, Warning, true, "an address of a hosting network"},
	{TorNetwork, Ask, Critical, true, "an exit of the Tor network"},
	{ImpossibleTravel, Ask, Critical, true, "farther away than a person can travel"},
	{ConcurrentCountries, Ask, Critical, true, "live in two far countries at once"},
	{SessionMoved, Disconnect, Critical, true, "the same session, suddenly elsewhere"},
	{SessionRoamed, Log, Info, true, "the same session on another network or device"},
	{Stranger, Notify, Critical, true, "network and country both new"},
	{VPNNetwork, Log, Info, true, "an address of a VPN provider"},
	{ShortLived, Notify, Critical, true, "came and went between two polls"},
	{Respawned, Notify, Critical, true, "back within an hour of a disconnection"},
	{TwoFactorOff, Notify, Critical, true, "two-factor authentication was turned off"},
	{TradeURLChanged, Notify, Critical, true, "the trade URL was changed"},
	{PayoutChanged, Notify, Critical, true, "the payout address was changed"},
	{ContactChanged, Notify, Critical, true, "the contact mail was changed"},
	{DiscordChanged, Notify, Warning, true, "the Discord name was changed"},
	{NameChanged, Notify, Warning, true, "the name was changed"},
	{BalanceDrop, Notify, Warning, true, "the balance dropped"},
	{PaymentReview, Notify, Warning, true, "a payment is under review"},
	{ManySessions, Notify, Warning, true, "more sessions than usual"},
	{DormantReturn, Notify, Warning, true, "activity after many quiet days"},
	{OddHours, Notify, Warning, true, "outside the owner's usual hours"},
	{Takeover, Ask, Critical, true, "a suspicious session and an account change"},
	{WatcherLoggedOut, Log, Critical, true, "our own session was ended by someone"},
}

// OwnRule is a rule that the owner wrote: `[[rule]]` in the configuration. What
// it does stands in [Account.Rules], under its name.
type OwnRule struct {
	Name     Rule   // [Rule.Own], and no other rule's name
	When     string // the expression: docs/rules.md
	Severity Severity
	Why      string // for people, one line; may be empty
}

// MaxOwnRules is how many rules of their own a configuration may have.
const MaxOwnRules = 100

// Own reports whether r can be the name of an own rule: a lower-case letter,
// then lower-case letters, digits and '_', 32 bytes at most, and no rule of the
// contract's table.
func (r Rule) Own() bool {
	if r == "" || len(r) > 32 || r[0] < 'a' || r[0] > 'z' {
		return false
	}
	for _, c := range []byte(r) {
		if c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') {
			return false
		}
	}
	_, ours := RuleByName(string(r))
	return !ours
}

// Rules returns every rule that the configuration may name, but for the owner's
// own, in the contract's order.
func Rules() []RuleInfo { return append([]RuleInfo(nil), ruleTable...) }

// RuleByName returns the rule called name and whether there is one. It knows no
// own rules: [Account.Rule] does.
func RuleByName(name string) (RuleInfo, bool) {
	for _, info := range ruleTable {
		if string(info.Rule) == name {
			return info, true
		}
	}
	return RuleInfo{}, false
}
