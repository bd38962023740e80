package main

import (
	"strings"
	"time"

	"sessionwarden"
	"sessionwarden/alert"
	"sessionwarden/mannco/manncotest"
)

// On the judgement: what he does to the learning, the incidents, the heightened
// watch, the trusts with an end and the watch over the account itself.
func attacksOnTheJudgement() []attack {
	return []attack{
		{"learning_period_used", "comes on the first day, while the account is still learned, where nobody wrote down a country, and stays to be learned",
			"nothing but the changes that he makes: what is new is only written down then, and after a day he counts as known. That is what a learning period costs; where the countries are named he is ended on the first day", func(d *duel) {
				d.slowly()
				d.defaults = d.defaults[1:] // no country is named
				d.begin()
				himself := d.comes(thief, farAddr, iphone)
				d.pass(26 * time.Hour)
				if _, knows := d.history("main").Profile.Countries["VN"]; !knows || !d.alive(himself) || !d.found(sessionwarden.NewCountry, himself) {
					d.t.Errorf("session %s is %s; known: %t", himself, d.describe(himself), knows)
				}
				d.service.Change("main", func(f *manncotest.Facts) { f.TradeURL = "https://steamcommunity.example/?partner=666&token=thief" })
				d.pass(2 * time.Minute)
				d.wantTelling("The trade URL was changed")
				d.defaults = append([]string{`expected_countries = ["DE"]`}, d.defaults...)
				d.reload()
				d.pass(d.twoPolls())
				d.wantGone(himself)
				d.stillProtected()
			}},
		{"hidden_in_an_incident", "sends 150 decoys into an incident, so that his own session is one of many in its message, and comes in the middle of them",
			"who came just now stands first in the message and in one that is sent anew; whoever is not shown is ended all the same, and the incident holds him", func(d *duel) {
				d.defaults = append(d.defaults, "max_disconnects_strangers = 500")
				d.flood = true
				d.begin()
				himself := ""
				for i := range 150 {
					if i == 75 {
						himself = d.comes(thief, otherAddr, iphone)
					}
					d.comes(decoy, far(i), chrome)
					d.pass(2 * time.Second)
				}
				d.pass(d.twoPolls())
				d.wantGone(himself)
				if list := d.incidents(); len(list) != 1 || list[0].Severity != sessionwarden.Critical {
					d.t.Errorf("%d incidents", len(list))
				}
				d.stillProtected()
			}},
		{"hidden_behind_changes", "changes the account's name every 20 seconds after he came, so that the message has no room left for his own session",
			"what is changed is one item of the message, with how it was and how it is; his session stays in it, ended and proven gone", func(d *duel) {
				d.begin()
				himself := d.comes(thief, farAddr, chrome)
				d.pass(time.Minute)
				for i := range 2 * sessionwarden.MaxAlertItems {
					d.service.Change("main", func(f *manncotest.Facts) { f.Name = "Eve " + strings.Repeat("I", i+1) })
					d.pass(20 * time.Second)
				}
				d.wantGone(himself)
				for _, a := range d.alerts() {
					if a.Kind != sessionwarden.Intrusion {
						continue
					}
					title, changes := alert.Headline(a), 0
					for _, item := range a.Items {
						if !item.AboutSession() {
							changes += len(item.Findings)
						}
					}
					if len(a.Items) != 2 || a.More != 0 || changes != 2 || !strings.Contains(title, "suspicious session") || !strings.Contains(title, "verified gone") {
						d.t.Errorf("%q shows %d items with %d changes, and leaves %d out", title, len(a.Items), changes, a.More)
					}
				}
				d.stillProtected()
			}},
		{"heightened_watch_exhausts_the_limit", "keeps the heightened watch on with a decoy every ten minutes, so that our own looks use up the service's limit, and spends what is left of it",
			"the looks stay far below the limit, there are none while the service refuses, and a disconnection has a budget of its own", func(d *duel) {
				d.slowly()
				d.begin()
				for i := range 12 {
					d.comes(decoy, far(i), chrome)
					d.pass(9 * time.Minute)
					d.service.Exhaust("main", manncotest.RouteList)
					d.pass(time.Minute)
				}
				before := d.service.Count("main", manncotest.RouteList)
				d.comes(decoy, far(12), chrome)
				d.pass(10 * time.Minute)
				if n := d.service.Count("main", manncotest.RouteList) - before; n > 10*60 {
					d.t.Errorf("%d lists within ten minutes", n)
				}
				d.service.Exhaust("main", manncotest.RouteList)
				himself := d.comes(thief, otherAddr, iphone)
				d.pass(2 * time.Minute)
				d.wantGone(himself)
				d.stillProtected()
			}},
		{"end_of_a_trust_waited_for", "signs in from the country that the owner trusts for a trip, and sits there until the trip is over and after",
			"a trust teaches nothing: the moment it ends, what is signed in is judged anew", func(d *duel) {
				d.defaults = append(d.defaults, seldom)
				d.begin()
				trip := sessionwarden.Trust{Account: "main", Country: "VN", Until: d.now().Add(48 * time.Hour), Note: "trip"}
				if _, err := d.app.monitor.AddTrust(d.t.Context(), trip, 0); err != nil {
					d.t.Fatal(err)
				}
				himself := d.comes(thief, farAddr, iphone)
				d.pass(47 * time.Hour)
				if !d.alive(himself) {
					d.t.Errorf("session %s is %s while the country is trusted", himself, d.describe(himself))
				}
				if _, knows := d.history("main").Profile.Countries["VN"]; knows {
					d.t.Error("the profile has learned the trusted country")
				}
				d.pass(time.Hour + d.twoPolls())
				d.wantGone(himself)
				d.stillProtected()
			}},
		{"only_the_account_changes", "signs in nowhere that anybody sees (with the API key), and changes two-factor authentication, trade URL and payout mail",
			"no session is to be ended for it; each change is told within a minute, before and after, in one message", func(d *duel) {
				d.begin()
				d.service.Change("main", func(f *manncotest.Facts) {
					f.TwoFactor, f.PayoutMail = false, "cashout@example.net"
					f.TradeURL = "https://steamcommunity.example/?partner=666&token=thief"
				})
				d.pass(time.Minute + d.twoPolls())
				d.wantTelling("Two-factor authentication was on and is off")
				d.wantTelling("The trade URL was changed from")
				d.wantTelling("The payout mail was changed from")
				if n := d.newMessages(); n != 1 {
					d.t.Errorf("%d messages", n)
				}
				d.stillProtected()
			}},
	}
}
