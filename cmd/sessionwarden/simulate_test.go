package main

import (
	"cmp"
	"context"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sessionwarden/alert"
)

// The simulated Slack in a terminal: what is posted is shown with its buttons
// numbered, and what is typed arrives at whoever is connected.
func TestSimulateShowsSlackAndPressesItsButtons(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var out, errs lockedBuffer
	cmd := exec.CommandContext(ctx, os.Args[0], "simulate", "--slack", "--listen", "127.0.0.1:0")
	cmd.Env = []string{asProgram + "=1", "PATH=" + os.Getenv("PATH")}
	cmd.Stdout, cmd.Stderr = &out, &errs
	typed, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if t.Failed() {
			t.Logf("it printed:\n%s%s", out.String(), errs.String())
		}
	}()
	shows := func(words ...string) {
		t.Helper()
		for _, word := range words {
			for !strings.Contains(strings.Join(strings.Fields(out.String()), " "), word) {
				select {
				case <-ctx.Done():
					t.Fatalf("it does not show %q", word)
				case <-time.After(20 * time.Millisecond):
				}
			}
		}
	}
	types := func(line string) {
		t.Helper()
		if _, err := io.WriteString(typed, line+"\n"); err != nil {
			t.Fatal(err)
		}
	}
	shows("[alert.slack]", "app_token = ", `people = ["U0OWNER"]`, `channel = "#security"`, "What happens:")
	found := regexp.MustCompile(`api_url = "(http://127\.0\.0\.1:\d+/api/)"`).FindStringSubmatch(out.String())
	if found == nil {
		t.Fatal("it does not print where Slack answers")
	}
	types("s status")
	shows("U0OWNER types /sessionwarden status.", "Nobody is connected")

	var mu sync.Mutex
	var presses []alert.Press
	socket, err := alert.NewSlackSocket(alert.SlackSocketOptions{
		AppToken: func() (string, error) { return "simulated-app-token-not-a-secret", nil }, APIURL: found[1],
		Pressed: func(_ context.Context, p alert.Press) { mu.Lock(); defer mu.Unlock(); presses = append(presses, p) },
		Command: func(_ context.Context, c alert.Slash) string { return c.User + " asks for " + c.Text },
	})
	if err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- socket.Run(running) }()
	for socket.Status().Connected.IsZero() && ctx.Err() == nil {
		time.Sleep(5 * time.Millisecond)
	}
	posted, err := http.PostForm(found[1]+"chat.postMessage", url.Values{"token": {"simulated-bot-token-not-a-secret"}, "channel": {"#security"}, "text": {"x"}, "blocks": {`[
		{"type":"header","text":{"type":"plain_text","text":"A stranger signed in"}},
		{"type":"actions","elements":[
			{"type":"button","text":{"type":"plain_text","text":"End this session"},"action_id":"end","value":"offer-1","confirm":{"title":{"type":"plain_text","text":"End"},"text":{"type":"plain_text","text":"Really?"},"confirm":{"type":"plain_text","text":"Yes"},"deny":{"type":"plain_text","text":"No"}}},
			{"type":"button","text":{"type":"plain_text","text":"It was me"},"action_id":"mine","value":"offer-2"}]}]`}})
	if err != nil {
		t.Fatal(err)
	}
	_ = posted.Body.Close()
	shows("Slack shows in #security:", "A stranger signed in", "[End this session] [It was me]", `type 1 = End this session (Slack asks before: "Really?")`, "type 2 = It was me")
	types("1")
	shows("U0OWNER presses [End this session].", "Acknowledged after")
	types("x 2")
	shows("U0STRANGER presses [It was me].")
	types("s history --since 1d")
	shows("Slack shows U0OWNER alone:", "U0OWNER asks for history --since 1d")
	types("x s status")
	shows("U0STRANGER asks for status")
	types("7")
	shows("No button has the number 7.")
	types("what")
	shows("Type a button's number")
	mu.Lock()
	slices.SortFunc(presses, func(a, b alert.Press) int { return cmp.Compare(a.Offer, b.Offer) }) // each is carried out for itself
	if len(presses) != 2 || presses[0].Offer != "offer-1" || presses[0].User != "U0OWNER" || presses[1].Action != "mine" || presses[1].User != "U0STRANGER" || presses[1].UserName != "stranger" {
		t.Errorf("presses: %+v", presses)
	}
	mu.Unlock()
	for line := range strings.Lines(out.String()) {
		if n := columnsOf(strings.TrimRight(line, "\n")); n > 80 {
			t.Errorf("a line of %d columns: %s", n, line)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := typed.Close(); err != nil { // whoever has typed all goes on watching
		t.Error(err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
}
