package alert_test

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"sessionwarden"
	"sessionwarden/alert"
	"sessionwarden/alert/channeltest"
)

// others are the services beside Slack that speak HTTP.
func others() []string {
	return append(slices.Sorted(maps.Keys(channeltest.Addresses())), "hook")
}

// stopped is a clock that stands.
func stopped() time.Time { return noon.Add(2 * time.Second) }

// over makes a channel of a service over a simulation.
func over(t testing.TB, service string, s *channeltest.Server) alert.Tester {
	t.Helper()
	if service == "hook" {
		hook, err := alert.NewJSONHook(alert.JSONHookOptions{
			Name: "phone", URL: func() (string, error) { return "https://hook.invalid/hook/" + channeltest.Token, nil },
			Secret: func() (string, error) { return channeltest.Token, nil }, Transport: s.Transport(), Now: stopped,
		})
		if err != nil {
			t.Fatal(err)
		}
		return hook
	}
	return at(t, channeltest.Addresses()[service], s)
}

// at makes a channel of an address.
func at(t testing.TB, address string, s *channeltest.Server) *alert.Shoutrrr {
	t.Helper()
	c, err := alert.NewShoutrrr(alert.ShoutrrrOptions{Name: "phone", URL: func() (string, error) { return address, nil }, Transport: s.Transport(), Now: stopped})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// got sends m by a service and returns it as it arrived there.
func got(t testing.TB, service string, m alert.Message) channeltest.Message {
	t.Helper()
	s := channeltest.New()
	if _, err := over(t, service, s).Send(context.Background(), m, ""); err != nil {
		t.Fatalf("%s refuses it: %v (%s)\n%s", service, err, err.(*alert.SendError).Cure, m.Text)
	}
	if len(s.Messages()) != 1 {
		t.Fatalf("%s has %d messages", service, len(s.Messages()))
	}
	return s.Messages()[0]
}

// TestWhatArrives holds what each service gets in golden files.
func TestWhatArrives(t *testing.T) {
	t.Parallel()
	all := samples()
	for _, service := range others() {
		t.Run(service, func(t *testing.T) {
			t.Parallel()
			var page strings.Builder
			for _, name := range []string{"intrusion_verified", "held_ask", "account_changes", "blind", "test"} {
				fmt.Fprintf(&page, "=== %s\n%s\n", name, got(t, service, alert.Compose(all[name], told)).Wire)
			}
			golden(t, "channel_"+service+".txt", page.String())
		})
	}
}

var (
	// alive is what people might click on, but for our own address.
	alive   = regexp.MustCompile(`(?i)://|@|[a-z0-9-]\.(com|example|net|org|test)\b`)
	tagged  = regexp.MustCompile(`(^|[^\pL\pN_./-])[#$+][\pL\pN_]|(^|[^\pL\pN_./<>-])/[A-Za-z0-9_]+($|[^A-Za-z0-9_/])`)
	escapes = regexp.MustCompile(`\\(.)`)
	coded   = regexp.MustCompile("`[^`]*`")
	bold    = regexp.MustCompile(`\*\*[^*]+\*\*`)
)

// inert checks that nothing in a message that arrived is a link, a mention or
// markup from outside.
func inert(t *testing.T, m channeltest.Message) {
	t.Helper()
	for _, text := range []string{m.Title, m.Text} {
		for _, r := range text {
			if r != '\n' && (unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp)) {
				t.Fatalf("%s: the character %U in %q", m.Service, r, text)
			}
		}
		if !utf8.ValidString(text) {
			t.Errorf("%s: not UTF-8: %q", m.Service, text)
		}
		rest := option.ReplaceAllString(ownLink.ReplaceAllString(text, " "), " ")
		if m.Service == "discord" {
			// What is left must be escaped, but for our bold and our commands.
			bare := escapes.ReplaceAllString(strings.ReplaceAll(rest, `\\`, ""), "")
			bare = bold.ReplaceAllString(coded.ReplaceAllString(bare, ""), "")
			if strings.ContainsAny(bare, "*_~`|<[") || strings.Contains(bare, "@") {
				t.Errorf("discord: markup in %q", bare)
			}
			rest = strings.ReplaceAll(rest, `\@every`, "")
			rest = escapes.ReplaceAllString(rest, "$1")
		}
		if strings.HasPrefix(text, "(with ") {
			t.Errorf("%s: %.60q", m.Service, text)
		}
		rest = strings.ReplaceAll(rest, "@every", "")
		if found := alive.FindString(rest); found != "" {
			t.Errorf("%s: a link or a mention, %q, in %q", m.Service, found, rest)
		}
		if m.Service == "teams" && (strings.Contains(text, "{{") || strings.Contains(text, "${")) {
			t.Errorf("teams: a function in %q", text)
		}
	}
	if m.Service == "matrix" || m.Service == "telegram" {
		for line := range strings.Lines(m.Text) {
			if found := tagged.FindString(strings.TrimSuffix(line, "\n")); found != "" && !strings.Contains(line, "sessionwarden ") && !strings.HasPrefix(line, "To quiet") {
				t.Errorf("%s: the tag %q in %q", m.Service, found, line)
			}
		}
	}
	if m.Service == "hook" && strings.ContainsAny(m.Wire[:strings.Index(m.Wire, "{")], "\x00\x1b\u202e") {
		t.Errorf("hook: %q in the headers", m.Wire)
	}
}

// tagsAndDates are hostile only where tags, commands and dates mean something.
var tagsAndDates = map[string]string{
	"tags":  "#evil /evil@bot /start $EVIL +12125550123 #evil:evil.example !room:evil.example <b>x</b> <a href=\"http://evil.example\">y</a> &lt;b&gt;",
	"dates": "{{DATE(2017-02-14T06:08:39Z, SHORT)}} {{{{x}}}} ${title} <at>everyone</at> [x](http://evil.example) <t:1:R> <@123> </x:1> ||s|| # h\n- l\n1. n\n> q",
}

func TestNothingFromOutsideMeansAnythingAnywhere(t *testing.T) {
	t.Parallel()
	all := maps.Clone(hostiles)
	maps.Copy(all, tagsAndDates)
	for _, service := range others() {
		t.Run(service, func(t *testing.T) {
			t.Parallel()
			var page strings.Builder
			for _, name := range slices.Sorted(maps.Keys(all)) {
				text := all[name]
				for i, a := range []sessionwarden.Alert{
					poisoned(text),
					{ID: 2, Account: text, Kind: sessionwarden.AlertKind(text), Severity: sessionwarden.Critical, Title: text, Lines: []string{text, "Look: sessionwarden findings " + text}, Created: noon},
				} {
					rich := alert.Compose(a, alert.Facts{Now: noon, Instance: text, Final: true})
					plain := rich
					plain.Plain = true
					for _, m := range []alert.Message{rich, plain, alert.Bundle([]sessionwarden.Alert{a, a}, alert.Facts{Now: noon, Instance: text})} {
						inert(t, got(t, service, m))
					}
					if i == 0 && !slices.Contains([]string{"long", "unspaced"}, name) {
						fmt.Fprintf(&page, "=== %s\n%s\n", name, got(t, service, rich).Text)
					}
				}
			}
			if service != "hook" {
				golden(t, "channel_"+service+"_hostile.txt", page.String())
			}
		})
	}
}

// What is too long for a telephone still says what happened, what was done and
// what to do, and where the rest is.
func TestWhatIsTooLongKeepsWhatMatters(t *testing.T) {
	t.Parallel()
	a := samples()["many"]
	a.Incident = 7
	for i := range a.Items {
		a.Items[i].Sighting.Location.Organization = strings.Repeat("Órganization ", 6)
		a.Items[i].Sighting.Device = strings.Repeat("Dévice ", 11)
	}
	m := alert.Compose(a, told)
	for _, service := range []string{"discord", "pushover", "ntfy", "telegram"} {
		at := got(t, service, m)
		text := at.Text
		if service == "discord" {
			text = strings.NewReplacer("**", "", "`", "", `\`, "").Replace(text)
		}
		whole := strings.Contains(text, "Sign out everywhere") && !strings.Contains(text, "shortened")
		if !strings.HasSuffix(text, "\n\n…(shortened): sessionwarden incidents show 7") && !whole {
			t.Errorf("%s does not say that it was cut, and where the rest is:\n%s", service, text)
		}
		for _, want := range []string{"NOT ENDED. The hourly limit", "End it: sessionwarden approve 12", "Session 12345"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s has no %q:\n%s", service, want, text)
			}
		}
	}
	if text := got(t, "pushover", alert.Compose(samples()["intrusion_verified"], told)).Text; !strings.Contains(text, "1. Change the password.") || !strings.Contains(text, "Ended and verified gone") {
		t.Errorf("a telephone does not say what to do:\n%s", text)
	}
}

func TestSeverityIsHeard(t *testing.T) {
	t.Parallel()
	want := map[string][3]string{
		"ntfy":     {"Default information_source", "High warning", "Max rotating_light"},
		"gotify":   {"2", "5", "8"},
		"pushover": {"-1", "0", "1"},
	}
	for service, heard := range want {
		for severity, want := range heard {
			m := alert.Compose(notice(sessionwarden.ServiceOdd, sessionwarden.Severity(severity), "x"), told)
			if got := got(t, service, m).Priority; got != want {
				t.Errorf("%s, %s: priority %q, want %q", service, sessionwarden.Severity(severity), got, want)
			}
		}
	}
	recovered := alert.Compose(notice(sessionwarden.Recovered, sessionwarden.Warning, "x"), told)
	if got := got(t, "ntfy", recovered).Priority; got != "Default white_check_mark" {
		t.Errorf("all is well again: %q", got)
	}
	for _, service := range []string{"discord", "telegram", "matrix", "teams"} {
		text := got(t, service, alert.Compose(intrusion(sessionwarden.Verified), told)).Text
		if !strings.HasPrefix(strings.TrimLeft(text, "*"), "🔴 ") {
			t.Errorf("%s does not begin with its severity: %.40q", service, text)
		}
	}
}

// What cannot be shown in any other form arrives as a number, everywhere.
func TestAnAlertsNumberArrivesEverywhere(t *testing.T) {
	t.Parallel()
	const text = "sessionwarden has alert 17, which could not be shown here. Look at it with: sessionwarden findings"
	for _, service := range others() {
		m := alert.Message{Alert: 17, Kind: sessionwarden.Intrusion, Severity: sessionwarden.Critical, Title: text, Summary: text, Text: text, Plain: true}
		if at := got(t, service, m); !strings.Contains(at.Text, "alert 17, which could not be shown") {
			t.Errorf("%s: %q", service, at.Text)
		}
	}
}

// One message of Matrix that is sent twice is there once; a reminder is there
// again.
func TestMatrixShowsAMessageOnce(t *testing.T) {
	t.Parallel()
	s := channeltest.New()
	c := over(t, "matrix", s)
	f := told
	for _, repeat := range []bool{false, true} {
		f.Repeat = repeat
		if _, err := c.Send(context.Background(), alert.Compose(intrusion(sessionwarden.Verified), f), ""); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(s.Messages()); n != 1 {
		t.Errorf("%d messages", n)
	}
	f.Silent = 10 * time.Minute
	next := intrusion(sessionwarden.Verified)
	next.Revision = 1
	for _, m := range []alert.Message{alert.Compose(intrusion(sessionwarden.Verified), f), alert.Compose(next, told)} {
		if _, err := c.Send(context.Background(), m, ""); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(s.Messages()); n != 3 {
		t.Errorf("%d messages", n)
	}
}

// A room by its alias, or into which somebody invited us, is joined.
func TestMatrixJoinsItsRoom(t *testing.T) {
	t.Parallel()
	for _, room := range []string{"%23alerts:matrix.invalid", "!new:matrix.invalid"} {
		s := channeltest.New()
		s.Invited = []string{"!new:matrix.invalid"}
		c := at(t, "matrix://:"+channeltest.Token+"@matrix.invalid/?rooms="+room, s)
		if _, err := c.Send(context.Background(), alert.Compose(intrusion(sessionwarden.Verified), told), ""); err != nil || len(s.Messages()) != 1 {
			t.Errorf("%s: %v", room, err)
		}
	}
	c := at(t, "matrix://:"+channeltest.Token+"@matrix.invalid/?rooms=!other:matrix.invalid", channeltest.New())
	_, err := c.Send(context.Background(), alert.Compose(intrusion(sessionwarden.Verified), told), "")
	if e, ok := err.(*alert.SendError); !ok || e.Class != alert.Broken {
		t.Errorf("a room that nobody invited us into: %v", err)
	}
}

// FuzzChannelWords sends anything by every service.
func FuzzChannelWords(f *testing.F) {
	for _, text := range hostiles {
		f.Add(text[:min(len(text), 1000)])
	}
	for _, text := range tagsAndDates {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m := alert.Compose(poisoned(text), alert.Facts{Now: noon, Instance: text, Final: true})
		for _, service := range others() {
			inert(t, got(t, service, m))
		}
	})
}
