package alert_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/alert"
)

func TestAChannelIsToldWhatItsRouteNames(t *testing.T) {
	inWorldOf(t, func(w *world) {
		w.to = alert.Route{Accounts: []string{"main"}, Topics: []sessionwarden.Topic{sessionwarden.TopicIntrusion, sessionwarden.TopicBlind}}
	}, func(w *world) {
		other := named(1, sessionwarden.Critical, "of another account")
		other.Account = "second"
		stale := named(2, sessionwarden.Critical, "old data")
		stale.Kind = sessionwarden.StaleData
		program := named(3, sessionwarden.Critical, "of no account")
		program.Account = ""
		test := sessionwarden.Alert{ID: 4, Kind: sessionwarden.TestAlert, Created: time.Now(), Updated: time.Now()}
		again := named(5, sessionwarden.Info, "well again")
		again.Kind = sessionwarden.Recovered
		w.commit(other, stale, program, named(6, sessionwarden.Info, "too mild"), test, again, login(7, sessionwarden.Verified))
		w.after(10 * time.Second)
		w.wantTitles("login", "this is a test", "well again") // the most severe first
		for id, why := range map[uint64]string{1: "not for this channel", 2: "not for this channel", 3: "not for this channel", 6: "below min_severity"} {
			if d := w.disk.of(id); d.Error != why || d.Sent != 0 {
				t.Errorf("alert %d: %+v, want %q", id, d, why)
			}
		}
		w.restart()
		w.after(time.Minute)
		if got := len(w.slack.Messages()); got != 3 {
			t.Errorf("%d messages after a restart", got)
		}
	})
}

func TestQuietHoursHoldBackWhatIsNotCritical(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	inWorldOf(t, func(w *world) {
		// The clock of the test begins at midnight UTC, 1:00 in Berlin.
		w.to = alert.Route{Quiet: sessionwarden.DayHours{From: 22 * time.Hour, To: 7*time.Hour + 30*time.Minute, Zone: zone}}
	}, func(w *world) {
		w.commit(named(1, sessionwarden.Warning, "in the night"), named(2, sessionwarden.Critical, "grave"))
		w.after(time.Minute)
		w.wantTitles("grave")
		w.after(6*time.Hour + 25*time.Minute) // 7:26
		w.wantTitles("grave")
		w.after(5 * time.Minute)
		w.wantTitles("grave", "in the night")
		w.after(10 * time.Hour) // 17:31
		w.commit(named(3, sessionwarden.Warning, "by day"))
		w.after(10 * time.Second)
		w.wantTitles("grave", "in the night", "by day")
	})
}

func TestSilencesKeepAlertsBackAndCountThem(t *testing.T) {
	inWorld(t, false, func(w *world) {
		ctx := context.Background()
		s, err := w.teller.Silence(ctx, sessionwarden.Silence{Account: "main", Until: time.Now().Add(time.Hour), Reason: "moving", By: "root"})
		if err != nil {
			t.Fatal(err)
		}
		w.commit(named(1, sessionwarden.Warning, "silenced"), named(2, sessionwarden.Critical, "grave"))
		w.after(10 * time.Second)
		w.wantTitles("grave")
		if d := w.disk.of(1); alert.Silencer(d) != s.ID {
			t.Errorf("%+v does not name silence %d", d, s.ID)
		}
		w.restart() // the silence is on the disk
		w.commit(named(3, sessionwarden.Warning, "silenced too"))
		w.after(10 * time.Second)
		w.wantTitles("grave")
		if _, err := w.teller.EndSilence(ctx, s.ID); err != nil {
			t.Fatal(err)
		}
		w.commit(named(4, sessionwarden.Warning, "heard"))
		w.after(10 * time.Second)
		w.wantTitles("grave", "heard") // what was left out is not sent after all
		if list := w.teller.Silences(); len(list) != 1 || list[0].State(time.Now()) != "removed" {
			t.Errorf("%+v", list)
		}
		w.after(sessionwarden.KeepEndedSilence)
		if list := w.teller.Silences(); len(list) != 0 {
			t.Errorf("a month later: %+v", list)
		}
	})
}

// How much a silence left out is seen at once, though nothing is sent meanwhile.
func TestWhatASilenceLeavesOutIsOnTheDiskAtOnce(t *testing.T) {
	inWorld(t, false, func(w *world) {
		s, err := w.teller.Silence(context.Background(), sessionwarden.Silence{Until: time.Now().Add(time.Hour), Reason: "x"})
		if err != nil {
			t.Fatal(err)
		}
		for id := uint64(1); id <= 3; id++ {
			w.commit(named(id, sessionwarden.Warning, "silenced"))
			w.after(time.Second)
			if d := w.disk.of(id); alert.Silencer(d) != s.ID {
				t.Errorf("alert %d: the disk has %+v", id, d)
			}
		}
		if calls := w.disk.calls; calls != 3 {
			t.Errorf("the disk was written to %d times for 3 alerts", calls)
		}
		w.after(30 * time.Minute)
		if calls := w.disk.calls; calls != 3 {
			t.Errorf("the disk was written to %d times though nothing happened", calls)
		}
	})
}

func TestASilenceEndsByItself(t *testing.T) {
	inWorld(t, false, func(w *world) {
		if _, err := w.teller.Silence(context.Background(), sessionwarden.Silence{Until: time.Now().Add(time.Hour), Reason: "x"}); err != nil {
			t.Fatal(err)
		}
		goesOn := named(1, sessionwarden.Warning, "goes on")
		w.commit(goesOn)
		w.after(2 * time.Hour)
		w.wantTitles()
		goesOn.Revision, goesOn.Updated = 1, time.Now()
		w.commit(goesOn)
		w.after(10 * time.Second)
		w.wantTitles("goes on")
	})
}

func TestASilenceTakesWhatWaits(t *testing.T) {
	inWorld(t, false, func(w *world) {
		w.slack.Always(refusing())
		w.commit(named(1, sessionwarden.Warning, "waits"))
		w.after(time.Second)
		if _, err := w.teller.Silence(context.Background(), sessionwarden.Silence{Until: time.Now().Add(time.Hour), Reason: "x"}); err != nil {
			t.Fatal(err)
		}
		w.slack.Always(fine())
		w.after(10 * time.Minute)
		w.wantTitles()
	})
}

func TestSilencesThatCannotBe(t *testing.T) {
	inWorld(t, false, func(w *world) {
		ctx := context.Background()
		for name, s := range map[string]sessionwarden.Silence{
			"over already":     {Until: time.Now(), Reason: "x"},
			"for ever":         {Until: time.Now().AddDate(1, 0, 0), Reason: "x"},
			"without a reason": {Until: time.Now().Add(time.Hour)},
			"of nothing":       {Until: time.Now().Add(time.Hour), Reason: "x", Topic: sessionwarden.TopicEscalation},
		} {
			var wrong *alert.SilenceError
			if _, err := w.teller.Silence(ctx, s); !errors.As(err, &wrong) || wrong.Cure() == "" || !wrong.Conflict() {
				t.Errorf("%s: %v", name, err)
			}
		}
		var wrong *alert.SilenceError
		if _, err := w.teller.EndSilence(ctx, 5); !errors.As(err, &wrong) || !wrong.NotFound() {
			t.Errorf("%v", err)
		}
		w.disk.set(true)
		if _, err := w.teller.Silence(ctx, sessionwarden.Silence{Until: time.Now().Add(time.Hour), Reason: "x"}); err == nil {
			t.Error("a silence that is not on the disk was taken")
		}
		w.disk.set(false)
		w.commit(named(1, sessionwarden.Warning, "heard"))
		w.after(10 * time.Second)
		w.wantTitles("heard")
	})
}
