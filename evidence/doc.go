// Package evidence makes the file that an owner hands to the marketplace's
// support after an incident, and checks one: a single page that needs nothing
// beside it, for people who have never heard of this program.
//
// [Make] turns what is recorded of an incident into records, chains them and
// draws the page from them and from nothing else. [Verify] therefore finds each
// later change: it works out the chain anew, draws the page anew, and compares
// byte for byte. What neither can find is a file that was made up as a whole:
// only the head of its chain tells it from the one that was issued.
//
// Read record.go first (what a file holds), then build.go, chain.go, page.go and
// verify.go. It is pure: no disk, no clock, no network.
package evidence
