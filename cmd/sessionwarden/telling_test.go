package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"sessionwarden/monitor"
)

func TestABadConfigurationIsToldMistakeByMistake(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.atHome()
		b.start()
		good := b.extra
		b.extra += "[backup]\nevery = \"soon\"\nkeep = -1\nwhere = \"x\"\nwhat = 1\nwhy = 2\n"
		b.reload()
		b.pass(time.Minute)
		i := slices.IndexFunc(b.messages(), func(m string) bool { return strings.Contains(m, "has mistakes") })
		if i < 0 {
			t.Fatalf("not told: %q", b.messages())
		}
		told := b.messages()[i]
		if strings.Count(told, "\nLine ") != 3 || !strings.Contains(told, "\nand 2 more\n") || !strings.Contains(told, "backup.every") {
			t.Errorf("told:\n%s", told)
		}
		b.extra = good
	})
}

func TestStatusSaysWhatWaitsForARestart(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.geo = []string{`database = "/nonexistent/city.mmdb"`}
		b.atHome()
		b.start()
		has := func(part string) bool {
			return slices.ContainsFunc(b.app.status().Warnings, func(w string) bool { return strings.Contains(w, part) })
		}
		if !has("held for you, as the location data cannot be relied on") || has("only after a restart") {
			t.Errorf("before: %q", b.app.status().Warnings)
		}
		b.geo = nil
		b.reload()
		b.pass(time.Second)
		if !has("only after a restart: geo") {
			t.Errorf("changed: %q", b.app.status().Warnings)
		}
		b.restart()
		if has("only after a restart") || has("cannot be relied on") {
			t.Errorf("after it: %q", b.app.status().Warnings)
		}
	})
}

func TestAnAnswerThatNobodyWaitsForSaysWhy(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.atHome()
		b.start()
		thief := b.signIn(farAddr, chrome)
		b.pass(time.Minute)
		a, ok := b.actionOn(thief)
		if !ok || a.State.String() != "verified" {
			t.Fatalf("action: %+v", a)
		}
		for _, row := range []struct {
			id      uint64
			want    string
			missing bool
		}{
			{a.ID, "waits for no answer: it is verified since ", false},
			{999, "there is no action 999", true},
		} {
			_, err := b.app.monitor.Approve(t.Context(), row.id)
			wish, is := err.(*monitor.WishError)
			if !is || !strings.Contains(wish.Error(), row.want) || wish.NotFound() != row.missing {
				t.Errorf("approve %d: %v, want %q", row.id, err, row.want)
			}
		}
	})
}

func TestSessionsOfOneAccountStandTogether(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.alsoWatch("second")
	w.atHome()
	w.signInTo("second", homeAddr, chrome, 72*time.Hour)
	w.start()
	w.atHome()
	w.eventually("the newcomer is seen", func() bool { return len(w.rows("sessions")) == 5 })
	var accounts []string
	for _, row := range w.printed("sessions", "--json") {
		accounts = append(accounts, row["account"].(string))
	}
	if !slices.IsSorted(accounts) {
		t.Errorf("accounts: %q", accounts)
	}
}
