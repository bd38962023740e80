package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
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
// does what is typed. It is also the one door of simulate and demo to the terminal
// once more than one goroutine prints.
type slackRoom struct {
	slack *slacktest.Server
	url   string            // of its Web API
	names map[string]string // what people are called here; who is not in it, by his id
	brief bool              // of an update only what is new in it is shown, and of a press only that it failed

	mu      sync.Mutex
	out     *printer
	begun   time.Time
	buttons []slackButton // by number, from 1
	mute    bool          // the buttons are shown without numbers: nobody can type one
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

// serveBeside serves Slack on the port after another one, or on a free port where
// that one was chosen freely. The caller closes what it returns.
func (r *slackRoom) serveBeside(other net.Addr) (io.Closer, error) {
	host, port, err := net.SplitHostPort(other.String())
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return nil, err
	}
	closer, err := r.serve(net.JoinHostPort(host, strconv.Itoa(n+1)))
	if err != nil {
		return r.serve(net.JoinHostPort(host, "0"))
	}
	return closer, nil
}

// serve serves Slack at an address. The caller closes what it returns.
func (r *slackRoom) serve(addr string) (io.Closer, error) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listening for the simulated Slack: %w", err)
	}
	r.slack.AddUser(slackOwner, "owner")
	r.slack.AddUser(slackStranger, "stranger")
	for id, name := range r.names {
		r.slack.AddUser(id, name)
	}
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

// configuration is what points sessionwarden at this Slack.
func (r *slackRoom) configuration(buttons bool) string {
	text := fmt.Sprintf("[alert.slack]\nbot_token = \"simulated-bot-token-not-a-secret\"\nchannel = %q\napi_url = %q\n", slackChannel, r.url)
	if buttons {
		text += fmt.Sprintf("app_token = \"simulated-app-token-not-a-secret\"\npeople = [%q]\n", slackOwner)
	}
	return text
}

// explain prints the configuration, and what can be typed.
func (r *slackRoom) explain() {
	r.print(fmt.Sprintf("\n  %s\n"+`
In the simulated Slack you are %s. Type a button's number to press it, or
"s status" for the command /sessionwarden status; with "x " before it, a
stranger (%s) does so.
`, strings.ReplaceAll(strings.TrimSpace(r.configuration(true)), "\n", "\n  "), slackOwner, slackStranger))
}

// begin has the time that is shown begin now.
func (r *slackRoom) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.begun = time.Now()
}

// stamp is how long the story has been told.
func (r *slackRoom) stamp() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return stamp(r.begun)
}

// hush ends the printing: what is typed is read to the very end.
func (r *slackRoom) hush() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hushed = true
}

// withoutNumbers has the buttons shown without numbers from now on.
func (r *slackRoom) withoutNumbers() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mute = true
}

// print prints text as it is.
func (r *slackRoom) print(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.write(text)
}

// write is print; the caller holds r.mu.
func (r *slackRoom) write(text string) {
	if !r.hushed {
		_, _ = io.WriteString(r.out, text) // nobody may be reading any more
	}
}

// say tells a line of the story: when, who, what.
func (r *slackRoom) say(who, text string) {
	r.print(fmt.Sprintf("%s  %-10s %s\n", r.stamp(), shorten(who, 10), wrap(text, r.out.width-18, strings.Repeat(" ", 18))))
}

// name is what somebody is called here.
func (r *slackRoom) name(user string) string { return cmp.Or(r.names[user], user) }

// message shows a message, and numbers its buttons. A button keeps its number as
// long as it is there.
func (r *slackRoom) message(m slacktest.Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	title, text := "Slack shows in "+slackChannel, slacktest.Text(m)
	if m.Thread != "" {
		title = "Slack shows in a thread"
	}
	if n := len(m.History); n > 0 {
		title = "Slack updates a message"
		if r.brief {
			title += " (the rest of it stays)"
			was := m
			was.Text, was.Blocks = m.History[n-1].Text, m.History[n-1].Blocks
			text = added(slacktest.Text(was), text)
		}
	}
	var numbers []string
	for _, b := range slacktest.Buttons(m) {
		n, known := r.number(m.TS, b)
		if r.mute || known && r.brief {
			continue
		}
		label := fmt.Sprintf("%d = %s", n, b.Label)
		if b.Asks != "" {
			label += ` (Slack asks before: "` + b.Asks + `")`
		}
		numbers = append(numbers, label)
	}
	r.show(title, text, numbers)
}

// added returns those paragraphs of a text that it did not have before: lines, each
// with those that it goes on in.
func added(before, text string) string {
	known := make(map[string]bool)
	for _, paragraph := range paragraphs(before) {
		known[paragraph] = true
	}
	return strings.Join(slices.DeleteFunc(paragraphs(text), func(p string) bool { return known[p] }), "")
}

func paragraphs(text string) []string {
	var list []string
	for line := range strings.Lines(strings.TrimRight(text, "\n") + "\n") {
		if goesOn := strings.HasPrefix(line, "    "); goesOn && len(list) > 0 {
			list[len(list)-1] += line
		} else {
			list = append(list, line)
		}
	}
	return list
}

// number returns the number of a button, and whether it was shown before. The
// caller holds r.mu.
func (r *slackRoom) number(ts string, b slacktest.Button) (n int, known bool) {
	for i, one := range r.buttons {
		if one.ts == ts && one.Action == b.Action && one.Label == b.Label && one.Value == b.Value {
			return i + 1, true
		}
	}
	r.buttons = append(r.buttons, slackButton{ts: ts, Button: b})
	return len(r.buttons), false
}

// shown returns the first button of that label that was shown, whether it is still
// there or not.
func (r *slackRoom) shown(label string) (slackButton, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.IndexFunc(r.buttons, func(b slackButton) bool { return b.Label == label })
	if i < 0 {
		return slackButton{}, false
	}
	return r.buttons[i], true
}

// stands reports whether a button is under its message as that stands now.
func (r *slackRoom) stands(b slackButton) bool {
	for _, m := range r.slack.Messages() {
		if m.TS == b.ts {
			return slices.Contains(slacktest.Buttons(m), b.Button)
		}
	}
	return false
}

// whisper shows what one person alone sees.
func (r *slackRoom) whisper(e slacktest.Ephemeral) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.show("Slack shows "+r.name(e.User)+" alone", e.Shown(), nil)
}

// show shows a text of Slack's. The caller holds r.mu.
func (r *slackRoom) show(title, text string, numbers []string) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s:\n", stamp(r.begun), title)
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimRight("  │ "+strings.TrimRight(line, "\n "), " ") + "\n")
	}
	for _, n := range numbers {
		b.WriteString("  type " + wrap(n, r.out.width-7, "       ") + "\n")
	}
	r.write(b.String())
}

// read does what is typed until there is no more of it.
func (r *slackRoom) read(ctx context.Context, from *typed) {
	for line := range from.lines {
		if ctx.Err() != nil {
			return
		}
		r.do(ctx, line)
	}
}

// do does what one line says, and reports whether it was a press of the owner's that
// arrived.
func (r *slackRoom) do(ctx context.Context, line string) (pressed bool) {
	user := slackOwner
	if rest, ok := strings.CutPrefix(line, "x "); ok {
		user, line = slackStranger, strings.TrimSpace(rest)
	}
	if text, ok := strings.CutPrefix(line+" ", "s "); ok {
		text = strings.TrimSpace(text)
		r.say("slack", strings.TrimSpace(r.name(user)+" types /sessionwarden "+text)+".")
		r.outcome(r.slack.Slash(ctx, user, text))
		return false
	}
	n, err := strconv.Atoi(line)
	if err != nil {
		r.say("slack", `Type a button's number, "s" and a command's text, or either with "x " before it.`)
		return false
	}
	r.mu.Lock()
	var b slackButton
	known := n >= 1 && n <= len(r.buttons)
	if known {
		b = r.buttons[n-1]
	}
	r.mu.Unlock()
	if !known {
		r.say("slack", fmt.Sprintf("No button has the number %d.", n))
		return false
	}
	return r.press(ctx, user, b) && user == slackOwner
}

// press has somebody press a button, and reports whether that arrived.
func (r *slackRoom) press(ctx context.Context, user string, b slackButton) bool {
	r.say("slack", fmt.Sprintf("%s presses [%s].", r.name(user), b.Label))
	ack, err := r.slack.PressButton(ctx, user, b.ts, b.Button)
	r.outcome(ack, err)
	return err == nil && ack.Acked
}

// outcome says whether what somebody did in Slack arrived.
func (r *slackRoom) outcome(ack slacktest.Ack, err error) {
	switch {
	case errors.Is(err, context.Canceled):
	case errors.Is(err, slacktest.ErrNoConnection):
		r.say("slack", "Nobody is connected, so Slack shows that it failed. Is app_token in the configuration, and does sessionwarden run?")
	case err != nil:
		r.say("slack", "Not done: "+err.Error()+".")
	case !ack.Acked:
		r.say("slack", "Not acknowledged within three seconds, so Slack shows that it failed.")
	case ack.Refused != "":
		r.say("slack", "Acknowledged, but Slack refuses the answer: "+ack.Refused)
	case !r.brief:
		r.say("slack", fmt.Sprintf("Acknowledged after %d ms.", ack.Took.Milliseconds()))
	}
}
