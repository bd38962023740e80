package manncotest

import (
	"fmt"
	"slices"
)

// FaultKind names one way in which the service can fail.
type FaultKind string

// The faults. What each needs as its Value, and on which routes it can
// happen, stands in Faults.
const (
	// FaultHang accepts the call and never answers; nothing is done.
	FaultHang FaultKind = "hang"
	// FaultReset resets the connection; nothing is done.
	FaultReset FaultKind = "reset"
	// FaultSlowBody sends the answer's body byte by byte.
	FaultSlowBody FaultKind = "slow_body"
	// FaultEndlessBody sends a body that never ends.
	FaultEndlessBody FaultKind = "endless_body"
	// FaultCutBody breaks the connection in the middle of the body.
	FaultCutBody FaultKind = "cut_body"
	// FaultServerError answers 500 in the service's own form.
	FaultServerError FaultKind = "server_error"
	// FaultCDNError answers with an HTML page of the CDN and a status such as
	// 502, 503 or 520.
	FaultCDNError FaultKind = "cdn_error"
	// FaultCDNChallenge answers 403 with the CDN's HTML challenge page.
	FaultCDNChallenge FaultKind = "cdn_challenge"
	// FaultRateLimited answers 429 with any Retry-After.
	FaultRateLimited FaultKind = "rate_limited"
	// FaultBusinessError answers 300 with a message.
	FaultBusinessError FaultKind = "business_error"
	// FaultErrorIn200 answers 200 with a body that says that it failed.
	FaultErrorIn200 FaultKind = "error_in_200"
	// FaultContentNull answers success with null for content.
	FaultContentNull FaultKind = "content_null"
	// FaultContentString answers success with a string for content.
	FaultContentString FaultKind = "content_string"
	// FaultTruncatedJSON sends half of the JSON, as a complete HTTP answer.
	FaultTruncatedJSON FaultKind = "truncated_json"
	// FaultNotJSON answers 200 with plain text that calls itself JSON.
	FaultNotJSON FaultKind = "not_json"
	// FaultDeepJSON answers 200 with JSON nested a hundred thousand deep.
	FaultDeepJSON FaultKind = "deep_json"
	// FaultRedirect answers 302 to somewhere else.
	FaultRedirect FaultKind = "redirect"
	// FaultTokenRefused answers 403 as if the JWT were no good; it stays good.
	FaultTokenRefused FaultKind = "token_refused"
	// FaultKeyRevoked refuses logins with "Invalid API key"; JWTs stay good.
	// RevokeKey is the lasting form.
	FaultKeyRevoked FaultKind = "key_revoked"
	// FaultCountryBlocked refuses logins with "Country blocked".
	FaultCountryBlocked FaultKind = "country_blocked"
	// FaultClockSkew shifts the Date header.
	FaultClockSkew FaultKind = "clock_skew"

	// FaultEmptyList lists no session, not even the caller's.
	FaultEmptyList FaultKind = "empty_list"
	// FaultCurrentNone marks no row as current.
	FaultCurrentNone FaultKind = "current_none"
	// FaultCurrentTwo marks a second row as current.
	FaultCurrentTwo FaultKind = "current_two"
	// FaultCurrentWrong marks another row as current instead of the caller's.
	FaultCurrentWrong FaultKind = "current_wrong"
	// FaultShiftingRows lets a session sign in after each page that is read.
	// It looks like the account's oldest session and stays.
	FaultShiftingRows FaultKind = "shifting_rows"
	// FaultSamePage sends the first page whatever page is asked for.
	FaultSamePage FaultKind = "same_page"
	// FaultCountLies states another count than there are rows.
	FaultCountLies FaultKind = "count_lies"
	// FaultEndlessPages has a million full pages of invented rows, which look
	// like the account's oldest session.
	FaultEndlessPages FaultKind = "endless_pages"
	// FaultHostileAgent puts a harmful text into userAgent.
	FaultHostileAgent FaultKind = "hostile_agent"
	// FaultHostileISP puts a harmful text into isp.
	FaultHostileISP FaultKind = "hostile_isp"
	// FaultHostileLocation puts a harmful text into location.
	FaultHostileLocation FaultKind = "hostile_location"
	// FaultAbsurdTime sends times that cannot be.
	FaultAbsurdTime FaultKind = "absurd_time"
	// FaultFieldMissing leaves a field out of every row.
	FaultFieldMissing FaultKind = "field_missing"
	// FaultFieldRetyped makes a field of every row an object.
	FaultFieldRetyped FaultKind = "field_retyped"
	// FaultUnknownField adds a field that nobody knows to every row.
	FaultUnknownField FaultKind = "unknown_field"

	// FaultDisconnectLies says that a session was ended, and leaves it.
	FaultDisconnectLies FaultKind = "disconnect_lies"
	// FaultDisconnectTimeout ends the session and never answers.
	FaultDisconnectTimeout FaultKind = "disconnect_timeout"
	// FaultDisconnectNotFound answers 404 although the session is listed.
	FaultDisconnectNotFound FaultKind = "disconnect_not_found"
	// FaultDisconnectEndsCaller ends the caller's session as well.
	FaultDisconnectEndsCaller FaultKind = "disconnect_ends_caller"

	// FaultIDReuse gives a new session the id of the account's session that
	// ended last. Its calls are sign-ins.
	FaultIDReuse FaultKind = "id_reuse"
)

// Fault switches one fault on.
type Fault struct {
	Kind    FaultKind
	Value   string // what the kind needs; "" is its default
	Route   Route  // only on this route; "" on every one where it can happen
	Account string // only for this account; "" for every one and for unknown callers
	Nth     int    // from the N-th such call on, counted from now; 0 and 1: at once
	Times   int    // for so many calls, then it is over; 0: until cleared
}

// armed is a fault that is switched on, with how many calls it has met.
type armed struct {
	Fault
	met int
}

// SetFault switches a fault on, from the next call on. One of the same kind,
// route and account that is on already is replaced. An unknown kind, route or
// value is an error that suggests the nearest one.
func (s *Service) SetFault(f Fault) error {
	if err := checkFault(&f); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear(f)
	s.faults = append(s.faults, &armed{Fault: f})
	return nil
}

// ClearFault switches every fault of that kind off.
func (s *Service) ClearFault(kind FaultKind) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = slices.DeleteFunc(s.faults, func(f *armed) bool { return f.Kind == kind })
}

// ClearFaults switches all faults off.
func (s *Service) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// clear switches one fault off. The lock is held.
func (s *Service) clear(f Fault) {
	s.faults = slices.DeleteFunc(s.faults, func(old *armed) bool {
		return old.Kind == f.Kind && old.Route == f.Route && old.Account == f.Account
	})
}

// checkFault says what is wrong with a fault, and fills in its default value.
func checkFault(f *Fault) error {
	all := Faults()
	i := slices.IndexFunc(all, func(info FaultInfo) bool { return info.Kind == f.Kind })
	if i < 0 {
		names := make([]string, len(all))
		for i, info := range all {
			names[i] = string(info.Kind)
		}
		return fmt.Errorf("there is no fault %q%s", cut(string(f.Kind), 64), suggest(string(f.Kind), names))
	}
	info := all[i]
	if f.Value == "" {
		f.Value = info.Default
	}
	if err := info.check(f.Value); err != nil {
		return fmt.Errorf("the fault %s: %w", f.Kind, err)
	}
	if f.Route != "" && !slices.Contains(info.Routes, f.Route) {
		names := make([]string, len(info.Routes))
		for i, route := range info.Routes {
			names[i] = string(route)
		}
		return fmt.Errorf("the fault %s cannot happen on the route %q%s", f.Kind, cut(string(f.Route), 64), suggest(string(f.Route), names))
	}
	if f.Nth < 0 || f.Times < 0 {
		return fmt.Errorf("the fault %s: nth and times cannot be negative", f.Kind)
	}
	return nil
}

// match notes on a call which faults concern it. The lock is held.
func (s *Service) match(c *call) {
	c.faults = nil
	if len(s.faults) == 0 {
		return
	}
	for _, info := range Faults() {
		if !slices.Contains(info.Routes, c.Route) {
			continue
		}
		value, on := s.take(info.Kind, c.Route, c.Account)
		if !on {
			continue
		}
		if c.faults == nil {
			c.faults = make(map[FaultKind]string)
		}
		c.faults[info.Kind] = value
		c.Faults = append(c.Faults, info.Kind)
	}
}

// take counts a call against the faults of that kind and returns the value of
// the first that is in force for it. The lock is held.
func (s *Service) take(kind FaultKind, route Route, name string) (value string, on bool) {
	for _, f := range s.faults {
		if f.Kind != kind || f.Route != "" && f.Route != route || f.Account != "" && f.Account != name {
			continue
		}
		f.met++
		first := max(f.Nth, 1)
		if f.met < first || f.Times > 0 && f.met >= first+f.Times || on {
			continue
		}
		value, on = f.Value, true
	}
	return value, on
}
