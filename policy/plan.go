package policy

import (
	"cmp"
	"slices"
	"time"

	"sessionwarden"
)

// Rails says what cannot be relied on at present. The zero value: all is well.
type Rails struct {
	Location string // why the location data cannot be relied on
	Clock    string // why the clock cannot be

	// Observing says that a person has not confirmed the history yet: nothing
	// that a rule wants is ended.
	Observing bool
}

// Judged is a sighting with what the rules found on it.
type Judged struct {
	Sighting sessionwarden.Sighting
	Findings []sessionwarden.Finding
	// Known says that the session was there before the present configuration
	// first judged; at the first poll all are. Only known sessions count for
	// the guard against a mistaken rule.
	Known bool
}

// NoID is the note of an action that is refused for want of an id.
const NoID = "the service gave no id for this session, so it cannot be ended by itself; sign out everywhere on the service's own pages"

// Plan turns findings into actions: one a session at most, of the strongest
// response, strangers first and the newest first. It names no session that is
// our own or may be, nor one of another account, from a trusted network,
// claimed by its owner, or over already.
//
// New actions have no ID. One with an ID is an action of h.Actions that goes
// on: a question that a stronger finding has answered.
func Plan(a sessionwarden.Account, h sessionwarden.History, judged []Judged, rails Rails, now time.Time) []sessionwarden.Action {
	if h.Account != "" && h.Account != a.Name || !wants(judged) {
		return nil
	}
	return plan(a, h, judged, rails, now)
}

// wants reports whether a finding asks for more than telling people: mostly none
// does.
func wants(judged []Judged) bool {
	for i := range judged {
		for k := range judged[i].Findings {
			if judged[i].Findings[k].Response >= sessionwarden.Ask {
				return true
			}
		}
	}
	return false
}

func plan(a sessionwarden.Account, h sessionwarden.History, judged []Judged, rails Rails, now time.Time) []sessionwarden.Action {
	p := planning{a: &a, h: &h, rails: rails, now: now}
	p.wishes = p.gather(judged)
	if len(p.wishes) == 0 {
		return nil
	}
	p.guarded, p.guardWhy = guard(&a, &h, judged, p.wishes)
	p.endAll()
	slices.SortStableFunc(p.wishes, p.order)
	var actions []sessionwarden.Action
	for i := range p.wishes {
		if action, ok := p.one(&p.wishes[i]); ok {
			actions = append(actions, action)
		}
	}
	if action, ok := p.all(); ok {
		actions = append(actions, action)
	}
	return actions
}

// wish is what the rules want to be done about one session.
type wish struct {
	s         sessionwarden.Sighting
	response  sessionwarden.Response // the strongest
	reason    string                 // of the finding that wants it
	findings  []uint64               // those that want at least an answer
	known     bool
	elsewhere bool // a finding wants it ended that rests on other things than location data
	capped    bool // every finding is capped: a question stands until a person answers
	stranger  bool
	moved     bool // a finding wants it ended because the session went on elsewhere
	derived   bool // wanted only because another session's finding ends all
}

// planning is a plan while it is being made.
type planning struct {
	a        *sessionwarden.Account
	h        *sessionwarden.History
	rails    Rails
	now      time.Time
	wishes   []wish
	guarded  bool // the guard against a mistaken rule holds known sessions
	guardWhy string
	nameless []wish // sessions that disconnect_all is to end and that have no id
}

// gather returns one wish for each session that something is to be done about.
func (p *planning) gather(judged []Judged) []wish {
	var wishes []wish
	bySeq := make(map[uint64]int)
	for i := range judged {
		j := &judged[i]
		if spared(p.a, &j.Sighting) {
			continue
		}
		for k := range j.Findings {
			f := &j.Findings[k]
			if f.Response < sessionwarden.Ask || f.Seq != j.Sighting.Seq || f.Account != p.a.Name {
				continue
			}
			at, there := bySeq[f.Seq]
			if !there {
				at = len(wishes)
				bySeq[f.Seq] = at
				wishes = append(wishes, wish{s: j.Sighting, known: j.Known, capped: true, stranger: Stranger(*p.a, *p.h, j.Sighting)})
			}
			wishes[at].add(f)
		}
	}
	return wishes
}

// add takes what one more finding wants into w.
func (w *wish) add(f *sessionwarden.Finding) {
	w.findings = append(w.findings, f.ID)
	if f.Response > w.response {
		w.response, w.reason = f.Response, f.Reason
	}
	w.capped = w.capped && f.Capped != ""
	if f.Response >= sessionwarden.Disconnect {
		w.elsewhere = w.elsewhere || !restsOnLocation(f.Rule)
		w.moved = w.moved || f.Rule == sessionwarden.SessionMoved
	}
}

// spared reports whether nothing may be done about s, whatever the rules say:
// it is not this account's, not there any more, our own or perhaps our own,
// from a trusted network, or claimed by its owner.
func spared(a *sessionwarden.Account, s *sessionwarden.Sighting) bool {
	if s.Account != a.Name || s.State != sessionwarden.Live || s.Late {
		return true
	}
	return s.Ownership.Untouchable() || vouched(a, s)
}

// vouched reports whether the owner stands for s: by a trusted network, or by
// having claimed it.
func vouched(a *sessionwarden.Account, s *sessionwarden.Sighting) bool {
	if s.Denied || len(a.Trusted) == 0 && len(a.Granted) == 0 {
		return s.Denied
	}
	_, trusted := a.Trusts(s.Addr)
	return trusted
}

// endAll adds the sessions that have to go because a finding ends all.
func (p *planning) endAll() {
	from := -1
	for i := range p.wishes {
		if p.wishes[i].response < sessionwarden.DisconnectAll {
			continue
		}
		// A trigger that the guard does not hold goes before one that it does.
		if from < 0 || p.held(&p.wishes[from]) && !p.held(&p.wishes[i]) {
			from = i
		}
	}
	if from < 0 {
		return
	}
	cause := p.wishes[from]
	at := make(map[uint64]int, len(p.wishes))
	for i := range p.wishes {
		at[p.wishes[i].s.Seq] = i
	}
	for i := range p.h.Live {
		s := &p.h.Live[i]
		if spared(p.a, s) {
			continue
		}
		k, there := at[s.Seq]
		if !there {
			k = len(p.wishes)
			p.wishes = append(p.wishes, wish{s: *s, known: cause.known, derived: true, stranger: Stranger(*p.a, *p.h, *s)})
		}
		w := &p.wishes[k]
		if w.response >= sessionwarden.Disconnect {
			w.response = sessionwarden.DisconnectAll
			continue
		}
		w.response, w.elsewhere, w.capped = sessionwarden.DisconnectAll, cause.elsewhere, false
		w.reason = "Every session is to be ended, because of session " + sessionText(cause.s) + ": " + cause.reason
		w.findings = append(w.findings, cause.findings...)
		w.derived = true
	}
	p.wishes = slices.DeleteFunc(p.wishes, func(w wish) bool {
		if w.s.ID == "" {
			p.nameless = append(p.nameless, w)
		}
		return w.s.ID == ""
	})
}

func sessionText(s sessionwarden.Sighting) string {
	if s.ID == "" {
		return "from " + addrText(s)
	}
	return sessionwarden.Clean(string(s.ID), 32)
}

// order puts strangers first, and the newest first.
func (p *planning) order(a, b wish) int {
	if a.stranger != b.stranger {
		if a.stranger {
			return -1
		}
		return 1
	}
	return newestFirst(&a.s, &b.s)
}

// newestFirst compares sightings by when their sessions began.
func newestFirst(a, b *sessionwarden.Sighting) int {
	return cmp.Or(began(b).Compare(began(a)), cmp.Compare(b.Seq, a.Seq))
}

// began is when a session began, as far as that is known.
func began(s *sessionwarden.Sighting) time.Time {
	if s.Started.IsZero() {
		return s.FirstSeen
	}
	return s.Started
}

// one makes the action about one session; false where there is one already
// that stands.
func (p *planning) one(w *wish) (sessionwarden.Action, bool) {
	action := sessionwarden.Action{
		Account: p.a.Name, Kind: sessionwarden.EndOne, Created: p.now,
		Seq: w.s.Seq, Session: w.s.ID, Stranger: w.stranger,
	}
	for i := range p.h.Actions {
		old := &p.h.Actions[i]
		if old.Seq != w.s.Seq || old.Kind != sessionwarden.EndOne {
			continue
		}
		if !outgrows(w, old) {
			return action, false
		}
		action = *old
		action.Stranger = w.stranger
		break
	}
	action.Updated = p.now
	action.Addr, action.Device, action.Reason = w.s.AddrText(), w.s.Device, w.reason
	action.Findings = append(slices.Clip(action.Findings), w.findings...)
	action.State, action.Hold, action.Note, action.Deadline = p.standing(w)
	return action, true
}

// outgrows reports whether w is a reason to end a session that what holds the
// action about it says nothing of: a question is answered by something stronger,
// the guard against a mistaken rule by a stolen cookie, doubts of the location data by
// what does not rest on it. The hourly limits and the clock hold whatever the
// reason.
func outgrows(w *wish, old *sessionwarden.Action) bool {
	if old.State != sessionwarden.Held || w.response < sessionwarden.Disconnect {
		return false
	}
	switch old.Hold {
	case sessionwarden.HeldByAsk:
		return true
	case sessionwarden.HeldByGuard:
		return w.moved && !w.known
	case sessionwarden.HeldByGeo:
		return w.elsewhere
	}
	return false
}

// standing says in which state the action of w begins.
func (p *planning) standing(w *wish) (state sessionwarden.ActionState, hold sessionwarden.Hold, note string, deadline time.Time) {
	switch {
	case w.s.ID == "":
		return sessionwarden.Refused, sessionwarden.NotHeld, NoID, deadline
	case p.held(w):
		return sessionwarden.Held, sessionwarden.HeldByGuard, p.guardWhy, deadline
	case w.response == sessionwarden.Ask:
		if p.a.AskTimeout <= 0 || w.capped {
			return sessionwarden.Held, sessionwarden.HeldByAsk, "waits for an answer, for as long as it takes", deadline
		}
		deadline = p.now.Add(p.a.AskTimeout)
		return sessionwarden.Held, sessionwarden.HeldByAsk, AskNote(*p.a, deadline), deadline
	}
	if hold, note := interlock(p.rails, w.elsewhere); hold != sessionwarden.NotHeld {
		return sessionwarden.Held, hold, note, deadline
	}
	if p.a.DryRun {
		return sessionwarden.DryRun, sessionwarden.NotHeld, dryRun, deadline
	}
	return sessionwarden.Planned, sessionwarden.NotHeld, "", deadline
}

// AskNotePrefix begins the note of a question with a deadline.
const AskNotePrefix = "waits for an answer until "

// AskNote is the note of a question that stands until deadline.
func AskNote(a sessionwarden.Account, deadline time.Time) string {
	then := "; without one it stays"
	if a.AskDefault == sessionwarden.DisconnectSession {
		then = "; without one it is ended"
	}
	return AskNotePrefix + clockText(deadline) + then
}

// held reports whether the guard against a mistaken rule holds w.
func (p *planning) held(w *wish) bool { return p.guarded && w.known && wouldEnd(p.a, w) }

// dryRun is the note of what only would have been done.
const dryRun = "dry run: it would have been ended, and was not"

// observing is the note of what waits for a person to confirm the history.
const observing = "the history was restored from a backup; nothing is disconnected until a person confirms: sessionwarden resume"

// interlock says what holds an action that a rule wants. elsewhere: it would
// be wanted without location data too.
func interlock(rails Rails, elsewhere bool) (sessionwarden.Hold, string) {
	switch {
	case rails.Observing:
		return sessionwarden.HeldObserving, observing
	case rails.Clock != "":
		return sessionwarden.HeldByClock, "the clock cannot be right: " + rails.Clock + "; goes on by itself when it is, or at once when approved"
	case rails.Location != "" && !elsewhere:
		return sessionwarden.HeldByGeo, "the location data cannot be relied on: " + rails.Location + "; waits for an answer"
	}
	return sessionwarden.NotHeld, ""
}

// clockText is a time as notes give it.
func clockText(t time.Time) string { return t.UTC().Format("15:04 MST") }
