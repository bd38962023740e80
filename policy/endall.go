package policy

import (
	"slices"

	"sessionwarden"
)

// The service's own call for all ends our session too, and every other
// whether it may be ended or not. It serves only for sessions without an id.

// all makes the action that ends every session by the service's own call, for
// those that disconnect_all is to end and that have no id.
func (p *planning) all() (sessionwarden.Action, bool) {
	if len(p.nameless) == 0 || slices.ContainsFunc(p.h.Actions, func(a sessionwarden.Action) bool { return a.Kind == sessionwarden.EndAll }) {
		return sessionwarden.Action{}, false
	}
	first := p.nameless[0]
	together := wish{s: first.s, response: sessionwarden.DisconnectAll, stranger: true, elsewhere: true}
	for i := range p.nameless {
		w := &p.nameless[i]
		together.stranger = together.stranger && w.stranger
		together.elsewhere = together.elsewhere && w.elsewhere
		together.known = together.known || w.known
		for _, id := range w.findings {
			if !slices.Contains(together.findings, id) {
				together.findings = append(together.findings, id)
			}
		}
		if first.derived && !w.derived {
			first = *w // better than a reason at second hand
		}
	}
	action := sessionwarden.Action{
		Account: p.a.Name, Kind: sessionwarden.EndAll, Created: p.now, Updated: p.now,
		Reason: first.reason, Stranger: together.stranger, Findings: together.findings,
	}
	if why := forbidsAll(p.a, p.h); why != "" {
		action.State, action.Note = sessionwarden.Refused, why
		return action, true
	}
	together.s.ID = "all"
	action.State, action.Hold, action.Note, action.Deadline = p.standing(&together)
	return action, true
}

// forbidsAll says why the service's call for all must not be used: it would
// end a session that must not be ended. "" where nothing forbids it.
func forbidsAll(a *sessionwarden.Account, h *sessionwarden.History) string {
	const way = "; sign out everywhere on the service's own pages if you want that"
	for i := range h.Live {
		s := &h.Live[i]
		switch {
		case s.State != sessionwarden.Live || s.Account != a.Name:
		case s.Ownership == sessionwarden.Disputed:
			return "session " + sessionText(*s) + " may be our own, and the only call that is left would end it too" + way
		case s.Ownership == sessionwarden.NotOwn && vouched(a, s):
			return "the trusted session " + sessionText(*s) + " lives, and the only call that is left would end it too" + way
		}
	}
	return ""
}

// nameless reports whether a session without an id lives that may be ended.
func nameless(a *sessionwarden.Account, h *sessionwarden.History) bool {
	return slices.ContainsFunc(h.Live, func(s sessionwarden.Sighting) bool {
		return s.ID == "" && s.Missing.IsZero() && !spared(a, &s)
	})
}
