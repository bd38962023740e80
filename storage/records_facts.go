package storage

import "sessionwarden"

// factsRecord is what an account's record holds of its
// [sessionwarden.AccountFacts].
type factsRecord struct {
	TwoFactor  *knownRecord[bool]   `cbor:"1,keyasint,omitempty"`
	TradeURL   *knownRecord[string] `cbor:"2,keyasint,omitempty"`
	Payout     *knownRecord[string] `cbor:"3,keyasint,omitempty"`
	Contact    *knownRecord[string] `cbor:"4,keyasint,omitempty"`
	Discord    *knownRecord[string] `cbor:"5,keyasint,omitempty"`
	DiscordTag *knownRecord[string] `cbor:"6,keyasint,omitempty"`
	Name       *knownRecord[string] `cbor:"7,keyasint,omitempty"`
	Balance    *knownRecord[int64]  `cbor:"8,keyasint,omitempty"`
	Reviews    *knownRecord[int64]  `cbor:"9,keyasint,omitempty"`
	Peaks      []peakRecord         `cbor:"10,keyasint,omitempty"`
	Changes    []changeRecord       `cbor:"11,keyasint,omitempty"`
	Left       []suspectRecord      `cbor:"12,keyasint,omitempty"`
}

type knownRecord[T comparable] struct {
	Value T     `cbor:"1,keyasint,omitempty"`
	Read  int64 `cbor:"2,keyasint,omitempty"`
}

type peakRecord struct {
	At    int64 `cbor:"1,keyasint,omitempty"`
	Value int64 `cbor:"2,keyasint,omitempty"`
}

type changeRecord struct {
	Rule   string `cbor:"1,keyasint,omitempty"`
	Before string `cbor:"2,keyasint,omitempty"`
	After  string `cbor:"3,keyasint,omitempty"`
	Was    int64  `cbor:"4,keyasint,omitempty"`
	Seen   int64  `cbor:"5,keyasint,omitempty"`
}

type suspectRecord struct {
	Seq     uint64 `cbor:"1,keyasint,omitempty"`
	Session string `cbor:"2,keyasint,omitempty"`
	Addr    string `cbor:"3,keyasint,omitempty"`
	Where   string `cbor:"4,keyasint,omitempty"`
	Began   int64  `cbor:"5,keyasint,omitempty"`
	Seen    int64  `cbor:"6,keyasint,omitempty"`
	Gone    int64  `cbor:"7,keyasint,omitempty"`
	Told    bool   `cbor:"8,keyasint,omitempty"`
	Loud    bool   `cbor:"9,keyasint,omitempty"`
}

// packFacts returns nil for facts of which nothing is known, so that an account
// without them costs nothing.
func packFacts(f sessionwarden.AccountFacts) *factsRecord {
	r := factsRecord{
		TwoFactor: packKnown(f.TwoFactor), TradeURL: packKnown(f.TradeURL), Payout: packKnown(f.Payout), Contact: packKnown(f.Contact),
		Discord: packKnown(f.Discord), DiscordTag: packKnown(f.DiscordTag), Name: packKnown(f.Name), Reviews: packKnown(f.Reviews),
		Balance: packKnown(sessionwarden.Known[int64]{Value: int64(f.Balance.Value), Read: f.Balance.Read}),
	}
	for _, p := range f.Peaks {
		r.Peaks = append(r.Peaks, peakRecord{packTime(p.At), int64(p.Value)})
	}
	for _, c := range f.Changes {
		r.Changes = append(r.Changes, changeRecord{string(c.Rule), c.Before, c.After, packTime(c.Was), packTime(c.Seen)})
	}
	for _, s := range f.Left {
		r.Left = append(r.Left, suspectRecord{s.Seq, string(s.Session), s.Addr, s.Where, packTime(s.Began), packTime(s.Seen), packTime(s.Gone), s.Told, s.Loud})
	}
	if f.Same(sessionwarden.AccountFacts{}) && len(r.Peaks)+len(r.Changes)+len(r.Left) == 0 {
		return nil
	}
	return &r
}

func (r *factsRecord) unpack() sessionwarden.AccountFacts {
	if r == nil {
		return sessionwarden.AccountFacts{}
	}
	balance := unpackKnown(r.Balance)
	f := sessionwarden.AccountFacts{
		TwoFactor: unpackKnown(r.TwoFactor), TradeURL: unpackKnown(r.TradeURL), Payout: unpackKnown(r.Payout), Contact: unpackKnown(r.Contact),
		Discord: unpackKnown(r.Discord), DiscordTag: unpackKnown(r.DiscordTag), Name: unpackKnown(r.Name), Reviews: unpackKnown(r.Reviews),
		Balance: sessionwarden.Known[sessionwarden.Cents]{Value: sessionwarden.Cents(balance.Value), Read: balance.Read},
	}
	for _, p := range r.Peaks {
		f.Peaks = append(f.Peaks, sessionwarden.Peak{At: unpackTime(p.At), Value: sessionwarden.Cents(p.Value)})
	}
	for _, c := range r.Changes {
		f.Changes = append(f.Changes, sessionwarden.FactChange{Rule: sessionwarden.Rule(c.Rule), Before: c.Before, After: c.After, Was: unpackTime(c.Was), Seen: unpackTime(c.Seen)})
	}
	for _, s := range r.Left {
		f.Left = append(f.Left, sessionwarden.Suspect{
			Seq: s.Seq, Session: sessionwarden.SessionID(s.Session), Addr: s.Addr, Where: s.Where,
			Began: unpackTime(s.Began), Seen: unpackTime(s.Seen), Gone: unpackTime(s.Gone), Told: s.Told, Loud: s.Loud,
		})
	}
	return f
}

func packKnown[T comparable](k sessionwarden.Known[T]) *knownRecord[T] {
	if !k.OK() {
		return nil
	}
	return &knownRecord[T]{k.Value, packTime(k.Read)}
}

func unpackKnown[T comparable](r *knownRecord[T]) sessionwarden.Known[T] {
	if r == nil {
		return sessionwarden.Known[T]{}
	}
	return sessionwarden.Known[T]{Value: r.Value, Read: unpackTime(r.Read)}
}
