package manncotest

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// FaultInfo describes a fault: what its value means and where it can happen.
type FaultInfo struct {
	Kind    FaultKind
	Routes  []Route // where it can happen; nil for one that happens at sign-ins
	Value   string  // what the value says, in words; "" it takes none
	Default string  // the value where none is given
	check   func(string) error
}

// Faults returns every fault, the stronger ones first: of several that
// concern one call and exclude each other, the first in this list wins.
func Faults() []FaultInfo {
	all := Routes()
	authed := slices.DeleteFunc(Routes(), func(r Route) bool { return r == RouteLogin })
	login := []Route{RouteLogin}
	list := []Route{RouteList}
	ends := []Route{RouteDisconnectOne, RouteDisconnectAll, RouteDisconnect}
	one := []Route{RouteDisconnectOne}
	row := "a session's id or label; empty: the newest other one"
	return []FaultInfo{
		{FaultHang, all, "for how long, at most", "1h", isDuration},
		{FaultReset, all, "", "", isEmpty},
		{FaultRateLimited, all, `the Retry-After header: "none", "date:90s" (an HTTP date that far ahead), or the header itself`, "60", isText},
		{FaultCDNError, all, "the HTTP status, 500 to 599", "502", isNumber(500, 599)},
		{FaultCDNChallenge, all, "", "", isEmpty},
		{FaultServerError, all, "", "", isEmpty},
		{FaultRedirect, all, "where to", "http://elsewhere.invalid/user/ipList", isText},
		{FaultBusinessError, all, "the message", "This is not possible at the moment", isText},
		{FaultErrorIn200, all, "the message", "Something went wrong", isText},
		{FaultNotJSON, all, "", "", isEmpty},
		{FaultDeepJSON, all, "", "", isEmpty},
		{FaultTokenRefused, authed, "the message", "Invalid or expired token", isText},
		{FaultKeyRevoked, login, "", "", isEmpty},
		{FaultCountryBlocked, login, "", "", isEmpty},

		{FaultContentNull, all, "", "", isEmpty},
		{FaultContentString, all, "the string", "maintenance", isText},
		{FaultTruncatedJSON, all, "", "", isEmpty},
		{FaultSlowBody, all, "the time between two bytes", "1s", isDuration},
		{FaultEndlessBody, all, "", "", isEmpty},
		{FaultCutBody, all, "", "", isEmpty},
		{FaultClockSkew, all, "by how much, such as 90s or -48h", "1h", isDuration},

		{FaultEmptyList, list, "", "", isEmpty},
		{FaultCurrentNone, list, "", "", isEmpty},
		{FaultCurrentTwo, list, row, "", isText},
		{FaultCurrentWrong, list, row, "", isText},
		{FaultShiftingRows, list, "", "", isEmpty},
		{FaultSamePage, list, "", "", isEmpty},
		{FaultCountLies, list, "the count", "1000", isNumber(-1<<31, 1<<31)},
		{FaultEndlessPages, list, "", "", isEmpty},
		{FaultHostileAgent, list, "which harm", "all", isOneOf(hostileStyles())},
		{FaultHostileISP, list, "which harm", "all", isOneOf(hostileStyles())},
		{FaultHostileLocation, list, "which harm", "all", isOneOf(hostileStyles())},
		{FaultAbsurdTime, list, "which absurdity", "huge", isOneOf([]string{"huge", "zero", "negative", "1970", "future", "nanoseconds", "float", "text", "null"})},
		{FaultFieldMissing, list, "the field", "timestamp", isOneOf(rowFields())},
		{FaultFieldRetyped, list, "the field", "timestamp", isOneOf(rowFields())},
		{FaultUnknownField, list, "", "", isEmpty},

		{FaultDisconnectLies, ends, "", "", isEmpty},
		{FaultDisconnectTimeout, ends, "for how long it does not answer, at most", "1h", isDuration},
		{FaultDisconnectNotFound, one, "", "", isEmpty},
		{FaultDisconnectEndsCaller, one, "", "", isEmpty},

		{FaultIDReuse, nil, "", "", isEmpty},
	}
}

func hostileStyles() []string {
	return []string{"all", "ansi", "bidi", "nul", "long", "markup", "utf8", "formula"}
}

func rowFields() []string {
	return []string{"id", "ip", "user", "location", "isp", "current", "userAgent", "timestamp", "expire"}
}

func isEmpty(value string) error {
	if value != "" {
		return errors.New("it takes no value")
	}
	return nil
}

func isText(value string) error {
	if len(value) > 4096 || strings.ContainsAny(value, "\r\n\x00") {
		return errors.New("the value is too long, or has a line break in it")
	}
	return nil
}

func isDuration(value string) error {
	_, err := parseDuration(value)
	return err
}

// duration returns a value that isDuration has checked.
func duration(value string) time.Duration {
	d, _ := parseDuration(value)
	return d
}

func isNumber(low, high int) func(string) error {
	return func(value string) error {
		if n, err := strconv.Atoi(value); err != nil || n < low || n > high {
			return fmt.Errorf("%q is not a number from %d to %d", cut(value, 64), low, high)
		}
		return nil
	}
}

func isOneOf(values []string) func(string) error {
	return func(value string) error {
		if !slices.Contains(values, value) {
			return fmt.Errorf("it cannot be %q%s; it is one of %s", cut(value, 64), suggest(value, values), strings.Join(values, ", "))
		}
		return nil
	}
}

// parseDuration reads "90s", "2h30m", "-48h" and, other than time does, "3d"
// and "1d12h".
func parseDuration(text string) (time.Duration, error) {
	wrong := fmt.Errorf("%q is not a duration: write it like 90s, 5m, 2h30m or 3d", cut(text, 64))
	rest, negative := strings.CutPrefix(text, "-")
	var days time.Duration
	if number, after, ok := strings.Cut(rest, "d"); ok {
		n, err := strconv.Atoi(number)
		if err != nil || n < 0 || n > 36500 {
			return 0, wrong
		}
		days, rest = time.Duration(n)*24*time.Hour, after
		if rest == "" {
			rest = "0s"
		}
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d < 0 || d > 36500*24*time.Hour {
		return 0, wrong
	}
	d += days
	if negative {
		d = -d
	}
	return d, nil
}
