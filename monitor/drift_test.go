package monitor_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"sessionwarden"
)

// newData makes the location data new: from now on these addresses lie there.
func (h *house) newData(country sessionwarden.Country, addrs ...string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, addr := range addrs {
		h.moved[netip.MustParseAddr(addr)] = country
	}
	h.gen++
}

// newList makes the list of Tor exits new: it has these addresses and no other.
func (h *house) newList(exits ...string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tor = make(map[netip.Addr]bool)
	for _, addr := range exits {
		h.tor[netip.MustParseAddr(addr)] = true
	}
	h.gen++
}

// found returns the rules that have found something, with what is done.
func (h *house) found() []string {
	var rules []string
	for _, f := range h.journal.findings() {
		rules = append(rules, fmt.Sprint(f.Rule, " ", f.Response))
	}
	return rules
}

// live returns the one live sighting of a session.
func (h *house) live(id sessionwarden.SessionID) sessionwarden.Sighting {
	h.t.Helper()
	for _, s := range h.journal.histories()["main"].Live {
		if s.ID == id {
			return s
		}
	}
	h.t.Fatalf("session %s does not live", id)
	return sessionwarden.Sighting{}
}

// New data moves the owner's session away, back, and away again: one question,
// and a note in the history; no journey, no new country, no other session.
func TestNewLocationDataIsNotedAndIsNoJourney(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		before := h.live("1")
		h.newData("VN", "192.0.2.1")
		pass(31 * time.Second)
		s := h.live("1")
		if s.Seq != before.Seq || s.Location.Country != "VN" || s.ReclassifiedFrom != "DE" || s.ReclassifiedAt.IsZero() {
			t.Errorf("after: %+v", s)
		}
		if n := h.m.Status()[0].Relocated; n != 1 {
			t.Errorf("status counts %d", n)
		}
		h.newData("DE", "192.0.2.1")
		pass(31 * time.Second)
		if s := h.live("1"); s.Location.Country != "DE" || s.ReclassifiedFrom != "VN" {
			t.Errorf("back: %+v", s)
		}
		h.newData("VN", "192.0.2.1")
		pass(24 * time.Hour)
		wantCalls(t, h.service)
		wantStates(t, h.journal, "held")
		if got := h.found(); !slices.Equal(got, []string{"unexpected_country ask"}) {
			t.Errorf("findings: %v", got)
		}
		if _, n := h.journal.alertOf(sessionwarden.Intrusion); n != 1 {
			t.Errorf("%d alerts", n)
		}
	})
}

// The owner's phone gets another address of its network in the very poll that
// comes with new data for that network: nobody has moved to another country.
func TestAMoveUnderNewLocationDataIsJudgedByTheNewDataAlone(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.newData("VN", "192.0.2.1", "192.0.2.2")
		h.service.signOut("1")
		h.service.signIn(session("1", "192.0.2.2", old))
		pass(31 * time.Second)
		pass(10 * time.Minute)
		wantCalls(t, h.service)
		wantStates(t, h.journal, "held")
		if got := h.found(); !slices.Equal(got, []string{"unexpected_country ask"}) {
			t.Errorf("findings: %v", got)
		}
		if s := h.live("1"); s.ReclassifiedFrom != "DE" || s.ReclassifiedAt.IsZero() {
			t.Errorf("no note: %+v", s)
		}
	})
}

// A stolen cookie is used from another country in that very poll: that is a
// journey under any data.
func TestAThiefDoesNotHideBehindNewLocationData(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.newData("AT", "192.0.2.1")
		h.service.signOut("1")
		h.service.signIn(session("1", "203.0.113.5", old))
		pass(time.Minute)
		wantCalls(t, h.service, "1")
		if got := h.found(); !slices.Contains(got, "session_moved disconnect") {
			t.Errorf("findings: %v", got)
		}
	})
}

// A new list names the address of a session that is known: nothing that the
// session did, so it is asked about, whatever the rule says, and once.
func TestANewListAsksAtMost(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		h.newList("192.0.2.1", "203.0.113.99")
		pass(10 * time.Minute)
		h.newList("203.0.113.99")
		pass(10 * time.Minute)
		if s := h.live("1"); s.Location.Tor {
			t.Error("it is no exit any more")
		}
		h.newList("192.0.2.1")
		pass(24 * time.Hour)
		wantCalls(t, h.service)
		wantStates(t, h.journal, "held")
		if got := h.found(); !slices.Equal(got, []string{"tor_network ask"}) {
			t.Errorf("findings: %v", got)
		}
		if s := h.live("1"); !s.Location.Tor || !s.ReclassifiedAt.IsZero() {
			t.Errorf("%+v", s)
		}
	}, func(a *sessionwarden.Account) {
		a.Rules[sessionwarden.TorNetwork], a.AskTimeout = sessionwarden.Disconnect, 48*time.Hour
	})
}

// Lists are new every hour. One that changes nothing about a session writes
// nothing.
func TestANewListThatChangesNoSessionCostsNothing(t *testing.T) {
	t.Parallel()
	watched(t, func(t *testing.T, h *house) {
		before := h.journal.count()
		for range 10 {
			h.newList("203.0.113.99")
			pass(time.Minute)
		}
		if n := h.journal.count() - before; n != 0 {
			t.Errorf("%d writes", n)
		}
	})
}
