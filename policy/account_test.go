package policy_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"sessionwarden"
	"sessionwarden/policy"
)

const (
	ownTrade   = "https://steamcommunity.example/tradeoffer/new/?partner=1&token=owner123"
	thiefTrade = "https://steamcommunity.example/tradeoffer/new/?partner=666&token=thief666"
)

// facts are those of an ordinary account, read a minute before now.
func facts(change ...func(*sessionwarden.AccountFacts)) sessionwarden.AccountFacts {
	return factsAt(now.Add(-time.Minute), change...)
}

// reading is the same, read now.
func reading(change ...func(*sessionwarden.AccountFacts)) sessionwarden.AccountFacts {
	return factsAt(now, change...)
}

func factsAt(at time.Time, change ...func(*sessionwarden.AccountFacts)) sessionwarden.AccountFacts {
	f := sessionwarden.AccountFacts{
		TwoFactor: known(true, at), TradeURL: known(ownTrade, at), Payout: known("anna-payout@example.com", at), Contact: known("anna@example.com", at),
		Discord: known("100000000000000001", at), DiscordTag: known("anna", at), Name: known("Anna", at), Balance: known(sessionwarden.Cents(2500_00), at), Reviews: known(int64(0), at),
	}
	for _, c := range change {
		c(&f)
	}
	return f
}

func known[T comparable](v T, at time.Time) sessionwarden.Known[T] {
	return sessionwarden.Known[T]{Value: v, Read: at}
}

func balance(cents sessionwarden.Cents) func(*sessionwarden.AccountFacts) {
	return func(f *sessionwarden.AccountFacts) { f.Balance.Value = cents }
}

func usual(a *sessionwarden.Account) {
	a.BalanceDrop, a.BalanceDropPercent, a.TakeoverWithin = 50_00, 20, 6*time.Hour
}

func spokenOf(found []sessionwarden.Finding) string {
	var parts []string
	for _, f := range found {
		parts = append(parts, fmt.Sprintf("%s %s", f.Rule, f.Response))
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

func TestAccountRules(t *testing.T) {
	t.Parallel()
	thief := func(f *sessionwarden.AccountFacts) {
		f.TwoFactor.Value, f.TradeURL.Value, f.Payout.Value, f.Contact.Value = false, thiefTrade, "cashout@example.net", "eve@example.net"
		f.Discord.Value, f.DiscordTag.Value, f.Name.Value, f.Balance.Value, f.Reviews.Value = "9", "eve", "Eve", 0, 1
	}
	tests := []struct {
		name      string
		old, read sessionwarden.AccountFacts
		want      string
	}{
		{"nothing changed", facts(), reading(), ""},
		{"the first reading is the baseline", sessionwarden.AccountFacts{}, reading(thief), ""},
		{"what is left out is no change", facts(), sessionwarden.AccountFacts{}, ""},
		{"what was never said before is none", facts(func(f *sessionwarden.AccountFacts) { f.Contact = sessionwarden.Known[string]{} }), reading(func(f *sessionwarden.AccountFacts) { f.Contact.Value = "new@example.com" }), ""},
		{"all at once", facts(), reading(thief), "balance_drop alert, contact_changed alert, discord_changed alert, name_changed alert, payment_review alert, payout_changed alert, trade_url_changed alert, two_factor_off alert"},

		{"two-factor off", facts(), reading(func(f *sessionwarden.AccountFacts) { f.TwoFactor.Value = false }), "two_factor_off alert"},
		{"two-factor on is good news", facts(func(f *sessionwarden.AccountFacts) { f.TwoFactor.Value = false }), reading(), ""},
		{"two-factor stays off", facts(func(f *sessionwarden.AccountFacts) { f.TwoFactor.Value = false }), reading(func(f *sessionwarden.AccountFacts) { f.TwoFactor.Value = false }), ""},
		{"another trade URL", facts(), reading(func(f *sessionwarden.AccountFacts) { f.TradeURL.Value = thiefTrade }), "trade_url_changed alert"},
		{"a trade URL where there was none", facts(func(f *sessionwarden.AccountFacts) { f.TradeURL.Value = "" }), reading(func(f *sessionwarden.AccountFacts) { f.TradeURL.Value = thiefTrade }), "trade_url_changed alert"},
		{"another payout mail", facts(), reading(func(f *sessionwarden.AccountFacts) { f.Payout.Value = "x@example.net" }), "payout_changed alert"},
		{"another contact mail", facts(), reading(func(f *sessionwarden.AccountFacts) { f.Contact.Value = "" }), "contact_changed alert"},
		{"another Discord account", facts(), reading(func(f *sessionwarden.AccountFacts) { f.Discord.Value, f.DiscordTag.Value = "7", "eve" }), "discord_changed alert"},
		{"the same one under another name", facts(), reading(func(f *sessionwarden.AccountFacts) { f.DiscordTag.Value = "anna2" }), "discord_changed alert"},
		{"another name", facts(), reading(func(f *sessionwarden.AccountFacts) { f.Name.Value = "Annie" }), "name_changed alert"},
		{"a payment is under review", facts(), reading(func(f *sessionwarden.AccountFacts) { f.Reviews.Value = 1 }), "payment_review alert"},
		{"fewer are", facts(func(f *sessionwarden.AccountFacts) { f.Reviews.Value = 2 }), reading(func(f *sessionwarden.AccountFacts) { f.Reviews.Value = 1 }), ""},

		{"the balance is gone", facts(), reading(balance(0)), "balance_drop alert"},
		{"it rose", facts(), reading(balance(9000_00)), ""},
		{"a drop of little", facts(balance(60_00)), reading(balance(20_00)), ""},
		{"a drop of a small part", facts(), reading(balance(2100_00)), ""},
		{"exactly both thresholds", facts(balance(250_00)), reading(balance(200_00)), "balance_drop alert"},
		{"a cent less", facts(balance(250_00)), reading(balance(200_01)), ""},
		{"into debt", facts(balance(0)), reading(balance(-60_00)), "balance_drop alert"},
		{"nonsense overflows nothing", facts(balance(math.MaxInt64)), reading(balance(math.MinInt64)), "balance_drop alert"},
		{"nonsense the other way", facts(balance(math.MinInt64)), reading(balance(math.MaxInt64)), ""},
	}
	for _, test := range tests {
		got, found := policy.JudgeFacts(account(usual), test.old, test.read, now)
		if spokenOf(found) != test.want {
			t.Errorf("%s: %q, want %q", test.name, spokenOf(found), test.want)
		}
		for _, f := range found {
			if f.Seq != 0 || f.Session != "" || f.Account != "main" || f.Reason == "" || f.Silence == "" || len(f.Facts) == 0 || !f.Time.Equal(now) {
				t.Errorf("%s: %+v", test.name, f)
			}
		}
		if !got.With(test.read).Same(got) {
			t.Errorf("%s: the facts are not those that were read: %+v", test.name, got)
		}
		if _, again := policy.JudgeFacts(account(usual), got, test.read, now.Add(time.Minute)); len(again) > 0 {
			t.Errorf("%s: told again: %s", test.name, spokenOf(again))
		}
		off := account(usual, func(a *sessionwarden.Account) { clear(a.Rules) })
		if _, found := policy.JudgeFacts(off, test.old, test.read, now); len(found) > 0 {
			t.Errorf("%s: with all rules off: %s", test.name, spokenOf(found))
		}
		if _, found := policy.JudgeFacts(account(usual), test.old, sessionwarden.AccountFacts{}, now); len(found) > 0 {
			t.Errorf("%s: nothing read: %s", test.name, spokenOf(found))
		}
	}
}

// TestAnAccountFindingEndsNothingByItself: it names no session.
func TestAnAccountFindingEndsNothingByItself(t *testing.T) {
	t.Parallel()
	for response, want := range map[sessionwarden.Response]sessionwarden.Response{
		sessionwarden.Log: sessionwarden.Log, sessionwarden.Notify: sessionwarden.Notify,
		sessionwarden.Ask: sessionwarden.Notify, sessionwarden.Disconnect: sessionwarden.Notify, sessionwarden.DisconnectAll: sessionwarden.Notify,
	} {
		_, found := policy.JudgeFacts(account(usual, rule(sessionwarden.TwoFactorOff, response)), facts(), reading(func(f *sessionwarden.AccountFacts) { f.TwoFactor.Value = false }), now)
		if len(found) != 1 || found[0].Response != want || (found[0].Capped != "") != (response > want) {
			t.Errorf("%s: %+v", response, found)
		}
	}
}

// TestABalanceThatGoesInSmallStepsIsSeen: the highest of an hour counts.
func TestABalanceThatGoesInSmallStepsIsSeen(t *testing.T) {
	t.Parallel()
	drain := func(step sessionwarden.Cents, every time.Duration, n int) (told []string) {
		f, at := factsAt(now), now
		for i := range n {
			at = at.Add(every)
			read := factsAt(at, balance(2500_00-step*sessionwarden.Cents(i+1)))
			var found []sessionwarden.Finding
			f, found = policy.JudgeFacts(account(usual), f, read, at)
			for _, one := range found {
				told = append(told, one.Reason)
			}
			if len(f.Peaks) > 64 {
				t.Fatalf("%d peaks", len(f.Peaks))
			}
		}
		return told
	}
	told := drain(10_00, time.Minute, 60)
	if len(told) != 1 || !strings.Contains(told[0], "from 2500.00 to 2000.00") {
		t.Errorf("ten a minute: %q", told)
	}
	if told := drain(10_00, 2*time.Minute, 40); len(told) != 0 { // 300 an hour
		t.Errorf("ten in two minutes: %q", told)
	}
	if told := drain(10, time.Second, 3600); len(told) != 0 { // 360 an hour
		t.Errorf("ten cents a second: %q", told)
	}
	if told := drain(20, time.Second, 3600); len(told) != 1 { // 720
		t.Errorf("twenty cents a second: %q", told)
	}
}

func TestADropWhileNobodyLookedIsSeen(t *testing.T) {
	t.Parallel()
	_, found := policy.JudgeFacts(account(usual), factsAt(now.Add(-30*time.Hour)), reading(balance(0)), now)
	if len(found) != 1 || found[0].Reason != "The balance dropped from 2500.00 to 0.00, between 2026-11-22 06:00 UTC and 2026-11-23 12:00 UTC." {
		t.Errorf("%+v", found)
	}
}

func TestAccountReasons(t *testing.T) {
	t.Parallel()
	const when = ", between 11:59:00 UTC and 12:00:00 UTC."
	tests := []struct {
		change  func(*sessionwarden.AccountFacts)
		want    string
		silence string
	}{
		{func(f *sessionwarden.AccountFacts) { f.TwoFactor.Value = false }, "Two-factor authentication was on and is off" + when + " Nothing but the password protects the account now.", `two_factor_off = "log" # in [account.rules] of main`},
		{func(f *sessionwarden.AccountFacts) { f.TradeURL.Value = thiefTrade }, "The trade URL was changed from steamcommunity.example…r123 to steamcommunity.example…f666" + when + " What is withdrawn goes to the new one.", `trade_url_changed = "log" # in [account.rules] of main`},
		{func(f *sessionwarden.AccountFacts) { f.Payout.Value = "cashout@mail.example.net" }, "The payout mail was changed from a…t@e….com to c…t@m….net" + when + " Money that is paid out goes to the new one.", `payout_changed = "log" # in [account.rules] of main`},
		{func(f *sessionwarden.AccountFacts) { f.Contact.Value = "" }, "The contact mail a…a@e….com was taken away" + when + " The service writes to the new one.", `contact_changed = "log" # in [account.rules] of main`},
		{func(f *sessionwarden.AccountFacts) { f.Contact.Value = "anita@else.com" }, "The contact mail was changed from a…a@e….com to a…a@e….com (another one that looks alike when shortened)" + when + " The service writes to the new one.", `contact_changed = "log" # in [account.rules] of main`},
		{func(f *sessionwarden.AccountFacts) { f.Discord.Value = "200000000000000002" }, "The Discord account was changed from …0001 to …0002" + when, `discord_changed = "log" # in [account.rules] of main`},
		{func(f *sessionwarden.AccountFacts) { f.Name.Value = "Eve" }, "The name was changed from Anna to Eve" + when, `name_changed = "log" # in [account.rules] of main`},
		{balance(1000_00), "The balance dropped from 2500.00 to 1000.00" + when, `balance_drop = "1500.01" # in the [[account]] block of main`},
		{func(f *sessionwarden.AccountFacts) { f.Reviews.Value = 2 }, "Payments under review rose from 0 to 2" + when + " Somebody has asked for money to be moved.", `payment_review = "log" # in [account.rules] of main`},
	}
	for _, test := range tests {
		_, found := policy.JudgeFacts(account(usual), facts(), reading(test.change), now)
		if len(found) != 1 || found[0].Reason != test.want || found[0].Silence != test.silence {
			t.Errorf("got  %+v\nwant %s\n     %s", found, test.want, test.silence)
		}
	}
	_, found := policy.JudgeFacts(account(usual), facts(), reading(func(f *sessionwarden.AccountFacts) { f.TradeURL.Value = thiefTrade }), now)
	if fact(found[0], policy.FactBefore) != ownTrade || fact(found[0], policy.FactAfter) != thiefTrade {
		t.Errorf("the owner cannot put it back: %v", found[0].Facts)
	}
}

var hostileTexts = []string{
	"", "@", "a@", "@b", "a@b", "a@b@c", "x", "xy", "secret", "https://", "https://h", "https://user:secret@host.example/very/secret/path", "http://[::1", "//host",
	"\x1b[31mred\x1b[0m", "<!channel> @here", "a\u202eb@c.example", strings.Repeat("a", 5000), strings.Repeat("é", 3000) + "@" + strings.Repeat("ü", 3000) + ".com",
	"https://" + strings.Repeat("h", 4000) + ".example/" + strings.Repeat("x", 4000), "javascript:alert(1)", "\xff\xfe\x00", "a b@c.example", "100000000000000001",
}

// TestShortenedValuesLeakNothing: whatever a fact is, what a channel sees of
// it is short, clean, and not the whole.
func TestShortenedValuesLeakNothing(t *testing.T) {
	t.Parallel()
	for _, text := range hostileTexts {
		for name, set := range map[string]func(*sessionwarden.AccountFacts, string){
			"trade URL": func(f *sessionwarden.AccountFacts, v string) { f.TradeURL.Value = v },
			"payout":    func(f *sessionwarden.AccountFacts, v string) { f.Payout.Value = v },
			"contact":   func(f *sessionwarden.AccountFacts, v string) { f.Contact.Value = v },
			"discord":   func(f *sessionwarden.AccountFacts, v string) { f.Discord.Value = v },
			"name":      func(f *sessionwarden.AccountFacts, v string) { f.Name.Value = v },
		} {
			_, found := policy.JudgeFacts(account(usual), facts(), reading(func(f *sessionwarden.AccountFacts) { set(f, text) }), now)
			if text == "100000000000000001" && name == "discord" {
				continue // it is the owner's own
			}
			if len(found) != 1 {
				t.Fatalf("%s %q: %d findings", name, text, len(found))
			}
			reason := found[0].Reason
			if len(reason) > 300 || !utf8.ValidString(reason) || strings.ContainsAny(reason, "\x1b\x00\u202e") {
				t.Errorf("%s %q: %d bytes: %q", name, text, len(reason), reason)
			}
			if clean := sessionwarden.Clean(text, 100); name != "name" && len(clean) > 3 && strings.Contains(reason, clean) {
				t.Errorf("%s %q is told whole: %s", name, text, reason)
			}
			for _, f := range found[0].Facts {
				if len(f.Value) > sessionwarden.MaxText || !utf8.ValidString(f.Value) {
					t.Errorf("%s %q: the fact %s has %d bytes", name, text, f.Name, len(f.Value))
				}
			}
			if name != "name" && strings.Contains(reason, "secret") {
				t.Errorf("%s %q: %s", name, text, reason)
			}
		}
	}
}
