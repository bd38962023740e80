package alert

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"sessionwarden"
)

// Route is what a channel is told, and how. The zero value is told everything
// from Info on, at any time, in UTC.
type Route struct {
	MinSeverity sessionwarden.Severity // what is less severe is not sent
	Accounts    []string               // nil: all of them, and what is of none
	Topics      []sessionwarden.Topic  // nil: all
	Quiet       sessionwarden.DayHours // when only critical alerts are sent, and the others wait; not set: never
	Zone        *time.Location         // of the times in messages; nil: UTC
}

// Why a channel leaves an alert out; stored with the delivery, and read again
// after a restart. That of a silence has its id behind.
const (
	tooMild    = "below min_severity"
	notForUs   = "not for this channel"
	silencedBy = "silenced by "
)

// leftOut reports whether a delivery says that the channel left the alert out on
// purpose.
func leftOut(d sessionwarden.Delivery) bool {
	return d.Sent == 0 && (d.Error == tooMild || d.Error == notForUs || strings.HasPrefix(d.Error, silencedBy))
}

// Silencer returns which silence left an alert out on a channel; 0: none.
func Silencer(d sessionwarden.Delivery) uint64 {
	number, ok := strings.CutPrefix(d.Error, silencedBy)
	if !ok || d.Sent != 0 {
		return 0
	}
	id, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		return 0
	}
	return id
}

// always reports whether an alert is sent whatever its severity is: that all is
// well again, what a person asked for, and what is sent as a proof of life.
func always(a sessionwarden.Alert) bool {
	return a.Kind == sessionwarden.Recovered || a.Kind == sessionwarden.TestAlert || a.Kind == sessionwarden.DigestAlert
}

// concerns reports whether the route is about an alert's account.
func (r Route) concerns(a sessionwarden.Alert) bool {
	return r.Accounts == nil || a.Kind == sessionwarden.TestAlert || a.Kind == sessionwarden.DigestAlert || slices.Contains(r.Accounts, a.Account)
}

// without says why the route leaves an alert out; "" where it does not.
func (r Route) without(a sessionwarden.Alert) string {
	topics := a.Topics()
	switch {
	case !r.concerns(a):
		return notForUs
	case r.Topics != nil && len(topics) > 0 && !slices.ContainsFunc(topics, func(t sessionwarden.Topic) bool { return slices.Contains(r.Topics, t) }):
		return notForUs
	case a.Severity < r.MinSeverity && !always(a):
		return tooMild
	}
	return ""
}

// hush returns how long an alert has to wait for the quiet hours to end; 0 where
// it has not.
func (r Route) hush(a sessionwarden.Alert, now time.Time) time.Duration {
	if !r.Quiet.Set() || a.Severity >= sessionwarden.Critical || a.Kind == sessionwarden.TestAlert || !r.Quiet.Holds(now) {
		return 0
	}
	local := now.In(r.Quiet.Zone)
	end := time.Date(local.Year(), local.Month(), local.Day(), int(r.Quiet.To.Hours()), int(r.Quiet.To.Minutes())%60, 0, 0, r.Quiet.Zone)
	if !end.After(now) {
		end = time.Date(local.Year(), local.Month(), local.Day()+1, int(r.Quiet.To.Hours()), int(r.Quiet.To.Minutes())%60, 0, 0, r.Quiet.Zone)
	}
	return end.Sub(now)
}
