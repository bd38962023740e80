package manncotest

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// Options say how a service behaves from its start. The zero value is the
// service as documented.
type Options struct {
	// Now is the service's clock; nil is time.Now. Waiting (a slow body, a
	// scenario's timeline) always uses real timers.
	Now func() time.Time

	Limit       int           // calls per window, account, route and method; 0 is 600
	LimitWindow time.Duration // 0 is a minute
	TokenLife   time.Duration // how long a JWT is good; 0 is 31 days
	SessionLife time.Duration // how long a session lasts that does not say; 0 is 31 days

	// Egress is the address that callers appear to come from, for callers on
	// loopback that should look like somebody on the Internet. The zero value
	// leaves callers their own address. A transport of TransportFrom keeps its
	// address whatever this says.
	Egress         netip.Addr
	EgressLocation string // what session rows of logins say of the place, such as "DE: Berlin"
	EgressISP      string // and of the provider

	// Before is called with each call before the service does anything about
	// it (Status and Fault are not known yet), After when the answer is
	// decided. Both may call the service's methods. nil is nothing.
	Before func(Call)
	After  func(Call)
}

// defaults of Options and of the service, from its documentation.
const (
	defaultLimit  = 600
	defaultWindow = time.Minute
	defaultLife   = 31 * 24 * time.Hour
)

// A Service is a simulated account service. Make it with New. All methods may
// be called at any time from any goroutine, also while calls are answered.
type Service struct {
	options Options
	secret  []byte // signs the JWTs

	mu       sync.Mutex
	egress   egress
	accounts []*account
	tokens   map[string]*session // live logins by the JWT's id
	proven   map[string]claims   // what tokens say whose signature was right
	nextID   int64
	variants map[Variant]string
	faults   []*armed
	windows  map[window]*usage
	limits   map[string]int // account → lowered limit
	log      []Call
	counts   map[count]int
	waiting  map[*context.CancelFunc]bool // calls that hang, with their release
	cast     map[string]*session          // scenario label → newest session
	staged   bool                         // a scenario was set up
}

// egress is what callers on loopback look like.
type egress struct {
	addr          netip.Addr
	location, isp string
}

// New returns a service without accounts, with every variant at its default
// and no fault.
func New(options Options) *Service {
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Limit <= 0 {
		options.Limit = defaultLimit
	}
	if options.LimitWindow <= 0 {
		options.LimitWindow = defaultWindow
	}
	if options.TokenLife <= 0 {
		options.TokenLife = defaultLife
	}
	if options.SessionLife <= 0 {
		options.SessionLife = defaultLife
	}
	return &Service{
		options:  options,
		secret:   []byte(rand.Text()),
		egress:   egress{options.Egress, options.EgressLocation, options.EgressISP},
		tokens:   make(map[string]*session),
		nextID:   70001,
		variants: defaultVariants(),
		windows:  make(map[window]*usage),
		limits:   make(map[string]int),
		counts:   make(map[count]int),
		waiting:  make(map[*context.CancelFunc]bool),
		cast:     make(map[string]*session),
	}
}

// SetEgress changes the address that callers appear to come from, and what
// their session rows will say of the place and the provider. JWTs that were
// given to another address are refused from now on. The zero Addr leaves
// callers their own address.
func (s *Service) SetEgress(addr netip.Addr, location, isp string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.egress = egress{addr, location, isp}
}

// now returns the service's time, in UTC.
func (s *Service) now() time.Time { return s.options.Now().UTC() }

// wait lets d pass. It returns early, with false, when ctx ends or the
// service is closed.
func (s *Service) wait(ctx context.Context, d time.Duration) bool {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.mu.Lock()
	s.waiting[&cancel] = true
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.waiting, &cancel)
		s.mu.Unlock()
	}()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Close ends every call that hangs or is answered slowly at this moment. The
// service can be used afterwards.
func (s *Service) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for cancel := range s.waiting {
		(*cancel)()
	}
}

var _ http.Handler = (*Service)(nil)
