package monitor

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"sessionwarden"
)

// blindAfter is how many polls in a row may fail before people are told.
const blindAfter = 3

// missed takes note of a poll that failed. A failure is never read as "no
// sessions"; it bars the conclusion "gone" and nothing else.
func (d *draft) missed(err error) {
	w := d.w
	w.misses++
	w.missError, w.missCure = err.Error(), cureOf(err)
	if w.misses == 1 {
		d.log.Warn("a poll failed", "account", d.account.Name, "err", err)
	} else {
		d.log.Debug("a poll failed", "account", d.account.Name, "in_a_row", w.misses, "err", err)
	}
	if d.h.Blind.Since.IsZero() || w.misses == 1 && !d.h.Blind.Told {
		d.h.Blind.Since = d.now
	}
	d.h.Blind.Why = err.Error()
	var f *sessionwarden.Fault
	// A refused login says when the next one is made; a call that was refused
	// after a login that worked does not: that may be over with the next poll.
	refused := errors.As(err, &f) && f.Kind == sessionwarden.FaultRefused && f.RetryAfter > 0
	if d.h.Blind.Told || w.misses < blindAfter && !refused {
		return
	}
	d.h.Blind.Told = true
	d.dirty = true
	title := fmt.Sprintf("Account %s is not being watched since %s", d.account.Name, d.h.Blind.Since.Format("2006-01-02 15:04 MST"))
	d.dates(d.notice(sessionwarden.Blind, sessionwarden.Critical, title, err.Error(), cureOf(err)), d.h.Blind.Since)
}

// cureOf says what a person can do about a poll that fails.
func cureOf(err error) string {
	var f *sessionwarden.Fault
	if !errors.As(err, &f) {
		return "It is tried again on schedule."
	}
	switch f.Kind {
	case sessionwarden.FaultRefused:
		return "The key was revoked, or this machine's address or country is not allowed. Make a new API key on https://mannco.store, put it where the configuration says, and the watch goes on by itself: the key is read again at each login."
	case sessionwarden.FaultLimited:
		return "The service limits how often we may ask. If it stays so, write a slower schedule for this account."
	case sessionwarden.FaultClock:
		return "Set this machine's clock (timedatectl status); until then nothing can be verified."
	case sessionwarden.FaultStrange, sessionwarden.FaultBusiness, sessionwarden.FaultNotFound:
		return "The service answers in a way that makes no sense. It is tried again on schedule; look whether https://mannco.store works."
	default:
		return "It is tried again on schedule. Look whether this machine reaches the service: sessionwarden check"
	}
}

// recovered takes note of a poll that worked.
func (d *draft) recovered(seen reading) {
	blind := d.h.Blind
	d.h.LastPoll = d.now
	if d.w.misses > 0 {
		d.log.Info("polls work again", "account", d.account.Name, "failed", d.w.misses)
	}
	d.h.Blind = sessionwarden.Blindness{}
	d.rails = rails(seen.badData, d.rails.Observing, d.earliest, seen.live.ServerTime, d.now, d.now)
	d.unsure = false
	if server := seen.live.ServerTime; d.rails.Clock != "" && server.After(d.now) {
		d.seen = server
	}
	d.w.timing.Lock()
	d.w.doubt = d.rails.Clock
	d.w.timing.Unlock()
	if !blind.Told {
		return
	}
	d.dirty = true
	d.dates(d.notice(sessionwarden.Recovered, sessionwarden.Warning,
		fmt.Sprintf("Account %s is watched again", d.account.Name),
		fmt.Sprintf("It was not from %s to %s.", blind.Since.Format("2006-01-02 15:04:05 MST"), d.now.Format("2006-01-02 15:04:05 MST")),
		"Sessions that came and went meanwhile are looked for among the expired ones, and told if a rule matches them."), blind.Since)
}

// dates notes in an alert since when the account could not be polled.
func (d *draft) dates(id uint64, since time.Time) {
	a := d.alerts[id]
	a.Since = since
	d.alerts[id] = a
}

// incomplete takes note of a list that could not be read whole: three in a row
// are told, once a day.
func (d *draft) incomplete(list sessionwarden.Listing) {
	if list.Complete {
		d.w.partly = 0
		return
	}
	if d.w.partly++; d.w.partly < blindAfter || !d.mayTellEvery("incomplete", 24*time.Hour) {
		return
	}
	d.notice(sessionwarden.ServiceOdd, sessionwarden.Warning, "The session list of "+d.account.Name+" cannot be read whole",
		"Three times in a row: "+list.Why+".",
		"Every session that can be read is judged and ended as ever. Until a whole list is read, no session counts as gone, and no disconnection as proven.",
		"If it stays so, look at the sessions yourself on https://mannco.store.")
}

// skipped takes note of a tick that came while the poll before it still ran.
func (m *Monitor) skipped(ctx context.Context, w *watch) {
	m.metrics.skips.Inc()
	if !w.mu.TryLock() {
		return // it waits for the disk, and the loop must not: the service is not what is slow
	}
	defer w.mu.Unlock()
	if w.skips++; w.skips != 3 {
		return
	}
	d := m.draft(w)
	if d.mayTellEvery("slow", 24*time.Hour) {
		d.notice(sessionwarden.ServiceOdd, sessionwarden.Warning, "Polls of "+d.account.Name+" take longer than its schedule",
			"Three times in a row a poll was skipped since the one before it still ran.",
			"Write a slower schedule, or look at what is slow: sessionwarden check")
	}
	_ = m.finish(ctx, w, d, nil, nil) // not saved: told by notSaved
}

// panicked contains a panic in one account's poll: it is logged with its
// stack, counted and told; the account's next poll comes as if nothing was.
func (m *Monitor) panicked(ctx context.Context, w *watch, what string, r any) {
	m.metrics.panics.Inc()
	stack := string(debug.Stack())
	w.mu.Lock()
	defer w.mu.Unlock()
	m.log.Error("panicked; the account goes on", "account", w.account.Name, "while", what, "panic", fmt.Sprint(r), "stack", stack)
	d := m.draft(w)
	if what == "poll" {
		w.owed = true // the client has shown us these bytes, and will call them known
		d.missed(fmt.Errorf("the program made a mistake: %v", r))
	}
	if d.mayTellEvery("panic", time.Hour) {
		d.notice(sessionwarden.ProgramError, sessionwarden.Critical, "The program made a mistake while watching "+d.account.Name,
			"That "+what+" was dropped; the next one comes on schedule.",
			"Please report it with the lines of the log that follow \"panicked\".")
	}
	_ = m.finish(ctx, w, d, nil, nil)
	if what == "poll" {
		m.took(w, false)
	}
}

// notSaved takes note of a commit that failed: the history stays as it is on
// disk, so that the next poll finds the same again; nothing is disconnected,
// as nothing is ever done that was not written down; but people are told.
func (m *Monitor) notSaved(w *watch, d *draft, c sessionwarden.Change, err error) {
	m.metrics.unsaved.Inc()
	m.log.Error("the history could not be saved", "account", d.account.Name, "err", err)
	w.h.Blind = d.h.Blind
	if !d.h.LastPoll.IsZero() {
		w.h.LastPoll = d.h.LastPoll
	}
	w.unrecorded = true
	m.tellUnsaved(d.account.Name, d.now, err)
	cure := savingCure(err)
	for _, alert := range c.Alerts {
		var fresh []sessionwarden.AlertItem
		for _, item := range alert.Items {
			if key := unsavedKey(item); !w.unsavedFor[key] && len(w.unsavedFor) < maxPast {
				if w.unsavedFor == nil {
					w.unsavedFor = make(map[sessionwarden.Key]bool)
				}
				w.unsavedFor[key] = true
				item.Action = nil
				fresh = append(fresh, item)
			}
		}
		if len(alert.Items) > 0 && len(fresh) == 0 {
			continue
		}
		if len(alert.Items) == 0 {
			if key := sessionwarden.Key("!" + alert.Title); w.unsavedFor[key] || len(w.unsavedFor) >= maxPast {
				continue
			} else if w.unsavedFor == nil {
				w.unsavedFor = map[sessionwarden.Key]bool{key: true}
			} else {
				w.unsavedFor[key] = true
			}
		}
		alert.ID, alert.Items, alert.Waiting = 0, fresh, false
		alert.Lines = append(alert.Lines, "This could not be written down, so nothing was disconnected.", cure)
		m.opts.Urgent(alert)
	}
}

// unsavedKey tells what people were told of from memory apart: sessions, and
// what was found on the account itself.
func unsavedKey(item sessionwarden.AlertItem) sessionwarden.Key {
	if item.Sighting.Seq == 0 && len(item.Findings) > 0 {
		return sessionwarden.Key("!" + string(item.Findings[0].Rule))
	}
	return item.Sighting.Key()
}

// unsaved is why a commit failed, and of which account it was; "" for all.
type unsaved struct{ account, why, cure string }

// cannotSave reports whether the commit that people were told of was account's.
func (m *Monitor) cannotSave(account string) bool {
	u := m.unsaved.Load()
	return u != nil && u.account == account
}

// tellUnsaved tells people, once, that nothing can be committed.
func (m *Monitor) tellUnsaved(account string, now time.Time, err error) {
	failed := &unsaved{account, sessionwarden.Shorten(err.Error(), 300), savingCure(err)}
	if !m.unsaved.CompareAndSwap(nil, failed) {
		return
	}
	m.log.Error("the history cannot be saved: nothing is disconnected until it can", "err", err)
	m.opts.Urgent(sessionwarden.Alert{
		Account: account, Kind: sessionwarden.Unsaved, Severity: sessionwarden.Critical, Created: now, Updated: now,
		Title: "The history cannot be saved",
		Lines: []string{"Watching and telling go on from memory. Nothing is disconnected until the history can be saved again, as nothing is done that is not written down first.",
			"What went wrong: " + failed.why, failed.cure},
	})
}

// savingCure is what a person can do where err kept the history from being saved.
func savingCure(err error) string {
	var knows interface{ Cure() string }
	if errors.As(err, &knows) {
		return knows.Cure()
	}
	return "Look at free space and permissions of the data directory."
}

// CannotSave says that somebody else met err in a commit: people are told at once,
// and once.
func (m *Monitor) CannotSave(err error) { m.tellUnsaved("", m.clock(), err) }

// CanSave says that somebody else has committed something, after [Monitor.CannotSave].
// What a single account's commit failed for is that account's own trouble.
func (m *Monitor) CanSave() {
	if m.cannotSave("") {
		m.tellSaved("", m.clock())
	}
}

// Unsaved says why nothing can be committed at present, and what to do about it;
// "" where all is well.
func (m *Monitor) Unsaved() string {
	if u := m.unsaved.Load(); u != nil {
		return u.why + ". " + u.cure
	}
	return ""
}

// lookAtJournal notices that nothing could be committed before anything has to
// be: a watch in which nothing happens commits nothing for hours.
func (m *Monitor) lookAtJournal(now time.Time) {
	if m.opts.Usable == nil {
		return
	}
	err := m.opts.Usable()
	switch {
	case err != nil:
		m.tellUnsaved("", now, err)
	case m.lost:
		m.tellSaved("", now)
	}
	m.lost = err != nil
}

// saved takes note of a commit that worked, after some that did not. That of
// another account than the one that failed proves nothing: it may be the one's
// own trouble.
func (m *Monitor) saved(w *watch, d *draft) {
	w.unsavedFor = nil
	if m.cannotSave(d.account.Name) || m.cannotSave("") {
		m.tellSaved(d.account.Name, d.now)
	}
}

// tellSaved tells people, once, that everything can be committed again.
func (m *Monitor) tellSaved(account string, now time.Time) {
	if m.unsaved.Swap(nil) == nil {
		return
	}
	m.log.Info("the history can be saved again", "account", account)
	m.opts.Urgent(sessionwarden.Alert{
		Account: account, Kind: sessionwarden.Recovered, Severity: sessionwarden.Warning, Created: now, Updated: now,
		Title: "The history can be saved again", Lines: []string{"What was found meanwhile is judged and acted on now."},
	})
}

// joinNamed joins the errors of polls, each with its account's name.
func joinNamed(watches []*watch, errs []error) error {
	var named []error
	for i, err := range errs {
		if err != nil {
			named = append(named, fmt.Errorf("account %s: %w", watches[i].account.Name, err))
		}
	}
	return errors.Join(named...)
}
