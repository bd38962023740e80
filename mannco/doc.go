// Package mannco is the client of the watched service, for one account: it
// logs in, reads the list of sessions, ends sessions, and reads the account's
// facts.
//
// The service's documentation changed shape several times and contradicts
// itself. So the package takes everything that can be understood and says what
// it could not: in a row's Flaws, in a listing's Notes, in Complete and Why.
// Nothing that the service sends makes it panic, loop, or grow without bound.
//
// Begin with [New] and [Client.Sessions]. In the order of reading:
//
//	client.go     what a client is made of
//	sessions.go   one reading of the list: pages, shifts, what is unchanged
//	page.go       the strict decoding of one page; row.go, loose.go, when.go
//	owner.go      which rows are the daemon's own
//	call.go       one call: logged in, retried, sorted into faults
//	login.go      when the client logs in, and when it waits
//	store.go      the file that keeps the login over a restart
//
// Every error is a [sessionwarden.Fault], without secrets and without URLs.
package mannco
