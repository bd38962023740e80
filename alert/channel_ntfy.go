package alert

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/nicholas-fedor/shoutrrr/pkg/format"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/push/ntfy"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"

	"sessionwarden"
)

// ntfyTopic is one topic of an ntfy server.
type ntfyTopic struct{ address, server string }

func openNtfy(text string) (service, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, err
	}
	c := &ntfy.Config{}
	resolver := format.NewPropKeyResolver(c)
	if resolver.SetDefaultProps(c) != nil || c.SetURL(u) != nil {
		return nil, errors.New("the topic is missing, or an option has a wrong value")
	}
	if c.DisableTLS {
		c.Scheme = "http"
	}
	switch {
	case c.Host == "":
		return nil, errors.New("the server is missing")
	case !plainWord(c.Topic) || len(c.Topic) > 64:
		return nil, errors.New("a topic is up to 64 letters, digits, dashes and underscores")
	case c.Scheme != "https" && c.Scheme != "http":
		return nil, errors.New("scheme is https or http")
	case c.Scheme == "http":
		if err := onlyHere(c.Host); err != nil {
			return nil, err
		}
	}
	return ntfyTopic{text, c.Scheme + "://" + c.Host}, nil
}

func ntfyWire(w way) wire {
	return wire{client: w.client, who: "ntfy", cure: "look at the topic, and at the user and password or the token in the address: they must be allowed to write"}
}

// ntfyLoudness is the priority and the sign of a message.
func ntfyLoudness(m Message) (priority, tag string) {
	switch {
	case m.Severity == sessionwarden.Critical:
		return "5", "rotating_light"
	case m.Kind == sessionwarden.Recovered:
		return "3", "white_check_mark"
	case m.Severity == sessionwarden.Warning:
		return "4", "warning"
	}
	return "3", "information_source"
}

func (t ntfyTopic) send(ctx context.Context, w way, m Message) error {
	wire := ntfyWire(w)
	d := &door{ctx: ctx, wire: wire, judge: func(a answer) *SendError { return ntfyError(wire, a, w.now()) }}
	priority, tag := ntfyLoudness(m)
	// What is longer becomes a file that nobody opens.
	md := medium{limit: 4096, size: inBytes}
	return d.through(&ntfy.Service{}, t.address, md.write(m, ""), types.Params{
		"title":    mime.QEncoding.Encode("utf-8", m.Title), // a header
		"priority": priority, "tags": tag, "markdown": "No",
	})
}

// ntfyError sorts an answer: success is the message with its id.
func ntfyError(w wire, a answer, now time.Time) *SendError {
	var said struct {
		ID    string `json:"id"`
		Event string `json:"event"`
		Code  int    `json:"code"`
	}
	understood := json.Unmarshal(a.body, &said) == nil
	if a.status < 300 {
		if a.status != http.StatusOK || !understood || said.ID == "" || said.Event != "message" {
			return w.odd()
		}
		return nil
	}
	e := w.refusal(a, now)
	if a.status == http.StatusBadRequest && (said.Code == 40009 || said.Code == 40010) {
		e.Class, e.Reason = Broken, "ntfy does not take this topic (HTTP 400)"
	}
	if understood && said.Code > 0 && e.Class != Limited && !strings.Contains(e.Reason, "trouble") {
		e.Reason += fmt.Sprintf(", code %d", said.Code)
	}
	return e
}

func (t ntfyTopic) try(ctx context.Context, w way) (string, error) {
	wire := ntfyWire(w)
	a, err := wire.get(ctx, t.server+"/v1/health", nil)
	if err != nil {
		return "", err
	}
	var said struct {
		Healthy *bool `json:"healthy"`
	}
	if a.status != http.StatusOK {
		return "", wire.refusal(a, w.now())
	}
	if json.Unmarshal(a.body, &said) != nil || said.Healthy == nil {
		return "", wire.odd()
	}
	if !*said.Healthy {
		return "", &SendError{Class: Retry, Reason: "the server says that it is not well"}
	}
	return "the server is well; " + onlyAMessage, nil
}

// onlyAMessage ends what is said of a channel that cannot be tried further.
const onlyAMessage = "whether it takes a message only one can show: sessionwarden alert test"
