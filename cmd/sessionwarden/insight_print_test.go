package main

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/policy/replay"
	"sessionwarden/web"
)

// golden holds what a command prints against a file.
func golden(t *testing.T, name string, print func(c *command)) {
	t.Helper()
	var out bytes.Buffer
	print(&command{out: newPrinter(&out, func(string) string { return "" })})
	narrow(t, out.String())
	path := filepath.Join("testdata", name+".txt.golden")
	if *update {
		if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || out.String() != string(want) {
		t.Errorf("%s: %v; go test -update writes it anew\n%s", path, err, out.String())
	}
	if bytes.ContainsAny(out.Bytes(), "\x1b\x07\r") {
		t.Errorf("%s: control characters came through: %q", path, out.String())
	}
}

// hostileText is what a thief may put into a user agent or a provider's name.
const hostileText = "\x1b[31mEvil\x07 \u202eNet\r\n<!channel> =cmd()"

var printedAt = time.Date(2026, 11, 20, 12, 30, 0, 0, time.UTC)

func intruder() sessionwarden.Sighting {
	return sessionwarden.Sighting{
		Seq: 12, Account: "main", Device: "Windows, Chrome", FirstSeen: printedAt, LastSeen: printedAt.Add(time.Minute), GoneAt: printedAt.Add(time.Minute), State: sessionwarden.Gone,
		Session:  sessionwarden.Session{ID: "70004", RawAddr: hostileText, ServiceLocation: hostileText, Started: printedAt.Add(-time.Minute)},
		Location: sessionwarden.Location{Country: "VN", City: "Hanoi", ASN: 64510, Organization: hostileText, Network: sessionwarden.Hosting, VPN: true},
	}
}

func intrusion() sessionwarden.Finding {
	return sessionwarden.Finding{
		ID: 17, Account: "main", Seq: 12, Session: "70004", Rule: sessionwarden.UnexpectedCountry, Severity: sessionwarden.Critical, Response: sessionwarden.Disconnect,
		Time: printedAt, Reason: "Signed in from Vietnam (" + hostileText + "); you expect only Germany.", Silence: `expected_countries = ["DE", "VN"]`, Capped: "it is only a test",
	}
}

func ownersProfile() web.ProfileRow {
	span := sessionwarden.Span{First: printedAt.AddDate(0, -2, 0), Last: printedAt.AddDate(0, 0, -1), Weight: 7.4}
	p := web.ProfileRow{
		Account: "main", Sessions: 12, MostLive: 3, Active: printedAt.AddDate(0, 0, -1), Baseline: printedAt.AddDate(0, -2, 0),
		Countries: []web.KnownRow{web.NewKnownRow("DE", "Germany", span)},
		Networks:  []web.KnownRow{web.NewKnownRow("AS64500", hostileText, span), web.NewKnownRow("AS64501", "", span)},
		Hours:     make([]float64, 24),
	}
	for i := range 25 {
		p.Devices = append(p.Devices, web.NewKnownRow("Device "+string(rune('A'+i)), "", span))
	}
	p.Hours[7], p.Hours[8], p.Hours[20] = 1, 40, 100
	return p
}

func TestWhatIsPrintedOfWhatIsKnown(t *testing.T) {
	t.Parallel()
	f := intrusion()
	action := sessionwarden.Action{ID: 18, Account: "main", Seq: 12, Session: "70004", State: sessionwarden.Verified, Note: "gone from the service's complete list", Updated: printedAt.Add(time.Minute)}
	mail := sessionwarden.Finding{
		ID: 19, Account: "main", Rule: sessionwarden.PayoutChanged, Severity: sessionwarden.Critical, Response: sessionwarden.Notify, Time: printedAt,
		Reason: "The payout mail was changed from a…t@e….com to " + hostileText + ".", Capped: "a change of the account names no session",
	}
	flagged := web.Explanation{
		Session: web.NewSessionRow(intruder()), AsOf: "then", Others: 2, Trusts: []string{"trust 7 (AT until 2026-12-20 22:59 UTC, trip)"},
		Answers: []web.AnswerRow{
			web.NewAnswerRow(f.Rule, &f, ""), web.NewAnswerRow(sessionwarden.NewDevice, nil, "the device is known of this account"),
			web.NewAnswerRow(sessionwarden.OddHours, nil, "it is switched off in the configuration"), web.NewAnswerRow(sessionwarden.Stranger, nil, "it is switched off in the configuration"),
		},
		Account: []web.AccountAnswerRow{
			web.NewAccountAnswerRow(sessionwarden.TwoFactorOff, "two-factor authentication is on", printedAt, nil),
			web.NewAccountAnswerRow(sessionwarden.PayoutChanged, "the payout mail is "+hostileText, printedAt, []sessionwarden.Finding{mail}),
			web.NewAccountAnswerRow(sessionwarden.ContactChanged, "the service has not said yet how it stands", time.Time{}, nil),
			web.NewAccountAnswerRow(sessionwarden.DiscordChanged, "the service has not said yet how it stands", time.Time{}, nil),
			web.NewAccountAnswerRow(sessionwarden.PaymentReview, "payments under review: 0", printedAt.Add(-time.Hour), nil),
		},
		Findings: []web.FindingRow{web.NewFindingRow(f)}, Actions: []web.ActionRow{web.NewActionRow(action)}, Profile: ownersProfile(),
	}
	golden(t, "explain-flagged", func(c *command) { _ = c.printExplanation(flagged) })
	noted := flagged
	note := f
	note.Response, note.Severity, note.Capped = sessionwarden.Log, sessionwarden.Info, ""
	noted.Answers = []web.AnswerRow{web.NewAnswerRow(note.Rule, &note, "")}
	golden(t, "explain-noted", func(c *command) { _ = c.printExplanation(noted) })
	old := flagged
	old.Account = old.Account[:1]
	old.Note, old.Answers, old.Findings, old.Actions, old.Trusts = "It was over before the account's first poll: what was there before is not judged.", nil, nil, nil, nil
	golden(t, "explain-unjudged", func(c *command) { _ = c.printExplanation(old) })
	golden(t, "profile", func(c *command) { _ = c.printProfile(ownersProfile()) })
	golden(t, "profile-empty", func(c *command) {
		_ = c.printProfile(web.ProfileRow{Account: "main", Since: printedAt, Learning: printedAt.AddDate(0, 0, 14)})
	})
}

func TestWhatIsPrintedOfAReplay(t *testing.T) {
	t.Parallel()
	play := func(c *command, change func(*sessionwarden.Account)) {
		now := sessionwarden.Account{
			Name: "main", Expected: []sessionwarden.Country{"DE"}, MaxDisconnects: 10, MaxDisconnectsStrangers: 100, AskTimeout: 10 * time.Minute,
			Rules: map[sessionwarden.Rule]sessionwarden.Response{sessionwarden.UnexpectedCountry: sessionwarden.Disconnect, sessionwarden.NewDevice: sessionwarden.Log},
		}
		changed := now
		changed.Rules = map[sessionwarden.Rule]sessionwarden.Response{sessionwarden.UnexpectedCountry: sessionwarden.Disconnect, sessionwarden.NewDevice: sessionwarden.Log}
		change(&changed)
		options := func(a sessionwarden.Account) replay.Options {
			return replay.Options{Accounts: []replay.Account{{Account: a}}}
		}
		r := &replaying{c: c, now: []sessionwarden.Account{now}, new: []sessionwarden.Account{changed}, first: printedAt, left: []string{"account other is not in new.toml"}}
		r.result = replay.Compare(options(now), options(changed), time.Time{}, mostDifferent)
		r.recorded.All = replay.Count{Matches: 3, Alerts: 2, Disconnects: 1}
		for i := range uint64(25) {
			s := intruder()
			s.RawAddr, s.Addr = "", netip.AddrFrom4([4]byte{203, 0, 113, byte(i)})
			s.Seq, s.FirstSeen = 12+i, s.FirstSeen.Add(time.Duration(i)*6*time.Hour)
			s.GoneAt = s.FirstSeen.Add(time.Hour)
			r.result.Add(s)
		}
		r.result.Finish(printedAt.AddDate(1, 0, 0))
		_ = r.print()
	}
	golden(t, "replay-quieter", func(c *command) {
		play(c, func(a *sessionwarden.Account) { a.Expected = []sessionwarden.Country{"DE", "VN"} })
	})
	golden(t, "replay-asking", func(c *command) {
		play(c, func(a *sessionwarden.Account) { a.Rules[sessionwarden.UnexpectedCountry] = sessionwarden.Ask })
	})
	golden(t, "replay-same", func(c *command) { play(c, func(*sessionwarden.Account) {}) })
}

// A profile shows what is known by the rules' own measure.
func TestAProfileShowsNothingThatHasFaded(t *testing.T) {
	t.Parallel()
	ago := func(years int) sessionwarden.Span {
		when := printedAt.AddDate(-years, 0, 0)
		return sessionwarden.Span{First: when, Last: when, Weight: 1}
	}
	h := sessionwarden.History{Profile: sessionwarden.Profile{
		Active: printedAt, Countries: map[sessionwarden.Country]sessionwarden.Span{"DE": ago(0), "VN": ago(3)},
		Networks: map[uint32]sessionwarden.Span{64500: ago(0), 64510: ago(3)}, Devices: map[string]sessionwarden.Span{"Windows, Chrome": ago(0), "Android, Chrome": ago(3)},
	}}
	row := profileRow(sessionwarden.Account{Name: "main"}, h, printedAt, nil)
	if len(row.Countries) != 1 || len(row.Networks) != 1 || len(row.Devices) != 1 || row.Countries[0].What != "DE" {
		t.Errorf("shown: %v, %v, %v", row.Countries, row.Networks, row.Devices)
	}
}
