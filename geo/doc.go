// Package geo says where an address lies and whose network it belongs to.
//
// [Open] a [Locator], ask it with [Locator.Lookup] from as many goroutines as
// you like, and let [Locator.Watch] take up files that change on disk. The
// program carries its own data, so a fresh machine needs no key, no download
// and no network; a file that the owner names comes first, and what it does
// not know the built-in data is asked for.
//
// The order of reading: locator.go for what there is, lookup.go for how an
// address is judged, slot.go for how a file comes into use, database.go for
// what a file has to be; list.go for what a list of Tor exits or VPN networks
// has to be, listslot.go for how it comes into use, source.go for how it is
// fetched, kept.go for how it outlasts a restart.
//
// The data under data/ is made by the command in tools/geodata, all but the
// two lists of networks, which are written by hand.
package geo
