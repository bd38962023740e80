package geo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"mime"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/cenkalti/backoff/v5"

	"sessionwarden"
)

// How lists are fetched.
const (
	fetchEvery = time.Hour
	fetchFirst = time.Minute      // the pause after an attempt that failed; then longer ones
	fetchLasts = 30 * time.Second // from the dial to the last byte
	maxTag     = 512              // bytes of what tells one edition of a list from another
)

// source is where a list is fetched, and how that went.
type source struct {
	url      string    // "" it is not fetched
	etag     string    // of the list that there is
	modified string    // the same, for services that know no tags
	noted    time.Time // the last good answer that the disk knows of

	why      string // of the last attempt, where it failed
	failures int    // in a row
}

// answered is what an address answered: a list, or that there is no newer one.
type answered struct {
	list           *list // nil: the one that there is is the newest
	content        []byte
	etag, modified string
}

// newTransport is the way to the addresses of lists.
func newTransport() *http.Transport {
	return &http.Transport{
		Proxy: func(req *http.Request) (*url.URL, error) {
			u, err := http.ProxyFromEnvironment(req)
			if err != nil { // whose own words would tell the proxy's password
				return nil, errors.New("the proxy's address in the environment (HTTPS_PROXY, HTTP_PROXY) is not a URL")
			}
			return u, nil
		},
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    10 * time.Second,
		ResponseHeaderTimeout:  20 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		DisableKeepAlives:      true, // once an hour
	}
}

// get asks for the list. known says that there is one already, which the
// address may say is still the newest. Errors are worded to follow "but ".
func (s source) get(ctx context.Context, way http.RoundTripper, known bool) (answered, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchLasts)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return answered{}, errors.New("that is no address")
	}
	req.Header.Set("User-Agent", "sessionwarden")
	req.Header.Set("Accept", "text/plain, */*;q=0.5")
	if known && s.etag != "" {
		req.Header.Set("If-None-Match", s.etag)
	}
	if known && s.modified != "" {
		req.Header.Set("If-Modified-Since", s.modified)
	}
	client := http.Client{Transport: way, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return answered{}, fetchError(err)
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotModified && known:
		return answered{}, nil
	case resp.StatusCode >= 300 && resp.StatusCode < 400 && resp.StatusCode != http.StatusNotModified:
		return answered{}, fmt.Errorf("it sends us elsewhere (status %d), where nobody follows: name the address where the list is", resp.StatusCode)
	case resp.StatusCode != http.StatusOK:
		return answered{}, fmt.Errorf("it answered with status %d", resp.StatusCode)
	}
	if kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err == nil && (kind == "text/html" || kind == "application/xhtml+xml") {
		return answered{}, errors.New("it answered with a web page, not with a list")
	}
	content, err := io.ReadAll(io.LimitReader(resp.Body, maxList+1))
	if err != nil {
		return answered{}, fetchError(err)
	}
	l, err := parseList(content)
	if err != nil {
		return answered{}, err
	}
	return answered{list: l, content: content, etag: tag(resp.Header.Get("ETag")), modified: tag(resp.Header.Get("Last-Modified"))}, nil
}

// tag returns what may be sent back as it came; "" where that is too much.
func tag(text string) string {
	if len(text) > maxTag || sessionwarden.Clean(text, maxTag) != text {
		return ""
	}
	return text
}

// fetchError says in plain words, and without the address, why nothing came.
func fetchError(err error) error {
	var at *url.Error
	if errors.As(err, &at) {
		err = at.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("it did not answer whole within %s", fetchLasts)
	}
	return fmt.Errorf("it cannot be reached: %s", sessionwarden.Clean(err.Error(), 300))
}

// Fetch brings the lists that are fetched up to date: those that were not for an
// hour, all at once. It returns when that is done or ctx ends.
// [Locator.Watch] does the same by itself; this is for who does not watch.
func (l *Locator) Fetch(ctx context.Context) {
	done := make(chan struct{}, len(l.lists))
	for _, s := range l.lists {
		go func() {
			defer func() { done <- struct{}{} }()
			if l.wait(s, nil) <= 0 {
				l.fetch(ctx, s)
			}
		}()
	}
	for range l.lists {
		<-done
	}
}

// keepFetching fetches a list again and again until ctx ends.
func (l *Locator) keepFetching(ctx context.Context, s *listSlot) {
	pauses := &backoff.ExponentialBackOff{InitialInterval: fetchFirst, RandomizationFactor: 0.2, Multiplier: 2, MaxInterval: fetchEvery}
	pauses.Reset()
	due := time.NewTimer(l.wait(s, nil))
	defer due.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-due.C:
		}
		l.fetch(ctx, s)
		due.Reset(l.wait(s, pauses))
	}
}

// wait returns how long to wait before s is fetched, an hour after it was good
// last and not all the world at the same minute. pauses, which may be nil, has
// the pauses after attempts that failed.
func (l *Locator) wait(s *listSlot, pauses *backoff.ExponentialBackOff) time.Duration {
	l.reading.Lock()
	defer l.reading.Unlock()
	switch {
	case s.source.url == "":
		return fetchEvery
	case s.source.failures > 0 && pauses != nil:
		return pauses.NextBackOff()
	case s.list == nil:
		return 0
	}
	if pauses != nil {
		pauses.Reset()
	}
	since := l.now().Sub(s.from)
	if since < 0 {
		since = 0 // the clock was set back
	}
	wait := fetchEvery - since
	if pauses != nil {
		wait += rand.N(fetchEvery/5) - fetchEvery/10
	}
	return wait
}

// fetch asks once for a list, and puts it into use. Lookups, and the reading of
// files, go on meanwhile.
func (l *Locator) fetch(ctx context.Context, s *listSlot) {
	l.reading.Lock()
	asked, known := s.source, s.list != nil
	l.reading.Unlock()
	got, err := asked.get(ctx, l.way, known)
	if ctx.Err() != nil {
		return // we are asked to stop: it says nothing about the address
	}
	l.reading.Lock()
	defer l.reading.Unlock()
	l.metrics.fetched(s.kind, err)
	if err != nil {
		s.missed(l.log, err)
	} else {
		s.fetched(l.log, got, l.now())
		if !l.onlyReads {
			s.keep(l.log, l.listDir, got.content)
		}
	}
	l.publish(false)
}

// missed notes that an attempt failed.
func (s *listSlot) missed(log *slog.Logger, err error) {
	why := sessionwarden.Clean(err.Error(), 400)
	if s.source.why != why {
		log.Warn("list not fetched", "list", s.kind.String(), "source", s.shown, "why", why)
	}
	s.source.why = why
	s.source.failures++
}

// fetched takes what was answered.
func (s *listSlot) fetched(log *slog.Logger, got answered, now time.Time) {
	if s.source.why != "" {
		log.Info("list fetched again", "list", s.kind.String(), "source", s.shown)
	}
	s.source.why, s.source.failures = "", 0
	if got.list == nil {
		s.from = now
		return
	}
	s.take(log, got.list, now)
	s.source.etag, s.source.modified = got.etag, got.modified
}
