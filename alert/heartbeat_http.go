package alert

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	// beatTimeout is how long the address may take to answer.
	beatTimeout = 10 * time.Second
	// maxBeatAnswer is how much of its answer is looked at.
	maxBeatAnswer = 4 << 10
)

// signal is one of the things that a heartbeat says.
type signal uint8

const (
	unsaid   signal = iota
	starts          // the watch starts
	succeeds        // the last round was good
	fails           // something is wrong
)

var signalNames = [...]string{"nothing", "start", "success", "failure"}

// String returns a word for s.
func (s signal) String() string {
	if int(s) < len(signalNames) {
		return signalNames[s]
	}
	return "nothing"
}

// beatURL returns the address at which s is said: what stands before the query
// gets the signal's own ending.
func beatURL(address string, s signal) string {
	address, _, _ = strings.Cut(address, "#")
	path, query, asks := strings.Cut(address, "?")
	switch s {
	case starts:
		path = strings.TrimRight(path, "/") + "/start"
	case fails:
		path = strings.TrimRight(path, "/") + "/fail"
	}
	if asks {
		path += "?" + query
	}
	return path
}

// say makes one request. known is false where the address exists, for all that
// can be told, but not with the signal's ending. Its errors hold nothing of the
// address, nor of the answer.
func (h *Heartbeat) say(ctx context.Context, s signal, words string) (known bool, failed *SendError) {
	address, err := h.url()
	if err != nil {
		return false, &SendError{Class: Broken, Reason: "its address cannot be read", Cure: "look at [heartbeat] url_file, its permissions and its content"}
	}
	if _, err := checkURL(address); err != nil {
		return false, &SendError{Class: Broken, Reason: "its address cannot be used: " + err.Error(), Cure: badBeat}
	}
	ctx, cancel := context.WithTimeout(ctx, beatTimeout)
	defer cancel()
	method, body := http.MethodGet, io.Reader(http.NoBody)
	if s == fails {
		method, body = http.MethodPost, strings.NewReader(words)
	}
	req, err := http.NewRequestWithContext(ctx, method, beatURL(address, s), body)
	if err != nil {
		return false, &SendError{Class: Broken, Reason: "its address cannot be used", Cure: badBeat}
	}
	req.Header.Set("User-Agent", "sessionwarden")
	if s == fails {
		req.Header.Set("Content-Type", "text/plain; charset=utf-8")
	}
	resp, err := h.client.Do(req)
	if err != nil {
		failed := noAnswer(err, "its server")
		failed.Unsure = false // one more does no harm
		return false, failed
	}
	defer resp.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(resp.Body, maxBeatAnswer)) // the status says what counts
	return heard(s, resp, said, h.now())
}

const badBeat = "copy it again from the service that waits for the heartbeat"

// heard sorts an answer.
func heard(s signal, resp *http.Response, said []byte, now time.Time) (known bool, failed *SendError) {
	status := "HTTP " + strconv.Itoa(resp.StatusCode)
	stranger := &SendError{Class: Broken, Reason: "the service does not know its address (" + status + ")", Cure: badBeat}
	tooMany := &SendError{Class: Limited, RetryAfter: retryAfter(resp.Header.Get("Retry-After"), now), Reason: "the service limits how often it may be told"}
	switch {
	case resp.StatusCode >= 200 && resp.StatusCode < 300:
		// healthchecks.io says so with a good status.
		switch {
		case bytes.Contains(said, []byte("(not found)")):
			return false, stranger
		case bytes.Contains(said, []byte("(rate limited)")):
			return true, tooMany
		}
		return true, nil
	case resp.StatusCode == http.StatusTooManyRequests:
		return true, tooMany
	case s != succeeds && resp.StatusCode >= 300 && resp.StatusCode < 500 && resp.StatusCode != http.StatusRequestTimeout:
		return false, nil // it may know the plain address only
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		return false, &SendError{Class: Broken, Reason: "the answer was a redirect, which is not followed (" + status + ")", Cure: "name the address that it leads to, if that is the service's"}
	case resp.StatusCode >= 400 && resp.StatusCode < 500 && resp.StatusCode != http.StatusRequestTimeout:
		return false, stranger
	}
	return false, &SendError{Class: Retry, Reason: "the service has trouble (" + status + ")"}
}
