package geo

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sessionwarden"
)

// auto is the setting that also looks where packages put databases.
const auto = "auto"

// slot is one of the places that a file can take: for countries, for networks
// and for anonymizers. It is used by one goroutine at a time.
type slot struct {
	role  role
	key   string   // what the setting is called in the configuration
	paths []string // where a file may lie, the best first; none: built-in only
	auto  bool     // no file has to be there

	builtin *database              // nil: there is none for anonymizers
	file    *database              // nil: the built-in data alone
	looked  map[string]fs.FileInfo // what the last look saw, by path
	refused map[string]refusal     // files that were not taken, by path
	older   string                 // says that the file in use is older than the one before it
}

// refusal remembers why a file was not taken, so that it is read again only
// when it changed.
type refusal struct {
	seen  fs.FileInfo // nil: it could not be looked at
	why   string
	looks int // in a row that found it not good
}

// newSlot returns the slot for a setting: "" for the built-in data, auto, or
// a path.
func newSlot(r role, key, setting string, folders []string, builtin *database) *slot {
	s := &slot{role: r, key: key, builtin: builtin, looked: make(map[string]fs.FileInfo), refused: make(map[string]refusal)}
	switch setting {
	case "":
	case auto:
		s.auto = true
		names := []string{"GeoLite2-City.mmdb", "GeoLite2-Country.mmdb"}
		if r == networks {
			names = []string{"GeoLite2-ASN.mmdb"}
		}
		for _, name := range names {
			for _, folder := range folders {
				s.paths = append(s.paths, filepath.Join(folder, name))
			}
		}
	default:
		s.paths = []string{setting}
	}
	return s
}

// refresh looks at the slot's files and takes the best that is good and new.
// It reports whether it took one. What it did is logged and counted.
func (s *slot) refresh(log *slog.Logger, m *metrics) (taken bool) {
	for _, path := range s.paths {
		inUse := s.file != nil && s.file.path == path
		seen, err := os.Stat(path)
		before, refusedBefore := s.refused[path]
		last := s.looked[path]
		s.looked[path] = seen
		switch {
		case err != nil && s.auto && !inUse && errors.Is(err, fs.ErrNotExist):
			delete(s.refused, path)
			continue
		case err != nil:
			s.refuse(log, m, path, refusal{why: fileError(err).Error()})
		case inUse && sameFile(seen, s.file.seen):
			delete(s.refused, path)
		case inUse && last != nil && os.SameFile(seen, last) && !sameFile(seen, last):
			// It is being written over in place: until that has come to rest it
			// may pass for whole while it is half one database and half another.
		case refusedBefore && sameFile(seen, before.seen):
			before.looks++
			s.refused[path] = before
		default:
			d, seen, err := loadDatabase(path, s.role)
			if err == nil {
				s.take(log, m, d)
				return true
			}
			s.refuse(log, m, path, refusal{seen: seen, why: err.Error()})
		}
		if inUse {
			return false // a worse file does not take the place of the one in use
		}
	}
	return false
}

// take puts d into use.
func (s *slot) take(log *slog.Logger, m *metrics, d *database) {
	before := s.file
	s.file, s.older = d, ""
	delete(s.refused, d.path)
	if before != nil && d.built.Before(before.built) {
		s.older = fmt.Sprintf("the %s data now in use, %s, was built on %s, before the data used until then (%s): put the newer file back unless that was meant",
			s.role, d.source, date(d.built), date(before.built))
		log.Warn("location file is older than the one before it", "path", d.path, "built", d.built, "before", before.built)
	}
	log.Info("location file in use", "path", d.path, "type", d.kind, "built", d.built)
	m.taken[s.role].Inc()
}

// refuse remembers and logs why the file at path is not used, once.
func (s *slot) refuse(log *slog.Logger, m *metrics, path string, r refusal) {
	r.why = sessionwarden.Clean(r.why, 400)
	before, again := s.refused[path]
	r.looks = before.looks + 1
	s.refused[path] = r
	if again && before.why == r.why && (r.seen == nil || sameFile(before.seen, r.seen)) {
		return
	}
	log.Warn("location file not used", "path", path, "why", r.why)
	m.refused[s.role].Inc()
}

// databases returns what is to be asked, in that order.
func (s *slot) databases(now time.Time) []*database {
	if s.role == anonymizers {
		if s.file == nil || s.outdated(now) != "" {
			return nil
		}
		return []*database{s.file}
	}
	if s.file == nil {
		return []*database{s.builtin}
	}
	return []*database{s.file, s.builtin}
}

// failed says, in one sentence with the cure, that the file which the owner
// named could not be loaded; "" where all is well.
func (s *slot) failed() string {
	if s.auto || s.file != nil || len(s.paths) == 0 {
		return ""
	}
	path := s.paths[0]
	return fmt.Sprintf("%s names %s, but %s: %s until a good %s file lies there, or %s is set to \"\"",
		s.key, sessionwarden.Clean(path, 200), s.refused[path].why, s.role.instead(), s.role.wants(), s.key)
}

// outdated says that the file in use knows too little by now who is an
// anonymizer; "" where that is not so.
func (s *slot) outdated(now time.Time) string {
	if s.role != anonymizers || s.file == nil || now.Sub(s.file.built) <= ignoredAfter {
		return ""
	}
	return fmt.Sprintf("%s was built on %s, and one that is older than %d days is not used: %s until a newer one lies at %s, or %s is set to \"\"",
		s.file.source, date(s.file.built), int(ignoredAfter.Hours()/24), s.role.instead(), sessionwarden.Clean(s.file.path, 200), s.key)
}

// warnings returns what else a person should know of the slot's files.
func (s *slot) warnings(now time.Time) []string {
	var all []string
	for _, path := range s.paths {
		if text := s.warning(path); text != "" {
			all = append(all, text)
		}
	}
	if s.role == anonymizers {
		for _, text := range []string{s.failed(), s.outdated(now)} {
			if text != "" {
				all = append(all, text)
			}
		}
	}
	if s.older != "" {
		all = append(all, s.older)
	}
	return slices.Clip(all)
}

// warning says that the file at path is not used, and what is; "" where it is,
// or where that is a failure.
func (s *slot) warning(path string) string {
	r, refused := s.refused[path]
	if !refused || s.failed() != "" {
		return ""
	}
	shown := sessionwarden.Clean(path, 200)
	if s.file != nil && s.file.path == path {
		return fmt.Sprintf("%s was read before, but now %s: what was read before stays in use until a good %s file lies there",
			shown, strings.TrimSpace(r.why), s.role.wants())
	}
	return fmt.Sprintf("%s would be used, but %s: other data is used until a good %s file lies there", shown, r.why, s.role.wants())
}

// listed is the database of anonymizers at one glance, as a list.
func (s *slot) listed(now time.Time) sessionwarden.ListStatus {
	st := sessionwarden.ListStatus{Key: s.key, Source: sessionwarden.Clean(s.paths[0], 200), Used: s.databases(now) != nil, Problem: cmp.Or(s.failed(), s.outdated(now))}
	if s.file != nil {
		st.Source, st.Date = s.file.source, s.file.built
	}
	return st
}

// trouble returns what people have to be told of the slot's files. A file that
// other data stands in for is only told of when a second look finds it not
// good: it may just be being written.
func (s *slot) trouble(now time.Time) (Trouble, bool) {
	listed := ""
	if s.role == anonymizers {
		listed = "Tor exits and VPN networks"
	}
	if failed := cmp.Or(s.failed(), s.outdated(now)); failed != "" {
		return Trouble{Key: s.key, Path: s.paths[0], Failed: true, List: listed, Says: failed}, true
	}
	for _, path := range s.paths {
		if text := s.warning(path); text != "" && s.refused[path].looks > 1 {
			return Trouble{Key: s.key, Path: path, List: listed, Says: text}, true
		}
	}
	return Trouble{}, false
}

// date is how a build date is shown to people.
func date(t time.Time) string { return t.UTC().Format(time.DateOnly) }
