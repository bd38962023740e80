package geo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sessionwarden"
)

// Options say which data a [Locator] uses. The zero value means the built-in
// data alone.
type Options struct {
	// Database is the path of a City or Country file; "" for the built-in data;
	// "auto" for GeoLite2-City.mmdb or GeoLite2-Country.mmdb where one of
	// AutoDirs has it.
	Database string
	// ASNDatabase is the same for the ASN data (GeoLite2-ASN.mmdb).
	ASNDatabase string
	// AutoDirs are the folders that "auto" looks in, the first before the
	// second; nil: /var/lib/GeoIP and /usr/share/GeoIP.
	AutoDirs []string

	// AnonymousDatabase is the path of an Anonymous-IP or Anonymous-Plus file;
	// "" for none.
	AnonymousDatabase string
	// TorExits and VPNNetworks are lists, each a file or a URL (https, or http on
	// loopback); "" for none.
	TorExits, VPNNetworks string
	// ListDir is the folder that fetched lists are kept in for the next start; it
	// is made when the first one comes. "": they are not kept.
	ListDir string
	// OnlyReads forbids to write there.
	OnlyReads bool
	// Way is the way to the addresses of lists; nil: the network.
	Way http.RoundTripper

	Logger     *slog.Logger          // nil: nothing is logged
	Registerer prometheus.Registerer // nil: metrics are counted, but not shown
	Now        func() time.Time      // for the age of the data; nil: time.Now
}

// Locator knows where addresses lie. All its methods are safe for concurrent
// use. Make one with [Open].
type Locator struct {
	current atomic.Pointer[snapshot]
	kinds   networkKinds
	log     *slog.Logger
	now     func() time.Time
	metrics *metrics

	way       http.RoundTripper
	listDir   string
	onlyReads bool

	reading sync.Mutex   // held while files are looked at; guards slots and lists
	slots   [3]*slot     // by role
	lists   [2]*listSlot // by kind

	closed chan struct{}
	close  sync.Once
}

// snapshot is the data in use at one time. It does not change.
type snapshot struct {
	generation uint64
	databases  [3][]*database // by role; in the order they are asked
	lists      [2]*list       // by kind; nil: none
	failed     string
	warnings   []string // about files; what depends on the time is not here
	troubles   []Trouble
	listed     []sessionwarden.ListStatus // the lists and the anonymizers' database that are named
}

// first returns the database that is asked first.
func (s *snapshot) first(r role) *database { return s.databases[r][0] }

// Open opens the built-in data and the files that o names. A file that is not
// there or not good is no error: the built-in data is used in its place and
// [Locator.Status] says so in Failed. An error means that the program itself
// is broken, or that its metrics are registered already.
func Open(o Options) (*Locator, error) {
	l := &Locator{log: o.Logger, now: o.Now, way: o.Way, listDir: o.ListDir, onlyReads: o.OnlyReads, closed: make(chan struct{})}
	if l.log == nil {
		l.log = slog.New(slog.DiscardHandler)
	}
	if l.now == nil {
		l.now = time.Now
	}
	if l.way == nil {
		l.way = newTransport()
	}
	folders := o.AutoDirs
	if folders == nil {
		folders = []string{"/var/lib/GeoIP", "/usr/share/GeoIP"}
	}
	var err error
	if l.kinds, err = readKinds(); err != nil {
		return nil, err
	}
	country, err := openDatabase(builtinCountry, countries)
	if err != nil {
		return nil, fmt.Errorf("opening the built-in country data, but %w", err)
	}
	network, err := openDatabase(builtinNetwork, networks)
	if err != nil {
		return nil, fmt.Errorf("opening the built-in network data, but %w", err)
	}
	l.slots = [3]*slot{
		newSlot(countries, "geo.database", o.Database, folders, country),
		newSlot(networks, "geo.asn_database", o.ASNDatabase, folders, network),
		newSlot(anonymizers, "geo.anonymous_database", o.AnonymousDatabase, nil, nil),
	}
	l.lists = [2]*listSlot{newListSlot(torExits, o.TorExits), newListSlot(vpnNetworks, o.VPNNetworks)}
	if l.metrics, err = newMetrics(o.Registerer, l.current.Load); err != nil {
		return nil, fmt.Errorf("registering the metrics of the location data: %w", err)
	}
	for _, s := range l.lists {
		s.recall(l.log, l.listDir)
	}
	l.publish(true)
	l.Refresh()
	return l, nil
}

// Refresh looks once at the files and takes those that changed and are good.
// [Locator.Watch] calls it in turn; it may take seconds for a large file,
// while lookups go on with the data they have.
func (l *Locator) Refresh() {
	l.reading.Lock()
	defer l.reading.Unlock()
	taken := false
	for _, s := range l.slots {
		taken = s.refresh(l.log, l.metrics) || taken
	}
	for _, s := range l.lists {
		s.refresh(l.log)
	}
	l.publish(taken)
}

// publish makes what the slots hold the data in use. taken says that a database
// is new; of the lists, those that name others than before make it so.
func (l *Locator) publish(taken bool) {
	next, now := &snapshot{}, l.now()
	for k, s := range l.lists {
		next.lists[k] = s.inUse(now)
		next.warnings = slices.Concat(next.warnings, s.warnings(now))
		if s.shown != "" {
			next.listed = append(next.listed, s.status(now))
		}
		if t, is := s.trouble(now); is {
			next.troubles = append(next.troubles, t)
		}
	}
	var failed []string
	for r, s := range l.slots {
		next.databases[r] = s.databases(now)
		if f := s.failed(); f != "" && s.role != anonymizers { // no place rests on those
			failed = append(failed, f)
		}
		next.warnings = slices.Concat(next.warnings, s.warnings(now))
		if t, is := s.trouble(now); is {
			next.troubles = append(next.troubles, t)
		}
	}
	if s := l.slots[anonymizers]; len(s.paths) > 0 {
		next.listed = append(next.listed, s.listed(now))
	}
	next.failed = strings.Join(failed, "; ")
	if before := l.current.Load(); before != nil {
		next.generation = before.generation
		taken = taken || !slices.Equal(next.databases[anonymizers], before.databases[anonymizers]) ||
			!slices.EqualFunc(next.lists[:], before.lists[:], (*list).same)
	}
	if taken {
		next.generation++
	}
	l.current.Store(next)
}

// Generation returns a number that rises whenever other data came into use:
// what was located before may lie elsewhere now.
func (l *Locator) Generation() uint64 { return l.current.Load().generation }

// Failed says why the data that the owner named cannot be relied on; "" where
// all is well. It is [sessionwarden.LocationStatus.Failed], without the rest.
func (l *Locator) Failed() string { return l.current.Load().failed }

// Trouble is a location file or a list that should be in use and is not, since
// it is not good.
type Trouble struct {
	Key    string // the setting that names it, such as "geo.database"
	Path   string
	Failed bool   // there is only the built-in data in its place, or nothing where it is a list
	List   string // what it lists, such as "Tor exits"; "" where it says where addresses lie
	Says   string // what is wrong with it, what is used, and what to do
}

// Troubles returns the files that people have to be told of, one a setting at
// most. What a newly written file looks like at one look only is not among them.
func (l *Locator) Troubles() []Trouble { return slices.Clone(l.current.Load().troubles) }

// Made returns when the built-in country data was made: no clock that was ever
// set says less.
func (l *Locator) Made() time.Time { return l.slots[countries].builtin.built }

// Watch looks at the files at every interval and takes those that changed, and
// fetches the lists that are fetched, at once and then every hour.
// A file that is not good is told, once, in the log and in
// [Locator.Status], and the data in use stays. Watch returns nil when ctx
// ends or the locator is closed, and an error at once if every is not
// positive.
func (l *Locator) Watch(ctx context.Context, every time.Duration) error {
	if every <= 0 {
		return errors.New("watching the location files needs an interval above zero")
	}
	var fetching sync.WaitGroup
	defer fetching.Wait()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	for _, s := range l.lists {
		if s.source.url != "" {
			fetching.Go(func() { l.keepFetching(ctx, s) })
		}
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-l.closed:
			return nil
		case <-tick.C:
			l.Refresh()
		}
	}
}

// Close ends Watch and takes the metrics out of their registry. Lookups still
// answer: a poll that is under way when the program stops must not find every
// place unknown. It always returns nil and may be called again.
func (l *Locator) Close() error {
	l.close.Do(func() {
		close(l.closed)
		l.metrics.close()
	})
	return nil
}
