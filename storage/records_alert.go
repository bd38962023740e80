package storage

import (
	"encoding/binary"
	"errors"

	"sessionwarden"
)

// alertRecord is a [sessionwarden.Alert]; its ID is the key. What it is about
// is a copy: an alert tells the state that things were in.
type alertRecord struct {
	Key        string            `cbor:"1,keyasint,omitempty"`
	Account    string            `cbor:"2,keyasint,omitempty"`
	Kind       string            `cbor:"3,keyasint,omitempty"`
	Severity   uint8             `cbor:"4,keyasint,omitempty"`
	Created    int64             `cbor:"5,keyasint,omitempty"`
	Updated    int64             `cbor:"6,keyasint,omitempty"`
	Revision   int               `cbor:"7,keyasint,omitempty"`
	Waiting    bool              `cbor:"8,keyasint,omitempty"`
	Correction int               `cbor:"9,keyasint,omitempty"`
	Items      []alertItemRecord `cbor:"10,keyasint,omitempty"`
	More       int               `cbor:"11,keyasint,omitempty"`
	Title      string            `cbor:"12,keyasint,omitempty"`
	Lines      []string          `cbor:"13,keyasint,omitempty"`
	Incident   uint64            `cbor:"14,keyasint,omitempty"`
	Resolved   int64             `cbor:"15,keyasint,omitempty"`
	Raised     int64             `cbor:"16,keyasint,omitempty"`
	Answered   int64             `cbor:"17,keyasint,omitempty"`
	By         string            `cbor:"18,keyasint,omitempty"`
	Digest     *digestRecord     `cbor:"19,keyasint,omitempty"`
	Events     int               `cbor:"20,keyasint,omitempty"`
	Since      int64             `cbor:"21,keyasint,omitempty"`
}

type alertItemRecord struct {
	Seq      uint64         `cbor:"1,keyasint,omitempty"`
	Sighting sightingRecord `cbor:"2,keyasint"`
	Findings []itemFinding  `cbor:"3,keyasint,omitempty"`
	ActionID uint64         `cbor:"4,keyasint,omitempty"`
	Action   *actionRecord  `cbor:"5,keyasint,omitempty"`
}

type itemFinding struct {
	ID      uint64        `cbor:"1,keyasint,omitempty"`
	Finding findingRecord `cbor:"2,keyasint"`
}

func (c *codec) packAlert(a sessionwarden.Alert) alertRecord {
	r := alertRecord{
		Key: a.Key, Account: a.Account, Kind: string(a.Kind), Severity: uint8(a.Severity), Created: packTime(a.Created),
		Updated: packTime(a.Updated), Revision: a.Revision, Waiting: a.Waiting, Correction: a.Correction, More: a.More,
		Title: a.Title, Lines: a.Lines, Incident: a.Incident, Resolved: packTime(a.Resolved),
		Raised: packTime(a.Raised), Answered: packTime(a.Answered), By: a.By, Events: a.Events,
		Digest: packDigest(a.Digest), Since: packTime(a.Since),
	}
	for _, item := range a.Items {
		i := alertItemRecord{Seq: item.Sighting.Seq, Sighting: c.packSighting(item.Sighting)}
		for _, f := range item.Findings {
			i.Findings = append(i.Findings, itemFinding{ID: f.ID, Finding: packFinding(f)})
		}
		if item.Action != nil {
			action := packAction(*item.Action)
			i.ActionID, i.Action = item.Action.ID, &action
		}
		r.Items = append(r.Items, i)
	}
	return r
}

func (c *codec) unpackAlert(r alertRecord, id uint64) (sessionwarden.Alert, error) {
	a := sessionwarden.Alert{
		ID: id, Key: r.Key, Account: r.Account, Kind: sessionwarden.AlertKind(r.Kind), Severity: sessionwarden.Severity(r.Severity),
		Created: unpackTime(r.Created), Updated: unpackTime(r.Updated), Revision: r.Revision, Waiting: r.Waiting,
		Correction: r.Correction, More: r.More, Title: r.Title, Lines: r.Lines,
		Incident: r.Incident, Resolved: unpackTime(r.Resolved),
		Raised: unpackTime(r.Raised), Answered: unpackTime(r.Answered), By: r.By, Events: r.Events,
		Digest: r.Digest.unpack(), Since: unpackTime(r.Since),
	}
	for _, i := range r.Items {
		sighting, err := c.unpackSighting(i.Sighting, i.Seq)
		if err != nil {
			return a, err
		}
		item := sessionwarden.AlertItem{Sighting: sighting}
		for _, f := range i.Findings {
			item.Findings = append(item.Findings, f.Finding.unpack(f.ID))
		}
		if i.Action != nil {
			action := i.Action.unpack(i.ActionID)
			item.Action = &action
		}
		a.Items = append(a.Items, item)
	}
	return a, nil
}

// deliveryRecord is a [sessionwarden.Delivery]; its key is the alert's and,
// behind that, the name of the channel.
type deliveryRecord struct {
	Sent     int    `cbor:"1,keyasint,omitempty"`
	Ref      string `cbor:"2,keyasint,omitempty"`
	Attempts int    `cbor:"3,keyasint,omitempty"`
	NotTill  int64  `cbor:"4,keyasint,omitempty"`
	Error    string `cbor:"5,keyasint,omitempty"`
	Plain    bool   `cbor:"6,keyasint,omitempty"`
	Time     int64  `cbor:"7,keyasint,omitempty"`

	Escalated int64 `cbor:"8,keyasint,omitempty"`
	Threaded  int   `cbor:"9,keyasint,omitempty"`
	Broadcast int   `cbor:"10,keyasint,omitempty"`
	First     int64 `cbor:"11,keyasint,omitempty"`
	Again     bool  `cbor:"12,keyasint,omitempty"`
}

func packDelivery(d sessionwarden.Delivery) deliveryRecord {
	return deliveryRecord{
		Sent: d.Sent, Ref: d.Ref, Attempts: d.Attempts, NotTill: packTime(d.NotTill), Error: d.Error, Plain: d.Plain, Time: packTime(d.Time),
		Escalated: packTime(d.Escalated), Threaded: d.Threaded, Broadcast: d.Broadcast, First: packTime(d.First), Again: d.Again,
	}
}

func (r deliveryRecord) unpack(alert uint64, channel string) sessionwarden.Delivery {
	return sessionwarden.Delivery{
		Alert: alert, Channel: channel, Sent: r.Sent, Ref: r.Ref, Attempts: r.Attempts, NotTill: unpackTime(r.NotTill),
		Error: r.Error, Plain: r.Plain, Time: unpackTime(r.Time),
		Escalated: unpackTime(r.Escalated), Threaded: r.Threaded, Broadcast: r.Broadcast, First: unpackTime(r.First), Again: r.Again,
	}
}

// maxName bounds the names of accounts and channels, in bytes.
const maxName = 255

func deliveryKey(d sessionwarden.Delivery) []byte { return append(idKey(d.Alert), d.Channel...) }

// splitDeliveryKey is the way back from deliveryKey.
func splitDeliveryKey(key []byte) (alert uint64, channel string, err error) {
	if len(key) <= 8 || len(key) > 8+maxName {
		return 0, "", corrupt(bucketDeliveries, key, errors.New("its key names no channel"))
	}
	return binary.BigEndian.Uint64(key), string(key[8:]), nil
}
