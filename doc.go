// Package sessionwarden holds the nouns of a watch over accounts on a
// marketplace: what an account is, a login session, where its address lies,
// what was found, what was done about it and what people are told.
//
// The program is one sentence: fetch, locate, record, judge, plan, act, tell.
// Every poll of an account is that sentence, and the packages are its words:
//
//	fetch    package mannco    the service's session list   -> [Listing]
//	locate   package geo       an address                   -> [Location]
//	record   package monitor   a listing and the [History]  -> what is new, moved, gone
//	judge    package policy    that and the configuration   -> [Finding]
//	plan     package policy    findings and the rails       -> [Action], [Alert]
//	         package storage   commits all of it as one [Change]
//	act      package monitor   planned actions              -> disconnected, verified
//	tell     package alert     committed alerts             -> Slack
//
// Read account.go, session.go and history.go first, then monitor's poll.
//
// The package imports the standard library only and declares no interfaces.
// All types are plain values: they may be copied, and nothing in them is safe
// for concurrent change unless it says so. All times are UTC; the zero time
// means "unknown".
package sessionwarden
