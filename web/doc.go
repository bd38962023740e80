// Package web is how the program is asked from outside. It has two faces and
// no pages:
//
//   - [NewOps] answers over TCP on a loopback address: is it alive, is it
//     healthy, is it ready, and its metrics. Nothing else is open over TCP.
//   - [NewAPI] answers over a Unix socket that only the daemon's user can open:
//     the tables, and what a person may ask for by hand. The command line uses
//     it through a [Client], which speaks the same API to a handler in its own
//     process ([InProcess]) when no daemon runs.
//
// Read api.go first: it says what the API needs from the rest of the program
// and lists every route. rows.go holds what a table's row looks like outside,
// stream.go how a table of any length is sent so that a short one is never
// mistaken for a whole one. docs/api.md describes all of it for users, and a
// test keeps it true.
//
// [Listen] and [ListenSocket] make the listeners, [Serve] runs a handler on one
// until its context ends.
package web
