package alert

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/nicholas-fedor/shoutrrr/pkg/services/push/gotify"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"

	"sessionwarden"
)

// gotifyApp is one application of a Gotify server.
type gotifyApp struct{ address, server string }

func openGotify(text string) (service, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, err
	}
	c := &gotify.Config{}
	if err := c.SetURL(u); err != nil {
		return nil, errors.New("an option has a wrong value")
	}
	scheme := "https"
	switch {
	case c.Host == "":
		return nil, errors.New("the server is missing")
	case u.User != nil:
		return nil, errors.New("the token stands behind the server, and no user before it")
	case !(&gotify.DefaultValidator{}).ValidateToken(c.Token):
		return nil, errors.New("an application's token begins with A and has 15 characters, or begins with gtfya")
	case c.DisableTLS:
		if err := onlyHere(c.Host); err != nil {
			return nil, err
		}
		scheme = "http"
	}
	// The token goes in a header, so that no log of a server in between has it.
	query := u.Query()
	query.Set("useheader", "yes")
	u.RawQuery = query.Encode()
	return gotifyApp{u.String(), (&url.URL{Scheme: scheme, Host: c.Host, Path: c.Path}).String()}, nil
}

func gotifyWire(w way) wire {
	return wire{client: w.client, who: "Gotify", cure: "make a new token under Apps in Gotify and put it into the address"}
}

func (g gotifyApp) send(ctx context.Context, w way, m Message) error {
	wire := gotifyWire(w)
	d := &door{ctx: ctx, wire: wire, judge: func(a answer) *SendError { return gotifyError(wire, a, w.now()) }}
	priority := map[sessionwarden.Severity]string{sessionwarden.Critical: "8", sessionwarden.Warning: "5"}[m.Severity]
	if priority == "" {
		priority = "2"
	}
	md := medium{limit: 16 << 10, size: inBytes}
	return d.through(&gotify.Service{}, g.address, md.write(m, ""), types.Params{"title": m.Title, "priority": priority})
}

// gotifyError sorts an answer: success is the message with its id.
func gotifyError(w wire, a answer, now time.Time) *SendError {
	if a.status >= 300 {
		return w.refusal(a, now)
	}
	var said struct {
		ID int64 `json:"id"`
	}
	if a.status != http.StatusOK || json.Unmarshal(a.body, &said) != nil || said.ID == 0 {
		return w.odd()
	}
	return nil
}

func (g gotifyApp) try(ctx context.Context, w way) (string, error) {
	wire := gotifyWire(w)
	a, err := wire.get(ctx, g.server+"/health", nil)
	if err != nil {
		return "", err
	}
	var said struct {
		Health   string `json:"health"`
		Database string `json:"database"`
	}
	if a.status >= 300 && a.status != http.StatusInternalServerError {
		return "", wire.refusal(a, w.now())
	}
	if json.Unmarshal(a.body, &said) != nil || said.Health == "" {
		return "", wire.odd()
	}
	if said.Health != "green" || said.Database != "green" {
		return "", &SendError{Class: Retry, Reason: "the server says that it is not well"}
	}
	return "the server is well; " + onlyAMessage, nil
}
