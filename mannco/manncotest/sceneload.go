package manncotest

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"math"
	"net/netip"
	"os"
	"slices"
	"time"
)

// What a scenario file may hold.
const (
	maxScenario = 1 << 20 // bytes
	maxEvents   = 10_000
	maxOpenings = 10_000
	maxCast     = 1_000 // accounts
	longest     = 400 * 24 * time.Hour
)

// LoadScenario reads a scenario. The error is a *ScenarioError with
// everything that is wrong, under the file name "scenario".
func LoadScenario(data []byte) (Scenario, error) { return load("scenario", data) }

// LoadScenarioFile reads a scenario from a file of at most 1 MiB. What is
// wrong in it is told in a *ScenarioError.
func LoadScenarioFile(path string) (Scenario, error) {
	file, err := os.Open(path)
	if err != nil {
		return Scenario{}, fmt.Errorf("opening the scenario: %w", err)
	}
	defer file.Close() //nolint:errcheck // it was only read
	data, err := io.ReadAll(io.LimitReader(file, maxScenario+1))
	if err != nil {
		return Scenario{}, fmt.Errorf("reading the scenario: %w", err)
	}
	return load(path, data)
}

func load(file string, data []byte) (Scenario, error) {
	if len(data) > maxScenario {
		return Scenario{}, &ScenarioError{file, []Problem{{Message: fmt.Sprintf("it is longer than %d bytes", maxScenario)}}}
	}
	doc, problem := parse(data)
	if doc == nil {
		return Scenario{}, &ScenarioError{file, []Problem{problem}}
	}
	sc := doc.top().scenario()
	if len(doc.problems) > 0 {
		return Scenario{}, &ScenarioError{file, sorted(doc.problems)}
	}
	return sc, nil
}

// scenario reads the whole file.
func (t *table) scenario() Scenario {
	sc := Scenario{Title: t.line("title"), About: t.line("about"), Speed: t.speed()}
	sc.Watcher = t.watcher()
	sc.Variants = t.variants()
	sc.Accounts = t.accounts()
	cast := newCast(sc.Accounts)
	for _, one := range t.tables("session", maxOpenings) {
		sc.Sessions = append(sc.Sessions, one.opening(cast))
	}
	events := t.tables("event", maxEvents)
	read := make([]reading, len(events))
	for i, one := range events {
		read[i] = reading{one.event(), one}
	}
	// Who can do what depends on what happened before, by time.
	slices.SortStableFunc(read, func(a, b reading) int { return cmp.Compare(a.event.At, b.event.At) })
	for _, r := range read {
		cast.settle(&r.event, r.table)
		sc.Events = append(sc.Events, r.event)
	}
	t.done()
	return sc
}

// reading is an event with the table it was read from.
type reading struct {
	event Event
	table *table
}

func (t *table) speed() float64 {
	value, ok := t.get("speed")
	if !ok {
		return 1
	}
	speed, ok := value.(float64)
	if n, whole := value.(int64); whole {
		speed, ok = float64(n), true
	}
	if !ok || math.IsNaN(speed) || speed < 0.001 || speed > 1e6 {
		t.wrong("speed", "it must be a number from 0.001 to 1000000")
		return 1
	}
	return speed
}

func (t *table) watcher() Place {
	w := t.table("watcher")
	if w.values == nil {
		return Place{}
	}
	defer w.done()
	return Place{Address: w.address("address", true), Location: w.text("location"), ISP: w.text("isp")}
}

// address reads an IP address.
func (t *table) address(name string, must bool) string {
	text := t.text(name)
	if _, there := t.values[name]; !there {
		if must {
			t.wrong(name, "%s is missing", name)
		}
		return ""
	}
	addr, err := netip.ParseAddr(text)
	if err != nil || addr.Zone() != "" {
		t.wrong(name, "it is no IP address")
		return ""
	}
	return text
}

// duration reads a length of time that is not negative.
func (t *table) duration(name string) time.Duration {
	text := t.text(name)
	if text == "" {
		return 0
	}
	d, err := parseDuration(text)
	switch {
	case err != nil:
		t.wrong(name, "%v", err)
	case d < 0 || d > longest:
		t.wrong(name, "it must be between 0 and 400d")
	default:
		return d
	}
	return 0
}

func (t *table) variants() map[Variant]string {
	v := t.table("variants")
	out := make(map[Variant]string)
	for _, name := range slices.Sorted(maps.Keys(v.values)) {
		value := v.text(name)
		if err := checkVariant(Variant(name), value); err != nil {
			v.wrong(name, "%v", err)
			continue
		}
		out[Variant(name)] = value
	}
	return out
}

func (t *table) accounts() []Account {
	var out []Account
	probe := New(Options{}) // knows what an account needs
	tables := t.tables("account", maxCast)
	for _, one := range tables {
		a := Account{
			Name: one.needed("name"), APIKey: one.needed("api_key"), SteamID: one.text("steam_id"), Facts: DefaultFacts(),
		}
		one.facts("facts", func(name string, value any) error { return a.Facts.set(name, value) })
		one.done()
		if a.Name == "" || a.APIKey == "" {
			continue // said already
		}
		if err := probe.AddAccount(a); err != nil {
			one.wrong("name", "%v", err)
			continue
		}
		out = append(out, a)
	}
	if !t.has("account") {
		t.wrong("account", "there is no [[account]]")
	}
	return out
}

// facts reads a table of facts.
func (t *table) facts(name string, set func(string, any) error) {
	f := t.table(name)
	for _, fact := range slices.Sorted(maps.Keys(f.values)) {
		f.known = append(f.known, fact)
		if err := set(fact, f.values[fact]); err != nil {
			f.wrong(fact, "%v", err)
		}
	}
}

// opening reads a [[session]].
func (t *table) opening(c *cast) Opening {
	defer t.done()
	out := Opening{Account: t.text("account"), SessionSpec: t.session()}
	out.Label = t.text("who")
	out.Account = c.account(t, out.Account, "")
	if out.Label == "" {
		return out
	}
	if _, twice := c.homes[out.Label]; twice {
		t.wrong("who", "there is another session of %q at the start", out.Label)
	}
	c.homes[out.Label] = out.Account
	return out
}

// session reads the facts of a session that starts.
func (t *table) session() SessionSpec {
	return SessionSpec{
		Address: t.address("address", true), Location: t.text("location"), ISP: t.text("isp"),
		UserAgent: t.text("user_agent"), Age: t.duration("age"), Life: t.duration("life"),
	}
}
