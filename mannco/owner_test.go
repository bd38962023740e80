package mannco_test

import (
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"sessionwarden"
	"sessionwarden/mannco"
)

// at makes a row that began so long after noon, when the fake's login is made.
func at(id int, ip string, after time.Duration, current bool, more ...string) string {
	r := fmt.Sprintf(`{"id":%d,"ip":"%s","userAgent":"x","current":%t,"timestamp":%d,"expire":%d`, id, ip, current, noon.Add(after).Unix(), noon.Add(time.Hour).Unix())
	for _, m := range more {
		r += "," + m
	}
	return r + "}"
}

func TestOwnership(t *testing.T) {
	t.Parallel()
	const (
		not      = sessionwarden.NotOwn
		own      = sessionwarden.Own
		disputed = sessionwarden.Disputed
		ours     = "192.0.2.10"
		theirs   = "203.0.113.66"
	)
	tests := []struct {
		name string
		rows []string
		want []sessionwarden.Ownership
		note string
	}{
		{"the marked row", []string{at(1, ours, 0, true), at(2, theirs, 0, false)}, []sessionwarden.Ownership{own, not}, ""},
		{"the marked row, seen from elsewhere", []string{at(1, theirs, 0, true), at(2, theirs, -time.Hour, false)}, []sessionwarden.Ownership{own, not}, ""},
		{"no mark: address and time", []string{at(1, ours, 100*time.Second, false), at(2, ours, -time.Hour, false)}, []sessionwarden.Ownership{own, not}, ""},
		{"an address alone is nothing", []string{at(1, ours, 121*time.Second, false)}, []sessionwarden.Ownership{not}, "no session in the list can be recognized"},
		{"a time alone is nothing", []string{at(1, theirs, 0, false)}, []sessionwarden.Ownership{not}, "no session in the list can be recognized"},
		{"the mark is on the wrong row", []string{at(1, theirs, 0, true), at(2, ours, 2*time.Second, false)}, []sessionwarden.Ownership{disputed, own}, "not the program's"},
		{"two marks, one of them at our address", []string{at(1, theirs, 0, true), at(2, ours, -time.Hour, true)}, []sessionwarden.Ownership{disputed, own}, "more than one"},
		{"two marks, both elsewhere", []string{at(1, theirs, 0, true), at(2, theirs, time.Hour, true)}, []sessionwarden.Ownership{disputed, disputed}, "more than one"},
		{"a mark whose time has moved on", []string{at(1, ours, 20*time.Hour, true), at(2, ours, -50*time.Hour, false)}, []sessionwarden.Ownership{own, not}, ""},
		{"a mark on a row without an address", []string{`{"id":1,"current":true,"userAgent":"x","expire":1}`, at(2, ours, 0, false)}, []sessionwarden.Ownership{disputed, own}, "not the program's"},
		{"a row of another user", []string{at(1, ours, 0, true, `"user":"76561198000000000"`), at(2, theirs, 0, false, `"user":"76561198000000001"`)},
			[]sessionwarden.Ownership{own, disputed}, "another user"},
		{"a user field that means something else", []string{at(1, ours, 0, true, `"user":"12"`), at(2, theirs, 0, false, `"user":"12"`)},
			[]sessionwarden.Ownership{own, not}, "not the Steam id"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newFake()
			s.says("/user/ipList", 200, page(len(test.rows), test.rows...))
			l := mustList(t, s.client(t))
			for i, want := range test.want {
				if l.Rows[i].Ownership != want {
					t.Errorf("row %d is %s, want %s", i, l.Rows[i].Ownership, want)
				}
			}
			notes := strings.Join(l.Notes, "; ")
			if test.note == "" && strings.Contains(notes, "session in the list") || !strings.Contains(notes, test.note) {
				t.Errorf("the notes are %q, want %q", notes, test.note)
			}
		})
	}
}

func TestEarlierLoginsAreOursToo(t *testing.T) {
	t.Parallel()
	s := newFake()
	c := s.client(t)
	mustList(t, c)
	s.addr = "198.51.100.20"
	s.endOurs()
	s.pages(refusal("Not logged in"), page(3, at(1, "198.51.100.20", 0, true), at(2, "192.0.2.10", 0, false), at(3, "192.0.2.10", time.Hour, false)))
	l := mustList(t, c)
	for i, want := range []sessionwarden.Ownership{sessionwarden.Own, sessionwarden.Own, sessionwarden.NotOwn} {
		if l.Rows[i].Ownership != want {
			t.Errorf("row %d is %s, want %s", i, l.Rows[i].Ownership, want)
		}
	}
	if l.LoggedOut {
		t.Error("another address of ours is not being logged out by someone")
	}
}

// A login whose answer never came may have made a session. It is ours, also
// for the process that comes after a crash.
func TestLoginsWithoutAnAnswerAreOursToo(t *testing.T) {
	t.Parallel()
	for _, crash := range []bool{false, true} {
		s := newFake()
		file := filepath.Join(t.TempDir(), "main.json")
		options := func(o *mannco.Options) { o.TokenFile = file }
		s.on("/user/login", func(*http.Request) *http.Response { // it works, and nobody hears of it
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(iotest.ErrReader(io.ErrUnexpectedEOF))}
		})
		c := s.client(t, options)
		if _, err := c.Sessions(t.Context(), false); err == nil {
			t.Fatal("there is a list without a login")
		}
		s.on("/user/login", nil)
		if crash {
			c = s.client(t, options)
		}
		s.now = func() time.Time { return noon.Add(time.Hour) }
		s.pages(page(3, at(1, "192.0.2.10", time.Hour, true), at(2, "192.0.2.10", 3*time.Second, false), at(3, "203.0.113.66", 3*time.Second, false)))
		l := mustList(t, c)
		for i, want := range []sessionwarden.Ownership{sessionwarden.Own, sessionwarden.Own, sessionwarden.NotOwn} {
			if l.Rows[i].Ownership != want {
				t.Errorf("after a crash %t: row %d is %s, want %s", crash, i, l.Rows[i].Ownership, want)
			}
		}
	}
}

// Starting again and again is no way around six logins a minute, also where
// each start dies before it has heard of its login.
func TestSixLoginsAMinuteOverRestarts(t *testing.T) {
	t.Parallel()
	for _, heard := range []bool{true, false} {
		s := newFake()
		sent := 0
		s.on("/user/login", func(*http.Request) *http.Response {
			if sent++; heard {
				return nil
			}
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(iotest.ErrReader(io.ErrUnexpectedEOF))}
		})
		file := filepath.Join(t.TempDir(), "main.json")
		for i := range 12 {
			s.now = func() time.Time { return noon.Add(time.Duration(i) * 2 * time.Second) }
			c := s.client(t, func(o *mannco.Options) { o.TokenFile = file })
			_, _ = c.Sessions(t.Context(), false) // the seventh has to wait
			s.endOurs()
		}
		if sent != 6 {
			t.Errorf("%d logins within a minute, their answers heard: %t", sent, heard)
		}
	}
}
