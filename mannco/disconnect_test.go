package mannco_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sessionwarden"
)

func TestDisconnectEndsThatSession(t *testing.T) {
	t.Parallel()
	s := newFake()
	s.rows = crowd(12, 3)
	c := s.client(t)
	mustList(t, c)
	s.requests()
	if err := c.Disconnect(t.Context(), "11"); err != nil {
		t.Fatal(err)
	}
	if got := s.requests(); !slices.Equal(got, []string{"GET /user/disconnectSession/11"}) {
		t.Fatalf("asked %q", got)
	}
	if got := ids(mustList(t, c)); !slices.Equal(got, []string{"900001", "12", "10"}) {
		t.Fatalf("left are %q", got)
	}
	wantFault(t, c.Disconnect(t.Context(), "11"), sessionwarden.FaultNotFound, "No such session")
}

func TestNothingIsSentForWhatIsNoID(t *testing.T) {
	t.Parallel()
	s := newFake()
	c := s.client(t)
	for _, id := range []sessionwarden.SessionID{"", "all", "0", "12/../all", "-1", "1 2", "１２", "123456789012345678901"} {
		wantFault(t, c.Disconnect(t.Context(), id), sessionwarden.FaultBusiness, "no id")
	}
	if got := s.requests(); len(got) != 0 {
		t.Fatalf("asked %q", got)
	}
}

func TestAnswersToADisconnect(t *testing.T) {
	t.Parallel()
	for body, good := range map[string]bool{
		content(`{"message":"Session disconnected"}`): true,
		content(`"ok"`): true,
		content(`null`): true,
		`{"status":"success","data":{"message":"ok"}}`: true,
		content(`[]`):                       true,
		refusal("No"):                       false,
		`{"status":"error","message":"No"}`: false,
		`{}`:                                false,
		`{"err":false,"content":{"message"`: false,
	} {
		s := newFake()
		s.says("/user/disconnectSession/5", 200, body)
		if err := s.client(t).Disconnect(t.Context(), "5"); (err == nil) != good {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestMissingEndpoint(t *testing.T) {
	t.Parallel()
	s := newFake()
	c := s.client(t)
	for _, body := range []string{refusal("No such endpoint"), "<pre>Cannot GET /user/disconnectSession/5</pre>", ""} {
		s.says("/user/disconnectSession/5", 404, body)
		wantFault(t, c.Disconnect(t.Context(), "5"), sessionwarden.FaultNotFound, "ending a session")
	}
}

func TestDisconnectAllProvesTheWayBackFirst(t *testing.T) {
	t.Parallel()
	s := newFake()
	s.rows = crowd(12, 3)
	c := s.client(t)
	mustList(t, c)
	s.requests()
	if err := c.DisconnectAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(s.requests(), ", "); got != "POST /user/login, GET /user/ipList 0, GET /user/disconnectSession/all, POST /user/login" {
		t.Fatalf("asked %s", got)
	}
	l := mustList(t, c)
	wantComplete(t, l, 1)
	if l.LoggedOut || !l.LoggedIn {
		t.Fatal("we ended our session ourselves")
	}
	if s.loginCount() != 3 {
		t.Fatalf("%d logins", s.loginCount())
	}
}

func TestNothingIsEndedWithoutAWayBack(t *testing.T) {
	t.Parallel()
	s := newFake()
	s.rows = crowd(12, 3)
	c := s.client(t)
	mustList(t, c)
	s.says("/user/login", 403, refusal("Country blocked"))
	wantFault(t, c.DisconnectAll(t.Context()), sessionwarden.FaultRefused, "Country blocked")
	wantComplete(t, mustList(t, c), 4)
}

func TestNewLoginThatDoesNotWorkEndsNothing(t *testing.T) {
	t.Parallel()
	s := newFake()
	s.rows = crowd(12, 3)
	c := s.client(t)
	mustList(t, c)
	old := c.Identity()
	s.on("/user/ipList", func(*http.Request) *http.Response { return reply(403, refusal("Not permitted")) })
	s.requests()
	wantFault(t, c.DisconnectAll(t.Context()), sessionwarden.FaultRefused, "Not permitted")
	if slices.Contains(s.requests(), "GET /user/disconnectSession/all") {
		t.Fatal("all sessions were ended")
	}
	s.on("/user/ipList", nil)
	wantComplete(t, mustList(t, c), 4)
	if c.Identity() != old {
		t.Fatal("the login that worked was given up")
	}
}

func TestFailingLoginAfterwardsIsTriedAtTheNextPoll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newFake().running()
		s.rows = crowd(12, 3)
		c := s.client(t)
		mustList(t, c)
		s.on("/user/disconnectSession/all", func(*http.Request) *http.Response {
			go s.says("/user/login", 503, "")
			time.Sleep(time.Millisecond)
			return nil
		})
		if err := c.DisconnectAll(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.on("/user/login", nil)
		l := mustList(t, c)
		wantComplete(t, l, 1)
		if l.LoggedOut {
			t.Fatal("we ended our session ourselves")
		}
	})
}

func TestDisconnectAllOfUnknownOutcome(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newFake().running()
		s.rows = crowd(12, 3)
		c := s.client(t)
		mustList(t, c)
		s.on("/user/disconnectSession/all", func(*http.Request) *http.Response {
			s.endOurs()
			return reply(502, "<html></html>")
		})
		if err := c.DisconnectAll(t.Context()); err == nil {
			t.Fatal("nobody knows what came of it")
		}
		if l := mustList(t, c); !l.LoggedIn || l.LoggedOut {
			t.Fatal("it was our own call that ended our session")
		}
	})
}

func TestDisconnectAllThatIsMissing(t *testing.T) {
	t.Parallel()
	s := newFake()
	s.rows = crowd(12, 3)
	c := s.client(t)
	mustList(t, c)
	s.says("/user/disconnectSession/all", 404, refusal("No such endpoint"))
	wantFault(t, c.DisconnectAll(t.Context()), sessionwarden.FaultNotFound, "No such endpoint")
	wantComplete(t, mustList(t, c), 4)
	if s.mu.Lock(); len(s.valid) != 1 {
		t.Errorf("%d sessions of ours are left", len(s.valid))
	}
	s.mu.Unlock()
	s.endOurs()
	if l := mustList(t, c); !l.LoggedOut {
		t.Error("after that, our session was ended by someone else")
	}
}

func TestLogout(t *testing.T) {
	t.Parallel()
	s := newFake()
	c := s.client(t)
	if err := c.Logout(t.Context()); err != nil || len(s.requests()) != 0 {
		t.Fatalf("nothing to log out of: %v", err)
	}
	mustList(t, c)
	if err := c.Logout(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.mu.Lock(); len(s.valid) != 0 {
		t.Error("our session is still there")
	}
	s.mu.Unlock()
	if c.Identity().SteamID != "" {
		t.Error("the login is still known")
	}
	if l := mustList(t, c); !l.LoggedIn || l.LoggedOut {
		t.Error("the next poll logs in, and nobody ended anything")
	}
	s.says("/user/disconnect", 200, content(`{"disconnect":false}`))
	wantFault(t, c.Logout(t.Context()), sessionwarden.FaultBusiness, "did not do it")
}
