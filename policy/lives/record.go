package lives

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"sessionwarden"
	"sessionwarden/policy"
	"sessionwarden/policy/replay"
)

const (
	polls  = 30 * time.Second // between two polls
	expiry = time.Minute      // between two lists of expired sessions, and two readings of the account
)

func sessionID(n int) sessionwarden.SessionID {
	return sessionwarden.SessionID(strconv.Itoa(70000 + n))
}

// seen is when the watch sees what happened at a time: at the next look, of
// which there is one every so often.
func (l *Life) seen(at time.Time, every time.Duration) time.Time {
	if !at.After(start) {
		return start
	}
	look := start.Add((at.Sub(start) + every - 1).Truncate(every))
	for _, d := range l.down {
		if !look.Before(d.from) && look.Before(d.to) {
			look = d.to
		}
	}
	return look
}

// record is what the watch would have recorded of a life.
type record struct {
	rows  []sessionwarden.Sighting // in the order of arrival
	whose map[uint64]whose
	uses  []replay.Use
	facts []replay.Reading
	told  []sessionwarden.Finding
	deeds []done // in the order of time
}

// whose says whose a row is.
type whose struct {
	visit int
	stop  stop
}

// done is a deed that happened.
type done struct {
	deed
	at    time.Time
	seen  time.Time
	thief bool
}

// draftRow is a row before the rows stand in their order.
type draftRow struct {
	sessionwarden.Sighting
	whose
	used []time.Time
}

// record returns what the watch would have recorded.
func (l *Life) record(a sessionwarden.Account) record {
	r := record{whose: make(map[uint64]whose)}
	var rows []draftRow
	for i := range l.visits {
		rows = append(rows, l.rows(i)...)
		r.deeds = append(r.deeds, l.done(&l.visits[i])...)
	}
	slices.SortStableFunc(rows, func(a, b draftRow) int {
		return cmp.Or(a.FirstSeen.Compare(b.FirstSeen), a.Started.Compare(b.Started), cmp.Compare(a.ID, b.ID))
	})
	for i := range rows {
		row := &rows[i]
		row.Seq, row.Account = uint64(i+1), a.Name
		r.whose[row.Seq] = row.whose
		r.rows = append(r.rows, row.Sighting)
		for _, at := range row.used {
			r.uses = append(r.uses, replay.Use{Seq: row.Seq, At: at})
		}
	}
	slices.SortStableFunc(r.deeds, func(a, b done) int { return a.at.Compare(b.at) })
	r.facts = l.readings(r.deeds)
	for i, at := range l.logouts {
		if f, found := policy.LoggedOut(a, l.logouts[:i+1], at); found {
			r.told = append(r.told, f)
		}
	}
	return r
}

// rows returns what is recorded of one session: a row for each place and device
// that a poll found it on.
func (l *Life) rows(i int) []draftRow {
	v := &l.visits[i]
	if !v.out.After(start) || !v.stops[0].at.Before(l.end) {
		return nil
	}
	var rows []draftRow
	for k, s := range v.stops {
		next := v.out
		if k+1 < len(v.stops) {
			next = v.stops[k+1].at
		}
		at := l.seen(s.at, polls)
		if !at.Before(l.seen(next, polls)) && (k+1 < len(v.stops) || len(rows) > 0) {
			continue // it went on, or out, before anybody looked
		}
		if at.After(l.end) {
			break
		}
		if n := len(rows); n > 0 && sameRow(&rows[n-1], v, s) {
			rows[n-1].use(s.at, at, l.silent)
			continue
		}
		rows = append(rows, l.row(i, s, rows))
	}
	if len(rows) == 0 {
		return nil
	}
	last := &rows[len(rows)-1]
	gone := l.seen(v.out, polls)
	for k := range rows[:len(rows)-1] {
		rows[k].State, rows[k].LastSeen = sessionwarden.Moved, rows[k+1].FirstSeen.Add(-polls)
	}
	switch {
	case !gone.After(last.FirstSeen) && len(rows) == 1: // nobody saw it live
		last.FirstSeen = l.seen(latest(v.out, v.stops[0].at), expiry)
		last.LastSeen, last.GoneAt, last.State, last.Late = last.FirstSeen, v.out, sessionwarden.Gone, true
		last.Unseen, last.used = polls, nil
		for _, d := range l.down {
			if last.FirstSeen.Equal(d.to) {
				last.Unseen = d.to.Sub(d.from)
			}
		}
	case !gone.After(l.end):
		last.State, last.GoneAt, last.LeftAt, last.LastSeen = sessionwarden.Gone, gone, gone.Add(polls), gone.Add(-polls)
		if !v.ended.IsZero() {
			last.EndedAt, last.LeftAt = gone, gone
		}
	default:
		last.LastSeen = l.end
	}
	return rows
}

// row is what a poll brings of a session that is used from a new place.
func (l *Life) row(i int, s stop, before []draftRow) draftRow {
	v := &l.visits[i]
	row := draftRow{whose: whose{visit: i, stop: s}}
	row.Session = sessionwarden.Session{
		ID: v.id, Addr: s.where.addr, ServiceCountry: s.where.says, ISP: s.where.loc.Organization,
		UserAgent: cmp.Or(s.agent, v.agent), Started: v.stops[0].at, Expires: v.stops[0].at.Add(lasts),
	}
	row.Location, row.Device = s.where.loc, policy.Device(row.UserAgent)
	row.FirstSeen = l.seen(s.at, polls)
	row.Baseline = row.FirstSeen.Equal(start)
	if n := len(before); n > 0 {
		was := &before[n-1]
		same := was.Location.Country == row.Location.Country && was.Location.ASN == row.Location.ASN && was.Device == row.Device
		row.Baseline, row.Active = was.Baseline && same, row.FirstSeen
	}
	return row
}

// use notes that a row was used once more.
func (r *draftRow) use(at, seen time.Time, silent bool) {
	if silent || !seen.After(r.FirstSeen) {
		return
	}
	r.Active = at
	r.used = append(r.used, at)
}

// sameRow reports whether a session that is used from s looks as it did before:
// another address in the same IPv6 /64 and a new version of the browser are
// nothing.
func sameRow(row *draftRow, v *visit, s stop) bool {
	a, b := row.Addr, s.where.addr
	return sessionwarden.SamePlace(a, b) && row.Location.Country == s.where.loc.Country && row.Device == policy.Device(cmp.Or(s.agent, v.agent))
}

// done returns what is done in a session while it lasts.
func (l *Life) done(v *visit) []done {
	from, thief := v.stops[0].at, v.stops[0].thief
	for _, s := range v.stops {
		if s.thief {
			from, thief = s.at, true
			break
		}
	}
	var list []done
	for _, d := range v.deeds {
		if at := from.Add(d.after); at.Before(v.out) && at.Before(l.end) {
			list = append(list, done{deed: d, at: at, seen: l.seen(at, expiry), thief: thief})
		}
	}
	return list
}

// readings returns what is read of the account: each change, and what was read
// before it.
func (l *Life) readings(deeds []done) []replay.Reading {
	now := sessionwarden.AccountFacts{
		TwoFactor: known(true), TradeURL: known("https://steamcommunity.example/tradeoffer/new/?partner=1&token=owner"),
		Payout: known("anna-payout@example.com"), Contact: known("anna@example.com"), Discord: known("100000000000000001"),
		DiscordTag: known("anna"), Name: known("Anna"), Balance: known(sessionwarden.Cents(2500_00)), Reviews: known(int64(0)),
	}
	read := []replay.Reading{reading(start, now)}
	for i := 0; i < len(deeds); {
		at := deeds[i].seen
		if before := at.Add(-expiry); before.After(read[len(read)-1].At) {
			read = append(read, reading(before, now))
		}
		for ; i < len(deeds) && deeds[i].seen.Equal(at); i++ {
			deeds[i].change(&now)
			now.Balance.Value -= deeds[i].cents
		}
		read = append(read, reading(at, now))
	}
	return read
}

func known[T comparable](v T) sessionwarden.Known[T] {
	return sessionwarden.Known[T]{Value: v, Read: start}
}

func reading(at time.Time, f sessionwarden.AccountFacts) replay.Reading {
	f.TwoFactor.Read, f.TradeURL.Read, f.Payout.Read, f.Contact.Read, f.Discord.Read = at, at, at, at, at
	f.DiscordTag.Read, f.Name.Read, f.Balance.Read, f.Reviews.Read = at, at, at, at
	return replay.Reading{At: at, Facts: f}
}
