package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/mannco/manncotest"
)

// Each rule about the account itself fires once, in the real binary against the
// simulated service, and the commands show it.
func TestEveryRuleAboutTheAccountFires(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.defaults = append(w.defaults, `account_every = "1s"`)
	w.rules = []string{`unexpected_country = "alert"`, `new_country = "log"`, `stranger = "log"`, `many_sessions = "off"`}
	w.atHome()
	w.start()
	w.eventually("the account was looked at", func() bool { return w.service.Count("main", manncotest.RouteNotifications) > 0 })
	w.polls(2)
	type changed struct {
		rule   string
		change func(*manncotest.Facts)
	}
	changes := []changed{
		{"two_factor_off", func(f *manncotest.Facts) { f.TwoFactor = false }},
		{"trade_url_changed", func(f *manncotest.Facts) { f.TradeURL = "https://steamcommunity.example/?partner=666&token=thief" }},
		{"payout_changed", func(f *manncotest.Facts) { f.PayoutMail = "cashout@example.net" }},
		{"contact_changed", func(f *manncotest.Facts) { f.ContactMail = "eve@example.net" }},
		{"discord_changed", func(f *manncotest.Facts) { f.Discord, f.DiscordTag = "900000000000000009", "eve" }},
		{"name_changed", func(f *manncotest.Facts) { f.Name = "Eve" }},
		{"balance_drop", func(f *manncotest.Facts) { f.Balance = 1 }},
		{"payment_review", func(f *manncotest.Facts) { f.PaymentReviews = 1 }},
	}
	for _, c := range changes {
		w.service.Change("main", c.change)
	}
	for _, c := range changes {
		w.eventually(c.rule, func() bool { return w.found(c.rule, "") })
	}
	w.signIn(homeAddr2, iphone, 0) // the owner's phone is no takeover
	w.polls(2)
	if w.found("takeover", "") {
		t.Errorf("a takeover without a thief: %v", w.rows("findings"))
	}
	thief := w.signIn(farAddr, chrome, 0)
	w.eventually("takeover", func() bool { return w.found("takeover", thief) && w.action("held") != nil })
	w.polls(3)

	seen := make(map[string]int)
	for _, row := range w.rows("findings") {
		rule := row["rule"].(string)
		seen[rule]++
		_, aboutSession := row["session_id"]
		if slices.ContainsFunc(changes, func(c changed) bool { return c.rule == rule }) && (aboutSession || row["seq"] != nil) {
			t.Errorf("%s is about the account and names a session: %v", rule, row)
		}
	}
	for _, c := range append(changes, changed{rule: "takeover"}) {
		if seen[c.rule] != 1 {
			t.Errorf("%s was found %d times", c.rule, seen[c.rule])
		}
	}
	if text := w.must("findings"); !strings.Contains(text, "trade_url_changed") || !strings.Contains(text, "steamcommunity.example…hief") {
		t.Errorf("the table:\n%s", text)
	}
	if text := w.must("status"); !strings.Contains(strings.Join(strings.Fields(text), " "), "two-factor authentication is OFF") {
		t.Errorf("the status:\n%s", text)
	}
	w.eventually("people were told", func() bool {
		all := strings.Join(strings.Fields(strings.Join(w.messages(), " ")), " ")
		return strings.Contains(all, "turn two-factor authentication on again") && strings.Contains(all, "that is how an account is taken over")
	})
	for _, whole := range []string{"token=thief", "cashout@", "eve@example", "anna@example"} {
		if strings.Contains(strings.Join(w.messages(), "\n"), whole) {
			t.Errorf("a channel was told %q whole", whole)
		}
	}
	if len(w.ended("main")) > 0 {
		t.Errorf("ended: %v", w.ended("main"))
	}
}

func TestRunOnceLooksAtTheAccountToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.atHome()
	w.write()
	w.must("run", "--once")
	w.service.Change("main", func(f *manncotest.Facts) { f.TwoFactor = false })
	if _, stderr, status := w.cli("run", "--once", "--fail-on", "critical"); status != 3 {
		t.Errorf("status %d: %s", status, stderr)
	}
	if !w.found("two_factor_off", "") {
		t.Errorf("found: %v", w.rows("findings"))
	}
}

// What limits, refuses or lacks the account's own facts costs nothing but them,
// and no login.
func TestFactsThatCannotBeReadSlowOnlyThemselves(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*bubble){
		"limited": func(b *bubble) {
			for _, route := range []manncotest.Route{manncotest.RouteInfos, manncotest.RouteBalance, manncotest.RouteContactMail, manncotest.RouteNotifications} {
				b.fault(manncotest.Fault{Kind: manncotest.FaultRateLimited, Route: route})
			}
		},
		"refused": func(b *bubble) {
			for _, route := range []manncotest.Route{manncotest.RouteInfos, manncotest.RouteBalance, manncotest.RouteContactMail, manncotest.RouteNotifications} {
				b.fault(manncotest.Fault{Kind: manncotest.FaultTokenRefused, Route: route})
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(b *bubble) {
				b.atHome()
				b.start()
				b.pass(time.Minute)
				spoil(b)
				before := b.service.Count("main", manncotest.RouteList)
				b.pass(time.Hour)
				if n := b.service.Count("main", manncotest.RouteList) - before; n < 720 {
					t.Errorf("%d lists within an hour", n)
				}
				if n := b.service.Logins("main"); n != 1 {
					t.Errorf("%d logins", n)
				}
				if !b.told("itself cannot be looked at whole") || len(b.messages()) != 1 {
					t.Errorf("told: %q", b.messages())
				}
				thief := b.signIn(farAddr, chrome)
				b.pass(2 * polled)
				b.wantEnded(thief)
			})
		})
	}
}

func TestAServiceWithoutAContactMailIsToldOnce(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.variant(manncotest.VariantContactMail, "absent")
		b.variant(manncotest.VariantNotifications, "newer")
		b.variant(manncotest.VariantInfos, "subset")
		b.defaults = slices.DeleteFunc(b.defaults, func(line string) bool { return line == seldom })
		b.atHome()
		b.start()
		b.pass(5 * time.Hour)
		if n := b.service.Count("main", manncotest.RouteContactMail); n != 1 {
			t.Errorf("asked for it %d times in five hours", n)
		}
		if !b.told("the service does not tell the contact mail") || len(b.messages()) != 1 {
			t.Errorf("told: %q", b.messages())
		}
		b.restart()
		b.pass(time.Hour)
		if len(b.messages()) != 1 {
			t.Errorf("told again after a restart: %q", b.messages())
		}
		b.service.Change("main", func(f *manncotest.Facts) {
			f.PaymentReviews, f.ContactMail, f.PayoutMail = 1, "x@example.net", "x@example.net"
		})
		b.pass(2 * time.Minute)
		if !b.found(sessionwarden.PaymentReview, "") || b.found(sessionwarden.ContactChanged, "") || b.found(sessionwarden.PayoutChanged, "") {
			t.Errorf("found: %v", b.findings())
		}
		b.variant(manncotest.VariantInfos, "bare")
		b.pass(5 * time.Minute)
		if b.found(sessionwarden.TwoFactorOff, "") || b.found(sessionwarden.TradeURLChanged, "") || b.history("main").Facts.TradeURL.Value == "" {
			t.Errorf("what is left out counts as changed: %v", b.findings())
		}
		b.variant(manncotest.VariantInfos, "full")
		b.variant(manncotest.VariantContactMail, "present")
		b.pass(7 * time.Hour)
		if b.found(sessionwarden.ContactChanged, "") || b.found(sessionwarden.PayoutChanged, "") {
			t.Errorf("what was never known has changed: %v", b.findings())
		}
	})
}
