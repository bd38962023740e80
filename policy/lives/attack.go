package lives

import (
	"time"

	"sessionwarden"
)

// attacks are the lives with a thief. The owner's own life goes on beside him.
var attacks = []script{
	{"cookie abroad", "A stolen cookie of the computer is used from a home in Vietnam, with the owner's user agent.", func(l *Life) {
		l.usual()
		l.steals(chromeWindows, l.at(34, 10, 0), homeVN, tenMinutes()...)
	}},
	{"cookie at home", "A stolen cookie is used from another network of the owner's country, on another system.", func(l *Life) {
		l.usual()
		l.steals(chromeWindows, l.at(34, 10, 0), otherDE, tenMinutes()...)
		v := &l.visits[l.stolen(chromeWindows, l.at(34, 10, 0))]
		for i := range v.stops {
			if v.stops[i].thief {
				v.stops[i].agent = firefoxLinux
			}
		}
	}},
	{"cookie, same device", "A stolen cookie is used from another home of the owner's country, with the owner's user agent.", func(l *Life) {
		l.usual()
		l.steals(chromeWindows, l.at(34, 10, 0), otherDE, tenMinutes()...)
	}},
	{"hosting abroad", "A password, from a hosting network in the United States.", thief(visitor{from: hostUS, agent: chromeWindows})},
	{"residential proxy", "A password, through somebody's home in the owner's country.", thief(visitor{from: otherDE, agent: edgeWindows})},
	{"copied agent", "A password, from the owner's country with a copy of his user agent.", thief(visitor{from: otherDE, agent: chromeWindows})},
	{"same carrier", "A password, from the very carrier of the owner's phone, with another device.", thief(visitor{from: host(mobileDE, 77), agent: firefoxLinux})},
	{"tor", "A password, through Tor.", thief(visitor{from: torNL, agent: firefoxWindows})},
	{"vpn, his country", "A password, through a VPN with an exit in the owner's country.", thief(visitor{from: vpnDE, agent: chromeWindows})},
	{"vpn, another country", "A password, through a VPN that is in no hosting network, in Sweden.", thief(visitor{from: vpnSE, agent: chromeWindows})},
	{"through a satellite", "A password, through a satellite.", thief(visitor{from: skyUS, agent: chromeAndroid})},
	{"private address", "A password; the service lists a private address.", thief(visitor{from: inside, agent: chromeWindows})},
	{"unknown address", "A password, from an address of which the location data knows nothing.", thief(visitor{from: nowhere, agent: chromeWindows})},
	{"disputed place", "A password, from an address that we place at home and the service in Ukraine.", thief(visitor{from: called(otherDE, "UA"), agent: chromeWindows})},
	{"between two polls", "Signs in for fifteen seconds between two polls, three times, and changes one thing each time.", func(l *Life) {
		l.usual()
		for i, d := range []deed{turnOff(8 * time.Second), tradeURL(8*time.Second, "thief"), payout(8 * time.Second)} {
			at := l.at(34, 11, 10*i).Truncate(time.Minute).Add(2 * time.Second)
			v := l.signIn(chromeWindows, stop{at: at, where: hostNL, thief: true})
			v.out, v.deeds = at.Add(15*time.Second), []deed{d}
		}
	}},
	{"beside the owner", "From Brazil with another device, while the owner uses his computer at home.", func(l *Life) {
		l.usual()
		at := l.at(34, 19, 0)
		l.uses(chromeWindows, at.Add(-7*time.Minute))
		l.comes(visitor{from: homeBR, agent: safariMac, at: at, deeds: tenMinutes()})
	}},
	{"after the flight", "Three hours after the owner has landed in Spain, from Indonesia.", func(l *Life) {
		l.goes(30, 40, false, hotelES)
		l.usual()
		l.comes(visitor{from: homeID, agent: chromeAndroid, at: l.at(30, 23, 0), deeds: tenMinutes()})
	}},
	{"at four", "At four in the night, from the owner's country with his user agent.", func(l *Life) {
		l.usual()
		l.could(sessionwarden.OddHours)
		l.comes(visitor{from: otherDE, agent: chromeWindows, at: l.at(36, 4, 0), deeds: tenMinutes()})
	}},
	{"comes back", "From a hosting network abroad, and again from its next address each time that he is disconnected.", thief(visitor{
		from: hostUS, agent: chromeWindows, after: 4 * time.Minute, returns: []place{host(hostUS, 1), host(hostUS, 2), host(hostUS, 3)},
	})},
	{"comes back otherwise", "From Vietnam, and when he is disconnected from Brazil and from a VPN.", thief(visitor{
		from: homeVN, agent: chromeAndroid, after: 10 * time.Minute, returns: []place{homeBR, vpnSE},
	})},
	{"decoys first", "Six decoy sign-ins from six networks, then the real one.", func(l *Life) {
		l.usual()
		l.could(sessionwarden.ManySessions)
		for i, p := range []place{homeVN, homeBR, homeID, homeUA, hostSG, hostNL} {
			l.comes(visitor{from: p, agent: otherAgent(i), at: l.at(34, 10, i), stays: time.Hour})
		}
		l.comes(visitor{from: hostUS, agent: chromeWindows, at: l.at(34, 10, 9), deeds: tenMinutes()})
	}},
	{"waits", "From a home in the Netherlands; he does nothing for twenty days, and then everything.", func(l *Life) {
		l.usual()
		l.comes(visitor{from: homeNL, agent: chromeWindows, at: l.at(20, 18, 30), stays: 25 * day, looks: 20, deeds: shift(tenMinutes(), 20*day)})
	}},
	{"waits at home", "From a home in the owner's country, with his user agent; he does nothing for twenty days, and then everything.", func(l *Life) {
		l.usual()
		l.comes(visitor{from: otherDE, agent: chromeWindows, at: l.at(20, 18, 30), stays: 25 * day, looks: 20, deeds: shift(tenMinutes(), 20*day)})
	}},
	{"while learning", "On the fourth day of the watch, from Ukraine.", func(l *Life) {
		l.usual()
		l.comes(visitor{from: homeUA, agent: chromeWindows, at: l.at(3, 11, 0), deeds: tenMinutes()})
	}},
	{"dormant account", "From the owner's country, after sixty days in which nobody used the account.", func(l *Life) {
		l.end = l.at(100, 0, 0)
		l.could(sessionwarden.DormantReturn)
		l.lives(habit{agent: chromeWindows, from: -9, to: 24, at: []place{homeDE}})
		l.lives(habit{agent: chromeAndroid, from: -5, to: 24, at: []place{homeDE}, away: []place{mobileDE}, early: 18, late: 22})
		l.comes(visitor{from: otherDE, agent: chromeWindows, at: l.at(84, 19, 0), deeds: tenMinutes()})
	}},
	{"there before us", "From a home in Ukraine, signed in before the watch began; he acts on the thirtieth day.", func(l *Life) {
		l.usual()
		l.comes(visitor{from: homeUA, agent: chromeWindows, at: l.at(-1, 11, 0), stays: 29 * day, looks: 20, deeds: shift(tenMinutes(), 28*day), returns: []place{homeUA}, after: 20 * time.Minute})
	}},
	{"api key", "With an API key, from a hosting network; each sign-in lasts ten seconds.", func(l *Life) {
		l.usual()
		for i, d := range []deed{contact(5 * time.Second), tradeURL(5*time.Second, "thief"), spends(5*time.Second, 1900_00)} {
			at := l.at(34, 9, 5*i).Truncate(time.Minute).Add(12 * time.Second)
			v := l.signIn(pythonScript, stop{at: at, where: hostSG, thief: true})
			v.out, v.deeds = at.Add(10*time.Second), []deed{d}
		}
	}},
	{"many sessions", "Forty sign-ins within half an hour, from three homes.", func(l *Life) {
		l.usual()
		l.could(sessionwarden.ManySessions)
		for i := range 40 {
			l.comes(visitor{from: host([]place{homeVN, homeBR, homeUA}[i%3], byte(100+i)), agent: otherAgent(i), at: l.at(34, 10, 0).Add(time.Duration(i) * 45 * time.Second), stays: 2 * time.Hour})
		}
		l.visits[len(l.visits)-1].deeds = tenMinutes()
	}},
	{"ends our session", "From the owner's country; he signs everybody out again and again, us too.", func(l *Life) {
		l.usual()
		for i := range 5 {
			l.logouts = append(l.logouts, l.at(34, 10, 1+2*i).Truncate(time.Minute))
		}
		l.comes(visitor{from: otherDE, agent: chromeWindows, at: l.at(34, 10, 0), deeds: tenMinutes()})
	}},
	{"only facts", "From the owner's own provider, with his user agent: nothing but what he changes tells.", thief(visitor{from: host(homeDE, 200), agent: chromeWindows, deeds: []deed{
		turnOff(2 * time.Minute), contact(4 * time.Minute), payout(5 * time.Minute), tradeURL(7*time.Minute, "thief"), discord(8 * time.Minute), name(9*time.Minute, "Eve"),
	}})},
	{"small steps", "From another network of the owner's country; he takes the balance in steps of forty.", func(l *Life) {
		l.usual()
		v := visitor{from: otherDE, agent: edgeWindows, at: l.at(34, 10, 0), stays: 90 * time.Minute}
		for i := range 30 {
			v.deeds = append(v.deeds, spends(time.Duration(i+2)*2*time.Minute, 40_00))
		}
		v.deeds = append(v.deeds, review(75*time.Minute))
		l.comes(v)
	}},
}

// visitor is a thief who signs in.
type visitor struct {
	from    place
	agent   string
	at      time.Time
	stays   time.Duration // 0: twelve minutes
	looks   int           // on how many days after it he uses the session again
	deeds   []deed
	returns []place
	after   time.Duration
}

// thief is a life of the usual kind with one who comes on its thirty-fifth day.
func thief(v visitor) func(*Life) {
	return func(l *Life) {
		l.usual()
		w := v
		w.at = l.between(34, 9, 21)
		if len(w.deeds) == 0 {
			w.deeds = tenMinutes()
		}
		l.comes(w)
	}
}

// comes lets a thief sign in.
func (l *Life) comes(v visitor) {
	if v.stays == 0 {
		v.stays = 12 * time.Minute
	}
	v.at = l.soon(v.at)
	stops := []stop{{at: v.at, where: v.from, thief: true}}
	for d := range v.looks {
		stops = append(stops, stop{at: v.at.Add(time.Duration(d+1)*day + time.Duration(l.random.IntN(120))*time.Minute), where: v.from, thief: true})
	}
	in := l.signIn(v.agent, stops...)
	in.out, in.deeds, in.returns, in.after = v.at.Add(v.stays), v.deeds, v.returns, v.after
}

// steals lets a thief use the owner's session of a device for twelve minutes.
func (l *Life) steals(agent string, at time.Time, from place, deeds ...deed) {
	v := &l.visits[l.stolen(agent, at)]
	at = l.soon(at)
	i := 0
	for i < len(v.stops) && v.stops[i].at.Before(at) {
		i++
	}
	taken := []stop{{at: at, where: from, thief: true}, {at: at.Add(6 * time.Minute), where: from, thief: true}, {at: at.Add(12 * time.Minute), where: v.stops[0].where}}
	v.stops = append(v.stops[:i:i], append(taken, v.stops[i:]...)...)
	v.deeds = deeds
}

// stolen is the session of a device that lives at a time.
func (l *Life) stolen(agent string, at time.Time) int {
	found := -1
	for i := range l.visits {
		if v := &l.visits[i]; v.agent == agent && v.stops[0].at.Before(at) && v.out.After(at) {
			found = i
		}
	}
	return found
}

// uses lets the owner use the session of a device at a time.
func (l *Life) uses(agent string, at time.Time) {
	v := &l.visits[l.stolen(agent, at)]
	i := 0
	for i < len(v.stops) && v.stops[i].at.Before(at) {
		i++
	}
	v.stops = append(v.stops[:i:i], append([]stop{{at: at, where: homeDE}}, v.stops[i:]...)...)
}

func otherAgent(i int) string {
	return []string{chromeWindows, pythonScript, firefoxLinux, chromeAndroid, safariMac, edgeWindows}[i%6]
}

// tenMinutes is what a thief does.
func tenMinutes() []deed {
	return []deed{turnOff(150 * time.Second), tradeURL(4*time.Minute, "thief"), payout(5 * time.Minute), contact(6 * time.Minute), spends(9*time.Minute, 2300_00)}
}

func shift(deeds []deed, by time.Duration) []deed {
	for i := range deeds {
		deeds[i].after += by
	}
	return deeds
}

func turnOff(after time.Duration) deed {
	return deed{after: after, rule: sessionwarden.TwoFactorOff, change: func(f *sessionwarden.AccountFacts) { f.TwoFactor.Value = false }}
}

func tradeURL(after time.Duration, token string) deed {
	return deed{after: after, rule: sessionwarden.TradeURLChanged, change: func(f *sessionwarden.AccountFacts) {
		f.TradeURL.Value = "https://steamcommunity.example/tradeoffer/new/?partner=2&token=" + token
	}}
}

func payout(after time.Duration) deed {
	return deed{after: after, rule: sessionwarden.PayoutChanged, change: func(f *sessionwarden.AccountFacts) { f.Payout.Value = "cash@example.net" }}
}

func contact(after time.Duration) deed {
	return deed{after: after, rule: sessionwarden.ContactChanged, change: func(f *sessionwarden.AccountFacts) { f.Contact.Value = "eve@example.net" }}
}

func name(after time.Duration, to string) deed {
	return deed{after: after, rule: sessionwarden.NameChanged, change: func(f *sessionwarden.AccountFacts) { f.Name.Value = to }}
}

func discord(after time.Duration) deed {
	return deed{after: after, rule: sessionwarden.DiscordChanged, change: func(f *sessionwarden.AccountFacts) { f.Discord.Value = "900000000000000009" }}
}

func review(after time.Duration) deed {
	return deed{after: after, rule: sessionwarden.PaymentReview, change: func(f *sessionwarden.AccountFacts) { f.Reviews.Value++ }}
}

func spends(after time.Duration, cents sessionwarden.Cents) deed {
	return deed{after: after, rule: sessionwarden.BalanceDrop, cents: cents, change: func(*sessionwarden.AccountFacts) {}}
}
