package main

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"sessionwarden/alert/slacktest"
	"sessionwarden/mannco/manncotest"
)

// Each single call that the watch makes fails once, in every way that a call
// can fail, while an intruder is in. He is ended, that is told, nobody else is
// touched, and in the end the watch sees.

// wayToFail is one way in which a call to the service goes wrong.
type wayToFail struct {
	name string
	fail func(next http.RoundTripper, r *http.Request) (*http.Response, error)
}

// answers makes a way to fail of an answer that has nothing to do with the
// service.
func answers(name string, status int, body string, header ...string) wayToFail {
	return wayToFail{name, func(_ http.RoundTripper, r *http.Request) (*http.Response, error) {
		h := http.Header{"Content-Type": {"application/json"}}
		for i := 0; i+1 < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	}}
}

var reset = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}

// hangs waits until the caller gives up.
func hangs(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

var waysToFail = []wayToFail{
	{"reset", func(http.RoundTripper, *http.Request) (*http.Response, error) { return nil, reset }},
	{"hang", func(_ http.RoundTripper, r *http.Request) (*http.Response, error) { return hangs(r) }},
	{"done, then reset", func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
		if _, err := next.RoundTrip(r); err != nil {
			return nil, err
		}
		return nil, reset
	}},
	{"done, then hang", func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
		if _, err := next.RoundTrip(r); err != nil {
			return nil, err
		}
		return hangs(r)
	}},
	{"cut body", func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
		resp, err := next.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			return nil, err
		}
		resp.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body[:len(body)/2]), errorReader{io.ErrUnexpectedEOF}))
		return resp, nil
	}},
	answers("500", 500, `{"err":true,"success":false,"content":"Internal error"}`),
	answers("HTML", 200, "<html><body>We will be back soon</body></html>", "Content-Type", "text/html"),
	answers("403 of the CDN", 403, "<html><body>Just a moment</body></html>", "Cf-Mitigated", "challenge"),
	answers("401", 401, `{"err":true,"success":false,"content":"Not logged in"}`),
	answers("404", 404, `{"err":true,"success":false,"content":"Not found"}`),
	answers("429 with Retry-After", 429, `{"err":true,"success":false,"content":"Too many requests"}`, "Retry-After", "7"),
	answers("429 without Retry-After", 429, `{"err":true,"success":false,"content":"Too many requests"}`),
	answers("other JSON", 200, `{"weather":"fine"}`),
	answers("empty", 200, ""),
}

// errorReader is a body that breaks off.
type errorReader struct{ err error }

func (r errorReader) Read([]byte) (int, error) { return 0, r.err }

// failsOnce is a way to the service that fails at its n-th request.
type failsOnce struct {
	next http.RoundTripper
	way  wayToFail
	n    int64
	made atomic.Int64 // requests so far
}

func (f *failsOnce) RoundTrip(r *http.Request) (*http.Response, error) {
	if f.made.Add(1) == f.n {
		return f.way.fail(f.next, r)
	}
	return f.next.RoundTrip(r)
}

// attack is the story of an intruder: he comes after the first polls, and there
// is time for everything to settle.
func (b *bubble) attack(settle time.Duration) (thief string) {
	b.pass(polled)
	thief = b.signIn(farAddr, chrome)
	b.pass(settle)
	return thief
}

// wantSafe checks that the intruder is ended and told, that nobody else was
// touched, and that the watch sees.
func (b *bubble) wantSafe(thief string) {
	b.t.Helper()
	if state := b.stateOf(thief); state != "verified" || b.alive(thief) {
		b.t.Errorf("the intruder's action is %q, and he is there: %t", state, b.alive(thief))
	}
	if !b.told("verified gone") {
		b.t.Errorf("people were not told of the end: %q", b.messages())
	}
	b.wantOnlyEnded(thief)
	b.wantSeeing()
}

// wantOnlyEnded checks that nobody was ended but those.
func (b *bubble) wantOnlyEnded(ids ...string) {
	b.t.Helper()
	for _, id := range b.ended() {
		if !slices.Contains(ids, id) {
			b.t.Errorf("the session %s was ended", id)
		}
	}
	for _, s := range b.service.Sessions("main") {
		id := fmt.Sprint(s.ID)
		if s.Ended == manncotest.EndDisconnected && !slices.Contains(ids, id) || s.Ended == manncotest.EndAllAtOnce {
			b.t.Errorf("the session %s from %s came to the end %q", id, s.Address, s.Ended)
		}
	}
}

// wantSeeing checks that no account is blind.
func (b *bubble) wantSeeing() {
	b.t.Helper()
	if health := b.app.health(); len(health.Blind) > 0 || !health.Ready {
		b.t.Errorf("the watch does not see: %+v", health)
	}
}

func TestEachCallToTheServiceFailsOnce(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	const settle = 4 * time.Minute
	calls := int64(0) // of a run in which nothing fails, until all is done
	t.Run("nothing fails", func(t *testing.T) {
		inBubble(t, func(b *bubble) {
			b.atHome()
			way := &failsOnce{next: b.service.Transport()}
			b.startWith(way)
			thief := b.attack(2 * polled)
			calls = way.made.Load()
			b.wantSafe(thief)
		})
	})
	if calls < 6 {
		t.Fatalf("%d calls", calls)
	}
	for _, way := range waysToFail {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			for n := range calls + 1 {
				t.Run(fmt.Sprint("call ", n+1), func(t *testing.T) {
					inBubble(t, func(b *bubble) {
						b.atHome()
						faulty := &failsOnce{next: b.service.Transport(), way: way, n: n + 1}
						b.startWith(faulty)
						b.wantSafe(b.attack(settle))
						if faulty.made.Load() < faulty.n {
							t.Errorf("the call %d was never made", faulty.n)
						}
						if logins := b.service.Logins("main"); logins > 3 {
							t.Errorf("%d logins", logins)
						}
					})
				})
			}
		})
	}
}

func TestEachCallToSlackFailsOnce(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	ways := []struct {
		name   string
		fault  slacktest.Fault
		posted bool // the message may be there all the same
	}{
		{"429", slacktest.Limited("20"), false},
		{"429 without Retry-After", slacktest.Limited(""), false},
		{"500", slacktest.Status(500), false},
		{"HTML", slacktest.HTML(), false},
		{"reset", slacktest.Reset(), false},
		{"hang", slacktest.Hang(), false},
		{"posted, then hang", slacktest.HangAfter(), true},
		{"no ts", slacktest.NoTS(), false},
		{"endless", slacktest.Flood(), false},
		{"invalid_blocks", slacktest.Refuse("invalid_blocks"), false},
		{"msg_too_long", slacktest.Refuse("msg_too_long"), false},
		{"no_text", slacktest.Refuse("no_text"), false},
		{"fatal_error", slacktest.Refuse("fatal_error"), false},
		{"channel_not_found", slacktest.Refuse("channel_not_found"), false},
		{"is_archived", slacktest.Refuse("is_archived"), false},
		{"token_revoked", slacktest.Refuse("token_revoked"), false},
		{"message_not_found", slacktest.Refuse("message_not_found"), false},
		{"a code nobody knows", slacktest.Refuse("something_new"), false},
	}
	const most = 4 // the alert, an update or two, and one that no call is left for
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			for n := range most {
				t.Run(fmt.Sprint("call ", n+1), func(t *testing.T) {
					inBubble(t, func(b *bubble) {
						b.defaults[1] = `schedule = "@every 30s"`
						b.atHome()
						b.before = func(c manncotest.Call) {
							if c.Route == manncotest.RouteDisconnectOne {
								time.Sleep(3 * time.Second) // so that there is something to tell before the end
							}
						}
						b.slack.Fail(append(slices.Repeat([]slacktest.Fault{slacktest.None()}, n), way.fault)...)
						b.start()
						thief := b.attack(4 * time.Hour)                 // a channel that a person has to mend is tried every hour
						gone := way.name == "message_not_found" && n > 0 // somebody took the message away: so he has read it
						if b.wantEnded(thief); !gone && !b.told("verified gone") {
							t.Errorf("people were not told of the end: %q", b.messages())
						}
						requests := b.slack.Requests()
						fired := len(requests) > n && requests[n].Fault == way.fault
						if must := n < 2; fired != (len(requests) > n) || must && !fired {
							t.Errorf("call %d failed: %t, of %d", n+1, fired, len(requests))
						}
						if len(requests) > 8 { // six for the message, two for its thread
							t.Errorf("%d calls for one alert", len(requests))
						}
						shown := b.messages()
						repeated := len(shown) == 2 && strings.Contains(fmt.Sprint(b.slack.Messages()[1].History, shown[1]), "(repeat)")
						if again := way.posted && n == 0; len(shown) != 1 && !(again && repeated) {
							t.Errorf("%d messages: %q", len(shown), shown)
						}
						if channel := b.app.teller.Status()[0]; channel.Broken || channel.Pending > 0 || channel.Error != "" {
							t.Errorf("the channel afterwards: %+v", channel)
						}
					})
				})
			}
		})
	}
}

// Pairs of what the simulated service can do wrong or differently, at random:
// whatever it is, nobody is ended who should not be, and when it is over the
// watch is as good as before.
func TestPairsOfFaultsAndVariants(t *testing.T) {
	tooLongForTheRaceDetector(t)
	t.Parallel()
	seed, pairs := seed(), 40
	if testing.Short() {
		pairs = 6
	}
	if *seedFlag != 0 {
		pairs = 1
	}
	for i := range pairs {
		t.Run(fmt.Sprintf("seed %d", seed+uint64(i)), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed+uint64(i), 0))
			inBubble(t, func(b *bubble) { b.troubled(random) })
		})
	}
}

// troubled lets two kinds of trouble begin, an intruder come, the trouble end,
// and another intruder come.
func (b *bubble) troubled(random *rand.Rand) {
	b.atHome()
	b.start()
	b.pass(time.Minute)
	what := []string{b.trouble(random), b.trouble(random)}
	defer func() {
		if b.t.Failed() {
			b.t.Logf("with %s", strings.Join(what, " and "))
		}
	}()
	first := b.signIn(farAddr, chrome)
	b.pass(3 * time.Minute)
	b.service.ClearFaults()
	for _, v := range manncotest.Variants() {
		b.variant(v.Name, v.Values[0])
	}
	b.pass(20 * time.Minute) // the longest that it waits by itself
	second := b.signIn(otherAddr, iphone)
	b.pass(time.Minute)
	b.wantOnlyEnded(first, second)
	b.wantSeeing()
	if state := b.stateOf(second); state != "verified" || b.alive(second) {
		b.t.Errorf("the action on the second intruder is %q, and he is there: %t", state, b.alive(second))
	}
	// He may have counted as the watch's own session: then people are asked, and
	// nobody answers. And his id may be another's since.
	now, _ := b.service.Session("main", number(first))
	if s := b.stateOf(first); b.alive(first) && now.Address == farAddr && s != "held" && s != "denied" {
		b.t.Errorf("the first intruder lives on; his action is %q", s)
	}
	if !b.told("verified gone") {
		b.t.Errorf("people were not told: %q", b.messages())
	}
}

// trouble switches a fault or a variant on, and says which.
func (b *bubble) trouble(random *rand.Rand) string {
	faults, variants := manncotest.Faults(), manncotest.Variants()
	n := random.IntN(len(faults) + len(variants))
	if n < len(faults) {
		f := manncotest.Fault{Kind: faults[n].Kind, Times: random.IntN(3) * random.IntN(10)}
		if routes := faults[n].Routes; len(routes) > 0 && random.IntN(2) == 0 {
			f.Route = routes[random.IntN(len(routes))]
		}
		b.fault(f)
		return fmt.Sprintf("%+v", f)
	}
	v := variants[n-len(faults)]
	value := v.Values[random.IntN(len(v.Values))]
	b.variant(v.Name, value)
	return fmt.Sprintf("%s = %s", v.Name, value)
}

// What a pair brought to light: an intruder whom the service marked as ours, or
// gave no id, was found and left alone, and stayed so when that was over.

func TestIntruderMarkedAsOursIsEndedWhenTheMarkGoes(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.atHome()
		b.start()
		b.fault(manncotest.Fault{Kind: manncotest.FaultCurrentWrong})
		thief := b.signIn(farAddr, chrome)
		b.pass(time.Minute)
		if b.wantEnded(); !b.told("is left alone") {
			t.Errorf("people were not told: %q", b.messages())
		}
		b.service.ClearFaults()
		b.pass(2 * polled)
		b.wantSafe(thief)
	})
}

func TestIntruderWithoutAnIDIsEndedWhenHeGetsOne(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.variant(manncotest.VariantRowFields, "no_id")
		b.atHome()
		b.start()
		thief := b.signIn(farAddr, chrome)
		b.pass(time.Minute)
		b.wantEnded()
		b.variant(manncotest.VariantRowFields, "all")
		b.pass(2 * polled)
		b.wantSafe(thief)
	})
}

// One who was ended, and whose id the service gave to our next login at once, is
// gone for that: our own session is nobody who has moved.
func TestIntruderWhoseIDBecomesOursIsGone(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.atHome()
		b.start()
		b.fault(manncotest.Fault{Kind: manncotest.FaultIDReuse})
		b.fault(manncotest.Fault{Kind: manncotest.FaultDisconnectEndsCaller})
		thief := b.signIn(farAddr, chrome)
		b.pass(3 * time.Minute)
		b.wantEnded(thief)
		if state := b.stateOf(thief); state != "verified" || !b.told("verified gone") {
			t.Errorf("the action is %q; told: %q", state, b.messages())
		}
		if b.told("session_moved") || b.told("stolen cookie") {
			t.Errorf("our own session counts as the one who was ended: %q", b.messages())
		}
		b.service.ClearFaults()
		b.wantEnded(thief, b.attack(time.Minute))
	})
}

// Where nothing shows which session is ours, the service's mark is believed. If
// it takes that back, people are asked.
func TestSessionThatCountedAsOursIsAskedAbout(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.defaults = append(b.defaults, `ask_default = "disconnect"`)
		b.atHome()
		b.start()
		b.fault(manncotest.Fault{Kind: manncotest.FaultCurrentWrong})
		b.fault(manncotest.Fault{Kind: manncotest.FaultAbsurdTime})
		thief := b.signIn(farAddr, chrome)
		b.pass(time.Minute)
		b.service.ClearFaults()
		b.pass(time.Hour)
		b.wantEnded() // not even without an answer
		if state := b.stateOf(thief); state != "held" || !b.told("approve") {
			t.Errorf("the action is %q; told: %q", state, b.messages())
		}
	})
}
