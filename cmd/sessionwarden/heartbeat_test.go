package main

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sessionwarden/alert/slacktest"
	"sessionwarden/mannco/manncotest"
)

// testBeat is the secret in the address of a heartbeat.
const testBeat = "canary-heartbeat-not-a-secret"

// beats is who waits for a heartbeat: it hears and answers. It is a way to itself
// and a server.
type beats struct {
	mu     sync.Mutex
	heard  []string // "start", "ok", and "fail: " with the lines after the first
	status int      // of all answers; 0: 200
}

func (l *beats) hear(r *http.Request) int {
	body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<16))
	l.mu.Lock()
	defer l.mu.Unlock()
	what := "ok"
	switch r.URL.Path {
	case "/" + testBeat + "/start":
		what = "start"
	case "/" + testBeat + "/fail":
		_, wrong, _ := strings.Cut(strings.TrimSpace(string(body)), "\n")
		what = "fail: " + strings.ReplaceAll(wrong, "\n", " | ")
	case "/" + testBeat:
	default:
		what = "elsewhere: " + r.URL.Path
	}
	l.heard = append(l.heard, what)
	if l.status != 0 {
		return l.status
	}
	return http.StatusOK
}

// RoundTrip implements http.RoundTripper.
func (l *beats) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: l.hear(r), Header: http.Header{}, Body: io.NopCloser(strings.NewReader("OK")), Request: r}, nil
}

// ServeHTTP implements http.Handler.
func (l *beats) ServeHTTP(w http.ResponseWriter, r *http.Request) { w.WriteHeader(l.hear(r)) }

// take returns what was heard since it was asked last.
func (l *beats) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	heard := l.heard
	l.heard = nil
	return heard
}

func (l *beats) answer(status int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.status = status
}

// withHeartbeat has the bubble's program send its heartbeat.
func (b *bubble) withHeartbeat(canary string) {
	b.beat = []string{fmt.Sprintf("url = %q", "https://beats.example.com/"+testBeat), fmt.Sprintf("canary = %q", canary)}
}

// wantHeard checks what whoever waits for the heartbeat has heard since.
func (b *bubble) wantHeard(what ...string) {
	b.t.Helper()
	if got := b.beats.take(); !slices.Equal(got, what) {
		b.t.Errorf("heard %q, want %q", got, what)
	}
}

// gauge returns a metric of the program's, "" where there is none.
func (b *bubble) gauge(name string) string {
	b.t.Helper()
	families, err := b.app.registry.Gather()
	if err != nil {
		b.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return fmt.Sprint(int64(f.GetMetric()[0].GetGauge().GetValue()))
		}
	}
	return ""
}

func TestTheHeartbeatFollowsGoodRounds(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.withHeartbeat("1h")
		b.alsoWatch("second")
		b.atHome()
		b.start()
		b.pass(5 * time.Second)
		b.wantHeard("start", "ok")
		b.pass(time.Hour)
		heard := b.beats.take()
		if n := len(heard); n < 55 || n > 60 || slices.ContainsFunc(heard, func(s string) bool { return s != "ok" }) {
			t.Errorf("within an hour: %d, %q", n, slices.Compact(heard))
		}
		s := b.app.status()
		if s.Heartbeat == nil || s.Heartbeat.Error != "" || s.Time.Sub(s.Heartbeat.LastOK) > 2*time.Minute || s.Canary == nil || s.Canary.Error != "" || s.Canary.Passed.IsZero() {
			t.Errorf("%+v, %+v", s.Heartbeat, s.Canary)
		}
		if got := b.gauge("sessionwarden_heartbeat_last_success_timestamp_seconds"); got != fmt.Sprint(s.Heartbeat.LastOK.Unix()) {
			t.Errorf("the metric says %s", got)
		}
		good := b.gauge("sessionwarden_last_good_round_timestamp_seconds")

		// One of two accounts fails: no beat at first, and then, when people know,
		// what is wrong.
		b.fault(manncotest.Fault{Kind: manncotest.FaultServerError, Account: "second"})
		b.pass(2 * polled)
		b.beats.take()
		b.pass(2 * time.Minute)
		b.wantHeard("fail: Account second is not being watched.")
		if s := b.app.status(); len(s.Heartbeat.Wrong) != 1 {
			t.Errorf("%+v", s.Heartbeat)
		}
		b.pass(time.Hour)
		if heard := b.beats.take(); len(heard) != 4 {
			t.Errorf("within another hour: %q", heard)
		}
		if now := b.gauge("sessionwarden_last_good_round_timestamp_seconds"); now > fmt.Sprint(b.now().Add(-time.Hour).Unix()) || now < good {
			t.Errorf("the last good round is of %s", now)
		}
		b.service.ClearFaults()
		b.pass(20 * time.Minute) // the account's pause is over
		if heard := b.beats.take(); heard[0] != "ok" && heard[1] != "ok" {
			t.Errorf("when it is watched again: %q", heard)
		}
	})
}

func TestTheHeartbeatTellsThatNoChannelWorks(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.withHeartbeat("off")
		b.atHome()
		b.start()
		b.pass(time.Minute)
		b.beats.take()
		b.slack.Always(slacktest.Status(http.StatusServiceUnavailable))
		b.signIn(farAddr, chrome)
		b.pass(time.Minute)
		for _, s := range b.beats.take() {
			if s != "ok" {
				t.Errorf("at once: %q", s)
			}
		}
		b.pass(3 * time.Minute)
		if heard := b.beats.take(); len(heard) == 0 || heard[len(heard)-1] != "fail: No alert channel works, so nobody is told of anything." {
			t.Errorf("after minutes: %q", heard)
		}
		b.slack.Always(slacktest.None())
		b.pass(10 * time.Minute)
		if heard := b.beats.take(); len(heard) == 0 || heard[len(heard)-1] != "ok" {
			t.Errorf("when it works again: %q", heard)
		}
	})
}

func TestAHeartbeatThatDoesNotArriveIsInTheStatusAndHoldsUpNothing(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.withHeartbeat("off")
		b.beats.answer(http.StatusNotFound)
		b.atHome()
		b.start()
		b.pass(10 * time.Minute)
		s := b.app.status()
		if s.Heartbeat.Error != "the service does not know its address (HTTP 404)" || s.Heartbeat.Cure == "" || !s.Heartbeat.LastOK.IsZero() {
			t.Errorf("%+v", s.Heartbeat)
		}
		if n := len(b.beats.take()); n > 20 {
			t.Errorf("tried %d times within ten minutes", n)
		}
		thief := b.signIn(farAddr, chrome)
		b.pass(2 * polled)
		b.wantEnded(thief)
		b.beats.answer(http.StatusOK)
		b.pass(10 * time.Minute)
		if s := b.app.status(); s.Heartbeat.Error != "" || s.Heartbeat.LastOK.IsZero() {
			t.Errorf("when it is there: %+v", s.Heartbeat)
		}
	})
}

// The real program, over real connections: what it tells, what check and status
// say of it, and that its address is seen nowhere.
func TestTheHeartbeatOfTheRealProgram(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	waits := new(beats)
	at := serving(t, w.search.handler("whoever waits for the heartbeat", waits))
	w.beat = []string{fmt.Sprintf("url = %q", at+"/"+testBeat), `canary = "1h"`}
	w.atHome()
	w.slack.Always(slacktest.Refuse("token_revoked"))
	var heard []string
	hears := func(what string) func() bool {
		return func() bool {
			heard = append(heard, waits.take()...)
			return slices.ContainsFunc(heard, func(s string) bool { return strings.Contains(s, what) })
		}
	}
	p := w.start()
	w.eventually("the start is told", hears("start"))
	w.eventually("a revoked token is told", hears("The canary, a made-up thief, did not come through as it should: nobody would be told on a channel."))
	if slices.Contains(heard, "ok") {
		t.Errorf("it was told that all is well: %q", heard)
	}
	for _, want := range []string{"heartbeat: last arrived never; tells that something is WRONG: No alert channel works, so nobody is told of anything. The canary, a made-up thief", "canary: one every 1h, the last came through never; FAILED: nobody would be told on a channel: channel slack: Slack refused the token: token_revoked"} {
		w.eventually("status says "+want, func() bool { return strings.Contains(strings.Join(strings.Fields(w.must("status")), " "), want) })
	}
	if status := p.stop(); status != 0 {
		t.Errorf("stopping: status %d", status)
	}

	w.slack.Always(slacktest.None())
	heard = nil
	p = w.start()
	w.eventually("all is told to be well", hears("ok"))
	if s := w.status(); s.Heartbeat == nil || s.Heartbeat.LastOK.IsZero() || s.Heartbeat.Error != "" || s.Canary == nil || s.Canary.Passed.IsZero() {
		t.Errorf("%+v, %+v", s.Heartbeat, s.Canary)
	}
	for _, name := range []string{"sessionwarden_heartbeat_last_success_timestamp_seconds 1", "sessionwarden_last_good_round_timestamp_seconds 1", "sessionwarden_canary_last_passed_timestamp_seconds 1"} {
		w.eventually("there is a metric "+name, func() bool { // the round that was told of is noted right after
			_, metrics := p.get("/metrics")
			return strings.Contains(metrics, name)
		})
	}
	waits.take()
	if out := w.must("check"); !strings.Contains(out, "ok heartbeat: its address answered that it heard of a start") || !strings.Contains(out, "ok canary: a made-up thief is noticed") {
		t.Errorf("check says\n%s", out)
	}
	if heard := waits.take(); !slices.Contains(heard, "start") {
		t.Errorf("check did not reach it: %q", heard)
	}
	waits.answer(http.StatusNotFound)
	if out, _, status := w.cli("check"); status != 1 || !strings.Contains(out, "FAIL heartbeat: the service does not know its address (HTTP 404)") {
		t.Errorf("check, where nobody is there: status %d\n%s", status, out)
	}
	if out := w.must("check", "--offline"); !strings.Contains(out, "ok heartbeat: its address is read from the configuration") {
		t.Errorf("check --offline says\n%s", out)
	}
	if status := p.stop(); status != 0 {
		t.Errorf("stopping: status %d", status)
	}
}

// Who polls now and then only tells of each time.
func TestRunOnceReachesTheHeartbeat(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	waits := new(beats)
	at := serving(t, w.search.handler("whoever waits for the heartbeat", waits))
	w.beat = []string{fmt.Sprintf("url = %q", at+"/"+testBeat), `canary = "1h"`}
	w.atHome()
	w.write()
	w.must("run", "--once")
	if heard := waits.take(); !slices.Equal(heard, []string{"ok"}) {
		t.Errorf("heard %q", heard)
	}
	w.fault(manncotest.Fault{Kind: manncotest.FaultServerError})
	if _, _, status := w.cli("run", "--once"); status != 1 {
		t.Errorf("status %d", status)
	}
	if heard := waits.take(); !slices.Equal(heard, []string{"fail: An account could not be polled."}) {
		t.Errorf("heard %q", heard)
	}
	w.service.ClearFaults()
	w.slack.Always(slacktest.Refuse("token_revoked"))
	_, _, _ = w.cli("run", "--once") // the alert about it cannot be delivered
	if heard := waits.take(); len(heard) != 1 || !strings.Contains(heard[0], "nobody would be told on a channel") {
		t.Errorf("heard %q", heard)
	}
}
