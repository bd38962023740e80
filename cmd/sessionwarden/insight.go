package main

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"sessionwarden"
	"sessionwarden/geo"
	"sessionwarden/policy"
	"sessionwarden/policy/replay"
	"sessionwarden/web"
)

// insight answers what is known and why: web.Insight over the monitor and the
// database.
type insight struct{ app *app }

// nowhere is an error about something that does not exist.
type nowhere struct{ text, cure string }

func (e *nowhere) Error() string  { return e.text }
func (e *nowhere) Cure() string   { return e.cure }
func (e *nowhere) NotFound() bool { return true }

// Profiles implements web.Insight.
func (i insight) Profiles(ctx context.Context, account string) ([]web.ProfileRow, error) {
	var accounts []sessionwarden.Account
	var histories []sessionwarden.History
	for _, status := range i.app.monitor.Status() {
		if account != "" && account != status.Account {
			continue
		}
		if a, h, ok := i.app.monitor.Known(status.Account); ok {
			accounts, histories = append(accounts, a), append(histories, h)
		}
	}
	names, err := i.networkNames(ctx, account, histories)
	if err != nil {
		return nil, err
	}
	rows := make([]web.ProfileRow, 0, len(accounts))
	for k, a := range accounts {
		rows = append(rows, profileRow(a, histories[k], i.app.outside.now(), names))
	}
	return rows, nil
}

// ResetProfile implements web.Insight.
func (i insight) ResetProfile(ctx context.Context, account string) (web.ProfileRow, error) {
	if err := i.app.monitor.ResetProfile(ctx, account); err != nil {
		return web.ProfileRow{}, err
	}
	a, h, _ := i.app.monitor.Known(account)
	return profileRow(a, h, i.app.outside.now(), nil), nil
}

// networkNames returns who runs the networks that profiles know, as far as a
// recorded session names it.
func (i insight) networkNames(ctx context.Context, account string, histories []sessionwarden.History) (map[uint32]string, error) {
	names := make(map[uint32]string)
	unnamed := make(map[uint32]bool)
	for _, h := range histories {
		maps.Copy(names, namesIn(h))
	}
	for _, h := range histories {
		for asn := range h.Profile.Networks {
			if names[asn] == "" {
				unnamed[asn] = true
			}
		}
	}
	if len(unnamed) == 0 {
		return names, nil
	}
	for s, err := range i.app.db.Sightings(ctx, sessionwarden.Query{Account: account}) {
		if err != nil && ctx.Err() != nil {
			return nil, err
		}
		if err == nil && unnamed[s.Location.ASN] && s.Location.Organization != "" {
			names[s.Location.ASN] = s.Location.Organization
			delete(unnamed, s.Location.ASN)
		}
		if len(unnamed) == 0 {
			break
		}
	}
	return names, nil
}

// namesIn is networkNames by the sessions of now alone.
func namesIn(h sessionwarden.History) map[uint32]string {
	names := make(map[uint32]string)
	for _, list := range [...][]sessionwarden.Sighting{h.Recent, h.Live} {
		for _, s := range list {
			if s.Location.ASN != 0 && s.Location.Organization != "" {
				names[s.Location.ASN] = s.Location.Organization
			}
		}
	}
	return names
}

// profileRow is what is known of an account's owner; names are those of networks.
func profileRow(a sessionwarden.Account, h sessionwarden.History, now time.Time, names map[uint32]string) web.ProfileRow {
	p := h.Profile
	row := web.ProfileRow{
		Account: a.Name, Sessions: p.Sessions, MostLive: p.MostLive, Active: p.Active, Baseline: h.Baseline, Since: p.Since,
		Hours:     make([]float64, len(p.Hours)),
		Countries: knownRows(p, p.Countries, func(c sessionwarden.Country) (string, string) { return string(c), c.Name() }),
		Networks: knownRows(p, p.Networks, func(asn uint32) (string, string) {
			return "AS" + strconv.FormatUint(uint64(asn), 10), names[asn]
		}),
		Devices: knownRows(p, p.Devices, func(device string) (string, string) { return device, "" }),
	}
	for hour, n := range p.Hours {
		row.Hours[hour] = float64(n)
	}
	for _, t := range []*time.Time{&row.Active, &row.Baseline, &row.Since} {
		*t = t.UTC().Truncate(time.Second)
	}
	if until, learning := policy.Learning(a, h, now); learning {
		row.Learning = until.UTC().Truncate(time.Second)
	}
	return row
}

// knownRows lists what a profile knows of one kind, what was used last first. What
// has faded is new to the rules, and not known.
func knownRows[K cmp.Ordered](p sessionwarden.Profile, known map[K]sessionwarden.Span, words func(K) (what, name string)) []web.KnownRow {
	rows := make([]web.KnownRow, 0, len(known))
	for _, key := range slices.Sorted(maps.Keys(known)) {
		if policy.Faded(known[key], p) {
			continue
		}
		what, name := words(key)
		rows = append(rows, web.NewKnownRow(what, name, known[key]))
	}
	slices.SortStableFunc(rows, func(a, b web.KnownRow) int { return b.Last.Compare(a.Last) })
	return rows
}

// Explain implements web.Insight.
func (i insight) Explain(ctx context.Context, account, session string) (web.Explanation, error) {
	s, before, others, err := i.find(ctx, account, session)
	if err != nil {
		return web.Explanation{}, err
	}
	e := web.Explanation{Session: web.NewSessionRow(s), AsOf: "then", Others: others, Answers: []web.AnswerRow{}, Account: []web.AccountAnswerRow{}}
	if e.Findings, e.Actions, err = i.recorded(ctx, s); err != nil {
		return e, err
	}
	c, judged := i.app.monitor.Case(s.Account, s.Seq)
	a, now, ok := i.app.monitor.Known(s.Account)
	if !ok {
		e.Note = "The account is not in the configuration any more, so nobody can say how its rules would judge."
		return e, nil
	}
	b := policy.Beside{Sighting: s, Facts: now.Facts, Logouts: now.Logouts, Now: i.app.outside.now()}
	var since time.Time // what is played begins with the first
	if judged {
		since = s.FirstSeen.Add(-max(s.Age(b.Now)-b.Now.Sub(s.FirstSeen), a.TakeoverWithin))
	}
	if b.Told, err = i.told(ctx, s.Account, since); err != nil {
		return e, err
	}
	for _, one := range policy.ExplainAccount(a, b) {
		e.Account = append(e.Account, web.NewAccountAnswerRow(one.Rule, one.Says, one.Read, one.Changes))
	}
	if judged {
		e.AsOf, c.Before = "now", before
		answer(&e, c, b, sessionwarden.History{Account: s.Account, Baseline: now.Baseline})
		return e, nil
	}
	return e, i.backThen(ctx, b, &e)
}

// find returns the sighting that a person means, the one before it where the
// session moved, and how many more bear its id.
func (i insight) find(ctx context.Context, account, session string) (s sessionwarden.Sighting, before *sessionwarden.Sighting, others int, err error) {
	if row, ok := strings.CutPrefix(session, "#"); ok {
		if s, err = i.row(ctx, account, row); err != nil || s.ID == "" {
			return s, nil, 0, err
		}
		account, session = s.Account, string(s.ID)
	}
	meant, found := s.Seq, 0 // 0: the newest
	for w, err := range i.app.db.Sightings(ctx, sessionwarden.Query{Account: account}) {
		if err != nil && ctx.Err() != nil {
			return s, nil, 0, err
		}
		if err != nil || string(w.ID) != session {
			continue
		}
		if found > 0 && w.Account != s.Account {
			return s, nil, 0, &nowhere{"more than one account has had a session " + sessionwarden.Clean(session, 64), "say which account: --account " + sessionwarden.Clean(s.Account, 64)}
		}
		if found++; meant != 0 && w.Seq > meant {
			continue // it only counts
		}
		if before = nil; found > 1 && s.State == sessionwarden.Moved {
			was := s
			before = &was
		}
		s = w
	}
	if found == 0 {
		return s, nil, 0, &nowhere{"no session " + sessionwarden.Clean(session, 64) + " was ever seen", "sessionwarden sessions and history show the ids"}
	}
	return s, before, found - 1, nil
}

// row returns the sighting that is in a row of the history.
func (i insight) row(ctx context.Context, account, row string) (s sessionwarden.Sighting, err error) {
	id, err := strconv.ParseUint(row, 10, 64)
	if err != nil || id == 0 {
		return s, &nowhere{"#" + sessionwarden.Clean(row, 32) + " is no row of the history", "rows are numbers: sessionwarden history --json shows them as seq"}
	}
	for w, err := range i.app.db.Sightings(ctx, sessionwarden.Query{Account: account, ID: id}) {
		if err == nil || ctx.Err() != nil {
			return w, err
		}
	}
	return s, &nowhere{"there is no row #" + row + " in the history", "sessionwarden history --json shows them as seq"}
}

// recorded returns what was found on a sighting, and what was done about its
// session.
func (i insight) recorded(ctx context.Context, s sessionwarden.Sighting) (findings []web.FindingRow, actions []web.ActionRow, err error) {
	findings, actions = []web.FindingRow{}, []web.ActionRow{}
	q := sessionwarden.Query{Account: s.Account, Since: s.FirstSeen}
	for f, err := range i.app.db.Findings(ctx, q) {
		if err != nil && ctx.Err() != nil {
			return nil, nil, err
		}
		if err == nil && f.Seq == s.Seq {
			findings = append(findings, web.NewFindingRow(f))
		}
	}
	for a, err := range i.app.db.Actions(ctx, q) {
		if err != nil && ctx.Err() != nil {
			return nil, nil, err
		}
		if err == nil && (a.Seq == s.Seq || s.ID != "" && a.Session == s.ID) {
			actions = append(actions, web.NewActionRow(a))
		}
	}
	return findings, actions, nil
}

// backThen judges a session as it was when it came: with what was known then, by
// the configuration of now.
func (i insight) backThen(ctx context.Context, b policy.Beside, e *web.Explanation) error {
	s := &b.Sighting
	var engine *replay.Engine
	done := false
	engine = replay.New(replay.Options{
		Accounts: []replay.Account{i.played(s.Account, b.Told)}, Distance: geo.Distance,
		Judging: func(c policy.Case) {
			if c.Sighting.Seq == s.Seq && !done {
				done = true
				answer(e, c, b, engine.History(s.Account))
			}
		},
	})
	for w, err := range i.app.db.Sightings(ctx, sessionwarden.Query{Account: s.Account}) {
		if err != nil && ctx.Err() != nil {
			return err
		}
		if err == nil {
			engine.Add(w)
		}
		if done || w.Seq > s.Seq && !w.FirstSeen.Equal(s.FirstSeen) {
			break
		}
	}
	engine.Finish(s.FirstSeen)
	if !done {
		e.Note = "It was over before the account's first poll: what was there before is not judged."
	}
	return nil
}

// played is what the record says of an account beside its sessions.
func (i insight) played(name string, told []sessionwarden.Finding) replay.Account {
	a, h, _ := i.app.monitor.Known(name)
	a.Granted = nil // they are played, each in its time
	return replay.Account{Account: a, Baseline: h.Baseline, Reset: h.Profile.Since, Trusts: h.Trusts, Told: told}
}

// told returns what was found of an account itself and its changes since a time.
func (i insight) told(ctx context.Context, name string, since time.Time) (told []sessionwarden.Finding, err error) {
	for f, err := range i.app.db.Findings(ctx, sessionwarden.Query{Account: name, Since: since}) {
		if err != nil && ctx.Err() != nil {
			return nil, err
		}
		if err == nil && !policy.AsksSessions(f.Rule) {
			told = append(told, f)
		}
	}
	return told, nil
}

// answer has every rule answer about a case.
func answer(e *web.Explanation, c policy.Case, b policy.Beside, h sessionwarden.History) {
	e.Time, e.DryRun = c.Now.UTC().Truncate(time.Second), c.Account.DryRun
	for _, a := range policy.Explain(c, b) {
		e.Answers = append(e.Answers, web.NewAnswerRow(a.Rule, a.Finding, a.Why))
	}
	for _, t := range c.Account.Granted {
		if t.Covers(c.Sighting) {
			e.Trusts = append(e.Trusts, sessionwarden.Clean(t.String(), sessionwarden.MaxText))
		}
	}
	h.Profile, h.Live, h.Recent = c.Profile, c.Live, c.Recent
	e.Profile = profileRow(c.Account, h, c.Now, namesIn(h))
}
