package monitor

import (
	"fmt"
	"slices"

	"sessionwarden"
	"sessionwarden/policy"
)

// noRuleAnyMore is the note of a held action that our own change took back.
const noRuleAnyMore = "no rule asks about this session any more, as the configuration, a trust or the location data has changed"

// byOurDataAlone reports whether what a rule says of a session rests on its
// address, our location data and the configuration, and on nothing else: not on
// other sessions, on the profile, or on what was before. Lists of Tor exits and
// VPN networks are not our own: who runs an exit can take it off them.
func byOurDataAlone(rule sessionwarden.Rule) bool {
	switch rule {
	case sessionwarden.UnexpectedCountry, sessionwarden.UnknownCountry, sessionwarden.HostingNetwork:
		return true
	}
	return false
}

// retractable returns the held actions that a change of our own configuration or
// location data may take back. The session must be the very one that was asked
// about, where it was then, and what asked must rest on our data alone, or be
// silent for a person's trust: nothing that a session does, or the service says,
// gets anybody out of an action.
//
// New location data alone takes back no question: data that goes to and fro would
// ask it anew each time.
func (d *draft) retractable(n news, relocated bool) (ids []uint64) {
	changed := d.h.Stamp != d.stamp
	if !changed && !relocated || d.rails.Location != "" || d.rails.Clock != "" || d.unsure || d.account.DryRun {
		return nil
	}
	for i := range d.h.Live {
		if slices.ContainsFunc(d.h.Live[i].Verdicts, func(v sessionwarden.Verdict) bool { return v.Response >= sessionwarden.DisconnectAll }) {
			return nil // somebody's finding wants all of them ended
		}
	}
	for _, a := range d.h.Actions {
		s := d.live(a.Seq)
		if a.State != sessionwarden.Held || a.ByHand || a.Kind != sessionwarden.EndOne || s == nil || !changed && a.Hold == sessionwarden.HeldByAsk {
			continue
		}
		_, isNew := n.fresh[s.Seq]
		// Ids rise: a sighting that is younger than its action is of a session
		// that has moved since.
		if isNew || s.Seq > a.ID || !s.Missing.IsZero() || n.told[s.Seq] || n.freed[s.Seq] ||
			a.Session != s.ID || a.Addr != s.AddrText() || a.Device != s.Device || s.Denied || s.Ownership.Untouchable() {
			continue
		}
		asked := false
		other := slices.ContainsFunc(s.Verdicts, func(v sessionwarden.Verdict) bool {
			asks := v.Response >= sessionwarden.Ask
			asked = asked || asks
			return asks && !byOurDataAlone(v.Rule) && !policy.Silenced(d.account, *s, v.Rule)
		})
		if asked && !other {
			ids = append(ids, a.ID)
		}
	}
	return ids
}

// retract takes back those of the actions ids that no rule asks for any more, and
// tells. What asked then may ask again: should the change be taken back, it does.
func (d *draft) retract(ids []uint64) {
	if len(ids) == 0 {
		return
	}
	asked := make(map[uint64]bool, len(ids))
	for _, id := range ids {
		asked[id] = true
	}
	var moot []sessionwarden.Action
	for _, a := range d.h.Actions {
		if !asked[a.ID] || a.State != sessionwarden.Held {
			continue
		}
		s := d.live(a.Seq)
		c := d.ask(*s, false)
		c.Sighting.Verdicts = nil
		if slices.ContainsFunc(policy.Judge(c), func(f sessionwarden.Finding) bool { return f.Response >= sessionwarden.Ask }) {
			continue
		}
		s.Verdicts = slices.DeleteFunc(slices.Clone(s.Verdicts), func(v sessionwarden.Verdict) bool { return v.Response >= sessionwarden.Ask })
		d.touch(s.Seq)
		moot = append(moot, inState(a, sessionwarden.Moot, noRuleAnyMore))
	}
	d.put(moot...)
	n := len(moot)
	if n == 0 {
		return
	}
	what := "1 held disconnection is"
	if n > 1 {
		what = fmt.Sprintf("%d held disconnections are", n)
	}
	d.notice(sessionwarden.Recovered, sessionwarden.Warning, what+" dropped: no rule asks about those sessions any more",
		"The configuration, a trust or the location data has changed since they were held. Nothing was disconnected.",
		"Look at them: sessionwarden actions --account "+d.account.Name)
}
