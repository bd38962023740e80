package alert

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/nicholas-fedor/shoutrrr/pkg/services/push/pushover"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"

	"sessionwarden"
)

// pushoverUser is a user's devices, reached as an application of Pushover's.
type pushoverUser struct {
	address, token, user, devices string
	sealed                        bool // encrypted before it leaves this machine
}

func openPushover(text string) (service, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, err
	}
	c := &pushover.Config{}
	switch err := c.SetURL(u); {
	case errors.Is(err, pushover.ErrInvalidEncryptionKey):
		return nil, errors.New("encryptionkey is 64 hexadecimal digits")
	case err != nil:
		return nil, errors.New("the application's token or the user's key is missing")
	case !plainWord(c.Token) || !plainWord(c.User):
		return nil, errors.New("the application's token and the user's key are letters and digits")
	}
	for _, device := range c.Devices {
		if !plainWord(device) || len(device) > 25 {
			return nil, errors.New("devices are up to 25 letters, digits, dashes and underscores each")
		}
	}
	return pushoverUser{text, c.Token, c.User, strings.Join(c.Devices, ","), c.EncryptionKey != ""}, nil
}

func pushoverWire(w way) wire {
	return wire{client: w.client, who: "Pushover", cure: "look at the application's token and the user's key on pushover.net, and at the names of the devices"}
}

func (p pushoverUser) send(ctx context.Context, w way, m Message) error {
	wire := pushoverWire(w)
	d := &door{ctx: ctx, wire: wire, judge: func(a answer) *SendError { return pushoverError(wire, a, w.now()) }}
	md := medium{limit: 1024, size: inCharacters}
	if p.sealed {
		md = medium{limit: 640, size: inBytes} // Pushover counts what comes of it, a half more at the worst
	}
	// Loud, through the quiet hours of the telephone too. The next higher one
	// rings until somebody confirms it there, which would answer nothing here.
	priority := map[sessionwarden.Severity]string{sessionwarden.Critical: "1", sessionwarden.Warning: "0"}[m.Severity]
	if priority == "" {
		priority = "-1"
	}
	return d.through(&pushover.Service{}, p.address, md.write(m, ""), types.Params{"title": m.Title, "priority": priority})
}

// pushoverError sorts an answer: success is status 1. A wrong token is HTTP 400,
// as a wrong message is.
func pushoverError(w wire, a answer, now time.Time) *SendError {
	var said struct {
		Status int    `json:"status"`
		Token  string `json:"token"`
		User   string `json:"user"`
		Device string `json:"device"`
	}
	understood := json.Unmarshal(a.body, &said) == nil
	if a.status < 300 {
		if a.status != http.StatusOK || !understood || said.Status != 1 {
			return w.odd()
		}
		return nil
	}
	e := w.refusal(a, now)
	switch {
	case e.Class == Limited && e.RetryAfter == 0:
		e.RetryAfter = longestRetry // the month's messages are used up
	case a.status == http.StatusBadRequest && understood && (said.Token != "" || said.User != "" || said.Device != ""):
		e.Class, e.Reason = Broken, "Pushover does not know the application, the user or the device (HTTP 400)"
	}
	return e
}

func (p pushoverUser) try(ctx context.Context, w way) (string, error) {
	wire := pushoverWire(w)
	form := url.Values{"token": {p.token}, "user": {p.user}}
	first, _, _ := strings.Cut(p.devices, ",")
	if first != "" {
		form.Set("device", first)
	}
	a, err := wire.call(ctx, http.MethodPost, "https://api.pushover.net/1/users/validate.json", "application/x-www-form-urlencoded", []byte(form.Encode()), nil)
	if err != nil {
		return "", err
	}
	if e := pushoverError(wire, a, w.now()); e != nil {
		return "", e
	}
	return "Pushover knows the application and the user", nil
}
