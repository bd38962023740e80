package alert_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/alert"
	"sessionwarden/alert/slacktest"
)

// crowdOf makes n intrusions on 20 accounts, one in ten of them critical.
func crowdOf(n int) []sessionwarden.Alert {
	list := make([]sessionwarden.Alert, 0, n)
	for i := range n {
		a := login(uint64(i+1), sessionwarden.Verified)
		a.Account = fmt.Sprintf("account-%02d", i%20)
		if i%10 != 5 {
			a.Severity = sessionwarden.Warning
		}
		list = append(list, a)
	}
	return list
}

func TestAFloodMakesAHandfulOfMessages(t *testing.T) {
	for _, n := range []int{200, 10_000, 30_000} {
		for _, atOnce := range []bool{true, false} {
			t.Run(fmt.Sprintf("%d %t", n, atOnce), func(t *testing.T) {
				if testing.Short() && n > 10_000 {
					t.Skip("it is about a size, and takes ten times as long under the race detector")
				}
				inWorld(t, n == 200, func(w *world) {
					alerts := crowdOf(n)
					if atOnce {
						w.commit(alerts...)
					} else {
						for len(alerts) > 0 { // polls of many accounts, one after the other
							k := min(len(alerts), 50)
							w.commit(alerts[:k]...)
							alerts = alerts[k:]
						}
					}
					w.after(30 * time.Minute)
					got := w.titles()
					if len(got) > 12 {
						t.Fatalf("%d messages:\n%s", len(got), strings.Join(got, "\n"))
					}
					if !strings.HasPrefix(got[0], "🔴") && atOnce {
						t.Errorf("the first message is not critical: %q", got[0])
					}
					for id := range n {
						if w.disk.of(uint64(id+1)).Sent != 1 {
							t.Fatalf("alert %d is not recorded as delivered", id+1)
						}
					}
					if p := w.teller.Status()[0].Pending; p != 0 {
						t.Errorf("%d still pending", p)
					}
					total := 0
					for _, title := range got {
						var k int
						if i := strings.Index(title, " alerts at once"); i > 0 {
							if _, err := fmt.Sscanf(title[strings.LastIndex(title[:i], " ")+1:], "%d", &k); err != nil {
								t.Fatal(err)
							}
						} else {
							k = 1
						}
						total += k
					}
					if total != n {
						t.Errorf("the messages speak of %d alerts, want %d:\n%s", total, n, strings.Join(got, "\n"))
					}
				})
			})
		}
	}
}

func TestABundleNamesAccountsAndTheWorst(t *testing.T) {
	inWorld(t, false, func(w *world) {
		w.commit(crowdOf(200)...)
		w.after(time.Minute)
		messages := w.slack.Messages()
		text := slacktest.Text(messages[len(messages)-1])
		golden(t, "bundle.txt", text)
	})
}

func TestAQuestionIsNotLostInAFlood(t *testing.T) {
	inWorld(t, false, func(w *world) {
		var alerts []sessionwarden.Alert
		for i := range 100 {
			alerts = append(alerts, login(uint64(i+1), sessionwarden.Verified))
		}
		w.commit(append(alerts, login(101, sessionwarden.Held))...)
		w.after(time.Minute)
		if m := slacktest.Text(w.slack.Messages()[0]); !strings.Contains(m, "approve ") {
			t.Errorf("the first message is no question:\n%s", m)
		}
	})
	alerts := append(crowdOf(100), login(101, sessionwarden.Held))
	if text := alert.Bundle(alerts, told).Text; !strings.Contains(text[:strings.Index(text, "and 91 more")], "waiting for you") {
		t.Errorf("the bundle does not name the question:\n%s", text)
	}
}

func TestAFloodThatGoesOnGetsQuieter(t *testing.T) {
	inWorld(t, false, func(w *world) {
		id := uint64(0)
		for range 1200 {
			var alerts []sessionwarden.Alert
			for range 5 {
				id++
				alerts = append(alerts, named(id, sessionwarden.Warning, fmt.Sprint("matter ", id)))
			}
			w.commit(alerts...)
			w.after(time.Second)
		}
		w.after(10 * time.Minute)
		if n := len(w.slack.Messages()); n > 15 {
			t.Errorf("%d messages in twenty minutes of five alerts a second", n)
		}
		for i := range id {
			if w.disk.of(i+1).Sent != 1 {
				t.Fatalf("alert %d is lost", i+1)
			}
		}
	})
}

func TestAFloodWhileSlackIsDownTakesLittleMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("it is about a size, and takes ten times as long under the race detector")
	}
	alone(t, func(*world) {}, func(w *world) {
		w.slack.Always(slacktest.Status(503))
		before := heap()
		for i := range 80 {
			alerts := make([]sessionwarden.Alert, 0, 500)
			for j := range 500 {
				a := login(uint64(i*500+j+1), sessionwarden.Verified)
				for range 11 {
					a.Items = append(a.Items, a.Items[0])
				}
				alerts = append(alerts, a)
			}
			w.teller.Add(alerts) // the disk of this test would take the memory that is measured
		}
		w.after(time.Minute)
		if grown := heap() - before; grown > 16<<20 {
			t.Errorf("40,000 alerts take %d MiB of memory", grown>>20)
		}
	})
}

// heap is how much memory is in use.
func heap() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

func TestACriticalAlertWaitsAMinuteAtMostInAFlood(t *testing.T) {
	inWorld(t, false, func(w *world) {
		id := uint64(0)
		for range 900 { // decoys must not hold back the one that matters
			var alerts []sessionwarden.Alert
			for range 5 {
				id++
				alerts = append(alerts, named(id, sessionwarden.Critical, fmt.Sprint("matter ", id)))
			}
			w.commit(alerts...)
			w.after(time.Second)
		}
		w.after(2 * time.Minute)
		for i := range id {
			d := w.disk.of(i + 1)
			if d.Sent != 1 || d.Time.Sub(w.disk.alerts[i+1].Created) > 65*time.Second {
				t.Fatalf("alert %d was told after %v", i+1, d.Time.Sub(w.disk.alerts[i+1].Created))
			}
		}
	})
}
