package slacktest

import (
	"context"
	"net/http"
	"strconv"
	"time"
)

// Fault is one way in which Slack fails. The zero value is a good day.
type Fault struct {
	kind   string
	status int
	text   string // a header, a body or a code
}

// None is a good day.
func None() Fault { return Fault{} }

// Limited is 429; header is the value of Retry-After, "" for none.
func Limited(header string) Fault { return Fault{kind: "limited", text: header} }

// Status is any HTTP status with an HTML page.
func Status(status int) Fault { return Fault{kind: "status", status: status} }

// HTML is a page of somebody else with status 200.
func HTML() Fault { return Status(http.StatusOK) }

// Refuse is a refusal with one of Slack's codes, such as invalid_blocks,
// channel_not_found, is_archived or token_revoked.
func Refuse(code string) Fault { return Fault{kind: "refuse", text: code} }

// Webhook is a refusal of the webhook: 403, 404 or 410 with a code.
func Webhook(status int, code string) Fault {
	return Fault{kind: "webhook", status: status, text: code}
}

// NoTS says ok, but does not name the message; nothing is posted.
func NoTS() Fault { return Fault{kind: "no_ts"} }

// Hang takes the request and never answers; nothing is posted.
func Hang() Fault { return Fault{kind: "hang"} }

// HangAfter posts the message and never answers.
func HangAfter() Fault { return Fault{kind: "hang_after"} }

// Reset breaks the connection off; nothing is posted.
func Reset() Fault { return Fault{kind: "reset"} }

// Flood answers without an end.
func Flood() Fault { return Fault{kind: "flood"} }

// Fail makes the next requests meet these faults, one each.
func (s *Server) Fail(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, faults...)
}

// Always makes every request meet f, after those that [Server.Fail] names.
func (s *Server) Always(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.standing = f
}

// serve answers in the place of Slack, and reports whether it did.
func (f Fault) serve(w http.ResponseWriter, r *http.Request, name string) bool {
	switch f.kind {
	case "limited":
		if f.text != "" {
			w.Header().Set("Retry-After", f.text)
		}
		plain(w, http.StatusTooManyRequests, "rate_limited")
	case "status":
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(f.status)
		_, _ = w.Write([]byte("<html><body>" + strconv.Itoa(f.status) + " somebody else's page</body></html>"))
	case "refuse":
		if name == "webhook" {
			plain(w, http.StatusBadRequest, f.text)
		} else {
			reply(w, map[string]any{"ok": false, "error": f.text})
		}
	case "webhook":
		plain(w, f.status, f.text)
	case "no_ts":
		if name == "webhook" {
			plain(w, http.StatusOK, "")
		} else {
			reply(w, map[string]any{"ok": true})
		}
	case "hang":
		hang(r.Context())
	case "reset":
		panic(http.ErrAbortHandler)
	case "flood":
		chunk := make([]byte, 64<<10)
		for range 1024 {
			if _, err := w.Write(chunk); err != nil {
				break
			}
		}
	default:
		return false
	}
	return true
}

// after answers once the message is posted, or does not.
func (f Fault) after(ctx context.Context, answer func()) {
	if f.kind == "hang_after" {
		hang(ctx)
		return
	}
	answer()
}

// hang waits until whoever asked has gone, ten minutes at most.
func hang(ctx context.Context) {
	timer := time.NewTimer(10 * time.Minute)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
