package manncotest

import (
	"slices"
	"time"
)

// SessionSpec says how a session looks. In SignIn, the zero value is a session
// that starts now, lasts as long as the service's sessions do and has nothing
// in its texts; in Move, zero fields stay as they are.
type SessionSpec struct {
	Label     string        // who it is, for the reader of tests and scenarios; never shown by the service
	Address   string        // as the service lists it: need not be an address
	Location  string        // such as "US: New York"
	ISP       string        // the provider
	UserAgent string        // the device
	Age       time.Duration // how long ago it started
	Life      time.Duration // how long it lasts from its start; 0 is Options.SessionLife
}

// Ending says how a session came to its end. The zero value means that nobody
// ended it: it lives, or has expired.
type Ending string

// How sessions end.
const (
	NotEnded        Ending = ""
	EndSignedOut    Ending = "signed_out"       // whoever used it signed out
	EndDisconnected Ending = "disconnected"     // by a call that named its id
	EndAllAtOnce    Ending = "disconnected_all" // by the call that ends every session
	EndOwn          Ending = "own"              // by its own call to end itself
	EndByThief      Ending = "ended_by_thief"   // EndWatcher: somebody threw the watcher out
	EndRevoked      Ending = "key_revoked"      // its API key was revoked
	EndWithOther    Ending = "with_other"       // FaultDisconnectEndsCaller: it ended another one
)

// Session is the truth about one session, whatever the service's answers say
// of it.
type Session struct {
	ID        int64
	Account   string
	Label     string
	Address   string
	Location  string
	ISP       string
	UserAgent string
	Started   time.Time
	Expires   time.Time
	Watcher   bool // made by a login with the API key

	Ended   Ending
	EndedAt time.Time // zero unless Ended says how
	EndedBy int64     // the session whose call ended it; 0 where none did
}

// Live reports whether the session is good at now.
func (s Session) Live(now time.Time) bool {
	return s.Ended == NotEnded && now.Before(s.Expires)
}

// session is a session inside the service.
type session struct {
	Session
	token string    // the JWT's id, of logins
	last  time.Time // the timestamp that the service lists
}

// live returns the sessions of a that are good at now, newest first.
func (a *account) live(now time.Time) []*session {
	out := make([]*session, 0, min(len(a.sessions), 64))
	for _, one := range a.sessions {
		if one.Live(now) {
			out = append(out, one)
		}
	}
	return out
}

// find returns the live session of that id, or nil.
func (a *account) find(id int64, now time.Time) *session {
	for _, one := range a.sessions {
		if one.ID == id && one.Live(now) {
			return one
		}
	}
	return nil
}

// SignIn lets somebody sign in to the account and returns the id of the new
// session, 0 where there is no such account.
func (s *Service) SignIn(name string, spec SessionSpec) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.signIn(s.account(name), spec)
	if one == nil {
		return 0
	}
	return one.ID
}

// signIn makes a session. The lock is held.
func (s *Service) signIn(a *account, spec SessionSpec) *session {
	if a == nil {
		return nil
	}
	now := s.now()
	life := spec.Life
	if life <= 0 {
		life = s.options.SessionLife
	}
	start := now.Add(-spec.Age)
	one := &session{last: start, Session: Session{
		ID: s.newID(a, now), Account: a.name, Label: spec.Label, Address: spec.Address, Location: spec.Location,
		ISP: spec.ISP, UserAgent: spec.UserAgent, Started: start, Expires: start.Add(life),
	}}
	// Newest first; of two that start at the same time the later one is in front.
	place, _ := slices.BinarySearchFunc(a.sessions, start, func(other *session, start time.Time) int {
		return start.Compare(other.Started)
	})
	a.sessions = slices.Insert(a.sessions, place, one)
	if now.After(a.active) {
		a.active = now
	}
	return one
}

// newID returns the id of a new session: the next one, or with FaultIDReuse
// that of the account's session that ended last.
func (s *Service) newID(a *account, now time.Time) int64 {
	if _, reuse := s.take(FaultIDReuse, "", a.name); reuse {
		var last *session
		for _, one := range a.sessions {
			if one.Ended != NotEnded && a.find(one.ID, now) == nil && (last == nil || one.EndedAt.After(last.EndedAt)) {
				last = one
			}
		}
		if last != nil {
			return last.ID
		}
	}
	s.nextID++
	return s.nextID
}

// end ends a session. The lock is held.
func (s *Service) end(one *session, how Ending, by int64) {
	one.Ended, one.EndedAt, one.EndedBy = how, s.now(), by
	delete(s.tokens, one.token)
}

// SignOut ends a session as the person in it does, and reports whether it was
// live.
func (s *Service) SignOut(name string, id int64) bool {
	return s.with(name, id, func(one *session) { s.end(one, EndSignedOut, 0) })
}

// Move lets a live session go on under the facts of spec that are not zero,
// and reports whether it was live. Age moves the timestamp that the service
// lists, not the place in the list.
func (s *Service) Move(name string, id int64, spec SessionSpec) bool {
	return s.with(name, id, func(one *session) { s.move(one, spec) })
}

func (s *Service) move(one *session, spec SessionSpec) {
	for _, text := range []struct {
		to   *string
		from string
	}{
		{&one.Address, spec.Address}, {&one.Location, spec.Location}, {&one.ISP, spec.ISP},
		{&one.UserAgent, spec.UserAgent}, {&one.Label, spec.Label},
	} {
		if text.from != "" {
			*text.to = text.from
		}
	}
	if spec.Age != 0 {
		one.last = s.now().Add(-spec.Age)
	}
	if spec.Life != 0 {
		one.Expires = one.Started.Add(spec.Life)
	}
}

// Touch moves a live session's listed timestamp to now, as activity does, and
// reports whether it was live.
func (s *Service) Touch(name string, id int64) bool {
	return s.with(name, id, func(one *session) { one.last = s.now() })
}

// with does something to a live session under the lock.
func (s *Service) with(name string, id int64, do func(*session)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.account(name)
	if a == nil {
		return false
	}
	one := a.find(id, s.now())
	if one == nil {
		return false
	}
	do(one)
	a.active = s.now()
	return true
}

// EndWatcher ends every session of the account that was made by a login, as a
// thief does who throws the watcher out, and returns their ids. Their JWTs are
// refused from now on.
func (s *Service) EndWatcher(name string) []int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.account(name)
	if a == nil {
		return nil
	}
	var ids []int64
	for _, one := range a.live(s.now()) {
		if one.Watcher {
			s.end(one, EndByThief, 0)
			ids = append(ids, one.ID)
		}
	}
	return ids
}

// Sessions returns every session that the account ever had, the newest first:
// the truth, not what the service would list.
func (s *Service) Sessions(name string) []Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.account(name)
	if a == nil {
		return nil
	}
	out := make([]Session, len(a.sessions))
	for i, one := range a.sessions {
		out[i] = one.Session
	}
	return out
}

// Session returns the truth about the newest session of that id, and whether
// there ever was one.
func (s *Service) Session(name string, id int64) (Session, bool) {
	for _, one := range s.Sessions(name) {
		if one.ID == id {
			return one, true
		}
	}
	return Session{}, false
}

// Live returns the account's sessions that are good now, newest first.
func (s *Service) Live(name string) []Session {
	now := s.now()
	return slices.DeleteFunc(s.Sessions(name), func(one Session) bool { return !one.Live(now) })
}
