package replay_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/policy"
	"sessionwarden/policy/replay"
)

var began = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// account expects Germany and has the contract's defaults.
func account(name string, change ...func(*sessionwarden.Account)) sessionwarden.Account {
	a := sessionwarden.Account{
		Name: name, Expected: []sessionwarden.Country{"DE"}, MaxDisconnects: 10, MaxDisconnectsStrangers: 100,
		AskTimeout: 10 * time.Minute, AskDefault: sessionwarden.KeepSession, Rules: map[sessionwarden.Rule]sessionwarden.Response{},
		LearnFor: 14 * 24 * time.Hour, LearnSessions: 10, MaxSpeed: 900, Dormant: 30 * 24 * time.Hour,
	}
	for _, info := range sessionwarden.Rules() {
		a.Rules[info.Rule] = info.Response
	}
	for _, f := range change {
		f(&a)
	}
	return a
}

func rule(r sessionwarden.Rule, response sessionwarden.Response) func(*sessionwarden.Account) {
	return func(a *sessionwarden.Account) { a.Rules[r] = response }
}

// row is a session that came at a time after the beginning and was gone a day
// later.
func row(seq uint64, country sessionwarden.Country, at time.Duration, change ...func(*sessionwarden.Sighting)) sessionwarden.Sighting {
	first := began.Add(at)
	s := sessionwarden.Sighting{
		Seq: seq, Account: "main", Device: "Windows, Chrome", FirstSeen: first, LastSeen: first.Add(24 * time.Hour),
		GoneAt: first.Add(24 * time.Hour), LeftAt: first.Add(24*time.Hour + time.Minute), State: sessionwarden.Gone,
		Session:  sessionwarden.Session{ID: sessionwarden.SessionID(fmt.Sprint(1000 + seq)), Started: first, Addr: netip.AddrFrom4([4]byte{192, 0, 2, byte(seq)})},
		Location: sessionwarden.Location{Country: country, ASN: 64500 + uint32(country[0]), Organization: "Net " + string(country)},
	}
	for _, f := range change {
		f(&s)
	}
	return s
}

func baseline(s *sessionwarden.Sighting) { s.Baseline = true }
func forDays(n int) func(*sessionwarden.Sighting) {
	return func(s *sessionwarden.Sighting) {
		s.GoneAt = s.FirstSeen.Add(time.Duration(n) * 24 * time.Hour)
		s.LastSeen, s.LeftAt = s.GoneAt, s.GoneAt.Add(time.Minute)
	}
}

// play returns a line for each sighting that something was found on or done
// about.
func play(a replay.Account, rows ...sessionwarden.Sighting) (said []string) {
	e := replay.New(replay.Options{Accounts: []replay.Account{a}, Over: func(o replay.Outcome) {
		if len(o.Findings) == 0 && o.Action == nil {
			return
		}
		var words []string
		for _, f := range o.Findings {
			words = append(words, string(f.Rule)+"="+f.Response.String())
		}
		if o.Action != nil {
			words = append(words, o.Action.State.String()+o.Action.Hold.String())
		}
		said = append(said, fmt.Sprintf("%d %s", o.Sighting.Seq, strings.Join(words, " ")))
	}})
	for _, s := range rows {
		e.Add(s)
	}
	e.Finish(began.AddDate(1, 0, 0))
	return said
}

func want(t *testing.T, got []string, lines ...string) {
	t.Helper()
	if !slices.Equal(got, lines) {
		t.Errorf("it says\n\t%s\nand not\n\t%s", strings.Join(got, "\n\t"), strings.Join(lines, "\n\t"))
	}
}

const day = 24 * time.Hour

func TestWhoComesFromAbroadWouldBeEnded(t *testing.T) {
	t.Parallel()
	got := play(replay.Account{Account: account("main")}, row(1, "DE", 0, baseline, forDays(9)), row(2, "VN", 2*day), row(3, "DE", 3*day))
	want(t, got, "2 unexpected_country=disconnect new_country=log new_network=log done")
}

// Learning happens a day after a session came, though nothing else happens then.
func TestTheProfileLearnsBetweenArrivals(t *testing.T) {
	t.Parallel()
	open := func(a *sessionwarden.Account) { a.Expected, a.LearnFor = nil, 0 }
	got := play(replay.Account{Account: account("main", open, rule(sessionwarden.NewCountry, sessionwarden.Log))},
		row(1, "DE", 0, baseline, forDays(9)), row(2, "AT", 2*day, forDays(2)), row(3, "AT", 6*day))
	want(t, got, "2 stranger=alert", "3 stranger=alert") // which is above log: the profile learns nothing from it
	got = play(replay.Account{Account: account("main", open, rule(sessionwarden.Stranger, sessionwarden.Off), rule(sessionwarden.NewCountry, sessionwarden.Log))},
		row(1, "DE", 0, baseline, forDays(9)), row(2, "AT", 2*day, forDays(2)), row(3, "AT", 6*day))
	want(t, got, "2 new_country=log new_network=log")
}

// The budget of an hour comes back by simulated time.
func TestTheHourlyLimitsAreKept(t *testing.T) {
	t.Parallel()
	few := func(a *sessionwarden.Account) { a.MaxDisconnectsStrangers = 1 }
	got := play(replay.Account{Account: account("main", few)}, row(1, "DE", 0, baseline, forDays(9)),
		row(2, "VN", 2*day), row(3, "VN", 2*day+10*time.Minute, func(s *sessionwarden.Sighting) {
			s.GoneAt, s.LeftAt = s.FirstSeen.Add(20*time.Minute), s.FirstSeen.Add(21*time.Minute)
		}),
		row(4, "VN", 2*day+11*time.Minute))
	want(t, got, "3 unexpected_country=disconnect new_country=log new_network=log moot", "2 unexpected_country=disconnect new_country=log new_network=log done",
		"4 unexpected_country=disconnect new_country=log new_network=log done")
}

func TestAQuestionRunsOut(t *testing.T) {
	t.Parallel()
	asks := rule(sessionwarden.UnexpectedCountry, sessionwarden.Ask)
	ends := func(a *sessionwarden.Account) { a.AskDefault = sessionwarden.DisconnectSession }
	rows := []sessionwarden.Sighting{row(1, "DE", 0, baseline, forDays(9)), row(2, "VN", 2*day)}
	want(t, play(replay.Account{Account: account("main", asks)}, rows...), "2 unexpected_country=ask new_country=log new_network=log denied")
	want(t, play(replay.Account{Account: account("main", asks, ends)}, rows...), "2 unexpected_country=ask new_country=log new_network=log done")
}

func TestATrustCountsWhileItHolds(t *testing.T) {
	t.Parallel()
	trust := sessionwarden.Trust{ID: 7, Account: "main", Country: "VN", Created: began.Add(day), Until: began.Add(10 * day)}
	trust.Removed = began.Add(5 * day)
	got := play(replay.Account{Account: account("main"), Trusts: []sessionwarden.Trust{trust}},
		row(1, "DE", 0, baseline, forDays(9)), row(2, "VN", 2*day), row(3, "VN", 4*day, forDays(3)), row(4, "VN", 6*day))
	want(t, got,
		"2 new_network=log", // which a trust in a country says nothing of
		"3 new_network=log unexpected_country=disconnect new_country=log done", // judged anew when it was removed
		"4 unexpected_country=disconnect new_country=log new_network=log done")
}

// A session that moves takes along what was done about it.
func TestASessionThatMovesGoesOn(t *testing.T) {
	t.Parallel()
	same := func(s *sessionwarden.Sighting) { s.ID = "1002" }
	moved := func(s *sessionwarden.Sighting) {
		s.State, s.GoneAt, s.LeftAt = sessionwarden.Moved, time.Time{}, time.Time{}
	}
	got := play(replay.Account{Account: account("main", rule(sessionwarden.UnexpectedCountry, sessionwarden.Ask), func(a *sessionwarden.Account) { a.AskTimeout = 0 })},
		row(1, "DE", 0, baseline, forDays(9)), row(2, "VN", 2*day, same, moved), row(3, "BR", 2*day+time.Hour, same))
	want(t, got, "2 unexpected_country=ask new_country=log new_network=log", "3 session_moved=disconnect unexpected_country=ask new_country=log new_network=log done")
}

// What was begun anew is known no more.
func TestAResetForgets(t *testing.T) {
	t.Parallel()
	a := account("main", func(a *sessionwarden.Account) { a.Expected, a.LearnFor = nil, 0 })
	rows := []sessionwarden.Sighting{row(1, "DE", 0, baseline, forDays(3)), row(2, "AT", 5*day, forDays(3)), row(3, "DE", 10*day)}
	want(t, play(replay.Account{Account: a}, rows...), "2 stranger=alert")
	// Of which nothing is known has nothing new; AT is what it learns then.
	want(t, play(replay.Account{Account: a, Reset: began.Add(4 * day)}, rows...), "3 stranger=alert")
}

// What was found about the account itself is taken over, with the response that
// is configured now.
func TestWhatWasToldOfTheAccount(t *testing.T) {
	t.Parallel()
	told := []sessionwarden.Finding{
		{Account: "main", Rule: sessionwarden.NameChanged, Response: sessionwarden.Notify, Time: began.Add(day)},
		{Account: "main", Rule: sessionwarden.Takeover, Response: sessionwarden.Ask, Seq: 2, Session: "1002", Time: began.Add(2*day + time.Hour)},
		{Account: "main", Rule: sessionwarden.DiscordChanged, Response: sessionwarden.Notify, Time: began.Add(3 * day)},
	}
	a := account("main", rule(sessionwarden.NameChanged, sessionwarden.Off), rule(sessionwarden.DiscordChanged, sessionwarden.Disconnect), rule(sessionwarden.Takeover, sessionwarden.Disconnect), rule(sessionwarden.UnexpectedCountry, sessionwarden.Notify))
	got := play(replay.Account{Account: a, Told: told}, row(1, "DE", 0, baseline, forDays(9)), row(2, "VN", 2*day))
	want(t, got, "0 discord_changed=alert", "2 unexpected_country=alert new_country=log new_network=log takeover=disconnect done")
}

// Rows of accounts that nobody asked for are passed over, and what a row lacks
// harms nobody.
func TestStrangeRows(t *testing.T) {
	t.Parallel()
	bare := sessionwarden.Sighting{Seq: 5, Account: "main"}
	other := row(6, "VN", day)
	other.Account = "other"
	gone := sessionwarden.Sighting{Seq: 7, Account: "main", State: sessionwarden.Gone, FirstSeen: began}
	moved := sessionwarden.Sighting{Seq: 8, Account: "main", State: sessionwarden.Moved, FirstSeen: began.Add(-day)}
	got := play(replay.Account{Account: account("main")}, bare, other, gone, moved, moved, row(9, "VN", 90*day))
	if !slices.ContainsFunc(got, func(line string) bool { return strings.HasPrefix(line, "9 unexpected_country=disconnect") }) {
		t.Errorf("it says %q", got)
	}
}

// The same rows say the same, whatever order maps have.
func TestItIsDeterministic(t *testing.T) {
	t.Parallel()
	rows := history(6_000, 7)
	var before string
	for range 3 {
		said := ""
		e := replay.New(replay.Options{Accounts: accounts(7), Over: func(o replay.Outcome) { said += fmt.Sprintf("%+v\n", o.Findings) }})
		for _, s := range rows {
			e.Add(s)
		}
		e.Finish(rows[len(rows)-1].FirstSeen)
		for i := range 7 {
			said += fmt.Sprintf("%v\n", e.History(fmt.Sprintf("account%d", i)).Profile)
		}
		if before != "" && said != before {
			t.Fatal("played again, it says other things")
		}
		before = said
	}
	if !strings.Contains(before, "stranger") {
		t.Error("nothing was found: the history is too dull")
	}
}

// The case of a session back then holds what was known then.
func TestTheCaseOfBackThen(t *testing.T) {
	t.Parallel()
	var known, live int
	e := replay.New(replay.Options{Accounts: []replay.Account{{Account: account("main")}}, Judging: func(c policy.Case) {
		if c.Sighting.Seq == 2 {
			known, live = len(c.Profile.Countries), len(c.Live)
		}
	}})
	for _, s := range []sessionwarden.Sighting{row(1, "DE", 0, baseline, forDays(9)), row(2, "AT", 2*day), row(3, "DE", 3*day)} {
		e.Add(s)
	}
	e.Finish(began.Add(9 * day))
	if known != 1 || live != 2 {
		t.Errorf("it knew %d countries and %d live sessions", known, live)
	}
}

func accounts(n int) (list []replay.Account) {
	for i := range n {
		list = append(list, replay.Account{Account: account(fmt.Sprintf("account%d", i), func(a *sessionwarden.Account) { a.Expected = nil })})
	}
	return list
}

// history is a history of so many sessions of n accounts in 400 days, each of
// ten days, some of them from elsewhere.
func history(sessions, n int) []sessionwarden.Sighting {
	rows := make([]sessionwarden.Sighting, 0, sessions)
	step := 400 * day / time.Duration(sessions)
	countries := []sessionwarden.Country{"DE", "DE", "DE", "AT", "DE", "DE", "FR", "DE", "DE", "DE", "DE"}
	for i := range sessions {
		s := row(uint64(i+1), countries[i/n%len(countries)], time.Duration(i)*step, forDays(10))
		if i%997 == 0 {
			s.Location.Country, s.Location.ASN = "VN", uint32(60000+i)
		}
		s.Account = fmt.Sprintf("account%d", i%n)
		s.Baseline = i < n
		rows = append(rows, s)
	}
	return rows
}

// BenchmarkReplay plays a million sessions of a thousand accounts, 25 of which
// live at a time in each: seconds in all.
func BenchmarkReplay(b *testing.B) {
	const sessions, n = 1_000_000, 1000
	rows := history(sessions, n)
	b.ReportAllocs()
	for b.Loop() {
		found := 0
		e := replay.New(replay.Options{Accounts: accounts(n), Over: func(o replay.Outcome) { found += len(o.Findings) }})
		for _, s := range rows {
			e.Add(s)
		}
		e.Finish(rows[sessions-1].FirstSeen)
		if found == 0 {
			b.Fatal("nothing was found")
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/million")
}
