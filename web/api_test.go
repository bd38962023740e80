package web_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sessionwarden"
	"sessionwarden/internal/owner"
	"sessionwarden/web"
)

func TestTablesComeAsTheContractSays(t *testing.T) {
	t.Parallel()
	api := web.NewAPI(full(1))
	session := `{"account":"main","id":"12345","address":"203.0.113.7","country":"US","city":"New York","asn":64500,` +
		`"organization":"Example Org","network":"hosting","service_location":"US: New York","isp":"Example Net",` +
		`"user_agent":"Mozilla/5.0","device":"Windows, Chrome","started":"2026-03-04T11:00:00Z",` +
		`"first_seen":"2026-03-04T11:10:00Z","last_seen":"2026-03-04T12:00:00Z","gone_at":"2026-03-04T12:00:00Z",` +
		`"own":false,"state":"gone","seq":"1","expires":"2026-03-05T12:00:00Z","suspicious":true,"rules":["unexpected_country"]}`
	finding := `{"id":"1","account":"main","session_id":"12345","rule":"unexpected_country","severity":"critical",` +
		`"response":"disconnect","time":"2026-03-04T12:00:00Z","late":false,"reason":"signed in from US, expected DE",` +
		`"facts":{"country":"US","expected":"DE"},"silence":"expected_countries = [\"DE\", \"US\"]","seq":"1"}`
	action := `{"id":"1","account":"main","session_id":"12345","kind":"disconnect","state":"verified",` +
		`"reason":"signed in from US","finding_ids":["3","4"],"attempts":1,"created":"2026-03-04T12:00:00Z",` +
		`"updated":"2026-03-04T12:00:01Z","seq":"1","address":"203.0.113.7","device":"Windows, Chrome","by":"Anna"}`
	for path, want := range map[string]string{
		"sessions": session, "history": session, "findings": finding, "actions": action,
		"export": session, "export?what=findings": finding, "export?what=actions&format=json": action,
	} {
		got := ask(t, api, "GET", "/api/v1/"+path, "")
		if want := "[\n" + want + "\n]\n"; got.status != 200 || got.body != want {
			t.Errorf("%s: got %d\n%s\nwant\n%s", path, got.status, got.body, want)
		}
		if got.header.Get("Content-Type") != "application/json" || got.trailer.Get("Sessionwarden-Rows") != "1" {
			t.Errorf("%s: header %v, trailer %v", path, got.header, got.trailer)
		}
	}
	for _, path := range []string{"sessions", "history", "findings", "actions", "incidents"} {
		if got := ask(t, web.NewAPI(full(0)), "GET", "/api/v1/"+path, ""); got.body != "[]\n" {
			t.Errorf("empty %s: %s", path, got.body)
		}
	}
}

func TestTablesAskForWhatWasMeant(t *testing.T) {
	t.Parallel()
	day := 24 * time.Hour
	for path, want := range map[string]sessionwarden.Query{
		"sessions":                           {Live: true},
		"history":                            {},
		"history?account=main":               {Account: "main"},
		"history?since=24h":                  {Since: noon.Add(-day)},
		"history?since=1h30m":                {Since: noon.Add(-90 * time.Minute)},
		"sessions?since=7d":                  {Live: true}, // what is live goes on now
		"findings?since=2w":                  {Since: noon.Add(-14 * day)},
		"findings?since=2026-01-31":          {Since: time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)},
		"actions?since=2026-01-31T12:00:00Z": {Since: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)},
		"actions?since=2026-01-31T12%3A00%3A00%2B02%3A00": {Since: time.Date(2026, 1, 31, 10, 0, 0, 0, time.UTC)},
		"actions?id=7&account=main":                       {ID: 7, Account: "main"},
		"findings?id=18446744073709551615":                {ID: 18446744073709551615},
		"incidents?id=3":                                  {ID: 3},
		"incidents?account=main&since=24h":                {Account: "main", Since: noon.Add(-day)},
		"export?what=history&account=main":                {Account: "main"},
		"export?what=actions&since=24h":                   {Since: noon.Add(-day)},
	} {
		var asked sessionwarden.Query
		o := full(1)
		o.Records = records{sightings: 1, asked: &asked}
		if got := ask(t, web.NewAPI(o), "GET", "/api/v1/"+path, ""); got.status != 200 || asked != want {
			t.Errorf("%s: %d, asked for %+v, want %+v", path, got.status, asked, want)
		}
	}
}

func TestStatusAndAccounts(t *testing.T) {
	t.Parallel()
	o := full(0)
	o.Status = func() sessionwarden.Status {
		s := status()
		s.Accounts[0].Error = "refused \x1b[31m\u202e"
		s.Accounts[0].LastPoll = noon.Add(300 * time.Millisecond)
		return s
	}
	api := web.NewAPI(o)
	got := decode[sessionwarden.Status](t, ask(t, api, "GET", "/api/v1/status", "").body)
	if got.Version != "1.0" || len(got.Accounts) != 2 || got.Accounts[0].Error != "refused [31m" || !got.Accounts[0].LastPoll.Equal(noon) {
		t.Errorf("status %+v", got)
	}
	accounts := decode[[]sessionwarden.AccountStatus](t, ask(t, api, "GET", "/api/v1/accounts", "").body)
	if len(accounts) != 2 || accounts[0].Account != "main" || accounts[0].Live != 2 {
		t.Errorf("accounts %+v", accounts)
	}
	o.Status = func() sessionwarden.Status { return sessionwarden.Status{} }
	if got := ask(t, web.NewAPI(o), "GET", "/api/v1/status", ""); strings.Contains(got.body, "null") {
		t.Errorf("an empty list is null: %s", got.body)
	}
}

func TestOrdersByHand(t *testing.T) {
	t.Parallel()
	var ids []sessionwarden.SessionID
	o := full(0)
	o.Desk = desk{got: &ids}
	var copied string
	o.Backup = func(_ context.Context, path string) error { copied = path; return nil }
	api := web.NewAPI(o)

	got := decode[[]web.ActionRow](t, ask(t, api, "POST", "/api/v1/disconnect", `{"account":"main","ids":["9","8","9"]}`).body)
	if len(got) != 1 || got[0].SessionID != "9" || got[0].State != "planned" || !slices.Equal(ids, []sessionwarden.SessionID{"9", "8"}) {
		t.Errorf("disconnect: %+v, ids %v", got, ids)
	}
	got = decode[[]web.ActionRow](t, ask(t, api, "POST", "/api/v1/disconnect", `{"account":"main","all":true}`).body)
	if len(got) != 2 {
		t.Errorf("disconnect all: %+v", got)
	}
	if row := decode[web.ActionRow](t, ask(t, api, "POST", "/api/v1/approve", `{"id":"7"}`).body); row.ID != "7" || row.State != "planned" {
		t.Errorf("approve: %+v", row)
	}
	if row := decode[web.ActionRow](t, ask(t, api, "POST", "/api/v1/deny", `{"id":"7"}`).body); row.ID != "7" || row.State != "denied" {
		t.Errorf("deny: %+v", row)
	}
	if got := ask(t, api, "POST", "/api/v1/backup", `{"path":"/tmp/../copy.db"}`); got.body != "{\"path\":\"/copy.db\"}\n" || copied != "/copy.db" {
		t.Errorf("backup: %s to %s", got.body, copied)
	}
	for _, body := range []string{"", "{}"} {
		if got := ask(t, api, "POST", "/api/v1/alert-test", body); got.body != `[{"channel":"slack","ok":true,"outcome":"accepted"}]`+"\n" {
			t.Errorf("alert-test: %s", got.body)
		}
	}
}

func TestTrustsAreAddedListedAndRemoved(t *testing.T) {
	t.Parallel()
	api := web.NewAPI(full(0))
	rows := decode[[]web.TrustRow](t, ask(t, api, "GET", "/api/v1/trusts?account=main", "").body)
	if len(rows) != 2 || rows[0].State != "expired" || rows[0].What() != "203.0.113.0/24" || rows[1].State != "holds" || rows[1].What() != "JP" {
		t.Errorf("listed: %+v", rows)
	}
	row := decode[web.TrustRow](t, ask(t, api, "POST", "/api/v1/trust-add", `{"account":"main","country":"JP","until":"2026-03-20","note":"trip\u202e"}`).body)
	if want := (web.TrustRow{
		ID: "12", Account: "main", Country: "JP", Until: time.Date(2026, 3, 20, 23, 59, 59, 0, time.UTC), Note: "trip", By: owner.Me(), Created: noon, State: "holds",
	}); row != want {
		t.Errorf("added: %+v, want %+v", row, want)
	}
	for body, status := range map[string]int{`{"account":"main","country":"CN","until":"14d"}`: 500, `{"account":"main","country":"CN","until":"14d","sure":true}`: 200} {
		if got := ask(t, api, "POST", "/api/v1/trust-add", body); got.status != status {
			t.Errorf("what is in doubt, %s: %d %s", body, got.status, got.body)
		}
	}
	row = decode[web.TrustRow](t, ask(t, api, "POST", "/api/v1/trust-add", `{"action":"7","until":"14d"}`).body)
	if row.What() != "203.0.113.7/32" || !row.Until.Equal(noon.AddDate(0, 0, 14)) {
		t.Errorf("from an action: %+v", row)
	}
	row = decode[web.TrustRow](t, ask(t, api, "POST", "/api/v1/trust-remove", `{"id":"12"}`).body)
	if row.ID != "12" || row.State != "removed" || row.What() != "AS64500" {
		t.Errorf("removed: %+v", row)
	}
}

func TestWhatMakesNoSenseIsRefusedWithACure(t *testing.T) {
	t.Parallel()
	api := web.NewAPI(full(0))
	many := `{"account":"main","ids":["` + strings.Repeat(`1","`, 1000) + `1"]}`
	for _, test := range []struct {
		method, path, body string
		status             int
		says               string
	}{
		{"GET", "sessions?acount=main", "", 400, "did you mean account?"},
		{"GET", "sessions?limit=5", "", 400, "it takes account and since"},
		{"GET", "sessions?id=5", "", 400, "no parameter"},
		{"GET", "status?account=main", "", 400, "it takes no parameters"},
		{"GET", "sessions?account=main&account=second", "", 400, "more than once"},
		{"GET", "sessions?account=%zz", "", 400, "cannot be read"},
		{"GET", "sessions?since=24h;account=main", "", 400, "cannot be read"},
		{"GET", "sessions?account=" + strings.Repeat("a", 2000), "", 400, "too long"},
		{"GET", "sessions?since=yesterday", "", 400, "write an age such as 24h or 7d"},
		{"GET", "sessions?since=0d", "", 400, "is no time"},
		{"GET", "sessions?since=-24h", "", 400, "is no time"},
		{"GET", "sessions?since=99999d", "", 400, "is no time"},
		{"GET", "sessions?since=213504d", "", 400, "is no time"}, // more nanoseconds than 64 bits hold
		{"GET", "sessions?since=1.5d", "", 400, "is no time"},
		{"GET", "sessions?since=2026-02-30", "", 400, "is no time"},
		{"GET", "findings?id=x", "", 400, "ids are whole numbers"},
		{"GET", "findings?id=0", "", 400, "ids are whole numbers"},
		{"GET", "findings?id=-1", "", 400, "ids are whole numbers"},
		{"GET", "sessions?account=mian", "", 404, "did you mean main?"},
		{"GET", "history?account=somebody-else", "", 404, "there is main"},
		{"GET", "export?format=cvs", "", 400, "did you mean csv?"},
		{"GET", "export?format=xlsx", "", 400, "it can be json and csv"},
		{"GET", "export?what=sessions", "", 400, "it can be history, findings, actions and incidents"},
		{"GET", "session", "", 404, "did you mean /api/v1/sessions?"},
		{"GET", "sessions", "{}", 400, "the request has a body"},
		{"HEAD", "sessions", "", 405, ""},
		{"POST", "sessions", "{}", 405, "use GET"},
		{"GET", "disconnect", "", 405, "use POST"},
		{"DELETE", "sessions", "", 405, "use GET"},

		{"POST", "disconnect", "", 415, "Content-Type"},
		{"POST", "disconnect", "{", 400, "account, ids and all"},
		{"POST", "disconnect", "[]", 400, "account, ids and all"},
		{"POST", "disconnect", "null", 400, "no account is named"},
		{"POST", "disconnect", `{"account":"main"}`, 400, "either ids or all"},
		{"POST", "disconnect", `{"account":"main","ids":[]}`, 400, "either ids or all"},
		{"POST", "disconnect", `{"account":"main","ids":["1"],"all":true}`, 400, "either ids or all"},
		{"POST", "disconnect", `{"account":"main","ids":[""]}`, 400, "no session id"},
		{"POST", "disconnect", `{"account":"main","ids":[1]}`, 400, "send one JSON object"},
		{"POST", "disconnect", `{"ids":["1"]}`, 400, "no account is named"},
		{"POST", "disconnect", `{"account":"main","al":true}`, 400, "unknown field"},
		{"POST", "disconnect", `{"account":"main","all":true}{}`, 400, "more after the object"},
		{"POST", "disconnect", many, 400, "too many ids"},
		{"POST", "disconnect", `{"account":"` + strings.Repeat("a", 70_000), 413, "too large"},
		{"POST", "disconnect", `{"account":"main","all":true}` + strings.Repeat(" ", 70_000), 413, "too large"},
		{"POST", "disconnect?all=true", `{"account":"main"}`, 400, "no parameter"},
		{"POST", "approve", `{"id":"seven"}`, 400, "ids are whole numbers"},
		{"POST", "approve", `{}`, 400, "ids are whole numbers"},
		{"POST", "deny", `{"id":"0"}`, 400, "ids are whole numbers"},
		{"POST", "trust-add", `{"account":"main","country":"JAPAN","until":"14d"}`, 400, "write \\\"JP\\\" for Japan"},
		{"POST", "trust-add", `{"account":"main","country":"JP","asn":"AS1","until":"14d"}`, 400, "exactly one"},
		{"POST", "trust-add", `{"account":"main","until":"14d"}`, 400, "exactly one"},
		{"POST", "trust-add", `{"account":"main","country":"JP"}`, 400, "needs an end"},
		{"POST", "trust-add", `{"account":"main","country":"JP","until":"2026-03-04T11:59:59Z"}`, 400, "is over already"},
		{"POST", "trust-add", `{"account":"main","country":"JP","until":"500d"}`, 400, "within 400 days"},
		{"POST", "trust-add", `{"country":"JP","until":"14d"}`, 400, "no account is named"},
		{"POST", "trust-add", `{"account":"mian","country":"JP","until":"14d"}`, 404, "did you mean main?"},
		{"POST", "trust-add", `{"action":"seven","until":"14d"}`, 400, "ids are whole numbers"},
		{"POST", "trust-add", `{"account":"main","country":"JP","until":"14d","note":"` + strings.Repeat("a", 201) + `"}`, 400, "the note is too long"},
		{"POST", "trust-add", `{"account":"main","country":"JP","until":"14d","by":"root"}`, 400, "unknown field"},
		{"POST", "trust-remove", `{"id":"x"}`, 400, "ids are whole numbers"},
		{"GET", "trusts?account=mian", "", 404, "did you mean main?"},
		{"GET", "profile?account=mian", "", 404, "did you mean main?"},
		{"GET", "explain", "", 400, "no session is named"},
		{"GET", "explain?session=1&account=mian", "", 404, "did you mean main?"},
		{"POST", "profile-reset", `{}`, 400, "no account is named"},
		{"POST", "profile-reset", `{"account":"mian"}`, 404, "did you mean main?"},
		{"POST", "backup", `{"path":"copy.db"}`, 400, "not absolute"},
		{"POST", "backup", `{"path":""}`, 400, "not absolute"},
		{"POST", "backup", `{"path":"/a\u0000b"}`, 400, "not absolute"},
		{"POST", "alert-test", `{"channel":"slack"}`, 400, "unknown field"},
		{"POST", "alert-resend", `{}`, 400, "ids are whole numbers"},
		{"POST", "alert-resend", `{"id":"7","channel":"` + strings.Repeat("a", 2000) + `"}`, 400, "too long"},
		{"GET", "alerts?last=0", "", 400, "from 1 to 1000"},
		{"GET", "alerts?last=1001", "", 400, "from 1 to 1000"},
		{"GET", "alerts?last=ten", "", 400, "is no number"},
		{"GET", "alerts?id=x", "", 400, "ids are whole numbers"},
	} {
		got := ask(t, api, test.method, "/api/v1/"+test.path, test.body)
		name := fmt.Sprintf("%s %.60s %.60s", test.method, test.path, test.body)
		if got.status != test.status || !strings.Contains(got.body, test.says) {
			t.Errorf("%s: got %d %s, want %d %s", name, got.status, got.body, test.status, test.says)
			continue
		}
		if test.method == "HEAD" {
			continue
		}
		e := decode[web.Error](t, got.body)
		if e.Message == "" || e.Cure == "" || e.Status != test.status {
			t.Errorf("%s: %+v", name, e)
		}
	}
	got := ask(t, api, "POST", "/api/v1/disconnect", `{"account":"main","all":true}`, "Content-Type: application/x-www-form-urlencoded")
	if got.status != 415 {
		t.Errorf("a form is answered with %d", got.status)
	}
}

// failure is an error that says of itself what it is.
type failure struct{ missing, clash bool }

func (f failure) Error() string  { return "action 7 is no more" }
func (f failure) NotFound() bool { return f.missing }
func (f failure) Conflict() bool { return f.clash }
func (f failure) Cure() string   { return "look again" }

func TestErrorsKeepTheirMeaning(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		fail   error
		status int
		cure   string
	}{
		{failure{missing: true}, 404, "look again"},
		{fmt.Errorf("approving: %w", failure{clash: true}), 409, "look again"},
		{failure{}, 500, "look again"},
		{&web.Error{Message: "no", Cure: "never", Status: 418}, 418, "never"},
		{&sessionwarden.Fault{Kind: sessionwarden.FaultLimited, Doing: "ending a session", Message: "slow down"}, 503, "try again in a minute"},
		{&sessionwarden.Fault{Kind: sessionwarden.FaultRefused, Doing: "ending a session", Message: "no"}, 502, "check command"},
		{&sessionwarden.Fault{Kind: sessionwarden.FaultNotFound, Doing: "ending a session", Message: "gone"}, 404, "live sessions"},
		{&sessionwarden.Fault{Kind: sessionwarden.FaultClock, Doing: "ending a session", Message: "1970"}, 502, "clock"},
		{&sessionwarden.Fault{Kind: sessionwarden.FaultNetwork, Doing: "ending a session", Message: "no route"}, 502, "try again"},
		{fmt.Errorf("x: %w", context.Canceled), 503, "ask again"},
		{fmt.Errorf("x: %w", fs.ErrExist), 409, "another name"},
		{fmt.Errorf("x: %w", fs.ErrPermission), 403, "may write to"},
		{fmt.Errorf("x: %w", fs.ErrNotExist), 404, "folder"},
		{errors.New("odd"), 500, ""},
	} {
		o := full(0)
		o.Answers = desk{fail: test.fail}
		got := ask(t, web.NewAPI(o), "POST", "/api/v1/approve", `{"id":"7"}`)
		e := decode[web.Error](t, got.body)
		if got.status != test.status || !strings.Contains(e.Cure, test.cure) || e.Message != test.fail.Error() {
			t.Errorf("%v: got %d %+v", test.fail, got.status, e)
		}
	}
}

func TestWhatWasPlannedIsToldBesideAnError(t *testing.T) {
	t.Parallel()
	o := full(0)
	o.Desk = desk{fail: errDisk}
	rows, err := web.NewClient(web.InProcess(web.NewAPI(o))).Disconnect(t.Context(), "main", []sessionwarden.SessionID{"9"})
	var e *web.Error
	if !errors.As(err, &e) || e.Status != 500 || len(rows) != 1 || rows[0].SessionID != "9" {
		t.Errorf("got %+v, %v", rows, err)
	}
}

// What is known and why comes to the client as it was given, without what is
// hostile in it.
func TestWhatIsKnownAndWhy(t *testing.T) {
	t.Parallel()
	client := web.NewClient(web.InProcess(web.NewAPI(full(0))))
	rows, err := client.Profiles(t.Context(), "main")
	if err != nil || len(rows) != 1 || rows[0].Countries[0].Name != "Germany" || rows[0].Countries[0].Weight != 4 {
		t.Errorf("profiles: %+v, %v", rows, err)
	}
	row, err := client.ResetProfile(t.Context(), "main")
	if err != nil || row.Account != "main" || !row.Since.Equal(noon) {
		t.Errorf("reset: %+v, %v", row, err)
	}
	e, err := client.Explain(t.Context(), "", "12345")
	if err != nil || len(e.Answers) != 2 || !e.Answers[0].Matched || e.Answers[0].Reason != "signed in from US, expected DE[31m" || e.Answers[1].Why != "the device is known" ||
		len(e.Account) != 1 || e.Account[0].Says != "the name is Eve" || !e.Account[0].Read.Equal(noon) || len(e.Account[0].Changes) != 1 {
		t.Errorf("explained: %+v, %v", e, err)
	}
	o := full(0)
	o.Insight = desk{fail: errDisk}
	if got := ask(t, web.NewAPI(o), "GET", "/api/v1/profile", ""); got.status != 500 {
		t.Errorf("it failed, and says %d", got.status)
	}
}

// A row of the record is the sighting again, to the nanosecond, but for what was
// said of it.
func TestTheRecordIsTheSighting(t *testing.T) {
	t.Parallel()
	s := sighting(7)
	at := noon.Add(987654321)
	s.Missing, s.LeftAt, s.EndedAt, s.Active, s.DeniedAt, s.Unseen = at, at, at, at, at, time.Minute+1
	s.Baseline, s.Late, s.Denied, s.Ownership, s.State = true, true, true, sessionwarden.Disputed, sessionwarden.Moved
	s.Location.Latitude, s.Location.Longitude, s.Location.RadiusKM, s.Location.HasPoint = 40.7, -74.1, 12.5, true
	s.Location.Tor, s.Location.VPN = true, true
	nowhere := s
	nowhere.Addr, nowhere.RawAddr = netip.Addr{}, "not an address"
	for _, s := range []sessionwarden.Sighting{s, nowhere} {
		text, err := json.Marshal(web.NewRecordRow(s))
		var row web.RecordRow
		if err == nil {
			err = json.Unmarshal(text, &row)
		}
		got, rerr := row.Sighting()
		s.Verdicts = nil
		if err != nil || rerr != nil || !reflect.DeepEqual(got, s) {
			t.Errorf("got\n%+v, %v, %v\nwant\n%+v", got, err, rerr, s)
		}
	}
	rows := 0
	for s, err := range web.NewClient(web.InProcess(web.NewAPI(full(3)))).Record(t.Context(), "") {
		if rows++; err != nil || s.ID != "12345" {
			t.Errorf("row %d: %+v, %v", rows, s, err)
		}
	}
	if rows != 3 {
		t.Errorf("%d rows", rows)
	}
	if _, err := (web.RecordRow{Seq: "x"}).Sighting(); err == nil {
		t.Error("a row without a number is one")
	}
}

func TestWhatIsNotThereIsSaid(t *testing.T) {
	t.Parallel()
	api := web.NewAPI(web.APIOptions{})
	for path, body := range map[string]string{
		"status": "", "accounts": "", "sessions": "", "history": "", "findings": "", "actions": "", "record": "", "export": "",
		"disconnect": "{}", "approve": "{}", "deny": "{}", "trusts": "", "trust-add": "{}", "trust-remove": "{}", "silences": "", "silence-add": "{}", "silence-remove": "{}", "acknowledge": "{}", "explain": "", "profile": "", "profile-reset": "{}", "evidence": "{}", "backup": "{}", "alerts": "", "alert-resend": "{}", "alert-test": "{}",
	} {
		method := "GET"
		if body != "" {
			method = "POST"
		}
		if got := ask(t, api, method, "/api/v1/"+path, body); got.status != 501 {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
}

func TestTheAPIDoesNotAnswerOverTCP(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(web.NewAPI(full(1)))
	defer server.Close()
	req, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+"/api/v1/status", nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := askOver(t, http.DefaultTransport, req); got.status != 403 || strings.Contains(got.body, "main") {
		t.Errorf("got %d %s", got.status, got.body)
	}
}

func TestAPanicIsContained(t *testing.T) {
	t.Parallel()
	o := full(1)
	o.Status = func() sessionwarden.Status { panic("a secret detail") }
	o.Records = records{sightings: 3, produced: func(n int) {
		if n == 3 {
			panic("halfway")
		}
	}}
	log := &lines{}
	o.Logger = log.logger()
	reg := prometheus.NewRegistry()
	o.Registerer = reg
	api := web.NewAPI(o)
	got := ask(t, api, "GET", "/api/v1/status", "")
	if e := decode[web.Error](t, got.body); got.status != 500 || strings.Contains(got.body, "secret") || e.Cure == "" {
		t.Errorf("got %d %s", got.status, got.body)
	}
	if text := log.String(); !strings.Contains(text, "a secret detail") || !strings.Contains(text, "goroutine") {
		t.Errorf("the log says %s", text)
	}
	if rows, err := collect(web.NewClient(web.InProcess(api)).History(t.Context(), web.Query{})); err == nil {
		t.Errorf("a table that panicked looks whole: %v", rows)
	}
	metrics := ask(t, web.NewOps(web.OpsOptions{Gatherer: reg}), "GET", "/metrics", "").body
	if !strings.Contains(metrics, `sessionwarden_web_panics_total{face="api"} 2`) {
		t.Errorf("the panics are not counted in\n%s", metrics)
	}
}
