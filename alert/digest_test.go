package alert_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"sessionwarden"
	"sessionwarden/alert"
)

// quietDay is a digest of a day on which all was well.
func quietDay() *sessionwarden.Digest {
	return &sessionwarden.Digest{
		Due: noon, From: noon.Add(-24 * time.Hour), To: noon,
		Accounts: []sessionwarden.DigestAccount{{Account: "main", New: 2, Live: 4, Findings: [3]int{1, 0, 0}}, {Account: "shop", Live: 1}},
		Data:     []sessionwarden.DigestData{{Name: "location data", Date: noon.AddDate(0, 0, -29)}, {Name: "networks", Date: noon.AddDate(0, 0, -29)}, {Name: "Tor exits", Date: noon.Add(-40 * time.Minute)}},
		Backup:   noon.Add(-6*time.Hour - 10*time.Minute),
	}
}

// badDay is a digest of a day on which everything happened.
func badDay() *sessionwarden.Digest {
	d := quietDay()
	d.Accounts = []sessionwarden.DigestAccount{
		{Account: "shop", Live: 3, BlindSince: noon.Add(-4*time.Hour - 48*time.Minute)},
		{Account: "main", New: 7, Live: 12, Findings: [3]int{12, 1, 3}, Ended: 2, Failed: 1, Held: 2, Spared: 1, Incidents: 2, Incident: 71},
		{Account: "trial", New: 1, Live: 2, Findings: [3]int{0, 0, 1}, Pretended: 1, Incidents: 1},
	}
	d.Blind, d.Incidents = 1, 1
	d.Below, d.MoreHeld = 4, 2
	d.Silenced = []sessionwarden.DigestSilence{{ID: 5, What: "account main, rule new_country", Until: noon.Add(5 * time.Hour), Alerts: 12}, {ID: 9, Alerts: 1}}
	d.Unwatched = []sessionwarden.Unwatched{{Account: "shop", Since: noon.Add(-4*time.Hour - 48*time.Minute)}, {Account: "main", Since: noon.Add(-9 * time.Hour), Until: noon.Add(-9*time.Hour + 88*time.Minute)}}
	d.MoreBlind = 3
	d.Started, d.Before = noon.Add(-20*time.Hour), noon.Add(-23*time.Hour)
	d.Late = []sessionwarden.DigestChannel{{Channel: "slack", Alerts: 2, Longest: 47 * time.Minute}}
	d.Waiting = []sessionwarden.DigestChannel{{Channel: "phone", Alerts: 3, Longest: 9 * time.Hour, Why: "the channel answered 503"}}
	d.Data[2].Problem = "could not be fetched for 3 days; the list from before stays in use"
	d.Backup = time.Time{}
	d.Trust = sessionwarden.DigestTrust{Account: "main", What: "JP", Until: noon.AddDate(0, 0, 3)}
	d.Needs = []string{"Nothing is disconnected until you confirm the history: sessionwarden resume"}
	return d
}

// manyAccounts is a digest of 300 accounts, a dozen of which have something to say.
func manyAccounts() *sessionwarden.Digest {
	d := quietDay()
	d.From = noon.AddDate(0, 0, -7)
	d.Accounts = nil
	for i := range sessionwarden.MaxDigestRows {
		d.Accounts = append(d.Accounts, sessionwarden.DigestAccount{Account: fmt.Sprintf("account-%03d", 17*i), New: 12 - i, Live: 3, Findings: [3]int{i, 10 - i, 2}, Ended: 1, Incidents: 1})
	}
	d.More, d.Rest = 290, sessionwarden.DigestAccount{New: 188, Live: 870, Findings: [3]int{94, 2, 0}}
	return d
}

// digestOf is the alert with a digest.
func digestOf(d *sessionwarden.Digest) sessionwarden.Alert {
	return sessionwarden.Alert{ID: 23, Kind: sessionwarden.DigestAlert, Severity: sessionwarden.Info, Created: noon, Updated: noon, Digest: d}
}

func TestADigestIsReadAtAGlance(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		d     *sessionwarden.Digest
		begin string
		most  int // lines, without those between
	}{
		"digest_well": {quietDay(), "All is well: 2 accounts watched, nothing suspicious in 24 hours", 14},
		"digest_bad":  {badDay(), "Look at this: 2 disconnections wait for your answer, and 6 more things", 40},
		"digest_300":  {manyAccounts(), "Something happened: 20 critical findings, 57 warnings, 10 sessions ended", 32},
	} {
		t.Run(name, func(t *testing.T) {
			m := alert.Compose(digestOf(row.d), told)
			plain, blocks := show(t, m)
			golden(t, name+".txt", plain)
			golden(t, name+".json", blocks)
			lines := strings.Split(m.Text, "\n")
			if lines[0] != row.begin || m.Title != row.begin {
				t.Errorf("it begins with %q, want %q", lines[0], row.begin)
			}
			said := 0
			for _, line := range lines {
				if n := utf8.RuneCountInString(line); n > 0 {
					said++
					if n > 80 && !strings.Contains(line, "503") && !strings.Contains(line, "fetched") {
						t.Errorf("%d columns: %q", n, line)
					}
				}
			}
			if said > row.most {
				t.Errorf("%d lines, want %d at most", said, row.most)
			}
		})
	}
}

// What is in a digest keeps it from saying that all is well.
func TestAllIsWellOnlyWhereItIs(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*sessionwarden.Digest){
		"a warning":                    func(d *sessionwarden.Digest) { d.Accounts[1].Findings[1] = 1 },
		"a critical finding":           func(d *sessionwarden.Digest) { d.Accounts[0].Findings[2] = 1 },
		"one on an account left out":   func(d *sessionwarden.Digest) { d.Rest.Findings[2] = 1 },
		"a session ended":              func(d *sessionwarden.Digest) { d.Accounts[0].Ended = 1 },
		"one that was not":             func(d *sessionwarden.Digest) { d.Accounts[0].Failed = 1 },
		"one that waits":               func(d *sessionwarden.Digest) { d.Accounts[0].Held = 1 },
		"one that would be":            func(d *sessionwarden.Digest) { d.Accounts[0].Pretended = 1 },
		"an incident":                  func(d *sessionwarden.Digest) { d.Accounts[0].Incidents = 1 },
		"an account not watched":       func(d *sessionwarden.Digest) { d.Blind = 1 },
		"a time not watched":           func(d *sessionwarden.Digest) { d.Unwatched = badDay().Unwatched[1:] },
		"a time the program was down":  func(d *sessionwarden.Digest) { d.Started, d.Before = noon, noon.Add(-time.Hour) },
		"alerts that came late":        func(d *sessionwarden.Digest) { d.Late = badDay().Late },
		"alerts that did not come yet": func(d *sessionwarden.Digest) { d.Waiting = badDay().Waiting },
		"a list that is not used":      func(d *sessionwarden.Digest) { d.Data[2].Problem = "gone" },
		"an incident that is open":     func(d *sessionwarden.Digest) { d.Incidents = 1 },
		"anything else":                func(d *sessionwarden.Digest) { d.Needs = []string{"look"} },
	} {
		d := quietDay()
		change(d)
		if title := alert.Headline(digestOf(d)); strings.Contains(title, "All is well") {
			t.Errorf("%s: %q", name, title)
		}
	}
	d := quietDay()
	d.Below, d.Silenced, d.Trust = 5, badDay().Silenced, badDay().Trust
	if title := alert.Headline(digestOf(d)); !strings.HasPrefix(title, "All is well") {
		t.Errorf("what was silent on purpose is no reason to worry: %q", title)
	}
}

func TestADigestIsHarmless(t *testing.T) {
	t.Parallel()
	d := badDay()
	evil := "<!channel> https://evil.example.com/x *b* `c`\x1b[31m\u202e @here"
	d.Accounts[0].Account, d.Unwatched[0].Account, d.Trust.Account = evil, evil, evil
	d.Silenced[0].What, d.Waiting[0].Why, d.Waiting[0].Channel, d.Late[0].Channel = evil, evil, evil, evil
	d.Data[0].Name, d.Data[1].Problem, d.Needs[0], d.Trust.What = evil, evil, evil, evil
	for range 3000 {
		d.Needs = append(d.Needs, evil)
	}
	m := alert.Compose(digestOf(d), told)
	harmlessFor(t, m)
	if n := utf8.RuneCountInString(m.Text); n > alert.MaxMessage {
		t.Errorf("%d characters", n)
	}
	posted(t, m)
}

// A digest is sent whatever min_severity is, and an older one that could not be
// sent is not swallowed by a newer.
func TestADigestIsAlwaysSent(t *testing.T) {
	inWorld(t, false, func(w *world) {
		w.least = sessionwarden.Critical
		w.restart()
		one, two := digestOf(quietDay()), digestOf(badDay())
		one.ID, one.Created, one.Updated = 1, time.Now(), time.Now()
		two.ID, two.Created, two.Updated = 2, time.Now(), time.Now()
		w.commit(one, two)
		w.after(time.Minute)
		w.wantTitles("All is well", "Look at this")
	})
}
