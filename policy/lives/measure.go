package lives

import (
	"slices"
	"time"

	"sessionwarden"
)

// couldKnow returns the rules that could know of the thief: what he did is what
// they look for. What does not depend on the moment is read off the life; the
// rest its script says.
func (l *Life) couldKnow(a sessionwarden.Account, r *record, o Options) map[sessionwarden.Rule]bool {
	could := make(map[sessionwarden.Rule]bool)
	if !l.Attack {
		return could
	}
	for rule := range l.knows {
		could[rule] = true
	}
	k := knowing{l: l, a: a, o: o, r: r, could: could, begins: l.begins()}
	k.owner()
	for _, row := range r.rows {
		if w := r.whose[row.Seq]; w.stop.thief {
			k.thief(row, w)
		}
	}
	k.deeds()
	if len(l.logouts) > 0 {
		could[sessionwarden.WatcherLoggedOut] = true
	}
	return could
}

// knowing works out what could be known of a thief.
type knowing struct {
	l         *Life
	a         sessionwarden.Account
	o         Options
	r         *record
	could     map[sessionwarden.Rule]bool
	begins    time.Time
	countries []sessionwarden.Country // of the owner, before the thief came
	networks  []uint32
	devices   []string
	strange   []time.Time // when a session of the thief's came that is not like the owner's
}

func (k *knowing) owner() {
	for _, row := range k.r.rows {
		if k.r.whose[row.Seq].stop.thief || row.FirstSeen.After(k.begins) && k.begins.After(start) {
			continue
		}
		k.countries = append(k.countries, row.Location.Country)
		k.networks = append(k.networks, row.Location.ASN)
		k.devices = append(k.devices, row.Device)
	}
}

// thief notes what one row of the thief's shows.
func (k *knowing) thief(row sessionwarden.Sighting, w whose) {
	country, placed := row.Location.Country, row.Location.Placed()
	foreign := placed && !slices.Contains(k.countries, country)
	network := row.Location.ASN != 0 && !slices.Contains(k.networks, row.Location.ASN)
	device := !slices.Contains(k.devices, row.Device)
	says := row.ServiceCountry
	expected := k.a.Expects(country) || says != "" && k.a.Expects(says)
	taken := !k.l.visits[w.visit].stops[0].thief
	learned := row.FirstSeen.Sub(start) >= k.a.LearnFor
	if odd := row.Location.Kind() != "" || !placed || taken; odd || learned && (foreign || network) {
		k.strange = append(k.strange, row.FirstSeen)
	}

	k.note(sessionwarden.UnexpectedCountry, len(k.a.Expected) > 0 && placed && !expected)
	k.note(sessionwarden.UnknownCountry, !placed)
	k.note(sessionwarden.LocationMismatch, placed && says != "" && says != country)
	k.note(sessionwarden.HostingNetwork, row.Location.Network == sessionwarden.Hosting)
	k.note(sessionwarden.TorNetwork, row.Location.Tor)
	k.note(sessionwarden.VPNNetwork, row.Location.VPN)
	k.note(sessionwarden.ShortLived, row.Late)
	if taken {
		k.note(sessionwarden.SessionMoved, foreign || network && device)
		k.note(sessionwarden.SessionRoamed, !foreign && network != device)
	}
	if row.Baseline {
		return
	}
	both := foreign && (network || row.Location.ASN == 0)
	k.note(sessionwarden.Stranger, both && learned)
	k.note(sessionwarden.NewCountry, foreign && !(both && learned))
	k.note(sessionwarden.NewNetwork, network && !(both && learned))
	k.note(sessionwarden.NewDevice, device)
	k.journeys(row)
}

// journeys notes whether the owner was used elsewhere too short before.
func (k *knowing) journeys(row sessionwarden.Sighting) {
	tells := func(s sessionwarden.Location) bool {
		return s.Placed() && s.Network == sessionwarden.UnknownNetwork && !s.Tor && !s.VPN
	}
	if !tells(row.Location) {
		return
	}
	at := k.r.whose[row.Seq].stop.at
	for i := range k.l.visits {
		v := &k.l.visits[i]
		for n, s := range v.stops {
			shows := n == 0 || !k.l.silent || s.where.addr != v.stops[n-1].where.addr
			if s.thief || !shows || s.at.After(at) || !tells(s.where.loc) || s.where.loc.Country == row.Location.Country {
				continue
			}
			km, known := k.o.Distance(s.where.loc.Country, row.Location.Country)
			need := time.Duration(km/float64(k.a.MaxSpeed)*float64(time.Hour)) + 30*time.Minute
			if !known || km < 300 || at.Sub(s.at) >= need {
				continue
			}
			other := v.agent != k.l.visits[k.r.whose[row.Seq].visit].agent && v.out.After(row.FirstSeen)
			k.note(sessionwarden.ConcurrentCountries, other)
			k.note(sessionwarden.ImpossibleTravel, !other)
		}
	}
}

// deeds notes what the thief did to the account.
func (k *knowing) deeds() {
	spent := sessionwarden.Cents(0)
	for _, d := range k.r.deeds {
		if !d.thief {
			continue
		}
		spent += d.cents
		tells := d.rule != sessionwarden.BalanceDrop || spent >= 500_00
		k.note(d.rule, tells)
		for _, at := range k.strange {
			k.note(sessionwarden.Takeover, tells && d.seen.Sub(at).Abs() <= k.a.TakeoverWithin)
		}
	}
}

func (k *knowing) note(rule sessionwarden.Rule, could bool) {
	if could {
		k.could[rule] = true
	}
}

// Rules returns the rules that found the thief, in the contract's order.
func (p *Played) Rules() (rules []sessionwarden.Rule) {
	for _, info := range sessionwarden.Rules() {
		if slices.ContainsFunc(p.Found, func(f Found) bool { return f.Thief && f.Rule == info.Rule }) {
			rules = append(rules, info.Rule)
		}
	}
	return rules
}

// Sign is what a rule rests on.
type Sign string

// signs are what each rule rests on. Two rules that rest on the same would be
// wrong together. stranger speaks for two: place and network. Each of the
// account's facts is one of its own. takeover rests on what other rules found, and
// is none.
var signs = map[sessionwarden.Rule]Sign{
	sessionwarden.UnexpectedCountry: "place", sessionwarden.UnknownCountry: "place", sessionwarden.LocationMismatch: "service's word",
	sessionwarden.NewCountry: "place", sessionwarden.NewNetwork: "network",
	sessionwarden.HostingNetwork: "kind of network", sessionwarden.TorNetwork: "kind of network", sessionwarden.VPNNetwork: "kind of network",
	sessionwarden.NewDevice: "device", sessionwarden.SessionMoved: "movement", sessionwarden.SessionRoamed: "movement",
	sessionwarden.ImpossibleTravel: "journey", sessionwarden.ConcurrentCountries: "journey",
	sessionwarden.ShortLived: "shortness", sessionwarden.Respawned: "return", sessionwarden.ManySessions: "number",
	sessionwarden.DormantReturn: "pause", sessionwarden.OddHours: "hour", sessionwarden.WatcherLoggedOut: "our own session",
}

// Signs returns how many signs found the thief that rest on different things.
func (p *Played) Signs() int {
	seen := make(map[Sign]bool)
	for _, r := range p.Rules() {
		switch sign, ok := signs[r]; {
		case r == sessionwarden.Stranger:
			seen["place"], seen["network"] = true, true
		case ok:
			seen[sign] = true
		case r != sessionwarden.Takeover:
			seen[Sign(r)] = true
		}
	}
	return len(seen)
}

// First returns how long after the thief's first use something was found of him
// with at least a response; false where nothing was.
func (p *Played) First(response sessionwarden.Response) (time.Duration, bool) {
	for _, f := range p.Found {
		if f.Thief && f.Response >= response && !f.Time.Before(p.begins) {
			return f.Time.Sub(p.begins), true
		}
	}
	return 0, false
}

// EndedAfter returns how long after his first use a thief was first
// disconnected; false where he was not.
func (p *Played) EndedAfter() (time.Duration, bool) {
	for _, e := range p.Ended {
		if e.Thief {
			return e.At.Sub(p.begins), true
		}
	}
	return 0, false
}

// InTime reports whether people were told before the thief changed anything, or
// he never did.
func (p *Played) InTime() bool {
	told, ok := p.First(sessionwarden.Notify)
	return ok && (p.changed.IsZero() || p.begins.Add(told).Before(p.changed))
}

// Alarms returns the findings about the owner at alert or above, and how many
// incidents they make: what is found within an hour of another is one.
func (p *Played) Alarms() (found []Found, incidents int) {
	var last time.Time
	for _, f := range p.Found {
		if f.Thief || f.Response < sessionwarden.Notify {
			continue
		}
		if last.IsZero() || f.Time.Sub(last) >= sessionwarden.IncidentQuiet {
			incidents++
		}
		last = f.Time
		found = append(found, f)
	}
	return found, incidents
}

// OwnersEnded returns how often the owner was disconnected.
func (p *Played) OwnersEnded() (n int) {
	for _, e := range p.Ended {
		if !e.Thief {
			n++
		}
	}
	return n
}

// Score is what a rule is worth over a set of lives.
type Score struct {
	Rule       sessionwarden.Rule
	True       int // findings about a thief
	False      int // about an owner
	FalseLoud  int // of these at alert or above
	Attacks    int // attacks that the rule could know of
	Caught     int // of these it found
	Responses  []sessionwarden.Response
	MissedName []string
}

// Scores returns the score of each rule, in the contract's order.
func Scores(played []Played) (scores []Score) {
	for _, info := range sessionwarden.Rules() {
		s := Score{Rule: info.Rule}
		for i := range played {
			s.add(&played[i])
		}
		slices.Sort(s.Responses)
		scores = append(scores, s)
	}
	return scores
}

func (s *Score) add(p *Played) {
	caught := false
	for _, f := range p.Found {
		if f.Rule != s.Rule {
			continue
		}
		if !slices.Contains(s.Responses, f.Response) {
			s.Responses = append(s.Responses, f.Response)
		}
		switch {
		case f.Thief:
			s.True++
			caught = true
		default:
			s.False++
			if f.Response >= sessionwarden.Notify {
				s.FalseLoud++
			}
		}
	}
	if !p.could[s.Rule] {
		return
	}
	s.Attacks++
	if caught {
		s.Caught++
	} else {
		s.MissedName = append(s.MissedName, p.Life.Name)
	}
}
