package storage

import (
	"time"

	"sessionwarden"
)

// digestRecord is a [sessionwarden.Digest], within its alert.
type digestRecord struct {
	Due       int64                 `cbor:"1,keyasint,omitempty"`
	From      int64                 `cbor:"2,keyasint,omitempty"`
	To        int64                 `cbor:"3,keyasint,omitempty"`
	Accounts  []digestAccountRecord `cbor:"4,keyasint,omitempty"`
	More      int                   `cbor:"5,keyasint,omitempty"`
	Rest      digestAccountRecord   `cbor:"6,keyasint"`
	Below     int                   `cbor:"7,keyasint,omitempty"`
	Silenced  []digestSilenceRecord `cbor:"8,keyasint,omitempty"`
	MoreHeld  int                   `cbor:"9,keyasint,omitempty"`
	Unwatched []unwatchedRecord     `cbor:"10,keyasint,omitempty"`
	MoreBlind int                   `cbor:"11,keyasint,omitempty"`
	Started   int64                 `cbor:"12,keyasint,omitempty"`
	Before    int64                 `cbor:"13,keyasint,omitempty"`
	Late      []digestChannelRecord `cbor:"14,keyasint,omitempty"`
	Waiting   []digestChannelRecord `cbor:"15,keyasint,omitempty"`
	Data      []digestDataRecord    `cbor:"16,keyasint,omitempty"`
	Backup    int64                 `cbor:"17,keyasint,omitempty"`
	NoBackups bool                  `cbor:"18,keyasint,omitempty"`
	Trust     digestTrustRecord     `cbor:"19,keyasint"`
	Needs     []string              `cbor:"20,keyasint,omitempty"`
	Blind     int                   `cbor:"21,keyasint,omitempty"`
	Incidents int                   `cbor:"22,keyasint,omitempty"`
}

type digestAccountRecord struct {
	Account    string `cbor:"1,keyasint,omitempty"`
	New        int    `cbor:"2,keyasint,omitempty"`
	Live       int    `cbor:"3,keyasint,omitempty"`
	Findings   [3]int `cbor:"4,keyasint"`
	Ended      int    `cbor:"5,keyasint,omitempty"`
	Pretended  int    `cbor:"6,keyasint,omitempty"`
	Spared     int    `cbor:"7,keyasint,omitempty"`
	Failed     int    `cbor:"8,keyasint,omitempty"`
	Held       int    `cbor:"9,keyasint,omitempty"`
	Open       int    `cbor:"10,keyasint,omitempty"`
	Incidents  int    `cbor:"11,keyasint,omitempty"`
	Incident   uint64 `cbor:"12,keyasint,omitempty"`
	BlindSince int64  `cbor:"13,keyasint,omitempty"`
}

type digestSilenceRecord struct {
	ID     uint64 `cbor:"1,keyasint,omitempty"`
	What   string `cbor:"2,keyasint,omitempty"`
	Until  int64  `cbor:"3,keyasint,omitempty"`
	Alerts int    `cbor:"4,keyasint,omitempty"`
}

type unwatchedRecord struct {
	Account string `cbor:"1,keyasint,omitempty"`
	Since   int64  `cbor:"2,keyasint,omitempty"`
	Until   int64  `cbor:"3,keyasint,omitempty"`
}

type digestChannelRecord struct {
	Channel string `cbor:"1,keyasint,omitempty"`
	Alerts  int    `cbor:"2,keyasint,omitempty"`
	Longest int64  `cbor:"3,keyasint,omitempty"`
	Why     string `cbor:"4,keyasint,omitempty"`
}

type digestDataRecord struct {
	Name    string `cbor:"1,keyasint,omitempty"`
	Date    int64  `cbor:"2,keyasint,omitempty"`
	Problem string `cbor:"3,keyasint,omitempty"`
}

type digestTrustRecord struct {
	Account string `cbor:"1,keyasint,omitempty"`
	What    string `cbor:"2,keyasint,omitempty"`
	Until   int64  `cbor:"3,keyasint,omitempty"`
}

func packDigest(d *sessionwarden.Digest) *digestRecord {
	if d == nil {
		return nil
	}
	return &digestRecord{
		Due: packTime(d.Due), From: packTime(d.From), To: packTime(d.To),
		Accounts: each(d.Accounts, packDigestAccount), More: d.More, Rest: packDigestAccount(d.Rest),
		Below: d.Below, MoreHeld: d.MoreHeld, MoreBlind: d.MoreBlind, Blind: d.Blind, Incidents: d.Incidents, Started: packTime(d.Started), Before: packTime(d.Before),
		Silenced: each(d.Silenced, func(s sessionwarden.DigestSilence) digestSilenceRecord {
			return digestSilenceRecord{ID: s.ID, What: s.What, Until: packTime(s.Until), Alerts: s.Alerts}
		}),
		Unwatched: each(d.Unwatched, func(u sessionwarden.Unwatched) unwatchedRecord {
			return unwatchedRecord{Account: u.Account, Since: packTime(u.Since), Until: packTime(u.Until)}
		}),
		Late: each(d.Late, packDigestChannel), Waiting: each(d.Waiting, packDigestChannel),
		Data: each(d.Data, func(f sessionwarden.DigestData) digestDataRecord {
			return digestDataRecord{Name: f.Name, Date: packTime(f.Date), Problem: f.Problem}
		}),
		Backup: packTime(d.Backup), NoBackups: d.NoBackups,
		Trust: digestTrustRecord{Account: d.Trust.Account, What: d.Trust.What, Until: packTime(d.Trust.Until)}, Needs: d.Needs,
	}
}

func (r *digestRecord) unpack() *sessionwarden.Digest {
	if r == nil {
		return nil
	}
	return &sessionwarden.Digest{
		Due: unpackTime(r.Due), From: unpackTime(r.From), To: unpackTime(r.To),
		Accounts: each(r.Accounts, digestAccountRecord.unpack), More: r.More, Rest: r.Rest.unpack(),
		Below: r.Below, MoreHeld: r.MoreHeld, MoreBlind: r.MoreBlind, Blind: r.Blind, Incidents: r.Incidents, Started: unpackTime(r.Started), Before: unpackTime(r.Before),
		Silenced: each(r.Silenced, func(s digestSilenceRecord) sessionwarden.DigestSilence {
			return sessionwarden.DigestSilence{ID: s.ID, What: s.What, Until: unpackTime(s.Until), Alerts: s.Alerts}
		}),
		Unwatched: each(r.Unwatched, func(u unwatchedRecord) sessionwarden.Unwatched {
			return sessionwarden.Unwatched{Account: u.Account, Since: unpackTime(u.Since), Until: unpackTime(u.Until)}
		}),
		Late: each(r.Late, digestChannelRecord.unpack), Waiting: each(r.Waiting, digestChannelRecord.unpack),
		Data: each(r.Data, func(f digestDataRecord) sessionwarden.DigestData {
			return sessionwarden.DigestData{Name: f.Name, Date: unpackTime(f.Date), Problem: f.Problem}
		}),
		Backup: unpackTime(r.Backup), NoBackups: r.NoBackups,
		Trust: sessionwarden.DigestTrust{Account: r.Trust.Account, What: r.Trust.What, Until: unpackTime(r.Trust.Until)}, Needs: r.Needs,
	}
}

func packDigestAccount(a sessionwarden.DigestAccount) digestAccountRecord {
	return digestAccountRecord{
		Account: a.Account, New: a.New, Live: a.Live, Findings: a.Findings, Ended: a.Ended, Pretended: a.Pretended, Spared: a.Spared,
		Failed: a.Failed, Held: a.Held, Open: a.Open, Incidents: a.Incidents, Incident: a.Incident, BlindSince: packTime(a.BlindSince),
	}
}

func (r digestAccountRecord) unpack() sessionwarden.DigestAccount {
	return sessionwarden.DigestAccount{
		Account: r.Account, New: r.New, Live: r.Live, Findings: r.Findings, Ended: r.Ended, Pretended: r.Pretended, Spared: r.Spared,
		Failed: r.Failed, Held: r.Held, Open: r.Open, Incidents: r.Incidents, Incident: r.Incident, BlindSince: unpackTime(r.BlindSince),
	}
}

func packDigestChannel(c sessionwarden.DigestChannel) digestChannelRecord {
	return digestChannelRecord{Channel: c.Channel, Alerts: c.Alerts, Longest: int64(c.Longest), Why: c.Why}
}

func (r digestChannelRecord) unpack() sessionwarden.DigestChannel {
	return sessionwarden.DigestChannel{Channel: r.Channel, Alerts: r.Alerts, Longest: time.Duration(r.Longest), Why: r.Why}
}

// each makes a list of another; nil of an empty one.
func each[From, To any](list []From, make func(From) To) []To {
	var made []To
	for _, one := range list {
		made = append(made, make(one))
	}
	return made
}
