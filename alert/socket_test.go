package alert_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"sessionwarden/alert"
	"sessionwarden/alert/slacktest"
)

func TestAPressAndACommandArriveAndAreAcknowledged(t *testing.T) {
	inSocketWorld(t, func(w *socketWorld) {
		w.start()
		w.wantConnected(true)
		ts := w.post()
		if ack := w.press("U0OWNER", ts, "It was me"); ack.Took > 0 || len(ack.Payload) > 0 {
			t.Errorf("the acknowledgement is %+v", ack)
		}
		want := alert.Press{Offer: "offer-2", Action: "mine", User: "U0OWNER", UserName: "owner", Channel: "C0SECURITY", MessageTS: ts}
		if got := w.pressed(); len(got) != 1 || got[0] != want {
			t.Errorf("pressed was %+v, want %+v", got, want)
		}
		ack, err := w.slack.Slash(w.t.Context(), "U0OWNER", "status <main> & more\x1b[31m")
		if err != nil || !ack.Acked || ack.Refused != "" || ack.Text != "you said status <main> & more[31m\n" {
			t.Errorf("the command's answer is %+v, %v", ack, err)
		}
		if got := w.slashes; len(got) != 1 || got[0].User != "U0OWNER" || got[0].UserName != "owner" || got[0].Channel != slacktest.CommandChannel {
			t.Errorf("the commands are %+v", got)
		}
		for kind, want := range map[string]float64{"press": 1, "command": 1, "hello": 1} {
			if got := w.metric("sessionwarden_slack_socket_envelopes_total", kind); got != want {
				t.Errorf("%s: %v envelopes", kind, got)
			}
		}
		if err := w.socket.Run(w.t.Context()); err == nil {
			t.Error("it runs twice")
		}
	})
}

func TestAnAnswerThatTakesLongComesAfterTheAcknowledgement(t *testing.T) {
	inSocketWorld(t, func(w *socketWorld) {
		w.options.Command = func(ctx context.Context, c alert.Slash) string {
			switch c.Text {
			case "panic":
				panic("canary not-a-secret")
			case "nothing":
				return " \n"
			case "ever":
				<-ctx.Done()
				return "gave up"
			case "much":
				return strings.Repeat("a long line of an answer, with *markup* and <!channel>\n", 4000)
			}
			time.Sleep(5 * time.Second)
			return "done *now* <!channel>"
		}
		w.start()
		ack, err := w.slack.Slash(w.t.Context(), "U0OWNER", "slow")
		if err != nil || !ack.Acked || ack.Took != 2*time.Second || !strings.Contains(ack.Text, "The answer comes here") {
			t.Errorf("%+v, %v", ack, err)
		}
		w.after(5 * time.Second)
		if shown := w.slack.Ephemerals(); len(shown) != 2 || shown[1].Shown() != "done *now* <!channel>\n" || shown[1].User != "U0OWNER" || strings.Contains(shown[1].Text, "<!channel>") {
			t.Errorf("shown: %+v", shown)
		}
		for text, want := range map[string]string{"panic": "went wrong inside", "nothing": "", "much": "more than fits here"} {
			ack, err := w.slack.Slash(w.t.Context(), "U0OWNER", text)
			if err != nil || !ack.Acked || ack.Refused != "" || !strings.Contains(ack.Text, want) || want == "" && ack.Text != "" {
				t.Errorf("%s: %+v, %v", text, ack, err)
			}
		}
		if ack, _ := w.slack.Slash(w.t.Context(), "U0OWNER", "ever"); !ack.Acked {
			t.Errorf("%+v", ack)
		}
		w.after(time.Minute)
		shown := w.slack.Ephemerals()
		if last := shown[len(shown)-1].Shown(); last != "gave up\n" {
			t.Errorf("at the end of its time it says %q", last)
		}
	})
}

func TestWithoutHandlersAllIsAcknowledged(t *testing.T) {
	inSocketWorld(t, func(w *socketWorld) {
		w.options.Pressed, w.options.Command, w.options.Logger, w.options.Registerer = nil, nil, nil, nil
		w.start()
		w.press("U0OWNER", w.post(), "end")
		if ack, err := w.slack.Slash(w.t.Context(), "U0OWNER", "status"); err != nil || !strings.Contains(ack.Text, "no commands") {
			t.Errorf("%+v, %v", ack, err)
		}
	})
}

func TestAnEnvelopeThatComesTwiceCountsOnce(t *testing.T) {
	inSocketWorld(t, func(w *socketWorld) {
		w.start()
		ts := w.post()
		w.press("U0OWNER", ts, "end")
		for range 3 {
			ack, err := w.slack.Deliver(w.t.Context(), slacktest.Envelope{ID: "twice-1", Type: "interactive", Payload: pressPayload("U0OWNER", "C0SECURITY", "end", "offer-1")})
			if err != nil || !ack.Acked {
				t.Errorf("%+v, %v", ack, err)
			}
		}
		w.slack.Drop()
		w.after(5 * time.Second)
		if ack, err := w.slack.Deliver(w.t.Context(), slacktest.Envelope{ID: "twice-1", Type: "interactive", Payload: pressPayload("U0OWNER", "C0SECURITY", "end", "offer-1")}); err != nil || !ack.Acked {
			t.Errorf("on the next connection: %+v, %v", ack, err)
		}
		w.settle()
		if n := len(w.pressed()); n != 2 {
			t.Errorf("%d presses, want 2", n)
		}
	})
}

func TestWhatIsNotAPressIsAcknowledgedAndLeft(t *testing.T) {
	inSocketWorld(t, func(w *socketWorld) {
		w.start()
		long := strings.Repeat("x", 3000)
		for name, e := range map[string]slacktest.Envelope{
			"an unknown type":       {Type: "brand_new", Payload: map[string]any{}},
			"an event":              {Type: "events_api", Payload: map[string]any{"event": map[string]any{}}},
			"a modal":               {Type: "interactive", Payload: map[string]any{"type": "view_submission"}},
			"no payload":            {Type: "interactive"},
			"a list":                {Type: "interactive", Payload: []any{1}},
			"a text":                {Type: "slash_commands", Payload: "x"},
			"a user in lower case":  {Type: "interactive", Payload: pressPayload("u0owner", "C1", "end", "x")},
			"a long user":           {Type: "interactive", Payload: pressPayload(strings.Repeat("U", 33), "C1", "end", "x")},
			"no user":               {Type: "interactive", Payload: pressPayload("", "C1", "end", "x")},
			"a channel with a path": {Type: "interactive", Payload: pressPayload("U1", "C1/../x", "end", "x")},
			"no action":             {Type: "interactive", Payload: pressPayload("U1", "C1", "", "x")},
			"a long value":          {Type: "interactive", Payload: pressPayload("U1", "C1", "end", long)},
			"a long action":         {Type: "interactive", Payload: pressPayload("U1", "C1", long, "x")},
			"a command of nobody":   {Type: "slash_commands", Payload: map[string]any{"user_id": "", "channel_id": "C1", "text": "x"}},
		} {
			if ack, err := w.slack.Deliver(w.t.Context(), e); err != nil || !ack.Acked {
				t.Errorf("%s: %+v, %v", name, ack, err)
			}
		}
		w.settle()
		if len(w.pressed())+len(w.slashes) > 0 {
			t.Errorf("dealt with: %+v, %+v", w.pressed(), w.slashes)
		}
		ack, err := w.slack.Deliver(w.t.Context(), slacktest.Envelope{Type: "interactive", Payload: pressPayload("U1", "C1", "e\x1bnd", "va\u202elue")})
		w.settle()
		if got := w.pressed(); err != nil || !ack.Acked || len(got) != 1 || got[0].Offer != "value" || got[0].Action != "end" || got[0].UserName != "somebody" {
			t.Errorf("not cleaned: %+v", got)
		}
	})
}

func TestASocketNeedsItsTokenAndAUsableAddress(t *testing.T) {
	t.Parallel()
	if _, err := alert.NewSlackSocket(alert.SlackSocketOptions{}); err == nil {
		t.Error("no token is needed")
	}
	token := func() (string, error) { return appCanary, nil }
	for _, address := range []string{"http://slack.invalid/api/", "ftp://127.0.0.1/", "slack.com/api", "https://user:" + appCanary + "@slack.com/api/"} {
		if _, err := alert.NewSlackSocket(alert.SlackSocketOptions{AppToken: token, APIURL: address}); err == nil || strings.Contains(err.Error(), appCanary) {
			t.Errorf("%q: %v", address, err)
		}
	}
	if _, err := alert.NewSlackSocket(alert.SlackSocketOptions{AppToken: token}); err != nil {
		t.Error(err)
	}
}
