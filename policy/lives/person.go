package lives

import (
	"slices"
	"time"
)

// habit is how an owner uses one of his devices.
type habit struct {
	agent  string
	from   int     // the first day
	to     int     // the day after the last one; 0: the life's last
	at     []place // where he signs in and uses it
	away   []place // where else he uses it, one of them before going home
	early  int     // the local hours in which he uses it
	late   int
	share  float64 // of the days on which he uses it; 0: nearly all
	renews int     // after how many days he signs in again; 0: 27
	dies   bool    // it is signed out when the next one begins
}

// lives lets the owner use a device by habit.
func (l *Life) lives(h habit) {
	if h.to == 0 {
		h.to = int(l.end.Sub(start) / day)
	}
	if h.late == 0 {
		h.early, h.late = 17, 23
	}
	if h.share == 0 {
		h.share = 0.85
	}
	if h.renews == 0 {
		h.renews = 27
	}
	var now []stop
	begun := 0
	for d := h.from; d < h.to; d++ {
		if len(now) > 0 && d-begun >= h.renews {
			l.over(h, now, d)
			now = nil
		}
		if len(now) > 0 && l.random.Float64() > h.share {
			continue
		}
		for _, s := range l.day(h, d) {
			if len(now) == 0 {
				begun = d
			}
			now = append(now, s)
		}
	}
	if len(now) > 0 {
		l.over(h, now, h.to)
	}
}

// over takes a session of a habit into the life.
func (l *Life) over(h habit, stops []stop, d int) {
	v := l.signIn(h.agent, stops...)
	if end := l.at(d, 12, 0); h.dies || d == h.to && end.Before(l.end.Add(-day)) {
		v.out = latest(end, stops[len(stops)-1].at.Add(time.Minute))
	}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// day is the use of one day.
func (l *Life) day(h habit, d int) []stop {
	var stops []stop
	if len(h.away) > 0 {
		out := h.away[l.random.IntN(len(h.away))]
		leaves := l.between(d, 7, 9)
		if l.random.Float64() < 0.5 { // he looks at home still, and on the way at once
			stops = append(stops, stop{at: leaves.Add(-8 * time.Minute), where: h.at[l.random.IntN(len(h.at))]})
		}
		stops = append(stops, stop{at: leaves, where: out})
		if l.random.Float64() < 0.5 {
			stops = append(stops, stop{at: l.between(d, 12, 14), where: h.away[l.random.IntN(len(h.away))]})
		}
	}
	stops = append(stops, stop{at: l.between(d, h.early, h.late), where: h.at[l.random.IntN(len(h.at))]})
	for i := range stops {
		l.moved(&stops[i], len(h.away) > 0)
	}
	stops = slices.DeleteFunc(stops, func(s stop) bool { return s.at.IsZero() })
	slices.SortFunc(stops, func(a, b stop) int { return a.at.Compare(b.at) })
	return stops
}

// travelling is how long the way to another country takes.
const travelling = 14 * time.Hour

// moved lets a sign of use happen where the owner is at that time; its time is
// zero where he uses nothing.
func (l *Life) moved(s *stop, carried bool) {
	for _, t := range l.trips {
		onTheWay := func(at time.Time) bool { return s.at.After(at.Add(-travelling)) && s.at.Before(at) }
		switch {
		case onTheWay(t.from) || onTheWay(t.to):
			s.at = time.Time{}
		case s.at.Before(t.from) || !s.at.Before(t.to):
			continue
		case carried || t.pc:
			s.where = t.where[l.random.IntN(len(t.where))]
		default:
			s.at = time.Time{} // it stays at home
		}
		return
	}
}

// goes lets the owner be elsewhere from the evening of a day until that of
// another. It has to be said before his habits.
func (l *Life) goes(from, to int, pc bool, where ...place) {
	l.trips = append(l.trips, trip{span: span{l.at(from, 18, 0), l.at(to, 18, 0)}, where: where, pc: pc})
}

// usual is an owner with a computer at home and a phone.
func (l *Life) usual() {
	l.lives(habit{agent: chromeWindows, from: -9, at: []place{homeDE}})
	l.lives(habit{agent: chromeAndroid, from: -5, at: []place{homeDE}, away: []place{mobileDE, host(mobileDE, 9), host(mobileDE, 10)}, early: 18, late: 22})
}
