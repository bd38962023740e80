package web_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode"

	"sessionwarden"
	"sessionwarden/web"
)

// Whatever is asked: no panic, no status of ours for a mistake of the asker
// above 499, and every refusal says what is wrong.
func FuzzAPI(f *testing.F) {
	for _, path := range []string{
		"status", "accounts", "sessions?account=main&since=24h", "history?since=2026-01-01", "findings?id=7", "actions?id=x", "export?format=csv",
		"export?what=findings&format=json", "disconnect", "approve", "deny", "backup", "alert-test", "alerts?last=2", "alert-resend", "", "../status", "sessions?a=%zz&;",
	} {
		f.Add("GET", path, "")
		f.Add("POST", path, `{"account":"main","ids":["1"]}`)
	}
	f.Add("POST", "approve", `{"id":"18446744073709551616"}`)
	f.Add("POST", "disconnect", `{"account":"\u202e","all":true}`)
	f.Add("POST", "backup", `{"path":"/\u0000"}`)
	f.Add("POST", "alert-resend", `{"id":"7","channel":"\u202e"}`)
	api := web.NewAPI(full(3))
	f.Fuzz(func(t *testing.T, method, path, body string) {
		r, err := http.NewRequest(method, "http://x/", strings.NewReader(body))
		if err != nil {
			return
		}
		route, query, _ := strings.Cut(path, "?")
		r.URL.Path, r.URL.RawQuery = "/api/v1/"+route, query
		if body == "" {
			r.Body, r.ContentLength = http.NoBody, 0
		}
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Errorf("%s %q %q: %d %s", method, path, body, w.Code, w.Body)
		}
		if w.Code != http.StatusOK {
			var e web.Error
			if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil || e.Message == "" || e.Status != w.Code {
				t.Errorf("%s %q %q: %d %s", method, path, body, w.Code, w.Body)
			}
			harmless(t, e.Message+e.Cure)
		}
	})
}

// Whatever a Host header holds: only what names this machine is answered.
func FuzzHost(f *testing.F) {
	for _, host := range []string{"localhost:8733", "127.0.0.1", "[::1]:80", "evil.example", "[::ffff:7f00:1]:1", "127.0.0.1:", "", "[", "::1%lo"} {
		f.Add(host)
	}
	ops := web.NewOps(web.OpsOptions{})
	f.Fuzz(func(t *testing.T, host string) {
		r := httptest.NewRequest("GET", "/livez", nil)
		r.Host = host
		w := httptest.NewRecorder()
		ops.ServeHTTP(w, r)
		if w.Code == http.StatusMisdirectedRequest {
			return
		}
		name := strings.Trim(strings.ToLower(host), "[]0123456789:.abcdef")
		if name != "" && !strings.HasPrefix(strings.ToLower(host), "localhost") {
			t.Errorf("the host %q is answered with %d", host, w.Code)
		}
	})
}

func FuzzSince(f *testing.F) {
	for _, text := range []string{"", "24h", "7d", "2w", "2026-01-31", "2026-01-31T12:00:00+14:00", "1ns", "-1h", "0d", "65536d", "9999-12-31", "d", "1h1h"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		since, err := web.ParseSince(text, noon)
		switch {
		case err != nil:
			harmless(t, err.Error())
		case text == "" != since.IsZero() && text != "0001-01-01" && !strings.HasPrefix(text, "0001-01-01T"):
			t.Errorf("%q is %v", text, since)
		case since.Location() != time.UTC:
			t.Errorf("%q is %v, not in UTC", text, since)
		}
	})
}

// Whatever is on record: every row can be written, as JSON and as CSV, and
// holds nothing that a terminal or a spreadsheet would act on.
func FuzzRows(f *testing.F) {
	f.Add("Mozilla/5.0", "=1+1", int64(1_772_625_600), uint8(1))
	f.Add("\x1b]52;c;AAAA\x07", "\u202eexe", int64(-1<<60), uint8(200))
	f.Add("a\xff\xfe", "\t@x", int64(1<<60), uint8(7))
	f.Fuzz(func(t *testing.T, a, b string, unix int64, n uint8) {
		when := time.Unix(unix, 0)
		s := sessionwarden.Sighting{
			Seq: uint64(n), Account: a, Device: b, FirstSeen: when, GoneAt: when, State: sessionwarden.SightingState(n),
			Session: sessionwarden.Session{
				ID: sessionwarden.SessionID(a), RawAddr: b, ServiceLocation: a, ISP: b, UserAgent: a + b, Started: when,
				Ownership: sessionwarden.Ownership(n), Addr: netip.Addr{},
			},
			Location: sessionwarden.Location{Country: sessionwarden.Country(a), City: b, Organization: a, Network: sessionwarden.NetworkKind(n)},
			Verdicts: []sessionwarden.Verdict{{Rule: sessionwarden.Rule(a), Response: sessionwarden.Response(n)}},
		}
		finding := sessionwarden.Finding{
			Rule: sessionwarden.Rule(a), Severity: sessionwarden.Severity(n), Response: sessionwarden.Response(n), Time: when,
			Reason: a + b, Silence: b, Capped: a, Facts: []sessionwarden.Fact{{Name: a, Value: b}, {Name: a, Value: a}},
		}
		act := sessionwarden.Action{
			Kind: sessionwarden.ActionKind(n), State: sessionwarden.ActionState(n), Hold: sessionwarden.Hold(n),
			Session: sessionwarden.SessionID(b), Addr: a, Device: b, Reason: a, Note: b, Created: when, Deadline: when,
		}
		for _, row := range []any{web.NewSessionRow(s), web.NewFindingRow(finding), web.NewActionRow(act)} {
			text, err := json.Marshal(row)
			if err != nil {
				t.Fatalf("%+v: %v", row, err)
			}
			var plain map[string]any
			if err := json.Unmarshal(text, &plain); err != nil {
				t.Fatal(err)
			}
			for _, value := range plain {
				if text, ok := value.(string); ok {
					harmless(t, text)
				}
			}
		}
		o := full(0)
		o.Records = one{s}
		w := httptest.NewRecorder()
		web.NewAPI(o).ServeHTTP(w, httptest.NewRequest("GET", "/api/v1/export?format=csv", nil))
		table, err := csv.NewReader(bytes.NewReader(w.Body.Bytes())).ReadAll()
		if err != nil || len(table) != 2 {
			t.Fatalf("%v in %q", err, w.Body)
		}
		for _, cell := range table[1] {
			harmless(t, cell)
			if cell != "" && strings.ContainsRune("=+-@", rune(cell[0])) {
				t.Errorf("the cell %q is a formula", cell)
			}
		}
	})
}

// harmless fails the test where text has something a terminal would act on.
func harmless(t *testing.T, text string) {
	t.Helper()
	for _, r := range text {
		if unicode.In(r, unicode.Cc, unicode.Cf) {
			t.Errorf("%U in %q", r, text)
		}
	}
}

// Whatever answers in the daemon's place: no panic, and no table without a
// count is taken for whole.
func FuzzAnswer(f *testing.F) {
	f.Add(200, `[{"account":"main"}]`, "1")
	f.Add(200, `[`, "")
	f.Add(500, `{"error":"no","cure":"x"}`, "")
	f.Add(200, `[{"started":"x"}]`, "1")
	f.Add(404, "", "9999999999999999999999")
	f.Fuzz(func(t *testing.T, status int, body, count string) {
		if status < 200 || status > 599 || strings.ContainsAny(count, "\r\n\x00") {
			return
		}
		rows, err := collect(web.NewClient(web.InProcess(says(status, body, "Sessionwarden-Rows: "+count))).History(t.Context(), web.Query{}))
		if err == nil && (status != 200 || count == "" || !json.Valid([]byte(strings.TrimSpace(body)[:1+strings.LastIndex(strings.TrimSpace(body), "]")]))) {
			t.Errorf("%d %q with count %q: %d rows and no error", status, body, count, len(rows))
		}
		if _, err := web.NewClient(web.InProcess(says(status, body))).Status(t.Context()); err == nil && status != 200 {
			t.Errorf("%d %q is taken for a status", status, body)
		}
	})
}
