package storage

import (
	"fmt"
	"net/netip"
	"time"

	"sessionwarden"
)

// The records are what is on the disk. Their numbers are never given a second
// meaning: a field that is not needed any more leaves a gap. Numbers under 24
// take one byte and belong to what nearly every record has.

// sightingRecord is a [sessionwarden.Sighting]; its Seq is the key.
type sightingRecord struct {
	Account         string          `cbor:"1,keyasint,omitempty"`
	ID              string          `cbor:"2,keyasint,omitempty"`
	Addr            []byte          `cbor:"3,keyasint,omitempty"`
	ServiceLocation string          `cbor:"4,keyasint,omitempty"`
	ServiceCountry  string          `cbor:"5,keyasint,omitempty"`
	ISP             string          `cbor:"6,keyasint,omitempty"`
	UserAgent       string          `cbor:"7,keyasint,omitempty"`
	Started         int64           `cbor:"8,keyasint,omitempty"`
	Expires         int64           `cbor:"9,keyasint,omitempty"`
	Device          string          `cbor:"10,keyasint,omitempty"`
	FirstSeen       int64           `cbor:"11,keyasint,omitempty"`
	LastSeen        int64           `cbor:"12,keyasint,omitempty"`
	GoneAt          int64           `cbor:"13,keyasint,omitempty"`
	State           uint8           `cbor:"14,keyasint,omitempty"`
	Marks           uint64          `cbor:"15,keyasint,omitempty"`
	Verdicts        []verdictRecord `cbor:"16,keyasint,omitempty"`
	Country         string          `cbor:"17,keyasint,omitempty"`
	ASN             uint32          `cbor:"18,keyasint,omitempty"`
	Organization    string          `cbor:"19,keyasint,omitempty"`
	Network         uint8           `cbor:"20,keyasint,omitempty"`
	Source          string          `cbor:"21,keyasint,omitempty"`
	Built           int64           `cbor:"22,keyasint,omitempty"`
	Missing         int64           `cbor:"23,keyasint,omitempty"`
	RawAddr         string          `cbor:"24,keyasint,omitempty"`
	Ownership       uint8           `cbor:"25,keyasint,omitempty"`
	Flaws           []string        `cbor:"26,keyasint,omitempty"`
	City            string          `cbor:"27,keyasint,omitempty"`
	Latitude        float64         `cbor:"28,keyasint,omitempty"`
	Longitude       float64         `cbor:"29,keyasint,omitempty"`
	RadiusKM        float64         `cbor:"30,keyasint,omitempty"`
	ReclassAt       int64           `cbor:"31,keyasint,omitempty"`
	ReclassFrom     string          `cbor:"32,keyasint,omitempty"`
	Active          int64           `cbor:"33,keyasint,omitempty"`
	EndedAt         int64           `cbor:"34,keyasint,omitempty"`
	LeftAt          int64           `cbor:"40,keyasint,omitempty"`
	DeniedAt        int64           `cbor:"41,keyasint,omitempty"`
	Unseen          int64           `cbor:"42,keyasint,omitempty"`
	Since           int64           `cbor:"43,keyasint,omitempty"`
	Faces           []faceRecord    `cbor:"44,keyasint,omitempty"`
}

type faceRecord struct {
	Country  string          `cbor:"1,keyasint,omitempty"`
	ASN      uint32          `cbor:"2,keyasint,omitempty"`
	Device   string          `cbor:"3,keyasint,omitempty"`
	Since    int64           `cbor:"4,keyasint,omitempty"`
	Until    int64           `cbor:"5,keyasint,omitempty"`
	Learned  bool            `cbor:"6,keyasint,omitempty"`
	Verdicts []verdictRecord `cbor:"7,keyasint,omitempty"`
}

type verdictRecord struct {
	Rule     string `cbor:"1,keyasint,omitempty"`
	Response uint8  `cbor:"2,keyasint,omitempty"`
}

// The marks of a sighting, one bit each.
const (
	markBaseline = 1 << iota
	markLate
	markDenied
	markLearned
	markHasPoint
	markTor
	markVPN
)

func mark(bit uint64, set bool) uint64 {
	if set {
		return bit
	}
	return 0
}

func (c *codec) packSighting(s sessionwarden.Sighting) sightingRecord {
	r := sightingRecord{
		Account: s.Account, ID: string(s.ID), ServiceLocation: s.ServiceLocation, ServiceCountry: string(s.ServiceCountry),
		ISP: s.ISP, UserAgent: c.short.pack(s.UserAgent), Started: packTime(s.Started), Expires: packTime(s.Expires), Device: s.Device,
		FirstSeen: packTime(s.FirstSeen), LastSeen: packTime(s.LastSeen), GoneAt: packTime(s.GoneAt), State: uint8(s.State),
		Country: string(s.Location.Country), ASN: s.Location.ASN, Organization: s.Location.Organization,
		Network: uint8(s.Location.Network), Source: c.short.pack(s.Location.Source), Built: packTime(s.Location.Built),
		Missing: packTime(s.Missing), RawAddr: s.RawAddr, Ownership: uint8(s.Ownership), Flaws: s.Flaws,
		City: s.Location.City, Latitude: s.Location.Latitude, Longitude: s.Location.Longitude, RadiusKM: s.Location.RadiusKM,
		ReclassAt: packTime(s.ReclassifiedAt), ReclassFrom: string(s.ReclassifiedFrom), Active: packTime(s.Active), EndedAt: packTime(s.EndedAt),
		LeftAt: packTime(s.LeftAt), DeniedAt: packTime(s.DeniedAt), Unseen: int64(s.Unseen),
		Since: packTime(s.Since), Verdicts: packVerdicts(s.Verdicts),
	}
	if s.Addr.IsValid() {
		r.Addr = s.Addr.AsSlice()
	}
	r.Marks = mark(markBaseline, s.Baseline) | mark(markLate, s.Late) | mark(markDenied, s.Denied) |
		mark(markLearned, s.Learned) | mark(markHasPoint, s.Location.HasPoint) |
		mark(markTor, s.Location.Tor) | mark(markVPN, s.Location.VPN)
	for _, f := range s.Faces {
		r.Faces = append(r.Faces, faceRecord{
			Country: string(f.Country), ASN: f.ASN, Device: f.Device, Since: packTime(f.Since), Until: packTime(f.Until), Learned: f.Learned, Verdicts: packVerdicts(f.Verdicts),
		})
	}
	return r
}

func packVerdicts(verdicts []sessionwarden.Verdict) (packed []verdictRecord) {
	for _, v := range verdicts {
		packed = append(packed, verdictRecord{Rule: string(v.Rule), Response: uint8(v.Response)})
	}
	return packed
}

func unpackVerdicts(packed []verdictRecord) (verdicts []sessionwarden.Verdict) {
	for _, v := range packed {
		verdicts = append(verdicts, sessionwarden.Verdict{Rule: sessionwarden.Rule(v.Rule), Response: sessionwarden.Response(v.Response)})
	}
	return verdicts
}

func (c *codec) unpackSighting(r sightingRecord, seq uint64) (sessionwarden.Sighting, error) {
	s := sessionwarden.Sighting{
		Seq: seq, Account: r.Account,
		Session: sessionwarden.Session{
			ID: sessionwarden.SessionID(r.ID), RawAddr: r.RawAddr,
			ServiceLocation: r.ServiceLocation, ServiceCountry: sessionwarden.Country(r.ServiceCountry),
			ISP: r.ISP, UserAgent: c.short.unpack(r.UserAgent), Started: unpackTime(r.Started), Expires: unpackTime(r.Expires),
			Ownership: sessionwarden.Ownership(r.Ownership), Flaws: r.Flaws,
		},
		Location: sessionwarden.Location{
			Country: sessionwarden.Country(r.Country), City: r.City,
			HasPoint: r.Marks&markHasPoint != 0, Latitude: r.Latitude, Longitude: r.Longitude, RadiusKM: r.RadiusKM,
			ASN: r.ASN, Organization: r.Organization, Network: sessionwarden.NetworkKind(r.Network),
			Tor: r.Marks&markTor != 0, VPN: r.Marks&markVPN != 0,
			Source: c.short.unpack(r.Source), Built: unpackTime(r.Built),
		},
		Device: r.Device, FirstSeen: unpackTime(r.FirstSeen), LastSeen: unpackTime(r.LastSeen),
		Missing: unpackTime(r.Missing), GoneAt: unpackTime(r.GoneAt), State: sessionwarden.SightingState(r.State),
		Baseline: r.Marks&markBaseline != 0, Late: r.Marks&markLate != 0,
		Denied: r.Marks&markDenied != 0, Learned: r.Marks&markLearned != 0,
		ReclassifiedAt: unpackTime(r.ReclassAt), ReclassifiedFrom: sessionwarden.Country(r.ReclassFrom),
		Active: unpackTime(r.Active), EndedAt: unpackTime(r.EndedAt),
		LeftAt: unpackTime(r.LeftAt), DeniedAt: unpackTime(r.DeniedAt), Unseen: time.Duration(r.Unseen),
		Since: unpackTime(r.Since), Verdicts: unpackVerdicts(r.Verdicts),
	}
	if len(r.Addr) > 0 {
		addr, ok := netip.AddrFromSlice(r.Addr)
		if !ok {
			return s, fmt.Errorf("an address of %d bytes", len(r.Addr))
		}
		s.Addr = addr
	}
	for _, f := range r.Faces {
		s.Faces = append(s.Faces, sessionwarden.Face{
			Country: sessionwarden.Country(f.Country), ASN: f.ASN, Device: f.Device, Since: unpackTime(f.Since), Until: unpackTime(f.Until), Learned: f.Learned, Verdicts: unpackVerdicts(f.Verdicts),
		})
	}
	return s, nil
}
