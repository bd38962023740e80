package sessionwarden

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Trust says that a country, a network or an address is the owner's own until a
// time, beside what the configuration says: a trip, a new provider, a hotel.
// Exactly one of Country, ASN and Network is set. The zero value covers nothing
// and never holds.
type Trust struct {
	ID      uint64
	Account string

	Country Country
	ASN     uint32
	Network netip.Prefix // an address is its /32, an IPv6 one its /64

	Until   time.Time // it does not hold any more from then on
	Note    string    // what for, in the owner's words; at most MaxTrustNote bytes
	By      string    // which user added it; "" not known
	Created time.Time
	Removed time.Time // when a person ended it before its time; zero: nobody did
}

// Bounds of trusts.
const (
	MaxTrust       = 400 * 24 * time.Hour // how far off a trust's end may be
	MaxTrusts      = 100                  // how many may hold for one account at a time
	MaxTrustNote   = 200                  // bytes
	KeepEndedTrust = 30 * 24 * time.Hour  // how long a trust that has ended stays listed
)

// Holds reports whether the trust counts at now: it has neither ended nor been
// removed.
func (t Trust) Holds(now time.Time) bool { return t.Removed.IsZero() && now.Before(t.Until) }

// Ended returns when the trust ended, or will end.
func (t Trust) Ended() time.Time {
	if !t.Removed.IsZero() && t.Removed.Before(t.Until) {
		return t.Removed
	}
	return t.Until
}

// State returns holds, removed or expired.
func (t Trust) State(now time.Time) string {
	switch {
	case t.Holds(now):
		return "holds"
	case t.Removed.IsZero():
		return "expired"
	}
	return "removed"
}

// Covers reports whether s comes from what is trusted, whatever the time is. For
// a country and an ASN our own location data decides, and what comes out of the
// Tor network comes from nowhere. What the service says of the place is for the
// rules to weigh.
func (t Trust) Covers(s Sighting) bool {
	switch {
	case t.Network.IsValid():
		return s.Addr.IsValid() && t.Network.Contains(s.Addr.Unmap())
	case s.Location.Tor:
		return false
	case t.ASN != 0:
		return s.Location.ASN == t.ASN && s.Location.Network != Private
	}
	return t.Country != "" && s.Location.Placed() && s.Location.Country == t.Country
}

// What returns what is trusted, as a person wrote it: "JP", "AS2516" or
// "203.0.113.0/24".
func (t Trust) What() string {
	switch {
	case t.Network.IsValid():
		return t.Network.String()
	case t.ASN != 0:
		return "AS" + strconv.FormatUint(uint64(t.ASN), 10)
	}
	return string(t.Country)
}

// String names the trust for people: "trust 12 (JP until 2026-12-20 22:59 UTC,
// trip)".
func (t Trust) String() string {
	text := "trust " + strconv.FormatUint(t.ID, 10) + " (" + t.What() + " until " + t.Until.UTC().Format("2006-01-02 15:04 MST")
	if note := Shorten(t.Note, 60); note != "" {
		text += ", " + note
	}
	return text + ")"
}

// NewTrust reads what is to be trusted, of which exactly one must be said: a
// country code, an ASN such as "AS2516", a network in CIDR notation or an
// address. Its errors say what to write instead.
func NewTrust(country, asn, network, address string) (t Trust, err error) {
	said := 0
	for _, text := range []string{country, asn, network, address} {
		if text != "" {
			said++
		}
	}
	switch {
	case said != 1:
		return t, errors.New("say exactly one thing to trust: a country, an ASN, a network or an address")
	case country != "":
		if len(country) == 2 {
			country = strings.ToUpper(country) // written by hand
		}
		t.Country, err = ParseCountry(country)
	case asn != "":
		t.ASN, err = parseASN(asn)
	default:
		t.Network, err = trustedNetwork(network + address)
	}
	return t, err
}

// trustedNetwork is [ParseNetwork], but an address alone stands for the smallest
// network that is worth trusting.
func trustedNetwork(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
		network, _ := NarrowNetwork(addr)
		return network, nil
	}
	network, err := ParseNetwork(text)
	var wrong *NetworkError
	if errors.As(err, &wrong) {
		err = fmt.Errorf("%w: %s", err, wrong.Cure)
	}
	return network, err
}

// parseASN reads the number of an autonomous system, with or without AS before
// it.
func parseASN(text string) (uint32, error) {
	digits := text
	if len(text) > 2 && strings.EqualFold(text[:2], "AS") {
		digits = text[2:]
	}
	n, err := strconv.ParseUint(digits, 10, 32)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%q is not the number of a network: write it such as \"AS2516\" (sessionwarden geo lookup ADDRESS says it)", shown(text))
	}
	return uint32(n), nil
}

// ParseUntil reads the end of a trust: a day such as 2026-12-20, which ends with
// its last second in now's zone, a time in RFC 3339, or a span such as 14d, 2w
// or 36h from now on. An end that is not after now, or farther off than
// [MaxTrust], is an error.
func ParseUntil(text string, now time.Time) (time.Time, error) {
	until, err := parseEnd(text, now, "a trust", "14d")
	if err == nil && until.Sub(now) > MaxTrust {
		return time.Time{}, fmt.Errorf("%q is too far off: a trust ends within 400 days; what is to stay belongs into the configuration, as expected_countries or trusted_networks", shown(text))
	}
	return until, err
}

// parseEnd reads an end that is still to come. what is to end, and after how long
// for instance, is for its errors.
func parseEnd(text string, now time.Time, what, example string) (time.Time, error) {
	until, ok := readUntil(text, now)
	write := "write a day such as 2026-12-20, a time such as 2026-12-20T12:00:00Z, or a span such as " + example
	switch {
	case text == "":
		return until, errors.New(what + " needs an end: " + write)
	case !ok:
		return until, fmt.Errorf("%q is no end: %s", shown(text), write)
	case !until.After(now):
		return time.Time{}, fmt.Errorf("%q is over already: it is %s now", shown(text), now.Format("2006-01-02 15:04 MST"))
	}
	return until, nil
}

// readUntil is parseEnd without its bounds.
func readUntil(text string, now time.Time) (until time.Time, ok bool) {
	if len(text) > 40 {
		return until, false
	}
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return time.Date(day.Year(), day.Month(), day.Day(), 23, 59, 59, 0, now.Location()), true
	}
	if until, err := time.Parse(time.RFC3339, text); err == nil {
		return until, true
	}
	span, ok := ParseSpan(text)
	return now.Add(span).Round(0), ok
}

// MaxSpan is the longest span of time that [ParseSpan] reads. It keeps times in
// the years that RFC 3339 knows.
const MaxSpan = 100 * 365 * 24 * time.Hour

// ParseSpan reads a positive span of time such as 7d, 2w, 24h or 1h30m, MaxSpan
// at most.
func ParseSpan(text string) (time.Duration, bool) {
	for unit, length := range map[string]time.Duration{"d": 24 * time.Hour, "w": 7 * 24 * time.Hour} {
		digits, ok := strings.CutSuffix(text, unit)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(digits, 10, 16)
		span := time.Duration(n) * length
		return span, err == nil && span > 0 && span <= MaxSpan
	}
	span, err := time.ParseDuration(text)
	return span, err == nil && span > 0 && span <= MaxSpan
}
