package alert

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"sessionwarden"
)

// RecordVersion is the version of [Record]. Fields may be added to a version;
// what a field means never changes within one.
const RecordVersion = 1

// Record is what a message rests on, for programs. docs/channels.md describes
// its JSON. Times are RFC 3339 in UTC, ids are decimal numbers as text, and what
// is not known is not there. All text is clean and defused, as in a message: no
// control characters, and no links, hosts or mentions from outside.
type Record struct {
	Version  int      `json:"version"`                      // RecordVersion
	Key      string   `json:"key"`                          // the same for each sending of one revision of one alert; opaque
	Test     bool     `json:"test"`                         // a person asked for it, and nothing happened
	Repeat   bool     `json:"repeat,omitempty"`             // it may have been sent before
	Silent   int      `json:"unanswered_minutes,omitempty"` // sent (again) because nobody had answered for so long
	Instance string   `json:"instance,omitempty"`
	Alert    string   `json:"alert_id,omitempty"`    // not there for tests, bundles and what is on no disk
	Incident string   `json:"incident_id,omitempty"` // not there where the alert is of none
	Revision int      `json:"revision"`              // 0 first
	Kind     string   `json:"kind"`                  // a sessionwarden.AlertKind; "bundle" where it stands for several alerts
	Topics   []string `json:"topics,omitempty"`
	Severity string   `json:"severity"` // info, warning, critical
	Account  string   `json:"account,omitempty"`

	Title   string   `json:"title"`
	Summary string   `json:"summary"`
	Text    string   `json:"text"`            // the whole message, as people read it
	Lines   []string `json:"lines,omitempty"` // what the watch says of itself

	Created    string `json:"created,omitempty"`
	Updated    string `json:"updated,omitempty"`
	Resolved   string `json:"resolved,omitempty"` // when the incident was over
	Answered   string `json:"answered,omitempty"` // when a person answered, and who
	AnsweredBy string `json:"answered_by,omitempty"`
	DryRun     bool   `json:"dry_run,omitempty"` // nothing was ended: it was only pretended

	Sessions []SessionRecord `json:"sessions,omitempty"`      // what needs a person first
	More     int             `json:"more_sessions,omitempty"` // how many are not named
	Findings []FindingRecord `json:"findings,omitempty"`      // on the account itself
	Commands []CommandRecord `json:"commands,omitempty"`

	Alerts     []BundleRecord `json:"alerts,omitempty"` // of a bundle
	MoreAlerts int            `json:"more_alerts,omitempty"`
}

// SessionRecord is one session of a [Record]. Its fields are named as in the
// tables of the command line.
type SessionRecord struct {
	ID              string `json:"id,omitempty"`
	Address         string `json:"address,omitempty"`
	Country         string `json:"country,omitempty"` // ISO 3166-1 alpha-2
	CountryName     string `json:"country_name,omitempty"`
	City            string `json:"city,omitempty"`
	ASN             uint32 `json:"asn,omitempty"`
	Organization    string `json:"organization,omitempty"`
	Network         string `json:"network,omitempty"` // such as "hosting, Tor exit"
	ServiceLocation string `json:"service_location,omitempty"`
	ISP             string `json:"isp,omitempty"`
	UserAgent       string `json:"user_agent,omitempty"`
	Device          string `json:"device,omitempty"`
	Started         string `json:"started,omitempty"`
	FirstSeen       string `json:"first_seen,omitempty"`
	LastSeen        string `json:"last_seen,omitempty"`
	GoneAt          string `json:"gone_at,omitempty"`
	Own             bool   `json:"own,omitempty"`  // the watch's, or said to be
	Late            bool   `json:"late,omitempty"` // found only afterwards
	State           string `json:"state"`          // live, gone, moved

	Outcome  string          `json:"outcome"` // what was done, in one sentence
	Action   *ActionRecord   `json:"action,omitempty"`
	Findings []FindingRecord `json:"findings,omitempty"` // the most severe first
}

// ActionRecord is what is done about a session.
type ActionRecord struct {
	ID       string `json:"id,omitempty"`
	Kind     string `json:"kind"`           // disconnect, disconnect_all
	State    string `json:"state"`          // planned, held, denied, done, verified, failed, refused, moot, dry_run
	Hold     string `json:"hold,omitempty"` // what holds it
	Note     string `json:"note,omitempty"`
	Attempts int    `json:"attempts,omitempty"`
	Deadline string `json:"deadline,omitempty"` // when a question ends by itself
	Updated  string `json:"updated,omitempty"`
}

// FindingRecord is one rule that matched.
type FindingRecord struct {
	ID       string `json:"id,omitempty"`
	Rule     string `json:"rule"`
	Severity string `json:"severity"`
	Response string `json:"response"`
	Reason   string `json:"reason,omitempty"`
	Silence  string `json:"silence,omitempty"` // what would make it quiet
	Time     string `json:"time,omitempty"`
	Late     bool   `json:"late,omitempty"`
}

// CommandRecord is something to type.
type CommandRecord struct {
	Does    string `json:"does"` // approve, deny, resume, disconnect, show
	Command string `json:"command"`
}

// BundleRecord is one alert of a bundle.
type BundleRecord struct {
	Alert    string `json:"alert_id,omitempty"`
	Kind     string `json:"kind"`
	Severity string `json:"severity"`
	Account  string `json:"account,omitempty"`
	Title    string `json:"title"`
	Created  string `json:"created,omitempty"`
}

// recordOf writes down what a message of one alert rests on.
func recordOf(a sessionwarden.Alert, f Facts, m Message) *Record {
	r := newRecord(f, m)
	r.Test, r.Revision, r.Account = a.Kind == sessionwarden.TestAlert, a.Revision, accountName(a.Account)
	if a.ID != 0 && !f.Unsaved {
		r.Alert = number(a.ID)
	}
	if a.Incident != 0 {
		r.Incident = number(a.Incident)
	}
	for _, t := range a.Topics() {
		r.Topics = append(r.Topics, string(t))
	}
	r.Created, r.Updated, r.Resolved, r.Answered = stamp(a.Created), stamp(a.Updated), stamp(a.Resolved), stamp(a.Answered)
	r.AnsweredBy = outside(a.By, 120)
	r.DryRun = dryRun(a)
	for _, line := range told(a.Lines) {
		r.Lines = append(r.Lines, line.String())
	}
	for _, item := range forYouFirst(a.Items) {
		r.Commands = append(r.Commands, answers(a, item)...)
		if !item.AboutSession() && item.Action == nil {
			r.Findings = append(r.Findings, findingRecords(item)...)
			continue
		}
		r.Sessions = append(r.Sessions, sessionRecord(a, item, f))
	}
	r.More = a.More
	r.Commands = append(r.Commands, CommandRecord{"show", m.More})
	r.Key = recordKey(f, a)
	return r
}

// bundleRecord writes down what a bundle rests on. alerts are sorted.
func bundleRecord(alerts []sessionwarden.Alert, f Facts, m Message) *Record {
	const most = 100
	r := newRecord(f, m)
	r.Kind = "bundle"
	r.Created = stamp(f.Now)
	for i, a := range alerts {
		if i == most {
			r.MoreAlerts = len(alerts) - most
			break
		}
		d := BundleRecord{Kind: outside(string(a.Kind), 32), Severity: a.Severity.String(), Account: accountName(a.Account), Title: cut(headline(a), MaxTitle), Created: stamp(a.Created)}
		if a.ID != 0 && a.ID <= maxCommitted {
			d.Alert = number(a.ID)
		}
		r.Alerts = append(r.Alerts, d)
		r.DryRun = r.DryRun || dryRun(a)
	}
	r.Commands = []CommandRecord{{"show", m.More}}
	r.Key = recordKey(f, alerts...)
	return r
}

// newRecord is what every record has.
func newRecord(f Facts, m Message) *Record {
	return &Record{
		Version: RecordVersion, Repeat: f.Repeat || f.Asked, Silent: int(f.Silent.Minutes()), Instance: outside(f.Instance, 64), Kind: outside(string(m.Kind), 32),
		Severity: m.Severity.String(), Title: m.Title, Summary: m.Summary, Text: m.Text,
	}
}

// recordKey is the same for each sending of the same revisions of the same
// alerts, but for a reminder and for what somebody asked for once more, which are
// to be heard again. An alert's id alone would not do: a history that was begun
// anew counts from one again.
func recordKey(f Facts, alerts ...sessionwarden.Alert) string {
	sum := sha256.New()
	write := func(text string) { sum.Write([]byte(number(uint64(len(text))) + ":" + text)) }
	write(f.Instance)
	write(f.Silent.Truncate(time.Minute).String())
	if f.Asked {
		write(stamp(f.Now.Truncate(time.Minute)))
	}
	for _, a := range alerts {
		write(number(a.ID) + "." + number(uint64(max(a.Revision, 0))) + "." + a.Created.UTC().Format(time.RFC3339Nano) + "." + string(a.Kind))
		write(a.Account)
		write(a.Key)
		if a.ID == 0 { // on no disk: nothing else tells it from others of its time
			write(a.Title)
		}
	}
	hash := hex.EncodeToString(sum.Sum(nil)[:8])
	if len(alerts) == 1 {
		return number(alerts[0].ID) + "-" + number(uint64(max(alerts[0].Revision, 0))) + "-" + hash
	}
	return "bundle-" + hash
}

// bare returns the record of a message of which only the alert's number is
// told. r may be nil.
func (r *Record) bare(text string) *Record {
	if r == nil {
		return nil
	}
	return &Record{
		Version: r.Version, Key: r.Key, Test: r.Test, Repeat: r.Repeat, Silent: r.Silent, Alert: r.Alert, Incident: r.Incident, Revision: r.Revision, Kind: r.Kind, Severity: r.Severity,
		Title: text, Summary: text, Text: text, Created: r.Created, Updated: r.Updated,
	}
}

func sessionRecord(a sessionwarden.Alert, item sessionwarden.AlertItem, f Facts) SessionRecord {
	s := item.Sighting
	r := SessionRecord{
		ID: outside(string(s.ID), 128), Address: outside(s.AddrText(), 64), City: outside(s.Location.City, 60), ASN: s.Location.ASN,
		Organization: outside(s.Location.Organization, 80), Network: s.Location.Kind(), ServiceLocation: outside(s.ServiceLocation, 80),
		ISP: outside(s.ISP, 80), UserAgent: outside(s.UserAgent, 400), Device: outside(s.Device, 80),
		Started: stamp(s.Started), FirstSeen: stamp(s.FirstSeen), LastSeen: stamp(s.LastSeen), GoneAt: stamp(s.GoneAt),
		Own: s.Ownership.Untouchable(), Late: late(item), State: s.State.String(),
		Outcome: outcome(a, item, Facts{Now: f.Now})[0].String(), Findings: findingRecords(item),
	}
	if c := s.Location.Country; c != "" {
		r.Country, r.CountryName = outside(string(c), 8), countryName(c)
	}
	if act := item.Action; act != nil {
		r.Action = &ActionRecord{
			Kind: act.Kind.String(), State: act.State.String(), Hold: act.Hold.String(), Note: outside(act.Note, 300),
			Attempts: act.Attempts, Deadline: stamp(act.Deadline), Updated: stamp(act.Updated),
		}
		if act.ID != 0 {
			r.Action.ID = number(act.ID)
		}
	}
	return r
}

func findingRecords(item sessionwarden.AlertItem) []FindingRecord {
	const most = 40
	var list []FindingRecord
	for _, f := range worstFirst(item) {
		if len(list) == most {
			break
		}
		r := FindingRecord{
			Rule: outside(string(f.Rule), 64), Severity: f.Severity.String(), Response: f.Response.String(),
			Reason: outside(f.Reason, 480), Silence: outside(f.Silence, 800), Time: stamp(f.Time), Late: f.Late,
		}
		if f.ID != 0 {
			r.ID = number(f.ID)
		}
		list = append(list, r)
	}
	return list
}

// answers are the commands with which a person answers one item.
func answers(a sessionwarden.Alert, item sessionwarden.AlertItem) []CommandRecord {
	act := item.Action
	switch {
	case act != nil && act.State == sessionwarden.Held && act.ID != 0:
		list := []CommandRecord{{"approve", "sessionwarden approve " + number(act.ID)}, {"deny", "sessionwarden deny " + number(act.ID)}}
		if act.Hold == sessionwarden.HeldObserving {
			list = append([]CommandRecord{{"resume", "sessionwarden resume"}}, list...)
		}
		return list
	case a.Severity >= sessionwarden.Warning && stays(item) && plainID(item.Sighting.ID) && onAccount(a.Account) != "":
		_, typed, _ := strings.Cut(endIt("|", a, item.Sighting.ID).String(), "|")
		return []CommandRecord{{"disconnect", typed}}
	}
	return nil
}

// stamp is a time as programs read it; "" where there is none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
