package alert_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sessionwarden"
	"sessionwarden/alert"
	"sessionwarden/alert/slacktest"
)

// canary stands for every secret: it must be seen nowhere.
const canary = "xoxb-canary-not-a-secret"

// delivery names one alert on one channel.
type delivery struct {
	alert   uint64
	channel string
}

// disk is an outbox in memory that survives its Teller.
type disk struct {
	mu         sync.Mutex
	alerts     map[uint64]sessionwarden.Alert
	deliveries map[delivery]sessionwarden.Delivery
	offers     map[sessionwarden.OfferID]sessionwarden.Offer
	silences   []sessionwarden.Silence
	id         uint64
	failing    bool
	lostAfter  int // how many calls of Delivered reach the disk; negative: all
	calls      int
}

func newDisk() *disk {
	return &disk{alerts: make(map[uint64]sessionwarden.Alert), deliveries: make(map[delivery]sessionwarden.Delivery), lostAfter: -1}
}

// Outbox implements alert.Outbox.
func (d *disk) Outbox(context.Context) ([]sessionwarden.Alert, []sessionwarden.Delivery, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failing {
		return nil, nil, errors.New("the disk is gone")
	}
	return slices.Collect(maps.Values(d.alerts)), slices.Collect(maps.Values(d.deliveries)), nil
}

// Telling implements alert.Outbox.
func (d *disk) Telling(_ context.Context, id uint64) (told sessionwarden.Telling, ok bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failing {
		return told, false, errors.New("the disk is gone")
	}
	told.Alert, ok = d.alerts[id]
	for key, one := range d.deliveries {
		if key.alert == id {
			told.Deliveries = append(told.Deliveries, one)
		}
	}
	return told, ok, nil
}

// Delivered implements alert.Outbox.
func (d *disk) Delivered(_ context.Context, list []sessionwarden.Delivery, offers ...sessionwarden.Offer) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failing {
		return errors.New("no space left on device")
	}
	d.calls++
	if d.lostAfter >= 0 && d.calls > d.lostAfter {
		return nil // the power failed: it never came to the disk
	}
	for _, one := range list {
		d.deliveries[delivery{one.Alert, one.Channel}] = one
	}
	if d.offers == nil {
		d.offers = make(map[sessionwarden.OfferID]sessionwarden.Offer)
	}
	for _, o := range offers {
		d.offers[o.ID] = o
	}
	return nil
}

// Silences implements alert.Outbox.
func (d *disk) Silences(context.Context) ([]sessionwarden.Silence, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.silences), nil
}

// PutSilence implements alert.Outbox.
func (d *disk) PutSilence(_ context.Context, s sessionwarden.Silence) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failing {
		return errors.New("no space left on device")
	}
	d.silences = slices.DeleteFunc(d.silences, func(old sessionwarden.Silence) bool { return old.ID == s.ID })
	d.silences = append(d.silences, s)
	return nil
}

// NextID implements alert.Outbox.
func (d *disk) NextID() uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.id++
	return 1000 + d.id
}

// of returns what the disk knows of one alert.
func (d *disk) of(id uint64) sessionwarden.Delivery {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.deliveries[delivery{id, "slack"}]
}

// set makes the disk fail or work.
func (d *disk) set(failing bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failing = failing
}

// world is a Teller with its disk and its Slack.
type world struct {
	t      *testing.T
	disk   *disk
	slack  *slacktest.Server
	teller *alert.Teller
	logs   *bytes.Buffer
	least  sessionwarden.Severity
	bot    bool
	to     alert.Route // beside least

	buttons    bool
	escalation alert.Escalation
	incidents  map[uint64]sessionwarden.Incident // nil: there are no threads
	incident   func(context.Context, uint64) (sessionwarden.Incident, bool, error)

	began time.Time
	stop  func()
}

// inWorld runs f in a world of its own with a clock of its own.
func inWorld(t *testing.T, bot bool, f func(w *world)) {
	t.Helper()
	inWorldOf(t, func(w *world) { w.bot = bot }, f)
}

// inWorldOf is inWorld with a world that was prepared.
func inWorldOf(t *testing.T, prepare, f func(w *world)) {
	t.Helper()
	t.Parallel()
	alone(t, prepare, f)
}

// alone is inWorldOf for a test that measures the process: no other runs beside it.
func alone(t *testing.T, prepare, f func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, disk: newDisk(), slack: slacktest.New(), logs: new(bytes.Buffer), least: sessionwarden.Warning, began: time.Now()}
		prepare(w)
		w.start()
		f(w)
		w.stop()
		if strings.Contains(w.logs.String(), canary) || strings.Contains(w.logs.String(), slacktest.WebhookPath) {
			t.Errorf("a secret is in the log:\n%s", w.logs)
		}
	})
}

// route is what the world's channel is told.
func (w *world) route() alert.Route {
	w.to.MinSeverity = w.least
	return w.to
}

// threaded gives the world incidents, and so its messages threads.
func (w *world) threaded(list ...sessionwarden.Incident) {
	w.incidents = make(map[uint64]sessionwarden.Incident)
	for _, i := range list {
		w.incidents[i.ID] = i
	}
	w.incident = func(_ context.Context, id uint64) (sessionwarden.Incident, bool, error) {
		w.disk.mu.Lock()
		defer w.disk.mu.Unlock()
		if w.disk.failing {
			return sessionwarden.Incident{}, false, errors.New("the disk is gone")
		}
		i, there := w.incidents[id]
		return i, there, nil
	}
}

// channel makes the world's channel.
func (w *world) channel() alert.Channel {
	if w.bot {
		bot, err := alert.NewSlackBot(alert.SlackBotOptions{
			Token: func() (string, error) { return canary, nil }, Channel: "#security",
			APIURL: "https://slack.invalid/api/", Transport: w.slack.Transport(), Buttons: w.buttons,
		})
		if err != nil {
			w.t.Fatal(err)
		}
		return bot
	}
	hook, err := alert.NewSlackWebhook(alert.SlackWebhookOptions{URL: hookURL, Transport: w.slack.Transport()})
	if err != nil {
		w.t.Fatal(err)
	}
	return hook
}

// start starts a Teller on the world's disk.
func (w *world) start() {
	w.startWith(alert.Options{
		Outbox: w.disk, Channels: []alert.Channel{w.channel()}, Routes: map[string]alert.Route{"slack": w.route()}, Escalation: w.escalation, Instance: "example-host",
		Incident: w.incident,
		Logger:   slog.New(slog.NewTextHandler(w.logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
}

// startWith starts a Teller of other options.
func (w *world) startWith(o alert.Options) {
	w.teller = alert.New(o)
	if err := w.teller.Load(context.Background()); err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.teller.Run(ctx) }()
	synctest.Wait()
	w.stop = func() {
		cancel()
		if err := <-ended; err != nil {
			w.t.Errorf("Run: %v", err)
		}
	}
}

// restart ends the Teller and starts another one on the same disk.
func (w *world) restart() {
	w.stop()
	w.start()
}

// commit writes alerts to the disk and tells the Teller.
func (w *world) commit(alerts ...sessionwarden.Alert) {
	w.disk.mu.Lock()
	for _, a := range alerts {
		w.disk.alerts[a.ID] = a
	}
	w.disk.mu.Unlock()
	w.teller.Add(alerts)
	synctest.Wait()
}

// after lets time pass.
func (w *world) after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// titles returns the first line of every message in Slack.
func (w *world) titles() []string {
	var list []string
	for _, m := range w.slack.Messages() {
		list = append(list, strings.SplitN(slacktest.Text(m), "\n", 2)[0])
	}
	return list
}

// wantTitles compares the messages in Slack with words that they hold.
func (w *world) wantTitles(words ...string) {
	w.t.Helper()
	got := w.titles()
	if len(got) != len(words) {
		w.t.Fatalf("%d messages, want %d:\n%s", len(got), len(words), strings.Join(got, "\n"))
	}
	for i, word := range words {
		if !strings.Contains(got[i], word) {
			w.t.Errorf("message %d is %q, want %q in it", i, got[i], word)
		}
	}
}

// named is an alert without sessions.
func named(id uint64, severity sessionwarden.Severity, title string) sessionwarden.Alert {
	return sessionwarden.Alert{
		ID: id, Account: "main", Kind: sessionwarden.ServiceOdd, Severity: severity, Created: time.Now(), Updated: time.Now(), Title: title,
	}
}

// login is an intrusion of now, whose action is in a state.
func login(id uint64, state sessionwarden.ActionState) sessionwarden.Alert {
	a := intrusion(state)
	a.ID, a.Created, a.Updated = id, time.Now(), time.Now()
	a.Waiting = state == sessionwarden.Planned
	a.Items[0].Action.Updated = time.Now()
	return a
}

// next is the alert's next revision.
func next(a sessionwarden.Alert, state sessionwarden.ActionState) sessionwarden.Alert {
	b := login(a.ID, state)
	b.Created, b.Revision = a.Created, a.Revision+1
	return b
}
