package monitor

import (
	"slices"
	"strconv"
	"time"

	"sessionwarden"
)

// Status returns every account at one glance, by name.
func (m *Monitor) Status() []sessionwarden.AccountStatus {
	watches := m.all()
	list := make([]sessionwarden.AccountStatus, 0, len(watches))
	for _, w := range watches {
		w.mu.Lock()
		s := Summary(w.account, w.h)
		s.Trusts = trustsAt(w.h.Trusts, m.clock())
		s.Error, s.Cure = w.missError, w.missCure
		if !w.list.Complete {
			s.Incomplete = w.list.Why
		}
		s.Unanswered, s.Answered, s.AnsweredBy = w.answer()
		s.Notices = recent(w.notices, m.clock())
		if until := w.heightenedUntil(); m.ownClock(w).Before(until) {
			s.Heightened = until
		}
		w.mu.Unlock()
		w.timing.Lock()
		s.NextPoll, s.Clock = w.next, w.doubt
		w.timing.Unlock()
		list = append(list, s)
	}
	return list
}

// answer reports whether the open incident waits for an answer, and when and by
// whom the last one was given. The caller holds w.mu.
func (w *watch) answer() (unanswered bool, at time.Time, by string) {
	for _, a := range w.alerts {
		if !tellsOfIncident(w.h, a) {
			continue
		}
		unanswered = unanswered || a.Unanswered()
		if a.Answered.After(at) {
			at, by = a.Answered, a.By
		}
	}
	return unanswered, at, by
}

const (
	noticeAge  = 24 * time.Hour // how long a notice stays in the status
	maxNotices = 5              // of an account
)

// notices returns what alerts say of an account's watch, and not of its
// sessions. Blindness has a place of its own in the status.
func notices(account string, alerts []sessionwarden.Alert) []sessionwarden.Notice {
	var list []sessionwarden.Notice
	for _, a := range alerts {
		if a.Account == account && a.Title != "" && a.Kind != sessionwarden.Blind && a.Kind != sessionwarden.Recovered {
			list = append(list, sessionwarden.Notice{Time: a.Created, Title: a.Title})
		}
	}
	return list
}

// recent returns the newest of list, in the order of time, without the old ones.
func recent(list []sessionwarden.Notice, now time.Time) []sessionwarden.Notice {
	list = slices.DeleteFunc(slices.Clone(list), func(n sessionwarden.Notice) bool { return now.Sub(n.Time) >= noticeAge })
	slices.SortStableFunc(list, func(a, b sessionwarden.Notice) int { return a.Time.Compare(b.Time) })
	return list[max(0, len(list)-maxNotices):]
}

// Summary is what an account's state record tells of it, without a monitor
// that runs.
func Summary(a sessionwarden.Account, h sessionwarden.History) sessionwarden.AccountStatus {
	s := sessionwarden.AccountStatus{
		Account: a.Name, LastPoll: h.LastPoll, Live: len(h.Live), BlindSince: h.Blind.Since, Blind: h.Blind.Told, DryRun: a.DryRun,
		Baseline: h.Baseline, Learned: h.Profile.Since,
	}
	if h.Incident != nil {
		s.Incident, s.Headline = strconv.FormatUint(h.Incident.ID, 10), sessionwarden.Clean(h.Incident.Headline(), sessionwarden.MaxText)
	}
	if known := h.Facts.TwoFactor; known.OK() {
		s.TwoFactor = "off"
		if known.Value {
			s.TwoFactor = "on"
		}
	}
	s.Changes = changes(h)
	for _, sighting := range h.Live {
		if sighting.Suspicious() && !sighting.Denied {
			s.Suspicious++
		}
	}
	for _, sighting := range h.Live {
		if !sighting.ReclassifiedAt.IsZero() {
			s.Relocated++
		}
	}
	for _, action := range h.Actions {
		if action.State.Open() {
			s.Open++
		}
		if action.State == sessionwarden.Held {
			s.Held++
		}
	}
	return s
}

// changes returns what changed of the account itself within the day before its last
// poll, the last of each kind. It is back where the last change leads to what was
// before the first.
func changes(h sessionwarden.History) []sessionwarden.ChangeStatus {
	var list []sessionwarden.ChangeStatus
	before := make(map[sessionwarden.Rule]string)
	for _, c := range h.Facts.Changes {
		if h.LastPoll.Sub(c.Seen) >= noticeAge {
			continue
		}
		if _, known := before[c.Rule]; !known {
			before[c.Rule] = c.Before
		}
		list = slices.DeleteFunc(list, func(s sessionwarden.ChangeStatus) bool { return s.Rule == c.Rule })
		list = append(list, sessionwarden.ChangeStatus{Rule: c.Rule, Time: c.Seen, Back: c.After == before[c.Rule]})
	}
	for i := range list {
		if list[i].Rule == sessionwarden.TwoFactorOff { // that it is on again is no change that a rule speaks of
			list[i].Back = h.Facts.TwoFactor.Value
		}
	}
	return list
}

// Ready reports whether every account was polled well once since the start.
func (m *Monitor) Ready() bool {
	for _, w := range m.all() {
		w.mu.Lock()
		read := !w.read.IsZero()
		w.mu.Unlock()
		if !read {
			return false
		}
	}
	return true
}

// Blind returns the names of the accounts that people were told are not being
// watched.
func (m *Monitor) Blind() []string {
	var names []string
	for _, w := range m.all() {
		w.mu.Lock()
		if w.h.Blind.Told {
			names = append(names, w.account.Name)
		}
		w.mu.Unlock()
	}
	return names
}

// LastSeen returns when the live sessions of account were last seen: newer
// than what is on disk, as a quiet poll writes nothing.
func (m *Monitor) LastSeen(account string) time.Time {
	w := m.byName(account)
	if w == nil {
		return time.Time{}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.h.LastPoll
}
