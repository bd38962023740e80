package monitor

import (
	"cmp"
	"context"
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
	Severity sessionwarden.Severity
	Title    string   // what happened, one line
	Lines    []string // what the program did and what to do next
}

// troubleKey begins the key of an alert about a trouble. Behind it stand what
// it is of and its fact: so the outbox knows what people were told.
const troubleKey = "trouble:"

// clockTrouble is what a clock in doubt is a trouble of.
const clockTrouble = "clock"

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
	for _, w := range m.all() {
		w.timing.Lock()
		doubt := w.doubt
		w.timing.Unlock()
		if doubt == "" {
			continue
		}
		return append(all, Trouble{
			Of: clockTrouble, Severity: sessionwarden.Critical, Title: "The clock cannot be relied on",
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
		kind := sessionwarden.StaleData
		if t.Of == clockTrouble {
			kind = sessionwarden.Rail
		}
		alerts = append(alerts, sessionwarden.Alert{Key: troubleKey + t.Of + ":" + t.Fact, Kind: kind, Severity: t.Severity, Title: t.Title, Lines: t.Lines})
	}
	for _, of := range slices.Sorted(maps.Keys(over)) {
		a := sessionwarden.Alert{
			Key: troubleKey + of + ":", Kind: sessionwarden.Recovered, Severity: sessionwarden.Warning,
			Title: "The location data can be relied on again",
			Lines: []string{"The file that " + of + " names is in use, or none is asked for any more.", "What was held meanwhile still waits for your answer: sessionwarden actions"},
		}
		if of == clockTrouble {
			a.Title, a.Lines = "The clock can be relied on again", []string{"What was held for it goes on now, after another look at each session."}
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
		m.log.Warn("people are told", "alert", a.ID, "title", a.Title)
	}
	m.opts.Tell(alerts)
}
