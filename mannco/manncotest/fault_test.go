package manncotest_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"sessionwarden/mannco/manncotest"
)

// faultRow is what one fault must do to one call.
type faultRow struct {
	value string
	path  string // "" the session list
	see   func(got) bool
}

func faultRows() map[manncotest.FaultKind][]faultRow {
	body := func(parts ...string) func(got) bool {
		return func(g got) bool {
			for _, part := range parts {
				if !strings.Contains(g.body, part) {
					return false
				}
			}
			return g.status == 200
		}
	}
	lacks := func(part string) func(got) bool {
		return func(g got) bool { return g.status == 200 && !strings.Contains(g.body, part) }
	}
	status := func(code int, part string) func(got) bool {
		return func(g got) bool { return g.status == code && strings.Contains(g.body, part) }
	}
	head := func(name, value string) func(got) bool {
		return func(g got) bool { return g.header.Get(name) == value }
	}
	timedOut := func(g got) bool { return errors.Is(g.err, context.DeadlineExceeded) }
	const one = "/user/disconnectSession/70005" // the thief
	return map[manncotest.FaultKind][]faultRow{
		manncotest.FaultHang:        {{"", "", timedOut}, {"1s", "", func(g got) bool { return errors.Is(g.err, io.ErrUnexpectedEOF) }}},
		manncotest.FaultReset:       {{"", "", func(g got) bool { return errors.Is(g.err, syscall.ECONNRESET) }}},
		manncotest.FaultSlowBody:    {{"", "", func(g got) bool { return timedOut(g) && (len(g.body) == 4 || len(g.body) == 5) }}, {"1ms", "", func(g got) bool { return g.err == nil && json.Valid([]byte(g.body)) && g.took > 500*time.Millisecond }}},
		manncotest.FaultEndlessBody: {{"", "", func(g got) bool { return len(g.body) == 200_000 && strings.HasPrefix(g.body, `{"status":"success"`) }}},
		manncotest.FaultCutBody:     {{"", "", func(g got) bool { return errors.Is(g.err, io.ErrUnexpectedEOF) && g.status == 200 && len(g.body) > 0 }}},
		manncotest.FaultServerError: {{"", "", status(500, `"status":"error"`)}},
		manncotest.FaultCDNError:    {{"", "", status(502, "<html>")}, {"503", "", status(503, "<html>")}, {"520", "", status(520, "<html>")}},
		manncotest.FaultCDNChallenge: {{"", "", func(g got) bool {
			return g.status == 403 && strings.Contains(g.body, "Just a moment") && strings.HasPrefix(g.header.Get("Content-Type"), "text/html")
		}}},
		manncotest.FaultRateLimited: {
			{"", "", head("Retry-After", "60")}, {"none", "", func(g got) bool { return g.status == 429 && g.header["Retry-After"] == nil }},
			{"-1", "", head("Retry-After", "-1")}, {"1000000000", "", head("Retry-After", "1000000000")},
			{"date:90s", "", head("Retry-After", "Sat, 01 Jan 2000 00:01:30 GMT")}, {"soon", "", head("Retry-After", "soon")},
		},
		manncotest.FaultBusinessError:  {{"", "", status(300, "not possible")}, {"Come back", "", func(g got) bool { return g.status == 300 && g.header.Get("Location") == "" }}},
		manncotest.FaultErrorIn200:     {{"", "", body(`"status":"error","message":"Something went wrong"`)}},
		manncotest.FaultContentNull:    {{"", "", body(`"data":null`)}},
		manncotest.FaultContentString:  {{"", "", body(`"data":"maintenance"`)}},
		manncotest.FaultTruncatedJSON:  {{"", "", func(g got) bool { return g.err == nil && g.status == 200 && !json.Valid([]byte(g.body)) }}},
		manncotest.FaultNotJSON:        {{"", "", body("right back")}},
		manncotest.FaultDeepJSON:       {{"", "", body("[[[[[[", "]]]]]]")}},
		manncotest.FaultRedirect:       {{"", "", head("Location", "http://elsewhere.invalid/user/ipList")}, {"https://evil.invalid/", "", status(302, "")}},
		manncotest.FaultTokenRefused:   {{"", "", status(403, `"status":"forbidden","message":"Invalid or expired token"`)}},
		manncotest.FaultKeyRevoked:     {{"", "login", status(403, "Invalid API key")}},
		manncotest.FaultCountryBlocked: {{"", "login", status(403, "Country blocked")}},
		manncotest.FaultClockSkew:      {{"", "", head("Date", "Sat, 01 Jan 2000 01:00:00 GMT")}, {"-2d", "", head("Date", "Thu, 30 Dec 1999 00:00:00 GMT")}},

		manncotest.FaultEmptyList:   {{"", "", body(`"values":[],"count":0`)}},
		manncotest.FaultCurrentNone: {{"", "", lacks(`"current":true`)}},
		manncotest.FaultCurrentTwo:  {{"", "", func(g got) bool { return strings.Count(g.body, `"current":true`) == 2 }}},
		manncotest.FaultCurrentWrong: {
			{"", "", func(g got) bool { return current(g) == "70005" }}, {"70003", "", func(g got) bool { return current(g) == "70003" }}, {"thief", "", func(g got) bool { return current(g) == "70005" }},
		},
		manncotest.FaultShiftingRows:    {{"", "twice", body(`"count":5`)}},
		manncotest.FaultSamePage:        {{"", "/user/ipList?page=1&perpage=2", body(`"id":70005`)}},
		manncotest.FaultCountLies:       {{"", "", body(`"count":1000`)}, {"-3", "", body(`"count":-3`)}},
		manncotest.FaultEndlessPages:    {{"", "/user/ipList?page=999999&perpage=50", body(`"count":50000000`, `"id":1099561627775`)}, {"", "/user/ipList?page=1&perpage=50", body(`"id":1099511627826`)}},
		manncotest.FaultHostileAgent:    {{"ansi", "", body(`"userAgent":"\u001b[2J`)}, {"bidi", "", body("\u202E")}, {"nul", "", body(`before\u0000after`)}, {"markup", "", body(`<!channel>`)}, {"formula", "", body(`"=HYPERLINK(`)}},
		manncotest.FaultHostileISP:      {{"long", "", func(g got) bool { return len(g.body) > 2*65_000 }}, {"", "", body(`"isp":"\u001b`)}},
		manncotest.FaultHostileLocation: {{"utf8", "", func(g got) bool { return !utf8.ValidString(g.body) && json.Valid([]byte(g.body)) }}},
		manncotest.FaultAbsurdTime: {
			{"", "", body(`"timestamp":123456789012345678901234567890`)}, {"zero", "", body(`"timestamp":0`)}, {"negative", "", body(`"expire":-86400`)},
			{"1970", "", body(`"timestamp":"3600"`)}, {"future", "", body(`"timestamp":25`)}, {"nanoseconds", "", body(`"timestamp":946684800000000000`)},
			{"float", "", body(`e+30`)}, {"text", "", body(`"yesterday"`)}, {"null", "", body(`"timestamp":null`)},
		},
		manncotest.FaultFieldMissing: {{"", "", lacks(`"timestamp"`)}, {"ip", "", lacks(`"ip"`)}, {"id", "", lacks(`"id"`)}},
		manncotest.FaultFieldRetyped: {{"", "", body(`"timestamp":{"value":[null,true]}`)}, {"current", "", body(`"current":{`)}},
		manncotest.FaultUnknownField: {{"", "", body(`"riskScore":{"level":3`)}},

		// The rest is seen by the truth, below.
		manncotest.FaultDisconnectLies:       {{"", one, body("Session disconnected")}},
		manncotest.FaultDisconnectTimeout:    {{"", one, timedOut}},
		manncotest.FaultDisconnectNotFound:   {{"", one, status(404, "Session not found")}},
		manncotest.FaultDisconnectEndsCaller: {{"", one, body("Session disconnected")}},
		manncotest.FaultIDReuse:              {{"", "reuse", body(`"id":70004`)}},
	}
}

// current returns the id of the row that is marked, "" where it is not one.
func current(g got) string {
	var said struct {
		Data struct {
			Values []struct {
				ID      int64
				Current bool
			}
		}
	}
	if json.Unmarshal([]byte(g.body), &said) != nil {
		return ""
	}
	found := ""
	for _, row := range said.Data.Values {
		if row.Current {
			found += strconv.FormatInt(row.ID, 10)
		}
	}
	return found
}

// people is the scene of the fault tests: the watcher (70002), Anna (70003), a
// session that is over (70004) and the thief (70005).
func people(t *testing.T) (*manncotest.Service, *person) {
	s, p := service(t, manncotest.Options{Egress: addr("198.51.100.5")})
	agent := "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
	s.SignIn("main", manncotest.SessionSpec{Label: "anna", Address: "203.0.113.1", Location: "DE: Bonn", ISP: "Example", UserAgent: agent, Age: time.Hour})
	s.SignOut("main", s.SignIn("main", manncotest.SessionSpec{Label: "gone", Address: "203.0.113.2", Age: time.Hour}))
	s.SignIn("main", manncotest.SessionSpec{Label: "thief", Address: "203.0.113.3", Location: "US: New York", ISP: "Example", UserAgent: agent})
	return s, p
}

// ask makes the call that a row is about.
func (r faultRow) ask(s *manncotest.Service, p *person) got {
	switch r.path {
	case "":
		return p.get("/user/ipList?expire=false")
	case "login":
		return p.post(`{"apiKey":"` + testKey + `"}`)
	case "twice":
		p.get("/user/ipList")
		p.get("/user/ipList")
		return p.get("/user/ipList")
	case "reuse":
		s.SignIn("main", manncotest.SessionSpec{Address: "203.0.113.4"})
		return p.get("/user/ipList")
	}
	return p.get(r.path)
}

// TestEachFaultIsSeen switches every fault on, alone, and looks for it in the
// raw answer, which is another one without it.
func TestEachFaultIsSeen(t *testing.T) {
	t.Parallel()
	rows := faultRows()
	for _, info := range manncotest.Faults() {
		if len(rows[info.Kind]) == 0 {
			t.Errorf("%s: this test does not know what to look for", info.Kind)
		}
		for _, row := range rows[info.Kind] {
			t.Run(string(info.Kind)+" "+row.value, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					s, p := people(t)
					plain := row.ask(s, p)
					looksBroken := info.Kind == manncotest.FaultDisconnectLies || info.Kind == manncotest.FaultDisconnectEndsCaller
					if row.see(plain) && !looksBroken {
						t.Fatalf("it is seen without the fault: %+v", plain)
					}
					s, p = people(t)
					if err := s.SetFault(manncotest.Fault{Kind: info.Kind, Value: row.value}); err != nil {
						t.Fatal(err)
					}
					if broken := row.ask(s, p); !row.see(broken) {
						t.Errorf("it is not seen: %d %v %v %.2000s", broken.status, broken.header, broken.err, broken.body)
					}
					s.ClearFault(info.Kind)
					if info.Kind != manncotest.FaultDisconnectEndsCaller {
						p.get("/user/balance").want(t, 200, "balance")
					}
				})
			})
		}
	}
}

// TestDisconnectFaultsAndTheTruth is what a disconnection that goes wrong
// leaves behind.
func TestDisconnectFaultsAndTheTruth(t *testing.T) {
	t.Parallel()
	for kind, want := range map[manncotest.FaultKind]map[string]manncotest.Ending{
		"":                                   {"thief": manncotest.EndDisconnected},
		manncotest.FaultDisconnectLies:       {},
		manncotest.FaultDisconnectTimeout:    {"thief": manncotest.EndDisconnected},
		manncotest.FaultDisconnectNotFound:   {},
		manncotest.FaultHang:                 {},
		manncotest.FaultTruncatedJSON:        {"thief": manncotest.EndDisconnected},
		manncotest.FaultDisconnectEndsCaller: {"thief": manncotest.EndDisconnected, "watcher": manncotest.EndWithOther},
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, p := people(t)
				if kind != "" {
					if err := s.SetFault(manncotest.Fault{Kind: kind, Route: manncotest.RouteDisconnectOne}); err != nil {
						t.Fatal(err)
					}
				}
				p.get("/user/disconnectSession/70005")
				for _, one := range s.Sessions("main") {
					if one.Label != "gone" && one.Ended != want[one.Label] {
						t.Errorf("%s ended %q, want %q", one.Label, one.Ended, want[one.Label])
					}
				}
			})
		})
	}
}

func TestFaultIsLimited(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault manncotest.Fault
		want  string // of six calls each to balance and infos: x broken, . well
	}{
		"to nothing":       {manncotest.Fault{}, "xxxxxx xxxxxx"},
		"to a route":       {manncotest.Fault{Route: manncotest.RouteInfos}, "...... xxxxxx"},
		"to the N-th":      {manncotest.Fault{Route: manncotest.RouteBalance, Nth: 3, Times: 1}, "..x... ......"},
		"to N times":       {manncotest.Fault{Times: 8}, "xxxxxx xx...."},
		"from the N-th on": {manncotest.Fault{Nth: 5}, "....xx xxxxxx"},
		"to an account":    {manncotest.Fault{Account: "other"}, "...... ......"},
		"to this account":  {manncotest.Fault{Account: "main", Nth: 2, Times: 2}, ".xx... ......"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, p := service(t, manncotest.Options{})
			c.fault.Kind = manncotest.FaultServerError
			if err := s.SetFault(c.fault); err != nil {
				t.Fatal(err)
			}
			seen := ""
			for _, path := range []string{"/user/balance", "/user/infos"} {
				for range 6 {
					if p.get(path).status == 200 {
						seen += "."
					} else {
						seen += "x"
					}
				}
				seen += " "
			}
			if strings.TrimSpace(seen) != c.want {
				t.Errorf("got %q, want %q", seen, c.want)
			}
			s.ClearFaults()
			p.get("/user/balance").want(t, 200, "balance")
		})
	}
}

func TestFaultsTogether(t *testing.T) {
	t.Parallel()
	s, p := service(t, manncotest.Options{})
	crowd(s, 3)
	for _, f := range []manncotest.Fault{
		{Kind: manncotest.FaultHostileAgent}, {Kind: manncotest.FaultCurrentNone}, {Kind: manncotest.FaultCountLies},
		{Kind: manncotest.FaultServerError, Times: 1}, {Kind: manncotest.FaultCDNError, Times: 1},
	} {
		if err := s.SetFault(f); err != nil {
			t.Fatal(err)
		}
	}
	p.get("/user/ipList").want(t, http.StatusBadGateway, "<html>")
	answer := p.get("/user/ipList")
	answer.want(t, 200, `\u001b`)
	answer.want(t, 200, `"count":1000`)
	calls := s.Log()
	if last := calls[len(calls)-1]; len(last.Faults) != 3 {
		t.Errorf("the log says %v", last.Faults)
	}
}
