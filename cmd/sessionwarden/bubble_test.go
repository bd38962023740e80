package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"sessionwarden"
	"sessionwarden/alert/slacktest"
	"sessionwarden/config"
	"sessionwarden/geo"
	"sessionwarden/mannco/manncotest"
	"sessionwarden/storage"
)

// A bubble is the real program, put together by open and run as the daemon
// runs it but without its sockets, in a world where time costs nothing: the
// simulated service and Slack answer in memory, and only the database is on a
// real disk.
//
//	func TestSomething(t *testing.T) {
//		t.Parallel()
//		inBubble(t, func(b *bubble) {
//			b.defaults = append(b.defaults, "max_disconnects = 1")
//			b.atHome()
//			b.start()
//			thief := b.signIn(farAddr, chrome)
//			b.pass(2 * polled) // two polls
//			b.wantEnded(thief)
//		})
//	}
//
// Its clock begins a month after the built-in location data was made. It goes
// on by itself while everybody waits, so a test lets it pass with b.pass and
// then finds everything at rest. All clocks agree (the program's, the
// service's, Slack's and that of timers) until a test sets the program's own
// with b.shift.
//
// A world_test.go world tests the binary as a process: what concerns signals,
// sockets, commands and kills belongs there.
type bubble struct {
	t       *testing.T
	dir     string // of the data
	service *manncotest.Service
	slack   *slacktest.Server
	beats   beats        // who waits for the heartbeat
	log     lockedBuffer // what the program has logged
	search  search       // for secrets, in all that the program lets out

	// What the configuration is made of; change before start, restart or
	// reload.
	instance string
	logForm  string   // "" is text
	defaults []string // lines under [defaults]
	rules    []string // lines under [defaults.rules]
	geo      []string // lines under [geo]
	accounts []string // names; their keys are testKey + "-" + name
	extra    string   // more lines at the end
	level    string   // of the log; "": debug
	beat     []string // lines under [heartbeat]; nil: neither heartbeat nor canary

	opened func(*app) // called before the program runs; nil: nothing

	// Called with each call to the service before and after it is answered,
	// from the goroutine that makes it; nil: nothing. Change before start, or
	// while the program is stopped or at rest.
	before, after func(manncotest.Call)
	hooks         chan struct{} // a lock that a hook may sleep under: a mutex would hold up the clock

	lists    func(*http.Request) *http.Response // what the addresses of lists answer; nil: nothing
	channels http.RoundTripper                  // the way to the channels at https://hook.invalid; nil: none

	app     *app // while it runs
	offset  atomic.Int64
	stopRun func() error
	reloads chan<- os.Signal
}

// polled is how often a bubble's account is polled.
const polled = 5 * time.Second

// inBubble runs f with a bubble of one account, "main", whose owner expects to
// be in Germany and whose watch polls every five seconds.
func inBubble(t *testing.T, f func(b *bubble)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bubble{t: t, hooks: make(chan struct{}, 1), dir: t.TempDir(), instance: "bubble"}
		places, err := geo.Open(geo.Options{})
		if err != nil {
			t.Fatal(err)
		}
		built := places.Status().CountryBuilt
		if err := places.Close(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Until(built.AddDate(0, 1, 0).Truncate(24 * time.Hour).Add(12 * time.Hour))) // the bubble's clock begins in 2000
		b.service = manncotest.New(manncotest.Options{
			Egress: netip.MustParseAddr(egressAddr), EgressLocation: "DE: Falkenstein", EgressISP: "Provider",
			Before: func(c manncotest.Call) { b.hook(&b.before, c) },
			After:  func(c manncotest.Call) { b.hook(&b.after, c) },
		})
		b.slack = slacktest.New()
		b.alsoWatch("main")
		b.defaults = []string{`expected_countries = ["DE"]`, `schedule = "@every 5s"`, `expired_every = "1m"`, seldom}
		defer func() {
			b.stop()
			b.search.look("log of the program", b.log.String())
			b.search.files(b.dir)
			b.search.report(t)
			if t.Failed() {
				t.Logf("the program's log:\n%s", tail(b.log.String(), 8<<10))
			}
		}()
		f(b)
	})
}

// seldom has the account itself looked at less often than a configuration does that
// says nothing of it: most stories are about sessions.
const seldom = `account_every = "10m"`

// tail returns the last n bytes of text, from the begin of a line.
func tail(text string, n int) string {
	if len(text) <= n {
		return text
	}
	text = text[len(text)-n:]
	return text[strings.IndexByte(text, '\n')+1:]
}

// alsoWatch adds an account that is watched.
func (b *bubble) alsoWatch(name string) {
	b.t.Helper()
	if err := b.service.AddAccount(manncotest.Account{Name: name, APIKey: testKey + "-" + name}); err != nil {
		b.t.Fatal(err)
	}
	b.accounts = append(b.accounts, name)
}

// now is the true time, as the service has it.
func (b *bubble) now() time.Time { return time.Now() }

// wall is the time on the program's own wall clock.
func (b *bubble) wall() time.Time { return time.Now().Add(time.Duration(b.offset.Load())) }

// shift sets the program's wall clock forward by d, or back, at once, as
// somebody does who sets the machine's clock. Timers take no notice.
func (b *bubble) shift(d time.Duration) { b.offset.Add(int64(d)) }

// configuration makes the configuration as it stands in the bubble.
func (b *bubble) configuration() (*config.Config, error) {
	var text strings.Builder
	fmt.Fprintf(&text, "data_dir = %q\ninstance = %q\n[log]\nlevel = %q\nformat = %q\n[web]\nlisten = \"\"\n", b.dir, b.instance, cmp.Or(b.level, "debug"), cmp.Or(b.logForm, "text"))
	fmt.Fprintf(&text, "[geo]\n%s\n", strings.Join(b.geo, "\n"))
	fmt.Fprintf(&text, "[alert.slack]\nbot_token = %q\nchannel = \"#security\"\n", testToken)
	fmt.Fprintf(&text, "[defaults]\n%s\n", strings.Join(b.defaults, "\n"))
	fmt.Fprintf(&text, "[defaults.rules]\n%s\n", strings.Join(b.rules, "\n"))
	for _, name := range b.accounts {
		fmt.Fprintf(&text, "[[account]]\nname = %q\napi_key = %q\n", name, testKey+"-"+name)
	}
	fmt.Fprintf(&text, "%s\n[heartbeat]\n%s\n", b.extra, beatLines(b.beat))
	return config.Load(filepath.Join(b.dir, "config.toml"), []byte(text.String()), new(command).configOptions())
}

// beatLines are the lines under [heartbeat]: most tests want no canary beside
// what they look at.
func beatLines(lines []string) string {
	if lines == nil {
		return `canary = "off"`
	}
	return strings.Join(lines, "\n")
}

// start starts the program and lets the first poll pass.
func (b *bubble) start() {
	b.t.Helper()
	b.startWith(b.service.Transport())
}

// startWith is start with another way to the service.
func (b *bubble) startWith(way http.RoundTripper) {
	b.t.Helper()
	cfg, err := b.configuration()
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	around := outside{
		services: func(string) (http.RoundTripper, error) { return b.search.transport("the service", way), nil },
		alerts:   alerting{b.search.transport("Slack", b.slack.Transport()), b.search.transport("a channel", b.channels)}, lists: listed(b.lists), now: b.wall,
		heartbeat: b.search.transport("whoever waits for the heartbeat", &b.beats),
	}
	a, err := open(ctx, cfg, &b.log, false, around)
	for tries := 0; errors.As(err, new(*storage.LockedError)) && tries < 100; tries++ {
		// A program that another test has just started holds our files until it
		// is one: for an instant, and that is none of the bubble's.
		real := syscall.NsecToTimespec(int64(5 * time.Millisecond))
		_ = syscall.Nanosleep(&real, nil)
		a, err = open(ctx, cfg, &b.log, false, around)
	}
	if err != nil {
		cancel()
		b.t.Fatal(err)
	}
	a.running = true
	if b.opened != nil {
		b.opened(a)
	}
	reload, ended := make(chan os.Signal), make(chan error, 1)
	noDoors := func(ctx context.Context) error { <-ctx.Done(); return nil }
	go func() { ended <- a.run(ctx, reload, b.configuration, noDoors) }()
	b.app, b.reloads = a, reload
	b.stopRun = func() error {
		cancel()
		err := <-ended
		if closed := a.Close(); err == nil {
			err = closed
		}
		return err
	}
	b.pass(time.Second)
}

// alerting is the way to Slack and to the other channels.
type alerting struct{ slack, others http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (a alerting) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host == "hook.invalid" {
		return a.others.RoundTrip(r)
	}
	return a.slack.RoundTrip(r)
}

// listed is the way to the addresses of lists.
type listed func(*http.Request) *http.Response

// RoundTrip implements http.RoundTripper.
func (l listed) RoundTrip(req *http.Request) (*http.Response, error) {
	if l == nil {
		return nil, errors.New("there is no network in a bubble")
	}
	return l(req), nil
}

// stop stops the program as SIGTERM does. It does nothing where none runs.
func (b *bubble) stop() {
	b.t.Helper()
	if b.stopRun == nil {
		return
	}
	if err := b.stopRun(); err != nil {
		b.t.Errorf("the program ended with %v", err)
	}
	b.app, b.stopRun, b.reloads = nil, nil, nil
}

// restart stops the program and starts it again on the same data, under the
// configuration as it stands in the bubble by now.
func (b *bubble) restart() {
	b.t.Helper()
	b.stop()
	b.start()
}

// reload has the configuration read again, as SIGHUP does.
func (b *bubble) reload() {
	b.reloads <- syscall.SIGHUP
	synctest.Wait()
}

// hook calls f with c, one call at a time.
func (b *bubble) hook(f *func(manncotest.Call), c manncotest.Call) {
	b.hooks <- struct{}{}
	defer func() { <-b.hooks }()
	if *f != nil {
		(*f)(c)
	}
}

// pass lets time go by, and then everybody come to rest.
func (b *bubble) pass(d time.Duration) {
	b.hooks <- struct{}{} // what the test has written is seen by its hooks from now on
	<-b.hooks
	time.Sleep(d)
	synctest.Wait()
}

// signIn lets somebody sign in to the account main, and returns the id.
func (b *bubble) signIn(addr, agent string) string {
	return b.signInAs("main", manncotest.SessionSpec{Address: addr, UserAgent: agent, ISP: "Provider"})
}

// signInAs lets somebody sign in to an account.
func (b *bubble) signInAs(account string, spec manncotest.SessionSpec) string {
	return strconv.FormatInt(b.service.SignIn(account, spec), 10)
}

// atHome signs in the owner of main, three days ago.
func (b *bubble) atHome() string {
	return b.signInAs("main", manncotest.SessionSpec{Address: homeAddr, UserAgent: chrome, ISP: "Provider", Age: 72 * time.Hour})
}

func (b *bubble) fault(f manncotest.Fault) {
	b.t.Helper()
	if err := b.service.SetFault(f); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bubble) variant(name manncotest.Variant, value string) {
	b.t.Helper()
	if err := b.service.SetVariant(name, value); err != nil {
		b.t.Fatal(err)
	}
}

// alive reports whether a session of main is good.
func (b *bubble) alive(id string) bool {
	s, ok := b.service.Session("main", number(id))
	return ok && s.Live(b.now())
}

// ended returns the targets of all calls to end something on main, in order,
// with "all" for the call that ends all.
func (b *bubble) ended() []string { return endedOf(b.service, "main") }

// wantEnded checks which sessions the program has tried to end, in any order.
func (b *bubble) wantEnded(ids ...string) {
	b.t.Helper()
	got := slices.Sorted(slices.Values(b.ended()))
	slices.Sort(ids)
	if !slices.Equal(got, ids) {
		b.t.Errorf("ended %v, want %v", got, ids)
	}
}

// The rows on disk, oldest first, of all accounts. The program must run.

func (b *bubble) sightings() []sessionwarden.Sighting {
	b.t.Helper()
	return all(b, b.app.db.Sightings)
}

func (b *bubble) findings() []sessionwarden.Finding {
	b.t.Helper()
	return all(b, b.app.db.Findings)
}

func (b *bubble) actions() []sessionwarden.Action {
	b.t.Helper()
	return all(b, b.app.db.Actions)
}

func (b *bubble) incidents() []sessionwarden.Incident {
	b.t.Helper()
	return all(b, b.app.db.Incidents)
}

// all reads all rows of one kind.
func all[Row any](b *bubble, rows func(context.Context, sessionwarden.Query) iter.Seq2[Row, error]) []Row {
	b.t.Helper()
	var list []Row
	for row, err := range rows(context.Background(), sessionwarden.Query{}) {
		if err != nil {
			b.t.Fatal(err)
		}
		list = append(list, row)
	}
	return list
}

// alerts returns the alerts in the outbox, oldest first.
func (b *bubble) alerts() []sessionwarden.Alert {
	b.t.Helper()
	alerts, _, err := b.app.db.Outbox(context.Background())
	if err != nil {
		b.t.Fatal(err)
	}
	return alerts
}

// history returns what is remembered of an account.
func (b *bubble) history(account string) sessionwarden.History {
	b.t.Helper()
	h, err := b.app.db.History(context.Background(), account)
	if err != nil {
		b.t.Fatal(err)
	}
	return h
}

// actionOn returns the newest action about a session of main.
func (b *bubble) actionOn(id string) (sessionwarden.Action, bool) {
	b.t.Helper()
	actions := b.actions()
	for i := len(actions) - 1; i >= 0; i-- {
		if actions[i].Account == "main" && string(actions[i].Session) == id {
			return actions[i], true
		}
	}
	return sessionwarden.Action{}, false
}

// stateOf returns the state of the newest action about a session of main; ""
// where there is none.
func (b *bubble) stateOf(id string) string {
	b.t.Helper()
	a, ok := b.actionOn(id)
	if !ok {
		return ""
	}
	return a.State.String()
}

// found reports whether a rule has found something on a session of main; on
// any, and on the account itself, where id is "".
func (b *bubble) found(rule sessionwarden.Rule, id string) bool {
	b.t.Helper()
	return slices.ContainsFunc(b.findings(), func(f sessionwarden.Finding) bool {
		return f.Account == "main" && f.Rule == rule && (id == "" || string(f.Session) == id)
	})
}

// messages returns what Slack shows by now, as plain text, a message each.
func (b *bubble) messages() []string {
	var list []string
	for _, m := range b.slack.Messages() {
		if heard(m) {
			list = append(list, slacktest.Text(m))
		}
	}
	return list
}

// told reports whether a message holds text.
func (b *bubble) told(text string) bool {
	return slices.ContainsFunc(b.messages(), func(m string) bool { return strings.Contains(m, text) })
}

// A bubble's own tests.

func TestBubbleEndsAnIntruderWithinTwoPolls(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.atHome()
		b.start()
		b.pass(time.Hour)
		thief := b.signIn(farAddr, chrome)
		b.pass(2 * polled)
		b.wantEnded(thief)
		if got := b.stateOf(thief); got != "verified" {
			t.Errorf("its action is %q", got)
		}
		if !b.told("verified gone") {
			t.Errorf("people were not told: %q", b.messages())
		}
		if polls := b.service.Count("main", manncotest.RouteList); polls < 720 {
			t.Errorf("%d lists were read within an hour of a poll every %v", polls, polled)
		}
	})
}

func TestBubbleGoesOnAfterARestart(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.atHome()
		b.start()
		b.pass(time.Minute)
		b.defaults[0] = `expected_countries = ["DE", "VN"]`
		b.restart()
		b.pass(time.Minute)
		b.signIn(farAddr, chrome)
		b.pass(2 * polled)
		b.wantEnded()
		b.defaults[0] = `expected_countries = ["DE"]`
		b.reload()
		b.pass(2 * polled)
		if got := len(b.ended()); got != 1 {
			t.Errorf("%d sessions were ended after the configuration was read again", got)
		}
		if logins := b.service.Logins("main"); logins != 1 {
			t.Errorf("%d logins: the one before the restart is good", logins)
		}
		if len(b.sightings()) != 3 || len(b.findings()) == 0 || len(b.alerts()) == 0 || b.history("main").Baseline.IsZero() {
			t.Errorf("%d sightings, %d findings, %d alerts", len(b.sightings()), len(b.findings()), len(b.alerts()))
		}
	})
}

func TestBubbleClockCanBeSet(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.atHome()
		b.start()
		b.shift(-72 * time.Hour)
		b.pass(time.Minute)
		thief := b.signIn(farAddr, chrome)
		b.pass(time.Minute)
		a, _ := b.actionOn(thief)
		if a.State != sessionwarden.Held || a.Hold != sessionwarden.HeldByClock || !b.alive(thief) {
			t.Errorf("the action is %v by %q; the clock is three days wrong", a.State, a.Hold)
		}
		if d := b.now().Sub(b.wall()); d != 72*time.Hour {
			t.Errorf("the clocks are %v apart", d)
		}
	})
}

// One account's slow service is nothing to the others, nor to the clock.
func TestBubbleOfSeveralAccountsOneOfThemSlow(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.alsoWatch("slow")
		b.variant(manncotest.VariantTimestamp, "number")
		b.fault(manncotest.Fault{Kind: manncotest.FaultHang, Value: "3s", Account: "slow"})
		b.atHome()
		b.start()
		thief := b.signIn(farAddr, chrome)
		b.pass(2 * polled)
		if !b.found(sessionwarden.UnexpectedCountry, thief) {
			t.Error("nothing was found on the thief")
		}
		b.wantEnded(thief)
	})
}
