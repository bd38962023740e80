package geo

import (
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"

	"sessionwarden"
)

// ignoredAfter is the age from which a list is not used any more: of a list of
// Tor exits half a year old a third is missing, and of any list some who were
// on it are others by then.
const ignoredAfter = 30 * 24 * time.Hour

// staleAfter is for how long the fetching of a list may fail before people are
// told.
const staleAfter = 24 * time.Hour

// hopes is how many attempts in a row to fetch a first list may fail before
// people are told.
const hopes = 3

// listSlot is the place of one list: a file, or what is fetched from an address.
// It is used by one goroutine at a time.
type listSlot struct {
	kind  listKind
	key   string // what the setting is called in the configuration
	shown string // the file or the address, as people may see it; "" there is no list

	list *list     // the last good one; nil: none so far
	from time.Time // when it was good last: a file's time, or that of the last answer

	path    string // of a file
	seen    fs.FileInfo
	looked  fs.FileInfo // what the last look saw
	refused refusal

	source source // of what is fetched
}

// newListSlot returns the slot for a setting: "" for none, a path, or a URL.
func newListSlot(kind listKind, setting string) *listSlot {
	s := &listSlot{kind: kind, key: "geo." + kind.String()}
	if strings.Contains(setting, "://") {
		s.source.url = setting
		s.shown = shownURL(setting)
		return s
	}
	s.path, s.shown = setting, sessionwarden.Clean(setting, 200)
	return s
}

// shownURL returns an address without what may be a secret in it.
func shownURL(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return "an address that is none"
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return sessionwarden.Clean(u.String(), 200)
}

// refresh looks at the slot's file and reads it where it is new. What it did is
// logged.
func (s *listSlot) refresh(log *slog.Logger) {
	if s.path == "" {
		return
	}
	seen, err := os.Stat(s.path)
	last := s.looked
	s.looked = seen
	switch {
	case err != nil:
		s.refuse(log, refusal{why: fileError(err).Error()})
	case s.list != nil && sameFile(seen, s.seen):
		s.refused = refusal{}
	case s.list != nil && last != nil && os.SameFile(seen, last) && !sameFile(seen, last):
		// It is being written over in place: half of a list would pass for one.
	case sameFile(seen, s.refused.seen):
		s.refused.looks++
	default:
		s.read(log)
	}
}

// read reads the file.
func (s *listSlot) read(log *slog.Logger) {
	content, seen, err := readWhole(s.path, maxList)
	var l *list
	if err == nil {
		l, err = parseList(content)
	}
	if err != nil {
		s.refuse(log, refusal{seen: seen, why: err.Error()})
		return
	}
	s.seen, s.refused = seen, refusal{}
	s.take(log, l, seen.ModTime())
}

// take puts l into use, as of from.
func (s *listSlot) take(log *slog.Logger, l *list, from time.Time) {
	if !l.same(s.list) {
		log.Info("list in use", "list", s.kind.String(), "source", s.shown, "entries", l.entries, "bad_lines", l.bad)
	}
	s.list, s.from = l, from
}

// refuse remembers and logs why the file is not used, once.
func (s *listSlot) refuse(log *slog.Logger, r refusal) {
	r.why = sessionwarden.Clean(r.why, 400)
	before := s.refused
	r.looks = before.looks + 1
	s.refused = r
	if before.why == r.why && (r.seen == nil || sameFile(before.seen, r.seen)) {
		return
	}
	log.Warn("list not used", "list", s.kind.String(), "source", s.shown, "why", r.why)
}

// date is when the list was right last: what it says itself, where that is
// longer ago.
func (s *listSlot) date() time.Time {
	if l := s.list; !l.dated.IsZero() && l.dated.Before(s.from) {
		return l.dated
	}
	return s.from
}

// inUse returns the list, unless there is none or it is too old.
func (s *listSlot) inUse(now time.Time) *list {
	if s.list == nil || now.Sub(s.date()) > ignoredAfter {
		return nil
	}
	return s.list
}

// why says what was wrong at the last look or the last attempt; "" nothing.
func (s *listSlot) why() string {
	if s.path != "" {
		return s.refused.why
	}
	return s.source.why
}

// failed says, in one sentence with the cure, that there is no list to be used;
// "" where there is one, or none is asked for.
func (s *listSlot) failed(now time.Time) string {
	until := fmt.Sprintf("the rule %s does without it until a good list is there, or %s is set to \"\"", s.kind.rule(), s.key)
	switch {
	case s.shown == "" || s.inUse(now) != nil:
		return ""
	case s.list == nil && s.why() == "":
		return fmt.Sprintf("the list of %s at %s was not fetched yet: until then the rule %s does without it", s.kind.words(), s.shown, s.kind.rule())
	case s.list == nil:
		return fmt.Sprintf("%s names %s, but %s: %s", s.key, s.shown, s.why(), until)
	}
	text := fmt.Sprintf("the list of %s, %s, is of %s, and one that is older than %d days is not used: %s",
		s.kind.words(), s.shown, date(s.date()), int(ignoredAfter.Hours()/24), until)
	if why := s.why(); why != "" {
		text += " (it cannot be brought up to date, as " + why + ")"
	}
	return text
}

// stale says that the list in use cannot be brought up to date; "" where it can.
func (s *listSlot) stale(now time.Time) string {
	if s.inUse(now) == nil || s.why() == "" {
		return ""
	}
	return fmt.Sprintf("the list of %s, %s, was good on %s, but now %s: what was read before stays in use for %d days",
		s.kind.words(), s.shown, date(s.from), s.why(), int(ignoredAfter.Hours()/24))
}

// warnings returns what a person should know of the list.
func (s *listSlot) warnings(now time.Time) []string {
	var all []string
	for _, text := range []string{s.failed(now), s.stale(now)} {
		if text != "" {
			all = append(all, text)
		}
	}
	if l := s.inUse(now); l != nil && l.bad > 0 {
		all = append(all, fmt.Sprintf("%d lines of the list of %s, %s, are no address, network or AS number, the first of them line %d: they are passed over",
			l.bad, s.kind.words(), s.shown, l.badLine))
	}
	return all
}

// trouble returns what people have to be told of. A look that finds a file bad,
// or an attempt that fails, is none yet where there is a list: it may just be
// being written, or the way to it be broken for an hour.
func (s *listSlot) trouble(now time.Time) (Trouble, bool) {
	t := Trouble{Key: s.key, Path: s.shown, List: s.kind.words()}
	if t.Says = s.failed(now); t.Says != "" {
		t.Failed = true
		return t, s.list != nil || s.path != "" || s.source.failures >= hopes
	}
	t.Says = s.stale(now)
	if s.path != "" {
		return t, t.Says != "" && s.refused.looks > 1
	}
	return t, t.Says != "" && now.Sub(s.from) > staleAfter
}

// status is the list at one glance.
func (s *listSlot) status(now time.Time) sessionwarden.ListStatus {
	st := sessionwarden.ListStatus{Key: s.key, Source: s.shown, Used: s.inUse(now) != nil, Problem: s.failed(now) + s.stale(now)}
	if s.list != nil {
		st.Entries, st.Date = s.list.entries, s.date().UTC()
	}
	return st
}
