package alert_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/alert/slacktest"
)

func TestTheFirstMessageGoesAtOnceAndTheNextASecondLater(t *testing.T) {
	inWorld(t, false, func(w *world) {
		w.commit(named(1, sessionwarden.Warning, "one"), named(2, sessionwarden.Warning, "two"), named(3, sessionwarden.Critical, "three"))
		w.wantTitles("three")
		if d := w.slack.Messages()[0].Posted.Sub(w.began); d != 0 {
			t.Errorf("the first message came after %v", d)
		}
		w.after(5 * time.Second)
		w.wantTitles("three", "one", "two")
		at := w.slack.Requests()
		for i := 1; i < len(at); i++ {
			if gap := at[i].At.Sub(at[i-1].At); gap < time.Second || gap > 1100*time.Millisecond {
				t.Errorf("%v between two messages", gap)
			}
		}
	})
}

func TestSlackIsDownForTenHours(t *testing.T) {
	inWorld(t, false, func(w *world) {
		w.slack.Always(slacktest.Status(503))
		w.commit(named(1, sessionwarden.Warning, "one"), named(2, sessionwarden.Warning, "two"))
		w.after(5 * time.Hour)
		w.commit(named(3, sessionwarden.Critical, "three"))
		w.after(5 * time.Hour)
		if n := len(w.slack.Requests()); n < 120 || n > 170 {
			t.Errorf("%d attempts in ten hours; five minutes apart are about 130", n)
		}
		status := w.teller.Status()[0]
		if status.Pending != 3 || status.Broken || !strings.Contains(status.Error, "503") {
			t.Errorf("status is %+v", status)
		}
		w.slack.Always(slacktest.None())
		w.after(6 * time.Minute)
		w.wantTitles("three", "one", "two")
		if status := w.teller.Status()[0]; status.Pending != 0 || status.Error != "" || status.LastSent.IsZero() {
			t.Errorf("status is %+v", status)
		}
	})
}

func TestRetryAfterIsHonouredAndClamped(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"30": 30 * time.Second, "": time.Minute, "0": time.Second, "-1": time.Second, "1000000000": 10 * time.Minute,
		"99999999999999999999": 10 * time.Minute, "soon": time.Minute, "Sat, 01 Jan 2000 00:00:45 GMT": 45 * time.Second,
	} {
		for _, bot := range []bool{false, true} {
			t.Run(fmt.Sprintf("%q %t", header, bot), func(t *testing.T) {
				inWorld(t, bot, func(w *world) {
					w.slack.Fail(slacktest.Limited(header))
					w.commit(named(1, sessionwarden.Warning, "one"))
					w.after(11 * time.Minute)
					requests := w.slack.Requests()
					if len(requests) != 2 {
						t.Fatalf("%d requests, want 2", len(requests))
					}
					if gap := requests[1].At.Sub(requests[0].At); gap < want || gap > want+time.Second {
						t.Errorf("tried again after %v, want %v", gap, want)
					}
					w.wantTitles("one")
				})
			})
		}
	}
}

func TestABotUpdatesItsMessage(t *testing.T) {
	inWorld(t, true, func(w *world) {
		a := login(1, sessionwarden.Planned)
		w.commit(a)
		w.wantTitles("ending it now")
		w.after(300 * time.Millisecond)
		a = next(a, sessionwarden.Done)
		w.commit(a)
		w.after(2 * time.Second)
		w.wantTitles("not proven yet")
		w.commit(next(a, sessionwarden.Verified))
		w.after(2 * time.Second)
		w.wantTitles("ended, verified gone")
		m := w.slack.Messages()[0]
		if len(m.History) != 2 || m.Updated.IsZero() || m.Channel != "C0SECURITY" {
			t.Errorf("the message was changed %d times in %s", len(m.History), m.Channel)
		}
		if n := len(w.slack.Requests()); n != 3 {
			t.Errorf("%d requests, want 3", n)
		}
	})
}

func TestABotUpdatesAfterARestart(t *testing.T) {
	inWorld(t, true, func(w *world) {
		a := login(1, sessionwarden.Done)
		w.commit(a)
		w.restart()
		w.after(time.Minute)
		if n := len(w.slack.Requests()); n != 1 {
			t.Fatalf("%d requests after a restart, want the one before it", n)
		}
		w.commit(next(a, sessionwarden.Verified))
		w.after(2 * time.Second)
		w.wantTitles("verified")
	})
}

func TestARevisionIsSentOnce(t *testing.T) {
	inWorld(t, true, func(w *world) {
		a := login(1, sessionwarden.Verified)
		for range 5 {
			w.commit(a)
			w.after(2 * time.Second)
		}
		if n := len(w.slack.Requests()); n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
	})
}

func TestAWebhookWaitsForTheAnswerASecondAtMost(t *testing.T) {
	t.Run("answered in time", func(t *testing.T) {
		inWorld(t, false, func(w *world) {
			a := login(1, sessionwarden.Planned)
			w.commit(a)
			w.after(300 * time.Millisecond)
			w.wantTitles()
			w.commit(next(a, sessionwarden.Done))
			w.wantTitles("not proven yet")
			if d := w.slack.Messages()[0].Posted.Sub(w.began); d != 300*time.Millisecond {
				t.Errorf("sent after %v", d)
			}
		})
	})
	t.Run("not answered", func(t *testing.T) {
		inWorld(t, false, func(w *world) {
			a := login(1, sessionwarden.Planned)
			w.commit(a)
			w.after(1001 * time.Millisecond)
			w.wantTitles("ending it now")
			if d := w.slack.Messages()[0].Posted.Sub(w.began); d != time.Second {
				t.Errorf("sent after %v", d)
			}
			a = next(a, sessionwarden.Done)
			w.commit(a)
			w.commit(next(a, sessionwarden.Verified))
			w.after(time.Hour)
			w.wantTitles("ending it now") // quiet: it proved true
		})
	})
}

func TestAWebhookSendsAgainOnlyWhatProvedUntrue(t *testing.T) {
	inWorld(t, false, func(w *world) {
		a := login(1, sessionwarden.Done)
		w.commit(a)
		a = next(a, sessionwarden.Failed)
		a.Correction = a.Revision
		w.commit(a)
		w.after(3 * time.Second)
		w.wantTitles("not proven yet", "act by hand")
		b := next(a, sessionwarden.Verified)
		b.Correction = a.Correction
		w.commit(b)
		w.after(time.Hour)
		w.wantTitles("not proven yet", "act by hand")
		w.restart()
		w.after(time.Hour)
		w.wantTitles("not proven yet", "act by hand")
	})
}

func TestWhatIsNotSentSurvivesARestart(t *testing.T) {
	inWorld(t, false, func(w *world) {
		w.slack.Always(slacktest.Reset())
		w.commit(named(1, sessionwarden.Warning, "one"), named(2, sessionwarden.Critical, "two"))
		w.after(3 * time.Hour)
		w.stop()
		w.slack.Always(slacktest.None())
		before := len(w.slack.Requests())
		w.start()
		w.after(time.Second)
		if n := len(w.slack.Requests()); n != before {
			t.Errorf("a restart forgets the pause: %d requests", n-before)
		}
		w.after(6 * time.Minute)
		w.wantTitles("two", "one")
	})
}

func TestACrashBetweenSendingAndRecordingIsMarked(t *testing.T) {
	inWorld(t, false, func(w *world) {
		w.disk.lostAfter = 1 // what is written before the answer arrives, its outcome does not
		w.commit(named(77, sessionwarden.Critical, "one"))
		w.wantTitles("one")
		w.stop()
		w.disk.lostAfter = -1
		w.start()
		w.after(time.Minute)
		w.wantTitles("one", "(repeat)")
		if text := slacktest.Text(w.slack.Messages()[1]); !strings.Contains(text, "alert 77") {
			t.Errorf("the alert's id is not said:\n%s", text)
		}
		w.restart()
		w.after(time.Minute)
		w.wantTitles("one", "(repeat)")
	})
}

func TestAnAnswerThatNeverComesIsMarked(t *testing.T) {
	inWorld(t, true, func(w *world) {
		w.slack.Fail(slacktest.HangAfter())
		w.commit(named(1, sessionwarden.Critical, "one"))
		w.after(time.Minute)
		w.wantTitles("one", "(repeat)")
	})
}

func TestOnlyWhatIsSevereEnoughIsSent(t *testing.T) {
	inWorld(t, false, func(w *world) {
		quiet := named(1, sessionwarden.Info, "quiet")
		well := named(2, sessionwarden.Info, "well again")
		well.Kind = sessionwarden.Recovered
		w.commit(quiet, well)
		w.after(time.Minute)
		w.wantTitles("well again")
		w.stop()
		w.least = sessionwarden.Info
		w.start()
		w.after(time.Minute)
		w.wantTitles("well again") // old news stays untold when the configuration changes
		quiet.Revision, quiet.Severity, quiet.Title, quiet.Updated = 1, sessionwarden.Critical, "loud", time.Now()
		w.commit(quiet)
		w.after(time.Minute)
		w.wantTitles("well again", "loud")
	})
}

func TestOneMatterThatWaitsTwiceIsToldOnce(t *testing.T) {
	inWorld(t, false, func(w *world) {
		w.slack.Always(slacktest.Status(500))
		one, two := named(1, sessionwarden.Warning, "first"), named(2, sessionwarden.Critical, "second")
		one.Key, two.Key = "blind main", "blind main"
		w.commit(one, two)
		w.after(time.Minute)
		w.slack.Always(slacktest.None())
		w.after(10 * time.Minute)
		w.wantTitles("second")
		if w.disk.of(1).Sent != 1 || w.disk.of(2).Sent != 1 {
			t.Error("both have to be recorded")
		}
	})
}

func TestFlushWaitsAndSaysWhatIsLeft(t *testing.T) {
	inWorld(t, false, func(w *world) {
		w.teller.Add([]sessionwarden.Alert{named(1, sessionwarden.Warning, "one"), named(2, sessionwarden.Warning, "two")})
		if err := w.teller.Flush(context.Background()); err != nil {
			t.Errorf("Flush: %v", err)
		}
		w.wantTitles("one", "two")
		w.slack.Always(slacktest.Webhook(404, "no_service"))
		w.teller.Add([]sessionwarden.Alert{named(3, sessionwarden.Warning, "three")})
		began := time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		err := w.teller.Flush(ctx)
		if err == nil || !strings.Contains(err.Error(), "channel slack: 1 alert not delivered: Slack does not know this webhook") {
			t.Errorf("Flush says %v", err)
		}
		if d := time.Since(began); d > 5*time.Second {
			t.Errorf("Flush waits %v for a channel that is tried in an hour", d)
		}
	})
}

func TestATestAlertSaysHowEachChannelFares(t *testing.T) {
	inWorld(t, true, func(w *world) {
		if r := w.teller.Test(context.Background())[0]; !r.OK || r.Channel != "slack" || r.Outcome != "delivered" {
			t.Errorf("result is %+v", r)
		}
		w.wantTitles("TEST: this is a test alert")
		w.slack.Always(slacktest.Refuse("not_in_channel"))
		if r := w.teller.Test(context.Background())[0]; r.OK || !strings.Contains(r.Outcome, "not_in_channel") || !strings.Contains(r.Cure, "/invite") {
			t.Errorf("result is %+v", r)
		}
		if s := w.teller.Status()[0]; s.Broken || s.Pending != 0 {
			t.Errorf("a test changes the status: %+v", s)
		}
	})
}

func TestANewChannelIsNotToldOldNews(t *testing.T) {
	inWorld(t, false, func(w *world) {
		old := named(1, sessionwarden.Critical, "old")
		old.Created = old.Created.Add(-48 * time.Hour)
		unsent := named(2, sessionwarden.Critical, "sent to nobody")
		unsent.Created = old.Created
		w.stop()
		w.disk.alerts[1], w.disk.alerts[2] = old, unsent
		w.disk.deliveries[delivery{1, "another"}] = sessionwarden.Delivery{Alert: 1, Channel: "another", Sent: 1, Time: old.Created}
		w.start()
		w.after(time.Minute)
		w.wantTitles("sent to nobody")
	})
}

// Somebody else came into an alert: the message that tells of him waits for his end
// as the first one does.
func TestAWebhookWaitsForWhatCameIntoAnAlert(t *testing.T) {
	inWorld(t, false, func(w *world) {
		a := login(1, sessionwarden.Verified)
		w.commit(a)
		w.after(time.Minute)
		w.wantTitles("verified gone")
		a = next(a, sessionwarden.Planned)
		a.Correction = a.Revision
		w.commit(a)
		w.after(300 * time.Millisecond)
		b := next(a, sessionwarden.Verified)
		b.Correction = a.Correction
		w.commit(b)
		w.after(time.Minute)
		w.wantTitles("verified gone", "verified gone")
		c := next(b, sessionwarden.Planned)
		c.Correction = c.Revision
		w.commit(c)
		w.after(3 * time.Second)
		w.wantTitles("verified gone", "verified gone", "ending it now") // no longer than a second
	})
}

// A message that may have arrived may have arrived still when the next attempts
// fail for sure.
func TestWhatMayHaveArrivedIsMarkedAfterOtherFailures(t *testing.T) {
	for name, fault := range map[string]slacktest.Fault{"trouble": slacktest.Status(503), "refused": slacktest.Refuse("invalid_blocks"), "limited": slacktest.Status(429)} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, true, func(w *world) {
				w.slack.Fail(slacktest.HangAfter(), fault)
				w.commit(named(1, sessionwarden.Critical, "one"))
				w.after(5 * time.Minute)
				w.wantTitles("one", "(repeat)")
			})
		})
	}
}
