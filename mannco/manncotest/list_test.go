package manncotest_test

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"sessionwarden/mannco/manncotest"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

func TestListGoesPageByPage(t *testing.T) {
	t.Parallel()
	s, p := service(t, manncotest.Options{})
	ids := crowd(s, 119) // and the watcher: 120
	for _, c := range []struct {
		query string
		rows  int
	}{
		{"", 10}, {"?page=11", 10}, {"?page=12", 0}, {"?perpage=50", 50}, {"?perPage=50", 50}, {"?perpage=50&perPage=50&page=2", 20},
		{"?perpage=51", 50}, {"?perpage=0", 10}, {"?perpage=-1", 10}, {"?perpage=x&page=y", 10}, {"?page=-1", 10},
		{"?page=9223372036854775807&perpage=50", 0}, {"?page=99999999999999999999", 10},
	} {
		rows, count := p.list(c.query)
		if len(rows) != c.rows || count != 120 {
			t.Errorf("%s: %d rows of %d, want %d of 120", c.query, len(rows), count, c.rows)
		}
	}
	var seen []int64
	for page := range 3 {
		rows, _ := p.list(fmt.Sprintf("?perpage=50&page=%d", page))
		for _, row := range rows {
			seen = append(seen, row.ID)
		}
	}
	slices.Reverse(seen) // newest first
	if !slices.Equal(seen[:119], ids) {
		t.Errorf("listed %v, want %v and the watcher", seen, ids)
	}
}

func TestListHoldsExpiredSessionsOnRequest(t *testing.T) {
	t.Parallel()
	s, p := service(t, manncotest.Options{})
	old := s.SignIn("main", manncotest.SessionSpec{Address: "203.0.113.7", Age: 40 * 24 * time.Hour})
	brief := s.SignIn("main", manncotest.SessionSpec{Address: "203.0.113.8"})
	if !s.SignOut("main", brief) || s.SignOut("main", brief) || s.SignOut("main", old) || s.SignOut("nobody", old) {
		t.Error("signing out works once, for who is in")
	}
	if rows, count := p.list(""); len(rows) != 1 || count != 1 {
		t.Errorf("the live list has %+v", rows)
	}
	rows, count := p.list("?expire=true")
	if len(rows) != 3 || count != 3 || rows[2].ID != old {
		t.Fatalf("with expired ones: %+v", rows)
	}
	i := slices.IndexFunc(rows, func(r row) bool { return r.ID == brief })
	if i < 0 || rows[i].Expire > fmt.Sprint(time.Now().Unix()) {
		t.Errorf("a session that was signed out does not say that it is over: %+v", rows)
	}
}

func TestMovedSessionKeepsItsID(t *testing.T) {
	t.Parallel()
	s, p := service(t, manncotest.Options{})
	id := crowd(s, 1)[0]
	if !s.Move("main", id, manncotest.SessionSpec{Address: "2001:db8::7", UserAgent: "curl/8"}) {
		t.Fatal("it did not move")
	}
	if s.Move("main", id+1000, manncotest.SessionSpec{Address: "2001:db8::7"}) {
		t.Error("nobody moved")
	}
	rows, _ := p.list("")
	moved := rows[1]
	if moved.ID != id || moved.IP != "2001:db8::7" || moved.UserAgent != "curl/8" || moved.Location != "US: New York" {
		t.Errorf("moved: %+v", moved)
	}
	before := moved.Timestamp
	s.Touch("main", id)
	if rows, _ := p.list(""); rows[1].Timestamp <= before {
		t.Errorf("activity does not show: %+v", rows[1])
	}
}

func TestDisconnect(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		path   string
		status int
		says   string
		ended  map[string]manncotest.Ending // label → how; all others live
	}{
		"one by its id":    {"/user/disconnectSession/%d", 200, `"message":"Session disconnected"`, map[string]manncotest.Ending{"thief": manncotest.EndDisconnected}},
		"all":              {"/user/disconnectSession/all", 200, `"message":"All sessions`, map[string]manncotest.Ending{"thief": manncotest.EndAllAtOnce, "anna": manncotest.EndAllAtOnce, "watcher": manncotest.EndAllAtOnce}},
		"the own session":  {"/user/disconnect", 200, `"disconnect":true`, map[string]manncotest.Ending{"watcher": manncotest.EndOwn}},
		"nobody's id":      {"/user/disconnectSession/1", 404, "Session not found", nil},
		"what is no id":    {"/user/disconnectSession/abc", 300, "Invalid session", nil},
		"no id":            {"/user/disconnectSession/", 404, "Not found", nil},
		"by another verb?": {"/user/disconnectSession/%d/x", 404, "Not found", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, p := service(t, manncotest.Options{})
			s.SignIn("main", manncotest.SessionSpec{Label: "anna", Address: "203.0.113.1"})
			thief := s.SignIn("main", manncotest.SessionSpec{Label: "thief", Address: "203.0.113.2"})
			path := c.path
			if name == "one by its id" || name == "by another verb?" {
				path = fmt.Sprintf(path, thief)
			}
			p.get(path).want(t, c.status, c.says)
			for _, one := range s.Sessions("main") {
				if one.Ended != c.ended[one.Label] {
					t.Errorf("%s: ended %q, want %q", one.Label, one.Ended, c.ended[one.Label])
				}
				if one.Ended != manncotest.NotEnded && (one.EndedAt.IsZero() || one.EndedBy == 0) {
					t.Errorf("%s: it is not known when and by whom: %+v", one.Label, one)
				}
			}
		})
	}
}

func TestLogProvesWhoWasDisconnected(t *testing.T) {
	t.Parallel()
	s, p := service(t, manncotest.Options{})
	ids := crowd(s, 3)
	p.get("/user/disconnectSession/" + itoa(ids[1]))
	calls := s.Disconnects("main")
	if len(calls) != 1 || calls[0].Target != itoa(ids[1]) || calls[0].Status != 200 || calls[0].Time.IsZero() || calls[0].Route != manncotest.RouteDisconnectOne {
		t.Errorf("the log says %+v", calls)
	}
	if len(s.Disconnects("other")) != 0 || len(s.Log()) != 2 || s.Count("", manncotest.RouteDisconnectOne) != 1 {
		t.Errorf("the log says %+v", s.Log())
	}
	one, known := s.Session("main", ids[1])
	if !known || one.Ended != manncotest.EndDisconnected || len(s.Live("main")) != 3 {
		t.Errorf("the truth is %+v", one)
	}
}

func TestHooksMayInterfere(t *testing.T) {
	t.Parallel()
	var s *manncotest.Service
	var thief int64
	var after []int
	s, p := service(t, manncotest.Options{
		Before: func(c manncotest.Call) {
			if c.Route == manncotest.RouteDisconnectOne && c.Account == "main" {
				s.SignOut("main", thief) // at the very moment of our call
			}
		},
		After: func(c manncotest.Call) { after = append(after, c.Status) },
	})
	thief = crowd(s, 1)[0]
	p.get("/user/disconnectSession/"+itoa(thief)).want(t, 404, "not found")
	if !slices.Equal(after, []int{200, 404}) {
		t.Errorf("After saw %v", after)
	}
}
