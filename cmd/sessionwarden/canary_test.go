package main

import (
	"context"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/alert"
	"sessionwarden/alert/slacktest"
	"sessionwarden/geo/geotest"
)

// saidOf returns how many messages hold text, wherever their lines break.
func (b *bubble) saidOf(text string) (n int) {
	for _, m := range b.messages() {
		if strings.Contains(strings.Join(strings.Fields(m), " "), text) {
			n++
		}
	}
	return n
}

const notNoticed = "The canary found that the watch"

// The made-up thief goes through the whole watch, and nobody sees anything of it.
func TestTheCanaryComesThroughAndLeavesNoTrace(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.withHeartbeat("1h")
		b.defaults[1] = `schedule = "@every 1m"`
		b.atHome()
		b.start()
		b.pass(24*time.Hour + time.Minute)
		c, warning := b.app.canary.status()
		if warning != "" || c.Error != "" || b.now().Sub(c.Passed) > time.Hour || len(c.Notes) > 0 {
			t.Errorf("%+v, %s", c, warning)
		}
		tries := 0
		for _, r := range b.slack.Requests() {
			if r.Path != "auth.test" {
				t.Errorf("Slack was asked: %+v", r)
			}
			tries++
		}
		if tries != 25 {
			t.Errorf("Slack was tried %d times within a day", tries)
		}
		if f, a, o := b.findings(), b.actions(), b.alerts(); len(f)+len(a)+len(o)+len(b.incidents()) != 0 || len(b.sightings()) != 2 || len(b.ended()) != 0 {
			t.Errorf("%v, %v, %v, %d sightings", f, a, o, len(b.sightings()))
		}
	})
}

// Each stage can break, and the canary finds it. Whoever waits for the heartbeat is
// told, people are told once, and once when it comes through again.
func TestTheCanaryFindsWhatIsBroken(t *testing.T) {
	t.Parallel()
	nobody := func(netip.Addr) sessionwarden.Location { return sessionwarden.Location{} }
	everywhere := func(netip.Addr) sessionwarden.Location {
		return sessionwarden.Location{Country: "DE", ASN: 64500, Source: "a file"}
	}
	respond := func(rule sessionwarden.Rule, response sessionwarden.Response) func(*hatch) {
		return func(h *hatch) {
			h.judged = func(home sessionwarden.Country) (sessionwarden.Account, error) {
				a, err := madeUpAccount(home)
				a.Rules[rule] = response
				return a, err
			}
		}
	}
	change := func(f func(*sessionwarden.Account)) func(*hatch) {
		return func(h *hatch) {
			h.judged = func(home sessionwarden.Country) (sessionwarden.Account, error) {
				a, err := madeUpAccount(home)
				f(&a)
				return a, err
			}
		}
	}
	for name, c := range map[string]struct {
		breaks func(*hatch)
		stage  string
	}{
		"an answer in another form": {func(h *hatch) { h.answer = func([]egg) []byte { return []byte(`{"content":{"sitzungen":[]}}`) } }, "the service's answers are not understood"},
		"an answer without addresses": {func(h *hatch) {
			h.answer = func(e []egg) []byte { return []byte(strings.ReplaceAll(string(madeUpAnswer(e)), `"ip"`, `"ip4"`)) }
		}, "the service's answers are not understood"},
		"an answer that is cut off":    {func(h *hatch) { h.answer = func(e []egg) []byte { a := madeUpAnswer(e); return a[:len(a)-9] } }, "the service's answers are not understood"},
		"an answer that panics":        {func(h *hatch) { h.answer = func([]egg) []byte { panic("a mistake") } }, "the watch does not work"},
		"a locator that knows nothing": {func(h *hatch) { h.locate = nobody }, "places are not known"},
		"a locator that knows one":     {func(h *hatch) { h.locate = everywhere }, "places are not known"},
		"a locator that panics":        {func(h *hatch) { h.locate = func(netip.Addr) sessionwarden.Location { panic("a mistake") } }, "the program made a mistake"},
		"a rule that is off":           {respond(sessionwarden.UnexpectedCountry, sessionwarden.Off), "the rules do not find him"},
		"a rule that only notes":       {respond(sessionwarden.UnexpectedCountry, sessionwarden.Log), "the rules do not find him"},
		"another rule that is off":     {respond(sessionwarden.UnknownCountry, sessionwarden.Off), "the rules do not find him"},
		"nothing may be ended":         {change(func(a *sessionwarden.Account) { a.MaxDisconnects, a.MaxDisconnectsStrangers = 0, 0 }), "he would not be ended"},
		"the owner is nowhere welcome": {change(func(a *sessionwarden.Account) { a.Expected = []sessionwarden.Country{"AQ"} }), "an innocent session would be disturbed"},
		"everybody is trusted":         {change(func(a *sessionwarden.Account) { a.Trusted = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")} }), "the rules do not find him"},
		"words that say nothing": {func(h *hatch) {
			h.words = func(a sessionwarden.Alert, f alert.Facts) alert.Message { a.Items = nil; return alert.Compose(a, f) }
		}, "the message would not say what happened"},
		"a database that panics": {func(h *hatch) { h.write = func(context.Context) error { panic("a mistake") } }, "the program made a mistake"},
		"a refused channel": {func(h *hatch) {
			h.knock = func(context.Context) []alert.DryResult {
				return []alert.DryResult{{Channel: "phone", Tried: true, OK: true}, {Channel: "slack", Tried: true, Refused: true, Outcome: "no"}}
			}
		}, "nobody would be told on a channel"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(b *bubble) {
				b.withHeartbeat("1h")
				broken := true
				b.opened = func(a *app) {
					if broken {
						c.breaks(&a.canary.hatch)
					}
				}
				b.atHome()
				b.start()
				b.pass(5 * time.Second)
				b.wantHeard("start", "fail: The canary, a made-up thief, did not come through as it should: "+c.stage+".")
				b.pass(4 * time.Minute)
				s := b.app.status()
				if b.saidOf(notNoticed) != 1 || b.saidOf(": "+c.stage+" ──") != 1 {
					t.Errorf("told: %q", b.messages())
				}
				if s.Canary.Error == "" || !s.Canary.Passed.IsZero() || !slices.ContainsFunc(s.Warnings, func(w string) bool { return strings.Contains(w, c.stage) }) {
					t.Errorf("%+v, %q", s.Canary, s.Warnings)
				}
				b.beats.take()
				b.restart() // people know, over restarts
				b.pass(2 * time.Minute)
				if b.saidOf(notNoticed) != 1 {
					t.Errorf("told again: %q", b.messages())
				}
				broken = false
				b.beats.take()
				b.restart()
				b.pass(5 * time.Second)
				b.wantHeard("start", "ok")
				b.pass(time.Minute)
				if b.saidOf("The canary comes through again") != 1 || b.saidOf(notNoticed) != 1 {
					t.Errorf("when it comes through again: %q", b.messages())
				}
				if len(b.ended()) != 0 || len(b.findings()) != 0 || len(b.sightings()) != 2 {
					t.Error("the made-up thief left a trace")
				}
			})
		})
	}
}

// A location file of the owner's that puts all but its landmarks into one country
// is sound to look at, and no thief would be noticed.
func TestTheCanaryFindsALocationFileThatKnowsOneCountry(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		file := filepath.Join(b.dir, "one.mmdb")
		if err := os.WriteFile(file, geotest.Country(map[string]string{
			"0.0.0.0/0": "DE", "8.8.8.0/24": "US", "129.132.0.0/16": "CH", "130.237.0.0/16": "SE", "133.11.0.0/16": "JP", "200.160.2.0/24": "BR",
		}), 0o600); err != nil {
			t.Fatal(err)
		}
		b.geo = []string{`database = "` + file + `"`}
		b.withHeartbeat("1h")
		b.atHome()
		b.start()
		b.pass(10 * time.Second)
		b.wantHeard("start", "fail: The canary, a made-up thief, did not come through as it should: places are not known.")
		if b.saidOf("all well-known addresses, such as 91.0.0.1 and 177.32.10.20, are in Germany") != 1 {
			t.Errorf("%q", b.messages())
		}
	})
}

func TestTheCanaryFindsARevokedToken(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.withHeartbeat("1h")
		b.atHome()
		b.start()
		b.pass(time.Minute)
		b.beats.take()
		b.slack.Always(slacktest.Refuse("token_revoked"))
		b.pass(time.Hour)
		heard := b.beats.take()
		if last := heard[len(heard)-1]; !strings.HasPrefix(last, "fail: ") || !strings.Contains(last, "nobody would be told on a channel") {
			t.Errorf("%q", last)
		}
		if s := b.app.status(); !strings.Contains(s.Canary.Error, "channel slack: Slack refused the token: token_revoked") || s.Canary.Cure == "" {
			t.Errorf("%+v", s.Canary)
		}
		b.slack.Always(slacktest.None())
		b.pass(2 * time.Hour)
		if b.saidOf(notNoticed) != 1 || b.saidOf("The canary comes through again") != 1 {
			t.Errorf("when Slack takes it again: %q", b.messages())
		}
		if heard := b.beats.take(); heard[len(heard)-1] != "ok" {
			t.Errorf("%q", heard)
		}
	})
}

// A bad hour of Slack's is not the canary's business until it lasts.
func TestTheCanaryGivesABadMinuteTheBenefitOfTheDoubt(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.withHeartbeat("1h")
		b.atHome()
		b.start()
		b.pass(59 * time.Minute)
		b.slack.Always(slacktest.Status(http.StatusServiceUnavailable))
		b.pass(90 * time.Second)
		b.slack.Always(slacktest.None())
		b.pass(10 * time.Minute)
		if heard := slices.Compact(b.beats.take()); !slices.Equal(heard, []string{"start", "ok"}) || len(b.messages()) != 0 {
			t.Errorf("%q, %q", heard, b.messages())
		}
		b.slack.Always(slacktest.Status(http.StatusServiceUnavailable))
		b.pass(time.Hour + 20*time.Minute)
		if heard := b.beats.take(); !strings.Contains(heard[len(heard)-1], "nobody would be told") {
			t.Errorf("when it lasts: %q", heard)
		}
	})
}

func TestTheCanaryFindsADatabaseThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.withHeartbeat("1m")
		b.atHome()
		b.start()
		b.pass(time.Minute)
		b.beats.take()
		path := filepath.Join(b.dir, databaseName)
		if err := os.Rename(path, path+".away"); err != nil {
			t.Fatal(err)
		}
		b.pass(2 * time.Minute)
		if c, _ := b.app.canary.status(); !strings.HasPrefix(c.Error, "nothing can be written down: ") {
			t.Errorf("%+v", c)
		}
		if heard := b.beats.take(); !strings.Contains(strings.Join(heard, "\n"), "The history cannot be saved, so nothing is disconnected. | The canary, a made-up thief, did not come through as it should: nothing can be written down.") {
			t.Errorf("%q", heard)
		}
		if b.saidOf("The history cannot be saved") != 1 || b.saidOf(notNoticed) != 0 {
			t.Errorf("told: %q", b.messages())
		}
		if err := os.Rename(path+".away", path); err != nil {
			t.Fatal(err)
		}
		b.pass(20 * time.Minute)
		if heard := b.beats.take(); heard[len(heard)-1] != "ok" {
			t.Errorf("when it can be: %q", heard)
		}
	})
}
