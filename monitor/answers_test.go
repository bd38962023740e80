package monitor_test

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sessionwarden"
	"sessionwarden/monitor"
)

// jane is a context of somebody who answers.
func jane(t *testing.T) context.Context {
	return sessionwarden.WithAsker(t.Context(), "Jane (U0JANE)")
}

// newestAlert returns the newest alert in its newest revision.
func newestAlert(t *testing.T, j *journal) sessionwarden.Alert {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	var newest sessionwarden.Alert
	for _, a := range j.alerts {
		if a.ID >= newest.ID {
			newest = a
		}
	}
	if newest.ID == 0 {
		t.Fatal("there is no alert")
	}
	return newest
}

// shown is the session of an alert's first item, as its buttons name it.
func shown(a sessionwarden.Alert) monitor.Session {
	s := a.Items[0].Sighting
	return monitor.Session{Account: a.Account, Seq: s.Seq, ID: s.ID, Addr: s.AddrText(), Device: s.Device, At: a.Created}
}

// intruded runs f where somebody was asked about.
func intruded(t *testing.T, prepare func(*sessionwarden.Account), f func(h *house, a sessionwarden.Alert)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, prepare)
		h.atHome()
		stop := h.run()
		defer stop()
		pass(31 * time.Second)
		h.service.signIn(session("77", "203.0.113.5"))
		pass(31 * time.Second)
		f(h, newestAlert(t, h.journal))
	})
}

func TestACriticalAlertWaitsUntilItIsAcknowledged(t *testing.T) {
	intruded(t, asks, func(h *house, a sessionwarden.Alert) {
		if !a.Unanswered() || a.Events == 0 {
			t.Fatalf("raised %v, answered %v, %d events", a.Raised, a.Answered, a.Events)
		}
		i, err := h.m.Acknowledge(jane(h.t), a.Incident)
		if err != nil || i.ID != a.Incident || !strings.Contains(i.Events[len(i.Events)-1].Text, "Acknowledged by Jane (U0JANE)") {
			t.Fatalf("%+v, %v", i, err)
		}
		after := newestAlert(t, h.journal)
		if after.Unanswered() || after.By != "Jane (U0JANE)" || after.Revision != a.Revision+1 || after.Events != len(i.Events) {
			t.Errorf("%+v", after)
		}
		wantStates(t, h.journal, "held") // nobody said what to do
		pass(10 * time.Second)
		h.service.signIn(session("78", "203.0.113.6"))
		pass(31 * time.Second)
		if again := newestAlert(t, h.journal); !again.Unanswered() {
			t.Errorf("somebody else came, and the alert counts as answered: %+v", again)
		}
		var wish *monitor.WishError
		if _, err := h.m.Acknowledge(jane(h.t), 99999); !errors.As(err, &wish) || !wish.NotFound() || wish.Cure() == "" {
			t.Errorf("an incident that is not there: %v", err)
		}
	})
}

func TestEveryAnswerEndsTheWaiting(t *testing.T) {
	for name, answer := range map[string]func(h *house, a sessionwarden.Alert) error{
		"approve": func(h *house, a sessionwarden.Alert) error {
			_, err := h.m.Approve(jane(h.t), a.Items[0].Action.ID)
			return err
		},
		"deny": func(h *house, a sessionwarden.Alert) error {
			_, err := h.m.Deny(jane(h.t), a.Items[0].Action.ID)
			return err
		},
		"disconnect": func(h *house, a sessionwarden.Alert) error { _, err := h.m.EndSession(jane(h.t), shown(a)); return err },
		"it was me":  func(h *house, a sessionwarden.Alert) error { return h.m.Mine(jane(h.t), shown(a)) },
	} {
		t.Run(name, func(t *testing.T) {
			intruded(t, asks, func(h *house, a sessionwarden.Alert) {
				if err := answer(h, a); err != nil {
					t.Fatal(err)
				}
				after := newestAlert(t, h.journal)
				if after.Unanswered() || after.By != "Jane (U0JANE)" {
					t.Errorf("answered %v by %q", after.Answered, after.By)
				}
				if note := after.Items[0].Action.Note; after.Items[0].Action.State == sessionwarden.Denied && !strings.Contains(note, "by Jane (U0JANE)") {
					t.Errorf("it does not say who: %s", note)
				}
			})
		})
	}
}

func TestItWasMeIsAboutWhatWasShown(t *testing.T) {
	intruded(t, asks, func(h *house, a sessionwarden.Alert) {
		h.service.set(func(s *service) {
			i := slices.IndexFunc(s.rows, func(one sessionwarden.Session) bool { return one.ID == "77" })
			s.rows[i].Addr = netip.MustParseAddr("203.0.113.99")
		})
		pass(31 * time.Second)
		var wish *monitor.WishError
		if err := h.m.Mine(jane(h.t), shown(a)); !errors.As(err, &wish) || !wish.Conflict() {
			t.Errorf("it went on elsewhere: %v", err)
		}
		h.journal.mu.Lock()
		for _, s := range h.journal.rows {
			if s.Denied {
				t.Errorf("session %s at %s is trusted", s.ID, s.AddrText())
			}
		}
		h.journal.mu.Unlock()
		// To end it means the same session, wherever it is.
		actions, err := h.m.EndSession(jane(h.t), shown(a))
		if err != nil || len(actions) != 1 || actions[0].State != sessionwarden.Verified {
			t.Errorf("%+v, %v", actions, err)
		}
		wantCalls(t, h.service, "77")
	})
}

func TestAnIdThatIsSomebodyElsesNowIsLeftAlone(t *testing.T) {
	intruded(t, asks, func(h *house, a sessionwarden.Alert) {
		h.service.set(func(s *service) {
			s.rows = slices.DeleteFunc(s.rows, func(one sessionwarden.Session) bool { return one.ID == "77" })
		})
		pass(2 * time.Minute)
		h.service.signIn(session("77", "192.0.2.1"))
		pass(31 * time.Second)
		var wish *monitor.WishError
		if _, err := h.m.EndSession(jane(h.t), shown(a)); !errors.As(err, &wish) {
			t.Errorf("%v", err)
		}
		if err := h.m.Mine(jane(h.t), shown(a)); !errors.As(err, &wish) {
			t.Errorf("%v", err)
		}
		wantCalls(t, h.service)
	})
}
