package main

import (
	"fmt"
	"strings"
	"testing"
)

// Slips of the pen are met with the form that was wanted.
func TestSlipsOfThePen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.atHome()
	w.start()
	w.polls(1)
	for _, c := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{"findings", "--since", "yesterday"}, 2, `--since: "yesterday" is no time: write an age such as 24h or 7d, a day such as`},
		{[]string{"findings", "--account", "nope"}, 1, "there is main"},
		{[]string{"incidents", "show"}, 2, "incidents show wants the id of an incident"},
		{[]string{"approve"}, 2, "approve wants the ids of held actions"},
		{[]string{"approve", "7", "x"}, 2, `"x" is not the id of an action`},
	} {
		_, errs, status := w.cli(c.args...)
		if status != c.status || !strings.Contains(oneLine(errs), c.says) {
			t.Errorf("%v: status %d, %s", c.args, status, errs)
		}
	}
	w.env = append(w.env, "HOME="+w.dir, "XDG_CONFIG_HOME="+w.dir, "SESSIONWARDEN_CONFIG=")
	if _, errs, status := w.cli("replay"); status != 2 || !strings.Contains(oneLine(errs), "say which is the present one and which the new one: sessionwarden --config PRESENT replay --config NEW") {
		t.Errorf("replay with the present configuration alone: status %d, %s", status, errs)
	}
}

// Several questions are answered at once; one that is none keeps no other back.
func TestSeveralAnswersAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rules = []string{`unexpected_country = "ask"`}
	w.atHome()
	w.start()
	w.polls(1)
	w.signIn(farAddr, chrome, 0)
	w.signIn(otherAddr, iphone, 0)
	held := func() (ids []string) {
		for _, row := range w.rows("actions") {
			if row["state"] == "held" {
				ids = append(ids, fmt.Sprint(row["id"]))
			}
		}
		return ids
	}
	w.eventually("both are held", func() bool { return len(held()) == 2 })
	out, errs, status := w.cli(append([]string{"approve", "999999"}, held()...)...)
	if status != 1 || !strings.Contains(errs, "there is no action 999999") || strings.Count(out, ": verified.") != 2 || len(w.ended("main")) != 2 {
		t.Errorf("status %d, ended %v\n%s%s", status, w.ended("main"), out, errs)
	}
}
