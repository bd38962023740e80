package replay_test

import (
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/policy/replay"
)

// Two configurations are compared session by session: what counts is what came
// since a time, and the newest differences are kept.
func TestTwoConfigurationsAreCompared(t *testing.T) {
	t.Parallel()
	options := func(a sessionwarden.Account) replay.Options {
		return replay.Options{Accounts: []replay.Account{{Account: a, Told: []sessionwarden.Finding{
			{Account: "main", Rule: sessionwarden.NameChanged, Response: sessionwarden.Notify, Time: began.Add(40 * day)},
		}}}}
	}
	now := account("main")
	new := account("main", rule(sessionwarden.UnexpectedCountry, sessionwarden.Ask), rule(sessionwarden.NameChanged, sessionwarden.Off))
	c := replay.Compare(options(now), options(new), began.Add(time.Hour), 3)
	c.Add(row(1, "DE", 0, baseline, forDays(60)))
	c.Add(row(2, "VN", 0, func(s *sessionwarden.Sighting) { s.Baseline = true })) // before what counts
	for i := range uint64(10) {
		c.Add(row(3+i, "VN", time.Duration(i+1)*day))
	}
	c.Add(row(13, "DE", 20*day))
	other := row(14, "VN", 31*day)
	other.Account = "other"
	c.Add(other)
	c.Finish(began.Add(90 * day))

	if want := (replay.Count{Matches: 11, Alerts: 11, Disconnects: 10}); c.Now.All != want {
		t.Errorf("now: %+v", c.Now.All)
	}
	if want := (replay.Count{Matches: 10, Alerts: 10, Asks: 10}); c.New.All != want {
		t.Errorf("new: %+v", c.New.All)
	}
	if got, want := c.New.Rule(sessionwarden.UnexpectedCountry), (replay.Count{Matches: 10, Alerts: 10, Asks: 10}); got != want {
		t.Errorf("the rule: %+v", got)
	}
	if got := c.New.Rule(sessionwarden.NameChanged); got != (replay.Count{}) {
		t.Errorf("a rule that is off: %+v", got)
	}
	if c.Sessions != 11 || c.Different != 10 {
		t.Errorf("%d sessions, %d of them different", c.Sessions, c.Different)
	}
	newest := c.Differences()
	if len(newest) != 3 || newest[0].Now.Sighting.Seq != 10 || newest[2].New.Sighting.Seq != 12 {
		t.Fatalf("the newest: %+v", newest)
	}
	f, found := newest[0].New.Strongest()
	if newest[0].Now.Comes() != replay.Ended || newest[0].New.Comes() != replay.Waits || !found || f.Rule != sessionwarden.UnexpectedCountry {
		t.Errorf("it comes to %s and %s, by %s", newest[0].Now.Comes(), newest[0].New.Comes(), f.Rule)
	}
}
