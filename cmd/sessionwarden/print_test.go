package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
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
