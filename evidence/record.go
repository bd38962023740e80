package evidence

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"sessionwarden"
)

// Format is the version of the files that [Make] makes. It rises whenever the
// same records would give another page or another line; files of older formats
// are checked by the pages of their time.
const Format = 1

// record is one line of a file: exactly one of its fields is there. The order of
// the fields, here and below, is part of the format. Texts are clean; times are
// RFC 3339 in UTC, whole seconds, "" where not known.
type record struct {
	Header   *Header   `json:"header,omitempty"`
	Owner    *owner    `json:"account,omitempty"`
	Incident *incident `json:"incident,omitempty"`
	Event    *event    `json:"event,omitempty"`
	Session  *session  `json:"session,omitempty"`
	Finding  *finding  `json:"finding,omitempty"`
	Action   *action   `json:"action,omitempty"`
	Source   *source   `json:"location_source,omitempty"`
	Gap      *gap      `json:"not_in_this_file,omitempty"`

	seq uint64 // of a session, while the file is made
}

// Header says what a file is. It is the first record.
type Header struct {
	Format   int    `json:"format"`
	Program  string `json:"program"` // with its version
	Instance string `json:"instance,omitempty"`
	Account  string `json:"account"` // as the owner calls it
	Service  string `json:"service"`
	Incident string `json:"incident"`
	Made     string `json:"made"`
	Records  int    `json:"records"` // how many the file has, this one included
}

// owner is how the service knows the account.
type owner struct {
	Name     string `json:"name,omitempty"`
	Contact  string `json:"contact_mail,omitempty"`
	Discord  string `json:"discord,omitempty"`
	TradeURL string `json:"trade_url,omitempty"`
	Read     string `json:"read,omitempty"`
}

// incident is what the file is about.
type incident struct {
	Severity string  `json:"severity"`
	Title    string  `json:"title,omitempty"`
	Opened   string  `json:"opened"`
	Updated  string  `json:"last_event,omitempty"`
	Resolved string  `json:"resolved,omitempty"`
	Issued   []issue `json:"issued_before,omitempty"`
}

type issue struct {
	Made string `json:"made"`
	Head string `json:"head"`
}

// event is a line of the timeline.
type event struct {
	Time string `json:"time"`
	Kind string `json:"kind"`
	ID   string `json:"id,omitempty"`
	Text string `json:"text"`
}

// session is one row of the history.
type session struct {
	Row          string   `json:"row"`
	ID           string   `json:"id,omitempty"`
	Address      string   `json:"address,omitempty"`
	Country      string   `json:"country,omitempty"`
	CountryName  string   `json:"country_name,omitempty"`
	City         string   `json:"city,omitempty"`
	ASN          uint32   `json:"asn,omitempty"`
	Organization string   `json:"organization,omitempty"`
	Network      string   `json:"network,omitempty"`
	Says         string   `json:"service_location,omitempty"`
	ISP          string   `json:"isp,omitempty"`
	Device       string   `json:"device,omitempty"`
	UserAgent    string   `json:"user_agent,omitempty"`
	Started      string   `json:"started,omitempty"`
	FirstSeen    string   `json:"first_seen,omitempty"`
	LastSeen     string   `json:"last_seen,omitempty"`
	Gone         string   `json:"gone,omitempty"`
	Ended        string   `json:"ended_by_us,omitempty"`
	State        string   `json:"state"`
	Own          bool     `json:"own,omitempty"`
	Late         bool     `json:"late,omitempty"`
	Denied       bool     `json:"said_to_be_the_owners,omitempty"`
	Rules        []string `json:"rules,omitempty"`
	Before       bool     `json:"live_at_begin,omitempty"`
	In           bool     `json:"in_incident,omitempty"`
	After        bool     `json:"live_at_end,omitempty"`
	Source       string   `json:"location_source,omitempty"`
}

// finding is one rule that matched.
type finding struct {
	ID       string `json:"id"`
	Time     string `json:"time"`
	Rule     string `json:"rule"`
	Severity string `json:"severity"`
	Response string `json:"response"`
	Row      string `json:"row,omitempty"`
	Session  string `json:"session,omitempty"`
	Late     bool   `json:"late,omitempty"`
	Reason   string `json:"reason"`
	Capped   string `json:"capped,omitempty"`
	Facts    []fact `json:"facts,omitempty"`
}

type fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// value returns what the finding says of a fact, "" where it does not.
func (f finding) value(name string) string {
	for _, one := range f.Facts {
		if one.Name == name {
			return one.Value
		}
	}
	return ""
}

// action is one disconnection with what became of it.
type action struct {
	ID       string `json:"id"`
	Kind     string `json:"kind"`
	State    string `json:"state"`
	Row      string `json:"row,omitempty"`
	Session  string `json:"session,omitempty"`
	Address  string `json:"address,omitempty"`
	Device   string `json:"device,omitempty"`
	Reason   string `json:"reason,omitempty"`
	ByHand   bool   `json:"by_hand,omitempty"`
	Planned  string `json:"planned"`
	Attempts int    `json:"attempts"`
	Answered string `json:"answered,omitempty"`
	Updated  string `json:"updated,omitempty"`
	Note     string `json:"note,omitempty"`
}

// source is a database that named countries.
type source struct {
	Name     string `json:"name"`
	Built    string `json:"built,omitempty"`
	Sessions int    `json:"sessions"`
}

// gap is something that is not in the file, and why.
type gap struct {
	Text string `json:"text"`
}

// encode returns a record as its line: canonical, in that the same record gives
// the same bytes.
func (r record) encode() string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(r) // texts, numbers and yes or no, into memory: nothing can go wrong
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

// decode reads a line as encode writes it, and nothing else.
func decode(line string) (record, error) {
	var r record
	dec := json.NewDecoder(bytes.NewReader([]byte(line)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&r); err != nil {
		return r, fmt.Errorf("it is no record of this format: %s", sessionwarden.Clean(err.Error(), 100))
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) || r.encode() != line || r.kind() == "" {
		return r, errors.New("it is not written as a record is")
	}
	return r, nil
}

// kind names what the record is of, "" where it is not exactly one thing.
func (r record) kind() string {
	kind, n := "", 0
	for name, there := range map[string]bool{
		"the header": r.Header != nil, "the account": r.Owner != nil, "the incident": r.Incident != nil, "an event": r.Event != nil,
		"a session": r.Session != nil, "a finding": r.Finding != nil, "a disconnection": r.Action != nil,
		"a source of locations": r.Source != nil, "what is not in the file": r.Gap != nil,
	} {
		if there {
			kind = name
			n++
		}
	}
	if n != 1 {
		return ""
	}
	return kind
}

// stamp is a time as records have it.
func stamp(t time.Time) string {
	t = t.UTC()
	if t.IsZero() || t.Year() < 1 || t.Year() > 9999 {
		return ""
	}
	return t.Format(time.RFC3339)
}

// shown is a stamp as the page has it.
func shown(stamp string) string {
	t, err := time.Parse(time.RFC3339, stamp)
	if err != nil {
		return stamp
	}
	return t.UTC().Format("2006-01-02 15:04:05") + " UTC"
}
