package main

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"sessionwarden/mannco/manncotest"
)

// A thousand accounts with twenty sessions each, on one daemon: no poll too
// few and no commit too many, and a hundred intruders at once who are ended
// and told of in a handful of messages. It is five minutes of their lives; with
// -soak 1h it is an hour.
func TestAThousandAccounts(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	accounts, minutes := 1000, 5
	switch {
	case testing.Short():
		accounts, minutes = 200, 3
	case *soakFor >= time.Hour:
		minutes = 60
	}
	inBubble(t, func(b *bubble) {
		b.level = "info"
		b.defaults = []string{`expected_countries = ["DE"]`, `schedule = "@every 30s"`, `expired_every = "10m"`}
		for i := range accounts - 1 {
			b.alsoWatch(fmt.Sprintf("account-%d", i))
		}
		for i, account := range b.accounts {
			for j := range 20 {
				b.signInAs(account, manncotest.SessionSpec{
					Address: fmt.Sprintf("91.10.%d.%d", i%250, 1+j), UserAgent: []string{chrome, iphone}[j%2], ISP: "Provider", Age: time.Duration(48+j) * time.Hour,
				})
			}
		}
		// A tick is a second in which lists are read.
		var mu sync.Mutex
		ticks := make(map[int64]bool)
		b.after = func(c manncotest.Call) {
			if c.Route == manncotest.RouteList {
				mu.Lock()
				ticks[c.Time.Unix()] = true
				mu.Unlock()
			}
		}
		b.start()
		b.pass(2 * time.Minute)
		clear(ticks)
		commits, polls := b.commits(), b.metric(`polls_total{outcome="ok"}`)

		// Between the polls, an owner signs in to every tenth account at a place
		// of his own, and those from before sign out.
		var visits [][2]string
		for i := range 2 * minutes {
			for _, v := range visits {
				b.service.SignOut(v[0], number(v[1]))
			}
			visits = nil
			for j := i % 10; j < accounts; j += 10 {
				account := b.accounts[j]
				visits = append(visits, [2]string{account, b.signInAs(account, manncotest.SessionSpec{Address: fmt.Sprintf("91.10.%d.%d", i%250, 100+j%100), UserAgent: chrome, ISP: "Provider"})})
			}
			b.pass(30 * time.Second)
		}
		if got, want := b.metric(`polls_total{outcome="ok"}`)-polls, float64(2*minutes*accounts); got != want {
			t.Errorf("%v good polls in %d minutes, want %v", got, minutes, want)
		}
		b.wantMetric("polls_skipped_total", 0)
		if got := b.commits() - commits; got > uint64(len(ticks)) {
			t.Errorf("%d commits in %d ticks", got, len(ticks))
		}
		if got := len(b.messages()); got != 0 {
			t.Errorf("%d messages about nothing", got)
		}

		thieves := make(map[string]string)
		for i := range min(100, accounts/2) {
			account := b.accounts[accounts/min(100, accounts/2)*i]
			thieves[account] = b.signInAs(account, manncotest.SessionSpec{Address: fmt.Sprintf("113.160.10.%d", 1+i), UserAgent: chrome, ISP: "Provider"})
		}
		b.pass(40 * time.Second)
		for account, id := range thieves {
			if s, _ := b.service.Session(account, number(id)); s.Ended != manncotest.EndDisconnected || s.EndedAt.After(b.now().Add(-5*time.Second)) {
				t.Errorf("the intruder of %s: %+v", account, s)
			}
		}
		if got := len(b.service.Disconnects("")); got != len(thieves) {
			t.Errorf("%d calls to end %d sessions", got, len(thieves))
		}
		b.pass(2 * time.Minute)
		if got := len(b.messages()); got == 0 || got > 15 {
			t.Errorf("%d messages about %d intruders at once", got, len(thieves))
		}
		for _, action := range b.actions() {
			if action.State.String() != "verified" {
				t.Errorf("%s: %s", action.Account, action.State)
			}
		}
		told := strings.Join(b.messages(), "\n")
		if !strings.Contains(told, "alerts at once") || !strings.Contains(told, "sessionwarden actions") {
			t.Errorf("no bundle says where the rest is to be seen:\n%s", told)
		}
		t.Logf("%v polls in %d ticks, %d commits, %d messages", b.metric("polls_total"), len(ticks), b.commits(), len(b.messages()))
	})
}

// commits returns how many times the program has written to its database.
func (b *bubble) commits() uint64 {
	b.t.Helper()
	families, err := b.app.registry.Gather()
	if err != nil {
		b.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "sessionwarden_storage_commit_seconds" {
			return f.GetMetric()[0].GetHistogram().GetSampleCount()
		}
	}
	b.t.Fatal("commits are not counted")
	return 0
}
