package monitor_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sessionwarden"
	"sessionwarden/monitor"
)

// stuckDisk is a journal whose commits of one account do not come back until let go.
type stuckDisk struct {
	*journal
	account string
	stuck   chan struct{}
}

func (j *stuckDisk) Commit(ctx context.Context, changes []sessionwarden.Change) error {
	for _, c := range changes {
		if c.History.Account == j.account && len(c.Findings) > 0 {
			<-j.stuck
		}
	}
	return j.journal.Commit(ctx, changes)
}

// A commit that hangs keeps its own accounts waiting, and no other's polls.
func TestACommitThatHangsStopsNobodyElse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		disk := &stuckDisk{newJournal(), "main", make(chan struct{})}
		h := &house{t: t, journal: disk.journal}
		h.m = monitor.New(monitor.Options{Journal: disk, Locate: h.where})
		mine, other := &service{}, &service{}
		for _, s := range []*service{mine, other} {
			s.signIn(session("1", "192.0.2.1", old))
			s.signIn(session("2", "192.0.2.9", ours))
		}
		err := h.m.Watch(t.Context(), []monitor.Watched{{Account: account("main"), Lister: mine, Ender: mine}, {Account: account("other"), Lister: other, Ender: other}})
		if err != nil {
			t.Fatal(err)
		}
		stop := h.run()
		defer stop()
		pass(31 * time.Second)
		mine.signIn(session("77", "203.0.113.5"))
		pass(30 * time.Second)
		before := other.reads()
		pass(5 * time.Minute)
		if n := other.reads() - before; n < 10 {
			t.Errorf("the other account's lists were read %d times in five minutes", n)
		}
		close(disk.stuck)
		pass(31 * time.Second)
		wantCalls(t, mine, "77")
	})
}

// badRow is a journal that can write nothing of one account.
type badRow struct {
	*journal
	account string
}

func (j *badRow) Commit(ctx context.Context, changes []sessionwarden.Change) error {
	j.mu.Lock()
	broken := j.account
	j.mu.Unlock()
	for _, c := range changes {
		if c.History.Account == broken {
			return errDisk
		}
	}
	return j.journal.Commit(ctx, changes)
}

// An account of which nothing can be written keeps those that are polled with
// it from nothing.
func TestAnAccountThatCannotBeSavedKeepsNoOtherBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		disk := &badRow{newJournal(), "broken"}
		h := &house{t: t, journal: disk.journal}
		h.m = monitor.New(monitor.Options{Journal: disk, Locate: h.where})
		mine, other := &service{slow: 10 * time.Millisecond}, &service{}
		for _, s := range []*service{mine, other} {
			s.signIn(session("1", "192.0.2.1", old))
			s.signIn(session("2", "192.0.2.9", ours))
		}
		err := h.m.Watch(t.Context(), []monitor.Watched{{Account: account("broken"), Lister: other, Ender: other}, {Account: account("main"), Lister: mine, Ender: mine}})
		if err != nil {
			t.Fatal(err)
		}
		stop := h.run()
		defer stop()
		pass(31 * time.Second)
		mine.signIn(session("77", "203.0.113.5"))
		pass(31 * time.Second)
		wantCalls(t, mine, "77")
		wantStates(t, h.journal, "verified")
		wantCalls(t, other)
	})
}

// Where one account cannot be saved, the commits of the others are no news of
// it: people are told once, and once when it can be.
func TestAnAccountThatCannotBeSavedIsToldOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		disk := &badRow{newJournal(), "broken"}
		h := &house{t: t, journal: disk.journal}
		var mu sync.Mutex
		var told []string
		h.m = monitor.New(monitor.Options{Journal: disk, Locate: h.where, Urgent: func(a sessionwarden.Alert) {
			mu.Lock()
			defer mu.Unlock()
			if a.Kind == sessionwarden.Unsaved || a.Kind == sessionwarden.Recovered {
				told = append(told, a.Title)
			}
		}})
		mine, other := &service{}, &service{}
		for _, s := range []*service{mine, other} {
			s.signIn(session("1", "192.0.2.1", old))
			s.signIn(session("2", "192.0.2.9", ours))
		}
		err := h.m.Watch(t.Context(), []monitor.Watched{{Account: account("broken"), Lister: other, Ender: other}, {Account: account("main"), Lister: mine, Ender: mine}})
		if err != nil {
			t.Fatal(err)
		}
		stop := h.run()
		defer stop()
		for i := range 10 {
			mine.signIn(session(fmt.Sprint(77+i), "192.0.2.2"))
			pass(time.Minute)
		}
		mu.Lock()
		if len(told) != 1 || h.m.Unsaved() == "" {
			t.Errorf("told %q, status says %q", told, h.m.Unsaved())
		}
		mu.Unlock()
		h.journal.set(func(*journal) { disk.account = "" })
		pass(time.Minute)
		mu.Lock()
		defer mu.Unlock()
		if len(told) != 2 || told[1] != "The history can be saved again" || h.m.Unsaved() != "" {
			t.Errorf("told %q, status says %q", told, h.m.Unsaved())
		}
	})
}

// What was told long ago is told again, also by a program whose location data
// was made since.
func TestANewerProgramRemembersHowLongAgoPeopleWereTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, journal := &service{}, newJournal()
		s.signIn(session("2", "192.0.2.9", ours))
		journal.hist["main"] = sessionwarden.History{
			Account: "main", Baseline: time.Now().AddDate(0, -3, 0), Told: map[string]time.Time{"logged_out": time.Now().AddDate(0, -2, 0)},
		}
		h := &house{t: t, journal: journal}
		h.m = monitor.New(monitor.Options{Journal: journal, Locate: h.where, Earliest: time.Now().AddDate(0, -1, 0)})
		if err := h.m.Watch(t.Context(), []monitor.Watched{{Account: account("main"), Lister: s, Ender: s}}); err != nil {
			t.Fatal(err)
		}
		stop := h.run()
		defer stop()
		s.set(func(s *service) { s.loggedOut = 6 })
		pass(5 * time.Minute)
		if _, n := journal.alertOf(sessionwarden.OwnSession); n != 1 {
			t.Errorf("that somebody ends our sessions was told %d times", n)
		}
	})
}
