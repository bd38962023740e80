package mannco

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/go-json-experiment/json/jsontext"

	"sessionwarden"
)

// maxRetries is how often one call is sent again after an answer that is the
// server's own trouble.
const maxRetries = 2

// ordinary is more than any answer has that is in order: a page of fifty rows
// has 15 KB.
const ordinary = 256 << 10

// request is one call of the service.
type request struct {
	route route
	path  string // after the route's path
	query string
	body  []byte // nil: a GET
	token *token // nil: not logged in

	// read understands a good answer. What it needs for longer than the call
	// it must copy, or keep with answer.keep.
	read func(*answer) *sessionwarden.Fault
}

// answer is what came back, read to its end or to the limit.
type answer struct {
	status int
	header http.Header
	body   []byte
	cut    bool      // the body was longer than the limit
	date   time.Time // the service's clock; zero where it does not say
	token  *token    // that the call was made with

	buffer *bytes.Buffer // behind body
	kept   bool
	bulky  bool // it has a place in the client's bulk
}

// keep makes the answer's body outlive the call. Whoever keeps it gives the
// buffer back.
func (a *answer) keep() *bytes.Buffer {
	a.kept = true
	return a.buffer
}

func newBuffer() any { return new(bytes.Buffer) }

// release gives a buffer back for the next answer, unless it has become large.
func (c *Client) release(b *bytes.Buffer) {
	if b != nil && b.Cap() <= ordinary {
		b.Reset()
		c.buffers.Put(b)
	}
}

// call makes a call that needs a login. Where the service refuses the login,
// there is one new login and the call is made again, once.
func (c *Client) call(ctx context.Context, q request) error {
	if f := c.limited(q.route); f != nil {
		return f
	}
	t, err := c.ready(ctx)
	if err != nil {
		return err
	}
	q.token = t
	f := c.send(ctx, q)
	if f == nil || f.Kind != sessionwarden.FaultRefused {
		return asError(f)
	}
	if q.token, err = c.logInAgain(ctx, t); err != nil {
		return err
	}
	f = c.send(ctx, q)
	if f != nil && f.Kind == sessionwarden.FaultRefused {
		f.Message = "refused even after a new login (" + f.Message + "): the API key may have been revoked, " +
			"this machine's address may not be allowed, or its country may be blocked"
	}
	return asError(f)
}

// limited says whether the service has asked not to be asked.
func (c *Client) limited(r route) *sessionwarden.Fault {
	wait := c.limits.left(r, c.now())
	if wait == 0 {
		return nil
	}
	f := fault(sessionwarden.FaultLimited, r, "waiting, as the service asked for")
	f.RetryAfter = wait
	return f
}

// send makes a call, and makes it again, at most twice, after a server error
// or a page of the CDN.
func (c *Client) send(ctx context.Context, q request) *sessionwarden.Fault {
	if f := c.limited(q.route); f != nil {
		return f
	}
	pause := backoff.ExponentialBackOff{
		InitialInterval: 200 * time.Millisecond, RandomizationFactor: 0.5, Multiplier: 3, MaxInterval: time.Second,
	}
	pause.Reset()
	for attempt := 0; ; attempt++ {
		again, f := c.once(ctx, q)
		if !again || attempt == maxRetries {
			return f
		}
		timer := time.NewTimer(pause.NextBackOff())
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return f
		}
		c.metrics.retries.Inc()
	}
}

// once sends one request and understands its answer. again says that sending
// it once more may help.
func (c *Client) once(ctx context.Context, q request) (again bool, f *sessionwarden.Fault) {
	begun := c.now()
	defer func() { c.metrics.request(q.route, outcomeOf(f), c.now().Sub(begun)) }()

	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	a, err := c.exchange(ctx, q)
	if err != nil {
		// The context says better than the transport why it was cut short.
		if ctx.Err() != nil && !errors.Is(err, ctx.Err()) {
			err = ctx.Err()
		}
		return false, c.networkFault(q.route, err)
	}
	defer func() {
		if !a.kept {
			c.release(a.buffer)
		}
		c.unload(a)
	}()
	if !a.date.IsZero() {
		c.auth.setClock(a.date)
	}
	return c.understand(q, a)
}

// exchange sends the request and reads the answer, bounded in size and by
// ctx. It goes straight to the transport: no redirect is ever followed, and
// no error carries the URL.
func (c *Client) exchange(ctx context.Context, q request) (*answer, error) {
	method, url := http.MethodGet, c.base+routeTable[q.route].path+q.path
	if q.query != "" {
		url += "?" + q.query
	}
	var payload io.Reader
	if q.body != nil {
		method, payload = http.MethodPost, bytes.NewReader(q.body)
	}
	req, err := http.NewRequestWithContext(ctx, method, url, payload)
	if err != nil {
		return nil, errors.New("the request cannot be made: base_url is no good")
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", c.userAgent)
	if q.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if q.token != nil {
		req.Header.Set("Authorization", "Bearer "+q.token.raw.reveal())
	}
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if resp.Body == nil {
		resp.Body = http.NoBody
	}
	defer resp.Body.Close()

	a := &answer{status: resp.StatusCode, header: resp.Header, buffer: c.buffers.Get().(*bytes.Buffer), token: q.token}
	if err := c.readBody(ctx, a, resp); err != nil {
		c.release(a.buffer)
		c.unload(a)
		return nil, err
	}
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil && date.Year() > 2000 && date.Year() < 2100 {
		a.date = date
	}
	return a, nil
}

// readBody reads a body to its end or to the limit. For more than an ordinary
// answer has it waits for a place.
func (c *Client) readBody(ctx context.Context, a *answer, resp *http.Response) error {
	body := resp.Body
	if size := resp.ContentLength; size > 0 && size < ordinary { // what it says, and nothing that is believed
		a.buffer.Grow(int(size) + bytes.MinRead)
	}
	n, err := a.buffer.ReadFrom(io.LimitReader(body, ordinary))
	if err == nil && n == ordinary {
		if c.bulk != nil {
			select {
			case c.bulk <- struct{}{}:
				a.bulky = true
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		_, err = a.buffer.ReadFrom(io.LimitReader(body, maxBody+1-ordinary))
	}
	a.body = a.buffer.Bytes()
	if len(a.body) > maxBody {
		a.cut, a.body = true, a.body[:maxBody]
	}
	return err
}

// unload gives an answer's place back.
func (c *Client) unload(a *answer) {
	if a.bulky {
		<-c.bulk
	}
}

// understand sorts an answer by its status and form.
func (c *Client) understand(q request, a *answer) (again bool, f *sessionwarden.Fault) {
	form := formOf(a)
	switch {
	case a.status >= 300 && a.status < 400 && a.header.Get("Location") != "":
		return false, fault(sessionwarden.FaultStrange, q.route, "redirect refused: the service answered "+statusText(a.status)+" and pointed elsewhere")
	case a.status == http.StatusTooManyRequests:
		f = c.refusal(sessionwarden.FaultLimited, q, a, "too many requests")
		f.RetryAfter = RetryAfter(a.header, c.serviceTime(a))
		c.limits.wait(q.route, c.now().Add(f.RetryAfter))
		return false, f
	case a.status >= 500 && form == formJSON:
		f = c.refusal(sessionwarden.FaultNetwork, q, a, "server error")
		f.Message = "the service answered " + statusText(a.status) + ": " + f.Message
		return true, f
	case a.status >= 500 || form == formPage && a.status != http.StatusNotFound:
		text := ""
		if form == formPage {
			text = " with an HTML page"
		}
		f = fault(sessionwarden.FaultNetwork, q.route, "the service answered "+statusText(a.status)+text+c.excerpt(q, a))
		return a.status != http.StatusForbidden && a.status != http.StatusUnauthorized, f
	case a.status == http.StatusUnauthorized || a.status == http.StatusForbidden:
		if form != formJSON && (a.status == http.StatusForbidden || form != formEmpty) {
			return false, fault(sessionwarden.FaultNetwork, q.route,
				"something in front of the service answered "+statusText(a.status)+c.excerpt(q, a))
		}
		return false, c.refusal(sessionwarden.FaultRefused, q, a, "not permitted")
	case a.status == http.StatusNotFound:
		return false, c.refusal(sessionwarden.FaultNotFound, q, a, "not found")
	case a.status >= 300 && a.status < 400:
		if a.status != http.StatusMultipleChoices {
			return false, fault(sessionwarden.FaultStrange, q.route, "the service answered "+statusText(a.status))
		}
		return false, c.refusal(sessionwarden.FaultBusiness, q, a, "the service said no")
	case a.status >= 400:
		return false, c.refusal(sessionwarden.FaultBusiness, q, a, "the service answered "+statusText(a.status))
	case a.status != http.StatusOK && a.status != http.StatusCreated && a.status != http.StatusAccepted:
		return false, fault(sessionwarden.FaultStrange, q.route, "the service answered "+statusText(a.status))
	}
	return false, q.read(a)
}

// form is what an answer looks like.
type form uint8

const (
	formEmpty form = iota
	formJSON
	formPage // HTML
	formOther
)

func formOf(a *answer) form {
	text := bytes.TrimLeft(bytes.TrimPrefix(a.body, []byte("\xef\xbb\xbf")), " \t\r\n")
	switch {
	case a.header.Get("Cf-Mitigated") != "": // the CDN says itself that it was the one
		return formPage
	case len(text) == 0:
		return formEmpty
	case text[0] == '<':
		return formPage
	case text[0] == '{':
		return formJSON
	}
	return formOther
}

func statusText(status int) string {
	text := strconv.Itoa(status)
	if name := http.StatusText(status); name != "" {
		text += " (" + name + ")"
	}
	return text
}

// refusal makes a fault of the message in an answer.
func (c *Client) refusal(kind sessionwarden.FaultKind, q request, a *answer, otherwise string) *sessionwarden.Fault {
	e, _ := messageOf(a.body)
	return c.saidNo(kind, q, e, otherwise)
}

func (c *Client) saidNo(kind sessionwarden.FaultKind, q request, e envelope, otherwise string) *sessionwarden.Fault {
	message := c.said(e.message, q.secrets()...)
	if message == "" {
		message = otherwise
	}
	return fault(kind, q.route, message)
}

// secrets returns what the request carries and no text may show.
func (q request) secrets() []secret {
	if q.token == nil {
		return nil
	}
	return []secret{q.token.raw}
}

// excerpt repeats the begin of an answer that is not to be understood.
func (c *Client) excerpt(q request, a *answer) string {
	text := c.said(string(a.body[:min(len(a.body), 4<<10)]), q.secrets()...)
	if text == "" {
		return ""
	}
	return ": " + strings.TrimSpace(text)
}

// content is the read of calls whose answer is an object: it sorts refusals
// out and hands the members over.
func (c *Client) content(q *request, a *answer, member func(name string, v jsontext.Value)) *sessionwarden.Fault {
	e, err := readEnvelope(a.body, func(d *jsontext.Decoder) error { return fields(d, member) })
	c.metrics.unknown.Add(float64(e.unknown))
	switch {
	case err != nil:
		return fault(sessionwarden.FaultStrange, q.route, unreadable(err))
	case e.failed:
		return c.failed(*q, a, e)
	case e.holds == holdsNothing:
		return fault(sessionwarden.FaultStrange, q.route, "the answer has neither content nor data")
	}
	return nil
}

// failed makes the fault of a good status with an envelope that says no. The
// older edition says "forbidden" there where others answer 403.
func (c *Client) failed(q request, a *answer, e envelope) *sessionwarden.Fault {
	if e.message == "" {
		e, _ = messageOf(a.body)
	}
	if e.forbidden {
		return c.saidNo(sessionwarden.FaultRefused, q, e, "forbidden")
	}
	return c.saidNo(sessionwarden.FaultBusiness, q, e, "the service said no")
}
