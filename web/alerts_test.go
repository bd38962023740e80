package web_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"sessionwarden/web"
)

func TestAlertsAreListedAndSentAgain(t *testing.T) {
	t.Parallel()
	client := web.NewClient(web.InProcess(web.NewAPI(full(240))))
	list := func(q web.Query, last int) (ids []string) {
		t.Helper()
		rows, err := collect(client.Alerts(t.Context(), q, last))
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			ids = append(ids, r.ID)
		}
		return ids
	}
	if all := list(web.Query{}, 0); len(all) != 240 || all[0] != "1" || all[239] != "240" {
		t.Errorf("all: %q", all)
	}
	// Of the first 230 those that wait or failed, and those of the last week (168
	// hours) that came late.
	some := list(web.Query{}, 10)
	var want []string
	for i := range 240 {
		if i >= 230 || i%6 == 1 || i%6 == 2 || i%6 == 3 && 240-i < 168 {
			want = append(want, number(i+1))
		}
	}
	if !slices.Equal(some, want) {
		t.Errorf("the last ten, and what a person should see: %q, want %q", some, want)
	}
	if got := list(web.Query{ID: "7"}, 0); !slices.Equal(got, []string{"7"}) {
		t.Errorf("one: %q", got)
	}
	if got := list(web.Query{Since: "3h"}, 0); len(got) != 3 {
		t.Errorf("of three hours: %q", got)
	}
	rows, err := collect(client.Alerts(t.Context(), web.Query{ID: "3"}, 0))
	if err != nil || len(rows) != 1 {
		t.Fatal(rows, err)
	}
	r := rows[0]
	if r.Kind != "blind" || !slices.Equal(r.Topics, []string{"blind"}) || r.Severity != "critical" || r.Account != "main" || r.Title != "a title" || r.Revision != 2 || len(r.Channels) != 1 {
		t.Errorf("the row is %+v", r)
	}
	if c := r.Channels[0]; c.Channel != "slack" || c.State != "failed" || c.Reason != "why" || c.Attempts != 2 || !c.Arrived.Equal(r.Created) || !c.Tried.Equal(noon) || !c.NotTill.Equal(time.Time{}) {
		t.Errorf("its channel is %+v", c)
	}
	if _, err := collect(client.Alerts(t.Context(), web.Query{Account: "mian"}, 0)); err == nil || !strings.Contains(err.Error(), "there is no account") {
		t.Errorf("a misspelt account: %v", err)
	}
	came, err := client.ResendAlert(t.Context(), 7, "")
	if err != nil || len(came) != 1 || came[0] != (web.ChannelTest{Channel: "slack", OK: true, Outcome: "delivered"}) {
		t.Errorf("sent again: %+v, %v", came, err)
	}
	for id, channel := range map[uint64]string{404: "", 7: "nowhere"} {
		if _, err := client.ResendAlert(t.Context(), id, channel); err == nil || !strings.Contains(err.Error(), "there is no such thing") {
			t.Errorf("%d on %q: %v", id, channel, err)
		}
	}
}

// number writes an id.
func number(n int) string { return strconv.Itoa(n) }
