package evidence

import (
	"cmp"
	"fmt"
	"html"
	"slices"
	"strconv"
	"strings"
	"time"

	"sessionwarden"
)

// Source is what a file is made from.
type Source struct {
	Program  string // the program's version
	Instance string
	Service  string
	Made     time.Time

	Incident  sessionwarden.Incident
	Sightings []sessionwarden.Sighting // those of the incident, and what else lived meanwhile; by Seq
	Findings  []sessionwarden.Finding  // those of the incident, by ID
	Actions   []sessionwarden.Action   // likewise
	Facts     sessionwarden.AccountFacts

	Keep    time.Duration // for how long the history is kept; 0: not said
	Damaged int           // records that could not be read
}

// File is a finished file.
type File struct {
	Page    []byte
	Head    string // the head of its chain, 64 hexadecimal digits
	Records int
}

// What bounds a file. Only a flood comes near.
const (
	maxOthers = 1000    // sessions that are not of the incident
	maxCost   = 6 << 20 // bytes of all records as the page has them
	maxWords  = 300     // bytes of a text from outside
	maxReason = 1200    // bytes of a sentence
)

// Make makes the file of an incident.
func Make(s Source) File {
	b := builder{Source: s, sources: make(map[string]*source)}
	lines := chained(b.records())
	return File{Page: render(lines), Head: head(lines), Records: len(lines)}
}

// builder is a file while its records are made.
type builder struct {
	Source
	cost    int
	sources map[string]*source
	named   []*source // in the order of their first session
	list    []record
	gaps    []record
}

// records returns all records, the header first.
func (b *builder) records() []record {
	i := b.Incident
	about := &incident{Severity: i.Severity.String(), Title: sentence(i.Headline()), Opened: stamp(i.Opened), Updated: stamp(i.Updated), Resolved: stamp(i.Resolved)}
	for _, issued := range i.Issued {
		about.Issued = append(about.Issued, issue{stamp(issued.At), words(issued.Head)})
	}
	b.owner()
	b.add(record{Incident: about})
	left := 0
	for _, e := range i.Events {
		left += b.add(record{Event: &event{Time: stamp(e.At), Kind: words(string(e.Kind)), ID: number(e.ID), Text: sentence(e.Text)}})
	}
	b.missing(i.More+left, "event", "events", "so much happened that they were left out")
	b.addFindings()
	b.addActions()
	b.addSessions()
	for _, s := range b.named {
		b.list = append(b.list, record{Source: s})
	}
	b.generalGaps()
	all := append([]record{{Header: &Header{
		Format: Format, Program: "sessionwarden " + words(b.Program), Instance: words(b.Instance), Account: words(i.Account), Service: words(b.Service),
		Incident: number(i.ID), Made: stamp(b.Made), Records: 1 + len(b.list) + len(b.gaps),
	}}}, b.list...)
	return append(all, b.gaps...)
}

// add takes a record in where there is room, and returns how many were left out.
func (b *builder) add(r record) (left int) {
	cost := len(html.EscapeString(r.encode()))
	if b.cost+cost > maxCost {
		return 1
	}
	b.cost += cost
	b.list = append(b.list, r)
	return 0
}

// missing notes that n things are not in the file, and why.
func (b *builder) missing(n int, one, many, why string) {
	if n > 0 {
		b.gap(count(n, one, many) + ": " + why + ".")
	}
}

func (b *builder) gap(text string) {
	b.gaps = append(b.gaps, record{Gap: &gap{sentence(text)}})
}

// Why records are not there.
const (
	noRoom    = "the file would become too large"
	forgotten = "older than the history that is kept, or damaged"
)

func (b *builder) owner() {
	f := b.Facts
	o := owner{Name: whole(f.Name.Value), Contact: whole(f.Contact.Value), Discord: whole(f.Discord.Value), TradeURL: whole(f.TradeURL.Value)}
	if o == (owner{}) {
		b.gap("How the service knows the account (its name, its mail address): it was never read.")
		return
	}
	read := f.Name.Read
	for _, k := range []sessionwarden.Known[string]{f.Contact, f.Discord, f.TradeURL} {
		if k.Read.After(read) {
			read = k.Read
		}
	}
	o.Read = stamp(read)
	b.add(record{Owner: &o})
}

func (b *builder) addFindings() {
	left, there := 0, make(map[uint64]bool)
	for _, f := range b.Findings {
		there[f.ID] = true
		r := &finding{
			ID: number(f.ID), Time: stamp(f.Time), Rule: words(string(f.Rule)), Severity: f.Severity.String(), Response: f.Response.String(),
			Row: number(f.Seq), Session: words(string(f.Session)), Late: f.Late, Reason: sentence(f.Reason), Capped: sentence(f.Capped),
		}
		for _, one := range f.Facts {
			value := words(one.Value)
			if f.Seq == 0 { // what the account was before and after
				value = whole(one.Value)
			}
			r.Facts = append(r.Facts, fact{words(one.Name), value})
		}
		left += b.add(record{Finding: r})
	}
	b.missing(left, "finding", "findings", noRoom)
	b.missing(absent(b.Incident.Findings, there), "finding", "findings", forgotten)
}

func (b *builder) addActions() {
	left, there := 0, make(map[uint64]bool)
	for _, a := range b.Actions {
		there[a.ID] = true
		left += b.add(record{Action: &action{
			ID: number(a.ID), Kind: a.Kind.String(), State: a.State.String(), Row: number(a.Seq), Session: words(string(a.Session)),
			Address: words(a.Addr), Device: words(a.Device), Reason: sentence(a.Reason), ByHand: a.ByHand, Planned: stamp(a.Created),
			Attempts: a.Attempts, Answered: stamp(a.Answered), Updated: stamp(a.Updated), Note: sentence(a.Note),
		}})
	}
	b.missing(left, "disconnection", "disconnections", noRoom)
	b.missing(absent(b.Incident.Actions, there), "disconnection", "disconnections", forgotten)
}

// addSessions takes the incident's own first: they must not want for room.
func (b *builder) addSessions() {
	end := b.Incident.Resolved
	if end.IsZero() {
		end = b.Made
	}
	ids, there := make(map[sessionwarden.SessionID]bool), make(map[uint64]bool)
	for _, s := range b.Sightings {
		if slices.Contains(b.Incident.Sessions, s.Seq) {
			there[s.Seq] = true
			ids[s.ID] = s.ID != ""
		}
	}
	left, others, unplaced, from := 0, 0, 0, len(b.list)
	for _, own := range []bool{true, false} {
		for _, s := range b.Sightings {
			in := there[s.Seq] || s.State == sessionwarden.Moved && ids[s.ID] // as it was before it moved
			before, after := livedAt(s, b.Incident.Opened), livedAt(s, end)
			switch {
			case in != own || !in && !before && !after:
				continue
			case !in && others >= maxOthers:
				left++
				continue
			case !in:
				others++
			}
			r := b.session(s)
			r.Before, r.In, r.After = before, in, after
			if b.add(record{Session: r, seq: s.Seq}) != 0 {
				left++
				continue
			}
			if r.Country == "" {
				unplaced++
			}
			b.source(s.Location)
		}
	}
	slices.SortFunc(b.list[from:], func(x, y record) int { return cmp.Compare(x.seq, y.seq) })
	b.missing(left, "session", "sessions", noRoom)
	b.missing(absent(b.Incident.Sessions, there), "session of the incident", "sessions of the incident", forgotten)
	b.missing(unplaced, "session has no country", "sessions have no country", "the location data does not know it, or the address is of no place")
}

// livedAt reports whether a session was listed at t.
func livedAt(s sessionwarden.Sighting, t time.Time) bool {
	until := s.GoneAt
	if s.State == sessionwarden.Moved {
		until = s.LastSeen
	}
	return !s.Late && !s.FirstSeen.After(t) && (s.State == sessionwarden.Live || until.After(t))
}

func (b *builder) session(s sessionwarden.Sighting) *session {
	r := &session{
		Row: number(s.Seq), ID: words(string(s.ID)), Address: words(s.AddrText()), City: words(s.Location.City), ASN: s.Location.ASN,
		Organization: words(s.Location.Organization), Network: s.Location.Kind(), Says: words(s.ServiceLocation), ISP: words(s.ISP),
		Device: words(s.Device), UserAgent: words(s.UserAgent), Started: stamp(s.Started), FirstSeen: stamp(s.FirstSeen), LastSeen: stamp(s.LastSeen),
		Gone: stamp(s.GoneAt), Ended: stamp(s.EndedAt), State: s.State.String(), Own: s.Ownership == sessionwarden.Own, Late: s.Late,
		Denied: s.Denied, Source: words(s.Location.Source),
	}
	if s.Location.Country != "" {
		r.Country, r.CountryName = words(string(s.Location.Country)), words(s.Location.Country.Name())
	}
	for _, v := range s.Verdicts {
		r.Rules = append(r.Rules, words(string(v.Rule)))
	}
	return r
}

// source counts a session for the database that placed it.
func (b *builder) source(l sessionwarden.Location) {
	if l.Source == "" {
		return
	}
	key := l.Source + "\n" + stamp(l.Built)
	if b.sources[key] == nil {
		b.sources[key] = &source{Name: words(l.Source), Built: stamp(l.Built)}
		b.named = append(b.named, b.sources[key])
	}
	b.sources[key].Sessions++
}

// generalGaps says what no file of this program can hold.
func (b *builder) generalGaps() {
	b.missing(b.Damaged, "record", "records", "damaged on the disk")
	b.gap("What was done through a session (pages, trades, withdrawals): the service does not show that to the owner's program. Its own logs have it.")
	b.gap("What happened between two looks at the list: the times of first and last sight are those of a look, not of the event itself.")
	if b.Incident.Open() {
		b.gap("What is still to come: the incident was open when this file was made.")
	}
	if b.Keep > 0 {
		b.gap(fmt.Sprintf("What is older than %d days: it is forgotten.", int(b.Keep.Hours()/24)))
	}
}

// absent returns how many of ids are not there.
func absent(ids []uint64, there map[uint64]bool) int {
	n := 0
	for _, id := range ids {
		if !there[id] {
			n++
		}
	}
	return n
}

// words is a text from outside as a file has it, sentence one of ours that may
// hold several, whole one that must not be cut short.
func words(text string) string    { return sessionwarden.Shorten(text, maxWords) }
func sentence(text string) string { return sessionwarden.Shorten(text, maxReason) }
func whole(text string) string    { return sessionwarden.Clean(text, sessionwarden.MaxText) }

// number is an id, "" for none.
func number(id uint64) string {
	if id == 0 {
		return ""
	}
	return strconv.FormatUint(id, 10)
}

// FileName is what the file of an incident is called unless said otherwise.
func FileName(account, incident string, made time.Time) string {
	safe := func(text string) string {
		return strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.", r) {
				return r
			}
			return '_'
		}, sessionwarden.Clean(text, 64))
	}
	return "evidence-" + safe(account) + "-" + safe(incident) + "-" + made.UTC().Format("20060102") + ".html"
}
