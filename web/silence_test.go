package web_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/internal/owner"
	"sessionwarden/web"
)

func TestSilencesAreAddedListedAndRemoved(t *testing.T) {
	t.Parallel()
	api := web.NewAPI(full(0))
	rows := decode[[]web.SilenceRow](t, ask(t, api, "GET", "/api/v1/silences", "").body)
	if len(rows) != 2 || rows[0].State != "expired" || rows[0].Muted != 3 || !rows[0].LastMuted.Equal(noon.Add(-time.Minute)) || rows[0].What() != "account main" ||
		rows[1].State != "holds" || rows[1].Muted != 0 || rows[1].Reason != "new phones" || rows[1].What() != "every account, rule new_device" {
		t.Errorf("listed: %+v", rows)
	}
	row := decode[web.SilenceRow](t, ask(t, api, "POST", "/api/v1/silence-add",
		`{"account":"main","rule":"night_login","kind":"intrusion","critical":true,"until":"2h","reason":"new phones\u202e"}`).body)
	if want := (web.SilenceRow{
		ID: "13", Account: "main", Rule: "night_login", Kind: "intrusion", Critical: true, Until: noon.Add(2 * time.Hour), Reason: "new phones",
		By: owner.Me(), Created: noon, State: "holds",
	}); row != want {
		t.Errorf("added: %+v, want %+v", row, want)
	}
	row = decode[web.SilenceRow](t, ask(t, api, "POST", "/api/v1/silence-add", `{"until":"2026-03-20","reason":"moving"}`).body)
	if row.What() != "every account" || !row.Until.Equal(time.Date(2026, 3, 20, 23, 59, 59, 0, time.UTC)) {
		t.Errorf("of everything: %+v", row)
	}
	row = decode[web.SilenceRow](t, ask(t, api, "POST", "/api/v1/silence-remove", `{"id":"9"}`).body)
	if row.ID != "9" || row.State != "removed" || row.Muted != 3 {
		t.Errorf("removed: %+v", row)
	}
}

func TestAnIncidentIsAcknowledged(t *testing.T) {
	t.Parallel()
	row := decode[web.IncidentRow](t, ask(t, web.NewAPI(full(0)), "POST", "/api/v1/acknowledge", `{"incident":"7"}`).body)
	if last := row.Events[len(row.Events)-1]; row.ID != "7" || row.State != "open" || last.Kind != "answer" || last.Text != "Acknowledged by "+owner.Me()+"." {
		t.Errorf("%+v", row)
	}
}

func TestTheClientSilencesAndAcknowledges(t *testing.T) {
	t.Parallel()
	client := web.NewClient(web.InProcess(web.NewAPI(full(0))))
	ctx := t.Context()
	if rows, err := client.Silences(ctx); err != nil || len(rows) != 2 {
		t.Errorf("silences: %+v, %v", rows, err)
	}
	if row, err := client.AddSilence(ctx, web.SilenceOrder{Rule: "new_device", Until: "2h", Reason: "x"}); err != nil || row.Rule != "new_device" {
		t.Errorf("add: %+v, %v", row, err)
	}
	if row, err := client.RemoveSilence(ctx, 9); err != nil || row.ID != "9" || row.State != "removed" {
		t.Errorf("remove: %+v, %v", row, err)
	}
	if row, err := client.Acknowledge(ctx, 7); err != nil || row.ID != "7" {
		t.Errorf("acknowledge: %+v, %v", row, err)
	}
}

func TestSilencesThatCannotBeMeant(t *testing.T) {
	t.Parallel()
	api := web.NewAPI(full(0))
	add := func(fields string) string {
		return `{"until":"2h","reason":"x",` + fields + `}`
	}
	for _, test := range []struct {
		path, body string
		status     int
		says       string
	}{
		{"silence-add", `{"reason":"x"}`, 400, "a silence needs an end"},
		{"silence-add", `{"until":"soon","reason":"x"}`, 400, "is no end"},
		{"silence-add", `{"until":"2026-03-04T11:59:59Z","reason":"x"}`, 400, "is over already"},
		{"silence-add", `{"until":"91d","reason":"x"}`, 400, "within 90 days"},
		{"silence-add", `{"until":"2h"}`, 400, "wants a reason"},
		{"silence-add", `{"until":"2h","reason":"\u202e"}`, 400, "wants a reason"},
		{"silence-add", `{"until":"2h","reason":"` + strings.Repeat("a", 201) + `"}`, 400, "the reason is too long"},
		{"silence-add", add(`"account":"mian"`), 404, "did you mean main?"},
		{"silence-add", add(`"rule":"new_devise"`), 404, "did you mean new_device?"},
		{"silence-add", add(`"rule":"night_logins"`), 404, "did you mean night_login?"},
		{"silence-add", add(`"rule":"night_login","account":"second"`), 404, `for account \"second\"`},
		{"silence-add", add(`"rule":"something_else"`), 404, "README.md lists the rules"},
		{"silence-add", add(`"kind":"intrusoin"`), 400, "did you mean intrusion?"},
		{"silence-add", add(`"kind":"weather"`), 400, "it can be intrusion, account_change, blind, stale and digest"},
		{"silence-add", add(`"kind":"escalation"`), 400, "incidents acknowledge ID"},
		{"silence-add", add(`"kind":"blind","rule":"new_device"`), 400, "no alert of kind blind comes of a rule"},
		{"silence-add", add(`"kind":"stale","account":"main"`), 400, "about the whole program"},
		{"silence-add", add(`"rule":"watcher_logged_out"`), 400, "set the rule to log"},
		{"silence-add", add(`"by":"root"`), 400, "unknown field"},
		{"silence-remove", `{"id":"x"}`, 400, "ids are whole numbers"},
		{"acknowledge", `{"incident":"0"}`, 400, "ids are whole numbers"},
		{"acknowledge", `{"id":"7"}`, 400, "its fields: incident"},
	} {
		got := ask(t, api, "POST", "/api/v1/"+test.path, test.body)
		if got.status != test.status || !strings.Contains(got.body, test.says) {
			t.Errorf("%s %s: got %d %s, want %d %s", test.path, test.body, got.status, got.body, test.status, test.says)
			continue
		}
		if e := decode[web.Error](t, got.body); e.Message == "" || e.Cure == "" {
			t.Errorf("%s %s: %+v", test.path, test.body, e)
		}
	}
}

// A silence is not ended where nobody can say what it left out, and what the keeper
// of silences says comes out as he meant it.
func TestWhatGoesWrongWithSilences(t *testing.T) {
	t.Parallel()
	o := full(0)
	o.Silences = desk{fail: failure{clash: true}}
	if got := ask(t, web.NewAPI(o), "POST", "/api/v1/silence-remove", `{"id":"9"}`); got.status != 409 || !strings.Contains(got.body, "look again") {
		t.Errorf("not to be removed: %d %s", got.status, got.body)
	}
	if got := ask(t, web.NewAPI(o), "POST", "/api/v1/silence-add", `{"until":"2h","reason":"x"}`); got.status != 409 {
		t.Errorf("not to be added: %d %s", got.status, got.body)
	}
	o.Muted = func(context.Context) (map[uint64]sessionwarden.Muted, error) {
		return nil, fmt.Errorf("counting: %w", errDisk)
	}
	for path, body := range map[string]string{"silences": "", "silence-remove": `{"id":"9"}`} {
		method := map[bool]string{true: "GET", false: "POST"}[body == ""]
		if got := ask(t, web.NewAPI(o), method, "/api/v1/"+path, body); got.status != 500 {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	o.Answers = desk{fail: failure{missing: true}}
	if got := ask(t, web.NewAPI(o), "POST", "/api/v1/acknowledge", `{"incident":"7"}`); got.status != 404 {
		t.Errorf("no such incident: %d %s", got.status, got.body)
	}
}
