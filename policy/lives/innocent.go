package lives

import (
	"fmt"
	"time"

	"sessionwarden"
)

// innocent are the lives without a thief.
var innocent = []script{
	{"home", "A computer at home and a phone on the way, nothing else.", func(l *Life) { l.usual() }},
	{"trains", "A phone on trains, between two carriers, the train's Wi-Fi and home; the location data knows towns.", func(l *Life) {
		l.lives(habit{agent: chromeWindows, from: -9, at: []place{in(homeDE, hamburg)}})
		l.lives(habit{agent: safariIPhone, from: -5, at: []place{in(homeDE, hamburg)}, early: 18, late: 22,
			away: []place{in(mobileDE, frankfurt), in(mobileDE2, kassel), in(trainDE, berlin), in(host(mobileDE, 4), hamburg)}})
	}},
	{"towns", "A phone whose carrier's addresses lie in three towns, by exact location data.", func(l *Life) {
		l.silent = false
		l.lives(habit{agent: firefoxWindows, from: -9, at: []place{in(homeDE, munich)}})
		l.lives(habit{agent: chromeAndroid, from: -5, at: []place{in(homeDE, munich)}, early: 18, late: 22, renews: 9,
			away: []place{in(mobileDE, hamburg), in(host(mobileDE, 4), berlin), in(host(mobileDE, 5), munich)}})
	}},
	{"ipv6", "A new IPv6 address every day in the same /64, and a new /64 of the carrier every few days.", func(l *Life) {
		var home, mobile []place
		for n := range uint16(40) {
			home, mobile = append(home, six(homeDE, 1, n+1)), append(mobile, six(mobileDE, n, 1))
		}
		l.lives(habit{agent: chromeWindows, from: -9, at: home})
		l.lives(habit{agent: chromeAndroid, from: -5, at: home, away: mobile, early: 18, late: 22})
	}},
	{"browser", "New versions of the same browser, in the middle of sessions.", func(l *Life) {
		l.usual()
		for i := range l.visits {
			for k := range l.visits[i].stops {
				if l.visits[i].agent == chromeWindows && k%3 > 0 {
					l.visits[i].stops[k].agent = chromeWindows2
				}
			}
		}
	}},
	{"new phone", "A new phone of another make after four weeks.", func(l *Life) {
		l.lives(habit{agent: chromeWindows, from: -9, at: []place{homeDE}})
		l.lives(habit{agent: chromeAndroid, from: -5, to: 28, at: []place{homeDE}, away: []place{mobileDE}, early: 18, late: 22})
		l.lives(habit{agent: safariIPhone, from: 28, at: []place{homeDE}, away: []place{mobileDE}, early: 18, late: 22})
	}},
	{"new computer", "A new computer with another system after four weeks.", func(l *Life) {
		l.lives(habit{agent: chromeWindows, from: -9, to: 28, at: []place{homeDE}})
		l.lives(habit{agent: firefoxLinux, from: 28, at: []place{homeDE}})
		l.lives(habit{agent: chromeAndroid, from: -5, at: []place{homeDE}, away: []place{mobileDE}, early: 18, late: 22})
	}},
	{"moves house", "Another town and another provider after four weeks.", func(l *Life) {
		for _, h := range []struct {
			from, to int
			at       place
		}{{-9, 28, in(homeDE, hamburg)}, {29, 0, in(homeDE2, munich)}} {
			l.lives(habit{agent: chromeWindows, from: h.from, to: h.to, at: []place{h.at}})
			l.lives(habit{agent: chromeAndroid, from: h.from + 1, to: h.to, at: []place{h.at}, away: []place{mobileDE}, early: 18, late: 22})
		}
	}},
	{"holiday", "Two weeks in Spain with the phone; the computer stays signed in at home.", func(l *Life) {
		l.goes(26, 40, false, hotelES, mobileES)
		l.usual()
	}},
	{"holiday, signed out", "Two weeks in Japan; everything is signed out before, and signed in anew there.", func(l *Life) {
		l.goes(26, 40, true, hotelJP)
		for _, h := range [][2]int{{-9, 26}, {26, 40}, {40, 0}} {
			l.lives(habit{agent: safariMac, from: h[0], to: h[1], at: []place{homeDE}, dies: true})
			l.lives(habit{agent: safariIPhone, from: h[0] + 1, to: h[1], at: []place{homeDE}, away: []place{mobileDE}, early: 18, late: 22, dies: true})
		}
	}},
	{"holiday, trusted", "Two weeks in Spain, said before with trust add.", func(l *Life) {
		l.Trusts = []sessionwarden.Trust{{Country: "ES", Created: l.at(25, 20, 0), Until: l.at(41, 23, 0), Note: "holiday"}}
		l.goes(26, 40, false, hotelES, mobileES)
		l.usual()
	}},
	{"commuter", "Lives in Germany, works in Austria from Monday to Thursday.", func(l *Life) {
		l.Home = []sessionwarden.Country{"DE", "AT"}
		for d := -14; d < 60; d += 7 {
			l.goes(d, d+3, true, officeAT, homeAT)
			l.trips[len(l.trips)-1].from = l.at(d, 8, 0) // a short way
		}
		l.usual()
	}},
	{"five countries", "Business in five countries within six weeks, with computer and phone.", func(l *Life) {
		for i, hotel := range []place{hotelFR, hotelGB, hotelIT, hotelPL, hotelUS} {
			l.goes(17+7*i, 20+7*i, true, hotel)
		}
		l.usual()
	}},
	{"vpn", "A VPN on the same computer, switched on every third evening, in a hosting network of his country.", func(l *Life) {
		l.lives(habit{agent: chromeWindows, from: -9, at: []place{homeDE, homeDE, vpnDE}})
		l.lives(habit{agent: chromeAndroid, from: -5, at: []place{homeDE}, away: []place{mobileDE}, early: 18, late: 22})
	}},
	{"vpn, abroad", "Now and then a VPN with an exit in Sweden, found out after three weeks.", func(l *Life) {
		l.lives(habit{agent: chromeWindows, from: -9, at: []place{homeDE}})
		l.lives(habit{agent: edgeWindows, from: 22, at: []place{vpnSE}, share: 0.3})
	}},
	{"company", "A work network of one ASN that leaves in three countries.", func(l *Life) {
		work := []place{officeDE, abroad(officeDE, 11, "NL"), abroad(officeDE, 12, "GB")}
		l.lives(habit{agent: edgeWindows, from: -9, at: work, early: 9, late: 17})
		l.lives(habit{agent: chromeAndroid, from: -5, at: []place{homeDE}, away: []place{mobileDE}, early: 18, late: 22})
	}},
	{"satellite", "Lives on satellite internet; his phone has a carrier.", func(l *Life) {
		l.lives(habit{agent: chromeWindows, from: -9, at: []place{skyDE, skyUS}})
		l.lives(habit{agent: chromeAndroid, from: -5, at: []place{skyDE}, away: []place{mobileDE}, early: 18, late: 22})
	}},
	{"moving data", "The location data moves his home to Austria and back, as it is renewed.", func(l *Life) {
		l.lives(habit{agent: chromeWindows, from: -9, to: 20, at: []place{homeDE}, renews: 7})
		l.lives(habit{agent: chromeWindows, from: 20, to: 34, at: []place{called(moved(homeDE, "AT"), "DE")}, renews: 7})
		l.lives(habit{agent: chromeWindows, from: 34, at: []place{homeDE}, renews: 7})
		l.lives(habit{agent: chromeAndroid, from: -5, at: []place{host(mobileDE, 3)}, early: 8, late: 22})
	}},
	{"other name", "The service puts some addresses of his carrier into Poland.", func(l *Life) {
		l.lives(habit{agent: chromeWindows, from: -9, at: []place{homeDE}})
		l.lives(habit{agent: chromeAndroid, from: -5, at: []place{homeDE}, away: []place{mobileDE, called(host(mobileDE, 9), "PL")}, early: 18, late: 22})
	}},
	{"night owl", "Up at any hour, mostly at night.", func(l *Life) {
		l.lives(habit{agent: chromeWindows, from: -9, at: []place{homeDE}, early: 0, late: 6, renews: 9})
		l.lives(habit{agent: chromeAndroid, from: -5, at: []place{homeDE}, away: []place{mobileDE}, early: 14, late: 23, renews: 9})
	}},
	{"summer time", "Always signs in at the same time of the day, when the clocks change as well.", func(l *Life) {
		l.lives(habit{agent: chromeWindows, from: -9, at: []place{homeDE}, early: 19, late: 20, renews: 3})
		l.lives(habit{agent: chromeAndroid, from: -5, at: []place{homeDE}, early: 20, late: 21, renews: 3})
	}},
	{"back after a pause", "Sixty days without a look at the account, then as before.", func(l *Life) {
		l.lives(habit{agent: chromeWindows, from: -9, to: 24, at: []place{homeDE}})
		l.lives(habit{agent: chromeAndroid, from: -5, to: 24, at: []place{homeDE}, away: []place{mobileDE}, early: 18, late: 22})
		l.end = l.at(100, 0, 0)
		l.lives(habit{agent: chromeWindows, from: 84, at: []place{homeDE}})
		l.lives(habit{agent: chromeAndroid, from: 85, at: []place{homeDE}, away: []place{mobileDE}, early: 18, late: 22})
	}},
	{"many devices", "Six devices of one owner at home and at work.", func(l *Life) {
		for i, agent := range []string{chromeWindows, firefoxWindows, firefoxLinux, safariMac, edgeWindows} {
			l.lives(habit{agent: agent, from: -9 + i, at: []place{homeDE, officeDE}, share: 0.4})
		}
		l.lives(habit{agent: safariIPhone, from: -5, at: []place{homeDE}, away: []place{mobileDE, cafeDE}, early: 18, late: 22})
	}},
	{"short looks", "Signs in at home for ten seconds, between two polls, and out again, every other day.", func(l *Life) {
		l.usual()
		for d := 3; d < 56; d += 2 {
			at := l.between(d, 17, 22).Truncate(time.Minute).Add(33 * time.Second)
			l.signIn(chromeWindows, stop{at: at, where: homeDE}).out = at.Add(10 * time.Second)
		}
	}},
	{"watch was down", "The watch did not run for a day; a café and the phone fell into it.", func(l *Life) {
		l.usual()
		l.down = []span{{l.at(30, 6, 0).Truncate(time.Minute), l.at(31, 6, 0).Truncate(time.Minute)}}
		at := l.at(30, 11, 0)
		l.signIn(chromeAndroid, stop{at: at, where: cafeDE}).out = at.Add(time.Hour)
	}},
	{"nothing said", "The usual life of an owner in the United States.", func(l *Life) {
		l.Home = []sessionwarden.Country{"US"}
		l.lives(habit{agent: safariMac, from: -9, at: []place{homeUS}})
		l.lives(habit{agent: safariIPhone, from: -5, at: []place{homeUS}, early: 7, late: 23})
	}},
	{"family", "Three people share the account, in two homes and at work.", func(l *Life) {
		l.lives(habit{agent: chromeWindows, from: -9, at: []place{homeDE}})
		l.lives(habit{agent: safariIPhone, from: -8, at: []place{homeDE}, away: []place{mobileDE}, early: 16, late: 22})
		l.lives(habit{agent: firefoxWindows, from: -7, at: []place{homeDE2}, early: 10, late: 22})
		l.lives(habit{agent: chromeAndroid, from: -6, at: []place{homeDE2}, away: []place{mobileDE2, officeDE}, early: 18, late: 23})
	}},
	{"days old", "An account that was made on the day that the watch began.", func(l *Life) {
		l.end = l.at(9, 0, 0)
		l.lives(habit{agent: chromeWindows, from: 0, at: []place{homeDE}})
		l.lives(habit{agent: chromeAndroid, from: 1, at: []place{homeDE}, away: []place{mobileDE, cafeDE}, early: 18, late: 22})
	}},
	{"own changes", "Its owner gives himself another trade URL and another name, at home.", func(l *Life) {
		l.usual()
		at := l.between(33, 18, 21)
		v := l.signIn(chromeWindows, stop{at: at, where: homeDE})
		v.deeds = []deed{tradeURL(4*time.Minute, "anna2"), name(9*time.Minute, "Anna B")}
	}},
	{"spends", "Its owner spends half of the balance in ten steps of an afternoon.", func(l *Life) {
		l.usual()
		v := l.signIn(chromeWindows, stop{at: l.between(33, 14, 15), where: homeDE})
		for i := range 10 {
			v.deeds = append(v.deeds, spends(time.Duration(i+1)*12*time.Minute, 125_00))
		}
	}},
	{"students' town", "Signs in anew each time, at home, in cafés and at the university, and never stays.", func(l *Life) {
		for _, agent := range []string{firefoxLinux, chromeAndroid} {
			l.lives(habit{agent: agent, from: -9, at: []place{homeDE, homeDE, cafeDE, officeDE}, early: 9, late: 23, renews: 1, dies: true})
		}
	}},
}

// abroad is another exit of the same network, in another country.
func abroad(p place, n byte, country sessionwarden.Country) place {
	return called(moved(host(p, n), country), country)
}

// moved is the same address, which the location data puts into another country.
func moved(p place, country sessionwarden.Country) place {
	p.loc.Country, p.loc.Built = country, built.AddDate(0, 1, 0)
	return p
}

// script makes a life.
type script struct {
	name, says string
	write      func(*Life)
}

func (s script) String() string { return fmt.Sprintf("%s: %s", s.name, s.says) }
