// Package replay plays the recorded history of accounts under a configuration:
// what the rules would have found, and what would have been done about it. Read
// [Engine.Add] first; account.go keeps one account as the watch would have,
// events.go says what happens between two arrivals, act.go what is done.
//
// It is pure: the same rows under the same configuration give the same answers
// in the same order. It asks the same functions that the watch asks
// ([policy.Find], [policy.Plan], [policy.Recheck], [policy.Learn]), at the times
// that the record gives.
//
// The record is what it is. Who would have been ended under another
// configuration stays until he was recorded as gone, and who was ended is gone
// then, and counts as ended. What a row does not keep is taken to have been from
// the start as it was at the end: whose session it is, what the service said of
// its place, the user agent, the location data. What the watch did at its next
// poll (learning, questions that ran out) is done here at the very moment. The
// state of the clock, of the location data and of a restored history is not
// recorded: no interlock holds anything here.
package replay
