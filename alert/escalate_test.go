package alert_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sessionwarden"
	"sessionwarden/alert"
	"sessionwarden/alert/slacktest"
)

func refusing() slacktest.Fault { return slacktest.Status(503) }
func fine() slacktest.Fault     { return slacktest.None() }

// raised is a critical alert of now that nobody has answered.
func raised(id uint64) sessionwarden.Alert {
	a := login(id, sessionwarden.Verified)
	a.Raised = time.Now()
	return a
}

func escalating(after time.Duration, channels ...string) func(w *world) {
	return func(w *world) { w.escalation = alert.Escalation{After: after, Channels: channels} }
}

// hookTo is a webhook of another Slack.
func hookTo(t *testing.T, name string, slack *slacktest.Server) alert.Channel {
	hook, err := alert.NewSlackWebhook(alert.SlackWebhookOptions{Name: name, URL: hookURL, Transport: slack.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	return hook
}

// times returns when each message came, from the beginning of the world on.
func (w *world) times() (list []time.Duration) {
	for _, m := range w.slack.Messages() {
		list = append(list, m.Posted.Sub(w.began).Round(time.Minute))
	}
	return list
}

func TestWhatNobodyAnswersIsSentAgain(t *testing.T) {
	inWorldOf(t, escalating(10*time.Minute, "slack"), func(w *world) {
		w.commit(raised(1))
		w.after(65 * time.Minute)
		w.wantTitles("login", "for 10 minutes", "for 20 minutes", "for 30 minutes", "for 40 minutes", "for 50 minutes", "for 60 minutes")
		w.after(2 * time.Hour) // then once an hour
		if got := w.times(); len(got) != 9 || got[8] != 3*time.Hour {
			t.Errorf("messages at %v", got)
		}
		w.restart()
		w.after(30 * time.Minute)
		if got := w.times(); len(got) != 9 {
			t.Errorf("messages at %v after a restart", got)
		}
		w.after(time.Hour)
		if got := w.times(); len(got) != 10 {
			t.Errorf("messages at %v", got)
		}
	})
}

func TestAnAnswerEndsTheEscalation(t *testing.T) {
	for name, end := range map[string]func(a *sessionwarden.Alert){
		"answered": func(a *sessionwarden.Alert) { a.Answered, a.By = time.Now(), "Jane (U1)" },
		"over":     func(a *sessionwarden.Alert) { a.Resolved = time.Now() },
	} {
		t.Run(name, func(t *testing.T) {
			inWorldOf(t, escalating(10*time.Minute, "slack"), func(w *world) {
				a := raised(1)
				w.commit(a)
				w.after(15 * time.Minute)
				a.Revision, a.Updated = 1, time.Now()
				end(&a)
				w.commit(a)
				w.after(3 * time.Hour)
				w.wantTitles("login", "for 10 minutes")
				a.Revision, a.Updated, a.Raised, a.Resolved = 2, time.Now(), time.Now(), time.Time{} // somebody else came
				w.commit(a)
				w.after(15 * time.Minute)
				w.wantTitles("login", "for 10 minutes", "for 10 minutes")
			})
		})
	}
}

// inTurns runs f in a world of two channels: slack is told everything, and phone what
// nobody answers.
func inTurns(t *testing.T, f func(w, phone *world)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, disk: newDisk(), slack: slacktest.New(), began: time.Now()}
		phone := &world{t: t, slack: slacktest.New(), began: w.began}
		w.startWith(alert.Options{
			Outbox: w.disk, Escalation: alert.Escalation{After: 10 * time.Minute, Channels: []string{"slack", "phone"}},
			Channels: []alert.Channel{w.channel(), hookTo(t, "phone", phone.slack)},
			Routes:   map[string]alert.Route{"phone": {Topics: []sessionwarden.Topic{sessionwarden.TopicEscalation}}},
		})
		f(w, phone)
		w.stop()
	})
}

func TestTheEscalationTakesTurns(t *testing.T) {
	inTurns(t, func(w, phone *world) {
		w.commit(raised(1))
		w.after(35 * time.Minute)
		w.wantTitles("login", "for 20 minutes")
		phone.wantTitles("for 10 minutes", "for 30 minutes")
	})
}

// What a channel refuses that is told of nothing else, it gets in plain text, at once
// and once.
func TestAReminderThatIsRefusedIsSentInPlainText(t *testing.T) {
	inTurns(t, func(w, phone *world) {
		phone.slack.Fail(slacktest.Refuse("invalid_blocks"))
		w.commit(raised(1))
		w.after(12 * time.Minute)
		phone.wantTitles("for 10 minutes")
		if n := len(phone.slack.Requests()); n != 2 {
			t.Errorf("%d requests, want 2", n)
		}
		if m := phone.slack.Messages(); len(m) != 1 || m[0].Raw != nil {
			t.Errorf("it is not in plain text: %+v", m)
		}
	})
}

// A channel that was reminded because nobody answered elsewhere is told of nothing
// else in that alert.
func TestWhoWasRemindedIsToldNothingElse(t *testing.T) {
	inTurns(t, func(w, phone *world) {
		a := raised(1)
		w.commit(a)
		w.after(12 * time.Minute)
		a.Revision, a.Updated, a.Answered, a.By = 1, time.Now(), time.Now(), "Jane (U1)"
		a.Correction = 1 // something mild came into it
		w.commit(a)
		w.after(time.Hour)
		w.wantTitles("login", "login")
		phone.wantTitles("for 10 minutes")
	})
}

func TestAChannelThatWasDownIsToldOnceOfAllSteps(t *testing.T) {
	inWorldOf(t, escalating(10*time.Minute, "slack"), func(w *world) {
		w.commit(raised(1))
		w.after(time.Second)
		w.slack.Always(refusing())
		w.after(42 * time.Minute)
		w.slack.Always(fine())
		w.after(6 * time.Minute) // the longest pause is over
		w.wantTitles("login", "for 4")
	})
}

func TestNothingIsEscalatedOfWhatIsSilenced(t *testing.T) {
	inWorldOf(t, escalating(10*time.Minute, "slack"), func(w *world) {
		w.commit(raised(1))
		w.after(time.Second)
		if _, err := w.teller.Silence(t.Context(), sessionwarden.Silence{Until: time.Now().Add(time.Hour), Reason: "x", Critical: true}); err != nil {
			t.Fatal(err)
		}
		w.after(50 * time.Minute)
		w.wantTitles("login")
		w.after(30 * time.Minute)
		if got := w.titles(); len(got) != 2 {
			t.Errorf("after the silence: %q", got)
		}
	})
}

func TestABotRemindsInTheThread(t *testing.T) {
	inWorldOf(t, func(w *world) {
		escalating(10*time.Minute, "slack")(w)
		w.bot = true
		w.threaded(sessionwarden.Incident{ID: 9})
	}, func(w *world) {
		w.commit(raised(1))
		w.after(11 * time.Minute)
		list := w.slack.Messages()
		if len(list) != 2 || list[1].Thread != list[0].TS || !list[1].Broadcast || !strings.Contains(slacktest.Text(list[1]), "Nobody has answered for 10 minutes") {
			t.Fatalf("%+v", list)
		}
		if d := w.disk.of(1); !strings.HasSuffix(d.Ref, list[0].TS) {
			t.Errorf("the message to be updated is %s, not the first one", d.Ref)
		}
	})
}

// The message was deleted meanwhile: the reminder stands by itself, and holds
// nobody else up.
func TestAReminderIntoADeletedThreadIsAMessage(t *testing.T) {
	inWorldOf(t, func(w *world) {
		escalating(10*time.Minute, "slack")(w)
		w.bot = true
		w.threaded(sessionwarden.Incident{ID: 9})
	}, func(w *world) {
		for _, code := range []string{"thread_not_found", "cannot_reply_to_message", "message_not_found"} {
			before := len(w.slack.Messages())
			a := raised(uint64(before + 1))
			w.commit(a)
			w.after(9 * time.Minute)
			w.slack.Fail(slacktest.Refuse(code))
			w.after(90 * time.Second)
			list := w.slack.Messages()[before:]
			if len(list) != 2 || list[1].Thread != "" || !strings.Contains(slacktest.Text(list[1]), "Nobody has answered for 10 minutes") {
				t.Fatalf("%s: %+v", code, list)
			}
			a = next(a, sessionwarden.Verified)
			a.Resolved = time.Now()
			w.commit(a)
			w.after(time.Minute)
		}
	})
}
