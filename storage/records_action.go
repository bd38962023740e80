package storage

import "sessionwarden"

// findingRecord is a [sessionwarden.Finding]; its ID is the key.
type findingRecord struct {
	Account  string       `cbor:"1,keyasint,omitempty"`
	Seq      uint64       `cbor:"2,keyasint,omitempty"`
	Session  string       `cbor:"3,keyasint,omitempty"`
	Rule     string       `cbor:"4,keyasint,omitempty"`
	Severity uint8        `cbor:"5,keyasint,omitempty"`
	Response uint8        `cbor:"6,keyasint,omitempty"`
	Time     int64        `cbor:"7,keyasint,omitempty"`
	Late     bool         `cbor:"8,keyasint,omitempty"`
	Reason   string       `cbor:"9,keyasint,omitempty"`
	Facts    []factRecord `cbor:"10,keyasint,omitempty"`
	Silence  string       `cbor:"11,keyasint,omitempty"`
	Capped   string       `cbor:"12,keyasint,omitempty"`
}

type factRecord struct {
	Name  string `cbor:"1,keyasint,omitempty"`
	Value string `cbor:"2,keyasint,omitempty"`
}

func packFinding(f sessionwarden.Finding) findingRecord {
	r := findingRecord{
		Account: f.Account, Seq: f.Seq, Session: string(f.Session), Rule: string(f.Rule), Severity: uint8(f.Severity),
		Response: uint8(f.Response), Time: packTime(f.Time), Late: f.Late, Reason: f.Reason, Silence: f.Silence, Capped: f.Capped,
	}
	for _, fact := range f.Facts {
		r.Facts = append(r.Facts, factRecord(fact))
	}
	return r
}

func (r findingRecord) unpack(id uint64) sessionwarden.Finding {
	f := sessionwarden.Finding{
		ID: id, Account: r.Account, Seq: r.Seq, Session: sessionwarden.SessionID(r.Session), Rule: sessionwarden.Rule(r.Rule),
		Severity: sessionwarden.Severity(r.Severity), Response: sessionwarden.Response(r.Response), Time: unpackTime(r.Time),
		Late: r.Late, Reason: r.Reason, Silence: r.Silence, Capped: r.Capped,
	}
	for _, fact := range r.Facts {
		f.Facts = append(f.Facts, sessionwarden.Fact(fact))
	}
	return f
}

// actionRecord is a [sessionwarden.Action]; its ID is the key.
type actionRecord struct {
	Account  string   `cbor:"1,keyasint,omitempty"`
	Kind     uint8    `cbor:"2,keyasint,omitempty"`
	State    uint8    `cbor:"3,keyasint,omitempty"`
	Seq      uint64   `cbor:"4,keyasint,omitempty"`
	Session  string   `cbor:"5,keyasint,omitempty"`
	Addr     string   `cbor:"6,keyasint,omitempty"`
	Device   string   `cbor:"7,keyasint,omitempty"`
	Reason   string   `cbor:"8,keyasint,omitempty"`
	Note     string   `cbor:"9,keyasint,omitempty"`
	Hold     uint8    `cbor:"10,keyasint,omitempty"`
	ByHand   bool     `cbor:"11,keyasint,omitempty"`
	Stranger bool     `cbor:"12,keyasint,omitempty"`
	Findings []uint64 `cbor:"13,keyasint,omitempty"`
	AlertID  uint64   `cbor:"14,keyasint,omitempty"`
	Attempts int      `cbor:"15,keyasint,omitempty"`
	Deadline int64    `cbor:"16,keyasint,omitempty"`
	NotTill  int64    `cbor:"17,keyasint,omitempty"`
	Answered int64    `cbor:"18,keyasint,omitempty"`
	Created  int64    `cbor:"19,keyasint,omitempty"`
	Updated  int64    `cbor:"20,keyasint,omitempty"`
	By       string   `cbor:"21,keyasint,omitempty"`
}

func packAction(a sessionwarden.Action) actionRecord {
	return actionRecord{
		Account: a.Account, Kind: uint8(a.Kind), State: uint8(a.State), Seq: a.Seq, Session: string(a.Session), Addr: a.Addr,
		Device: a.Device, Reason: a.Reason, Note: a.Note, Hold: uint8(a.Hold), ByHand: a.ByHand, Stranger: a.Stranger,
		Findings: a.Findings, AlertID: a.AlertID, Attempts: a.Attempts, Deadline: packTime(a.Deadline), NotTill: packTime(a.NotTill),
		Answered: packTime(a.Answered), Created: packTime(a.Created), Updated: packTime(a.Updated),
		By: a.By,
	}
}

func (r actionRecord) unpack(id uint64) sessionwarden.Action {
	return sessionwarden.Action{
		ID: id, Account: r.Account, Kind: sessionwarden.ActionKind(r.Kind), State: sessionwarden.ActionState(r.State), Seq: r.Seq,
		Session: sessionwarden.SessionID(r.Session), Addr: r.Addr, Device: r.Device, Reason: r.Reason, Note: r.Note,
		Hold: sessionwarden.Hold(r.Hold), ByHand: r.ByHand, Stranger: r.Stranger, Findings: r.Findings, AlertID: r.AlertID,
		Attempts: r.Attempts, Deadline: unpackTime(r.Deadline), NotTill: unpackTime(r.NotTill), Answered: unpackTime(r.Answered),
		Created: unpackTime(r.Created), Updated: unpackTime(r.Updated), By: r.By,
	}
}
