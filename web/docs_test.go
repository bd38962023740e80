package web

import (
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"sessionwarden"
)

// page returns docs/api.md, without what is in fences.
func page(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// section returns what stands under a heading, up to the next one.
func section(t *testing.T, text, heading string) string {
	t.Helper()
	_, after, ok := strings.Cut(text, "\n"+heading+"\n")
	if !ok {
		t.Fatalf("docs/api.md has no %q", heading)
	}
	before, _, _ := strings.Cut(after, "\n#")
	return before
}

// firstCells returns the names in backquotes that the rows of a section's
// tables begin with.
func firstCells(section string) (names []string) {
	for line := range strings.Lines(section) {
		if rest, ok := strings.CutPrefix(line, "| `"); ok {
			name, _, _ := strings.Cut(rest, "`")
			names = append(names, name)
		}
	}
	return names
}

func TestTheDocumentListsEveryRoute(t *testing.T) {
	t.Parallel()
	text := section(t, page(t), "## Routes")
	var routes []string
	for _, rt := range (&api{}).routes() {
		routes = append(routes, rt.method+" "+rt.path)
		for line := range strings.Lines(text) {
			if !strings.HasPrefix(line, "| `"+rt.method+" "+rt.path+"` |") {
				continue
			}
			for _, param := range rt.params {
				if !strings.Contains(line, "`"+param+"`") {
					t.Errorf("%s: the parameter %s is not documented", rt.path, param)
				}
			}
		}
	}
	if documented := firstCells(text); !slices.Equal(documented, routes) {
		t.Errorf("docs/api.md lists %q, the API has %q", documented, routes)
	}
	ops := firstCells(section(t, page(t), "## Health and metrics, over TCP"))
	want := []string{"GET " + livePath, "GET " + healthPath, "GET " + readyPath, "GET " + metricsPath}
	want = append(want, columns(reflect.TypeFor[opsAnswer]())...)
	if !slices.Equal(ops, want) {
		t.Errorf("docs/api.md lists %q, want %q", ops, want)
	}
}

func TestTheDocumentListsEveryField(t *testing.T) {
	t.Parallel()
	text := page(t)
	for heading, row := range map[string]reflect.Type{
		"## What all answers have in common": reflect.TypeFor[Error](),
		"### Session":                        reflect.TypeFor[SessionRow](),
		"### Finding":                        reflect.TypeFor[FindingRow](),
		"### Action":                         reflect.TypeFor[ActionRow](),
		"### Incident":                       reflect.TypeFor[IncidentRow](),
		"### Evidence":                       reflect.TypeFor[Evidence](),
		"### Alert":                          reflect.TypeFor[AlertRow](),
		"### Alert channel":                  reflect.TypeFor[AlertChannelRow](),
		"### Channel test":                   reflect.TypeFor[ChannelTest](),
		"### Resumed":                        reflect.TypeFor[Resumed](),
		"### Trust":                          reflect.TypeFor[TrustRow](),
		"### Silence":                        reflect.TypeFor[SilenceRow](),
		"### Record":                         reflect.TypeFor[RecordRow](),
		"### Profile":                        reflect.TypeFor[ProfileRow](),
		"### Known":                          reflect.TypeFor[KnownRow](),
		"### Explanation":                    reflect.TypeFor[Explanation](),
		"### Answer":                         reflect.TypeFor[AnswerRow](),
		"### Account answer":                 reflect.TypeFor[AccountAnswerRow](),
		"### Database":                       reflect.TypeFor[DatabaseCheck](),
		"### Observing":                      reflect.TypeFor[sessionwarden.Observing](),
		"### Backup status":                  reflect.TypeFor[sessionwarden.BackupStatus](),
		"### Heartbeat status":               reflect.TypeFor[sessionwarden.HeartbeatStatus](),
		"### Canary status":                  reflect.TypeFor[sessionwarden.CanaryStatus](),
		"## Status":                          reflect.TypeFor[sessionwarden.Status](),
		"### Account status":                 reflect.TypeFor[sessionwarden.AccountStatus](),
		"### Silence status":                 reflect.TypeFor[sessionwarden.SilenceStatus](),
		"### Channel status":                 reflect.TypeFor[sessionwarden.ChannelStatus](),
		"### Location status":                reflect.TypeFor[sessionwarden.LocationStatus](),
		"### List status":                    reflect.TypeFor[sessionwarden.ListStatus](),
	} {
		if documented, want := firstCells(section(t, text, heading)), columns(row); !slices.Equal(documented, want) {
			t.Errorf("%s: docs/api.md lists\n%q\nthe program has\n%q", heading, documented, want)
		}
	}
}

// Scripts rely on these names.
func TestRowsHaveTheFieldsThatWerePromised(t *testing.T) {
	t.Parallel()
	for promised, row := range map[string]reflect.Type{
		"account id address country city asn organization network service_location isp user_agent device started first_seen last_seen gone_at own state": reflect.TypeFor[SessionRow](),
		"id account session_id rule severity response time late reason facts silence":                                                                    reflect.TypeFor[FindingRow](),
		"id account session_id kind state reason finding_ids attempts created updated":                                                                   reflect.TypeFor[ActionRow](),
	} {
		have := columns(row)
		if want := strings.Fields(promised); !slices.Equal(have[:min(len(have), len(want))], want) {
			t.Errorf("%v begins with %q, want %q", row, have, want)
		}
	}
}

func TestTheDocumentNamesTheTrailers(t *testing.T) {
	t.Parallel()
	for _, name := range []string{rowsTrailer, errorTrailer, socketName} {
		if !strings.Contains(page(t), "`"+name+"`") {
			t.Errorf("docs/api.md does not name %s", name)
		}
	}
}

func TestNearestMeansWhatAPersonMeant(t *testing.T) {
	t.Parallel()
	known := []string{"account", "since", "format", "what"}
	for word, want := range map[string]string{
		"acount": "account", "accuont": "account", "accounts": "account", "sinse": "since", "fromat": "format", "waht": "what",
		"limit": "", "": "", "x": "", "disconnect": "", strings.Repeat("account", 100): "",
	} {
		if got := nearest(word, known); got != want {
			t.Errorf("%q is taken for %q, want %q", word, got, want)
		}
	}
}
