package manncotest_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sessionwarden/mannco/manncotest"
)

// FuzzHandler sends hostile requests to a service with every variant in turn
// and a fault: it must answer, and not panic.
func FuzzHandler(f *testing.F) {
	for i, path := range []string{
		"/user/login", "/user/ipList?page=1&perpage=50&expire=true", "/user/disconnectSession/all", "/user/disconnectSession/70003",
		"/user/disconnect", "/user/infos", "/user/balance", "/user/notifications?limit=-1", "/user/getContactMail", "/user/ipList?page=9223372036854775807&perPage=9",
		"/user/disconnectSession/-9223372036854775808", "//user/../user/ipList?%zz", "/user/ipList?page=%ff&perpage=1e9;x",
	} {
		f.Add("GET", path, "good", "", uint8(i), uint8(3*i))
		f.Add("POST", path, "", `{"apiKey":"`+testKey+`"}`, uint8(i+5), uint8(i))
	}
	f.Add("POST", "/user/login", "Bearer x", "apiKey=%zz&apiKey", uint8(0), uint8(200))
	f.Add("GET", "/user/ipList", "Bearer eyJhbGciOiJub25lIn0.e30.", "", uint8(1), uint8(0))
	f.Fuzz(func(t *testing.T, method, path, authorization, body string, variant, fault uint8) {
		s := manncotest.New(manncotest.Options{})
		if err := s.AddAccount(manncotest.Account{Name: "main", APIKey: testKey}); err != nil {
			t.Fatal(err)
		}
		p := &person{t: t, transport: s.Transport()}
		p.login()
		if authorization == "good" {
			authorization = "Bearer " + p.token
		}
		crowd(s, 3)
		variants, faults := manncotest.Variants(), manncotest.Faults()
		v := variants[int(variant)%len(variants)]
		if err := s.SetVariant(v.Name, v.Values[len(v.Values)-1]); err != nil {
			t.Fatal(err)
		}
		kind := faults[int(fault)%len(faults)].Kind
		switch kind {
		case manncotest.FaultHang, manncotest.FaultDisconnectTimeout, manncotest.FaultSlowBody:
			if err := s.SetFault(manncotest.Fault{Kind: kind, Value: "1ns"}); err != nil {
				t.Fatal(err)
			}
		case manncotest.FaultEndlessBody: // a recorder would read it for ever
		default:
			if err := s.SetFault(manncotest.Fault{Kind: kind}); err != nil {
				t.Fatal(err)
			}
		}
		request, err := http.NewRequest(method, "https://api.mannco.example", strings.NewReader(body))
		if err != nil {
			t.Skip()
		}
		target, query, _ := strings.Cut(path, "?")
		request.URL.Path, request.URL.RawQuery = target, query
		request.RemoteAddr = "192.0.2.10:4444"
		request.Header.Set("Authorization", authorization)
		request.Header.Set("User-Agent", body)
		request.Header.Set("Content-Type", []string{"", "application/json", "application/x-www-form-urlencoded"}[variant%3])
		recorder := httptest.NewRecorder()
		s.ServeHTTP(recorder, request)
		if recorder.Body.Len() > 1<<20 {
			t.Errorf("an answer of %d bytes", recorder.Body.Len())
		}
		log := s.Log()
		last := log[len(log)-1]
		if len(last.Path) > 256 || len(last.Query) > 256 || len(last.Target) > 64 {
			t.Errorf("the log keeps %d, %d and %d bytes", len(last.Path), len(last.Query), len(last.Target))
		}
	})
}

// FuzzLoadScenario reads hostile files: a scenario or an error, never both,
// and no panic; what was read can be set up.
func FuzzLoadScenario(f *testing.F) {
	for _, name := range manncotest.Scenarios() {
		source, err := manncotest.Source(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(source))
	}
	for _, text := range []string{
		head, "speed = nan\n" + head, "a.b.c = [[[1]]]\n[[a.b]]\n", "[[event]]\n[event.changes]\nx.y = 1\n[[event.changes.z]]\n", "[[account.facts]]\n",
		"session = [{}, {who = 1}]\n" + head, head + "event = [1]", "\"\" = 1\n'a b' = {c.d = {e = 1}}", "[account]\nname = \"x\"", head + "[[event]]\nat = \"9999999d\"\nkind = \"\"",
		head + "[[event]]\nat = \"1d-1h\"\nkind=\"fault\"\nfault=\"rate_limited\"\nvalue=\"a\\nb\"",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		sc, err := manncotest.LoadScenario([]byte(text))
		if err != nil {
			if err.Error() == "" || len(sc.Accounts) > 0 {
				t.Errorf("%q and %+v", err, sc)
			}
			return
		}
		s := manncotest.New(manncotest.Options{})
		if err := s.Setup(sc); err != nil {
			t.Errorf("it was read and cannot be set up: %v", err)
		}
	})
}
