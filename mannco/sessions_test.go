package mannco_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sessionwarden"
	"sessionwarden/mannco"
)

func ids(l sessionwarden.Listing) []string {
	var all []string
	for _, s := range l.Rows {
		all = append(all, string(s.ID))
	}
	return all
}

func TestOnePageIsOneRequest(t *testing.T) {
	t.Parallel()
	s := newFake()
	s.rows = crowd(7, 7)
	c := s.client(t)
	l := mustList(t, c)
	wantComplete(t, l, 8)
	if l.Unchanged || !l.LoggedIn || l.LoggedOut || !l.ServerTime.Equal(noon) || !l.Asked.Equal(noon) {
		t.Fatalf("the first listing says %+v", l)
	}
	if l.Rows[0].Ownership != sessionwarden.Own || l.Rows[1].Ownership != sessionwarden.NotOwn {
		t.Fatal("the row marked current must be our own, and no other")
	}
	if got := s.requests(); !slices.Equal(got, []string{"POST /user/login", "GET /user/ipList 0"}) {
		t.Fatalf("asked %q", got)
	}
	if len(l.Notes) != 0 {
		t.Fatalf("nothing is odd about this list, and yet: %q", l.Notes)
	}
}

func TestBothNamesOfThePageSizeAreSent(t *testing.T) {
	t.Parallel()
	s := newFake()
	var query string
	s.on("/user/ipList", func(r *http.Request) *http.Response { query = r.URL.RawQuery; return nil })
	c := s.client(t)
	mustList(t, c)
	if query != "page=0&perpage=50&perPage=50" {
		t.Errorf("asked with %q", query)
	}
	if _, err := c.Sessions(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if query != "page=0&perpage=50&perPage=50&expire=true" {
		t.Errorf("asked for expired sessions with %q", query)
	}
}

func TestUnchangedListIsTheSameSlice(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 3, 49, 50, 120} {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			t.Parallel()
			s := newFake()
			s.rows = crowd(500, n)
			c := s.client(t)
			first := mustList(t, c)
			wantComplete(t, first, n+1)
			second := mustList(t, c)
			wantComplete(t, second, n+1)
			if !second.Unchanged || &first.Rows[0] != &second.Rows[0] {
				t.Fatal("the same bytes must give the same slice")
			}
			if second.LoggedIn {
				t.Fatal("the login was told of twice")
			}
			s.rows = append(s.rows, row(1, "203.0.113.9"))
			third := mustList(t, c)
			wantComplete(t, third, n+2)
			if third.Unchanged || len(first.Rows) != n+1 {
				t.Fatal("a new session is a change, and what was returned before stays as it is")
			}
		})
	}
}

func TestUnchangedOnlyUnderTheSameLogin(t *testing.T) {
	t.Parallel()
	s := newFake()
	s.says("/user/ipList", 200, content(`{"values":[`+row(1, "203.0.113.1")+`],"count":1}`))
	c := s.client(t)
	mustList(t, c)
	if err := c.Logout(t.Context()); err != nil {
		t.Fatal(err)
	}
	if l := mustList(t, c); l.Unchanged || !l.LoggedIn {
		t.Fatal("a new login must be seen, even if the list has the same bytes")
	}
}

func TestExpiredAndLiveAreComparedApart(t *testing.T) {
	t.Parallel()
	s := newFake()
	s.rows = crowd(3, 3)
	c := s.client(t)
	mustList(t, c)
	l, err := c.Sessions(t.Context(), true)
	if err != nil || l.Unchanged || l.LoggedIn {
		t.Fatalf("the first expired listing: %+v, %v", l, err)
	}
	l, err = c.Sessions(t.Context(), true)
	if err != nil || !l.Unchanged {
		t.Fatalf("the second expired listing: %+v, %v", l, err)
	}
}

func TestAllPagesAreRead(t *testing.T) {
	t.Parallel()
	s := newFake()
	s.rows = crowd(500, 149)
	c := s.client(t)
	wantComplete(t, mustList(t, c), 150)
	if got := s.requests(); !slices.Equal(got, []string{
		"POST /user/login", "GET /user/ipList 0", "GET /user/ipList 1", "GET /user/ipList 2",
		"GET /user/ipList 3", // the page was full: the count might be that of the page
	}) {
		t.Fatalf("asked %q", got)
	}
}

// pages makes the fake answer page by page; the last answer repeats. A
// refusal among them comes with status 403.
func (s *fake) pages(pages ...string) {
	n := 0
	s.on("/user/ipList", func(r *http.Request) *http.Response {
		p := pages[min(n, len(pages)-1)]
		n++
		if strings.Contains(p, `"err":true`) {
			return reply(403, p)
		}
		return reply(200, p)
	})
}

func page(count int, rows ...string) string {
	c := ""
	if count >= 0 {
		c = fmt.Sprintf(`,"count":%d`, count)
	}
	return content(`{"values":[` + strings.Join(rows, ",") + `]` + c + `}`)
}

func TestPaging(t *testing.T) {
	t.Parallel()
	all := crowd(200, 120)
	old := func(from, to int) []string { return all[from:to] }
	tests := []struct {
		name  string
		pages []string
		rows  int
		why   string // "" for complete
		asked int
	}{
		{"the service has its own page size", []string{page(25, old(0, 10)...), page(25, old(10, 20)...), page(25, old(20, 25)...)}, 25, "", 3},
		{"the count stands on the first page only", []string{page(60, old(0, 50)...), page(-1, old(50, 60)...)}, 60, "", 2},
		{"no count at all, a short page", []string{page(-1, old(0, 7)...)}, 7, "", 1},
		{"no count at all, a page of ten", []string{page(-1, old(0, 10)...), page(-1)}, 10, "", 2},
		{"no count at all, several pages", []string{page(-1, old(0, 50)...), page(-1, old(50, 100)...), page(-1, old(100, 120)...)}, 120, "", 3},
		{"the count is too high", []string{page(9, old(0, 7)...), page(9), page(9, old(0, 7)...), page(9)}, 7, "9 sessions and lists 7", 4},
		{"the count is too low", []string{page(3, old(0, 7)...)}, 7, "3 sessions and lists 7", 2},
		{"the count is that of the page", []string{
			page(50, old(0, 50)...), page(50, old(50, 100)...), page(20, old(100, 120)...),
			page(50, old(0, 50)...), page(50, old(50, 100)...), page(20, old(100, 120)...),
		}, 120, "20 sessions and lists 120", 6},
		{"the same page again and again", []string{page(500, old(0, 50)...)}, 50, "repeats", 4},
		{"a session came while paging", []string{
			page(60, old(1, 51)...), page(61, old(50, 61)...), // one was put in front
			page(61, old(0, 50)...), page(61, old(50, 61)...),
		}, 61, "", 4},
		{"a session ended while paging", []string{
			page(60, old(0, 50)...), page(59, old(51, 60)...),
			page(59, old(1, 51)...), page(59, old(51, 60)...),
		}, 59, "", 4},
		{"a session moved to the front while paging", []string{
			page(60, old(0, 50)...), page(60, old(49, 59)...),
			page(60, append([]string{all[59]}, old(0, 49)...)...), page(60, old(49, 59)...),
		}, 60, "", 4},
		{"pages that overlap always", []string{
			page(60, old(0, 50)...), page(60, old(49, 59)...),
			page(60, old(0, 50)...), page(60, old(49, 59)...),
		}, 59, "changed while it was read", 4},
		{"it never comes to rest", []string{
			page(60, old(0, 50)...), page(61, old(49, 60)...),
			page(62, old(0, 50)...), page(63, old(47, 60)...),
			page(64, old(0, 50)...), page(65, old(45, 60)...),
		}, 60, "changed while it was read", 6},
		{"rows without an id that look the same", []string{page(2, `{"ip":"192.0.2.1"}`, `{"ip":"192.0.2.1"}`)}, 1, "", 1},
		{"an entry that is no session", []string{page(3, all[0], "null", all[1])}, 2, "1 entries of the list are no sessions", 1},
		{"most rows are not understood", []string{page(3, all[0], row(501, "not an address"), row(502, ""))}, 3, "2 of 3 rows", 1},
		{"half of the rows are not understood", []string{page(2, all[0], row(501, "not an address"))}, 2, "", 1},
		{"an empty list", []string{page(0)}, 0, "", 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newFake()
			s.pages(test.pages...)
			l := mustList(t, s.client(t))
			if test.why == "" {
				wantComplete(t, l, test.rows)
			} else {
				wantIncomplete(t, l, test.rows, test.why)
			}
			if asked := len(s.requests()) - 1; asked != test.asked {
				t.Errorf("asked for %d pages, want %d", asked, test.asked)
			}
		})
	}
}

func TestPagesWithoutEndAreBounded(t *testing.T) {
	t.Parallel()
	s := newFake()
	next := 1_000_000
	s.on("/user/ipList", func(*http.Request) *http.Response {
		next -= 50
		return reply(200, page(1_000_000, crowd(next, 50)...))
	})
	l := mustList(t, s.client(t))
	if l.Complete || len(l.Rows) != 10_000 {
		t.Fatalf("%d rows, complete %t", len(l.Rows), l.Complete)
	}
	if n := len(s.requests()); n > 202 {
		t.Fatalf("%d requests for one reading", n)
	}
}

func TestPageThatFailsInTheMiddle(t *testing.T) {
	t.Parallel()
	s := newFake()
	s.rows = crowd(500, 99)
	s.on("/user/ipList", func(r *http.Request) *http.Response {
		if r.URL.Query().Get("page") == "1" {
			return reply(500, "broken")
		}
		return nil
	})
	c := s.client(t)
	wantIncomplete(t, mustList(t, c), 50, "page 2 could not be read")
	// The pages before it had the same bytes as last time, and still the rows are there.
	s.on("/user/ipList", nil)
	whole := mustList(t, c)
	wantComplete(t, whole, 100)
	s.on("/user/ipList", func(r *http.Request) *http.Response {
		if r.URL.Query().Get("page") == "1" {
			return reply(429, refusal("slow down"))
		}
		return nil
	})
	wantIncomplete(t, mustList(t, c), 50, "page 2 could not be read")
	s.on("/user/ipList", nil)
}

func TestAfterAPartListingNothingIsUnchanged(t *testing.T) {
	t.Parallel()
	s := newFake()
	s.rows = crowd(500, 99)
	c := s.client(t)
	mustList(t, c)
	s.on("/user/ipList", func(r *http.Request) *http.Response {
		if r.URL.Query().Get("page") == "1" {
			return reply(404, refusal("no"))
		}
		return nil
	})
	wantIncomplete(t, mustList(t, c), 50, "page 2")
	s.on("/user/ipList", nil)
	if l := mustList(t, c); l.Unchanged {
		t.Fatal("the listing before was a part of it only")
	}
}

func TestAnswerCutInTheMiddleStillHasItsRows(t *testing.T) {
	t.Parallel()
	s := newFake()
	whole := page(3, crowd(3, 3)...)
	s.says("/user/ipList", 200, whole[:strings.LastIndex(whole, `"ip"`)])
	wantIncomplete(t, mustList(t, s.client(t)), 2, "page 1 is broken")
}

func TestEndlessAnswerIsCut(t *testing.T) {
	if testing.Short() {
		t.Skip("it is about a size, and takes ten times as long under the race detector")
	}
	t.Parallel()
	s := newFake()
	s.on("/user/ipList", func(*http.Request) *http.Response {
		many := crowd(60_000, 60_000)
		return reply(200, page(60_000, many...))
	})
	l := mustList(t, s.client(t))
	if l.Complete || len(l.Rows) != 10_000 {
		t.Fatalf("%d rows, complete %t (%s)", len(l.Rows), l.Complete, l.Why)
	}
}

// endless is a body without end that counts what is read of it.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	e.read += len(p)
	if e.read > 64<<20 {
		return 0, io.EOF // so that a client without a bound fails the test, not the machine
	}
	return len(p), nil
}

func TestNoMoreIsReadThanTheBound(t *testing.T) {
	t.Parallel()
	s := newFake()
	body := new(endless)
	s.on("/user/ipList", func(*http.Request) *http.Response {
		resp := reply(200, "")
		resp.Body = io.NopCloser(body)
		return resp
	})
	if _, err := s.client(t).Sessions(t.Context(), false); err == nil {
		t.Fatal("a list was read out of nothing")
	}
	if body.read > 9<<20 {
		t.Fatalf("%d bytes were read", body.read)
	}
}

// watched is a body without end that says how many of its kind are being read
// beyond what an ordinary answer has.
type watched struct {
	endless
	now, most *atomic.Int32
	inside    bool
}

func (b *watched) Read(p []byte) (int, error) {
	if !b.inside && b.read > 300<<10 {
		b.inside = true
		b.most.Store(max(b.most.Load(), b.now.Add(1)))
		time.Sleep(time.Second)
	}
	return b.endless.Read(p)
}

func (b *watched) Close() error {
	if b.inside {
		b.now.Add(-1)
	}
	return nil
}

func TestNonsenseToAllAtOnceDoesNotFillTheMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("it is about a size, and takes ten times as long under the race detector")
	}
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bulk := make(chan struct{}, 2)
		var now, most atomic.Int32
		var all sync.WaitGroup
		for range 8 {
			s := newFake().running()
			s.on("/user/ipList", func(*http.Request) *http.Response {
				resp := reply(200, "")
				resp.Body = &watched{now: &now, most: &most}
				return resp
			})
			c := s.client(t, func(o *mannco.Options) { o.Bulk = bulk })
			all.Go(func() {
				if _, err := c.Sessions(t.Context(), false); err == nil {
					t.Error("a list was read out of nothing")
				}
				s.on("/user/ipList", nil)
				if l, err := c.Sessions(t.Context(), false); err != nil || !l.Complete {
					t.Errorf("afterwards: %v, %v", l.Why, err)
				}
			})
		}
		all.Wait()
		if most.Load() != 2 || len(bulk) != 0 {
			t.Errorf("%d large answers at a time, want two; %d places are not given back", most.Load(), len(bulk))
		}
	})
}

func TestEmptyListAfterOurOwnSessionWasInItCannotBeTrue(t *testing.T) {
	t.Parallel()
	s := newFake()
	c := s.client(t)
	wantComplete(t, mustList(t, c), 1)
	s.says("/user/ipList", 200, page(0))
	_, err := c.Sessions(t.Context(), false)
	wantFault(t, err, sessionwarden.FaultStrange, "cannot be true")
	if _, err := c.Sessions(t.Context(), true); err != nil {
		t.Fatalf("an empty list of expired sessions is nothing special: %v", err)
	}
	s.on("/user/ipList", nil)
	wantComplete(t, mustList(t, c), 1)
}

func TestNotesAreToldOnce(t *testing.T) {
	t.Parallel()
	s := newFake()
	s.pages(
		page(1, `{"ip":"203.0.113.5","location":"US","isp":"","current":1,"timestamp":"1780300000"}`),
		page(1, `{"ip":"203.0.113.6","location":"US","isp":"","current":1,"timestamp":"1780300000"}`),
		page(1, `{"ip":"203.0.113.6","location":"US","isp":"","current":1,"timestamp":1780300000000}`),
	)
	c := s.client(t)
	first := mustList(t, c)
	wantComplete(t, first, 1)
	if !slices.ContainsFunc(first.Notes, func(n string) bool { return strings.Contains(n, "no session id") }) {
		t.Fatalf("rows without an id must be told of: %q", first.Notes)
	}
	if second := mustList(t, c); len(second.Notes) != 0 {
		t.Fatalf("told again: %q", second.Notes)
	}
	third := mustList(t, c)
	if len(third.Notes) != 1 || !strings.Contains(third.Notes[0], "another unit") {
		t.Fatalf("a new oddity must be told of alone: %q", third.Notes)
	}
}

// Rows that are too large to be read together hide nobody.
func TestHugeRowsAreReadInSmallPages(t *testing.T) {
	if testing.Short() {
		t.Skip("it is about a size, and takes ten times as long under the race detector")
	}
	t.Parallel()
	s := newFake()
	huge := `"note":"` + strings.Repeat("A", 1<<20) + `"`
	for i := range 12 {
		s.rows = append(s.rows, row(900-i, "198.51.100."+strconv.Itoa(i+1), huge))
	}
	s.rows = append(s.rows, row(1, "203.0.113.66"))
	l := mustList(t, s.client(t))
	if !l.Complete || len(l.Rows) != 14 { // ours too
		t.Errorf("%d rows, complete: %t (%s)", len(l.Rows), l.Complete, l.Why)
	}
}
