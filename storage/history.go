package storage

import (
	"context"
	"fmt"

	"go.etcd.io/bbolt"

	"sessionwarden"
)

// History returns what is remembered of account: the zero History with that
// Account where it was never polled. A record that cannot be read is a
// *[CorruptError]: half a memory would take strangers for old acquaintances.
func (db *DB) History(ctx context.Context, account string) (sessionwarden.History, error) {
	h := sessionwarden.History{Account: account}
	if err := ctx.Err(); err != nil {
		return h, err
	}
	err := db.view(func(tx *bbolt.Tx) (err error) {
		h, err = db.readHistory(tx, account)
		return err
	})
	if err != nil {
		return sessionwarden.History{Account: account}, fmt.Errorf("reading the history of account %s: %w", sessionwarden.Clean(account, maxName), err)
	}
	return h, nil
}

func (db *DB) readHistory(tx *bbolt.Tx, account string) (sessionwarden.History, error) {
	key := []byte(account)
	value := tx.Bucket([]byte(bucketAccounts)).Get(key)
	if value == nil {
		return sessionwarden.History{Account: account}, nil
	}
	var state accountRecord
	if err := db.codec.decode(bucketAccounts, key, value, &state); err != nil {
		return sessionwarden.History{}, err
	}
	h := state.unpack(account)
	sightings := tx.Bucket([]byte(bucketSightings))
	for _, live := range state.Live {
		key := idKey(live.Seq)
		s, err := db.readSighting(key, sightings.Get(key))
		if err != nil {
			return h, err
		}
		live.apply(&s, state.LastPoll)
		h.Live = append(h.Live, s)
	}
	for _, seq := range state.Recent {
		key := idKey(seq)
		s, err := db.readSighting(key, sightings.Get(key))
		if err != nil {
			return h, err
		}
		h.Recent = append(h.Recent, s)
	}
	if state.Incident != 0 {
		key := idKey(state.Incident)
		i, err := db.readIncident(key, tx.Bucket([]byte(bucketIncidents)).Get(key))
		if err != nil {
			return h, err
		}
		h.Incident = &i
	}
	actions := tx.Bucket([]byte(bucketActions))
	for _, id := range state.Open {
		key := idKey(id)
		a, err := db.readAction(key, actions.Get(key))
		if err != nil {
			return h, err
		}
		h.Actions = append(h.Actions, a)
	}
	return h, nil
}

// Accounts returns the names of all accounts that were ever recorded, sorted.
func (db *DB) Accounts(ctx context.Context) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var names []string
	err := db.view(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte(bucketAccounts)).ForEach(func(name, _ []byte) error {
			names = append(names, string(name))
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("reading the names of the accounts: %w", err)
	}
	return names, nil
}

// readSighting reads the row under key; value is nil where there is none.
func (db *DB) readSighting(key, value []byte) (sessionwarden.Sighting, error) {
	seq, err := keyID(bucketSightings, key)
	if err != nil {
		return sessionwarden.Sighting{}, err
	}
	var r sightingRecord
	if err := db.codec.decode(bucketSightings, key, value, &r); err != nil {
		return sessionwarden.Sighting{}, err
	}
	s, err := db.codec.unpackSighting(r, seq)
	if err != nil {
		return s, corrupt(bucketSightings, key, err)
	}
	return s, nil
}

func (db *DB) readFinding(key, value []byte) (sessionwarden.Finding, error) {
	id, err := keyID(bucketFindings, key)
	if err != nil {
		return sessionwarden.Finding{}, err
	}
	var r findingRecord
	if err := db.codec.decode(bucketFindings, key, value, &r); err != nil {
		return sessionwarden.Finding{}, err
	}
	return r.unpack(id), nil
}

func (db *DB) readIncident(key, value []byte) (sessionwarden.Incident, error) {
	id, err := keyID(bucketIncidents, key)
	if err != nil {
		return sessionwarden.Incident{}, err
	}
	var r incidentRecord
	if err := db.codec.decode(bucketIncidents, key, value, &r); err != nil {
		return sessionwarden.Incident{}, err
	}
	return r.unpack(id), nil
}

func (db *DB) readAction(key, value []byte) (sessionwarden.Action, error) {
	id, err := keyID(bucketActions, key)
	if err != nil {
		return sessionwarden.Action{}, err
	}
	var r actionRecord
	if err := db.codec.decode(bucketActions, key, value, &r); err != nil {
		return sessionwarden.Action{}, err
	}
	return r.unpack(id), nil
}

func (db *DB) readAlert(key, value []byte) (sessionwarden.Alert, error) {
	id, err := keyID(bucketAlerts, key)
	if err != nil {
		return sessionwarden.Alert{}, err
	}
	var r alertRecord
	if err := db.codec.decode(bucketAlerts, key, value, &r); err != nil {
		return sessionwarden.Alert{}, err
	}
	a, err := db.codec.unpackAlert(r, id)
	if err != nil {
		return a, corrupt(bucketAlerts, key, err)
	}
	return a, nil
}

func (db *DB) readDelivery(key, value []byte) (sessionwarden.Delivery, error) {
	alert, channel, err := splitDeliveryKey(key)
	if err != nil {
		return sessionwarden.Delivery{}, err
	}
	var r deliveryRecord
	if err := db.codec.decode(bucketDeliveries, key, value, &r); err != nil {
		return sessionwarden.Delivery{}, err
	}
	return r.unpack(alert, channel), nil
}
