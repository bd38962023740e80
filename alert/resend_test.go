package alert_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/alert"
	"sessionwarden/alert/slacktest"
)

// resend asks for an alert once more and waits up to half a minute.
func (w *world) resend(id uint64) []alert.TestResult {
	w.t.Helper()
	if err := w.teller.Resend(context.Background(), id, ""); err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return w.teller.Await(ctx, id, "")
}

// standing is where an alert stands on Slack.
func (w *world) standing(id uint64) alert.Standing {
	w.t.Helper()
	told, ok, err := w.disk.Telling(context.Background(), id)
	if err != nil || !ok {
		w.t.Fatalf("alert %d is not kept: %v", id, err)
	}
	return w.teller.Standings(told)[0]
}

func TestWhatArrivedIsSentOnceMoreAsARepeat(t *testing.T) {
	for _, bot := range []bool{false, true} {
		t.Run(map[bool]string{false: "webhook", true: "bot"}[bot], func(t *testing.T) {
			inWorld(t, bot, func(w *world) {
				a := login(1, sessionwarden.Verified)
				w.commit(a)
				w.after(time.Hour)
				if r := w.resend(1); len(r) != 1 || !r[0].OK || r[0].Channel != "slack" {
					t.Errorf("what came of it: %+v", r)
				}
				w.wantTitles("verified gone", "(repeat)")
				if text := slacktest.Text(w.slack.Messages()[1]); !strings.Contains(text, "as somebody asked for it") || strings.Contains(text, "not known") || !strings.Contains(text, "203.0.113.9") {
					t.Errorf("it is not the whole alert, or does not say why it comes again:\n%s", text)
				}
				d := w.disk.of(1)
				if d.Again || d.Sent != 1 || !d.First.Equal(w.began) || w.standing(1).State != alert.StateSent {
					t.Errorf("recorded: %+v, %s", d, w.standing(1).State)
				}
				w.restart()
				w.after(time.Hour)
				if n := len(w.slack.Messages()); n != 2 {
					t.Errorf("%d messages after a restart", n)
				}
				b := next(a, sessionwarden.Failed)
				b.Correction = b.Revision
				w.commit(b)
				w.after(2 * time.Second)
				if n := len(w.slack.Messages()); bot && n != 2 || !bot && n != 3 {
					t.Errorf("%d messages after the alert went on", n)
				} else if last := slacktest.Text(w.slack.Messages()[n-1]); !strings.Contains(last, "NOT ENDED") {
					t.Errorf("the last message does not tell how it went on:\n%s", last)
				}
			})
		})
	}
}

func TestWhatWasPassedOverIsSentIfSomebodyAsks(t *testing.T) {
	inWorld(t, false, func(w *world) {
		w.commit(named(1, sessionwarden.Info, "a note"), named(2, sessionwarden.Warning, "loud"))
		w.after(time.Minute)
		w.wantTitles("loud")
		if s := w.standing(1); s.State != alert.StatePassed || s.Why != "below min_severity" || !alert.PassedOver(s.Delivery) {
			t.Errorf("before: %+v", s)
		}
		w.disk.mu.Lock()
		w.disk.alerts[3] = named(3, sessionwarden.Warning, "hushed")
		w.disk.deliveries[delivery{3, "slack"}] = sessionwarden.Delivery{Alert: 3, Channel: "slack", Error: "silenced by 42", Time: time.Now()}
		w.disk.mu.Unlock()
		if s := w.standing(3); s.State != alert.StateSilenced {
			t.Errorf("before: %+v", s)
		}
		for _, id := range []uint64{1, 3} {
			if r := w.resend(id); !r[0].OK {
				t.Errorf("what came of it: %+v", r)
			}
			if s := w.standing(id); s.State != alert.StateSent && s.State != alert.StateLate {
				t.Errorf("after: %+v", s)
			}
			w.after(2 * time.Second)
		}
		w.wantTitles("loud", "a note", "hushed")
	})
}

// Whatever happens between the asking and the sending, it is sent, and once.
func TestAResendSurvivesACrash(t *testing.T) {
	for _, bot := range []bool{false, true} {
		t.Run(map[bool]string{false: "webhook", true: "bot"}[bot], func(t *testing.T) {
			inWorld(t, bot, func(w *world) {
				w.commit(login(1, sessionwarden.Verified))
				w.after(time.Minute)
				w.slack.Always(slacktest.Status(503))
				r := w.resend(1)
				if r[0].OK || !strings.Contains(r[0].Outcome, "503") || !w.disk.of(1).Again {
					t.Errorf("what came of it: %+v, on the disk %+v", r, w.disk.of(1))
				}
				if s := w.standing(1); s.State != alert.StateFailed || s.Delivery.Sent != 1 {
					t.Errorf("it stands as %+v", s)
				}
				w.restart()
				w.slack.Always(slacktest.None())
				w.after(10 * time.Minute)
				w.wantTitles("verified gone", "(repeat)")
				if d := w.disk.of(1); d.Again {
					t.Errorf("recorded: %+v", d)
				}
			})
		})
	}
}

// An answer to what was begun before the asking does not count.
func TestAResendInTheMiddleOfAnAttemptIsNotLost(t *testing.T) {
	inWorld(t, true, func(w *world) {
		asked := false
		w.slack.OnMessage(func(slacktest.Message) {
			if !asked {
				asked = true
				if err := w.teller.Resend(context.Background(), 1, "slack"); err != nil {
					t.Error(err)
				}
			}
		})
		w.commit(login(1, sessionwarden.Verified))
		w.after(time.Minute)
		w.wantTitles("verified gone", "(repeat)")
	})
}

func TestABrokenChannelIsTriedAtOnceIfSomebodyAsks(t *testing.T) {
	inWorld(t, true, func(w *world) {
		w.commit(named(1, sessionwarden.Warning, "one"))
		w.after(time.Minute)
		w.slack.Always(slacktest.Refuse("account_inactive"))
		w.commit(named(2, sessionwarden.Warning, "two"))
		w.after(time.Minute)
		if s := w.standing(2); s.State != alert.StateFailed || !w.teller.Status()[0].Broken {
			t.Fatalf("it stands as %+v", s)
		}
		begun := time.Now()
		if r := w.resend(1); r[0].OK || r[0].Cure == "" || !strings.Contains(r[0].Outcome, "tried again in 1h0m0s") || time.Since(begun) > 2*time.Second {
			t.Errorf("after %v: %+v", time.Since(begun), r)
		}
		w.slack.Always(slacktest.None())
		if r := w.resend(1); !r[0].OK {
			t.Errorf("what came of it: %+v", r)
		}
	})
}

func TestWhatCannotBeSentAgainIsSaid(t *testing.T) {
	inWorld(t, true, func(w *world) {
		w.commit(named(1, sessionwarden.Warning, "one"))
		for _, row := range []struct {
			id            uint64
			channel, says string
		}{{7, "", "there is no alert 7"}, {7, "slack", "forgotten"}, {1, "phone", `there is no channel "phone"`}, {1, "ph\x1bone", `there is no channel "phone"`}} {
			err := w.teller.Resend(context.Background(), row.id, row.channel)
			var cannot *alert.ResendError
			if !errors.As(err, &cannot) || !strings.Contains(err.Error(), row.says) || cannot.Cure() == "" || !cannot.NotFound() {
				t.Errorf("%d on %q: %v, want %q", row.id, row.channel, err, row.says)
			}
		}
		w.disk.set(true)
		if err := w.teller.Resend(context.Background(), 1, ""); err == nil || strings.Contains(err.Error(), "there is no") {
			t.Errorf("a disk that is gone: %v", err)
		}
		w.disk.set(false)
		w.after(time.Minute)
		none := alert.New(alert.Options{Outbox: w.disk})
		if err := none.Resend(context.Background(), 1, ""); err == nil || !strings.Contains(err.Error(), "no alert channel is configured") {
			t.Errorf("without channels: %v", err)
		}
	})
}

// What was forgotten from memory is read from the disk again, and on nothing else
// anything is sent for it.
func TestAnOldAlertIsSentAgainWhole(t *testing.T) {
	inWorld(t, true, func(w *world) {
		w.least = sessionwarden.Critical
		w.restart()
		w.commit(login(1, sessionwarden.Verified))
		w.after(time.Minute)
		for id := uint64(2); id < 2200; id++ {
			w.commit(named(id, sessionwarden.Info, "a note"))
		}
		w.after(time.Minute)
		if r := w.resend(1); !r[0].OK {
			t.Errorf("what came of it: %+v", r)
		}
		w.wantTitles("verified gone", "(repeat)")
		if text := slacktest.Text(w.slack.Messages()[1]); !strings.Contains(text, "203.0.113.9") {
			t.Errorf("it is not the whole alert:\n%s", text)
		}
	})
}

func TestWhatWaitsAndWhatCameLateIsKnown(t *testing.T) {
	inWorld(t, true, func(w *world) {
		w.slack.Always(slacktest.Status(503))
		a := login(1, sessionwarden.Planned)
		w.commit(a, named(2, sessionwarden.Warning, "two"), named(3, sessionwarden.Info, "three"))
		w.after(10 * time.Minute)
		if s := w.standing(1); s.State != alert.StateFailed || !strings.Contains(s.Why, "503") {
			t.Errorf("alert 1 stands as %+v", s)
		}
		waiting := w.teller.Waiting(w.began.Add(time.Second))
		if len(waiting) != 1 || waiting[0].Alerts != 2 || !waiting[0].Oldest.Equal(w.began) || !strings.Contains(waiting[0].Why, "503") {
			t.Errorf("waiting: %+v", waiting)
		}
		if w.teller.Waiting(w.began) != nil {
			t.Error("what is new counts as waiting")
		}
		w.slack.Always(slacktest.None())
		w.after(10 * time.Minute)
		if w.teller.Waiting(time.Now()) != nil {
			t.Errorf("waiting: %+v", w.teller.Waiting(time.Now()))
		}
		w.commit(next(a, sessionwarden.Verified)) // at once; the first message was late all the same
		w.after(time.Minute)
		told, _, _ := w.disk.Telling(context.Background(), 1)
		if s := w.standing(1); s.State != alert.StateLate || w.teller.Lateness(told.Alert, s.Delivery) < 10*time.Minute {
			t.Errorf("alert 1 stands as %+v", s)
		}
		w.disk.mu.Lock()
		w.disk.deliveries[delivery{1, "pager"}] = sessionwarden.Delivery{Alert: 1, Channel: "pager", Attempts: 3, Error: "no route"}
		w.disk.mu.Unlock()
		told, _, _ = w.disk.Telling(context.Background(), 1)
		if all := w.teller.Standings(told); len(all) != 2 || all[1].Channel != "pager" || all[1].State != alert.StatePassed || all[1].Why != "the channel is not configured any more" {
			t.Errorf("on a channel that is gone it stands as %+v", all)
		}
	})
}

// Neither a silence nor quiet hours hold back what somebody asks for.
func TestWhatIsAskedForPassesSilencesAndQuietHours(t *testing.T) {
	inWorld(t, true, func(w *world) {
		w.to.Quiet = sessionwarden.DayHours{From: 0, To: 23*time.Hour + 59*time.Minute, Zone: time.UTC}
		w.restart()
		w.commit(named(1, sessionwarden.Warning, "held by the hours"))
		if err := w.disk.PutSilence(context.Background(), sessionwarden.Silence{ID: 7, Topic: sessionwarden.TopicBlind, Until: time.Now().Add(10 * time.Hour), Created: time.Now()}); err != nil {
			t.Fatal(err)
		}
		w.restart()
		w.commit(named(2, sessionwarden.Warning, "held by a silence"))
		w.after(time.Hour)
		w.wantTitles()
		if s := w.standing(2); s.State != alert.StateSilenced || alert.Silencer(s.Delivery) != 7 {
			t.Errorf("it stands as %+v", s)
		}
		if w.teller.Waiting(time.Now()) != nil {
			t.Errorf("what quiet hours hold counts as not delivered: %+v", w.teller.Waiting(time.Now()))
		}
		for _, id := range []uint64{1, 2} {
			if r := w.resend(id); !r[0].OK {
				t.Errorf("what came of %d: %+v", id, r)
			}
			w.after(2 * time.Second)
		}
		w.wantTitles("held by the hours", "held by a silence")
	})
}
