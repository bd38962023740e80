package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"sessionwarden"
	"sessionwarden/mannco/manncotest"
)

// attacks returns all of them, in the order of the table.
func attacks() []attack {
	return slices.Concat(attacksByNumber(), attacksOnTheWatch(), attacksOnTheCall(), attacksOnTheFacts(), attacksOfPatience(), attacksOnTheJudgement())
}

// By number: decoys against the hourly limits and against our attention.
func attacksByNumber() []attack {
	return []attack{
		{"a_plain_intruder", "signs in from abroad and does nothing else: the measure for all that follows",
			"ended and proven at the next poll", func(d *duel) {
				d.begin()
				id := d.comes(thief, farAddr, iphone)
				d.pass(d.twoPolls())
				d.wantGone(id)
				d.stillProtected()
			}},
		{"decoys_of_strangers", "sends 1,000 decoys within an hour from a land that nobody expects, and comes himself when the 100 disconnections of the hour are used up",
			"past the limit he is held and told at once; when the budget returns the newest goes first, so that only another hundred decoys an hour keep his place", func(d *duel) {
				d.slowly()
				d.flood = true
				d.begin()
				himself := ""
				for i := range many(1000) {
					d.comes(decoy, far(i), chrome)
					d.pass(3600 * time.Millisecond)
					if i == 150 {
						himself = d.comes(thief, otherAddr, iphone)
						d.pass(d.twoPolls())
						d.wantHeld(himself, sessionwarden.HeldStrangers)
					}
				}
				last := d.stranger()
				d.pass(d.twoPolls())
				d.wantHeldOrGone(last) // an hour after the first, the budget returns one by one
				d.wantTold(last)
				d.pass(time.Hour)
				d.wantGone(last) // the newest goes first
				d.leave(decoy)
				d.pass(70 * time.Minute)
				d.wantGone(himself)
				d.stillProtected()
			}},
		{"decoys_with_a_tie", "sends 1,000 decoys within an hour that have a tie to the profile (the owner's country), where a rule ends them, and comes from abroad himself",
			"ten an hour are ended, the others wait for a person; strangers have a limit of their own, so he gains nothing by it", func(d *duel) {
				d.rules = []string{`hosting_network = "disconnect"`}
				d.slowly()
				d.begin()
				for i := range many(1000) {
					d.comes(decoy, fmt.Sprintf("5.9.%d.%d", 10+i/200, 1+i%200), chrome)
					d.pass(3600 * time.Millisecond)
				}
				himself := d.comes(thief, otherAddr, iphone)
				d.pass(d.twoPolls())
				d.wantGone(himself)
				d.stillProtected()
			}},
		{"decoys_all_at_once", "signs in 10,000 times within one poll, himself first of all",
			"every row that can be read is judged, the newest sessions go first; what is left is held and told in one message", func(d *duel) {
				d.slowly()
				d.flood = true
				d.begin()
				himself := d.comes(thief, otherAddr, iphone)
				for i := range many(9_999) {
					d.comes(decoy, far(i), chrome)
				}
				d.pass(d.twoPolls())
				d.wantHeldOrGone(himself)
				last := d.stranger()
				d.pass(d.twoPolls())
				d.wantHeldOrGone(last)
				d.wantTold(last)
			}},
		{"rows_of_a_mebibyte", "puts 1 MiB into the user agents of 40 sessions, himself behind them",
			"an answer is read up to 8 MiB; where that is not all of it, the list is read again in small pages", func(d *duel) {
				d.flood = true
				d.begin()
				himself := d.comes(thief, otherAddr, iphone)
				for i := range 40 {
					d.comes(decoy, far(i), strings.Repeat("A", 1<<20))
				}
				d.pass(d.twoPolls())
				d.wantGone(himself)
				d.stillProtected()
			}},
		{"rows_of_a_mebibyte_renewed", "puts 1 MiB into the user agents of twelve sessions, in new ones at each list until the disconnections of the hour are used up (20 here), and comes himself before another twelve",
			"where a page is too large to be read, the list is read again in small pages: he is seen, held and told at once", func(d *duel) {
				d.slowly()
				d.flood = true
				d.defaults = append(d.defaults, "max_disconnects_strangers = 20")
				d.begin()
				n := 0
				more := func(least int) {
					for _, s := range d.service.Live("main") {
						if s.Label == decoy {
							least--
						}
					}
					for ; least > 0; least-- {
						n++
						d.comes(decoy, far(n), strings.Repeat("A", 1<<20))
					}
				}
				d.after = each(manncotest.RouteList, func(manncotest.Call) { more(12) })
				d.pass(3 * time.Minute)
				d.after = nil
				himself := d.comes(thief, otherAddr, iphone)
				more(24)
				d.pass(d.twoPolls())
				d.wantHeld(himself, sessionwarden.HeldStrangers)
				d.stillHolds(sessionwarden.HeldStrangers)
			}},
		{"sessions_without_id", "floods the list with 1,000 sessions where the service gives no ids",
			"none can be ended by itself: each is refused, and told at once with what to do by hand", func(d *duel) {
				d.variant(manncotest.VariantRowFields, "no_id")
				d.begin()
				for i := range many(1000) {
					d.comes(decoy, far(i), chrome)
					d.pass(360 * time.Millisecond)
				}
				id := d.stranger()
				d.pass(d.twoPolls())
				d.wantTold(id)
				d.variant(manncotest.VariantRowFields, "all")
				d.pass(time.Minute)
			}},
		{"budget_burnt_on_leavers", "has 150 decoys sign out at the very moment of our call, so that each costs us a disconnection and him nothing more",
			"the same limit, the same hold, the same message", func(d *duel) {
				d.before = each(manncotest.RouteDisconnectOne, func(c manncotest.Call) { d.service.SignOut("main", number(c.Target)) })
				d.begin()
				for i := range 150 {
					d.comes(decoy, far(i), chrome)
					d.pass(polled)
				}
				d.stillProtected()
			}},
	}
}

// many is a quarter of n, which is enough for every limit to be passed, or all of
// it where the table is measured.
func many(n int) int {
	if *update {
		return n
	}
	return n / 4
}

// leave signs out all of the thief's sessions of one kind.
func (d *duel) leave(label string) {
	for _, s := range d.service.Live("main") {
		if s.Label == label {
			d.service.SignOut("main", s.ID)
		}
	}
}

// wantHeldOrGone checks that a session was dealt with as far as the hour's
// budget goes: ended, or held for the budget and told.
func (d *duel) wantHeldOrGone(id string) {
	d.t.Helper()
	a, _ := d.actionOn(id)
	if a.State != sessionwarden.Done && a.State != sessionwarden.Verified && a.Hold != sessionwarden.HeldStrangers {
		d.t.Errorf("session %s is %s", id, d.describe(id))
	}
}

// On the watch: what would blind us.
func attacksOnTheWatch() []attack {
	return []attack{
		{"our_session_ended_after_each_list", "ends our session after each list that we have read",
			"we log in again at once, also in the middle of an action", func(d *duel) {
				d.begin()
				d.after = each(manncotest.RouteList, func(manncotest.Call) { d.service.EndWatcher("main") })
				himself := d.comes(thief, farAddr, iphone)
				d.pass(time.Minute)
				d.wantGone(himself)
				d.pass(9 * time.Minute)
				d.wantTelling("ended the watch's own session")
				d.stillProtectedSoon(30 * time.Second)
			}},
		{"our_session_ended_at_each_login", "ends our session at the very moment of each login, before we have read anything",
			"while he manages that nobody can look: people are told after three polls. The first list that comes through ends him", func(d *duel) {
				d.begin()
				d.service.EndWatcher("main")
				d.after = each(manncotest.RouteLogin, func(manncotest.Call) { d.service.EndWatcher("main") })
				himself := d.comes(thief, farAddr, iphone)
				d.pass(10 * time.Minute)
				d.wantTelling("not being watched")
				d.after = nil
				d.pass(time.Minute + polled)
				d.wantGone(himself)
				d.stillProtected()
			}},
		{"our_token_hammered", "ends our session every two seconds for ten minutes",
			"six logins a minute, each at once and each with a list: he is ended with the first of them", func(d *duel) {
				d.begin()
				himself := ""
				for i := range 300 {
					d.service.EndWatcher("main")
					if i == 140 {
						himself = d.comes(thief, farAddr, iphone)
					}
					d.pass(2 * time.Second)
				}
				d.wantGone(himself)
				d.wantTelling("ended the watch's own session")
				d.stillProtectedSoon(time.Minute)
			}},
		{"our_session_ended_when_we_end_his", "ends our session each time that we have ended one of his, to pass for a fault of the service",
			"we log in again at once and go on; it is told when it happens twice", func(d *duel) {
				d.begin()
				d.after = each(manncotest.RouteDisconnectOne, func(manncotest.Call) { d.service.EndWatcher("main") })
				last := ""
				for range 20 {
					last = d.comes(thief, farAddr, iphone)
					d.pass(3 * polled)
				}
				d.wantGone(last)
				d.stillProtected()
			}},
		{"imitates_another_watch", "does what a second watch of the owner's would do: comes back at once with its user agent, and ends our session each time that his was ended",
			"nothing is held for it: he is ended each time, and people are told what it may be and what to do", func(d *duel) {
				d.begin()
				last := ""
				for range 30 {
					last = d.comes(thief, farAddr, "sessionwarden/"+version)
					d.service.EndWatcher("main")
					d.pass(2 * polled)
					if d.alive(last) {
						d.t.Fatalf("session %s lives: %s", last, d.describe(last))
					}
				}
				d.wantGone(last)
				d.wantTelling("keep ending each other's session")
				d.stillProtected()
			}},
		{"rate_limit_of_the_list_exhausted", "spends the account's whole budget for the list, as soon as a window begins",
			"each window gives one list, and the disconnection has a budget of its own: he is ended within a minute", func(d *duel) {
				d.begin()
				d.after = each(manncotest.RouteList, func(manncotest.Call) { d.service.Exhaust("main", manncotest.RouteList) })
				d.pass(polled)
				himself := d.comes(thief, farAddr, iphone)
				d.pass(2 * time.Minute)
				d.wantEndedAndTold(himself)
				d.pass(8 * time.Minute)
				d.wantTelling("not being watched")
				again := d.stranger()
				d.pass(2 * time.Minute)
				d.wantEndedAndTold(again)
				d.after = nil
				d.pass(2 * time.Minute)
				d.wantGone(again)
				d.stillProtected()
			}},
		{"both_rate_limits_exhausted_in_turn", "spends the budget for the list and that for disconnections, half a window apart, so that we never may do both",
			"where no newer list may be read, the disconnection goes by the last one, and goes first", func(d *duel) {
				d.begin()
				d.after = func(c manncotest.Call) {
					if c.Route == manncotest.RouteList || c.Route == manncotest.RouteDisconnectOne {
						d.service.Exhaust("main", c.Route)
					}
				}
				d.pass(90 * time.Second)
				d.service.Exhaust("main", manncotest.RouteDisconnectOne)
				himself := d.comes(thief, farAddr, iphone)
				d.pass(3 * time.Minute)
				d.wantEndedAndTold(himself)
				d.service.Exhaust("main", manncotest.RouteDisconnectOne)
				again := d.stranger()
				d.pass(3 * time.Minute)
				d.wantEndedAndTold(again)
				d.after = nil
				d.pass(2 * time.Minute)
				d.wantGone(again)
				d.stillProtected()
			}},
		{"rate_limit_of_disconnections_exhausted", "spends the budget for disconnections at the very begin of each window, before us, for ten minutes",
			"while he manages that nothing can be ended: people are told at once, with what to do by hand. The first call that comes through ends him", func(d *duel) {
				d.begin()
				d.fault(manncotest.Fault{Kind: manncotest.FaultRateLimited, Value: "30", Route: manncotest.RouteDisconnectOne})
				himself := d.comes(thief, farAddr, iphone)
				d.pass(d.twoPolls())
				d.wantTold(himself)
				d.pass(10 * time.Minute)
				d.service.ClearFaults()
				d.pass(30 * time.Second)
				d.wantGone(himself)
				d.stillProtected()
			}},
		{"answers_that_trickle", "makes every list take seven seconds, byte by byte",
			"a list counts from when it was read; polls that are due meanwhile are skipped, not queued", func(d *duel) {
				d.begin()
				himself := d.comes(thief, farAddr, iphone)
				d.fault(manncotest.Fault{Kind: manncotest.FaultSlowBody, Value: "7ms", Route: manncotest.RouteList})
				d.pass(time.Minute)
				d.wantGone(himself)
				d.stillProtectedSoon(time.Minute)
			}},
		{"empty_lists", "has the service list nothing at all",
			"an empty list in which even we are not is a failed poll: nobody is taken for gone, and people are told after three", func(d *duel) {
				d.begin()
				d.fault(manncotest.Fault{Kind: manncotest.FaultEmptyList})
				himself := d.comes(thief, farAddr, iphone)
				d.pass(time.Minute)
				d.wantTelling("not being watched")
				if s := d.sightings(); slices.ContainsFunc(s, func(s sessionwarden.Sighting) bool { return s.State != sessionwarden.Live }) {
					d.t.Errorf("an empty list proved somebody gone: %+v", s)
				}
				d.service.ClearFaults()
				d.pass(d.twoPolls())
				d.wantGone(himself)
				d.stillProtected()
			}},
		{"incomplete_lists", "keeps every list incomplete: it states 1,000 sessions and shows three",
			"rows that were decoded are acted on; only the proof waits for a complete list", func(d *duel) {
				d.begin()
				d.fault(manncotest.Fault{Kind: manncotest.FaultCountLies, Value: "1000"})
				himself := d.comes(thief, farAddr, iphone)
				d.pass(d.twoPolls())
				if d.alive(himself) {
					d.t.Errorf("session %s lives: %s", himself, d.describe(himself))
				}
				d.pass(time.Minute)
				d.service.ClearFaults()
				d.pass(d.twoPolls())
				d.wantGone(himself)
				d.stillProtected()
			}},
	}
}

// wantEndedAndTold checks that a session was ended and told of, where the
// attack leaves no list to prove it by.
func (d *duel) wantEndedAndTold(id string) {
	d.t.Helper()
	if d.alive(id) {
		d.t.Errorf("session %s lives: %s", id, d.describe(id))
	}
	d.wantTold(id)
}

// wantTelling checks that a message holds text.
func (d *duel) wantTelling(text string) {
	d.t.Helper()
	if !d.told(text) {
		d.t.Errorf("nobody was told that %q:\n%s", text, tail(strings.Join(d.bubble.messages(), "\n--\n"), 2<<10))
	}
}

// stillProtectedSoon is stillProtected where we are slowed: within d.
func (d *duel) stillProtectedSoon(within time.Duration) {
	d.t.Helper()
	id := d.stranger()
	d.pass(within + d.twoPolls())
	d.wantGone(id)
}

// On the call: what he does between the list and the disconnection.
func attacksOnTheCall() []attack {
	return []attack{
		{"out_at_the_moment_of_our_call", "signs out when our call comes, and in again at once, 50 times",
			"a session that is gone is gone, and the next one is another: judged, ended and told by itself", func(d *duel) {
				d.begin()
				last := ""
				d.before = each(manncotest.RouteDisconnectOne, func(c manncotest.Call) {
					if c.Target == last && d.service.SignOut("main", number(c.Target)) {
						last = ""
					}
				})
				for range 50 {
					last = d.comes(thief, farAddr, iphone)
					d.pass(polled)
				}
				d.before = nil
				d.stillProtected()
			}},
		{"out_at_the_moment_of_each_list", "signs out before each list and in again after it: no live list ever shows him",
			"the expired list shows each visit within a minute; it is over by then, and told", func(d *duel) {
				d.begin()
				current := ""
				d.before = each(manncotest.RouteList, func(c manncotest.Call) {
					if !strings.Contains(c.Query, "expire=true") && current != "" {
						d.service.SignOut("main", number(current))
						current = ""
					}
				})
				for range 120 {
					if current == "" {
						current = d.comes(thief, farAddr, iphone)
					}
					d.pass(polled)
				}
				d.before = nil
				d.wantTelling(farAddr)
				d.pass(d.twoPolls())
				d.stillProtected()
			}},
		{"moves_while_we_act", "takes a new address, network and device at each list, and is in the owner's country when our call comes",
			"it is the same session, whatever it looks like: the rule is not asked again", func(d *duel) {
				d.begin()
				himself := d.comes(thief, farAddr, iphone)
				step := 0
				d.after = each(manncotest.RouteList, func(manncotest.Call) {
					step++
					where := []string{otherAddr, "5.9.10.30", homeAddr2, farAddr2}[step%4]
					d.service.Move("main", number(himself), manncotest.SessionSpec{Address: where, UserAgent: []string{chrome, iphone}[step%2]})
				})
				d.pass(3 * polled)
				if d.alive(himself) {
					d.t.Errorf("session %s lives: %s", himself, d.describe(himself))
				}
				d.after = nil
				d.pass(d.twoPolls())
				d.stillProtected()
			}},
		{"id_used_again", "gets the id of his ended session again, 20 times",
			"an id that was absent is a new session; one that never was has moved: both are judged anew", func(d *duel) {
				d.begin()
				d.fault(manncotest.Fault{Kind: manncotest.FaultIDReuse})
				for range 20 {
					id := d.comes(thief, farAddr, iphone)
					d.pass(d.twoPolls())
					if d.alive(id) {
						d.t.Fatalf("session %s lives: %s", id, d.describe(id))
					}
				}
				d.stillProtected()
			}},
		{"id_of_a_trusted_session", "gets the id of a session that its owner had claimed, without its ever being absent from a list",
			"a claim is of one id, address and device: it is void when any of them changes", func(d *duel) {
				d.rules = []string{`unexpected_country = "ask"`}
				d.begin()
				id := d.comes(thief, farAddr, chrome)
				d.pass(d.twoPolls())
				a, _ := d.actionOn(id)
				if _, err := d.app.monitor.Deny(d.t.Context(), a.ID); err != nil {
					d.t.Fatal(err)
				}
				d.fault(manncotest.Fault{Kind: manncotest.FaultIDReuse})
				d.service.SignOut("main", number(id))
				again := d.comes(thief, otherAddr, iphone)
				if again != id {
					d.t.Fatalf("the id is %s, want %s again", again, id)
				}
				d.pass(d.twoPolls())
				d.wantGone(again) // it has moved, for all that the list shows
				d.service.ClearFaults()
				d.stillHolds(sessionwarden.HeldByAsk)
			}},
	}
}

// On the facts: rows that lie.
func attacksOnTheFacts() []attack {
	return []attack{
		{"copied_device", "copies the owner's user agent, letter by letter",
			"a user agent can raise suspicion, never lower it", func(d *duel) {
				d.begin()
				himself := d.comes(thief, farAddr, chrome)
				d.pass(d.twoPolls())
				d.wantGone(himself)
				d.stillProtected()
			}},
		{"copied_watch", "copies the watch's own user agent and signs in at the time of our login",
			"our own is the row that the service marks, or one with address and time of a login of ours; a name makes nothing own", func(d *duel) {
				d.begin()
				d.service.EndWatcher("main")
				himself := d.comes(thief, farAddr, "sessionwarden/"+version)
				d.pass(d.twoPolls())
				d.wantGone(himself)
				d.stillProtected()
			}},
		{"our_address_at_another_time", "signs in from our own address (a shared exit), an hour after our login",
			"an address alone makes nothing own", func(d *duel) {
				d.service.SetEgress(hostAddr(farAddr), "", "Provider") // the watch itself sits abroad
				d.begin()
				d.pass(time.Hour)
				himself := d.comes(thief, farAddr, iphone)
				d.pass(d.twoPolls())
				d.wantGone(himself)
				d.stillProtected()
			}},
		{"marked_as_current", "has his row marked as the caller's own",
			"two signs that contradict each other make a row untouchable, and that is told at once; when the mark goes, he does", func(d *duel) {
				d.begin()
				himself := d.comes(thief, farAddr, iphone)
				d.fault(manncotest.Fault{Kind: manncotest.FaultCurrentWrong})
				d.pass(d.twoPolls())
				d.wantTelling("contradicts our own login")
				d.service.ClearFaults()
				d.pass(d.twoPolls())
				d.wantGone(himself)
				d.stillProtected()
			}},
		{"disputed_network", "comes through a network that the service puts into the owner's country and we do not",
			"one of two witnesses says abroad: held and told at once, as the contract says", func(d *duel) {
				d.begin()
				himself := d.signInAs("main", manncotest.SessionSpec{Label: thief, Address: farAddr, Location: "DE: Berlin", UserAgent: chrome, ISP: "Provider"})
				d.pass(d.twoPolls())
				d.wantHeld(himself, sessionwarden.HeldByAsk)
				d.stillProtected()
			}},
		{"no_place", "comes from an address that nobody can place: private, or none at all",
			"unknown is not fine: held and told at once", func(d *duel) {
				d.begin()
				for _, addr := range []string{privateAddr, "100.64.3.4", "not an address"} {
					himself := d.comes(thief, addr, chrome)
					d.pass(d.twoPolls())
					d.wantHeld(himself, sessionwarden.HeldByAsk)
				}
				d.stillProtected()
			}},
		{"forged_forwarding", "claims a trusted network in a header (X-Forwarded-For), should the service write that down as it is",
			"the watch reads no headers of his; two addresses in one row are none, and no trusted one", func(d *duel) {
				d.defaults = append(d.defaults, `trusted_networks = ["91.10.20.0/24"]`)
				d.begin()
				for _, addr := range []string{"91.10.20.30, " + farAddr, farAddr + ", 91.10.20.30", "::ffff:" + farAddr} {
					himself := d.comes(thief, addr, chrome)
					d.pass(d.twoPolls())
					if a, ok := d.actionOn(himself); !ok || d.alive(himself) && a.Hold != sessionwarden.HeldByAsk {
						d.t.Errorf("%q is %s", addr, d.describe(himself))
					}
				}
				d.stillProtected()
			}},
		{"clock_games", "has the service's clock a day less an hour wrong, one way and the other",
			"an hour's or a day's error moves no conclusion", func(d *duel) {
				d.begin()
				for _, skew := range []string{"23h", "-23h"} {
					d.fault(manncotest.Fault{Kind: manncotest.FaultClockSkew, Value: skew})
					d.pass(time.Minute)
					himself := d.comes(thief, farAddr, iphone)
					d.pass(d.twoPolls())
					d.wantGone(himself)
				}
				d.stillProtected()
			}},
		{"clock_far_off", "has the service's clock three days wrong (he would have to be the service)",
			"actions are held and told while the clocks disagree; they go on afterwards", func(d *duel) {
				d.begin()
				d.fault(manncotest.Fault{Kind: manncotest.FaultClockSkew, Value: "72h"})
				d.pass(time.Minute)
				himself := d.comes(thief, farAddr, iphone)
				d.pass(d.twoPolls())
				d.wantHeld(himself, sessionwarden.HeldByClock)
				d.service.ClearFaults()
				d.pass(time.Minute)
				d.stillProtected()
			}},
	}
}

// Of patience: what takes days.
func attacksOfPatience() []attack {
	return []attack{
		{"stolen_session_travels", "takes the owner's own session abroad, and then from country to country",
			"a session that moves is judged anew", func(d *duel) {
				d.begin()
				d.service.Move("main", number(d.owner), manncotest.SessionSpec{Address: farAddr, Label: thief})
				d.pass(d.twoPolls())
				d.wantGone(d.owner)
				d.stillProtected()
			}},
		{"patience_to_be_learned", "stays for two days where the rule only asks and nobody answers, and then comes again from there",
			"nothing is learned from a session with a finding above log", func(d *duel) {
				d.rules = []string{`unexpected_country = "ask"`}
				d.defaults = append(d.defaults, seldom)
				d.begin()
				first := d.comes(thief, farAddr, iphone)
				d.pass(48 * time.Hour)
				if profile := d.history("main").Profile; len(profile.Countries) != 1 {
					d.t.Errorf("the profile knows %v", profile.Countries)
				}
				d.wantTold(first)
				second := d.comes(thief, farAddr2, iphone)
				d.pass(d.twoPolls())
				d.wantHeld(second, sessionwarden.HeldByAsk)
			}},
		{"profile_dried_out", "ends all of the owner's sessions and waits 45 days",
			"what was learned stays: a new country is new also when nobody is at home", func(d *duel) {
				d.every = 10 * time.Minute
				d.defaults[0] = `schedule = "@every 10m"`
				d.defaults[1] = `account_every = "6h"` // nobody wrote down where he is to be expected
				d.defaults = d.defaults[:3]
				d.rules = []string{`new_country = "disconnect"`}
				d.begin()
				d.service.SignOut("main", number(d.owner))
				d.pass(45 * 24 * time.Hour)
				himself := d.comes(thief, farAddr, iphone)
				d.pass(d.twoPolls())
				d.wantGone(himself)
			}},
		{"guard_provoked", "has five decoys sit in a country that is allowed, until the owner forbids it",
			"sessions that were known are held and told, as the change may be a mistake; who comes later never counts", func(d *duel) {
				d.defaults[0] = `expected_countries = ["DE", "VN"]`
				d.begin()
				var ids []string
				for i := range 5 {
					ids = append(ids, d.comes(decoy, far(i), chrome))
				}
				d.pass(time.Hour)
				d.defaults[0] = `expected_countries = ["DE"]`
				d.reload()
				d.pass(d.twoPolls())
				for _, id := range ids {
					d.wantHeld(id, sessionwarden.HeldByGuard)
				}
				himself := d.comes(thief, farAddr, iphone)
				d.pass(d.twoPolls())
				d.wantGone(himself)
				d.stillProtected()
			}},
	}
}
