package monitor

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"sessionwarden"
)

// Trouble is something wrong with what the whole watch rests on.
type Trouble struct {
	Of       string // what is in trouble, such as "geo.database"; it has one trouble at a time
	Fact     string // tells this trouble from another one of the same; it is not shown
	Kind     sessionwarden.AlertKind
	Severity sessionwarden.Severity
	Title    string   // what happened, one line
	Lines    []string // what the program did and what to do next
}

// troubleKey begins the key of an alert about a trouble. Behind it stand what
// it is of and its fact: so the outbox knows what people were told.
const troubleKey = "trouble:"

// What a clock in doubt is a trouble of, and a history that waits for a person
// to confirm it.
const (
	clockTrouble   = "clock"
	historyTrouble = "history"
)

// recallTroubles finds out, once, what people were told before the start.
func (m *Monitor) recallTroubles(alerts []sessionwarden.Alert) {
	m.telling.Lock()
	defer m.telling.Unlock()
	if m.told != nil {
		return
	}
	m.told = make(map[string]string)
	for _, a := range slices.SortedFunc(slices.Values(alerts), func(a, b sessionwarden.Alert) int { return cmp.Compare(a.ID, b.ID) }) {
		key, is := strings.CutPrefix(a.Key, troubleKey)
		of, fact, found := strings.Cut(key, ":")
		switch {
		case !is || !found:
		case a.Kind == sessionwarden.Recovered:
			delete(m.told, of)
		default:
			m.told[of] = fact
		}
	}
}

// troubles returns what is wrong at present.
func (m *Monitor) troubles() []Trouble {
	var all []Trouble
	if m.opts.Troubles != nil {
		all = m.opts.Troubles()
	}
	if o, observing := m.opts.Observing(); observing {
		all = append(all, unconfirmed(o, m.clock()))
	}
	for _, w := range m.all() {
		w.timing.Lock()
		doubt := w.doubt
		w.timing.Unlock()
		if doubt == "" {
			continue
		}
		return append(all, Trouble{
			Of: clockTrouble, Kind: sessionwarden.Rail, Severity: sessionwarden.Critical, Title: "The clock cannot be relied on",
			Lines: []string{doubt + ".", "Watching goes on. What a rule would disconnect is held until the clocks agree, and nothing is learned meanwhile.",
				"Set this machine's clock (timedatectl status)."},
		})
	}
	return all
}

// tellTroubles tells people what is wrong with what the watch rests on, once
// for each fact, over restarts as well, and once when it is over.
func (m *Monitor) tellTroubles(ctx context.Context, now time.Time) {
	m.telling.Lock()
	defer m.telling.Unlock()
	over := maps.Clone(m.told)
	var alerts []sessionwarden.Alert
	for _, t := range m.troubles() {
		was, told := over[t.Of]
		delete(over, t.Of)
		if told && was == t.Fact {
			continue
		}
		alerts = append(alerts, sessionwarden.Alert{Key: troubleKey + t.Of + ":" + t.Fact, Kind: t.Kind, Severity: t.Severity, Title: t.Title, Lines: t.Lines})
	}
	for _, of := range slices.Sorted(maps.Keys(over)) {
		a := sessionwarden.Alert{
			Key: troubleKey + of + ":", Kind: sessionwarden.Recovered, Severity: sessionwarden.Warning,
			Title: "The location data can be relied on again",
			Lines: []string{"The file that " + of + " names is in use, or none is asked for any more.", "What was held meanwhile still waits for your answer: sessionwarden actions"},
		}
		switch of {
		case "geo.tor_exits", "geo.vpn_networks", "geo.anonymous_database":
			a.Title, a.Lines = "A list that a rule rests on is in use again", []string{"What " + of + " names is in use and up to date, or nothing is asked for any more."}
		case clockTrouble:
			a.Title, a.Lines = "The clock can be relied on again", []string{"What was held for it goes on now, after another look at each session."}
		case historyTrouble:
			a.Title, a.Lines = "The history was confirmed: sessions are disconnected again", []string{"Somebody ran sessionwarden resume. What was held meanwhile goes on now, after another look at each session."}
		}
		alerts = append(alerts, a)
	}
	if len(alerts) == 0 {
		return
	}
	for i := range alerts {
		alerts[i].ID, alerts[i].Created, alerts[i].Updated = m.opts.Journal.NextID(), now, now
	}
	if err := m.opts.Journal.Commit(context.WithoutCancel(ctx), []sessionwarden.Change{{Alerts: alerts}}); err != nil {
		m.log.Error("an alert could not be saved", "title", alerts[0].Title, "err", err)
		return // the next look tries again
	}
	for _, a := range alerts {
		of, fact, _ := strings.Cut(strings.TrimPrefix(a.Key, troubleKey), ":")
		if a.Kind == sessionwarden.Recovered {
			delete(m.told, of)
		} else {
			m.told[of] = fact
		}
		m.log.Warn("alert", "alert", a.ID, "title", a.Title)
	}
	m.opts.Tell(alerts)
}

// unconfirmed is the trouble of a history that a person has to confirm. It is
// told again every day: as long as it lasts, no rule ends anything.
func unconfirmed(o sessionwarden.Observing, now time.Time) Trouble {
	t := Trouble{
		Of: historyTrouble, Kind: sessionwarden.Restored, Severity: sessionwarden.Critical,
		Title: "The history was damaged, and a backup took its place",
		Lines: []string{o.Why, "What a rule would disconnect is told and held for you. To end a session now: sessionwarden approve ID, or sessionwarden disconnect ID --account NAME",
			"Look at what is held: sessionwarden actions", "Then confirm the history: sessionwarden resume"},
	}
	days := max(0, int(now.Sub(o.Since).Hours()/24))
	t.Fact = fmt.Sprintf("%s, day %d", o.Since.UTC().Format(time.RFC3339), days)
	if days > 0 {
		t.Title = "Nothing is disconnected since " + o.Since.UTC().Format("2006-01-02 15:04 MST") + ": the history waits for you to confirm it"
	}
	return t
}

// resumed reports whether a was held until a person confirmed the history, and
// one has.
func (m *Monitor) resumed(a sessionwarden.Action) bool {
	if a.State != sessionwarden.Held || a.Hold != sessionwarden.HeldObserving {
		return false
	}
	_, observing := m.opts.Observing()
	return !observing
}
