package web

import (
	"context"
	"iter"
	"net/http"
	"slices"
	"strconv"
	"time"

	"sessionwarden"
)

// Alerts is where the alerts come from, in the order of their making, and what
// sends one once more. Its errors may have the methods that those of a [Desk] may
// have.
type Alerts interface {
	Alerts(ctx context.Context, q sessionwarden.Query) iter.Seq2[AlertRow, error]
	// Resend has an alert sent once more on a channel ("": on all), and returns
	// what came of it within half a minute.
	Resend(ctx context.Context, id uint64, channel string) ([]ChannelTest, error)
}

// AlertRow is one row of the table of alerts.
type AlertRow struct {
	ID       string            `json:"id"`
	Created  time.Time         `json:"created,omitzero"`
	Updated  time.Time         `json:"updated,omitzero"`
	Kind     string            `json:"kind"`
	Topics   []string          `json:"topics"` // what it is about, as channels choose by it
	Severity string            `json:"severity"`
	Account  string            `json:"account,omitempty"` // absent: the whole program
	Title    string            `json:"title"`
	Revision int               `json:"revision"` // how often it changed since it was made
	Channels []AlertChannelRow `json:"channels"`
}

// AlertChannelRow is where an alert stands on one channel.
type AlertChannelRow struct {
	Channel   string    `json:"channel"`
	State     string    `json:"state"`              // pending, failed, sent, late, silenced or "passed over"
	Reason    string    `json:"reason,omitempty"`   // of what failed, waits or was not sent
	Attempts  int       `json:"attempts,omitempty"` // that failed since the last success
	Arrived   time.Time `json:"arrived,omitzero"`   // when it was delivered first
	Escalated time.Time `json:"escalated,omitzero"` // when it was sent last as nobody had answered it
	Tried     time.Time `json:"tried,omitzero"`     // the last attempt, or when it was left out
	NotTill   time.Time `json:"not_before,omitzero"`
}

// NewAlertRow returns the row of an alert, but for its channels. The title is the
// words that its messages begin with.
func NewAlertRow(a sessionwarden.Alert, title string) AlertRow {
	row := AlertRow{
		ID: number(a.ID), Created: second(a.Created), Updated: second(a.Updated), Kind: text(string(a.Kind)), Topics: []string{},
		Severity: a.Severity.String(), Account: text(a.Account), Title: text(title), Revision: a.Revision, Channels: []AlertChannelRow{},
	}
	for _, topic := range a.Topics() {
		row.Topics = append(row.Topics, string(topic))
	}
	return row
}

// NewAlertChannelRow returns the row of a delivery.
func NewAlertChannelRow(d sessionwarden.Delivery, channel, state, reason string) AlertChannelRow {
	return AlertChannelRow{
		Channel: text(channel), State: text(state), Reason: text(reason), Attempts: d.Attempts,
		Arrived: second(d.First), Escalated: second(d.Escalated), Tried: second(d.Time), NotTill: second(d.NotTill),
	}
}

// lateFor is how long an alert that came late is listed among those that a person
// should see.
const lateFor = 7 * 24 * time.Hour

// Attention reports whether a person should see the row: something of it waits,
// failed, or came late within a week.
func (r AlertRow) Attention(now time.Time) bool {
	return slices.ContainsFunc(r.Channels, func(c AlertChannelRow) bool {
		return c.State == "pending" || c.State == "failed" || c.State == "late" && now.Sub(r.Created) < lateFor
	})
}

// maxLast is how many of the newest alerts can be asked for.
const maxLast = 1000

func (a *api) alerts(w http.ResponseWriter, r *http.Request, p params) error {
	q, err := p.query(a.Now())
	if err != nil {
		return err
	}
	rows := a.Alerts.Alerts(r.Context(), q)
	if said := p["last"]; said != "" {
		last, err := strconv.Atoi(said)
		if err != nil || last < 1 || last > maxLast {
			return badRequest("last: "+quote(said)+" is no number of alerts", "write a number from 1 to "+strconv.Itoa(maxLast))
		}
		rows = newest(rows, last, a.Now())
	}
	check := func() error { return a.configured(q.Account) }
	return sendTable(w, r, rowsOf(rows, func(row AlertRow) AlertRow { return row }), newJSONTable, check, a.Logger)
}

// newest leaves out all but the last rows and those that a person should see.
func newest(rows iter.Seq2[AlertRow, error], last int, now time.Time) iter.Seq2[AlertRow, error] {
	return func(yield func(AlertRow, error) bool) {
		var held []AlertRow
		for row, err := range rows {
			if err != nil {
				yield(row, err)
				return
			}
			if held = append(held, row); len(held) <= last {
				continue
			}
			first := held[0]
			held = held[1:]
			if first.Attention(now) && !yield(first, nil) {
				return
			}
		}
		for _, row := range held {
			if !yield(row, nil) {
				return
			}
		}
	}
}

// resendOrder is the body of POST alert-resend.
type resendOrder struct {
	ID      string `json:"id"`
	Channel string `json:"channel,omitempty"` // "" all of them
}

func (a *api) resend(w http.ResponseWriter, r *http.Request, _ params) error {
	var order resendOrder
	if err := readBody(w, r, &order, "id and channel"); err != nil {
		return err
	}
	id, err := parseID(order.ID)
	if err != nil {
		return err
	}
	if len(order.Channel) > sessionwarden.MaxText {
		return badRequest("the name of the channel is too long", "take it from the status")
	}
	came, err := a.Alerts.Resend(r.Context(), id, order.Channel)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, tidyTests(came))
	return nil
}

// tidyTests are the rows as they are told; never nil.
func tidyTests(tests []ChannelTest) []ChannelTest {
	rows := make([]ChannelTest, 0, len(tests))
	for _, t := range tests {
		rows = append(rows, ChannelTest{Channel: text(t.Channel), OK: t.OK, Outcome: text(t.Outcome), Cure: text(t.Cure)})
	}
	return rows
}

// Alerts returns the alerts. With last (0: all), those that wait, failed or came
// late within a week, and the last of the others.
func (c *Client) Alerts(ctx context.Context, q Query, last int) iter.Seq2[AlertRow, error] {
	params := q.values()
	if last > 0 {
		params.Set("last", strconv.Itoa(last))
	}
	return tableOf[AlertRow](ctx, c, "alerts", params)
}

// ResendAlert has an alert sent once more on a channel ("": on all), and returns
// what came of it within half a minute.
func (c *Client) ResendAlert(ctx context.Context, id uint64, channel string) ([]ChannelTest, error) {
	var rows []ChannelTest
	err := c.call(ctx, http.MethodPost, "alert-resend", resendOrder{ID: number(id), Channel: channel}, &rows)
	return rows, err
}
