package storage

import (
	"encoding/binary"
	"errors"

	"sessionwarden"
)

// offerRecord is a [sessionwarden.Offer]; its key is the alert's ID and, behind
// that, its own.
type offerRecord struct {
	Account  string `cbor:"1,keyasint,omitempty"`
	Verb     string `cbor:"2,keyasint,omitempty"`
	Created  int64  `cbor:"3,keyasint,omitempty"`
	Seq      uint64 `cbor:"4,keyasint,omitempty"`
	Session  string `cbor:"5,keyasint,omitempty"`
	Addr     string `cbor:"6,keyasint,omitempty"`
	Device   string `cbor:"7,keyasint,omitempty"`
	Pressed  int64  `cbor:"8,keyasint,omitempty"`
	By       string `cbor:"9,keyasint,omitempty"`
	Outcome  string `cbor:"10,keyasint,omitempty"`
	Incident uint64 `cbor:"11,keyasint,omitempty"`
}

func packOffer(o sessionwarden.Offer) offerRecord {
	return offerRecord{
		Account: o.Account, Verb: string(o.Verb), Created: packTime(o.Created), Seq: o.Seq, Session: string(o.Session), Addr: o.Addr, Device: o.Device,
		Pressed: packTime(o.Pressed), By: o.By, Outcome: o.Outcome, Incident: o.Incident,
	}
}

func (r offerRecord) unpack(alert uint64, id sessionwarden.OfferID) sessionwarden.Offer {
	return sessionwarden.Offer{
		ID: id, Alert: alert, Account: r.Account, Verb: sessionwarden.OfferVerb(r.Verb), Created: unpackTime(r.Created),
		Seq: r.Seq, Session: sessionwarden.SessionID(r.Session), Addr: r.Addr, Device: r.Device,
		Pressed: unpackTime(r.Pressed), By: r.By, Outcome: r.Outcome, Incident: r.Incident,
	}
}

func offerKey(o sessionwarden.Offer) []byte { return append(idKey(o.Alert), o.ID...) }

func (db *DB) readOffer(key, value []byte) (sessionwarden.Offer, error) {
	if len(key) <= 8 || !sessionwarden.OfferID(key[8:]).Whole() {
		return sessionwarden.Offer{}, corrupt(bucketOffers, key, errors.New("its key names no button"))
	}
	var r offerRecord
	if err := db.codec.decode(bucketOffers, key, value, &r); err != nil {
		return sessionwarden.Offer{}, err
	}
	return r.unpack(binary.BigEndian.Uint64(key), sessionwarden.OfferID(key[8:])), nil
}
