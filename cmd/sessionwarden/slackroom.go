package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"sessionwarden/alert/slacktest"
)

// Who is in the simulated Slack.
const (
	slackOwner    = "U0OWNER"
	slackStranger = "U0STRANGER"
	slackChannel  = "#security"
)

// slackRoom is the simulated Slack on a terminal: it shows what is posted, and
// does what is typed. It is also the one door of simulate to the terminal once
// more than one goroutine prints.
type slackRoom struct {
	slack *slacktest.Server
	url   string // of its Web API

	mu      sync.Mutex
	out     *printer
	begun   time.Time
	buttons []slackButton // by number, from 1
	hushed  bool
}

// slackButton is a button that was shown.
type slackButton struct {
	ts string // of its message
	slacktest.Button
}

func newSlackRoom(out *printer, begun time.Time) *slackRoom {
	return &slackRoom{slack: slacktest.New(), out: out, begun: begun}
}

// serve serves Slack on the port after another one, or on a free port where that
// one was chosen freely. The caller closes what it returns.
func (r *slackRoom) serve(beside net.Addr) (io.Closer, error) {
	host, port, err := net.SplitHostPort(beside.String())
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(n+1)))
	if err != nil {
		if listener, err = net.Listen("tcp", net.JoinHostPort(host, "0")); err != nil {
			return nil, fmt.Errorf("listening for the simulated Slack: %w", err)
		}
	}
	r.slack.AddUser(slackOwner, "owner")
	r.slack.AddUser(slackStranger, "stranger")
	r.slack.OnMessage(r.message)
	r.slack.OnEphemeral(r.whisper)
	r.url = "http://" + listener.Addr().String() + slacktest.APIPath
	server := &http.Server{Handler: r.slack, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }() // ends with Close
	return closing(func() error {
		r.slack.Drop()
		return server.Close()
	}), nil
}

// closing is an io.Closer made of a function.
type closing func() error

// Close implements io.Closer.
func (c closing) Close() error { return c() }

// explain prints the configuration, and what can be typed.
func (r *slackRoom) explain() {
	r.print(fmt.Sprintf(`
  [alert.slack]
  bot_token = "simulated-bot-token-not-a-secret"
  app_token = "simulated-app-token-not-a-secret"
  channel = %q
  api_url = %q

In the simulated Slack you are %s. Type a button's number to press it, or
"s status" for the command /sessionwarden status; with "x " before it, a
stranger (%s) does so.
`, slackChannel, r.url, slackOwner, slackStranger))
}

// hush ends the printing: what is typed is read to the very end.
func (r *slackRoom) hush() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hushed = true
}

// print prints text as it is.
func (r *slackRoom) print(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.hushed {
		return
	}
	_, _ = io.WriteString(r.out, text) // nobody may be reading any more
}

// say prints a line with the time.
func (r *slackRoom) say(line string) {
	r.print(fmt.Sprintf("%s  %s\n", stamp(r.begun), wrap(line, r.out.width-7, "       ")))
}

// message shows a message, and numbers its buttons. A button keeps its number as
// long as it is there.
func (r *slackRoom) message(m slacktest.Message) {
	title := "Slack shows in " + slackChannel
	switch {
	case len(m.History) > 0:
		title = "Slack updates a message"
	case m.Thread != "":
		title = "Slack shows in a thread"
	}
	var numbers []string
	for _, b := range slacktest.Buttons(m) {
		text := fmt.Sprintf("%d = %s", r.number(m.TS, b), b.Label)
		if b.Asks != "" {
			text += ` (Slack asks before: "` + b.Asks + `")`
		}
		numbers = append(numbers, text)
	}
	r.show(title, slacktest.Text(m), numbers)
}

// number returns the number of a button.
func (r *slackRoom) number(ts string, b slacktest.Button) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, known := range r.buttons {
		if known.ts == ts && known.Action == b.Action && known.Label == b.Label && known.Value == b.Value {
			return i + 1
		}
	}
	r.buttons = append(r.buttons, slackButton{ts: ts, Button: b})
	return len(r.buttons)
}

// whisper shows what one person alone sees.
func (r *slackRoom) whisper(e slacktest.Ephemeral) {
	r.show("Slack shows "+e.User+" alone", e.Shown(), nil)
}

// show shows a text of Slack's.
func (r *slackRoom) show(title, text string, numbers []string) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s:\n", stamp(r.begun), title)
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimRight("  │ "+strings.TrimRight(line, "\n "), " ") + "\n")
	}
	for _, n := range numbers {
		b.WriteString("  type " + wrap(n, r.out.width-7, "       ") + "\n")
	}
	r.print(b.String())
}

// read does what is typed until there is no more of it.
func (r *slackRoom) read(ctx context.Context, typed io.Reader) {
	lines := bufio.NewScanner(typed)
	lines.Buffer(make([]byte, 0, 4096), 64<<10)
	for lines.Scan() && ctx.Err() == nil {
		if line := strings.TrimSpace(lines.Text()); line != "" {
			r.do(ctx, line)
		}
	}
}

// do does what one line says.
func (r *slackRoom) do(ctx context.Context, line string) {
	user := slackOwner
	if rest, ok := strings.CutPrefix(line, "x "); ok {
		user, line = slackStranger, strings.TrimSpace(rest)
	}
	if text, ok := strings.CutPrefix(line+" ", "s "); ok {
		text = strings.TrimSpace(text)
		ack, err := r.slack.Slash(ctx, user, text)
		r.outcome(strings.TrimSpace(user+" types /sessionwarden "+text), ack, err)
		return
	}
	n, err := strconv.Atoi(line)
	if err != nil {
		r.say(`Type a button's number, "s" and a command's text, or either with "x " before it.`)
		return
	}
	r.mu.Lock()
	var b slackButton
	known := n >= 1 && n <= len(r.buttons)
	if known {
		b = r.buttons[n-1]
	}
	r.mu.Unlock()
	if !known {
		r.say(fmt.Sprintf("No button has the number %d.", n))
		return
	}
	ack, err := r.slack.PressButton(ctx, user, b.ts, b.Button)
	r.outcome(fmt.Sprintf("%s presses [%s]", user, b.Label), ack, err)
}

// outcome says what became of it.
func (r *slackRoom) outcome(what string, ack slacktest.Ack, err error) {
	switch {
	case errors.Is(err, context.Canceled):
		return
	case errors.Is(err, slacktest.ErrNoConnection):
		r.say(what + ": nobody is connected, so Slack shows that it failed. Is app_token in the configuration, and does sessionwarden run?")
	case err != nil:
		r.say(what + ": " + err.Error())
	case !ack.Acked:
		r.say(what + ": not acknowledged within three seconds, so Slack shows that it failed.")
	case ack.Refused != "":
		r.say(what + ": acknowledged, but Slack refuses the answer: " + ack.Refused)
	default:
		r.say(fmt.Sprintf("%s: acknowledged after %d ms.", what, ack.Took.Milliseconds()))
	}
}
