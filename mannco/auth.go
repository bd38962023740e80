package mannco

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"sessionwarden"
)

// How often the client logs in.
const (
	loginsAMinute = 6
	firstSpacing  = 30 * time.Second // after the first refused login; doubles
	lastSpacing   = 15 * time.Minute
	renewPause    = 10 * time.Minute // between tries of a renewal
)

// How many of our own logins are remembered, and how long: longer than a
// token can live.
const (
	maxLogins  = 1000
	maxBegun   = 16
	loginsKept = 40 * 24 * time.Hour
)

// auth is what a client knows of its login. Its methods may be called by
// several goroutines.
type auth struct {
	mu     sync.Mutex
	token  *token
	key    secret      // as last read, to keep it out of texts
	logins []login     // our own, oldest first
	begun  []time.Time // logins that may have made a session, though no answer said so
	noted  time.Time   // the last of them that this process wrote down

	date time.Time // the service's clock at its last answer; zero: not known
	at   time.Time // when that came, by the steady clock: ours may be set at any time

	tried    []time.Time          // logins of the last minute, oldest first
	refused  *sessionwarden.Fault // why the last login failed; nil: it did not
	spacing  time.Duration        // of refused logins
	notTill  time.Time            // no login before
	renewal  time.Time            // no renewal before
	finished uint64               // logins under logInAgain that came to an end
	last     error                // what came of the last of them

	loggedIn, loggedOut bool // for the next live listing
}

func (a *auth) current() *token {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.token
}

func (a *auth) secrets() (key, current secret) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.token != nil {
		current = a.token.raw
	}
	return a.key, current
}

// clock returns the service's clock now.
func (a *auth) clock() (now time.Time, known bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.date.Add(time.Since(a.at)), !a.date.IsZero()
}

func (a *auth) setClock(date time.Time) {
	a.mu.Lock()
	a.date, a.at = date, time.Now()
	a.mu.Unlock()
}

// serviceNow is the service's clock as well as it is known.
func (c *Client) serviceNow() time.Time {
	if now, known := c.auth.clock(); known {
		return now
	}
	return c.now()
}

// old reports whether t is to be renewed. Without an answer of the service
// nobody knows, as our own clock may say anything; nor does a clock by which t
// was old from the first.
func (c *Client) old(t *token) bool {
	now, known := c.auth.clock()
	if !known || now.Before(t.renewAt()) {
		t.bornOld.Store(false)
		return false
	}
	return !t.bornOld.Load()
}

// serviceTime is the service's clock when it gave an answer.
func (c *Client) serviceTime(a *answer) time.Time {
	if !a.date.IsZero() {
		return a.date
	}
	return c.serviceNow()
}

// gate says whether a login may be tried now, and counts it as tried. A
// refused login is spaced out; one that would work is held only by the limit
// of six a minute. Another key than the refused one is worth a try at once.
func (a *auth) gate(key secret, now time.Time) *sessionwarden.Fault {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.key.reveal() != key.reveal() {
		a.refused, a.spacing, a.notTill = nil, 0, time.Time{}
	}
	a.key = key
	if wait := a.notTill.Sub(now); a.refused != nil && wait > 0 && wait <= lastSpacing {
		f := *a.refused
		f.RetryAfter = wait
		return &f
	}
	a.tried = slices.DeleteFunc(a.tried, func(at time.Time) bool {
		age := now.Sub(at)
		return age >= time.Minute || age < 0
	})
	if len(a.tried) >= loginsAMinute {
		f := fault(sessionwarden.FaultLimited, routeLogin, "six logins a minute are the most that this program makes")
		f.RetryAfter = max(time.Minute-now.Sub(a.tried[0]), time.Second)
		return f
	}
	a.tried = append(a.tried, now)
	return nil
}

// refuse remembers a refused login, and sets when the next may be.
func (a *auth) refuse(f *sessionwarden.Fault, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.spacing = min(max(2*a.spacing, firstSpacing), lastSpacing)
	a.notTill = now.Add(a.spacing)
	f.RetryAfter = a.spacing
	remembered := *f
	a.refused = &remembered
}

// arrived remembers a login of ours: from now on its session is ours.
func (a *auth) arrived(t *token, serviceNow time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.refused, a.spacing, a.notTill = nil, 0, time.Time{}
	// What this login's time tells as well needs no note of its own, which
	// would count twice after a restart.
	a.begun = slices.DeleteFunc(a.begun, func(at time.Time) bool { return at.Sub(t.identity.Issued).Abs() < loginSlack/2 })
	a.logins = pruneLogins(append(a.all(t.identity.Addr), login{At: t.identity.Issued, Addr: t.identity.Addr}), serviceNow)
	a.begun = nil
}

// adopt makes t the token in use. out says that the one before was ended by
// someone.
func (a *auth) adopt(t *token, out bool) {
	a.mu.Lock()
	a.token = t
	a.loggedIn = true
	a.loggedOut = a.loggedOut || out
	a.mu.Unlock()
}

// drop forgets t, if it is the one in use.
func (a *auth) drop(t *token) {
	a.mu.Lock()
	if a.token == t {
		a.token = nil
	}
	a.mu.Unlock()
}

// begin remembers that a login is about to be sent, and reports whether that
// is to be written down: the note of a moment ago may serve for this one too.
func (a *auth) begin(serviceNow time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if serviceNow.Sub(a.noted).Abs() < loginSlack/2 && len(a.begun) > 0 {
		return false
	}
	a.noted = serviceNow
	a.begun = append(a.begun, serviceNow)
	if n := len(a.begun) - maxBegun; n > 0 {
		a.begun = slices.Clone(a.begun[n:])
	}
	return true
}

// own returns our logins, with those whose answer never came as if they had
// been made from addr. The slice is not changed afterwards.
func (a *auth) own(addr netip.Addr) []login {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.begun) == 0 {
		return a.logins
	}
	return a.all(addr)
}

// all is own for a caller that holds the lock, and changes the slice.
func (a *auth) all(addr netip.Addr) []login {
	logins := slices.Clone(a.logins)
	for _, at := range a.begun {
		logins = append(logins, login{At: at, Addr: addr})
	}
	return logins
}

// tell returns, once, whether there was a new login, and whether the session
// before it had been ended by someone.
func (a *auth) tell() (in, out bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	in, out = a.loggedIn, a.loggedOut
	a.loggedIn, a.loggedOut = false, false
	return in, out
}

// pruneLogins forgets old logins and bounds their number.
func pruneLogins(logins []login, now time.Time) []login {
	logins = slices.DeleteFunc(logins, func(l login) bool { return now.Sub(l.At) > loginsKept })
	slices.SortStableFunc(logins, func(x, y login) int { return x.At.Compare(y.At) })
	logins = slices.Compact(logins)
	if n := len(logins) - maxLogins; n > 0 {
		logins = slices.Clone(logins[n:])
	}
	return logins
}
