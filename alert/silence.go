package alert

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"sessionwarden"
)

// silenced says which silence keeps an alert from being sent now, as a reason to
// leave it out; "" for none. The caller holds t.mu.
func (t *Teller) silenced(a sessionwarden.Alert) string {
	now := t.now()
	for _, s := range t.silences {
		if s.Holds(now) && s.Covers(a) {
			return silencedBy + strconv.FormatUint(s.ID, 10)
		}
	}
	return ""
}

// SilenceError says why a silence cannot be added or removed. Its methods tell the
// API which answer that is.
type SilenceError struct {
	text, cure string
	missing    bool
}

// Error implements error.
func (e *SilenceError) Error() string { return e.text }

// Cure is what the person can do instead.
func (e *SilenceError) Cure() string { return e.cure }

// NotFound reports whether what was named does not exist.
func (e *SilenceError) NotFound() bool { return e.missing }

// Conflict reports whether what was named is not in a state for the wish.
func (e *SilenceError) Conflict() bool { return !e.missing }

// Silences returns the silences that hold and those that ended lately, in the
// order of their making.
func (t *Teller) Silences() []sessionwarden.Silence {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	return slices.DeleteFunc(slices.Clone(t.silences), func(s sessionwarden.Silence) bool {
		return now.Sub(s.Ended()) >= sessionwarden.KeepEndedSilence
	})
}

// Silence writes a silence down and returns it as it is on disk. What waits to be
// sent and is covered by it is left out from then on. Errors are a *[SilenceError],
// or that of the disk.
func (t *Teller) Silence(ctx context.Context, s sessionwarden.Silence) (sessionwarden.Silence, error) {
	t.changing.Lock()
	defer t.changing.Unlock()
	now := t.now().UTC()
	switch {
	case !s.Until.After(now):
		return s, &SilenceError{text: "a silence until " + s.Until.UTC().Format("2006-01-02 15:04 MST") + " would be over already", cure: "give an end that is still to come"}
	case s.Until.Sub(now) > sessionwarden.MaxSilence:
		return s, &SilenceError{text: "a silence may last 90 days at most", cure: "give an earlier end, or set the rule to log in the configuration"}
	case s.Reason == "" || len(s.Reason) > sessionwarden.MaxSilenceReason:
		return s, &SilenceError{text: fmt.Sprintf("a silence wants a reason of 1 to %d bytes", sessionwarden.MaxSilenceReason), cure: "say why, for whoever wonders later why it was quiet"}
	}
	if problem, cure := s.Void(); problem != "" {
		return s, &SilenceError{text: problem, cure: cure}
	}
	holding := 0
	for _, old := range t.Silences() {
		if old.Holds(now) {
			holding++
		}
	}
	if holding >= sessionwarden.MaxSilences {
		return s, &SilenceError{text: fmt.Sprintf("%d silences hold already, and there may be no more", holding), cure: "remove some: sessionwarden silence list"}
	}
	s.ID, s.Created, s.Removed = t.outbox.NextID(), now, sessionwarden.Silence{}.Removed
	s.Until = s.Until.Round(0).UTC()
	if err := t.keep(ctx, s); err != nil {
		return s, err
	}
	t.log.Warn("a silence was added", "silence", s.ID, "covers", s.What(), "until", s.Until, "by", s.By, "reason", s.Reason)
	return s, nil
}

// EndSilence ends a silence before its time and returns it. What it left out is
// not sent after all.
func (t *Teller) EndSilence(ctx context.Context, id uint64) (sessionwarden.Silence, error) {
	t.changing.Lock()
	defer t.changing.Unlock()
	now := t.now().UTC()
	list := t.Silences()
	i := slices.IndexFunc(list, func(s sessionwarden.Silence) bool { return s.ID == id })
	if i < 0 {
		return sessionwarden.Silence{}, &SilenceError{text: fmt.Sprintf("there is no silence %d", id), cure: "sessionwarden silence list shows those there are", missing: true}
	}
	s := list[i]
	if !s.Holds(now) {
		return s, &SilenceError{text: fmt.Sprintf("silence %d does not hold any more: it %s at %s", id,
			map[string]string{"removed": "was removed", "expired": "expired"}[s.State(now)], s.Ended().UTC().Format("2006-01-02 15:04 MST")), cure: "sessionwarden silence list shows those that hold"}
	}
	s.Removed = now
	if err := t.keep(ctx, s); err != nil {
		return s, err
	}
	t.log.Warn("a silence was removed", "silence", s.ID, "covers", s.What())
	return s, nil
}

// keep writes a silence to the disk, and then takes it.
func (t *Teller) keep(ctx context.Context, s sessionwarden.Silence) error {
	if err := t.outbox.PutSilence(ctx, s); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if i := slices.IndexFunc(t.silences, func(old sessionwarden.Silence) bool { return old.ID == s.ID }); i >= 0 {
		t.silences = slices.Clone(t.silences)
		t.silences[i] = s
	} else {
		t.silences = append(t.silences, s)
	}
	for _, m := range t.known {
		if !t.pending(m.alert.ID) {
			continue
		}
		for _, l := range t.lanes {
			l.consider(t, m)
		}
		t.settle(m)
	}
	t.notify()
	return nil
}
