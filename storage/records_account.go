package storage

import (
	"math"
	"net/netip"
	"slices"
	"time"

	"sessionwarden"
)

// accountRecord is a [sessionwarden.History] without what has rows of its own:
// live sessions and open actions are named by their ids and joined on load.
type accountRecord struct {
	Baseline int64                                `cbor:"1,keyasint,omitempty"`
	Stamp    string                               `cbor:"2,keyasint,omitempty"`
	Live     []liveRecord                         `cbor:"3,keyasint,omitempty"`
	Past     []pastRecord                         `cbor:"4,keyasint,omitempty"`
	Floor    int64                                `cbor:"5,keyasint,omitempty"`
	Country  map[sessionwarden.Country]spanRecord `cbor:"6,keyasint,omitempty"`
	Network  map[uint32]spanRecord                `cbor:"7,keyasint,omitempty"`
	Device   map[string]spanRecord                `cbor:"8,keyasint,omitempty"`
	Open     []uint64                             `cbor:"9,keyasint,omitempty"`
	Spent    []spentRecord                        `cbor:"10,keyasint,omitempty"`
	Blind    int64                                `cbor:"11,keyasint,omitempty"`
	Told     bool                                 `cbor:"12,keyasint,omitempty"`
	Why      string                               `cbor:"13,keyasint,omitempty"`
	Logouts  []int64                              `cbor:"14,keyasint,omitempty"`
	Tellings map[string]int64                     `cbor:"15,keyasint,omitempty"`
	LastPoll int64                                `cbor:"16,keyasint,omitempty"`
	Facts    *factsRecord                         `cbor:"17,keyasint,omitempty"`
	Trusts   []trustRecord                        `cbor:"18,keyasint,omitempty"`
	Recent   []uint64                             `cbor:"19,keyasint,omitempty"`
	Hours    []float32                            `cbor:"20,keyasint,omitempty"`
	Active   int64                                `cbor:"21,keyasint,omitempty"`
	Sessions int                                  `cbor:"22,keyasint,omitempty"`
	MostLive int                                  `cbor:"23,keyasint,omitempty"`
	Since    int64                                `cbor:"24,keyasint,omitempty"`
	Incident uint64                               `cbor:"25,keyasint,omitempty"`
}

// trustRecord is a [sessionwarden.Trust] of the account that the record is of.
type trustRecord struct {
	ID      uint64 `cbor:"1,keyasint"`
	Country string `cbor:"2,keyasint,omitempty"`
	ASN     uint32 `cbor:"3,keyasint,omitempty"`
	Network string `cbor:"4,keyasint,omitempty"`
	Until   int64  `cbor:"5,keyasint,omitempty"`
	Note    string `cbor:"6,keyasint,omitempty"`
	By      string `cbor:"7,keyasint,omitempty"`
	Created int64  `cbor:"8,keyasint,omitempty"`
	Removed int64  `cbor:"9,keyasint,omitempty"`
}

// liveRecord is what changes often of a live session. LastSeen is 0 where it
// is the account's last poll, as it is for nearly all.
type liveRecord struct {
	Seq      uint64 `cbor:"1,keyasint"`
	LastSeen int64  `cbor:"2,keyasint,omitempty"`
	Missing  int64  `cbor:"3,keyasint,omitempty"`
	Started  int64  `cbor:"4,keyasint,omitempty"`
	Expires  int64  `cbor:"5,keyasint,omitempty"`
	Unseen   bool   `cbor:"6,keyasint,omitempty"` // LastSeen is not known
	Active   int64  `cbor:"7,keyasint,omitempty"`
}

type pastRecord struct {
	Key     string `cbor:"1,keyasint,omitempty"`
	Started int64  `cbor:"2,keyasint,omitempty"`
	Addr    []byte `cbor:"3,keyasint,omitempty"`
}

type spanRecord struct {
	First  int64   `cbor:"1,keyasint,omitempty"`
	Last   int64   `cbor:"2,keyasint,omitempty"`
	Weight float64 `cbor:"3,keyasint,omitempty"`
}

type spentRecord struct {
	At       int64 `cbor:"1,keyasint,omitempty"`
	Stranger bool  `cbor:"2,keyasint,omitempty"`
}

// liveIndex is the part of an accountRecord that says what lives: enough to
// list and to forget, and quicker to read than the whole.
type liveIndex struct {
	Live     []liveRecord `cbor:"3,keyasint,omitempty"`
	Open     []uint64     `cbor:"9,keyasint,omitempty"`
	LastPoll int64        `cbor:"16,keyasint,omitempty"`
	Recent   []uint64     `cbor:"19,keyasint,omitempty"`
	Incident uint64       `cbor:"25,keyasint,omitempty"`
}

func packHistory(h sessionwarden.History) accountRecord {
	r := accountRecord{
		Baseline: packTime(h.Baseline), Stamp: h.Stamp, Floor: packTime(h.Floor), LastPoll: packTime(h.LastPoll),
		Blind: packTime(h.Blind.Since), Told: h.Blind.Told, Why: h.Blind.Why,
		Country: packSpans(h.Profile.Countries),
		Network: packSpans(h.Profile.Networks),
		Device:  packSpans(h.Profile.Devices),
		Facts:   packFacts(h.Facts),
		Active:  packTime(h.Profile.Active), Sessions: h.Profile.Sessions, MostLive: h.Profile.MostLive, Since: packTime(h.Profile.Since),
	}
	if h.Profile.Hours != ([24]float32{}) {
		r.Hours = slices.Clone(h.Profile.Hours[:])
	}
	if h.Incident != nil {
		r.Incident = h.Incident.ID
	}
	for _, s := range h.Recent {
		r.Recent = append(r.Recent, s.Seq)
	}
	for _, s := range h.Live {
		live := liveRecord{Seq: s.Seq, LastSeen: packTime(s.LastSeen), Missing: packTime(s.Missing), Started: packTime(s.Started), Expires: packTime(s.Expires), Active: packTime(s.Active)}
		switch live.LastSeen {
		case r.LastPoll:
			live.LastSeen = 0
		case 0:
			live.Unseen = true
		}
		r.Live = append(r.Live, live)
	}
	for _, p := range h.Past {
		past := pastRecord{Key: string(p.Key), Started: packTime(p.Started)}
		if p.Addr.IsValid() {
			past.Addr = p.Addr.AsSlice()
		}
		r.Past = append(r.Past, past)
	}
	for _, a := range h.Actions {
		r.Open = append(r.Open, a.ID)
	}
	for _, s := range h.Spent {
		r.Spent = append(r.Spent, spentRecord{At: packTime(s.At), Stranger: s.Stranger})
	}
	for _, t := range h.Logouts {
		r.Logouts = append(r.Logouts, packTime(t))
	}
	for _, t := range h.Trusts {
		r.Trusts = append(r.Trusts, packTrust(t))
	}
	for what, when := range h.Told {
		if r.Tellings == nil {
			r.Tellings = make(map[string]int64, len(h.Told))
		}
		r.Tellings[what] = packTime(when)
	}
	return r
}

// unpack returns the history without its live sessions and open actions.
func (r accountRecord) unpack(account string) sessionwarden.History {
	h := sessionwarden.History{
		Account: account, Baseline: unpackTime(r.Baseline), Stamp: r.Stamp, Floor: unpackTime(r.Floor), LastPoll: unpackTime(r.LastPoll),
		Blind: sessionwarden.Blindness{Since: unpackTime(r.Blind), Told: r.Told, Why: r.Why},
		Profile: sessionwarden.Profile{
			Countries: unpackSpans(r.Country),
			Networks:  unpackSpans(r.Network),
			Devices:   unpackSpans(r.Device),
			Active:    unpackTime(r.Active), Sessions: r.Sessions, MostLive: r.MostLive, Since: unpackTime(r.Since),
		},
		Facts: r.Facts.unpack(),
	}
	copy(h.Profile.Hours[:], r.Hours)
	for _, p := range r.Past {
		addr, _ := netip.AddrFromSlice(p.Addr) // else it is not known
		h.Past = append(h.Past, sessionwarden.Past{Key: sessionwarden.Key(p.Key), Started: unpackTime(p.Started), Addr: addr})
	}
	for _, s := range r.Spent {
		h.Spent = append(h.Spent, sessionwarden.Spent{At: unpackTime(s.At), Stranger: s.Stranger})
	}
	for _, t := range r.Logouts {
		h.Logouts = append(h.Logouts, unpackTime(t))
	}
	for _, t := range r.Trusts {
		h.Trusts = append(h.Trusts, t.unpack(account))
	}
	for what, when := range r.Tellings {
		if h.Told == nil {
			h.Told = make(map[string]time.Time, len(r.Tellings))
		}
		h.Told[what] = unpackTime(when)
	}
	return h
}

func packTrust(t sessionwarden.Trust) trustRecord {
	r := trustRecord{
		ID: t.ID, Country: string(t.Country), ASN: t.ASN, Until: packTime(t.Until), Note: t.Note, By: t.By,
		Created: packTime(t.Created), Removed: packTime(t.Removed),
	}
	if t.Network.IsValid() {
		r.Network = t.Network.String()
	}
	return r
}

// unpack returns the trust. A network that cannot be read trusts nobody.
func (r trustRecord) unpack(account string) sessionwarden.Trust {
	t := sessionwarden.Trust{
		ID: r.ID, Account: account, Country: sessionwarden.Country(r.Country), ASN: r.ASN, Until: unpackTime(r.Until), Note: r.Note, By: r.By,
		Created: unpackTime(r.Created), Removed: unpackTime(r.Removed),
	}
	if network, err := netip.ParsePrefix(r.Network); err == nil {
		t.Network = network
	}
	return t
}

// apply puts what changes often into a sighting.
func (l liveRecord) apply(s *sessionwarden.Sighting, lastPoll int64) {
	if l.LastSeen == 0 && !l.Unseen {
		l.LastSeen = lastPoll
	}
	s.LastSeen, s.Missing = unpackTime(l.LastSeen), unpackTime(l.Missing)
	s.Started, s.Expires = unpackTime(l.Started), unpackTime(l.Expires)
	s.Active = unpackTime(l.Active)
}

func packSpans[K comparable](spans map[K]sessionwarden.Span) map[K]spanRecord {
	if len(spans) == 0 {
		return nil
	}
	records := make(map[K]spanRecord, len(spans))
	for k, s := range spans {
		records[k] = spanRecord{First: packTime(s.First), Last: packTime(s.Last), Weight: s.Weight}
	}
	return records
}

// soundWeight is a weight that can be counted with, whatever was on the disk.
func soundWeight(w float64) float64 {
	if !(w > 0) || math.IsInf(w, 0) {
		return 0
	}
	return w
}

func unpackSpans[K comparable](records map[K]spanRecord) map[K]sessionwarden.Span {
	if len(records) == 0 {
		return nil
	}
	spans := make(map[K]sessionwarden.Span, len(records))
	for k, r := range records {
		spans[k] = sessionwarden.Span{First: unpackTime(r.First), Last: unpackTime(r.Last), Weight: soundWeight(r.Weight)}
	}
	return spans
}
