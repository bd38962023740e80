package alert_test

import (
	"net/netip"
	"time"

	"sessionwarden"
)

// noon is when all samples happen.
var noon = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

// intruder is a session from abroad.
func intruder() sessionwarden.Sighting {
	return sessionwarden.Sighting{
		Seq: 41, Account: "main",
		Session: sessionwarden.Session{
			ID: "12345", Addr: netip.MustParseAddr("203.0.113.9"), ServiceLocation: "BR: Sao Paulo", ServiceCountry: "BR",
			ISP: "Example Hosting", UserAgent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/126.0.0.0",
			Started: noon.Add(-20 * time.Second),
		},
		Location: sessionwarden.Location{
			Country: "BR", City: "São Paulo", HasPoint: true, RadiusKM: 20, ASN: 64500, Organization: "Example Hosting",
			Network: sessionwarden.Hosting, Source: "built-in DBIP-Country-Lite", Built: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC),
		},
		Device: "Windows, Chrome", FirstSeen: noon.Add(-time.Second), LastSeen: noon,
	}
}

// unexpected is the finding on the intruder.
func unexpected() sessionwarden.Finding {
	return sessionwarden.Finding{
		ID: 7, Account: "main", Seq: 41, Session: "12345", Rule: sessionwarden.UnexpectedCountry,
		Severity: sessionwarden.Critical, Response: sessionwarden.Disconnect, Time: noon,
		Reason:  "203.0.113.9 is in Brazil; expected are Germany and Austria",
		Silence: `expected_countries = ["AT", "BR", "DE"]`,
	}
}

// disconnecting is the action on the intruder in a state.
func disconnecting(state sessionwarden.ActionState) *sessionwarden.Action {
	return &sessionwarden.Action{
		ID: 12, Account: "main", State: state, Seq: 41, Session: "12345", Addr: "203.0.113.9", Reason: "unexpected_country",
		Findings: []uint64{7}, AlertID: 17, Created: noon, Updated: noon.Add(2 * time.Second),
	}
}

// intrusion is the alert about the intruder, whose action is in a state.
func intrusion(state sessionwarden.ActionState) sessionwarden.Alert {
	return sessionwarden.Alert{
		ID: 17, Account: "main", Kind: sessionwarden.Intrusion, Severity: sessionwarden.Critical,
		Created: noon, Updated: noon.Add(2 * time.Second),
		Items: []sessionwarden.AlertItem{{Sighting: intruder(), Findings: []sessionwarden.Finding{unexpected()}, Action: disconnecting(state)}},
	}
}

// notice is an alert without sessions.
func notice(kind sessionwarden.AlertKind, severity sessionwarden.Severity, title string, lines ...string) sessionwarden.Alert {
	return sessionwarden.Alert{ID: 23, Account: "main", Kind: kind, Severity: severity, Created: noon, Updated: noon, Title: title, Lines: lines}
}

// changed returns a with a change made to it.
func changed(a sessionwarden.Alert, change func(*sessionwarden.Alert)) sessionwarden.Alert {
	change(&a)
	return a
}

// onAccount is a finding about the account itself.
func onAccount(rule sessionwarden.Rule, severity sessionwarden.Severity, reason string) sessionwarden.Finding {
	return sessionwarden.Finding{
		ID: 21, Account: "main", Rule: rule, Severity: severity, Response: sessionwarden.Notify, Time: noon,
		Reason: reason, Silence: string(rule) + ` = "log" # in [account.rules] of main`,
	}
}

// samples are alerts of every kind, and intrusions in every state, by the name
// of their golden file.
func samples() map[string]sessionwarden.Alert {
	held := func(h sessionwarden.Hold, deadline time.Time, note string) sessionwarden.Alert {
		return changed(intrusion(sessionwarden.Held), func(a *sessionwarden.Alert) {
			act := a.Items[0].Action
			act.Hold, act.Deadline, act.Note = h, deadline, note
		})
	}
	all := map[string]sessionwarden.Alert{
		"intrusion_planned":  changed(intrusion(sessionwarden.Planned), func(a *sessionwarden.Alert) { a.Waiting = true }),
		"intrusion_done":     intrusion(sessionwarden.Done),
		"intrusion_verified": intrusion(sessionwarden.Verified),
		"intrusion_denied": changed(intrusion(sessionwarden.Denied), func(a *sessionwarden.Alert) {
			a.Items[0].Action.Note = "nobody answered in time; kept, as ask_default says"
		}),
		"intrusion_moot":    intrusion(sessionwarden.Moot),
		"intrusion_dry_run": intrusion(sessionwarden.DryRun),
		"intrusion_failed": changed(intrusion(sessionwarden.Failed), func(a *sessionwarden.Alert) {
			a.Items[0].Action.Attempts, a.Items[0].Action.Note = 5, "tried 5 times, and the service still lists it"
		}),
		"intrusion_again": changed(intrusion(sessionwarden.Planned), func(a *sessionwarden.Alert) {
			a.Items[0].Action.Attempts = 1
			a.Items[0].Action.Note = "the service said that it is ended, but still lists it; trying again"
		}),
		"intrusion_refused": changed(intrusion(sessionwarden.Refused), func(a *sessionwarden.Alert) {
			a.Items[0].Sighting.ID, a.Items[0].Action.Session = "", ""
			a.Items[0].Action.Note = "the service gave no id for this session, so it cannot be ended by itself"
		}),
		"held_ask":       held(sessionwarden.HeldByAsk, noon.Add(10*time.Minute), "waits for an answer until 12:10:02 UTC; without one it stays"),
		"held_ask_bare":  held(sessionwarden.HeldByAsk, noon.Add(10*time.Minute), ""),
		"held_limit":     held(sessionwarden.HeldByLimit, time.Time{}, "10 disconnections in the last hour"),
		"held_strangers": held(sessionwarden.HeldStrangers, time.Time{}, ""),
		"held_guard":     held(sessionwarden.HeldByGuard, time.Time{}, "4 of 5 known sessions would be ended"),
		"held_geo":       held(sessionwarden.HeldByGeo, time.Time{}, ""),
		"held_observing": held(sessionwarden.HeldObserving, time.Time{}, "the history was restored from a backup; nothing is disconnected until a person confirms: sessionwarden resume"),
		"held_clock":     held(sessionwarden.HeldByClock, time.Time{}, ""),
		"alert_only": changed(intrusion(sessionwarden.Moot), func(a *sessionwarden.Alert) {
			a.Severity = sessionwarden.Warning
			item := &a.Items[0]
			item.Action = nil
			item.Findings[0].Rule, item.Findings[0].Response, item.Findings[0].Severity = sessionwarden.HostingNetwork, sessionwarden.Notify, sessionwarden.Warning
			item.Findings[0].Reason, item.Findings[0].Silence = "AS64500 is a hosting network", `hosting_network = "log" # in [account.rules] of main`
		}),
		"late": changed(intrusion(sessionwarden.Moot), func(a *sessionwarden.Alert) {
			item := &a.Items[0]
			item.Action, item.Sighting.Late, item.Findings[0].Late = nil, true, true
			item.Sighting.State, item.Sighting.GoneAt = sessionwarden.Gone, noon.Add(-10*time.Second)
		}),
		"old_data": changed(intrusion(sessionwarden.Verified), func(a *sessionwarden.Alert) {
			a.Items[0].Sighting.Location.Built = noon.AddDate(0, 0, -200)
		}),
		"unknown_place": changed(intrusion(sessionwarden.Held), func(a *sessionwarden.Alert) {
			s := &a.Items[0].Sighting
			s.Location, s.Device, s.Started = sessionwarden.Location{}, "", time.Time{}
			a.Items[0].Findings[0].Rule, a.Items[0].Findings[0].Reason = sessionwarden.UnknownCountry, ""
			a.Items[0].Action.Hold = sessionwarden.HeldByAsk
		}),
		"account_change": changed(intrusion(sessionwarden.Moot), func(a *sessionwarden.Alert) {
			f := unexpected()
			f.Seq, f.Session, f.Rule, f.Reason, f.Silence = 0, "", sessionwarden.TwoFactorOff, "two-factor authentication was on and is off now", `two_factor_off = "log"`
			a.Items = []sessionwarden.AlertItem{{Findings: []sessionwarden.Finding{f}}}
		}),
		"account_changes": changed(intrusion(sessionwarden.Moot), func(a *sessionwarden.Alert) {
			a.Items = []sessionwarden.AlertItem{{Findings: []sessionwarden.Finding{
				onAccount(sessionwarden.TradeURLChanged, sessionwarden.Critical, "The trade URL was changed from steamcommunity.com…r123 to steamcommunity.com…f666, between 11:59:02 UTC and 12:00:02 UTC. What is withdrawn goes to the new one."),
			}}, {Findings: []sessionwarden.Finding{ // found later, in the same matter
				onAccount(sessionwarden.ContactChanged, sessionwarden.Critical, "The contact mail was changed from a…a@e….com to e…e@e….net, between 11:59:02 UTC and 12:00:02 UTC. The service writes to the new one."),
				onAccount(sessionwarden.BalanceDrop, sessionwarden.Warning, "The balance dropped from 2500.00 to 0.00, between 11:59:02 UTC and 12:00:02 UTC."),
			}}}
		}),
		"takeover": changed(held(sessionwarden.HeldByAsk, noon.Add(10*time.Minute), "waits for an answer until 12:10:02 UTC; without one it stays"), func(a *sessionwarden.Alert) {
			told := onAccount(sessionwarden.TradeURLChanged, sessionwarden.Critical, "The trade URL was changed from steamcommunity.com…r123 to steamcommunity.com…f666, between 11:59:02 UTC and 12:00:02 UTC. What is withdrawn goes to the new one.")
			f := &a.Items[0].Findings[0]
			f.Rule, f.Response = sessionwarden.Takeover, sessionwarden.Ask
			f.Reason = "Session 12345 signed in from Brazil (Example Hosting, AS64500) at 11:58:30 UTC; the trade URL was changed from steamcommunity.com…r123 to steamcommunity.com…f666, between 11:59:02 UTC and 12:00:02 UTC: that is how an account is taken over."
			a.Items = append([]sessionwarden.AlertItem{{Findings: []sessionwarden.Finding{told}}}, a.Items...)
		}),
		"many": changed(intrusion(sessionwarden.Verified), func(a *sessionwarden.Alert) {
			one := a.Items[0]
			a.Items = nil
			for i := range sessionwarden.MaxAlertItems {
				item := one
				item.Sighting.Seq += uint64(i)
				item.Sighting.Addr = netip.AddrFrom4([4]byte{203, 0, 113, byte(10 + i)})
				if i%3 == 1 {
					item.Action = disconnecting(sessionwarden.Held)
					item.Action.Hold = sessionwarden.HeldByLimit
				}
				a.Items = append(a.Items, item)
			}
			a.More = 30
		}),
		"rail": notice(sessionwarden.Rail, sessionwarden.Critical, ""),
		"blind": notice(sessionwarden.Blind, sessionwarden.Critical, "Account main is not being watched since 2026-07-01 11:58 UTC",
			"reading the session list: the service refused the key", "Make a new API key on https://mannco.store, put it where the configuration says."),
		"recovered":   notice(sessionwarden.Recovered, sessionwarden.Warning, "Account main is watched again", "It was not from 11:58:00 UTC to 12:00:00 UTC."),
		"own_session": notice(sessionwarden.OwnSession, sessionwarden.Critical, "Our own session was ended by someone three times in an hour", "The watch logged in again at once and goes on.", "If that was not you: look at: sessionwarden sessions --account main"),
		"service":     notice(sessionwarden.ServiceOdd, sessionwarden.Warning, "The service answers in a way that is new"),
		"stale":       notice(sessionwarden.StaleData, sessionwarden.Warning, ""),
		"unsaved":     notice(sessionwarden.Unsaved, sessionwarden.Critical, "The history cannot be saved", "What went wrong: no space left on device", "Look at free space and permissions of the data directory."),
		"config":      notice(sessionwarden.ConfigBad, sessionwarden.Warning, "", "/etc/sessionwarden/config.toml:12: unknown key \"expcted_countries\""),
		"rule": notice(sessionwarden.RuleFailed, sessionwarden.Warning, "Your rule night_login could not be worked out",
			"It was asked about a session of main and failed: it divides by zero.",
			"The other rules were asked as always. This is not told again for a month.",
			"Mend its when in the configuration, try it with sessionwarden check --offline, and reload."),
		"test": changed(notice(sessionwarden.TestAlert, sessionwarden.Info, ""), func(a *sessionwarden.Alert) { a.Account = "" }),
		"restored": notice(sessionwarden.Restored, sessionwarden.Critical, "The history was damaged, and a backup took its place",
			"The database was damaged (it was cut off). The backup of 2026-06-30 18:00:00 UTC took its place: what was seen between then and 2026-07-01 12:00:00 UTC is lost.",
			"Look at what is held: sessionwarden actions", "Then confirm: sessionwarden resume"),
		"begun": changed(notice(sessionwarden.Begun, sessionwarden.Warning, "An empty history was begun, as somebody asked for it",
			"The start with --new found that the history before was gone or empty.", "Backups of it are kept: sessionwarden restore FILE brings one back."),
			func(a *sessionwarden.Alert) { a.Account = "" }),
		"start": changed(notice(sessionwarden.NotStarted, sessionwarden.Critical, "",
			"What went wrong: the database /var/lib/sessionwarden/sessionwarden.db is gone", "The newest whole backup is of 2026-06-30 18:00:00 UTC: sessionwarden restore /var/lib/sessionwarden/backups/sessionwarden-20260630T180000Z.db"),
			func(a *sessionwarden.Alert) { a.Account = "" }),
		"backup": notice(sessionwarden.NoBackup, sessionwarden.Warning, ""),
		"canary": changed(notice(sessionwarden.CanaryFailed, sessionwarden.Critical, "The canary found that the watch would not notice a thief: places are not known",
			"What went wrong: none of 6 well-known addresses, such as 91.0.0.1, is in any country", "Look at the location data: sessionwarden geo lookup 91.0.0.1"),
			func(a *sessionwarden.Alert) { a.Account = "" }),
		"program": notice(sessionwarden.ProgramError, sessionwarden.Critical, ""),
	}
	return all
}
