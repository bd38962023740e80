package main

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/mannco/manncotest"
)

// fires is how a rule is made to speak, through the program itself and the
// simulated service, and what looks like that and is nothing.
type fires struct {
	rules    []sessionwarden.Rule
	set      func(w *world)        // before the start, with the owner at home for three days
	innocent func(w *world) string // returns the session; "" for the account itself
	guilty   func(w *world) string
}

// known are the lines of an account that is not learned any more and names no
// countries.
func known(w *world) {
	w.defaults = append(w.defaults[1:], `learning = "off"`, `account_every = "1s"`)
}

// with returns known with rules.
func with(rules ...string) func(*world) {
	return func(w *world) { known(w); w.rules = rules }
}

// comes has somebody sign in now.
func comes(addr, agent string) func(*world) string {
	return func(w *world) string { return w.signIn(addr, agent, 0) }
}

// claims has somebody sign in from a place that the service calls by a name.
func claims(addr, location string) func(*world) string {
	return func(w *world) string {
		return fmt.Sprint(w.service.SignIn("main", manncotest.SessionSpec{Address: addr, Location: location, UserAgent: chrome, ISP: "Provider"}))
	}
}

// roams has somebody sign in at home and, once he was seen, go on from addr.
func roams(addr, agent string) func(*world) string {
	return func(w *world) string {
		id := w.signIn(homeAddr, chrome, 0)
		w.polls(2)
		w.service.Move("main", number(id), manncotest.SessionSpec{Address: addr, UserAgent: agent})
		return id
	}
}

// changes changes the account itself.
func changes(change func(*manncotest.Facts)) func(*world) string {
	return func(w *world) string { w.service.Change("main", change); return "" }
}

// eachRule returns how each rule of the table fires.
func eachRule() []fires {
	var home = comes(homeAddr2, chrome)
	visit := func(addr string) func(*world) string {
		return func(w *world) string {
			id := w.service.SignIn("main", manncotest.SessionSpec{Address: addr, UserAgent: chrome, ISP: "Provider"})
			w.service.SignOut("main", id)
			return fmt.Sprint(id)
		}
	}
	return []fires{
		{[]sessionwarden.Rule{sessionwarden.UnexpectedCountry}, nil, home, comes(farAddr, chrome)},
		{[]sessionwarden.Rule{sessionwarden.UnknownCountry}, nil, home, comes(privateAddr, chrome)},
		{[]sessionwarden.Rule{sessionwarden.LocationMismatch}, nil, claims(homeAddr2, "DE: Berlin"), claims(homeAddr2, "VN: Hanoi")},
		{[]sessionwarden.Rule{sessionwarden.NewCountry}, with(`stranger = "off"`), home, comes(farAddr, chrome)},
		{[]sessionwarden.Rule{sessionwarden.NewNetwork, sessionwarden.HostingNetwork}, known, home, comes(hostingAddr, chrome)},
		{[]sessionwarden.Rule{sessionwarden.NewDevice}, known, home, comes(homeAddr2, iphone)},
		{[]sessionwarden.Rule{sessionwarden.Stranger}, known, comes(hostingAddr, chrome), comes(farAddr, chrome)},
		{[]sessionwarden.Rule{sessionwarden.TorNetwork}, func(w *world) { listing(w, "tor_exits") }, home, comes(hostingAddr, chrome)},
		{[]sessionwarden.Rule{sessionwarden.VPNNetwork}, func(w *world) { listing(w, "vpn_networks") }, home, comes(hostingAddr, chrome)},
		{[]sessionwarden.Rule{sessionwarden.ImpossibleTravel}, known, home, comes(farAddr, chrome)},
		{[]sessionwarden.Rule{sessionwarden.ConcurrentCountries}, known, home, comes(farAddr, iphone)},
		{[]sessionwarden.Rule{sessionwarden.SessionMoved}, nil, roams(homeAddr2, chrome), roams(farAddr, chrome)},
		{[]sessionwarden.Rule{sessionwarden.SessionRoamed}, nil, roams(homeAddr2, chrome), roams(hostingAddr, chrome)},
		{[]sessionwarden.Rule{sessionwarden.ShortLived}, func(w *world) { w.defaults[1] = `schedule = "@every 3s"` }, visit(homeAddr2), visit(farAddr)},
		{[]sessionwarden.Rule{sessionwarden.Respawned}, nil, func(w *world) string {
			w.signIn(farAddr, chrome, 0)
			w.eventually("the thief is proven gone", func() bool { return w.action("verified") != nil })
			return w.signIn(homeAddr2, chrome, 0) // the owner himself, on the same kind of device
		}, comes(farAddr2, iphone)},
		{[]sessionwarden.Rule{sessionwarden.ManySessions}, known, func(w *world) string {
			for range 4 {
				w.signIn(homeAddr2, chrome, 0)
			}
			return w.signIn(homeAddr2, chrome, 0)
		}, home},
		{[]sessionwarden.Rule{sessionwarden.DormantReturn}, func(w *world) {
			known(w)
			w.alsoWatch("quiet") // its owner is away for 40 days
			w.service.SignIn("quiet", manncotest.SessionSpec{Address: homeAddr, UserAgent: chrome, ISP: "Provider", Age: 40 * 24 * time.Hour, Life: 90 * 24 * time.Hour})
		}, home, func(w *world) string { return w.signInTo("quiet", homeAddr2, chrome, 0) }},
		{[]sessionwarden.Rule{sessionwarden.OddHours}, func(w *world) {
			known(w)
			w.alsoWatch("asleep") // for the next twelve hours
			from, to := time.Now().UTC().Add(12*time.Hour), time.Now().UTC().Add(14*time.Hour)
			w.extra = fmt.Sprintf("time_zone = \"UTC\"\nusual_hours = \"%s-%s\"\n", from.Format("15:04"), to.Format("15:04"))
			w.signInTo("asleep", homeAddr, chrome, 72*time.Hour)
		}, home, func(w *world) string { return w.signInTo("asleep", homeAddr2, chrome, 0) }},
		{[]sessionwarden.Rule{sessionwarden.TwoFactorOff}, func(w *world) {
			known(w)
			w.service.Change("main", func(f *manncotest.Facts) { f.TwoFactor = false })
		}, changes(func(f *manncotest.Facts) { f.TwoFactor = true }), changes(func(f *manncotest.Facts) { f.TwoFactor = false })},
		{[]sessionwarden.Rule{sessionwarden.BalanceDrop}, known, changes(func(f *manncotest.Facts) { f.Balance -= f.Balance / 100 }),
			changes(func(f *manncotest.Facts) { f.Balance = 0 })},
		{[]sessionwarden.Rule{sessionwarden.PaymentReview}, func(w *world) {
			known(w)
			w.service.Change("main", func(f *manncotest.Facts) { f.PaymentReviews = 1 })
		}, changes(func(f *manncotest.Facts) { f.PaymentReviews = 0 }), changes(func(f *manncotest.Facts) { f.PaymentReviews = 1 })},
		{[]sessionwarden.Rule{sessionwarden.TradeURLChanged, sessionwarden.PayoutChanged, sessionwarden.ContactChanged, sessionwarden.DiscordChanged, sessionwarden.NameChanged}, known,
			func(w *world) string { // an edition that does not tell them has changed nothing
				w.variant(manncotest.VariantInfos, "bare")
				w.polls(3)
				w.variant(manncotest.VariantInfos, "full")
				return ""
			},
			changes(func(f *manncotest.Facts) {
				f.TradeURL, f.PayoutMail, f.ContactMail = "https://steamcommunity.example/?partner=666&token=thief", "cashout@example.net", "eve@example.net"
				f.Discord, f.DiscordTag, f.Name = "900000000000000009", "eve", "Eve"
			})},
		{[]sessionwarden.Rule{sessionwarden.Takeover}, with(`stranger = "log"`), func(w *world) string {
			w.service.Change("main", func(f *manncotest.Facts) { f.TwoFactor = false })
			return w.signIn(homeAddr2, iphone, 0) // the owner's new phone
		}, comes(farAddr, chrome)},
		{[]sessionwarden.Rule{sessionwarden.WatcherLoggedOut}, nil, func(w *world) string {
			w.service.SetEgress(netip.MustParseAddr("91.10.99.2"), "DE: Berlin", "Provider")
			w.eventually("we log in again", func() bool { return w.service.Logins("main") == 2 })
			return ""
		}, func(w *world) string { w.service.EndWatcher("main"); return "" }},
	}
}

// listing names a list that holds the hosting address.
func listing(w *world, key string) {
	known(w)
	file := filepath.Join(w.dir, key+".txt")
	swap(w.t, file, []byte(hostingAddr+"\n"))
	w.geo = []string{fmt.Sprintf("%s = %q", key, file)}
}

// Each rule of the table fires in the real binary against the simulated service,
// and is silent on what is innocent.
func TestEveryRuleFires(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	proven := make(map[sessionwarden.Rule]bool)
	for _, f := range eachRule() {
		for _, rule := range f.rules {
			proven[rule] = true
		}
		t.Run(string(f.rules[0]), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if f.set != nil {
				f.set(w)
			}
			w.atHome()
			w.start()
			w.eventually("the account itself was looked at", func() bool { return w.service.Count("main", manncotest.RouteNotifications) > 0 })
			w.polls(2)
			innocent := f.innocent(w)
			w.polls(4)
			for _, rule := range f.rules {
				if w.found(string(rule), innocent) {
					t.Errorf("%s on the innocent: %v", rule, w.rows("findings"))
				}
			}
			guilty := f.guilty(w)
			for _, rule := range f.rules {
				w.eventually(string(rule), func() bool { return w.found(string(rule), guilty) })
			}
			for _, row := range w.rows("findings") {
				if slices.Contains(f.rules, sessionwarden.Rule(row["rule"].(string))) && (row["reason"] == "" || row["silence"] == nil && row["rule"] != "takeover") {
					t.Errorf("it says too little: %v", row)
				}
			}
			if t.Failed() {
				t.Log(strings.Join(w.messages(), "\n"))
			}
		})
	}
	for _, info := range sessionwarden.Rules() {
		if !proven[info.Rule] {
			t.Errorf("nothing shows that %s fires in the program", info.Rule)
		}
	}
}
