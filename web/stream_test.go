package web_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"sessionwarden"
	"sessionwarden/web"
)

// lines is a log that tests read.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *lines) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

func TestAnErrorBeforeTheFirstRowIsAnErrorAnswer(t *testing.T) {
	t.Parallel()
	o := full(0)
	o.Records = records{fail: errDisk}
	got := ask(t, web.NewAPI(o), "GET", "/api/v1/history", "")
	if e := decode[web.Error](t, got.body); got.status != 500 || e.Message != errDisk.Error() {
		t.Errorf("got %d %s", got.status, got.body)
	}
}

// A table that breaks off must not look whole to any client, however careless.
func TestAnErrorInTheMiddleIsNoticed(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 500} { // within a buffer, and after many
		for _, path := range []string{"history", "findings", "actions", "export?format=csv", "export?format=json"} {
			o := full(0)
			o.Records = records{sightings: n, fail: errDisk}
			log := &lines{}
			o.Logger = log.logger()
			api := web.NewAPI(o)

			careless := ask(t, api, "GET", "/api/v1/"+path, "")
			if careless.status != 200 || careless.broken == nil {
				t.Errorf("%s, %d rows: a client without trailers sees a whole answer", path, n)
			}
			careful := ask(t, api, "GET", "/api/v1/"+path, "", "Te: trailers")
			if e := decode[web.Error](t, careful.trailer.Get("Sessionwarden-Error")); e.Message != errDisk.Error() {
				t.Errorf("%s, %d rows: the trailer says %+v", path, n, e)
			}
			if careful.trailer.Get("Sessionwarden-Rows") != "" {
				t.Errorf("%s, %d rows: the rows of half a table are counted", path, n)
			}
			if careful.header.Get("Content-Type") == "application/json" && json.Valid([]byte(careful.body)) {
				t.Errorf("%s, %d rows: half a table is valid JSON", path, n)
			}
			if !strings.Contains(log.String(), "a table broke off") {
				t.Errorf("%s: the log says %q", path, log.String())
			}
		}
	}
}

func TestTheClientNoticesAnErrorInTheMiddle(t *testing.T) {
	t.Parallel()
	o := full(0)
	o.Records = records{sightings: 500, fail: errDisk}
	client := web.NewClient(web.InProcess(web.NewAPI(o)))
	rows, err := collect(client.History(t.Context(), web.Query{}))
	var e *web.Error
	if len(rows) != 500 || !errors.As(err, &e) || e.Message != errDisk.Error() {
		t.Errorf("history: %d rows, %v", len(rows), err)
	}
	for _, format := range []string{"csv", "json"} {
		if err := client.Export(t.Context(), io.Discard, web.ExportQuery{Format: format}); !errors.As(err, &e) || e.Message != errDisk.Error() {
			t.Errorf("export %s: %v", format, err)
		}
	}
	o.Records = records{sightings: 500, produced: func(n int) {
		if n == 400 {
			panic("halfway")
		}
	}}
	client = web.NewClient(web.InProcess(web.NewAPI(o)))
	if _, err = collect(client.History(t.Context(), web.Query{})); err == nil {
		t.Error("a panic in the middle looks like the end")
	}
	if err := client.Export(t.Context(), io.Discard, web.ExportQuery{Format: "csv"}); err == nil {
		t.Error("a panic in the middle of an export looks like its end")
	}
}

// The handler must wait for the reader, in process and over a socket: then the
// memory for a table does not depend on its length.
func TestRowsAreMadeAsTheyAreRead(t *testing.T) {
	t.Parallel()
	const many, ahead = 20_000, 3000 // at 500 bytes a row, 1.5 MB of buffers
	for name, over := range map[string]func(testing.TB, http.Handler) http.RoundTripper{"in process": inProcess, "socket": overSocket} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var made atomic.Int64
			o := full(0)
			o.Records = records{sightings: many, produced: func(n int) { made.Store(int64(n)) }}
			client := web.NewClient(over(t, web.NewAPI(o)))
			read, furthest := 0, 0
			for _, err := range client.History(t.Context(), web.Query{}) {
				if err != nil {
					t.Fatal(err)
				}
				read++
				furthest = max(furthest, int(made.Load())-read)
			}
			if read != many || furthest > ahead {
				t.Errorf("%d rows read of %d, at most %d were made ahead", read, many, furthest)
			}
		})
	}
}

func TestAReaderThatStopsStopsTheTable(t *testing.T) {
	t.Parallel()
	stopped := make(chan struct{})
	o := full(0)
	o.Records = endless{stopped: stopped}
	client := web.NewClient(web.InProcess(web.NewAPI(o)))
	for _, err := range client.History(t.Context(), web.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		break
	}
	<-stopped // or the test never ends
}

// The command line must not be able to tell whether a daemon runs.
func TestInProcessIsLikeASocket(t *testing.T) {
	t.Parallel()
	for _, path := range []string{
		"status", "accounts", "sessions", "history", "findings", "actions", "export?format=csv", "export?format=csv&what=findings",
		"history?account=nobody", "history?sinc=1", "nothing",
	} {
		for _, rows := range []records{{}, {sightings: 1}, {sightings: 500}, {sightings: 500, fail: errDisk}} {
			o := full(0)
			o.Records = rows
			api := web.NewAPI(o)
			var got [2]answer
			for i, over := range []http.RoundTripper{inProcess(t, api), overSocket(t, api)} {
				req, err := http.NewRequestWithContext(t.Context(), "GET", "http://x/api/v1/"+path, nil)
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Te", "trailers")
				got[i] = askOver(t, over, req)
				got[i].header.Del("Date")
				got[i].header.Del("Connection") // one request a pipe, many a socket
			}
			a, b := got[0], got[1]
			if a.status != b.status || a.body != b.body || (a.broken == nil) != (b.broken == nil) {
				t.Errorf("%s with %+v: %d and %d, %d and %d bytes", path, rows, a.status, b.status, len(a.body), len(b.body))
			}
			if wire(a.header) != wire(b.header) || wire(a.trailer) != wire(b.trailer) {
				t.Errorf("%s: headers %v and %v, trailers %v and %v", path, a.header, b.header, a.trailer, b.trailer)
			}
		}
	}
}

func wire(h http.Header) string {
	var b strings.Builder
	_ = h.Write(&b)
	return b.String()
}

func inProcess(_ testing.TB, h http.Handler) http.RoundTripper { return web.InProcess(h) }

// overSocket serves h on a real Unix socket.
func overSocket(t testing.TB, h http.Handler) http.RoundTripper {
	t.Helper()
	path := filepath.Join(shortDir(t), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(h)
	_ = server.Listener.Close()
	server.Listener = l
	server.Start()
	var dialer net.Dialer
	transport := &http.Transport{DisableCompression: true}
	transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) { return dialer.DialContext(ctx, "unix", path) }
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		server.Close()
	})
	return transport
}

func TestCSVOpensNoFormula(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`=HYPERLINK("http://evil.example")`: `'=HYPERLINK("http://evil.example")`,
		"+1":                                "'+1",
		"-1":                                "'-1",
		"@SUM(A1)":                          "'@SUM(A1)",
		"\t=1+1":                            "'=1+1", // white space in front is cleaned away first
		"\r=1+1":                            "'=1+1",
		"\n=1+1":                            "'=1+1",
		"\u202e=1+1":                        "'=1+1",
		"＝1+1":                              "'＝1+1",
		"Mozilla/5.0 (X11; Linux)":          "Mozilla/5.0 (X11; Linux)",
		"a=1":                               "a=1",
		`with "quotes", commas`:             `with "quotes", commas`,
		"two\nlines":                        "two lines",
		"":                                  "",
	} {
		s := sighting(1)
		s.UserAgent, s.ISP, s.Location.Organization = text, text, text
		o := full(0)
		o.Records = one{s}
		got := ask(t, web.NewAPI(o), "GET", "/api/v1/export?format=csv", "")
		table, err := csv.NewReader(strings.NewReader(got.body)).ReadAll()
		if err != nil || len(table) != 2 {
			t.Fatalf("%q: %v in %s", text, err, got.body)
		}
		for i, column := range table[0] {
			if column == "user_agent" || column == "isp" || column == "organization" {
				if table[1][i] != want {
					t.Errorf("%q in %s is %q, want %q", text, column, table[1][i], want)
				}
			}
		}
	}
}

func TestCSVHasTheColumnsOfTheJSON(t *testing.T) {
	t.Parallel()
	api := web.NewAPI(full(1))
	for what, want := range map[string]string{
		"history": "account,id,address,country,city,asn,organization,network,service_location,isp,user_agent,device," +
			"started,first_seen,last_seen,gone_at,own,state,seq,expires,disputed,late,trusted,suspicious,rules,flaws,reclassified_at,reclassified_from,tor,vpn\n" +
			"main,12345,203.0.113.7,US,New York,64500,Example Org,hosting,US: New York,Example Net,Mozilla/5.0,\"Windows, Chrome\"," +
			"2026-03-04T11:00:00Z,2026-03-04T11:10:00Z,2026-03-04T12:00:00Z,2026-03-04T12:00:00Z,false,gone,1,2026-03-05T12:00:00Z," +
			"false,false,false,true,unexpected_country,,,,false,false\n",
		"findings": "id,account,session_id,rule,severity,response,time,late,reason,facts,silence,seq,capped\n" +
			"1,main,12345,unexpected_country,critical,disconnect,2026-03-04T12:00:00Z,false,\"signed in from US, expected DE\"," +
			"\"{\"\"country\"\":\"\"US\"\",\"\"expected\"\":\"\"DE\"\"}\",\"expected_countries = [\"\"DE\"\", \"\"US\"\"]\",1,\n",
		"actions": "id,account,session_id,kind,state,reason,finding_ids,attempts,created,updated,seq,address,device,note,hold," +
			"by_hand,deadline,not_before,answered,by\n" +
			"1,main,12345,disconnect,verified,signed in from US,3 4,1,2026-03-04T12:00:00Z,2026-03-04T12:00:01Z,1,203.0.113.7," +
			"\"Windows, Chrome\",,,false,,,,Anna\n",
	} {
		if got := ask(t, api, "GET", "/api/v1/export?format=csv&what="+what, ""); got.body != want {
			t.Errorf("%s: got\n%s\nwant\n%s", what, got.body, want)
		}
	}
	empty := ask(t, web.NewAPI(full(0)), "GET", "/api/v1/export?format=csv&what=actions", "")
	if !strings.HasPrefix(empty.body, "id,account") || strings.Count(empty.body, "\n") != 1 {
		t.Errorf("an empty table is %q", empty.body)
	}
}

func TestRowsHoldWhatIsKnownOnly(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		row  any
		want string
	}{
		"session": {web.NewSessionRow(sessionwarden.Sighting{}), `{"account":"","own":false,"state":"live","seq":"0"}`},
		"finding": {web.NewFindingRow(sessionwarden.Finding{}), `{"id":"0","account":"","rule":"","severity":"info","response":"off","late":false,"facts":{}}`},
		"action":  {web.NewActionRow(sessionwarden.Action{}), `{"id":"0","account":"","kind":"disconnect","state":"planned","finding_ids":[],"attempts":0}`},
	} {
		if got, err := json.Marshal(test.row); err != nil || string(got) != test.want {
			t.Errorf("%s: %s, %v; want %s", name, got, err, test.want)
		}
	}
	own, disputed := sighting(1), sighting(2)
	own.Ownership, disputed.Ownership = sessionwarden.Own, sessionwarden.Disputed
	if row := web.NewSessionRow(own); !row.Own || row.Disputed {
		t.Errorf("own: %+v", row)
	}
	if row := web.NewSessionRow(disputed); row.Own || !row.Disputed {
		t.Errorf("disputed: %+v", row)
	}
	f := finding(1)
	f.Facts = append(f.Facts, sessionwarden.Fact{Name: "country", Value: "CA"})
	if row := web.NewFindingRow(f); row.Facts["country"] != "US; CA" {
		t.Errorf("two facts of one name: %v", row.Facts)
	}
}
