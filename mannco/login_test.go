package mannco_test

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sessionwarden"
	"sessionwarden/mannco"
)

func TestOneLoginForManyPolls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newFake().running()
		c := s.client(t)
		for range 100 {
			mustList(t, c)
			time.Sleep(30 * time.Second)
		}
		if s.loginCount() != 1 {
			t.Fatalf("%d logins for 100 polls", s.loginCount())
		}
	})
}

func TestLoggedInAgainWhenOurSessionWasEnded(t *testing.T) {
	t.Parallel()
	s := newFake()
	c := s.client(t)
	if l := mustList(t, c); !l.LoggedIn || l.LoggedOut {
		t.Fatal("the first login is one, and nobody was logged out")
	}
	s.endOurs()
	if l := mustList(t, c); !l.LoggedIn || !l.LoggedOut || !l.Complete {
		t.Fatal("our session was ended by someone: it must be said")
	}
	if l := mustList(t, c); l.LoggedIn || l.LoggedOut {
		t.Fatal("it must be said once")
	}
}

func TestBeingLoggedOutIsToldWithTheNextLiveList(t *testing.T) {
	t.Parallel()
	s := newFake()
	c := s.client(t)
	mustList(t, c)
	s.endOurs()
	if err := c.Disconnect(t.Context(), "12"); !sessionwarden.IsFault(err, sessionwarden.FaultNotFound) {
		t.Fatalf("the call itself goes on after the new login: %v", err)
	}
	if l, err := c.Sessions(t.Context(), true); err != nil || l.LoggedOut {
		t.Fatalf("not with the expired list: %+v, %v", l, err)
	}
	if l := mustList(t, c); !l.LoggedIn || !l.LoggedOut {
		t.Fatal("it was not told")
	}
}

func TestExpiredTokenIsNotBeingLoggedOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newFake().running()
		s.life = time.Hour
		c := s.client(t)
		mustList(t, c)
		s.says("/user/login", 502, "<html>bad gateway</html>") // so that it cannot be renewed in time
		time.Sleep(56 * time.Minute)
		mustList(t, c)
		time.Sleep(5 * time.Minute)
		s.on("/user/login", nil)
		s.endOurs()
		if l := mustList(t, c); !l.LoggedIn || l.LoggedOut {
			t.Fatal("the token had come to its end by itself")
		}
	})
}

func TestManyCallersOneLogin(t *testing.T) {
	t.Parallel()
	s := newFake()
	c := s.client(t)
	mustList(t, c)
	for round := range 3 {
		s.endOurs()
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				if _, err := c.Sessions(t.Context(), false); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if s.loginCount() != 2+round {
			t.Fatalf("%d logins after %d ended sessions", s.loginCount(), 1+round)
		}
	}
}

func TestManyCallersOneRefusedLogin(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newFake().running()
		s.on("/user/login", func(*http.Request) *http.Response {
			time.Sleep(time.Second)
			return reply(502, "<html></html>")
		})
		c := s.client(t)
		for range 20 {
			go func() {
				if _, err := c.Sessions(t.Context(), false); !sessionwarden.IsFault(err, sessionwarden.FaultNetwork) {
					t.Error(err)
				}
			}()
		}
		time.Sleep(2 * time.Second)
		if got := s.requests(); len(got) != 1 {
			t.Fatalf("asked %q", got)
		}
	})
}

func TestRefusedLoginsAreSpacedOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newFake().running()
		key := "test-key-that-is-wrong"
		c := s.client(t, func(o *mannco.Options) { o.Key = func() (string, error) { return key, nil } })
		tries, first := 0, time.Duration(0)
		for range 24 * 60 * 12 { // a day of polls every five seconds
			_, err := c.Sessions(t.Context(), false)
			f := wantFault(t, err, sessionwarden.FaultRefused, "Invalid API key")
			if n := len(s.requests()); n > 0 {
				tries += n
				if first == 0 {
					first = f.RetryAfter
				}
			}
			if f.RetryAfter <= 0 || f.RetryAfter > 15*time.Minute {
				t.Fatalf("try again in %s", f.RetryAfter)
			}
			time.Sleep(5 * time.Second)
		}
		if first != 30*time.Second || tries < 95 || tries > 105 {
			t.Fatalf("%d logins tried in a day, the second after %s", tries, first)
		}
		key = canaryKey // mended: that is worth a try at once
		mustList(t, c)
	})
}

func TestRefusedLoginNamesTheLikelyCauses(t *testing.T) {
	t.Parallel()
	s := newFake()
	s.says("/user/login", 300, refusal("API key missing"))
	_, err := s.client(t).Sessions(t.Context(), false)
	wantFault(t, err, sessionwarden.FaultRefused, "API key missing")

	s = newFake()
	s.says("/user/login", 403, refusal("Country blocked"))
	_, err = s.client(t).Sessions(t.Context(), false)
	f := wantFault(t, err, sessionwarden.FaultRefused, "Country blocked")
	for _, cause := range []string{"revoked", "address", "country"} {
		if !strings.Contains(f.Message, cause) {
			t.Errorf("%q does not name the %s", f.Message, cause)
		}
	}
}

func TestEndedSessionsAreNeverSpacedOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newFake().running()
		c := s.client(t)
		mustList(t, c)
		for range 60 { // a thief ends our session before each poll
			time.Sleep(15 * time.Second)
			s.endOurs()
			if l := mustList(t, c); !l.LoggedOut {
				t.Fatal("our session was ended, and it was not said")
			}
		}
	})
}

func TestSixLoginsAMinuteAtMost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newFake().running()
		c := s.client(t)
		limited := 0
		for range 600 { // ten minutes
			if _, err := c.Sessions(t.Context(), false); err != nil {
				f := wantFault(t, err, sessionwarden.FaultLimited, "six logins a minute")
				if f.RetryAfter <= 0 || f.RetryAfter > time.Minute {
					t.Fatalf("try again in %s", f.RetryAfter)
				}
				limited++
			}
			s.endOurs()
			time.Sleep(time.Second)
		}
		if n := s.loginCount(); n < 54 || n > 60 || limited == 0 {
			t.Fatalf("%d logins in ten minutes", n)
		}
	})
}

func TestRefusedEvenAfterANewLogin(t *testing.T) {
	t.Parallel()
	s := newFake()
	s.says("/user/ipList", 403, refusal("Not permitted"))
	_, err := s.client(t).Sessions(t.Context(), false)
	wantFault(t, err, sessionwarden.FaultRefused, "even after a new login (Not permitted)")
	if n := s.loginCount(); n != 2 {
		t.Fatalf("%d logins, want the first and one more", n)
	}
}

func TestForbiddenInAGoodAnswerIsARefusal(t *testing.T) {
	t.Parallel()
	s := newFake()
	c := s.client(t)
	mustList(t, c)
	first := true
	s.on("/user/ipList", func(*http.Request) *http.Response {
		if first {
			first = false
			return reply(200, `{"status":"forbidden","data":null}`)
		}
		return nil
	})
	mustList(t, c)
	if s.loginCount() != 2 {
		t.Fatalf("%d logins", s.loginCount())
	}
}

func TestTheCDNIsNoReasonToLogIn(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]*http.Response{
		"challenge":      reply(403, "<!DOCTYPE html><title>Just a moment...</title>", "Content-Type", "text/html"),
		"plain text":     reply(403, "error code: 1020", "Content-Type", "text/plain"),
		"nothing":        reply(403, ""),
		"JSON of theirs": reply(403, `{"error":"challenge"}`, "Cf-Mitigated", "challenge"),
		"HTML 401":       reply(401, "<html>proxy</html>"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newFake()
			c := s.client(t)
			mustList(t, c)
			s.on("/user/ipList", func(*http.Request) *http.Response { return answer })
			_, err := c.Sessions(t.Context(), false)
			wantFault(t, err, sessionwarden.FaultNetwork, "40")
			if s.loginCount() != 1 {
				t.Fatal("it logged in again")
			}
		})
	}
}

func TestRenewedAtFourFifthsOfItsLife(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newFake().running()
		c := s.client(t)
		mustList(t, c)
		time.Sleep(s.life*4/5 - time.Minute)
		mustList(t, c)
		if s.loginCount() != 1 {
			t.Fatal("renewed too early")
		}
		time.Sleep(2 * time.Minute)
		s.requests()
		l := mustList(t, c)
		if s.loginCount() != 2 || !l.LoggedIn || l.LoggedOut {
			t.Fatalf("%d logins, %+v", s.loginCount(), l)
		}
		if got := strings.Join(s.requests(), ", "); got != "POST /user/login, GET /user/ipList 0, GET /user/disconnect, GET /user/ipList 0" {
			t.Fatalf("asked %s", got)
		}
		if s.mu.Lock(); len(s.valid) != 1 {
			t.Error("the old session litters the list")
		}
		s.mu.Unlock()
	})
}

func TestOldTokenStaysUntilTheNewOneWorks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newFake().running()
		c := s.client(t)
		mustList(t, c)
		before := c.Identity()
		time.Sleep(s.life * 9 / 10)
		s.says("/user/login", 403, refusal("Country blocked"))
		for range 20 {
			if l := mustList(t, c); l.LoggedOut {
				t.Fatal("nobody ended it")
			}
			time.Sleep(30 * time.Second)
		}
		if c.Identity() != before {
			t.Fatal("the token was given up")
		}
		tried := 0
		for _, line := range s.requests() {
			if line == "POST /user/login" {
				tried++
			}
		}
		if tried < 2 || tried > 4 {
			t.Fatalf("the renewal was tried %d times in ten minutes", tried-1)
		}
		s.on("/user/login", nil)
		time.Sleep(20 * time.Minute)
		mustList(t, c)
		if !c.Identity().Issued.After(before.Issued) {
			t.Fatal("not renewed when it was possible again")
		}
	})
}

func TestLifeIsJudgedByTheServicesClock(t *testing.T) {
	t.Parallel()
	s := newFake()
	c := s.client(t, func(o *mannco.Options) { o.Now = func() time.Time { return noon.Add(-400 * 24 * time.Hour) } })
	l := mustList(t, c)
	if s.loginCount() != 1 || l.Rows[0].Ownership != sessionwarden.Own || l.Rows[0].Started.IsZero() {
		t.Fatalf("%d logins, %+v", s.loginCount(), l.Rows[0])
	}
	s.now = func() time.Time { return noon.Add(26 * 24 * time.Hour) }
	mustList(t, c) // learns the service's time
	mustList(t, c)
	if s.loginCount() != 2 {
		t.Fatalf("%d logins, want a renewal, as it is late by the service's clock", s.loginCount())
	}
}

func TestAnswersToALogin(t *testing.T) {
	t.Parallel()
	jwt := newFake().logIn()
	for name, body := range map[string]string{
		"newer":           content(`{"token":"` + jwt + `"}`),
		"other name":      content(`{"user":"x","jwt":"` + jwt + `"}`),
		"content itself":  content(`"` + jwt + `"`),
		"older":           `{"status":"success","data":{"token":"` + jwt + `"}}`,
		"older, itself":   `{"status":"success","data":"` + jwt + `"}`,
		"no envelope":     `{"token":"` + jwt + `"}`,
		"JSON string":     `"` + jwt + `"`,
		"bare":            jwt + "\n",
		"with its scheme": content(`{"token":"Bearer ` + jwt + `"}`),
	} {
		s := newFake()
		s.says("/user/login", 200, body)
		id, err := s.client(t).LogIn(t.Context())
		if err != nil || id.SteamID != "76561198000000000" || id.Addr.String() != "192.0.2.10" || id.Country != "DE" ||
			!id.Issued.Equal(noon) || !id.Expires.Equal(noon.Add(31*24*time.Hour)) {
			t.Errorf("%s: %+v, %v", name, id, err)
		}
	}
	for name, test := range map[string]struct {
		body string
		kind sessionwarden.FaultKind
	}{
		"no token":       {content(`{"message":"welcome"}`), sessionwarden.FaultStrange},
		"half a token":   {content(`{"token":"eyJhbGciOiJIUzI1NiJ9.e"}`), sessionwarden.FaultStrange},
		"claims broken":  {content(`{"token":"eyJhbGciOiJIUzI1NiJ9.eyJh.x"}`), sessionwarden.FaultStrange},
		"header in it":   {content(`{"token":"` + jwt + `\r\nX-Evil: 1"}`), sessionwarden.FaultStrange},
		"huge":           {content(`{"token":"` + jwt + strings.Repeat("a", 1<<20) + `"}`), sessionwarden.FaultStrange},
		"says no":        {refusal("Invalid API key"), sessionwarden.FaultRefused},
		"says no, older": {`{"status":"forbidden","message":"Invalid API key"}`, sessionwarden.FaultRefused},
		"HTML":           {`<html>`, sessionwarden.FaultNetwork},
	} {
		s := newFake()
		s.says("/user/login", 200, test.body)
		_, err := s.client(t).LogIn(t.Context())
		if !sessionwarden.IsFault(err, test.kind) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestKeyThatCannotBeRead(t *testing.T) {
	t.Parallel()
	s := newFake()
	gone := errors.New("the file is gone")
	c := s.client(t, func(o *mannco.Options) { o.Key = func() (string, error) { return "", gone } })
	_, err := c.Sessions(t.Context(), false)
	wantFault(t, err, sessionwarden.FaultRefused, "the file is gone")
	if !errors.Is(err, gone) {
		t.Error("the cause is lost")
	}
	if len(s.requests()) != 0 {
		t.Error("something was sent without a key")
	}
}

func TestStoppingDoesNotWaitForALogin(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newFake().running()
		s.on("/user/login", func(*http.Request) *http.Response { time.Sleep(9 * time.Second); return nil })
		c := s.client(t)
		go func() { _, _ = c.Sessions(t.Context(), false) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun := time.Now()
		_, err := c.Sessions(ctx, false)
		if err == nil || time.Since(begun) != time.Second {
			t.Fatalf("waited %s: %v", time.Since(begun), err)
		}
		time.Sleep(10 * time.Second)
	})
}

// A Date header that is a year ahead makes every token look old: it is renewed
// once, and not every ten minutes.
func TestAServiceWhoseClockRunsAheadIsNotLoggedInToAgainAndAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newFake().running()
		ahead := time.Duration(0)
		c := s.client(t, func(o *mannco.Options) { o.Transport = shifted{s, &ahead} })
		mustList(t, c)
		ahead = 365 * 24 * time.Hour
		for range 12 * 60 {
			time.Sleep(time.Minute)
			mustList(t, c)
		}
		if n := s.loginCount(); n > 2 {
			t.Errorf("%d logins in twelve hours", n)
		}
		ahead = 0
		mustList(t, c)
		mustList(t, c)
		n := s.loginCount()
		time.Sleep(s.life * 9 / 10)
		mustList(t, c)
		mustList(t, c)
		if got := s.loginCount() - n; got != 1 {
			t.Errorf("%d renewals when the clock was right again and the token old", got)
		}
	})
}

// Our own clock makes no token old: the service's does.
func TestOurClockMakesNoTokenOld(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newFake().running()
		ours := time.Duration(0)
		file := filepath.Join(t.TempDir(), "main.json")
		options := func(o *mannco.Options) {
			o.TokenFile, o.Now = file, func() time.Time { return s.now().Add(ours) }
		}
		c := s.client(t, options)
		mustList(t, c)
		for _, ours = range []time.Duration{40 * 24 * time.Hour, -40 * 24 * time.Hour, 0, 3 * 365 * 24 * time.Hour} {
			mustList(t, c)
			mustList(t, c)
			c = s.client(t, options) // and over a restart
			mustList(t, c)
			mustList(t, c)
		}
		if n := s.loginCount(); n != 1 {
			t.Errorf("%d logins, as our clock was set", n)
		}
	})
}

// shifted is a way to the service that moves its Date header.
type shifted struct {
	next http.RoundTripper
	by   *time.Duration
}

func (s shifted) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := s.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	date, err := http.ParseTime(answer.Header.Get("Date"))
	if err == nil {
		answer.Header.Set("Date", date.Add(*s.by).UTC().Format(http.TimeFormat))
	}
	return answer, nil
}
