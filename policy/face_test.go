package policy_test

import (
	"slices"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/policy"
)

// from lets a session go on at p, so long after it was seen first.
func from(was sessionwarden.Sighting, p place, after time.Duration, change ...func(*sessionwarden.Sighting)) sessionwarden.Sighting {
	s := seen(was.Seq+1, p, change...)
	s.ID, s.FirstSeen, s.LastSeen = was.ID, now.Add(after), now.Add(after)
	policy.GoOn(&was, &s)
	return s
}

// says lets a rule have spoken.
func says(s sessionwarden.Sighting, r sessionwarden.Rule, response sessionwarden.Response) sessionwarden.Sighting {
	s.Verdicts = append(s.Verdicts, sessionwarden.Verdict{Rule: r, Response: response})
	return s
}

func TestASessionThatComesBackIsNotToldAgain(t *testing.T) {
	t.Parallel()
	out := says(from(seen(1, home), mobile, time.Hour), sessionwarden.NewNetwork, sessionwarden.Log)
	out = says(out, sessionwarden.HostingNetwork, sessionwarden.Notify)
	out = says(out, sessionwarden.UnknownCountry, sessionwarden.Ask)
	back := from(out, home, 2*time.Hour)
	if len(back.Verdicts) != 0 || len(back.Faces) != 1 {
		t.Errorf("at home again: %+v", back)
	}
	again := from(back, elsewhere(mobile, "192.0.2.141"), 3*time.Hour)
	if !again.Spoke(sessionwarden.NewNetwork) || !again.Spoke(sessionwarden.HostingNetwork) {
		t.Errorf("what people know is told again: %+v", again.Verdicts)
	}
	if again.Spoke(sessionwarden.UnknownCountry) {
		t.Error("what asked for an answer does not ask again")
	}
	if other := from(back, mobile, 3*time.Hour, with(onPhone)); len(other.Verdicts) != 0 {
		t.Errorf("another device: %+v", other.Verdicts)
	}
	if late := from(back, mobile, 9*24*time.Hour); len(late.Verdicts) != 0 {
		t.Errorf("nine days later: %+v", late.Verdicts)
	}
	flood := seen(1, home)
	for i := range 100 {
		flood = from(flood, at("203.0.113.5", "VN", uint32(64600+i), "Net"), time.Duration(i)*time.Minute)
	}
	if len(flood.Faces) != 8 {
		t.Errorf("%d places are remembered", len(flood.Faces))
	}
}

// A phone goes to and fro and is a day nowhere, and yet its networks get known.
func TestAPhoneOnTheMoveIsLearned(t *testing.T) {
	t.Parallel()
	a := account(watchful)
	phone := func(loud bool) sessionwarden.Profile {
		s, p := seen(1, home, with(onPhone)), sessionwarden.Profile{}
		for h := 6 * time.Hour; h <= 60*time.Hour; h += 6 * time.Hour {
			next := home
			if h%(12*time.Hour) != 0 {
				next = mobile
			}
			s = from(s, next, h, with(onPhone))
			if loud && h == 6*time.Hour {
				s = says(s, sessionwarden.Stranger, sessionwarden.Notify)
			}
			var learned []uint64
			p, learned, _ = policy.Learn(a, p, []sessionwarden.Sighting{s}, now.Add(h))
			s.Learned = s.Learned || slices.Contains(learned, s.Seq)
		}
		return p
	}
	p := phone(false)
	if len(p.Networks) != 2 || len(p.Devices) != 1 || p.Sessions != 1 {
		t.Errorf("learned %+v", p)
	}
	if p := phone(true); len(p.Networks) != 0 {
		t.Errorf("a session that was suspicious elsewhere teaches: %+v", p)
	}
	// Who was there for the first time learns nobody anything, however old his
	// session is.
	old := from(seen(1, home, since(48*time.Hour)), mobile, 0)
	if p, _, _ := policy.Learn(a, sessionwarden.Profile{}, []sessionwarden.Sighting{old}, now.Add(time.Hour)); !p.Empty() {
		t.Errorf("learned %+v", p)
	}
}
