// Package policy is the judgement of the watch: values in, verdict out. It has
// no clock, no log, no input or output and no state, so that every decision
// can be asked for again, long afterwards, and comes out the same.
//
// The order of a poll is the order to read in:
//
//	[Device]   what a user agent says that it is
//	[Judge]    one sighting, the history and the configuration -> findings, each with its reason
//	[JudgeFacts], [JudgeTakeover]   the account's own facts, and suspicious sessions beside their changes
//	[Plan]     findings and the rails -> one action a session at most
//	[Recheck]  right before acting: identity, presence, trust and rails, never the rule again
//	[Release]  what the hour's budget lets go
//	[Expire]   questions that nobody answered
//	[Learn]    what the profile may learn, and from whom
//
// Two promises shape it. The wrong session is never ended: not our own, not
// one of another account, not one from a trusted network. And no rail is there
// for the thief: what he controls can raise suspicion, never lower it, and
// never switches the protection off.
//
// All functions may be called by many goroutines at once as long as nobody
// changes their arguments meanwhile; they change none of them themselves.
package policy
