package manncotest

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Account is an account of the service, as AddAccount takes it.
type Account struct {
	Name    string // how tests and scenarios call it; required, unique
	APIKey  string // what a login must send; required, unique
	SteamID string // Steam64 id; "" makes one up
	Facts   Facts
}

// Facts are what the service tells of an account beside its sessions. The
// zero value is an account with nothing in it and two-factor off; AddAccount
// takes DefaultFacts instead of it.
type Facts struct {
	Name       string
	Balance    int64 // cents
	PayoutMail string
	TradeURL   string
	TwoFactor  bool

	ContactMail string
	Discord     string // id
	DiscordTag  string
	Image       string
	ShortURL    string
	Since       time.Time // member since

	Alerts, PaymentReviews, Messages, Offers, Trades int // notification counts
}

// DefaultFacts returns the facts of an ordinary account.
func DefaultFacts() Facts {
	return Facts{
		Name:        "Anna",
		Balance:     250000,
		PayoutMail:  "anna-payout@example.com",
		TradeURL:    "https://steamcommunity.example/tradeoffer/new/?partner=1&token=owner",
		TwoFactor:   true,
		ContactMail: "anna@example.com",
		Discord:     "100000000000000001",
		DiscordTag:  "anna",
		Image:       "https://images.example/anna.png",
		ShortURL:    "anna",
		Since:       time.Date(2021, 3, 14, 9, 0, 0, 0, time.UTC),
		Alerts:      3,
	}
}

// maxAccounts is how many accounts a service takes: more is a mistake.
const maxAccounts = 10_000

// account is an account inside the service.
type account struct {
	name, key, steamID string
	revoked            bool // the key is refused
	facts              Facts
	active             time.Time  // last activity
	sessions           []*session // newest first, the ended ones too
}

// AddAccount adds an account. It fails when the name or the key is missing or
// taken.
func (s *Service) AddAccount(spec Account) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case spec.Name == "":
		return errors.New("adding an account: it needs a name")
	case spec.APIKey == "":
		return fmt.Errorf("adding the account %q: it needs an API key", spec.Name)
	case len(s.accounts) >= maxAccounts:
		return fmt.Errorf("adding the account %q: there are %d already", spec.Name, len(s.accounts))
	}
	for _, a := range s.accounts {
		if a.name == spec.Name {
			return fmt.Errorf("adding the account %q: there is one of that name", spec.Name)
		}
		if a.key == spec.APIKey {
			return fmt.Errorf("adding the account %q: account %q has the same API key", spec.Name, a.name)
		}
	}
	if spec.SteamID == "" {
		spec.SteamID = fmt.Sprintf("765611980000%05d", len(s.accounts)+1)
	}
	if spec.Facts == (Facts{}) {
		spec.Facts = DefaultFacts()
	}
	s.accounts = append(s.accounts, &account{
		name: spec.Name, key: spec.APIKey, steamID: spec.SteamID, facts: spec.Facts, active: s.now(),
	})
	return nil
}

// Accounts returns the names of the accounts, in the order they were added.
func (s *Service) Accounts() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := make([]string, len(s.accounts))
	for i, a := range s.accounts {
		names[i] = a.name
	}
	return names
}

// account returns the account of that name, or nil. The lock is held.
func (s *Service) account(name string) *account {
	i := slices.IndexFunc(s.accounts, func(a *account) bool { return a.name == name })
	if i < 0 {
		return nil
	}
	return s.accounts[i]
}

// Change lets change alter the account's facts and reports whether there is
// such an account. It must not call the service.
func (s *Service) Change(name string, change func(*Facts)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.account(name)
	if a == nil {
		return false
	}
	change(&a.facts)
	a.active = s.now()
	return true
}

// Facts returns the account's facts as they are now, zero where there is no
// such account.
func (s *Service) Facts(name string) Facts {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.account(name); a != nil {
		return a.facts
	}
	return Facts{}
}

// RevokeKey makes the account's API key invalid for good and ends the
// sessions that were logged in with it, and reports whether there is such an
// account. SetKey gives the account another one.
func (s *Service) RevokeKey(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.account(name)
	if a == nil {
		return false
	}
	a.revoked = true
	for _, one := range a.live(s.now()) {
		if one.Watcher {
			s.end(one, EndRevoked, 0)
		}
	}
	return true
}

// SetKey gives the account an API key, valid at once, and reports whether
// there is such an account and the key is nobody else's. Sessions stay.
func (s *Service) SetKey(name, key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.account(name)
	if a == nil || key == "" {
		return false
	}
	for _, other := range s.accounts {
		if other != a && other.key == key {
			return false
		}
	}
	a.key, a.revoked = key, false
	return true
}
