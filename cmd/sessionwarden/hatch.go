package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"sessionwarden"
	"sessionwarden/alert"
	"sessionwarden/geo"
	"sessionwarden/monitor"
)

// hatch is where a canary goes through: the real decoder of the service's
// answers, the real location data, and a watch of its own over a made-up account
// whose history is in memory and whose service is made up too, so that nothing
// it calls could end anything or be seen by anybody. Then the words, and up to
// the channels' doors and the database.
//
// What it does not show: that the service answers (polls do), that Slack's channel
// is there (a message does), that the rows on the disk are whole (backups do),
// and what a rule of the owner's configuration says (replay and explain do).
type hatch struct {
	locate func(netip.Addr) sessionwarden.Location
	judged func(home sessionwarden.Country) (sessionwarden.Account, error) // the made-up account
	answer func([]egg) []byte                                              // the service's list of sessions
	words  func(sessionwarden.Alert, alert.Facts) alert.Message
	write  func(context.Context) error
	knock  func(context.Context) []alert.DryResult
	now    func() time.Time
}

func newHatch(a *app) hatch {
	return hatch{
		locate: a.places.Lookup, judged: madeUpAccount, answer: madeUpAnswer, words: alert.Compose,
		write: a.db.Probe, knock: a.teller.Dry, now: a.outside.now,
	}
}

// egg is one made-up session.
type egg struct {
	id      string
	addr    string
	place   string // as the service says it
	current bool
	started time.Time
}

const eggAgent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

// nests are addresses of large household networks that have been in their
// countries for decades. They are looked up, and never reached.
var nests = []struct {
	addr    netip.Addr
	country sessionwarden.Country
}{
	{netip.MustParseAddr("91.0.0.1"), "DE"}, {netip.MustParseAddr("90.0.0.1"), "FR"}, {netip.MustParseAddr("79.0.0.1"), "IT"},
	{netip.MustParseAddr("126.0.0.1"), "JP"}, {netip.MustParseAddr("113.160.0.1"), "VN"}, {netip.MustParseAddr("177.32.10.20"), "BR"},
}

// placeless are addresses that have no place: one for documentation, which a file
// of the owner's may know all the same, and a private one, which none may.
var placeless = []netip.Addr{netip.MustParseAddr("192.0.2.77"), netip.MustParseAddr("10.255.255.77")}

// scene is where the play takes place: who is at home, who is far away, and who
// is nowhere.
type scene struct {
	home, far, none         netip.Addr
	homeCountry, farCountry sessionwarden.Country
}

// play sends one canary through. Its error is a *failure.
func (h hatch) play(ctx context.Context) (notes []string, err error) {
	if err := h.rehearse(ctx); err != nil {
		return nil, err
	}
	if err := h.write(ctx); err != nil {
		return nil, &failure{stage: "nothing can be written down", why: sessionwarden.Shorten(err.Error(), 300), cure: "Look at free space and permissions of the data directory.", disk: err}
	}
	notes, wrong := channelsTaken(h.knock(ctx))
	if wrong != nil {
		return notes, wrong
	}
	return notes, nil
}

// rehearse is the part of it that takes neither database nor channels. Its error
// is a *failure.
func (h hatch) rehearse(ctx context.Context) error {
	s, err := h.places()
	if err != nil {
		return err
	}
	told, err := h.watch(ctx, s)
	if err != nil {
		return err
	}
	return h.said(told, s)
}

// places asks the location data where the made-up sessions are. Of the owner's own
// files nobody can say what is right; of the built-in data one can.
func (h hatch) places() (s scene, err error) {
	lost := func(format string, args ...any) error {
		return &failure{stage: "places are not known", why: fmt.Sprintf(format, args...), cure: "Look at the location data: sessionwarden geo lookup " + nests[0].addr.String()}
	}
	at := -1
	for i, nest := range nests {
		l := h.locate(nest.addr)
		if strings.HasPrefix(l.Source, "built-in ") && l.Country != nest.country {
			return s, lost("the built-in data puts %s into %s, which is in %s", nest.addr, cmp.Or(l.Country.Name(), "no country"), nest.country.Name())
		}
		if !l.Placed() || l.Network != sessionwarden.UnknownNetwork || l.Tor || l.VPN {
			continue
		}
		if at < 0 {
			at, s.home, s.homeCountry = i, nest.addr, l.Country
		} else if l.Country != s.homeCountry {
			s.far, s.farCountry = nest.addr, l.Country // the last one: the farther the better
		}
	}
	switch {
	case at < 0:
		return s, lost("none of %d well-known addresses, such as %s, is in any country", len(nests), nests[0].addr)
	case !s.far.IsValid():
		return s, lost("all well-known addresses, such as %s and %s, are in %s", nests[0].addr, nests[len(nests)-1].addr, s.homeCountry.Name())
	}
	for _, addr := range placeless {
		if s.none = addr; !h.locate(addr).Placed() {
			return s, nil
		}
	}
	return s, lost("%s, which is a private address, is in %s", s.none, h.locate(s.none).Country.Name())
}

// watch plays the story to a watch of its own: the owner is at home, and then
// somebody signs in from far away, and somebody from nowhere. It returns the alert
// that comes of it.
func (h hatch) watch(ctx context.Context, s scene) (told sessionwarden.Alert, err error) {
	account, err := h.judged(s.homeCountry)
	if err != nil {
		return told, &failure{stage: "no account can be configured", why: err.Error()}
	}
	now := h.now().UTC().Truncate(time.Second)
	nest := &nest{hatch: h, eggs: []egg{
		{id: "101", addr: s.home.String(), place: string(s.homeCountry), current: true, started: now.Add(-time.Hour)},
		{id: ownersEgg, addr: s.home.Next().String(), place: string(s.homeCountry), started: now.Add(-72 * time.Hour)},
	}}
	memory := &memory{}
	m := monitor.New(monitor.Options{
		Journal: memory, Locate: h.locate, Distance: geo.Distance, Now: h.now,
		Urgent: func(a sessionwarden.Alert) { memory.urgent(a) },
	})
	if err := m.Watch(ctx, []monitor.Watched{{Account: account, Lister: nest, Ender: nest}}); err != nil {
		return told, &failure{stage: "no account can be watched", why: err.Error()}
	}
	if err := h.poll(ctx, m, memory); err != nil {
		return told, err
	}
	if f, loud := memory.loudest(); loud {
		return told, &failure{stage: "an innocent session would be disturbed", why: f.Reason, innocent: true}
	}
	nest.lay(egg{id: thiefsEgg, addr: s.far.String(), place: string(s.farCountry) + ": Somewhere", started: now.Add(-time.Minute)},
		egg{id: strangersEgg, addr: s.none.String(), started: now.Add(-time.Minute)})
	if err := h.poll(ctx, m, memory); err != nil {
		return told, err
	}
	return memory.verdict(nest.taken())
}

// The ids of the made-up sessions.
const (
	ownersEgg    = "102"
	thiefsEgg    = "103"
	strangersEgg = "104"
)

// poll has the made-up account polled once, with all that comes of it.
func (h hatch) poll(ctx context.Context, m *monitor.Monitor, told *memory) error {
	err := m.Once(ctx, 10*time.Second)
	var wrong *failure
	if errors.As(err, &wrong) {
		return wrong
	}
	if trouble := told.ofItself(); err == nil && trouble != "" {
		err = errors.New(trouble)
	}
	if err == nil {
		return nil
	}
	return &failure{stage: "the watch does not work", why: sessionwarden.Shorten(err.Error(), 300)}
}

// said looks at the words that people would get.
func (h hatch) said(told sessionwarden.Alert, s scene) error {
	m := h.words(told, alert.Facts{Now: h.now(), Instance: "canary"})
	for _, word := range []string{s.far.String(), s.farCountry.Name(), s.none.String(), thiefsEgg} {
		if !strings.Contains(m.Text, word) || m.Title == "" || m.Severity != sessionwarden.Critical {
			return &failure{stage: "the message would not say what happened", why: "it does not tell of " + word}
		}
	}
	return nil
}
