package main

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"strconv"
	"time"

	"sessionwarden"
	"sessionwarden/alert"
	"sessionwarden/storage"
)

// daybook gathers what a digest tells. It reads the newest rows only, a thousand
// in a transaction.
type daybook struct {
	app      *app
	from, to time.Time
	accounts map[string]*sessionwarden.DigestAccount
	d        sessionwarden.Digest
}

// digest returns what happened between two times, and how the watch stands now.
func (a *app) digest(ctx context.Context, from, to time.Time) (sessionwarden.Digest, error) {
	b := &daybook{app: a, from: from, to: to, accounts: make(map[string]*sessionwarden.DigestAccount), d: sessionwarden.Digest{From: from, To: to}}
	b.standing()
	for _, gather := range []func(context.Context) error{b.sessions, b.findings, b.actions, b.incidents, b.alerts} {
		if err := gather(ctx); err != nil {
			return sessionwarden.Digest{}, err
		}
	}
	b.waiting()
	b.rests()
	b.sort()
	return b.d, nil
}

// of returns the account of a name.
func (b *daybook) of(name string) *sessionwarden.DigestAccount {
	a := b.accounts[name]
	if a == nil {
		a = &sessionwarden.DigestAccount{Account: name}
		b.accounts[name] = a
	}
	return a
}

// within reports whether t lies in the time that is told of.
func (b *daybook) within(t time.Time) bool { return !t.Before(b.from) && t.Before(b.to) }

// query chooses the newest rows, back to a time.
func (b *daybook) query(since time.Time) sessionwarden.Query {
	return sessionwarden.Query{Since: since, Back: true}
}

// standing takes how the accounts stand now.
func (b *daybook) standing() {
	for _, s := range b.app.monitor.Status() {
		a := b.of(s.Account)
		a.Live, a.Held, a.Open = s.Live, s.Held, s.Open-s.Held
		if id, err := strconv.ParseUint(s.Incident, 10, 64); err == nil {
			a.Incident = id
			b.d.Incidents++
		}
		if s.Blind {
			a.BlindSince = s.BlindSince
			b.d.Blind++
			b.d.Unwatched = append(b.d.Unwatched, sessionwarden.Unwatched{Account: s.Account, Since: s.BlindSince})
		}
		if s.Clock != "" {
			b.d.Needs = append(b.d.Needs, "The clock is in doubt, and disconnections on "+s.Account+" are held: "+s.Clock)
		}
		for _, ch := range s.Changes {
			if stands(ch) {
				b.d.Needs = append(b.d.Needs, "On "+s.Account+" "+wasChanged(ch)+", and still is; seen "+ch.Time.UTC().Format("2006-01-02 15:04 MST"))
			}
		}
		for _, t := range s.Trusts {
			if b.d.Trust.What == "" || t.Until.Before(b.d.Trust.Until) {
				b.d.Trust = sessionwarden.DigestTrust{Account: s.Account, What: t.What, Until: t.Until}
			}
		}
	}
	if b.app.running && !b.app.started.Before(b.from) && !b.app.before.IsZero() && b.app.started.Sub(b.app.before) > sessionwarden.LateAfter {
		b.d.Started, b.d.Before = b.app.started, b.app.before
	}
}

// sessions counts the sessions that were seen first. One that went on elsewhere is
// not new: the row of before is there too.
func (b *daybook) sessions(ctx context.Context) error {
	type known struct {
		account string
		key     sessionwarden.Key
	}
	first := make(map[known]time.Time)
	for s, err := range readable(b.app.db.Sightings(ctx, b.query(b.from))) {
		if err != nil {
			return err
		}
		if s.Ownership == sessionwarden.Own || s.Baseline {
			continue
		}
		k := known{s.Account, s.Key()}
		if at, ok := first[k]; !ok || s.FirstSeen.Before(at) {
			first[k] = s.FirstSeen
		}
	}
	for k, at := range first {
		if b.within(at) {
			b.of(k.account).New++
		}
	}
	return nil
}

func (b *daybook) findings(ctx context.Context) error {
	for f, err := range readable(b.app.db.Findings(ctx, b.query(b.from))) {
		if err != nil {
			return err
		}
		if b.within(f.Time) {
			b.of(f.Account).Findings[min(f.Severity, sessionwarden.Critical)]++
		}
	}
	return nil
}

func (b *daybook) actions(ctx context.Context) error {
	for act, err := range readable(b.app.db.Actions(ctx, b.query(b.from))) {
		if err != nil {
			return err
		}
		if !b.within(act.Updated) {
			continue
		}
		a := b.of(act.Account)
		switch act.State {
		case sessionwarden.Verified:
			a.Ended++
		case sessionwarden.DryRun:
			a.Pretended++
		case sessionwarden.Denied, sessionwarden.Moot:
			a.Spared++
		case sessionwarden.Failed, sessionwarden.Refused:
			a.Failed++
		}
	}
	return nil
}

func (b *daybook) incidents(ctx context.Context) error {
	for i, err := range readable(b.app.db.Incidents(ctx, b.query(b.from))) {
		if err != nil {
			return err
		}
		if b.within(i.Opened) {
			b.of(i.Account).Incidents++
		}
	}
	return nil
}

// alerts finds out what was not told, and why; what came late; and when accounts
// were not watched.
func (b *daybook) alerts(ctx context.Context) error {
	held := make(map[uint64]int) // by silence
	late := make(map[string]sessionwarden.DigestChannel)
	// What was made shortly before the time that is told of may have come late in it.
	for told, err := range readable(b.app.db.Alerts(ctx, b.query(b.from.Add(-24*time.Hour)))) {
		if err != nil {
			return err
		}
		a := told.Alert
		if a.Kind == sessionwarden.Recovered && a.Account != "" && !a.Since.IsZero() && b.within(a.Created) {
			b.d.Unwatched = append(b.d.Unwatched, sessionwarden.Unwatched{Account: a.Account, Since: a.Since, Until: a.Created})
		}
		arrived, below := false, false
		silences := make(map[uint64]bool)
		for _, d := range told.Deliveries {
			arrived, below = arrived || d.Sent > 0, below || alert.PassedOver(d)
			if id := alert.Silencer(d); id != 0 {
				silences[id] = true
			}
			if after := b.app.teller.Lateness(a, d); b.within(d.First) && after > sessionwarden.LateAfter {
				c := late[d.Channel]
				c.Channel, c.Alerts, c.Longest = d.Channel, c.Alerts+1, max(c.Longest, after)
				late[d.Channel] = c
			}
		}
		if !b.within(a.Created) {
			continue
		}
		for id := range silences {
			held[id]++
		}
		if below && !arrived && len(silences) == 0 {
			b.d.Below++
		}
	}
	for _, name := range slices.Sorted(maps.Keys(late)) {
		b.d.Late = append(b.d.Late, late[name])
	}
	return b.silenced(ctx, held)
}

// silenced takes what silences held, by their ids.
func (b *daybook) silenced(ctx context.Context, held map[uint64]int) error {
	if len(held) == 0 {
		return nil
	}
	silences, err := b.app.db.Silences(ctx)
	if err != nil {
		return err
	}
	known := make(map[uint64]sessionwarden.Silence, len(silences))
	for _, s := range silences {
		known[s.ID] = s
	}
	for id, n := range held {
		one := sessionwarden.DigestSilence{ID: id, Alerts: n}
		if s, ok := known[id]; ok {
			one.What, one.Until = s.What(), s.Ended()
		}
		b.d.Silenced = append(b.d.Silenced, one)
	}
	slices.SortFunc(b.d.Silenced, func(a, b sessionwarden.DigestSilence) int {
		return cmp.Or(cmp.Compare(b.Alerts, a.Alerts), cmp.Compare(a.ID, b.ID))
	})
	for _, s := range b.d.Silenced[min(len(b.d.Silenced), sessionwarden.MaxDigestRows):] {
		b.d.MoreHeld += s.Alerts
	}
	b.d.Silenced = b.d.Silenced[:min(len(b.d.Silenced), sessionwarden.MaxDigestRows)]
	return nil
}

// waiting takes what is not delivered yet, and was to be.
func (b *daybook) waiting() {
	for _, w := range b.app.teller.Waiting(b.to.Add(-sessionwarden.LateAfter)) {
		b.d.Waiting = append(b.d.Waiting, sessionwarden.DigestChannel{Channel: w.Channel, Alerts: w.Alerts, Longest: b.to.Sub(w.Oldest), Why: w.Why})
	}
}

// rests takes what the watch rests on.
func (b *daybook) rests() {
	a := b.app
	places := a.places.Status()
	b.d.Data = []sessionwarden.DigestData{
		{Name: "location data", Date: places.CountryBuilt, Problem: places.Failed},
		{Name: "networks", Date: places.ASNBuilt},
	}
	for _, l := range places.Lists {
		one := sessionwarden.DigestData{Name: listName(l.Key), Date: l.Date}
		if !l.Used || b.to.Sub(l.Date) > 24*time.Hour {
			one.Problem = l.Problem
		}
		b.d.Data = append(b.d.Data, one)
	}
	b.d.Needs = append(b.d.Needs, places.Warnings...)
	var warning string
	var backup sessionwarden.BackupStatus
	if backup, warning = a.copies.status(); warning != "" {
		b.d.Needs = append(b.d.Needs, warning)
	}
	b.d.Backup, b.d.NoBackups = backup.Last, a.cfg.Backup.Every == 0
	if o, observing := a.db.Observing(); observing {
		b.d.Needs = append(b.d.Needs, notDisconnected(o))
	}
	if why := a.monitor.Unsaved(); why != "" {
		b.d.Needs = append(b.d.Needs, unsavedNote+why)
	} else if a.db.Damage() != nil {
		b.d.Needs = append(b.d.Needs, damageNote)
	}
	if a.mistakes.Load() {
		b.d.Needs = append(b.d.Needs, "The configuration on disk has mistakes: sessionwarden check --offline")
	}
	if len(b.d.Needs) > sessionwarden.MaxDigestRows {
		b.d.Needs = b.d.Needs[:sessionwarden.MaxDigestRows]
	}
	for i := range b.d.Needs {
		b.d.Needs[i] = sessionwarden.Shorten(b.d.Needs[i], 300)
	}
}

// listName is what a list is of.
func listName(key string) string {
	switch key {
	case "geo.tor_exits":
		return "Tor exits"
	case "geo.vpn_networks":
		return "VPN networks"
	case "geo.anonymous_database":
		return "anonymous addresses"
	}
	return key
}

// sort puts what matters most first, and leaves out what is too much.
func (b *daybook) sort() {
	accounts := make([]sessionwarden.DigestAccount, 0, len(b.accounts))
	for _, a := range b.accounts {
		accounts = append(accounts, *a)
	}
	slices.SortFunc(accounts, func(a, b sessionwarden.DigestAccount) int {
		yes := func(x bool) int {
			if x {
				return 1
			}
			return 0
		}
		return cmp.Or(
			cmp.Compare(yes(!b.BlindSince.IsZero()), yes(!a.BlindSince.IsZero())),
			cmp.Compare(b.Failed, a.Failed), cmp.Compare(b.Held, a.Held), cmp.Compare(yes(b.Incident != 0), yes(a.Incident != 0)),
			cmp.Compare(b.Findings[2], a.Findings[2]), cmp.Compare(b.Findings[1], a.Findings[1]),
			cmp.Compare(b.Ended+b.Pretended, a.Ended+a.Pretended), cmp.Compare(b.Findings[0], a.Findings[0]),
			cmp.Compare(b.New, a.New), cmp.Compare(a.Account, b.Account))
	})
	b.d.Accounts = accounts[:min(len(accounts), sessionwarden.MaxDigestRows)]
	b.d.More = len(accounts) - len(b.d.Accounts)
	for _, a := range accounts[len(b.d.Accounts):] {
		b.d.Rest = b.d.Rest.Plus(a)
	}
	lasted := func(u sessionwarden.Unwatched) time.Duration {
		if u.Until.IsZero() {
			return 1 << 62 // it goes on
		}
		return u.Until.Sub(u.Since)
	}
	slices.SortFunc(b.d.Unwatched, func(a, b sessionwarden.Unwatched) int {
		return cmp.Or(cmp.Compare(lasted(b), lasted(a)), a.Since.Compare(b.Since), cmp.Compare(a.Account, b.Account))
	})
	b.d.MoreBlind = max(0, len(b.d.Unwatched)-sessionwarden.MaxDigestRows)
	b.d.Unwatched = b.d.Unwatched[:len(b.d.Unwatched)-b.d.MoreBlind]
}

// readable passes over records that cannot be read: whoever checks the database is
// told of them, and they are no reason to say nothing.
func readable[Row any](rows iter.Seq2[Row, error]) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		for row, err := range rows {
			var bad *storage.CorruptError
			if errors.As(err, &bad) {
				continue
			}
			if !yield(row, err) {
				return
			}
		}
	}
}
