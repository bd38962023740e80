package policy

import (
	"strconv"

	"sessionwarden"
)

// guardFrom is how many known sessions a configuration has to hit before it
// can count as a mistake.
const guardFrom = 3

// guard reports whether the rules look mistaken: of the sessions that were
// known before the configuration, three or more, and more than half, would be
// ended. Sessions that came later never count, so nobody can make it hold by
// signing in. Sessions that nothing is ever done about count neither.
func guard(a *sessionwarden.Account, h *sessionwarden.History, judged []Judged, wishes []wish) (held bool, why string) {
	later := make(map[uint64]bool)
	known := make(map[uint64]bool)
	for i := range judged {
		s := &judged[i].Sighting
		switch {
		case !judged[i].Known:
			later[s.Seq] = true
		case !spared(a, s):
			known[s.Seq] = true
		}
	}
	if len(known) == 0 {
		return false, ""
	}
	for i := range h.Live {
		if s := &h.Live[i]; !later[s.Seq] && !spared(a, s) {
			known[s.Seq] = true
		}
	}
	bad := 0
	for i := range wishes {
		w := &wishes[i]
		if !w.known || !wouldEnd(a, w) {
			continue
		}
		if w.response == sessionwarden.DisconnectAll {
			bad = len(known)
			break
		}
		bad++
	}
	if !mistaken(bad, len(known)) {
		return false, ""
	}
	return true, "the present configuration would end " + strconv.Itoa(bad) + " of the " + strconv.Itoa(len(known)) +
		" sessions that were there before it: that looks like a mistake in it. If it is none, and they are not yours: sessionwarden approve ID (sessionwarden actions shows the ids)"
}

// mistaken is the guard's measure.
func mistaken(bad, known int) bool { return bad >= guardFrom && 2*bad > known }

// wouldEnd reports whether w's session is ended if nobody says anything.
func wouldEnd(a *sessionwarden.Account, w *wish) bool {
	if w.response == sessionwarden.Ask {
		return a.AskDefault == sessionwarden.DisconnectSession && a.AskTimeout > 0 && !w.capped
	}
	return w.response > sessionwarden.Ask
}
