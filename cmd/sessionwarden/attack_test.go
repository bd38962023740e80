package main

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/mannco/manncotest"
)

// The watch as a thief sees it: each attack is one way to make a rail fire for
// himself. docs/threat-model.md holds the table of what each costs him and us,
// as measured here:
//
//	go test ./cmd/sessionwarden -run TestAttack -update

var update = flag.Bool("update", false, "write what was measured to docs/threat-model.md")

// attack is one attack. It ends with a proof that the watch is not off: see
// duel.stillProtected and duel.stillHolds.
type attack struct {
	name  string // of the subtest: TestAttack/name
	what  string // he does
	holds string // what holds
	run   func(d *duel)
}

// duel is an attack under way. What the thief does is labelled, so that it can
// be told from the rest.
type duel struct {
	*bubble
	owner string        // the owner's session
	fresh int           // plain intruders so far
	every time.Duration // the schedule
	flood bool          // there is so much that people are told of many in one

	begun    time.Time
	requests int
	logins   int

	disk int64
}

const (
	decoy = "decoy" // a session that is there to be ended
	thief = "thief" // one that is not
	plain = "plain" // a plain intruder, for the proof after the attack
)

// begin starts the program with its owner at home and takes the measure.
func (d *duel) begin() {
	d.t.Helper()
	d.owner = d.atHome()
	d.start()
	d.pass(time.Minute)
	d.measure()
}

// slowly has the account polled every half minute, as a configuration does
// that says nothing of it. Call it before begin: it is for large attacks.
func (d *duel) slowly() {
	d.every = 30 * time.Second
	d.defaults[1] = `schedule = "@every 30s"`
}

// twoPolls is how long two polls take.
func (d *duel) twoPolls() time.Duration { return 2 * d.every }

// measure begins to count: for an attack that does not begin with an owner at
// home.
func (d *duel) measure() {
	d.begun = d.now()
	d.requests, d.logins, d.disk = d.asked(), d.service.Count("", manncotest.RouteLogin), d.used()
}

func (d *duel) asked() (n int) {
	for _, route := range manncotest.Routes() {
		n += d.service.Count("", route)
	}
	return n
}

func (d *duel) used() int64 {
	d.t.Helper()
	s, err := d.app.db.Stats()
	if err != nil {
		d.t.Fatal(err)
	}
	return s.Used
}

// comes signs somebody in as one of the thief's.
func (d *duel) comes(label, addr, agent string) string {
	return d.signInAs("main", manncotest.SessionSpec{Label: label, Address: addr, UserAgent: agent, ISP: "Provider"})
}

// far returns the i-th address of a provider in Vietnam.
func far(i int) string { return fmt.Sprintf("113.160.%d.%d", i/200%250, 1+i%200) }

// stranger is a plain intruder: nothing about him is clever.
func (d *duel) stranger() string {
	d.fresh++
	return d.comes(plain, fmt.Sprintf("177.32.11.%d", d.fresh), iphone)
}

// stillProtected proves that a plain intruder is ended, proven gone and told
// of within two polls.
func (d *duel) stillProtected() {
	d.t.Helper()
	id := d.stranger()
	d.pass(d.twoPolls())
	if d.alive(id) || d.stateOf(id) != "verified" {
		d.t.Errorf("two polls after he came, a plain intruder is %s (alive: %t)", d.describe(id), d.alive(id))
	}
	d.wantTold(id)
}

// stillHolds proves that what is to be done about a plain intruder is held by
// a rail, and told within two polls.
func (d *duel) stillHolds(by sessionwarden.Hold) string {
	d.t.Helper()
	id := d.stranger()
	d.pass(d.twoPolls())
	d.wantHeld(id, by)
	return id
}

// wantHeld checks that the session's action is held, and told.
func (d *duel) wantHeld(id string, by sessionwarden.Hold) {
	d.t.Helper()
	if a, _ := d.actionOn(id); a.State != sessionwarden.Held || a.Hold != by {
		d.t.Errorf("session %s is %s, want held by %v", id, d.describe(id), by)
	}
	d.wantTold(id)
}

// wantGone checks that the session was ended, proven and told.
func (d *duel) wantGone(id string) {
	d.t.Helper()
	if d.alive(id) || d.stateOf(id) != "verified" {
		d.t.Errorf("session %s is %s (alive: %t)", id, d.describe(id), d.alive(id))
	}
	d.wantTold(id)
}

func (d *duel) describe(id string) string {
	d.t.Helper()
	a, ok := d.actionOn(id)
	if !ok {
		return "not acted on at all"
	}
	return fmt.Sprintf("%v %v (%s)", a.State, a.Hold, a.Note)
}

// wantTold checks that people read of the session's address, or of more
// sessions than fit.
func (d *duel) wantTold(id string) {
	d.t.Helper()
	s, _ := d.service.Session("main", number(id))
	if !d.told(s.Address) && !(d.flood && (d.told("alerts at once") || d.told("not shown here"))) {
		d.t.Errorf("nobody was told of %s:\n%s", s.Address, tail(strings.Join(d.bubble.messages(), "\n--\n"), 2<<10))
	}
}

// Attackers' means, as calls of the service come in.

// each calls do with each call on a route.
func each(route manncotest.Route, do func(manncotest.Call)) func(manncotest.Call) {
	return func(c manncotest.Call) {
		if c.Route == route {
			do(c)
		}
	}
}

// row is a line of the table.
func (d *duel) row(a attack) string {
	signIns, longest, still := 0, map[string]time.Duration{}, map[string]bool{}
	for _, s := range d.service.Sessions("main") {
		if s.Label != decoy && s.Label != thief {
			continue
		}
		signIns++
		until := s.EndedAt
		if s.Ended == manncotest.NotEnded {
			until, still[s.Label] = d.now(), true
		}
		from := s.Started
		if from.Before(d.begun) {
			from = d.begun
		}
		longest[s.Label] = max(longest[s.Label], until.Sub(from))
	}
	his := fmt.Sprintf("%s sign-ins", thousands(signIns))
	if signIns == 1 {
		his = "1 sign-in"
	}
	for _, label := range []string{decoy, thief} {
		if life, any := longest[label]; any {
			his += fmt.Sprintf("; %s %s", label, lifetime(life))
			if still[label] {
				his += ", not ended"
			}
		}
	}
	held := 0
	for _, action := range d.history("main").Actions {
		if action.State == sessionwarden.Held {
			held++
		}
	}
	ours := fmt.Sprintf("%s: %s requests, %d logins, %d messages to people, %d held, %s KiB",
		lifetime(d.now().Sub(d.begun)), thousands(d.asked()-d.requests), d.service.Count("", manncotest.RouteLogin)-d.logins, d.newMessages(), held, thousands(int((d.used()-d.disk)>>10)))
	return fmt.Sprintf("| %s | %s | %s | %s | `%s` |", a.what, his, ours, a.holds, a.name)
}

// newMessages counts what rang since the attack began; updates are silent, and so is
// what goes into a thread.
func (d *duel) newMessages() (n int) {
	for _, m := range d.slack.Messages() {
		if (heard(m) || m.Broadcast) && !m.Posted.Before(d.begun) {
			n++
		}
	}
	return n
}

// thousands writes a number as people read it.
func thousands(n int) string {
	if n < 0 {
		return "-" + thousands(-n)
	}
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return thousands(n/1000) + fmt.Sprintf(",%03d", n%1000)
}

// lifetime writes a duration as people read it.
func lifetime(d time.Duration) string {
	switch {
	case d < time.Second:
		return "under 1 s"
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 3*time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	case d < 72*time.Hour:
		return fmt.Sprintf("%.0f h", d.Hours())
	}
	return fmt.Sprintf("%.0f days", d.Hours()/24)
}

func TestAttack(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	var mu sync.Mutex
	rows := make(map[string]string)
	for _, a := range attacks() {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(b *bubble) {
				b.defaults = slices.DeleteFunc(b.defaults, func(line string) bool { return line == seldom }) // the watch as it is
				d := &duel{bubble: b, every: polled}
				a.run(d)
				row := d.row(a)
				t.Log(row)
				mu.Lock()
				rows[a.name] = row
				mu.Unlock()
			})
		})
	}
	t.Cleanup(func() {
		if *update && !t.Failed() && len(rows) == len(attacks()) {
			writeTable(t, rows)
		}
	})
}

const (
	threatModel = "../../docs/threat-model.md"
	tableBegins = "<!-- attacks -->\n"
	tableEnds   = "<!-- /attacks -->"
)

// theTable cuts the document into what is before the table, the table, and
// what is behind it.
func theTable(t *testing.T) (before, table, behind string) {
	t.Helper()
	text, err := os.ReadFile(threatModel)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), tableBegins)
	table, behind, ok2 := strings.Cut(rest, tableEnds)
	if !ok || !ok2 {
		t.Fatalf("%s has no table between %q and %q", threatModel, tableBegins, tableEnds)
	}
	return before + tableBegins, table, tableEnds + behind
}

func writeTable(t *testing.T, rows map[string]string) {
	before, _, behind := theTable(t)
	lines := []string{"| the thief | costs him | costs us | what holds | `TestAttack/…` |", "|---|---|---|---|---|"}
	for _, a := range attacks() {
		lines = append(lines, rows[a.name])
	}
	if err := os.WriteFile(threatModel, []byte(before+strings.Join(lines, "\n")+"\n"+behind), 0o644); err != nil {
		t.Error(err)
	}
}

// The table names each attack, and no other, with what holds as it stands here.
func TestThreatModelNamesEachAttack(t *testing.T) {
	t.Parallel()
	_, table, _ := theTable(t)
	lines := strings.Split(strings.TrimSpace(table), "\n")
	known := attacks()
	if len(lines) != len(known)+2 {
		t.Errorf("the table has %d lines for %d attacks; write it anew: go test ./cmd/sessionwarden -run TestAttack -update", len(lines), len(known))
	}
	for _, a := range known {
		if !slices.ContainsFunc(lines, func(line string) bool {
			return strings.HasPrefix(line, "| "+a.what+" |") && strings.HasSuffix(line, "| "+a.holds+" | `"+a.name+"` |")
		}) {
			t.Errorf("the table does not have the attack %s as it is; write it anew: go test ./cmd/sessionwarden -run TestAttack -update", a.name)
		}
	}
}

func hostAddr(text string) netip.Addr { return netip.MustParseAddr(text) }
