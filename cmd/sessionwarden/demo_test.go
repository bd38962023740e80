package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/mannco/manncotest"
)

// The stories of the demonstration through the program, at 80 columns: within a
// minute, and with all that they are to show.
func TestDemoTellsTheStory(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	for name, wanted := range map[string][]string{
		"": {
			"Slack shows", "Slack updates", "verified gone", "proof", "Heightened watch until ",
			"Two-factor authentication was on and is off", "from steamcommunity[.]example…anna to steamcommunity[.]example…hief",
			"that is how an account is taken over", "respawned: Back ", "$ sessionwarden incidents show ", "The incident was opened.",
			"The balance stays where it is.",
			"The same watch, where it asks first: One tap", "[End this session] [It was me]", "Nobody can type here",
			"Anna presses [End this session].", "Ended by Anna (U0OWNER in Slack), verified gone at ", "she was never signed out",
		},
		"travelling-owner": {
			"country and network are both new to this account", "One message, and nobody was signed out.",
			"$ sessionwarden trust add --account anna --country AT --until 14d", "Not one message, and nobody was signed out.",
		},
	} {
		t.Run("the story "+name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.write()
			begun := time.Now()
			args := []string{"demo"}
			if name != "" {
				args = append(args, "--scenario", name)
			}
			out := w.must(args...)
			if took := time.Since(begun); took > time.Minute {
				t.Errorf("the story took %v", took)
			}
			tells(t, out, wanted...)
			if name == "" {
				before, _, _ := strings.Cut(out, "verified gone")
				if last := before[strings.LastIndex(before, "\n00:")+1:]; last > "00:10" {
					t.Errorf("he was ended at %.5s", last)
				}
			}
		})
	}
}

// tells asks for all of these words in what was printed, and for lines that fit.
func tells(t *testing.T, out string, wanted ...string) {
	t.Helper()
	text := strings.Join(strings.Fields(strings.ReplaceAll(out, "│", "")), " ")
	for _, want := range wanted {
		if !strings.Contains(text, want) {
			t.Errorf("the story lacks %q:\n%s", want, out)
		}
	}
	for line := range strings.Lines(out) {
		if n := columnsOf(strings.TrimRight(line, "\n")); n > 80 {
			t.Errorf("a line of %d columns: %s", n, line)
		}
	}
}

// Whatever is pressed in the demonstration, or not: the thief is ended on somebody's
// word in the end, and the message says on whose.
func TestDemoHasAButtonPressed(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	const (
		prompt = "You are Anna: type a button's number, and Enter."
		byAnna = "Ended by Anna (U0OWNER in Slack), verified gone at "
		stays  = "That ends nobody: the thief is still in."
		byself = "Nobody has pressed [End this session], so Anna does, on her phone."
	)
	for name, c := range map[string]struct {
		typed  string // "": nothing, and there may be more
		wanted []string
		never  string
	}{
		"nobody":         {"", []string{prompt, "type 1 = End this session", byself, byAnna}, stays},
		"ended":          {"1", []string{prompt, "Anna presses [End this session].", byAnna, "his session is gone"}, byself},
		"mine":           {"2", []string{"Anna presses [It was me].", stays, "Left alone: by Anna", "She types: sessionwarden disconnect ", "Ended by Anna, verified gone at "}, byself},
		"trusted":        {"3", []string{"counts as yours on account anna", stays, "She types: sessionwarden disconnect ", "Ended by Anna, verified gone at "}, byself},
		"seen":           {"4", []string{"Anna presses [Acknowledge].", stays, byself, byAnna}, "She types"},
		"all":            {"5", []string{"3 sessions ended, and verified gone at ", byAnna, "Anna's phone was signed out with all the others"}, byself},
		"a stranger":     {"x 1", []string{"A stranger presses [End this session].", "not on the list of people who may answer here", byself, byAnna}, stays},
		"by the command": {"s approve 8", []string{"Anna types /sessionwarden approve 8.", byAnna}, byself},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.write()
			read, write, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer read.Close()
			defer write.Close()
			w.stdin = read
			if c.typed != "" {
				if _, err := write.WriteString("\n" + c.typed + "\n"); err != nil {
					t.Fatal(err)
				}
				if err := write.Close(); err != nil {
					t.Fatal(err)
				}
			}
			out := w.must("demo", "--scenario", "one-tap")
			tells(t, out, append(c.wanted, "proof", "gone from the service's complete list")...)
			if strings.Contains(strings.Join(strings.Fields(out), " "), c.never) {
				t.Errorf("it says %q:\n%s", c.never, out)
			}
		})
	}
}

func TestDemoEndsWhenItIsToldTo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write()
	if out := w.must("demo", "--for", "6s"); !strings.Contains(out, "healthz") || !strings.Contains(out, "The time is up before the story is over.") {
		t.Errorf("demo --for:\n%s", out)
	}
	if _, said, status := w.cli("demo", "--scenario", "quiet-week"); status != 2 || !strings.Contains(said, "sessionwarden simulate plays any other") {
		t.Errorf("a story that is not told: status %d, %s", status, said)
	}
	if _, _, status := w.cli("demo", "--for", "-1s"); status != 2 {
		t.Errorf("a time before the beginning: status %d", status)
	}
}

// stage has a built-in scenario played at the pace of its own time, on its
// account anna in the place of main. before is called when the daemon has seen
// what there is.
func (b *bubble) stage(name string, before func()) {
	b.t.Helper()
	scenario, err := manncotest.BuiltIn(name)
	if err != nil {
		b.t.Fatal(err)
	}
	scenario.Speed = 1
	scenario.Accounts[0].APIKey = testKey + "-anna"
	if err := b.service.Setup(scenario); err != nil {
		b.t.Fatal(err)
	}
	b.accounts = []string{"anna"}
	b.start()
	b.pass(time.Minute)
	if before != nil {
		before()
	}
	if err := b.service.Play(b.t.Context(), scenario, nil); err != nil {
		b.t.Fatal(err)
	}
	b.pass(time.Minute)
}

// loud returns what people are told of.
func (b *bubble) loud() (loud []sessionwarden.Finding) {
	b.t.Helper()
	for _, f := range b.findings() {
		if f.Response > sessionwarden.Log {
			loud = append(loud, f)
		}
	}
	return loud
}

// A week in which nothing is wrong, watched as a configuration does that says
// nothing else, from the first day on and when the account is known: nobody
// hears of anything.
func TestAQuietWeekIsQuiet(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	for name, learning := range map[string]string{"learning": "14d", "known": "off"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(b *bubble) {
				b.defaults = []string{`expected_countries = ["DE"]`, `schedule = "@every 5m"`, `expired_every = "5m"`, "learning = \"" + learning + "\""}
				b.stage("quiet-week", nil)
				if len(b.messages()) > 0 || len(b.loud()) > 0 || len(b.incidents()) > 0 || len(b.alerts()) > 0 {
					t.Errorf("told: %q\nfound: %+v", b.messages(), b.loud())
				}
				if got := len(b.sightings()); got < 4 {
					t.Errorf("%d sightings of a whole week", got)
				}
			})
		})
	}
}

// The cookie thief at his own pace, on an account that is polled every minute:
// one incident with all that he did, in which each session stands once.
func TestTheCookieThiefIsOneIncident(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.defaults = []string{`expected_countries = ["DE"]`, `schedule = "@every 1m"`}
		b.stage("cookie-thief", nil)
		if got := endedOf(b.service, "anna"); len(got) != 2 {
			t.Errorf("ended: %v", got)
		}
		rules := make(map[sessionwarden.Rule]int)
		for _, f := range b.findings() {
			rules[f.Rule]++
		}
		for rule, want := range map[sessionwarden.Rule]int{sessionwarden.UnexpectedCountry: 2, sessionwarden.TwoFactorOff: 1, sessionwarden.Takeover: 2, sessionwarden.Respawned: 1, sessionwarden.PayoutChanged: 0, sessionwarden.BalanceDrop: 0} {
			if rules[rule] != want {
				t.Errorf("%s was found %d times, want %d", rule, rules[rule], want)
			}
		}
		if list := b.incidents(); len(list) != 1 || list[0].Severity != sessionwarden.Critical || len(list[0].Sessions) != 2 {
			t.Errorf("incidents: %+v", list)
		}
		alerts := b.alerts()
		if len(alerts) != 1 || len(b.messages()) != 1 {
			t.Fatalf("%d alerts: %q", len(alerts), b.messages())
		}
		seen := make(map[uint64]bool)
		for _, item := range alerts[0].Items {
			if seq := item.Sighting.Seq; seq != 0 && seen[seq] {
				t.Errorf("session %s stands there twice: %s", item.Sighting.ID, b.messages()[0])
			}
			seen[item.Sighting.Seq] = true
		}
	})
}

// The owner abroad: one message where the trip was not announced, none where it
// was; and with the countries written down, what the configuration asks for.
func TestTheTravellingOwnerIsQuiet(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	for name, test := range map[string]struct {
		defaults string
		trust    bool
		messages int
		ended    int
	}{
		"unannounced":            {defaults: `learning = "off"`, messages: 1},
		"announced":              {defaults: `learning = "off"`, trust: true},
		"in the first days":      {defaults: `learning = "14d"`},
		"not expected there":     {defaults: `expected_countries = ["DE"]`, messages: 1, ended: 1},
		"announced, as expected": {defaults: `expected_countries = ["DE"]`, trust: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(b *bubble) {
				b.defaults = []string{test.defaults, `schedule = "@every 30s"`}
				b.stage("travelling-owner", func() {
					if !test.trust {
						return
					}
					trip := sessionwarden.Trust{Account: "anna", Country: "AT", Until: b.now().AddDate(0, 0, 14), Note: "Vienna"}
					if _, err := b.app.monitor.AddTrust(t.Context(), trip, 0); err != nil {
						t.Fatal(err)
					}
				})
				if len(b.messages()) != test.messages || len(endedOf(b.service, "anna")) != test.ended {
					t.Errorf("%d messages, %d ended; found %+v\n%q", len(b.messages()), len(endedOf(b.service, "anna")), b.loud(), b.messages())
				}
				if test.messages == 1 && !b.told("trust add --account anna --country AT --until 14d") {
					t.Errorf("the message does not say how to be silent: %q", b.messages())
				}
			})
		})
	}
}

// The service that limps: whoever comes meanwhile is ended all the same, and
// people hear of the blindness and of its end.
func TestTheBrokenServiceIsWatched(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.defaults = []string{`expected_countries = ["DE"]`, `schedule = "@every 15s"`}
		b.stage("broken-service", nil)
		if got := endedOf(b.service, "anna"); len(got) != 2 || got[0] != got[1] {
			t.Errorf("ended: %v, want him twice, as the first answer was a lie", got)
		}
		if actions := b.actions(); len(actions) != 1 || actions[0].State != sessionwarden.Verified {
			t.Errorf("actions: %+v", actions)
		}
		if !b.told("not being watched") || !b.told("is watched again") || !b.told("verified gone") {
			t.Errorf("told: %q", b.messages())
		}
	})
}
