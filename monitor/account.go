package monitor

import (
	"cmp"
	"context"
	"slices"
	"time"

	"sessionwarden"
	"sessionwarden/internal/mishap"
	"sessionwarden/policy"
)

// FactReader reads what the service says of an account beside its sessions.
type FactReader interface {
	// Facts reads the account's facts. What is not known in them was left out
	// or could not be read, which the error tells of; the others hold all the
	// same.
	Facts(ctx context.Context) (sessionwarden.AccountFacts, error)
}

// The account's facts are read beside the polls and never before one: the
// session list goes first. Where a poll is due at about the same time they
// share its burst.

// askHeightened is how often the facts are read during a heightened watch.
const askHeightened = 15 * time.Second

// factsBlindAfter is for how long the facts may fail until people are told.
const factsBlindAfter = 10 * time.Minute

// asking is when an account's facts are read. It is guarded by watch.timing.
type asking struct {
	reader FactReader // nil: never
	every  time.Duration
	next   time.Time // zero: with the first poll
}

// wantsFacts reports whether the account's facts are to be read now, beside a
// poll.
func (w *watch) wantsFacts(now time.Time) bool {
	w.timing.Lock()
	defer w.timing.Unlock()
	wait := w.facts.next.Sub(now)
	return w.facts.reader != nil && (wait < together || wait > w.facts.every) // the clock was set back
}

// askAt has the account's facts read from t on, with the first poll or without
// one where that is far.
func (m *Monitor) askAt(w *watch, t time.Time) {
	w.timing.Lock()
	w.facts.next = t
	w.timing.Unlock()
}

// asks returns the accounts whose facts are due and whose next poll is not, and
// how long to wait where there are none.
func (m *Monitor) asks(now time.Time) (due []*watch, wait time.Duration) {
	wait = maxWait
	for _, w := range m.all() {
		w.timing.Lock()
		if w.facts.reader != nil && !w.facts.next.IsZero() && w.next.Sub(w.facts.next) > w.facts.every/2 {
			if left := w.facts.next.Sub(now); left <= 0 {
				due = append(due, w)
			} else {
				wait = min(wait, left)
			}
		}
		w.timing.Unlock()
	}
	return due, wait
}

// askSoon reads the account's facts if that is due, beside the polls. While the
// list cannot be read for other reasons than a limit, they could not either.
func (m *Monitor) askSoon(ctx context.Context, w *watch) {
	if m.ending.Load() || !w.wantsFacts(m.clock()) {
		return
	}
	w.mu.Lock()
	down := w.misses > 0 && !w.limited || w.h.Baseline.IsZero()
	w.mu.Unlock()
	if down || !w.asking.TryLock() {
		return // not now, or somebody is at it: he sees what has become due meanwhile
	}
	m.working.Go(func() {
		defer w.asking.Unlock()
		m.guarded(ctx, w, "look at the account", func() {
			for again := true; again && !m.ending.Load(); {
				again = m.ask(ctx, w)
			}
		})
		m.actSoon(ctx, w)
	})
}

// ask reads the account's facts, judges what has changed, and commits both in
// one transaction. It writes nothing where nothing has changed. again says that
// they have become due meanwhile. The caller holds w.asking.
func (m *Monitor) ask(ctx context.Context, w *watch) (again bool) {
	w.timing.Lock()
	reader, next := w.facts.reader, m.clock().Add(w.facts.every)
	w.facts.next = next
	w.timing.Unlock()
	if reader == nil {
		return false
	}
	m.askSlots <- struct{}{} // so many at once, and no more: the polls come first
	read, err := reader.Facts(ctx)
	<-m.askSlots
	if ctx.Err() != nil {
		return false // broken off: what was left out says nothing about the service
	}
	err = cmp.Or(err, mishap.At("facts.read"))

	w.mu.Lock()
	defer w.mu.Unlock()
	m.factsFailed(ctx, w, err)
	if w.h.Baseline.IsZero() {
		return false // the list goes first
	}
	m.compare(ctx, w, read)
	w.timing.Lock()
	defer w.timing.Unlock()
	if again = w.facts.next != next; !again && m.clock().Before(w.heightenedUntil()) {
		w.facts.next = next.Add(min(0, askHeightened-w.facts.every))
	}
	return again
}

// compare judges what was read against what is remembered, and commits what has
// changed. The caller holds w.mu.
func (m *Monitor) compare(ctx context.Context, w *watch, read sessionwarden.AccountFacts) {
	if merged := w.h.Facts.With(read); merged.Same(w.h.Facts) {
		w.h.Facts = merged // only when it was read is new
		return
	}
	d := m.draft(w)
	facts, findings := policy.JudgeFacts(d.account, d.h.Facts, read, d.now)
	d.h.Facts, d.dirty = facts, true
	d.findAccount(findings)
	judged := d.takeover(nil)
	d.plan(judged)
	if items := d.items(judged); len(items) > 0 {
		d.intrusion(items)
	}
	d.heighten()
	_ = mishap.At("facts.judged")
	if m.finish(ctx, w, d, nil, nil) == nil && len(findings) > 0 {
		m.hurry(w, d.now) // who did that?
	}
}

// factsFailed takes note of what became of a reading: facts that cannot be read
// for long are told, once a day. The sessions are watched all the same. The
// caller holds w.mu.
func (m *Monitor) factsFailed(ctx context.Context, w *watch, err error) {
	now := m.clock()
	if err == nil {
		w.factless = time.Time{}
		return
	}
	m.log.Debug("the account's facts could not be read whole", "account", w.account.Name, "err", err)
	if w.factless.IsZero() || w.factless.After(now) {
		w.factless = now
	}
	if now.Sub(w.factless) < max(factsBlindAfter, 2*w.account.AccountEvery) {
		return
	}
	d := m.draft(w)
	if d.mayTellEvery("facts", 24*time.Hour) {
		d.notice(sessionwarden.ServiceOdd, sessionwarden.Warning, "The account "+d.account.Name+" itself cannot be looked at whole",
			"Since "+w.factless.Format("2006-01-02 15:04 MST")+": "+sessionwarden.Shorten(err.Error(), 300)+".",
			"Its sessions are watched as ever, but a change of two-factor authentication, trade URL, mails or balance may go unseen.",
			"It is tried again on schedule. Look at the account yourself on https://mannco.store.")
	}
	_ = m.finish(ctx, w, d, nil, nil) // not saved: told by notSaved
}

// suspicious reports whether the draft found something on a session that makes
// it worthwhile to look at the account at once.
func (d *draft) suspicious() bool {
	return slices.ContainsFunc(d.findings, func(f sessionwarden.Finding) bool {
		return f.Seq != 0 && f.Rule != sessionwarden.Takeover && (f.Response >= sessionwarden.Notify || f.Rule == sessionwarden.SessionMoved)
	})
}

// findAccount takes findings about the account into the draft.
func (d *draft) findAccount(findings []sessionwarden.Finding) {
	for i := range findings {
		findings[i].ID = d.next()
	}
	d.findings = append(d.findings, findings...)
	d.about = append(d.about, findings...)
}

// takeover looks for suspicious sessions and changes of the account that belong
// together, and takes what it finds into judged.
func (d *draft) takeover(judged []policy.Judged) []policy.Judged {
	d.leaveSuspects()
	if len(d.h.Facts.Changes) == 0 {
		return judged
	}
	t := policy.JudgeTakeover(d.account, d.h, d.rails, d.now)
	d.h.Facts.Left = t.Left
	d.findAccount(t.Account)
	for _, one := range t.Sessions {
		s := d.live(one.Sighting.Seq)
		for i := range one.Findings {
			one.Findings[i].ID = d.next()
			s.Verdicts = append(s.Verdicts, policy.VerdictOf(one.Findings[i], d.account))
		}
		d.touch(s.Seq)
		d.findings = append(d.findings, one.Findings...)
		one.Sighting = *s
		judged = policy.Joined(judged, one)
	}
	return judged
}

// leaveSuspects remembers who of those that are over was suspicious.
func (d *draft) leaveSuspects() {
	if len(d.ended) > 0 {
		d.h.Facts.Left = policy.Leave(d.account, d.h, d.ended, d.now)
	}
}

// accountItem is what an alert says of findings about the account itself;
// false where people are to be told of none.
func accountItem(findings []sessionwarden.Finding) (sessionwarden.AlertItem, bool) {
	loud := loudOf(findings)
	return sessionwarden.AlertItem{Findings: loud}, len(loud) > 0
}
