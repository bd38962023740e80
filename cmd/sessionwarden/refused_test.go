package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sessionwarden/alert/slacktest"
	"sessionwarden/storage"
	"sessionwarden/web"
)

const refusedTitle = "sessionwarden could not start"

func TestARefusedStartIsToldOnceWithTheWaysOutAndOnceWhenItWorksAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.atHome()
	w.withBackup()
	if err := os.Remove(w.database()); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, said, status := w.cli("run"); status != 1 {
			t.Fatalf("status %d:\n%s", status, said)
		}
	}
	told := w.said(refusedTitle)
	if len(told) != 1 || !strings.Contains(told[0], "nothing is watched") || !strings.Contains(told[0], "is gone") || !strings.Contains(told[0], "sessionwarden restore") {
		t.Fatalf("told %q", told)
	}
	w.must("restore", w.backups()[0].Path)
	p := w.start()
	w.eventually("told that it works again", func() bool { return len(w.said("has started again")) == 1 })
	if _, said, status := w.cli("run"); status != 1 || len(w.said(refusedTitle)) != 1 {
		t.Errorf("a second daemon (status %d): %s\n%q", status, said, w.said(refusedTitle))
	}
	p.stop()
	if err := os.Truncate(w.database(), 0); err != nil {
		t.Fatal(err)
	}
	if _, said, status := w.cli("run", "--once"); status != 1 || len(w.said(refusedTitle)) != 2 {
		t.Errorf("refused anew within six hours (status %d): %s\n%q", status, said, w.said(refusedTitle))
	}
}

// Where nothing can be written it is not told every few seconds: the program
// takes its time to end.
func TestARefusedStartThatCannotBeNotedTakesItsTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &bubble{t: t, dir: t.TempDir(), instance: "bubble", accounts: []string{"main"}, slack: slacktest.New()}
		cfg, err := b.configuration()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Join(refusedPath(cfg.DataDir), "in the way"), 0o700); err != nil {
			t.Fatal(err)
		}
		why := errors.New("this is no day for it")
		began := time.Now()
		for range 3 {
			if err := refusedStart(t.Context(), cfg, &b.log, why, outside{alerts: b.slack.Transport()}); !errors.Is(err, why) {
				t.Errorf("it returns %v", err)
			}
		}
		if took := time.Since(began); took < 3*refusedPause || len(b.messages()) != 3 {
			t.Errorf("%d messages in %v", len(b.messages()), took)
		}
		ctx, stop := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, stop)
		began = time.Now()
		_ = refusedStart(ctx, cfg, &b.log, why, outside{alerts: b.slack.Transport()})
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("stopping it took %v", took)
		}
	})
}

func TestARefusedStartIsToldAgainAfterSixHoursAndForAnotherReason(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &bubble{t: t, dir: t.TempDir(), instance: "bubble", accounts: []string{"main"}, slack: slacktest.New()}
		cfg, err := b.configuration()
		if err != nil {
			t.Fatal(err)
		}
		o := outside{alerts: b.slack.Transport()}
		start := func(why error, want int) {
			t.Helper()
			began := time.Now()
			if err := refusedStart(t.Context(), cfg, &b.log, why, o); !errors.Is(err, why) {
				t.Errorf("it returns %v", err)
			}
			if took := time.Since(began); took > refusedTelling {
				t.Errorf("%v: it took %v", why, took)
			}
			n := 0
			for _, m := range b.messages() {
				if strings.Contains(m, refusedTitle) {
					n++
				}
			}
			if n != want {
				t.Fatalf("%v: told %d times, want %d\n%s", why, n, want, b.log.String())
			}
		}
		noPermission := &fs.PathError{Op: "open", Path: "/data/sessionwarden.db.new-1", Err: fs.ErrPermission}
		start(noPermission, 1)
		start(&fs.PathError{Op: "open", Path: "/data/sessionwarden.db.new-23", Err: fs.ErrPermission}, 1)
		start(&storage.MissingError{Path: "/data/sessionwarden.db"}, 2)
		start(noPermission, 2)
		time.Sleep(refusedAgain - time.Minute)
		start(noPermission, 2)
		time.Sleep(2 * time.Minute)
		start(noPermission, 3)

		// What nobody has to be told.
		for _, why := range []error{&usageError{errors.New("wrong")}, &storage.LockedError{}, fmt.Errorf("the socket: %w", web.ErrRunning)} {
			start(why, 3)
		}
		stopped, stop := context.WithCancel(t.Context())
		stop()
		_ = refusedStart(stopped, cfg, &b.log, errors.New("stopped"), o)

		// Nobody could be told: the next start tries again.
		o.alerts = silence{}
		start(errors.New("another thing"), 3)
		o.alerts = b.slack.Transport()
		start(errors.New("another thing"), 4)
	})
}

// silence is a network that answers nothing.
type silence struct{}

func (silence) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}
