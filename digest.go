package sessionwarden

import "time"

// Digest is what happened in a span of time, and how the watch stands at its
// end: the facts of a [DigestAlert]. Package alert makes the words.
type Digest struct {
	Due      time.Time // when it was to be made: one is made for each such time
	From, To time.Time // what it tells of

	Accounts []DigestAccount // at most MaxDigestRows, those with the most to say first
	More     int             // how many accounts were left out
	Rest     DigestAccount   // what those have together; it has no name

	Below    int             // alerts that no channel was told, as they are below what it is told of
	Silenced []DigestSilence // what silences held, at most MaxDigestRows, those that held the most first
	MoreHeld int             // alerts that other silences held

	Unwatched []Unwatched // times in which an account was not watched, at most MaxDigestRows, the longest first
	MoreBlind int         // how many of them were left out
	Blind     int         // accounts that are not watched now
	Incidents int         // that are open now
	Started   time.Time   // when the program was started, where that was within the time told of
	Before    time.Time   // the last good poll on record from before Started; zero: none, or right before

	Late    []DigestChannel // channels that got alerts late
	Waiting []DigestChannel // channels with alerts that are not delivered yet

	Data      []DigestData // location data and lists
	Backup    time.Time    // the last good backup; zero: there is none
	NoBackups bool         // none are made by themselves
	Trust     DigestTrust  // the next one to expire
	Needs     []string     // what needs a person beside all that, each one line; may contain hostile text
}

const (
	// MaxDigestRows is how many accounts, silences or times a digest names one by
	// one.
	MaxDigestRows = 10
	// LateAfter is how long after its making an alert is late.
	LateAfter = 5 * time.Minute
)

// DigestAccount is one account in a digest. What happened is of its time; what
// lives, waits or is open is as at its end.
type DigestAccount struct {
	Account string

	New      int    // sessions that were seen first, without ours
	Live     int    // now
	Findings [3]int // by severity

	Ended     int // sessions that were disconnected, and proven gone
	Pretended int // that would have been, but for dry_run
	Spared    int // that a person left alone, or that were gone by themselves
	Failed    int // that could not be disconnected
	Held      int // disconnections that wait for an answer now
	Open      int // that are on their way now

	Incidents  int       // that were opened
	Incident   uint64    // the one that is open now; 0: none
	BlindSince time.Time // it is not watched since then; zero: it is
}

// Quiet reports whether there is nothing to be said of the account but how many
// sessions it has.
func (a DigestAccount) Quiet() bool {
	a.Account, a.New, a.Live = "", 0, 0
	return a == DigestAccount{}
}

// Plus returns both accounts together, without a name, and as if neither were
// blind or had an open incident.
func (a DigestAccount) Plus(b DigestAccount) DigestAccount {
	sum := DigestAccount{
		New: a.New + b.New, Live: a.Live + b.Live,
		Ended: a.Ended + b.Ended, Pretended: a.Pretended + b.Pretended, Spared: a.Spared + b.Spared, Failed: a.Failed + b.Failed,
		Held: a.Held + b.Held, Open: a.Open + b.Open, Incidents: a.Incidents + b.Incidents,
	}
	for i := range sum.Findings {
		sum.Findings[i] = a.Findings[i] + b.Findings[i]
	}
	return sum
}

// DigestSilence is what one silence held.
type DigestSilence struct {
	ID     uint64
	What   string    // what it covers; "" where that is forgotten
	Until  time.Time // when it ended, or will end
	Alerts int       // that it kept from being sent, on one channel or more
}

// Unwatched is a time in which an account was not watched.
type Unwatched struct {
	Account string
	Since   time.Time
	Until   time.Time // zero: it goes on
}

// DigestChannel is what came late on a channel, or did not come yet.
type DigestChannel struct {
	Channel string
	Alerts  int
	Longest time.Duration // that one of them took, or has waited
	Why     string        // the channel's last failure; "" none; may contain hostile text
}

// DigestData is one thing that places are told by.
type DigestData struct {
	Name    string    // "location data", "networks", or what a list is of
	Date    time.Time // of when it is; zero: not known
	Problem string    // why it is not used, or old; may contain hostile text
}

// DigestTrust is the next trust that expires.
type DigestTrust struct {
	Account string // "": none expires
	What    string
	Until   time.Time
}
