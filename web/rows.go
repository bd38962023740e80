package web

import (
	"strconv"
	"time"

	"sessionwarden"
)

// SessionRow is one row of the tables of sessions: what is seen of a session
// and what is known of its address. Absent means unknown.
type SessionRow struct {
	Account         string    `json:"account"`
	ID              string    `json:"id,omitempty"` // the service's id, for disconnect
	Address         string    `json:"address,omitempty"`
	Country         string    `json:"country,omitempty"` // ISO 3166-1 alpha-2
	City            string    `json:"city,omitempty"`
	ASN             uint32    `json:"asn,omitempty"`
	Organization    string    `json:"organization,omitempty"`
	Network         string    `json:"network,omitempty"` // hosting, satellite or private
	ServiceLocation string    `json:"service_location,omitempty"`
	ISP             string    `json:"isp,omitempty"`
	UserAgent       string    `json:"user_agent,omitempty"`
	Device          string    `json:"device,omitempty"`
	Started         time.Time `json:"started,omitzero"`
	FirstSeen       time.Time `json:"first_seen,omitzero"`
	LastSeen        time.Time `json:"last_seen,omitzero"`
	GoneAt          time.Time `json:"gone_at,omitzero"`
	Own             bool      `json:"own"`   // the daemon's own session
	State           string    `json:"state"` // live, gone or moved

	Seq        string    `json:"seq"`                // the row's place in the history
	Expires    time.Time `json:"expires,omitzero"`   // when the service will end it
	Disputed   bool      `json:"disputed,omitempty"` // the signs of whose it is contradict each other: untouchable
	Late       bool      `json:"late,omitempty"`     // only seen among the expired sessions
	Trusted    bool      `json:"trusted,omitempty"`  // a person denied an action on it
	Suspicious bool      `json:"suspicious,omitempty"`
	Rules      []string  `json:"rules,omitempty"` // the rules that matched
	Flaws      []string  `json:"flaws,omitempty"` // what could not be understood of what the service said

	ReclassifiedAt   time.Time `json:"reclassified_at,omitzero"`    // when new location data moved it last
	ReclassifiedFrom string    `json:"reclassified_from,omitempty"` // the country until then

	Tor bool `json:"tor,omitempty"` // an exit of the Tor network
	VPN bool `json:"vpn,omitempty"` // a VPN or a proxy
}

// FindingRow is one row of the table of findings.
type FindingRow struct {
	ID        string            `json:"id"`
	Account   string            `json:"account"`
	SessionID string            `json:"session_id,omitempty"`
	Rule      string            `json:"rule"`
	Severity  string            `json:"severity"`
	Response  string            `json:"response"`
	Time      time.Time         `json:"time,omitzero"`
	Late      bool              `json:"late"` // found only afterwards, among the expired sessions
	Reason    string            `json:"reason,omitempty"`
	Facts     map[string]string `json:"facts"`
	Silence   string            `json:"silence,omitempty"` // the line or command that would make it quiet

	Seq    string `json:"seq,omitempty"`    // the row of the history it is about
	Capped string `json:"capped,omitempty"` // why the response is less than the configuration says
}

// ActionRow is one row of the table of actions.
type ActionRow struct {
	ID         string    `json:"id"`
	Account    string    `json:"account"`
	SessionID  string    `json:"session_id,omitempty"`
	Kind       string    `json:"kind"`  // disconnect or disconnect_all
	State      string    `json:"state"` // planned, held, denied, done, verified, failed, refused, moot or dry_run
	Reason     string    `json:"reason,omitempty"`
	FindingIDs []string  `json:"finding_ids"`
	Attempts   int       `json:"attempts"`
	Created    time.Time `json:"created,omitzero"`
	Updated    time.Time `json:"updated,omitzero"`

	Seq      string    `json:"seq,omitempty"` // the row of the history it is about
	Address  string    `json:"address,omitempty"`
	Device   string    `json:"device,omitempty"`
	Note     string    `json:"note,omitempty"`      // why it is in its state
	Hold     string    `json:"hold,omitempty"`      // what holds it: ask, limit, limit_strangers, guard, location_data or clock
	ByHand   bool      `json:"by_hand,omitempty"`   // a person asked for it or approved it
	Deadline time.Time `json:"deadline,omitzero"`   // when the question ends
	NotTill  time.Time `json:"not_before,omitzero"` // not tried again before this
	Answered time.Time `json:"answered,omitzero"`   // when the service said that it was done
	By       string    `json:"by,omitempty"`        // who answered or asked, as far as it is known
}

// IncidentRow is one row of the table of incidents: what belongs together of one
// account in time.
type IncidentRow struct {
	ID       string    `json:"id"`
	Account  string    `json:"account"`
	State    string    `json:"state"` // open or resolved
	Severity string    `json:"severity"`
	Title    string    `json:"title,omitempty"`
	Opened   time.Time `json:"opened,omitzero"`
	Updated  time.Time `json:"updated,omitzero"`
	Resolved time.Time `json:"resolved,omitzero"`

	Seqs       []string   `json:"seqs"` // the rows of the history that it is about
	FindingIDs []string   `json:"finding_ids"`
	ActionIDs  []string   `json:"action_ids"`
	Events     []EventRow `json:"events"`         // its timeline
	More       int        `json:"more,omitempty"` // how many events were left out in the middle
	Issued     []IssueRow `json:"issued,omitempty"`
}

// IssueRow is a file of evidence that was made of an incident.
type IssueRow struct {
	Time time.Time `json:"time,omitzero"`
	Head string    `json:"head"`
}

// EventRow is one line of an incident's timeline.
type EventRow struct {
	Time time.Time `json:"time,omitzero"`
	Kind string    `json:"kind"`         // opened, session, finding, action, answer or resolved
	ID   string    `json:"id,omitempty"` // of the finding, the action, or the session's seq
	Text string    `json:"text"`
}

// maxReason is how many bytes of a sentence of ours are shown. Sentences may
// hold several texts from outside, each of them bounded.
const maxReason = 4 * sessionwarden.MaxText

// NewSessionRow returns the row of a sighting. Texts in it are clean; times
// are whole seconds, UTC.
func NewSessionRow(s sessionwarden.Sighting) SessionRow {
	row := SessionRow{
		Account:         text(s.Account),
		ID:              text(string(s.ID)),
		Address:         text(s.AddrText()),
		Country:         text(string(s.Location.Country)),
		City:            text(s.Location.City),
		ASN:             s.Location.ASN,
		Organization:    text(s.Location.Organization),
		ServiceLocation: text(s.ServiceLocation),
		ISP:             text(s.ISP),
		UserAgent:       text(s.UserAgent),
		Device:          text(s.Device),
		Started:         second(s.Started),
		FirstSeen:       second(s.FirstSeen),
		LastSeen:        second(s.LastSeen),
		GoneAt:          second(s.GoneAt),
		Own:             s.Ownership == sessionwarden.Own,
		State:           s.State.String(),
		Seq:             number(s.Seq),
		Expires:         second(s.Expires),
		Disputed:        s.Ownership == sessionwarden.Disputed,
		Late:            s.Late,
		Trusted:         s.Denied,
		Suspicious:      s.Suspicious(),
		Tor:             s.Location.Tor,
		VPN:             s.Location.VPN,

		ReclassifiedAt: second(s.ReclassifiedAt), ReclassifiedFrom: text(string(s.ReclassifiedFrom)),
	}
	if s.Location.Network != sessionwarden.UnknownNetwork {
		row.Network = s.Location.Network.String()
	}
	for _, v := range s.Verdicts {
		row.Rules = append(row.Rules, text(string(v.Rule)))
	}
	for _, flaw := range s.Flaws {
		row.Flaws = append(row.Flaws, text(flaw))
	}
	return row
}

// NewFindingRow returns the row of a finding. Facts of one name are joined.
func NewFindingRow(f sessionwarden.Finding) FindingRow {
	row := FindingRow{
		ID:        number(f.ID),
		Account:   text(f.Account),
		SessionID: text(string(f.Session)),
		Rule:      text(string(f.Rule)),
		Severity:  f.Severity.String(),
		Response:  f.Response.String(),
		Time:      second(f.Time),
		Late:      f.Late,
		Reason:    sessionwarden.Clean(f.Reason, maxReason),
		Facts:     make(map[string]string, len(f.Facts)),
		Silence:   sessionwarden.Clean(f.Silence, maxReason),
		Seq:       known(f.Seq),
		Capped:    sessionwarden.Clean(f.Capped, maxReason),
	}
	for _, fact := range f.Facts {
		name, value := text(fact.Name), text(fact.Value)
		if before, ok := row.Facts[name]; ok {
			value = before + "; " + value
		}
		row.Facts[name] = value
	}
	return row
}

// Finding returns the finding that r is the row of, without its facts. Its time is
// the end of the second that the row gives.
func (r FindingRow) Finding() sessionwarden.Finding {
	f := sessionwarden.Finding{
		Account: r.Account, Session: sessionwarden.SessionID(r.SessionID), Rule: sessionwarden.Rule(r.Rule),
		Time: r.Time.Add(time.Second - 1), Late: r.Late, Reason: r.Reason, Silence: r.Silence, Capped: r.Capped,
	}
	f.ID, _ = strconv.ParseUint(r.ID, 10, 64)
	f.Seq, _ = strconv.ParseUint(r.Seq, 10, 64)
	_ = f.Severity.UnmarshalText([]byte(r.Severity))
	_ = f.Response.UnmarshalText([]byte(r.Response))
	return f
}

// NewActionRow returns the row of an action.
func NewActionRow(a sessionwarden.Action) ActionRow {
	row := ActionRow{
		ID:         number(a.ID),
		Account:    text(a.Account),
		SessionID:  text(string(a.Session)),
		Kind:       a.Kind.String(),
		State:      a.State.String(),
		Reason:     sessionwarden.Clean(a.Reason, maxReason),
		FindingIDs: numbers(a.Findings),
		Attempts:   a.Attempts,
		Created:    second(a.Created),
		Updated:    second(a.Updated),
		Seq:        known(a.Seq),
		Address:    text(a.Addr),
		Device:     text(a.Device),
		Note:       sessionwarden.Clean(a.Note, maxReason),
		Hold:       a.Hold.String(),
		ByHand:     a.ByHand,
		Deadline:   second(a.Deadline),
		NotTill:    second(a.NotTill),
		Answered:   second(a.Answered),
		By:         text(a.By),
	}
	return row
}

// NewIncidentRow returns the row of an incident.
func NewIncidentRow(i sessionwarden.Incident) IncidentRow {
	row := IncidentRow{
		ID: number(i.ID), Account: text(i.Account), State: "open", Severity: i.Severity.String(), Title: sessionwarden.Clean(i.Headline(), maxReason),
		Opened: second(i.Opened), Updated: second(i.Updated), Resolved: second(i.Resolved),
		Seqs: numbers(i.Sessions), FindingIDs: numbers(i.Findings), ActionIDs: numbers(i.Actions),
		Events: make([]EventRow, 0, len(i.Events)), More: i.More,
	}
	if !i.Open() {
		row.State = "resolved"
	}
	for _, e := range i.Events {
		row.Events = append(row.Events, EventRow{Time: second(e.At), Kind: text(string(e.Kind)), ID: known(e.ID), Text: sessionwarden.Clean(e.Text, maxReason)})
	}
	for _, issue := range i.Issued {
		row.Issued = append(row.Issued, IssueRow{Time: second(issue.At), Head: text(issue.Head)})
	}
	return row
}

// numbers writes ids; never nil.
func numbers(ids []uint64) []string {
	list := make([]string, 0, len(ids))
	for _, id := range ids {
		list = append(list, number(id))
	}
	return list
}

// newActionRows returns the rows of actions; never nil.
func newActionRows(actions []sessionwarden.Action) []ActionRow {
	rows := make([]ActionRow, 0, len(actions))
	for _, a := range actions {
		rows = append(rows, NewActionRow(a))
	}
	return rows
}

// text makes one text from outside harmless.
func text(s string) string { return sessionwarden.Clean(s, sessionwarden.MaxText) }

// number writes an id, which is a string outside: not every reader of JSON
// can hold 64 bits in a number.
func number(id uint64) string { return strconv.FormatUint(id, 10) }

// known is number, but "" for 0, which stands for none.
func known(id uint64) string {
	if id == 0 {
		return ""
	}
	return number(id)
}

// second returns t as tables show it. A time that RFC 3339 has no form for is
// unknown.
func second(t time.Time) time.Time {
	t = t.UTC()
	if t.IsZero() || t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}
	}
	return t.Truncate(time.Second)
}
