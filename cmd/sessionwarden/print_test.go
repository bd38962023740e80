package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"sessionwarden"
)

func noEnv(string) string { return "" }

func TestNothingSteersTheTerminal(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	p := newPrinter(&b, noEnv)
	fmt.Fprint(p, "a\x1b[2J\x1b]52;c;x\x07\u202Eb\u009bc\x00\r\xff d\n")
	if got := b.String(); got != "a[2J]52;c;xbc\uFFFD d\n" {
		t.Errorf("%q", got)
	}
}

func TestTablesFit(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	p := newPrinter(&b, noEnv)
	tab := p.table(column{"ACCOUNT", 6}, column{"ID", 0}, column{"ADDRESS", 15}, column{"ORGANIZATION", 8})
	for i := range 1200 {
		err := tab.row("main", fmt.Sprint(i), "2001:db8:1234:5678:9abc:def0:1234:5678", strings.Repeat("長い名前 ", 10))
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := tab.end("nothing"); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimRight(b.String(), "\n"), "\n")
	if len(lines) != 1201 {
		t.Fatalf("%d lines, want a head and 1200 rows", len(lines))
	}
	for _, line := range lines {
		if n := columnsOf(line); n > 80 {
			t.Fatalf("%d columns: %s", n, line)
		}
	}
	if !strings.Contains(lines[1000], "999") {
		t.Errorf("an id was cut: %s", lines[1000])
	}
}

func TestEmptyTableSaysSo(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := newPrinter(&b, noEnv).table(column{"X", 0}).end("No live session is known."); err != nil || b.String() != "No live session is known.\n" {
		t.Errorf("%q, %v", b.String(), err)
	}
}

func TestAgo(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for want, then := range map[string]time.Time{
		"never": {}, "now": now, "5 s ago": now.Add(-5 * time.Second), "3 min ago": now.Add(-3 * time.Minute),
		"5 h ago": now.Add(-5 * time.Hour), "3 days ago": now.Add(-72 * time.Hour), "in 10 s": now.Add(10 * time.Second),
	} {
		if got := ago(then, now); got != want {
			t.Errorf("%v: %q, want %q", then, got, want)
		}
	}
}

// FuzzTerminal: whatever is printed, in whatever pieces, nothing of it steers
// the terminal, and a table keeps its shape.
func FuzzTerminal(f *testing.F) {
	for _, text := range []string{
		"plain text", "a\x1b[2J\x1b]52;c;x\x07\u202Eb\u009bc\x00\r\xff d\n", "日本語 テキスト", "e\u0301\u0301\u0301", "👩\u200d👩\u200d👧", strings.Repeat("x", 3000), "\t\n \v\f", "\xf0\x9f", "\u2028\u2029\ufeff",
	} {
		f.Add(text, uint8(3), uint8(80))
		f.Add(text, uint8(0), uint8(60))
	}
	f.Fuzz(func(t *testing.T, text string, cut, columns uint8) {
		var b bytes.Buffer
		p := newPrinter(&b, noEnv)
		p.width = 60 + int(columns)%100
		at := min(int(cut), len(text))
		_, _ = p.Write([]byte(text[:at]))
		_, _ = p.Write([]byte(text[at:]))
		printed := b.String()
		for _, r := range printed {
			if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) && r != '\n' && r != '\t' {
				t.Fatalf("%U is printed", r)
			}
		}
		if !utf8.ValidString(printed) {
			t.Fatalf("not UTF-8: %q", printed)
		}
		b.Reset()
		tab := p.table(column{"ACCOUNT", 6}, column{"ID", 0}, column{"ADDRESS", 10})
		for range 3 {
			if err := tab.row(text, "1", text, text); err != nil {
				t.Fatal(err)
			}
		}
		if err := tab.end("nothing"); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimRight(b.String(), "\n"), "\n")
		for i, line := range lines {
			if n := columnsOf(line); n > p.width && !strings.HasPrefix(line, "    ") {
				t.Errorf("line %d has %d columns of %d: %q", i, n, p.width, line)
			}
		}
		if len(lines) < 4 {
			t.Errorf("%d lines: %q", len(lines), b.String())
		}
	})
}

// What does not run looks at nothing now: the status says when it did last.
func TestStatusOfAWatchThatDoesNotRun(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	s := sessionwarden.Status{
		Time: now, Accounts: []sessionwarden.AccountStatus{{Account: "main", LastPoll: now, Live: 2, Heightened: now.Add(time.Minute)}, {Account: "other"}},
		Channels: []sessionwarden.ChannelStatus{{Channel: "slack"}},
		Location: sessionwarden.LocationStatus{Lists: []sessionwarden.ListStatus{{Key: "geo.tor_exits", Source: "tor.txt", Used: true, Entries: 1}}},
	}
	printed := func() string {
		var out bytes.Buffer
		_ = (&command{out: newPrinter(&out, noEnv)}).printStatus(s)
		return out.String()
	}
	out := printed()
	says(t, out, "NOT RUNNING", "main 2026-11-23 12:00 UTC 2", "other never", "channel slack: 0 waiting, nothing was sent yet", "list geo.tor_exits: 1 entry, ")
	if strings.Contains(out, "heightened") || strings.Contains(out, "now") {
		t.Errorf("it says that somebody looks now:\n%s", out)
	}
	s.Running = true
	says(t, printed(), "main now 2", "heightened watch until 12:01 UTC")
}
