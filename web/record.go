package web

import (
	"context"
	"iter"
	"net/http"
	"net/netip"
	"time"

	"sessionwarden"
)

// RecordRow is a row of the history with all that judging it rests on, and with
// its times as they were recorded: for playing the history again.
type RecordRow struct {
	Seq     string `json:"seq"`
	Account string `json:"account"`
	ID      string `json:"id,omitempty"`
	Address string `json:"address,omitempty"` // what the service wrote, where that is no address

	ServiceLocation string `json:"service_location,omitempty"`
	ServiceCountry  string `json:"service_country,omitempty"`
	ISP             string `json:"isp,omitempty"`
	UserAgent       string `json:"user_agent,omitempty"`
	Device          string `json:"device,omitempty"`
	Ownership       uint8  `json:"ownership,omitempty"`

	Country      string  `json:"country,omitempty"`
	City         string  `json:"city,omitempty"`
	HasPoint     bool    `json:"has_point,omitempty"`
	Latitude     float64 `json:"latitude,omitempty"`
	Longitude    float64 `json:"longitude,omitempty"`
	RadiusKM     float64 `json:"radius_km,omitempty"`
	ASN          uint32  `json:"asn,omitempty"`
	Organization string  `json:"organization,omitempty"`
	Network      uint8   `json:"network,omitempty"`
	Tor          bool    `json:"tor,omitempty"`
	VPN          bool    `json:"vpn,omitempty"`

	Started   time.Time `json:"started,omitzero"`
	Expires   time.Time `json:"expires,omitzero"`
	FirstSeen time.Time `json:"first_seen,omitzero"`
	LastSeen  time.Time `json:"last_seen,omitzero"`
	Missing   time.Time `json:"missing,omitzero"`
	GoneAt    time.Time `json:"gone_at,omitzero"`
	LeftAt    time.Time `json:"left_at,omitzero"`
	EndedAt   time.Time `json:"ended_at,omitzero"`
	Active    time.Time `json:"active,omitzero"`
	DeniedAt  time.Time `json:"denied_at,omitzero"`
	State     uint8     `json:"state,omitempty"`
	Baseline  bool      `json:"baseline,omitempty"`
	Late      bool      `json:"late,omitempty"`
	Denied    bool      `json:"denied,omitempty"`
	Unseen    int64     `json:"unseen_ns,omitempty"`
}

// NewRecordRow returns the row of a sighting. Its texts are clean.
func NewRecordRow(s sessionwarden.Sighting) RecordRow {
	l := &s.Location
	return RecordRow{
		Seq: number(s.Seq), Account: text(s.Account), ID: text(string(s.ID)), Address: text(s.AddrText()),
		ServiceLocation: text(s.ServiceLocation), ServiceCountry: text(string(s.ServiceCountry)), ISP: text(s.ISP),
		UserAgent: text(s.UserAgent), Device: text(s.Device), Ownership: uint8(s.Ownership),
		Country: text(string(l.Country)), City: text(l.City), HasPoint: l.HasPoint, Latitude: l.Latitude, Longitude: l.Longitude, RadiusKM: l.RadiusKM,
		ASN: l.ASN, Organization: text(l.Organization), Network: uint8(l.Network), Tor: l.Tor, VPN: l.VPN,
		Started: s.Started, Expires: s.Expires, FirstSeen: s.FirstSeen, LastSeen: s.LastSeen, Missing: s.Missing, GoneAt: s.GoneAt,
		LeftAt: s.LeftAt, EndedAt: s.EndedAt, Active: s.Active, DeniedAt: s.DeniedAt,
		State: uint8(s.State), Baseline: s.Baseline, Late: s.Late, Denied: s.Denied, Unseen: int64(s.Unseen),
	}
}

// Sighting returns the sighting that r is the row of, but for what the rules said
// of it.
func (r RecordRow) Sighting() (sessionwarden.Sighting, error) {
	seq, err := parseID(r.Seq)
	if err != nil {
		return sessionwarden.Sighting{}, err
	}
	s := sessionwarden.Sighting{
		Seq: seq, Account: r.Account, Device: r.Device,
		Session: sessionwarden.Session{
			ID: sessionwarden.SessionID(r.ID), ServiceLocation: r.ServiceLocation, ServiceCountry: sessionwarden.Country(r.ServiceCountry),
			ISP: r.ISP, UserAgent: r.UserAgent, Started: r.Started, Expires: r.Expires, Ownership: sessionwarden.Ownership(r.Ownership),
		},
		Location: sessionwarden.Location{
			Country: sessionwarden.Country(r.Country), City: r.City, HasPoint: r.HasPoint, Latitude: r.Latitude, Longitude: r.Longitude, RadiusKM: r.RadiusKM,
			ASN: r.ASN, Organization: r.Organization, Network: sessionwarden.NetworkKind(r.Network), Tor: r.Tor, VPN: r.VPN,
		},
		FirstSeen: r.FirstSeen, LastSeen: r.LastSeen, Missing: r.Missing, GoneAt: r.GoneAt, LeftAt: r.LeftAt, EndedAt: r.EndedAt,
		Active: r.Active, DeniedAt: r.DeniedAt, State: sessionwarden.SightingState(r.State),
		Baseline: r.Baseline, Late: r.Late, Denied: r.Denied, Unseen: time.Duration(r.Unseen),
	}
	if s.Addr, err = netip.ParseAddr(r.Address); err != nil {
		s.RawAddr = r.Address
	}
	return s, nil
}

func (a *api) record(w http.ResponseWriter, r *http.Request, p params) error {
	return a.table(w, r, p, "record", newJSONTable)
}

// Record returns all rows of the history of an account ("": of all), for playing
// them again.
func (c *Client) Record(ctx context.Context, account string) iter.Seq2[sessionwarden.Sighting, error] {
	return func(yield func(sessionwarden.Sighting, error) bool) {
		for row, err := range table[RecordRow](ctx, c, "record", Query{Account: account}) {
			var s sessionwarden.Sighting
			if err == nil {
				s, err = row.Sighting()
			}
			if !yield(s, err) || err != nil {
				return
			}
		}
	}
}
