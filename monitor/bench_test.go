package monitor

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/geo"
	"sessionwarden/mannco"
	"sessionwarden/policy"
	"sessionwarden/storage"
	"sessionwarden/storage/storagetest"
)

// benchDay is when the benchmarks play.
var benchDay = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// BenchmarkQuietPoll measures quiet polls through the loop of the watch: what is
// due, the client without a network, and the look that finds nothing to do, for
// each thing that might make a poll slower.
func BenchmarkQuietPoll(b *testing.B) {
	usual := quietWatch{accounts: 1, rows: 25, rules: true}
	for _, n := range []int{10, 25, 50, 100, 200, 400} {
		w := usual
		w.rows = n
		b.Run(fmt.Sprintf("rows=%d", n), w.benchmark)
	}
	for _, n := range []int{100, 1000, 10_000, 100_000} {
		w := usual
		w.history = n
		b.Run(fmt.Sprintf("history=%d", n), w.benchmark)
	}
	for _, n := range []int{1, 10, 100, 1000} {
		w := usual
		w.accounts = n
		b.Run(fmt.Sprintf("accounts=%d", n), w.benchmark)
	}
	for _, on := range []bool{false, true} {
		w := usual
		w.rules = on
		b.Run(fmt.Sprintf("rules=%t", on), w.benchmark)
	}
}

// quietWatch is a watch over accounts that nothing happens to.
type quietWatch struct {
	accounts, rows, history int
	rules                   bool // all of them; else none
}

func (q quietWatch) benchmark(b *testing.B) {
	db, err := storage.Open(filepath.Join(b.TempDir(), "history.db"), storage.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	list, metrics := newSameList(q.rows), mannco.NewMetrics(nil)
	var watched []Watched
	var names []string
	now := benchDay
	for i := range q.accounts {
		a := sessionwarden.Account{Name: fmt.Sprintf("account-%d", i), Schedule: "@every 1s", ExpiredEvery: 24 * time.Hour, Rules: rules(q.rules)}
		names = append(names, a.Name)
		c, err := mannco.New(mannco.Options{
			BaseURL: "https://api.example", Key: func() (string, error) { return "test-key-not-a-secret", nil },
			Transport: list, Now: func() time.Time { return now }, Metrics: metrics,
		})
		if err != nil {
			b.Fatal(err)
		}
		watched = append(watched, Watched{Account: a, Lister: c, Ender: c})
	}
	if q.history > 0 {
		if err := storagetest.Fill(b.Context(), db, storagetest.History{Sessions: q.history, Accounts: names, To: benchDay}); err != nil {
			b.Fatal(err)
		}
	}
	m := New(Options{Journal: db, Locate: func(netip.Addr) sessionwarden.Location { return sessionwarden.Location{} }, Now: func() time.Time { return now }})
	if err := m.Watch(b.Context(), watched); err != nil {
		b.Fatal(err)
	}
	// The first polls are spread over seconds. From here on all are due at once.
	tick := func() (polls int) {
		now, m.began = now.Add(time.Second), m.began.Add(-time.Second) // both clocks go on
		due, _ := m.due(now)
		for _, w := range due {
			if err := m.poll(b.Context(), w, nil); err != nil {
				b.Fatal(err)
			}
			m.actSoon(b.Context(), w)
		}
		m.due(now)
		return len(due)
	}
	for range q.accounts/firstBurst + 3 {
		tick()
	}
	b.ReportAllocs()
	polls := 0
	for b.Loop() {
		polls += tick()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(polls), "ns/poll")
	for _, w := range m.all() {
		if w.unsure || w.read.IsZero() || w.doubt != "" {
			b.Fatal("the polls were not quiet")
		}
	}
}

// rules returns every rule with its own response, or switched off.
func rules(on bool) map[sessionwarden.Rule]sessionwarden.Response {
	all := make(map[sessionwarden.Rule]sessionwarden.Response)
	for _, info := range sessionwarden.Rules() {
		if on {
			all[info.Rule] = info.Response
		} else {
			all[info.Rule] = sessionwarden.Off
		}
	}
	return all
}

// sameList answers every call with the same list, in pages of 50, and every
// login with a token.
type sameList struct {
	login []byte
	pages [][]byte
}

func newSameList(rows int) sameList {
	claims := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"iat":%d,"exp":%d}`, benchDay.Unix(), benchDay.Unix()+1e9))
	list := sameList{login: fmt.Appendf(nil, `{"content":{"token":"eyJhbGciOiJIUzI1NiJ9.%s.x"}}`, claims)}
	for from := 0; from < rows+50; from += 50 {
		var b bytes.Buffer
		b.WriteString(`{"err":false,"success":true,"content":{"values":[`)
		for i := from; i < min(from+50, rows); i++ {
			if i > from {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `{"id":%d,"ip":"203.0.113.%d","user":"76561198000000000","location":"DE: Berlin","isp":"Example Telecom %d","current":%t,"userAgent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36","timestamp":"%d","expire":"%d"}`,
				70_000+i, i%250+1, i%7, i == 0, benchDay.Unix()-int64(i)*3600, benchDay.Unix()+1e6)
		}
		fmt.Fprintf(&b, `],"count":%d}}`, rows)
		list.pages = append(list.pages, b.Bytes())
	}
	return list
}

// RoundTrip implements http.RoundTripper.
func (l sameList) RoundTrip(r *http.Request) (*http.Response, error) {
	body := l.login
	if r.Method == http.MethodGet {
		number, _, _ := strings.Cut(strings.TrimPrefix(r.URL.RawQuery, "page="), "&")
		page, err := strconv.Atoi(number)
		if err != nil {
			return nil, err
		}
		body = l.pages[min(page, len(l.pages)-1)] // the last one is empty
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(body))}, nil
}

// BenchmarkNewSessions measures how many new sessions a core locates and judges
// by all rules, of an owner with twenty live sessions: one in ten is a
// stranger's. own adds three rules of the owner's own. floor is what it is held against: where the
// same addresses lie, and three plain comparisons.
func BenchmarkNewSessions(b *testing.B) {
	places, err := geo.Open(geo.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer places.Close()
	agents := []string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
	}
	random := rand.New(rand.NewPCG(1, 2))
	var rows []sessionwarden.Session
	for i := range 1 << 14 {
		addr := netip.AddrFrom4([4]byte{91, 10, byte(random.IntN(256)), byte(random.IntN(256))})
		if i%10 == 9 {
			addr = netip.AddrFrom4([4]byte{113, 160, byte(random.IntN(256)), byte(random.IntN(256))})
		}
		rows = append(rows, sessionwarden.Session{ID: sessionwarden.SessionID(strconv.Itoa(i)), Addr: addr, UserAgent: agents[i%2], Started: benchDay, ServiceCountry: places.Lookup(addr).Country})
	}
	home := places.Lookup(rows[0].Addr)
	span := sessionwarden.Span{First: benchDay.AddDate(-1, 0, 0), Last: benchDay.AddDate(0, 0, -1)}
	profile := sessionwarden.Profile{
		Countries: map[sessionwarden.Country]sessionwarden.Span{home.Country: span},
		Networks:  map[uint32]sessionwarden.Span{home.ASN: span},
		Devices:   map[string]sessionwarden.Span{policy.Device(agents[0]): span, policy.Device(agents[1]): span},
		MostLive:  21, Active: benchDay.AddDate(0, 0, -1),
	}
	account := sessionwarden.Account{Name: "main", Expected: []sessionwarden.Country{"DE"}, Rules: rules(true),
		MaxSpeed: 900, Dormant: 30 * 24 * time.Hour, DormantPlace: 180 * 24 * time.Hour}
	var live []sessionwarden.Sighting
	for i := range uint64(20) {
		s := storagetest.Session(i+1, "main", benchDay.AddDate(0, 0, -3))
		s.Location, s.Addr = home, rows[0].Addr
		live = append(live, s)
	}
	b.Run("all", func(b *testing.B) {
		b.ReportAllocs()
		n, found := 0, 0
		for ; b.Loop(); n++ {
			row := rows[n%len(rows)]
			s := sessionwarden.Sighting{
				Seq: uint64(100 + n), Account: "main", Session: row, Location: places.Lookup(row.Addr),
				Device: policy.Device(row.UserAgent), FirstSeen: benchDay, LastSeen: benchDay,
			}
			found += len(policy.Judge(policy.Case{Account: account, Profile: profile, Live: live, Sighting: s, Now: benchDay, Distance: geo.Distance}))
		}
		if n > 100 && (found == 0 || found > n) {
			b.Fatalf("%d findings on %d sessions", found, n)
		}
		b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "sessions/s")
	})
	b.Run("own", func(b *testing.B) {
		b.ReportAllocs()
		account := account
		account.Rules = rules(true)
		for i, when := range []string{
			`time.hour < 6 and not history.known_device`,
			`location.country in ["VN", "BR"] and not in_network("113.160.0.0/16")`,
			`session.device contains "Windows" and location.asn != 3320 and session.age < 60 and location.hosting`,
		} {
			own := sessionwarden.OwnRule{Name: sessionwarden.Rule(fmt.Sprintf("own_%d", i)), When: when, Severity: sessionwarden.Warning}
			account.Own, account.Rules[own.Name] = append(account.Own, own), sessionwarden.Notify
		}
		n, found := 0, 0
		for ; b.Loop(); n++ {
			row := rows[n%len(rows)]
			s := sessionwarden.Sighting{
				Seq: uint64(100 + n), Account: "main", Session: row, Location: places.Lookup(row.Addr),
				Device: policy.Device(row.UserAgent), FirstSeen: benchDay, LastSeen: benchDay,
			}
			found += len(policy.Judge(policy.Case{
				Account: account, Profile: profile, Live: live, Sighting: s, Now: benchDay, Distance: geo.Distance,
				Abstained: func(own sessionwarden.OwnRule, why string) { b.Fatal(own.Name, why) },
			}))
		}
		if n > 100 && (found == 0 || found > n) {
			b.Fatalf("%d findings on %d sessions", found, n)
		}
		b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "sessions/s")
	})
	b.Run("floor", func(b *testing.B) {
		b.ReportAllocs()
		n, found := 0, 0
		for ; b.Loop(); n++ {
			row := &rows[n%len(rows)]
			where := places.Lookup(row.Addr)
			if !slices.Contains(account.Expected, where.Country) {
				found++
			}
			if _, known := profile.Networks[where.ASN]; !known {
				found++
			}
			if _, known := profile.Devices[row.UserAgent]; !known {
				found++
			}
		}
		b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "sessions/s")
		_ = found
	})
}
