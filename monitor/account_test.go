package monitor_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sessionwarden"
)

// page is what a service says of an account beside its sessions.
type page struct {
	mu    sync.Mutex
	facts sessionwarden.AccountFacts
	fails error
	slow  time.Duration
	read  []time.Time
}

func (p *page) Facts(ctx context.Context) (sessionwarden.AccountFacts, error) {
	p.mu.Lock()
	slow := p.slow
	p.read = append(p.read, time.Now())
	p.mu.Unlock()
	select {
	case <-ctx.Done():
	case <-time.After(slow):
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now().Round(0).UTC()
	f := p.facts
	for _, at := range []*time.Time{&f.TwoFactor.Read, &f.TradeURL.Read, &f.Payout.Read, &f.Balance.Read} {
		*at = now
	}
	if p.fails != nil {
		f = sessionwarden.AccountFacts{}
	}
	return f, p.fails
}

func (p *page) set(f func(*page)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(p)
}

func (p *page) reads() int { return locked(&p.mu, func() int { return len(p.read) }) }

// trade changes the trade URL.
func (p *page) trade(url string) { p.set(func(p *page) { p.facts.TradeURL.Value = url }) }

const ownTrade, thiefTrade = "https://trade.example/new/?partner=1&token=owner", "https://trade.example/new/?partner=6&token=thief"

// looked is [watched] with an account whose own facts are read every minute.
func looked(t *testing.T, f func(*testing.T, *house), change ...func(*sessionwarden.Account)) {
	t.Helper()
	synctestHouse(t, func(t *testing.T, h *house) {
		h.page = &page{}
		h.page.set(func(p *page) {
			p.facts.TwoFactor.Value, p.facts.TradeURL.Value, p.facts.Payout.Value, p.facts.Balance.Value = true, ownTrade, "anna@example.com", 2500_00
		})
		h.watch()
		stop := h.run()
		defer stop()
		pass(31 * time.Second)
		f(t, h)
	}, append([]func(*sessionwarden.Account){func(a *sessionwarden.Account) {
		a.AccountEvery, a.BalanceDrop, a.BalanceDropPercent, a.TakeoverWithin = time.Minute, 50_00, 20, 6*time.Hour
	}}, change...)...)
}

// rules returns "rule response session" of each finding.
func (j *journal) rules() []string {
	var list []string
	for _, f := range j.findings() {
		text := string(f.Rule) + " " + f.Response.String()
		if f.Session != "" {
			text += " " + string(f.Session)
		}
		list = append(list, text)
	}
	slices.Sort(list)
	return list
}

func wantRules(t *testing.T, j *journal, want ...string) {
	t.Helper()
	slices.Sort(want)
	if got := j.rules(); !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}

func TestTheAccountIsReadOnItsOwnScheduleAndCostsNothing(t *testing.T) {
	t.Parallel()
	looked(t, func(t *testing.T, h *house) {
		commits, reads := h.journal.count(), h.page.reads()
		pass(time.Hour)
		if n := h.page.reads() - reads; n < 59 || n > 61 {
			t.Errorf("%d readings in an hour, want 60", n)
		}
		if n := h.journal.count() - commits; n > 0 {
			t.Errorf("%d commits though nothing changed", n)
		}
		wantRules(t, h.journal)
		for i := 1; i < len(h.page.read); i++ {
			if apart := h.page.read[i].Sub(h.page.read[i-1]); apart < 59*time.Second {
				t.Fatalf("two readings %s apart", apart)
			}
		}
	})
}

func TestTheAccountIsReadBesideASlowSchedule(t *testing.T) {
	t.Parallel()
	looked(t, func(t *testing.T, h *house) {
		lists, reads := h.service.reads(), h.page.reads()
		pass(2 * time.Hour)
		if n := h.page.reads() - reads; n < 118 || n > 122 {
			t.Errorf("%d readings in two hours, want 120", n)
		}
		if n := h.service.reads() - lists; n > 6 {
			t.Errorf("%d lists in two hours", n)
		}
	}, func(a *sessionwarden.Account) { a.Schedule, a.ExpiredEvery = "@every 1h", time.Hour })
}

func TestAChangeIsToldOnceAndCommittedWithTheFacts(t *testing.T) {
	t.Parallel()
	looked(t, func(t *testing.T, h *house) {
		commits := h.journal.count()
		h.page.trade(thiefTrade)
		pass(5 * time.Minute)
		wantRules(t, h.journal, "trade_url_changed alert")
		if n := h.journal.count() - commits; n != 1 {
			t.Errorf("%d commits", n)
		}
		if got := h.journal.histories()["main"].Facts.TradeURL.Value; got != thiefTrade {
			t.Errorf("on disk: %s", got)
		}
		a, n := h.journal.alertOf(sessionwarden.Intrusion)
		if n != 1 || a.Severity != sessionwarden.Critical || len(a.Items) != 1 || a.Items[0].Sighting.Seq != 0 || len(a.Items[0].Findings) != 1 {
			t.Errorf("%d alerts: %+v", n, a)
		}
		wantCalls(t, h.service)
	})
}

func TestASuspiciousSessionHasTheAccountReadAtOnce(t *testing.T) {
	t.Parallel()
	looked(t, func(t *testing.T, h *house) {
		pass(5 * time.Second)
		reads := h.page.reads()
		h.service.signIn(session("77", "203.0.113.5"))
		pass(25*time.Second + 500*time.Millisecond) // the poll has found him
		if n := h.page.reads() - reads; n != 1 {
			t.Errorf("%d readings right after", n)
		}
		h.page.trade(thiefTrade)
		pass(time.Minute)
		if !slices.Contains(h.journal.rules(), "takeover alert") {
			t.Errorf("he was ended and is over, and what he changed: %q", h.journal.rules())
		}
	}, func(a *sessionwarden.Account) { a.AccountEvery = 10 * time.Minute; a.Heightened = 15 * time.Minute })
}

func TestATakeoverIsAskedAboutAndTheStoryIsOneMatter(t *testing.T) {
	t.Parallel()
	looked(t, func(t *testing.T, h *house) {
		h.service.signIn(session("77", "203.0.113.5"))
		pass(31 * time.Second)
		h.page.trade(thiefTrade)
		pass(61 * time.Second)
		wantRules(t, h.journal, "stranger alert 77", "trade_url_changed alert", "takeover ask 77")
		wantStates(t, h.journal, "held")
		wantCalls(t, h.service)
		pass(10 * time.Minute)
		wantRules(t, h.journal, "stranger alert 77", "trade_url_changed alert", "takeover ask 77")
	}, strangersOnly)
}

// strangersOnly has strangers told and nothing asked about them.
func strangersOnly(a *sessionwarden.Account) {
	a.Expected = nil
	for _, rule := range []sessionwarden.Rule{sessionwarden.NewCountry, sessionwarden.NewNetwork, sessionwarden.NewDevice, sessionwarden.ManySessions,
		sessionwarden.ImpossibleTravel, sessionwarden.ConcurrentCountries, sessionwarden.OddHours, sessionwarden.DormantReturn} {
		a.Rules[rule] = sessionwarden.Off
	}
}

func TestATakeoverMayDisconnect(t *testing.T) {
	t.Parallel()
	looked(t, func(t *testing.T, h *house) {
		h.page.trade(thiefTrade) // first the change is seen, then who made it
		pass(61 * time.Second)
		h.service.signIn(session("77", "203.0.113.5"))
		pass(35 * time.Second)
		wantRules(t, h.journal, "stranger alert 77", "trade_url_changed alert", "takeover disconnect 77")
		wantCalls(t, h.service, "77")
		wantStates(t, h.journal, "verified")
	}, strangersOnly, func(a *sessionwarden.Account) { a.Rules[sessionwarden.TradeURLChanged] = sessionwarden.Disconnect })
}

func TestTheOwnersOwnChangeIsNoTakeover(t *testing.T) {
	t.Parallel()
	looked(t, func(t *testing.T, h *house) {
		h.service.signIn(session("5", "192.0.2.2", phone))
		pass(time.Minute)
		h.page.trade(thiefTrade)
		pass(2 * time.Minute)
		wantRules(t, h.journal, "trade_url_changed alert", "new_device log 5")
		wantStates(t, h.journal)
	})
}

func TestFactsThatFailAreNoBlindness(t *testing.T) {
	t.Parallel()
	looked(t, func(t *testing.T, h *house) {
		h.page.set(func(p *page) { p.fails = errors.New("reading the account's facts: the service said no") })
		pass(9 * time.Minute)
		if _, n := h.journal.alertOf(sessionwarden.ServiceOdd); n != 0 {
			t.Errorf("told too early: %d", n)
		}
		pass(3 * time.Hour)
		a, n := h.journal.alertOf(sessionwarden.ServiceOdd)
		if n != 1 || !strings.Contains(a.Title, "main") || !strings.Contains(strings.Join(a.Lines, " "), "the service said no") {
			t.Errorf("told %d times: %+v", n, a)
		}
		if len(h.m.Blind()) > 0 || !h.m.Ready() || h.m.Status()[0].Error != "" {
			t.Errorf("the account counts as blind: %+v", h.m.Status())
		}
		h.service.signIn(session("77", "203.0.113.5"))
		pass(35 * time.Second)
		wantCalls(t, h.service, "77")
		if got := h.journal.histories()["main"].Facts.TradeURL.Value; got != ownTrade {
			t.Errorf("what was known is lost: %q", got)
		}
		h.page.set(func(p *page) { p.fails = nil; p.facts.TwoFactor.Value = false })
		pass(61 * time.Second)
		if !slices.Contains(h.journal.rules(), "two_factor_off alert") {
			t.Errorf("what changed meanwhile is not seen: %q", h.journal.rules())
		}
	})
}

func TestSlowFactsDelayNoList(t *testing.T) {
	t.Parallel()
	looked(t, func(t *testing.T, h *house) {
		h.page.set(func(p *page) { p.slow = 10 * time.Minute })
		lists := h.service.reads()
		pass(30 * time.Minute)
		if n := h.service.reads() - lists; n < 85 {
			t.Errorf("%d lists in half an hour", n)
		}
		h.service.signIn(session("77", "203.0.113.5"))
		pass(31 * time.Second)
		wantCalls(t, h.service, "77")
	})
}

func TestWhatChangedWhileTheWatchWasDownIsSeen(t *testing.T) {
	t.Parallel()
	synctestHouse(t, func(t *testing.T, h *house) {
		h.account.AccountEvery, h.account.TakeoverWithin = time.Minute, 6*time.Hour
		h.page = &page{}
		h.page.trade(ownTrade)
		h.watch()
		stop := h.run()
		pass(3 * time.Minute)
		stop()
		h.page.trade(thiefTrade)
		h.restart()
		stop = h.run()
		defer stop()
		pass(5 * time.Second)
		wantRules(t, h.journal, "trade_url_changed alert")
	})
}

func TestFactsThatCannotBeSavedAreFoundAgain(t *testing.T) {
	t.Parallel()
	looked(t, func(t *testing.T, h *house) {
		h.page.set(func(p *page) { p.slow, p.facts.Balance.Value = 5*time.Second, 2600_00 })
		h.journal.set(func(j *journal) { j.fails = errDisk })
		h.page.trade(thiefTrade)
		pass(3 * time.Minute)
		told := locked(&h.mu, func() (n int) {
			for _, a := range h.urgent {
				if a.Kind == sessionwarden.Intrusion {
					n++
				}
			}
			return n
		})
		if told != 1 {
			t.Errorf("told %d times from memory", told)
		}
		h.page.set(func(p *page) { p.facts.TwoFactor.Value = false })
		pass(3 * time.Minute)
		if told := locked(&h.mu, func() int { return len(h.urgent) }); told != 3 { // that nothing can be saved, too
			t.Errorf("told %d times from memory: %+v", told, h.urgent)
		}
		h.journal.set(func(j *journal) { j.fails = nil })
		pass(2 * time.Minute)
		wantRules(t, h.journal, "trade_url_changed alert", "two_factor_off alert")
	})
}

func TestTheAccountIsNotReadBeforeTheList(t *testing.T) {
	t.Parallel()
	synctestHouse(t, func(t *testing.T, h *house) {
		h.account.AccountEvery = time.Minute
		h.page = &page{}
		h.watch()
		h.service.set(func(s *service) { s.fails = errNet })
		stop := h.run()
		defer stop()
		pass(10 * time.Minute)
		if n := h.page.reads(); n > 0 {
			t.Errorf("read %d times though no list works", n)
		}
		h.service.set(func(s *service) { s.fails = nil })
		pass(61 * time.Second)
		if h.page.reads() == 0 {
			t.Error("not read once the list works")
		}
	})
}

func TestATakeoverOutlastsAChangedConfiguration(t *testing.T) {
	t.Parallel()
	looked(t, func(t *testing.T, h *house) {
		h.service.signIn(session("77", "203.0.113.5"))
		pass(31 * time.Second)
		h.page.trade(thiefTrade)
		pass(61 * time.Second)
		before := len(h.journal.rules())
		h.account.Rules[sessionwarden.HostingNetwork] = sessionwarden.Log
		h.watch()
		pass(time.Minute)
		if got := h.journal.rules(); len(got) != before {
			t.Errorf("found again: %q", got)
		}
		for _, s := range h.journal.histories()["main"].Live {
			if s.ID == "77" && !s.Spoke(sessionwarden.Takeover) {
				t.Error("forgotten")
			}
		}
	}, strangersOnly)
}

// A poll found somebody and could not be saved; then a look at the account could.
// The list has not changed since, and he is found all the same.
func TestALookThatIsSavedHidesNothingThatWasNot(t *testing.T) {
	t.Parallel()
	looked(t, func(t *testing.T, h *house) {
		h.page.set(func(p *page) { p.slow, p.facts.Balance.Value = 5*time.Second, 2600_00 })
		h.journal.set(func(j *journal) { j.fails = errDisk })
		h.service.signIn(session("77", "203.0.113.5"))
		for range 600 { // until a poll has found him
			pass(100 * time.Millisecond)
			if h.m.Unsaved() != "" {
				break
			}
		}
		h.journal.set(func(j *journal) { j.fails = nil })
		for range 290 { // until the look at the account was saved, before the next poll
			pass(100 * time.Millisecond)
			if h.m.Unsaved() == "" {
				break
			}
		}
		if calls := h.service.calls(); len(calls) > 0 {
			t.Fatalf("the next poll came first: %v", calls)
		}
		pass(2 * time.Minute)
		wantCalls(t, h.service, "77")
	})
}
