package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"sessionwarden"
	"sessionwarden/alert"
	"sessionwarden/config"
	"sessionwarden/geo"
	"sessionwarden/mannco"
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

// madeUpAccount is an account as a configuration makes it that says no more than
// where its owner is.
func madeUpAccount(home sessionwarden.Country) (sessionwarden.Account, error) {
	text := fmt.Sprintf("[[account]]\nname = \"canary\"\napi_key = \"none\"\nexpected_countries = [%q]\n", string(home))
	cfg, err := config.Load("/canary.toml", []byte(text), new(command).configOptions())
	if err != nil {
		return sessionwarden.Account{}, err
	}
	return cfg.Accounts[0].Account, nil
}

// madeUpAnswer is what the service would answer for a list of these sessions.
func madeUpAnswer(eggs []egg) []byte {
	type row struct {
		ID        string `json:"id"`
		IP        string `json:"ip"`
		Location  string `json:"location"`
		ISP       string `json:"isp"`
		Current   bool   `json:"current"`
		UserAgent string `json:"userAgent"`
		Timestamp int64  `json:"timestamp"`
		Expire    int64  `json:"expire"`
	}
	var content struct {
		Count  int   `json:"count"`
		Values []row `json:"values"`
	}
	content.Count = len(eggs)
	for _, e := range eggs {
		content.Values = append(content.Values, row{e.id, e.addr, e.place, "Provider", e.current, eggAgent, e.started.Unix(), e.started.AddDate(0, 1, 0).Unix()})
	}
	text, err := json.Marshal(map[string]any{"err": false, "success": true, "content": content})
	if err != nil {
		return nil // which nobody can read
	}
	return text
}

// nest is the made-up service: it lists what its answer is decoded to, and lets
// go of what is ended.
type nest struct {
	hatch hatch

	mu    sync.Mutex
	eggs  []egg
	ended []sessionwarden.SessionID
}

func (n *nest) lay(eggs ...egg) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.eggs = append(n.eggs, eggs...)
}

// taken returns the sessions that somebody asked to end, in order.
func (n *nest) taken() []sessionwarden.SessionID {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.ended)
}

// Sessions implements monitor.Lister.
func (n *nest) Sessions(context.Context, bool) (sessionwarden.Listing, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := n.hatch.now().UTC().Round(0)
	page, err := mannco.DecodePage(n.hatch.answer(n.eggs), now)
	if err == nil && page.Broken != "" {
		err = errors.New(page.Broken)
	}
	if err == nil && (len(page.Rows) != len(n.eggs) || page.Count != int64(len(n.eggs))) {
		err = fmt.Errorf("of %d sessions %d came through", len(n.eggs), len(page.Rows))
	}
	l := sessionwarden.Listing{Complete: true, Asked: now, ServerTime: now}
	for i := 0; err == nil && i < len(page.Rows); i++ {
		row, e := page.Rows[i], n.eggs[i]
		if string(row.ID) != e.id || row.AddrText() != e.addr || row.UserAgent != eggAgent || !row.Started.Equal(e.started) || row.Current != e.current {
			err = errors.New("a session came through as another one: " + sessionwarden.Clean(string(row.ID)+" from "+row.AddrText(), 120))
		}
		if row.Current {
			row.Ownership = sessionwarden.Own
		}
		l.Rows = append(l.Rows, row.Session)
	}
	if err != nil {
		return sessionwarden.Listing{}, &failure{stage: "the service's answers are not understood", why: err.Error()}
	}
	return l, nil
}

// Disconnect implements monitor.Ender.
func (n *nest) Disconnect(_ context.Context, id sessionwarden.SessionID) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ended = append(n.ended, id)
	n.eggs = slices.DeleteFunc(n.eggs, func(e egg) bool { return e.id == string(id) })
	return nil
}

// DisconnectAll implements monitor.Ender.
func (n *nest) DisconnectAll(context.Context) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ended, n.eggs = append(n.ended, "all"), nil
	return nil
}

// memory is the made-up account's history, for as long as the play lasts.
type memory struct {
	mu       sync.Mutex
	id       uint64
	findings []sessionwarden.Finding
	actions  map[sessionwarden.SessionID]sessionwarden.Action
	alerts   map[uint64]sessionwarden.Alert
	trouble  string // what the watch would tell of itself
}

// History implements monitor.Journal.
func (m *memory) History(_ context.Context, account string) (sessionwarden.History, error) {
	return sessionwarden.History{Account: account}, nil
}

// NextID implements monitor.Journal.
func (m *memory) NextID() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.id++
	return m.id
}

// Commit implements monitor.Journal.
func (m *memory) Commit(_ context.Context, changes []sessionwarden.Change) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.actions == nil {
		m.actions, m.alerts = make(map[sessionwarden.SessionID]sessionwarden.Action), make(map[uint64]sessionwarden.Alert)
	}
	for _, c := range changes {
		m.findings = append(m.findings, c.Findings...)
		for _, a := range c.Actions {
			m.actions[a.Session] = a
		}
		for _, a := range c.Alerts {
			if m.alerts[a.ID] = a; len(a.Items) == 0 {
				m.trouble = a.Title // nothing but sessions is to be told of
			}
		}
	}
	return nil
}

// urgent takes what the watch would tell without having written it down.
func (m *memory) urgent(a sessionwarden.Alert) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.trouble = a.Title
}

// ofItself returns what the watch would tell of itself; "" for nothing.
func (m *memory) ofItself() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.trouble
}

// loudest returns a finding that people would be told of, if there is any.
func (m *memory) loudest() (loud sessionwarden.Finding, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range m.findings {
		if f.Response > sessionwarden.Log && f.Session != thiefsEgg && f.Session != strangersEgg {
			return f, true
		}
	}
	return loud, false
}

// verdict holds what was found and done, and what was asked of the service,
// against what should have been. It returns the alert about it.
func (m *memory) verdict(ended []sessionwarden.SessionID) (told sessionwarden.Alert, err error) {
	if f, loud := m.loudest(); loud {
		return told, &failure{stage: "an innocent session would be disturbed", why: f.Reason, innocent: true}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	found := func(session sessionwarden.SessionID, rule sessionwarden.Rule, response sessionwarden.Response) bool {
		return slices.ContainsFunc(m.findings, func(f sessionwarden.Finding) bool {
			return f.Session == session && f.Rule == rule && f.Response == response
		})
	}
	thief, stranger := m.actions[thiefsEgg], m.actions[strangersEgg]
	unjudged := func(format string, args ...any) error {
		return &failure{stage: "the rules do not find him", why: fmt.Sprintf(format, args...)}
	}
	unended := func(format string, args ...any) error {
		return &failure{stage: "he would not be ended", why: fmt.Sprintf(format, args...)}
	}
	switch {
	case !found(thiefsEgg, sessionwarden.UnexpectedCountry, sessionwarden.Disconnect):
		return told, unjudged("unexpected_country did not ask to end a session from a country that is not expected")
	case !found(strangersEgg, sessionwarden.UnknownCountry, sessionwarden.Ask):
		return told, unjudged("unknown_country did not ask about a session from nowhere")
	case !slices.Equal(ended, []sessionwarden.SessionID{thiefsEgg}):
		return told, unended("the calls that would have been made end %q, and should end %q alone", ended, thiefsEgg)
	case thief.State != sessionwarden.Verified:
		return told, unended("his end was not proven: it is %s (%s)", thief.State, thief.Note)
	case stranger.State != sessionwarden.Held:
		return told, unended("whether to end the one from nowhere was not asked: it is %s", stranger.State)
	}
	for _, a := range m.alerts {
		if slices.ContainsFunc(a.Items, func(i sessionwarden.AlertItem) bool { return i.Sighting.ID == thiefsEgg }) {
			return a, nil
		}
	}
	return told, &failure{stage: "nobody would be told", why: "no alert came of it"}
}
