package alert

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/url"

	"github.com/nicholas-fedor/shoutrrr/pkg/types"
)

// door is the only way from shoutrrr to the network. It gives each request our
// context, our client and our limits, lets no more than one out for a message,
// and sorts what came back before the library sees it: the library has no
// contexts, its errors hold the address, and it takes a connection that broke
// off on the way to Telegram for a success.
type door struct {
	ctx   context.Context
	wire  wire
	judge func(answer) *SendError // sorts an answer; nil for the service's own success

	asked  bool // a request was let out
	ok     bool // and was answered with success
	failed *SendError
}

// errOnce is what the library is told when it asks again.
var errOnce = errors.New("one request is made for a message")

// Do makes one request of the library.
func (d *door) Do(req *http.Request) (*http.Response, error) {
	if d.asked {
		return nil, errOnce
	}
	d.asked = true
	got, err := d.ask(req)
	if err != nil {
		d.failed = asSendError(err)
		return nil, d.failed
	}
	if e := d.judge(got); e != nil {
		d.failed = e
		return nil, e
	}
	d.ok = true
	return &http.Response{
		StatusCode: got.status, Status: http.StatusText(got.status), Header: got.header,
		Body: reader(got.body), Request: req,
	}, nil
}

func (d *door) ask(req *http.Request) (answer, error) {
	if e := safeURL(req.URL); e != nil {
		return answer{}, e
	}
	req = req.WithContext(d.ctx)
	req.Header.Set("User-Agent", "sessionwarden")
	return d.wire.exchange(req)
}

// safeURL refuses what would go over the network without TLS.
func safeURL(u *url.URL) *SendError {
	if _, err := checkURL(u.String()); err != nil {
		return &SendError{Class: Broken, Reason: "the address of the channel cannot be used: " + err.Error(), Cure: "write it as docs/channels.md shows"}
	}
	return nil
}

// sender is what all services of the library have.
type sender interface {
	Initialize(u *url.URL, logger types.StdLogger) error
	SetHTTPClient(client types.HTTPClient)
	Send(message string, params *types.Params) error
}

// through sends a text by a service of the library and says what came of it.
func (d *door) through(s sender, address, text string, params types.Params) (err error) {
	defer func() {
		if r := recover(); r != nil && !d.ok {
			err = &SendError{Class: Retry, Reason: "the message could not be put into the form of " + d.wire.who, Unsure: d.asked}
		}
	}()
	u, err := url.Parse(address)
	if err != nil {
		return &SendError{Class: Broken, Reason: "the address of the channel cannot be used"}
	}
	// No log: the library writes addresses and parts of tokens into it.
	s.SetHTTPClient(d)
	err = s.Initialize(u, log.New(io.Discard, "", 0))
	if err == nil {
		s.SetHTTPClient(d)
		err = s.Send(text, &params)
	}
	switch {
	case d.failed != nil:
		return d.failed
	case d.ok:
		return nil // whatever the library makes of it: the service has it
	case err != nil || !d.asked:
		return &SendError{Class: Reject, Reason: "the message could not be put into the form of " + d.wire.who}
	}
	return d.wire.odd()
}
