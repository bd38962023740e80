package alert_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sessionwarden"
	"sessionwarden/alert"
	"sessionwarden/alert/slacktest"
)

var write = flag.Bool("update", false, "write the golden files anew")

// golden compares got with a file under testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *write {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; run with -update and look at the difference\ngot:\n%s", path, got)
	}
}

// told are the facts of the golden files.
var told = alert.Facts{Now: noon.Add(2e9), Instance: "example-host", Final: true}

// posted sends m to a simulated Slack and returns it as it stands there.
func posted(t *testing.T, m alert.Message) slacktest.Message {
	t.Helper()
	server := slacktest.New()
	hook, err := alert.NewSlackWebhook(alert.SlackWebhookOptions{URL: hookURL, Transport: server.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := hook.Send(context.Background(), m, ""); err != nil {
		t.Fatalf("Slack refuses it: %v", err)
	}
	return server.Messages()[0]
}

// hookURL is the simulated webhook.
func hookURL() (string, error) { return "https://hooks.slack.invalid" + slacktest.WebhookPath, nil }

// show writes everything of a message into one golden text.
func show(t *testing.T, m alert.Message) (plain, blocks string) {
	t.Helper()
	at := posted(t, m)
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, at.Raw, "", "  "); err != nil {
		t.Fatal(err)
	}
	return "notification: " + at.Text + "\n\n" + m.Text + "\n\n--- on a terminal ---\n" + slacktest.Text(at), pretty.String() + "\n"
}

func TestEveryKindAndStateHasWords(t *testing.T) {
	t.Parallel()
	kinds := make(map[sessionwarden.AlertKind]bool)
	for name, a := range samples() {
		kinds[a.Kind] = true
		t.Run(name, func(t *testing.T) {
			plain, blocks := show(t, alert.Compose(a, told))
			golden(t, name+".txt", plain)
			golden(t, name+".json", blocks)
			for _, line := range strings.Split(plain[strings.Index(plain, "--- on a terminal"):], "\n") {
				if len([]rune(line)) > slacktest.Width {
					t.Errorf("wider than %d columns: %q", slacktest.Width, line)
				}
			}
		})
	}
	for _, kind := range []sessionwarden.AlertKind{
		sessionwarden.Intrusion, sessionwarden.Rail, sessionwarden.Blind, sessionwarden.Recovered, sessionwarden.OwnSession, sessionwarden.ServiceOdd,
		sessionwarden.StaleData, sessionwarden.Unsaved, sessionwarden.ConfigBad, sessionwarden.RuleFailed, sessionwarden.TestAlert, sessionwarden.ProgramError,
		sessionwarden.Restored, sessionwarden.Begun, sessionwarden.NotStarted, sessionwarden.NoBackup, sessionwarden.CanaryFailed,
	} {
		if !kinds[kind] {
			t.Errorf("kind %s has no sample", kind)
		}
	}
}

func TestWordsClaimNoMoreThanTheStateProves(t *testing.T) {
	t.Parallel()
	for state, never := range map[sessionwarden.ActionState][]string{
		sessionwarden.Planned: {"verified", "Ended", "was ended"},
		sessionwarden.Held:    {"verified", "Ended", "Ending it"},
		sessionwarden.Denied:  {"verified", "Ended", "Ending it"},
		sessionwarden.Done:    {"verified", "Ending it", "Ended and"},
		sessionwarden.Failed:  {"verified", "Ended ", "Ending it"},
		sessionwarden.Refused: {"verified", "Ended", "Ending it"},
		sessionwarden.Moot:    {"verified", "Ended", "Ending it"},
		sessionwarden.DryRun:  {"verified", "Ended", "Ending it"},
	} {
		text := alert.Compose(intrusion(state), told).Text
		for _, word := range never {
			if strings.Contains(text, word) {
				t.Errorf("%s: the message says %q:\n%s", state, word, text)
			}
		}
	}
	if text := alert.Compose(intrusion(sessionwarden.Verified), told).Text; !strings.Contains(text, "Ended and verified gone at 12:00:02 UTC") {
		t.Errorf("verified is not said:\n%s", text)
	}
	byHand := intrusion(sessionwarden.Verified)
	byHand.Items[0].Action.ByHand, byHand.Items[0].Action.By = true, "Jane\x1b[1m (U0JANE in Slack)"
	text := alert.Compose(byHand, told).Text
	if !strings.Contains(text, "Ended by Jane") || !strings.Contains(text, "(U0JANE in Slack), verified gone at 12:00:02 UTC") || strings.Contains(text, "\x1b") {
		t.Errorf("who had it ended is not said, or colours the terminal:\n%s", text)
	}
}

func TestADryRunSaysSoEverywhere(t *testing.T) {
	t.Parallel()
	m := alert.Compose(intrusion(sessionwarden.DryRun), told)
	const said = "DRY RUN"
	if !strings.Contains(m.Title, said) || !strings.Contains(m.Summary, said) || strings.Count(m.Text, said) < 3 || !strings.Contains(strings.Join(m.Footer, " "), said) {
		t.Errorf("not said everywhere:\n%s", m.Text)
	}
	if d := alert.Bundle([]sessionwarden.Alert{intrusion(sessionwarden.DryRun), intrusion(sessionwarden.DryRun)}, told); !strings.Contains(d.Title, said) {
		t.Errorf("the bundle's title is %q", d.Title)
	}
}
