package alert_test

import (
	"strings"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/alert"
	"sessionwarden/alert/slacktest"
)

// grown returns the incident with more events, and the alert that tells so.
func grown(i sessionwarden.Incident, a sessionwarden.Alert, texts ...string) (sessionwarden.Incident, sessionwarden.Alert) {
	i = i.Clone()
	for _, text := range texts {
		i.Events = append(i.Events, sessionwarden.Event{At: time.Now(), Kind: sessionwarden.EventFinding, Text: text})
	}
	a.Revision, a.Updated, a.Events = a.Revision+1, time.Now(), len(i.Events)+i.More
	return i, a
}

func threadsOf(w *world) (replies []slacktest.Message) {
	for _, m := range w.slack.Messages() {
		if m.Thread != "" {
			replies = append(replies, m)
		}
	}
	return replies
}

func TestTheThreadHoldsTheTimeline(t *testing.T) {
	inWorldOf(t, func(w *world) {
		w.bot = true
		w.threaded()
	}, func(w *world) {
		a := login(1, sessionwarden.Done)
		a.Incident = 9
		i, a := grown(sessionwarden.Incident{ID: 9, Opened: time.Now()}, a, "The incident was opened.", "unexpected_country: <!channel> from http://evil.example")
		w.incidents[9] = i
		w.commit(a)
		w.after(time.Minute)
		replies := threadsOf(w)
		if len(replies) != 1 || replies[0].Broadcast {
			t.Fatalf("%+v", replies)
		}
		text := slacktest.Text(replies[0])
		if !strings.Contains(text, "The incident was opened.") || strings.Contains(text, "http://evil") || !strings.Contains(text, "UTC") {
			t.Errorf("it says\n%s", text)
		}
		w.restart() // nothing is said twice
		w.after(time.Minute)
		if i, a = grown(i, a, "Proven: session 12345 is gone."); true {
			w.incidents[9] = i
			w.commit(a)
		}
		w.after(time.Minute)
		replies = threadsOf(w)
		if len(replies) != 2 || strings.Contains(slacktest.Text(replies[1]), "opened") || !strings.Contains(slacktest.Text(replies[1]), "Proven") || replies[1].Broadcast {
			t.Fatalf("%d replies; the last:\n%s", len(replies), slacktest.Text(replies[len(replies)-1]))
		}
		// Somebody else came: the channel is made to look.
		i, a = grown(i, a, "stranger: another one")
		a.Correction = a.Revision
		w.incidents[9] = i
		w.commit(a)
		w.after(4 * time.Second)
		replies = threadsOf(w)
		if len(replies) != 3 || !replies[2].Broadcast {
			t.Errorf("%d replies; the last: %+v", len(replies), replies[len(replies)-1])
		}
		w.after(time.Hour)
		if n := len(w.slack.Messages()); n != 4 {
			t.Errorf("%d messages", n)
		}
	})
}

// inThread runs f in a world whose bot tells of an incident in which one thing has
// happened.
func inThread(t *testing.T, f func(w *world, i sessionwarden.Incident, a sessionwarden.Alert)) {
	t.Helper()
	inWorldOf(t, func(w *world) {
		w.bot = true
		w.threaded()
	}, func(w *world) {
		a := login(1, sessionwarden.Done)
		a.Incident = 9
		i, a := grown(sessionwarden.Incident{ID: 9, Opened: time.Now()}, a, "The incident was opened.")
		w.incidents[9] = i
		w.commit(a)
		f(w, i, a)
	})
}

// Somebody deleted the message whose thread is to call people to what is new: they
// are called by a message of its own, whatever finds out that it is gone.
func TestWhoCannotBeCalledInTheThreadIsCalledAnew(t *testing.T) {
	for name, c := range map[string]struct {
		before time.Duration // since the message was sent, when somebody else comes
		code   string
		goesOn bool // the message is to be changed once more before the call is due
	}{
		"by the call":  {20 * time.Second, "thread_not_found", false},
		"by an update": {8 * time.Second, "message_not_found", true},
	} {
		t.Run(name, func(t *testing.T) {
			inThread(t, func(w *world, i sessionwarden.Incident, a sessionwarden.Alert) {
				w.after(c.before)
				i, a = grown(i, a, "stranger: another one")
				a.Correction = a.Revision
				w.incidents[9] = i
				w.commit(a)
				w.after(4 * time.Second) // the message is changed
				w.slack.Fail(slacktest.Refuse(c.code))
				if c.goesOn {
					i, a = grown(i, a, "Proven: it is gone.")
					w.incidents[9] = i
					w.commit(a)
				}
				w.after(time.Hour)
				anew := 0
				for _, m := range w.slack.Messages() {
					if m.Thread == "" {
						anew++
					}
				}
				if anew != 2 {
					t.Errorf("%d messages, want the first and one that calls: %q", anew, w.titles())
				}
			})
		})
	}
}

func TestTheThreadWaitsForTheDisk(t *testing.T) {
	inThread(t, func(w *world, _ sessionwarden.Incident, _ sessionwarden.Alert) {
		w.after(2 * time.Second)
		w.disk.set(true)
		w.after(time.Minute)
		if n := len(threadsOf(w)); n != 0 {
			t.Fatalf("%d replies", n)
		}
		w.disk.set(false)
		w.after(10 * time.Minute)
		if n := len(threadsOf(w)); n != 1 {
			t.Errorf("%d replies", n)
		}
		if _, deliveries, err := w.disk.Outbox(t.Context()); err != nil || len(deliveries) != 1 || deliveries[0].Plain {
			t.Errorf("the message is in plain text from now on, without its buttons: %+v, %v", deliveries, err)
		}
	})
}

func TestALongTimelineIsCut(t *testing.T) {
	t.Parallel()
	i := sessionwarden.Incident{ID: 9, Opened: time.Now(), More: 500}
	for range 100 {
		i.Events = append(i.Events, sessionwarden.Event{At: time.Now(), Text: strings.Repeat("x", 512)})
	}
	m := alert.Timeline(sessionwarden.Alert{ID: 1, Account: "main"}, i, 10, alert.Facts{})
	if n := len(m.Sections[0].Lines); n > 31 || !strings.Contains(m.Text, "incidents show 9") && !strings.Contains(m.Text, "(shortened)") {
		t.Errorf("%d lines:\n%s", n, m.Text)
	}
	if m := alert.Timeline(sessionwarden.Alert{ID: 1}, i, 600, alert.Facts{}); len(m.Sections) != 0 {
		t.Errorf("nothing is new, and it says\n%s", m.Text)
	}
}
