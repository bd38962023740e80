package monitor_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sessionwarden"
	"sessionwarden/monitor"
)

// service is a watched service that a test plays with. It keeps rows, ends
// them when asked, and fails as told.
type service struct {
	mu        sync.Mutex
	rows      []sessionwarden.Session
	gone      []sessionwarden.Session
	ended     []sessionwarden.SessionID // calls that were made
	fails     error                     // of the lists
	refuses   error                     // of the disconnections
	lies      int                       // disconnections that say done and do nothing
	ending    func()                    // called before a session is ended, under the lock; nil: nothing
	leaves    bool                      // who is to be ended signs out first
	partly    bool                      // lists are not complete
	loggedOut int                       // lists that say that our session was ended
	slow      time.Duration             // of each list
	notes     []string                  // of the next list
	panics    bool
	skew      time.Duration
	lists     int
	sent      [2][]sessionwarden.Session
}

func (s *service) Sessions(ctx context.Context, expired bool) (sessionwarden.Listing, error) {
	asked := time.Now().Round(0).UTC()
	if slow := locked(&s.mu, func() time.Duration { return s.slow }); slow > 0 {
		select {
		case <-ctx.Done():
			return sessionwarden.Listing{}, &sessionwarden.Fault{Kind: sessionwarden.FaultNetwork, Doing: "reading", Err: ctx.Err()}
		case <-time.After(slow):
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lists++
	if s.panics {
		panic("the list is on fire")
	}
	if s.fails != nil {
		return sessionwarden.Listing{}, s.fails
	}
	list := sessionwarden.Listing{Rows: slices.Clone(s.rows), Complete: !s.partly, Why: "", Asked: asked, ServerTime: asked.Add(s.skew)}
	list.Notes, s.notes = s.notes, nil
	which := 0
	if expired {
		list.Rows = append(list.Rows, s.gone...)
		which = 1
	} else if s.loggedOut > 0 {
		s.loggedOut--
		list.LoggedIn, list.LoggedOut = true, true
	}
	same := slices.EqualFunc(list.Rows, s.sent[which], func(a, b sessionwarden.Session) bool { return fmt.Sprint(a) == fmt.Sprint(b) })
	list.Unchanged = same && s.sent[which] != nil
	s.sent[which] = list.Rows
	return list, nil
}

func (s *service) Disconnect(_ context.Context, id sessionwarden.SessionID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = append(s.ended, id)
	if s.ending != nil {
		s.ending()
	}
	if s.leaves {
		s.drop(id)
	}
	if s.refuses != nil {
		return s.refuses
	}
	if s.lies > 0 {
		s.lies--
		return nil
	}
	s.drop(id)
	return nil
}

func (s *service) DisconnectAll(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = append(s.ended, "all")
	s.rows = slices.DeleteFunc(s.rows, func(r sessionwarden.Session) bool { return !r.Ownership.Untouchable() })
	return nil
}

func (s *service) drop(id sessionwarden.SessionID) {
	for i, row := range s.rows {
		if row.ID == id {
			s.gone = append(s.gone, row)
			s.rows = slices.Delete(s.rows, i, i+1)
			return
		}
	}
}

func (s *service) signIn(row sessionwarden.Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows = append([]sessionwarden.Session{row}, s.rows...)
}

func (s *service) signOut(id sessionwarden.SessionID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(id)
}

func (s *service) set(f func(*service)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s)
}

func (s *service) calls() []sessionwarden.SessionID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.ended)
}

// journal is a database in memory that counts what it writes.
type journal struct {
	mu      sync.Mutex
	next    uint64
	commits int
	fails   error
	hist    map[string]sessionwarden.History
	rows    map[uint64]sessionwarden.Sighting
	finds   []sessionwarden.Finding
	acts    map[uint64]sessionwarden.Action
	alerts  map[uint64]sessionwarden.Alert
	order   []string                   // the states that actions went through, with the attempts until then
	after   func(sessionwarden.Action) // called with each action once it is written; nil: nothing
}

func newJournal() *journal {
	return &journal{hist: map[string]sessionwarden.History{}, rows: map[uint64]sessionwarden.Sighting{}, acts: map[uint64]sessionwarden.Action{}, alerts: map[uint64]sessionwarden.Alert{}}
}

func (j *journal) History(_ context.Context, account string) (sessionwarden.History, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	h := j.hist[account].Clone()
	h.Account = account
	return h, nil
}

func (j *journal) NextID() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.next++
	return j.next
}

func (j *journal) Commit(_ context.Context, changes []sessionwarden.Change) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.fails != nil {
		return j.fails
	}
	j.commits++
	for _, c := range changes {
		j.hist[c.History.Account] = c.History.Clone()
		for _, s := range c.Sightings {
			j.rows[s.Seq] = s
		}
		j.finds = append(j.finds, c.Findings...)
		for _, a := range c.Actions {
			j.acts[a.ID] = a
			j.order = append(j.order, fmt.Sprintf("%s %d", a.State, a.Attempts))
			if j.after != nil {
				j.after(a)
			}
		}
		for _, a := range c.Alerts {
			j.alerts[a.ID] = a
		}
	}
	return nil
}

// locked reads what a goroutine of the watch may be writing.
func locked[T any](mu *sync.Mutex, read func() T) T {
	mu.Lock()
	defer mu.Unlock()
	return read()
}

func (s *service) reads() int { return locked(&s.mu, func() int { return s.lists }) }
func (s *service) count() int { return locked(&s.mu, func() int { return len(s.rows) }) }
func (s *service) all() []sessionwarden.Session {
	return locked(&s.mu, func() []sessionwarden.Session { return slices.Clone(s.rows) })
}

func (j *journal) findings() []sessionwarden.Finding {
	return locked(&j.mu, func() []sessionwarden.Finding { return slices.Clone(j.finds) })
}

func (j *journal) path() []string {
	return locked(&j.mu, func() []string { return slices.Clone(j.order) })
}

func (j *journal) histories() map[string]sessionwarden.History {
	return locked(&j.mu, func() map[string]sessionwarden.History { return maps.Clone(j.hist) })
}

func (j *journal) told() map[uint64]sessionwarden.Alert {
	return locked(&j.mu, func() map[uint64]sessionwarden.Alert { return maps.Clone(j.alerts) })
}

func last[T any](list []T) T { return list[len(list)-1] }

func (j *journal) count() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.commits
}

func (j *journal) states() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var states []string
	for _, id := range slices.Sorted(maps.Keys(j.acts)) {
		states = append(states, j.acts[id].State.String())
	}
	return states
}

func (j *journal) alertOf(kind sessionwarden.AlertKind) (last sessionwarden.Alert, n int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(j.alerts)) {
		if j.alerts[id].Kind == kind {
			last = j.alerts[id]
			n++
		}
	}
	return last, n
}

func (j *journal) sightings(state sessionwarden.SightingState) []sessionwarden.Sighting {
	j.mu.Lock()
	defer j.mu.Unlock()
	var list []sessionwarden.Sighting
	for _, seq := range slices.Sorted(maps.Keys(j.rows)) {
		if j.rows[seq].State == state {
			list = append(list, j.rows[seq])
		}
	}
	return list
}

func (j *journal) set(f func(*journal)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	f(j)
}

// house is a monitor with what is around it.
type house struct {
	t       *testing.T
	m       *monitor.Monitor
	journal *journal
	service *service
	account sessionwarden.Account
	page    *page // what the service says of the account; nil: nobody reads it

	mu     sync.Mutex
	urgent []sessionwarden.Alert
	gen    uint64
	failed string
	moved  map[netip.Addr]sessionwarden.Country // what new location data says otherwise
	tor    map[netip.Addr]bool                  // what a new list of exits says
}

// where locates the addresses of the tests: each test network is a country
// and an autonomous system of its own.
func (h *house) where(addr netip.Addr) sessionwarden.Location {
	h.mu.Lock()
	defer h.mu.Unlock()
	l := sessionwarden.Location{Source: "test", Built: time.Date(1999, 12, 1, 0, 0, 0, 0, time.UTC), Tor: h.tor[addr]}
	switch {
	case netip.MustParsePrefix("192.0.2.0/25").Contains(addr):
		l.Country, l.ASN, l.Organization = "DE", 64500, "Home Net"
	case netip.MustParsePrefix("192.0.2.128/25").Contains(addr):
		l.Country, l.ASN, l.Organization = "DE", 64501, "Mobile Net"
	case netip.MustParsePrefix("203.0.113.0/24").Contains(addr):
		l.Country, l.ASN, l.Organization = "VN", 64510, "Far Net"
	case netip.MustParsePrefix("198.51.100.0/24").Contains(addr):
		l.Country, l.ASN, l.Organization = "BR", 64520, "Other Net"
	}
	if c, ok := h.moved[addr]; ok {
		l.Country = c
	}
	return l
}

// newHouse watches one account that expects Germany, every 30 s.
func newHouse(t *testing.T, change ...func(*sessionwarden.Account)) *house {
	t.Helper()
	h := &house{t: t, journal: newJournal(), service: &service{}, account: account("main"), moved: map[netip.Addr]sessionwarden.Country{}}
	for _, f := range change {
		f(&h.account)
	}
	h.restart()
	return h
}

func account(name string) sessionwarden.Account {
	a := sessionwarden.Account{
		Name: name, Service: "mannco", Schedule: "@every 30s", ExpiredEvery: time.Minute, Timeout: 10 * time.Second,
		Expected: []sessionwarden.Country{"DE"}, MaxDisconnects: 10, MaxDisconnectsStrangers: 100,
		AskTimeout: 10 * time.Minute, AskDefault: sessionwarden.KeepSession, Rules: map[sessionwarden.Rule]sessionwarden.Response{},
	}
	for _, info := range sessionwarden.Rules() {
		a.Rules[info.Rule] = info.Response
	}
	return a
}

// restart makes a new monitor over the same journal, as after a crash.
func (h *house) restart() {
	h.t.Helper()
	h.m = monitor.New(monitor.Options{
		Journal: h.journal, Locate: h.where,
		LocationData: func() (uint64, string) {
			h.mu.Lock()
			defer h.mu.Unlock()
			return h.gen, h.failed
		},
		OpenAlerts: func(context.Context) ([]sessionwarden.Alert, error) {
			h.journal.mu.Lock()
			defer h.journal.mu.Unlock()
			return slices.Collect(maps.Values(h.journal.alerts)), nil
		},
		Urgent: func(a sessionwarden.Alert) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.urgent = append(h.urgent, a)
		},
	})
	h.watch()
}

func (h *house) watch() {
	h.t.Helper()
	w := monitor.Watched{Account: h.account, Lister: h.service, Ender: h.service}
	if h.account.DryRun {
		w.Ender = nil
	}
	if h.page != nil {
		w.Facts = h.page
	}
	if err := h.m.Watch(context.Background(), []monitor.Watched{w}); err != nil {
		h.t.Fatal(err)
	}
}

// run starts the watch and returns how to stop it.
func (h *house) run() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.m.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			h.t.Errorf("run: %v", err)
		}
	}
}

// watched runs f in a bubble where time passes by itself, half a minute after
// the watch of an owner who is at home began, over an account as changed.
func watched(t *testing.T, f func(*testing.T, *house), change ...func(*sessionwarden.Account)) {
	t.Helper()
	synctestHouse(t, func(t *testing.T, h *house) {
		stop := h.run()
		defer stop()
		pass(31 * time.Second)
		f(t, h)
	}, change...)
}

// synctestHouse runs f in a bubble where time passes by itself, with a watch
// that does not run yet over an account as changed, whose owner is at home.
func synctestHouse(t *testing.T, f func(*testing.T, *house), change ...func(*sessionwarden.Account)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, change...)
		h.atHome()
		f(t, h)
	})
}

// pass lets time go by.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func session(id, addr string, change ...func(*sessionwarden.Session)) sessionwarden.Session {
	s := sessionwarden.Session{
		ID: sessionwarden.SessionID(id), Addr: netip.MustParseAddr(addr), Started: time.Now().Add(-time.Minute).Round(0).UTC(),
		UserAgent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
	}
	for _, f := range change {
		f(&s)
	}
	return s
}

func old(s *sessionwarden.Session)  { s.Started = s.Started.Add(-72 * time.Hour) }
func ours(s *sessionwarden.Session) { s.Ownership = sessionwarden.Own }
func phone(s *sessionwarden.Session) {
	s.UserAgent = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"
}

// atHome signs in the owner and the watch itself.
func (h *house) atHome() {
	h.service.signIn(session("1", "192.0.2.1", old))
	h.service.signIn(session("2", "192.0.2.9", ours))
}

func wantCalls(t *testing.T, s *service, want ...sessionwarden.SessionID) {
	t.Helper()
	if got := s.calls(); !slices.Equal(got, want) {
		t.Errorf("sessions ended: %v, want %v", got, want)
	}
}

func wantStates(t *testing.T, j *journal, want ...string) {
	t.Helper()
	if got := j.states(); !slices.Equal(got, want) {
		t.Errorf("actions: %v, want %v", got, want)
	}
}

var errNet = &sessionwarden.Fault{Kind: sessionwarden.FaultNetwork, Doing: "reading the session list", Message: "connection refused"}
var errRefused = &sessionwarden.Fault{Kind: sessionwarden.FaultRefused, Doing: "signing in", Message: "Invalid API key", RetryAfter: 30 * time.Second}
var errNotFound = &sessionwarden.Fault{Kind: sessionwarden.FaultNotFound, Doing: "ending a session", Message: "not found"}
var errDisk = errors.New("no space left on device")
