package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/alert/slacktest"
	"sessionwarden/config"
	"sessionwarden/mannco/manncotest"
	"sessionwarden/storage"
)

// daily wants a digest at eight in the morning, and no alert of its own.
func (b *bubble) daily() {
	b.extra += "[alert]\nmin_severity = \"critical\"\ntime_zone = \"Europe/Berlin\"\n[alert.digest]\nevery = \"daily\"\nat = \"08:00\"\n"
	b.defaults[1] = `schedule = "@every 5m"`
}

// digests returns the digests in the outbox, the oldest first.
func (b *bubble) digests() []sessionwarden.Digest {
	b.t.Helper()
	var list []sessionwarden.Digest
	for _, a := range b.alerts() {
		if a.Kind == sessionwarden.DigestAlert {
			list = append(list, *a.Digest)
		}
	}
	return list
}

// wantDigests checks how many digests were made, and that each was told.
func (b *bubble) wantDigests(n int) sessionwarden.Digest {
	b.t.Helper()
	list := b.digests()
	if len(list) != n {
		b.t.Fatalf("%d digests, want %d: %+v", len(list), n, list)
	}
	told := 0
	for _, m := range b.messages() {
		if strings.Contains(m, "What the watch rests on") {
			told++
		}
	}
	if told != n {
		b.t.Fatalf("%d digests were told, want %d: %q", told, n, b.messages())
	}
	if n == 0 {
		return sessionwarden.Digest{}
	}
	return list[n-1]
}

// eight lets time pass until a minute after eight in Berlin.
func (b *bubble) eight() {
	b.t.Helper()
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		b.t.Fatal(err)
	}
	now := b.wall().In(zone)
	at := time.Date(now.Year(), now.Month(), now.Day(), 8, 1, 0, 0, zone)
	if !at.After(now) {
		at = at.AddDate(0, 0, 1)
	}
	b.pass(at.Sub(now))
}

func TestADigestIsToldEachDayThoughAllIsWell(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.daily()
		b.atHome()
		b.start()
		b.wantDigests(0)
		next := b.app.status().NextDigest
		b.eight()
		d := b.wantDigests(1)
		if !next.Equal(d.Due) {
			t.Errorf("the next one was to be at %v", next)
		}
		if m := b.messages()[0]; !strings.Contains(m, "All is well: 1 account watched, nothing suspicious in") {
			t.Errorf("told:\n%s", m)
		}
		if d.Due.Format("15:04") != "06:00" || d.To.Sub(d.Due) > 31*time.Second || d.From.Before(b.app.db.Created()) {
			t.Errorf("due %v, of %v to %v", d.Due, d.From, d.To)
		}
		b.restart()
		b.pass(time.Hour)
		b.wantDigests(1)
		b.signInAs("main", manncotest.SessionSpec{Address: homeAddr2, UserAgent: chrome, ISP: "Provider"})
		b.eight()
		after := b.wantDigests(2)
		if !after.From.Equal(d.To) || len(after.Accounts) != 1 || after.Accounts[0].New != 1 || after.Accounts[0].Live != 3 {
			t.Errorf("the next: %+v after %v", after, d.To)
		}
		if after.Data[0].Date.IsZero() || after.Backup.IsZero() || after.Blind != 0 || len(after.Needs) != 0 {
			t.Errorf("the next: %+v", after)
		}
	})
}

func TestADigestThatWasMissedIsMadeUpForOnce(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.daily()
		b.atHome()
		b.start()
		b.eight()
		b.wantDigests(1)
		b.stop()
		b.pass(70 * time.Hour) // over three of them
		b.start()
		b.pass(time.Minute)
		d := b.wantDigests(2)
		if d.To.Sub(d.From) < 70*time.Hour || d.Before.IsZero() || d.Started.Sub(d.Before) < 69*time.Hour {
			t.Errorf("of %v to %v, not running from %v to %v", d.From, d.To, d.Before, d.Started)
		}
		if m := b.messages()[1]; strings.Contains(m, "All is well") || !strings.Contains(m, "(70 hours at most): not") {
			t.Errorf("told:\n%s", m)
		}
		for range 3 {
			b.restart()
			b.pass(time.Minute)
		}
		b.wantDigests(2)
		b.eight()
		b.wantDigests(3)
	})
}

func TestADigestOfABadDay(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.daily()
		b.rules = []string{`unexpected_country = "disconnect"`, `new_network = "log"`}
		b.alsoWatch("shop")
		b.alsoWatch("dark")
		b.atHome()
		b.signInAs("shop", manncotest.SessionSpec{Address: homeAddr, UserAgent: chrome, ISP: "Provider", Age: 72 * time.Hour})
		b.start()
		b.pass(time.Hour)
		b.signInAs("shop", manncotest.SessionSpec{Address: hostingAddr, UserAgent: chrome, ISP: "Provider"})
		b.pass(time.Hour)
		b.fault(manncotest.Fault{Kind: manncotest.FaultBusinessError, Account: "shop", Times: 40})
		b.fault(manncotest.Fault{Kind: manncotest.FaultBusinessError, Account: "dark"})
		b.slack.Always(slacktest.Status(503))
		b.signIn(farAddr, chrome)
		b.pass(time.Hour)
		b.slack.Always(slacktest.None())
		b.eight()
		d := b.wantDigests(1)
		of := make(map[string]sessionwarden.DigestAccount)
		for _, a := range d.Accounts {
			of[a.Account] = a
		}
		if main := of["main"]; main.New != 1 || main.Ended != 1 || main.Findings[sessionwarden.Critical] == 0 || main.Incidents != 1 || main.Live < 1 {
			t.Errorf("main: %+v", main)
		}
		if d.Accounts[0].Account != "dark" || of["dark"].BlindSince.IsZero() || d.Blind != 1 {
			t.Errorf("dark: %+v", d.Accounts)
		}
		if len(d.Unwatched) != 2 || !d.Unwatched[0].Until.IsZero() || d.Unwatched[1].Account != "shop" || d.Unwatched[1].Until.Sub(d.Unwatched[1].Since) < 15*time.Minute {
			t.Errorf("not watched: %+v", d.Unwatched)
		}
		if len(d.Late) != 1 || d.Late[0].Channel != "slack" || d.Late[0].Longest < 50*time.Minute || len(d.Waiting) != 0 {
			t.Errorf("late: %+v, waiting: %+v", d.Late, d.Waiting)
		}
		if shop := of["shop"]; d.Below != 1 || shop.Findings[sessionwarden.Warning] == 0 {
			t.Errorf("%d alerts below min_severity; shop: %+v", d.Below, shop)
		}
		if !b.told("Look at this: 1 account is not watched") {
			t.Errorf("told: %q", b.messages())
		}
	})
}

// A clock that is set makes no digest twice, and leaves none out for long.
func TestDigestsAndAClockThatIsSet(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.daily()
		b.atHome()
		b.start()
		b.eight()
		b.wantDigests(1)
		b.shift(-2 * time.Hour) // eight comes again
		b.eight()
		b.pass(time.Hour)
		b.wantDigests(1)
		b.shift(50 * time.Hour)
		b.pass(time.Minute)
		b.wantDigests(2)
		b.shift(-48 * time.Hour) // it was wrong; that of the future says nothing
		b.pass(time.Hour)
		b.wantDigests(2)
		b.eight()
		b.wantDigests(3)
		b.eight()
		b.pass(time.Hour)
		b.wantDigests(4)
	})
}

func TestADigestIsDueOnceADay(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	for _, name := range []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Africa/Cairo", "Pacific/Apia"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range []time.Duration{0, 90 * time.Minute, 150 * time.Minute, 8 * time.Hour, 23*time.Hour + 59*time.Minute} {
			for every, days := range map[string]int{config.DigestDaily: 1, config.DigestWeekly: 7} {
				g := &digests{zone: zone, when: config.Digest{Every: every, At: at, Weekday: time.Sunday}}
				begin := time.Date(2026, 1, 1, 12, 0, 0, 0, zone)
				last, made := g.due(begin), 0
				for now := begin; now.Before(begin.AddDate(1, 0, 0)); now = now.Add(30 * time.Minute) {
					due := g.due(now)
					if due.After(now) || due.Before(last) {
						t.Fatalf("%s, %s, %v: at %v it is due at %v, after %v", name, every, at, now, due, last)
					}
					if due.Equal(last) {
						continue
					}
					next := g.next(now)
					if !next.After(now) || !g.due(next).Equal(next) || !g.due(next.Add(-1)).Equal(due) {
						t.Fatalf("%s, %s, %v: at %v the next one is %v, after %v", name, every, at, now, next, due)
					}
					if gap := due.Sub(last) - time.Duration(days)*24*time.Hour; gap < -2*time.Hour || gap > 2*time.Hour {
						t.Errorf("%s, %s, %v: %v and %v", name, every, at, last, due)
					}
					last, made = due, made+1
				}
				if want := 365 / days; made < want-1 || made > want+1 {
					t.Errorf("%s, %s, %v: %d in a year", name, every, at, made)
				}
			}
		}
	}
}

func TestADigestOfAThousandAccountsIsShort(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.daily()
		b.atHome()
		b.start()
		for i := range 1000 {
			name := fmt.Sprintf("account-%04d", i)
			c := sessionwarden.Change{History: sessionwarden.History{Account: name, Baseline: b.now()}}
			for range 3 {
				c.Findings = append(c.Findings, sessionwarden.Finding{ID: b.app.db.NextID(), Account: name, Time: b.now(), Severity: sessionwarden.Severity(i % 3)})
			}
			if err := b.app.db.Commit(t.Context(), []sessionwarden.Change{c}); err != nil {
				t.Fatal(err)
			}
		}
		b.eight()
		d := b.wantDigests(1)
		total := d.Rest
		for _, a := range d.Accounts {
			total = total.Plus(a)
		}
		if len(d.Accounts) != sessionwarden.MaxDigestRows || d.More != 991 || total.Findings != [3]int{1002, 999, 999} {
			t.Errorf("%d accounts and %d more, with %v", len(d.Accounts), d.More, total.Findings)
		}
		if m := b.messages()[0]; len(m) > 3000 || !strings.Contains(m, "and 991 more accounts: ") {
			t.Errorf("%d bytes:\n%s", len(m), m)
		}
	})
}

func TestAnOnceMakesTheDigestThatIsDue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.atHome()
	if err := os.MkdirAll(filepath.Dir(w.database()), 0o700); err != nil {
		t.Fatal(err)
	}
	db, err := storage.Open(w.database(), storage.Options{Now: func() time.Time { return time.Now().AddDate(0, 0, -1) }})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	w.extra = fmt.Sprintf("[alert.digest]\nevery = \"daily\"\nat = %q\n", time.Now().UTC().Add(-time.Minute).Format("15:04"))
	w.write()
	for range 2 {
		w.must("run", "--once")
		if m := w.messages(); len(m) != 1 || !strings.Contains(m[0], "What the watch rests on") {
			t.Errorf("told: %q", m)
		}
	}
}

// What a thief changed and nobody has undone stands in the digest, too.
func TestADigestNamesWhatStillStands(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.daily()
		b.atHome()
		b.start()
		b.pass(time.Hour)
		b.service.Change("main", func(f *manncotest.Facts) { f.TwoFactor = false })
		b.eight()
		if d := b.wantDigests(1); len(d.Needs) == 0 || !strings.HasPrefix(d.Needs[0], "On main two-factor authentication was turned off, and still is; seen ") {
			t.Errorf("it needs %q", d.Needs)
		}
	})
}
