package storage

import "sessionwarden"

// incidentRecord is a [sessionwarden.Incident]; its ID is the key.
type incidentRecord struct {
	Account  string        `cbor:"1,keyasint,omitempty"`
	Severity uint8         `cbor:"2,keyasint,omitempty"`
	Title    string        `cbor:"3,keyasint,omitempty"`
	Opened   int64         `cbor:"4,keyasint,omitempty"`
	Updated  int64         `cbor:"5,keyasint,omitempty"`
	Resolved int64         `cbor:"6,keyasint,omitempty"`
	AlertID  uint64        `cbor:"7,keyasint,omitempty"`
	Sessions []uint64      `cbor:"8,keyasint,omitempty"`
	Findings []uint64      `cbor:"9,keyasint,omitempty"`
	Actions  []uint64      `cbor:"10,keyasint,omitempty"`
	Events   []eventRecord `cbor:"11,keyasint,omitempty"`
	More     int           `cbor:"12,keyasint,omitempty"`
	Changed  []string      `cbor:"21,keyasint,omitempty"`
	Issued   []issueRecord `cbor:"20,keyasint,omitempty"`
}

// issueRecord is a [sessionwarden.Issue].
type issueRecord struct {
	At   int64  `cbor:"1,keyasint,omitempty"`
	Head string `cbor:"2,keyasint,omitempty"`
}

type eventRecord struct {
	At   int64  `cbor:"1,keyasint,omitempty"`
	Kind string `cbor:"2,keyasint,omitempty"`
	ID   uint64 `cbor:"3,keyasint,omitempty"`
	Text string `cbor:"4,keyasint,omitempty"`
}

func packIncident(i sessionwarden.Incident) incidentRecord {
	r := incidentRecord{
		Account: i.Account, Severity: uint8(i.Severity), Title: i.Title, Opened: packTime(i.Opened), Updated: packTime(i.Updated),
		Resolved: packTime(i.Resolved), AlertID: i.AlertID, Sessions: i.Sessions, Findings: i.Findings, Actions: i.Actions, More: i.More,
	}
	for _, rule := range i.Changed {
		r.Changed = append(r.Changed, string(rule))
	}
	for _, e := range i.Events {
		r.Events = append(r.Events, eventRecord{At: packTime(e.At), Kind: string(e.Kind), ID: e.ID, Text: e.Text})
	}
	for _, issue := range i.Issued {
		r.Issued = append(r.Issued, issueRecord{At: packTime(issue.At), Head: issue.Head})
	}
	return r
}

func (r incidentRecord) unpack(id uint64) sessionwarden.Incident {
	i := sessionwarden.Incident{
		ID: id, Account: r.Account, Severity: sessionwarden.Severity(r.Severity), Title: r.Title, Opened: unpackTime(r.Opened),
		Updated: unpackTime(r.Updated), Resolved: unpackTime(r.Resolved), AlertID: r.AlertID, Sessions: r.Sessions,
		Findings: r.Findings, Actions: r.Actions, More: r.More,
	}
	for _, rule := range r.Changed {
		i.Changed = append(i.Changed, sessionwarden.Rule(rule))
	}
	for _, e := range r.Events {
		i.Events = append(i.Events, sessionwarden.Event{At: unpackTime(e.At), Kind: sessionwarden.EventKind(e.Kind), ID: e.ID, Text: e.Text})
	}
	for _, issue := range r.Issued {
		i.Issued = append(i.Issued, sessionwarden.Issue{At: unpackTime(issue.At), Head: issue.Head})
	}
	return i
}
