package evidence_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"html"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sessionwarden"
	"sessionwarden/evidence"
)

var update = flag.Bool("update", false, "write testdata anew: only where no file was ever handed out, else make a new format")

const goldenFile = "testdata/format1.html"

// The page is what it was. Files of format 1 have to be whole for ever: what
// would change this one needs a new format.
func TestThePageIsAsItWas(t *testing.T) {
	t.Parallel()
	file := evidence.Make(small())
	if *update {
		if err := os.WriteFile(goldenFile, file.Page, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(file.Page, want) {
		t.Errorf("the page is not %s any more: make a new format, or see it with -update and git diff", goldenFile)
	}
	r := evidence.Verify(want)
	if !r.Whole() || r.Head != file.Head || r.Records != file.Records || r.Header.Account != "main" || r.Header.Incident != "7" {
		t.Errorf("the file of before is checked as %+v", r)
	}
	text := string(file.Page)
	for _, part := range []string{
		file.Head, "<a href='https://db-ip.com'>IP Geolocation by DB-IP</a>", "2026-11-23 18:30:05 UTC", "built-in DBIP-Country-Lite",
		"partner=1&amp;token=owner", "partner=666&amp;token=thief", "Ended, and proven gone", "<li>The trade URL was changed. Signed in from Vietnam, where",
		"1 session belongs to it, from Vietnam. Signed in beside them before: 1 session and the owner&#39;s program; after: 1 session and the owner&#39;s program.</li>",
		"<dt>Trade URL before the incident</dt><dd>https://steamcommunity.example/tradeoffer/new/?partner=1&amp;token=owner</dd>",
		`<dt>Trade URL now (changed during the incident)</dt><dd class="bad">https://steamcommunity.example/tradeoffer/new/?partner=666&amp;token=thief</dd>`,
		"owner@example.org", "sessionwarden 0.1.0, installation “attic”", "0f1e2d3c4b5a6978",
	} {
		if !strings.Contains(text, part) {
			t.Errorf("the page lacks %q", part)
		}
	}
	if n := strings.Count(text, "in the incident</div>"); n != 1 { // its own table, and no other: that it was signed in before says nothing of the owner
		t.Errorf("the thief is marked %d times", n)
	}
}

// Whoever has the file can work the chain out without this program.
func TestTheChainIsWhatThePageSays(t *testing.T) {
	t.Parallel()
	file := evidence.Make(small())
	before := strings.Repeat("0", 64)
	lines := recordLines(t, file.Page)
	for i, line := range lines {
		hash, text, _ := strings.Cut(html.UnescapeString(line), " ")
		sum := sha256.Sum256([]byte(before + text))
		if before = hex.EncodeToString(sum[:]); before != hash {
			t.Errorf("record %d has %s, worked out is %s", i+1, hash, before)
		}
	}
	if before != file.Head || len(lines) != file.Records {
		t.Errorf("head %s of %d records, want %s of %d", before, len(lines), file.Head, file.Records)
	}
}

func recordLines(t *testing.T, page []byte) []string {
	t.Helper()
	_, rest, ok := strings.Cut(string(page), "<pre id=\"records\">\n")
	text, _, closed := strings.Cut(rest, "\n</pre>")
	if !ok || !closed {
		t.Fatal("the page has no records")
	}
	return strings.Split(text, "\n")
}

// A change of any record is found, and named.
func TestAChangedRecordIsNamed(t *testing.T) {
	t.Parallel()
	page := evidence.Make(small()).Page
	for i, line := range recordLines(t, page) {
		hash, text, _ := strings.Cut(line, " ")
		for name, other := range map[string]string{
			"a letter of the record": hash + " " + text[:len(text)-12] + "x" + text[len(text)-11:],
			"its hash":               flipped(hash) + " " + text,
			"a word made up":         hash + " " + strings.Replace(text, "&#34;:", "&#34;: ", 1),
			"no record at all":       "nothing",
		} {
			r := evidence.Verify(bytes.Replace(page, []byte(line), []byte(other), 1))
			want := fmt.Sprintf("Record %d (", i+1)
			if r.Whole() || !slices.ContainsFunc(r.Problems, func(p string) bool { return strings.HasPrefix(p, want) }) {
				t.Errorf("record %d, %s: %q", i+1, name, r.Problems)
			}
		}
		if r := evidence.Verify(bytes.Replace(page, []byte(line+"\n"), nil, 1)); r.Whole() {
			t.Errorf("record %d is taken out, and nobody sees it", i+1)
		}
		if r := evidence.Verify(bytes.Replace(page, []byte(line), []byte(line+"\n"+line), 1)); r.Whole() {
			t.Errorf("record %d is there twice, and nobody sees it", i+1)
		}
	}
}

func flipped(hash string) string {
	if hash[0] == 'a' {
		return "b" + hash[1:]
	}
	return "a" + hash[1:]
}

// A whole chain over other records, with the page left as it was, and the page
// changed with the records left as they were.
func TestAChangedPageIsFound(t *testing.T) {
	t.Parallel()
	page := evidence.Make(small()).Page
	visible, _, _ := bytes.Cut(page, []byte("<pre id=\"records\">"))
	for _, line := range bytes.SplitAfter(visible, []byte("\n")) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		other := append([]byte("x"), line...)
		r := evidence.Verify(bytes.Replace(page, line, other, 1))
		if r.Whole() || !strings.Contains(r.Problems[len(r.Problems)-1], "The visible page does not say what its records say") {
			t.Errorf("%q is changed: %q", line, r.Problems)
		}
	}
	for name, other := range map[string][]byte{
		"an address": bytes.Replace(page, []byte("198.51.100.23</td>"), []byte("198.51.100.24</td>"), 1),
		"a comment":  bytes.Replace(page, []byte("</section>"), []byte("<!-- -->\n</section>"), 1),
		"a script":   bytes.Replace(page, []byte("</body>"), []byte("<script>alert(1)</script></body>"), 1),
	} {
		if r := evidence.Verify(other); r.Whole() || bytes.Equal(other, page) {
			t.Errorf("%s: %q", name, r.Problems)
		}
	}
	forged := small()
	forged.Actions[0].State = sessionwarden.Failed
	theirs := evidence.Make(forged).Page
	mixed := append(bytes.Clone(visible), theirs[bytes.Index(theirs, []byte("<pre id=\"records\">")):]...)
	if r := evidence.Verify(mixed); r.Whole() || !strings.Contains(r.Problems[0], "The visible page") {
		t.Errorf("another chain under the old page: %q", r.Problems)
	}
	if r := evidence.Verify(append(bytes.Clone(page), ' ')); r.Whole() || !strings.Contains(strings.Join(r.Problems, " "), "it has white space, or what cannot be seen, the records give nothing") {
		t.Errorf("a space behind it: %q", r.Problems)
	}
	crlf := bytes.ReplaceAll(page, []byte("\n"), []byte("\r\n"))
	if r := evidence.Verify(crlf); r.Whole() {
		t.Error("other ends of lines are not seen")
	}
}

// A file that was made up as a whole is whole, and has another head: that is all
// that a chain can show, and what the page says of it.
func TestAForgedFileHasAnotherHead(t *testing.T) {
	t.Parallel()
	forged := small()
	forged.Sightings[1].UserAgent += "x"
	a, b := evidence.Make(small()), evidence.Make(forged)
	if r := evidence.Verify(b.Page); !r.Whole() || r.Head == a.Head {
		t.Errorf("%+v", r)
	}
}

// Cut anywhere, a file is not whole.
func TestATruncatedFileIsNotWhole(t *testing.T) {
	t.Parallel()
	page := evidence.Make(small()).Page
	for n := 0; n < len(page); n += 97 {
		if r := evidence.Verify(page[:n]); r.Whole() {
			t.Fatalf("cut after %d of %d bytes, it is whole", n, len(page))
		}
	}
	for _, n := range []int{len(page) - 1, len(page) - len("</html>\n")} {
		if r := evidence.Verify(page[:n]); r.Whole() {
			t.Errorf("cut after %d of %d bytes, it is whole", n, len(page))
		}
	}
	if r := evidence.Verify(append(bytes.Clone(page), '\n')); r.Whole() {
		t.Error("something stands behind it, and it is whole")
	}
}

// A file of a format that is not known says which program knows it; its chain is
// checked all the same.
func TestAnotherFormatIsSaid(t *testing.T) {
	t.Parallel()
	page := evidence.Make(small()).Page
	lines := recordLines(t, page)
	before, text := strings.Repeat("0", 64), strings.Builder{}
	for _, line := range lines { // a whole chain, as another program would have made it
		_, record, _ := strings.Cut(html.UnescapeString(line), " ")
		record = strings.Replace(record, `"format":1`, `"format":2`, 1)
		sum := sha256.Sum256([]byte(before + record))
		before = hex.EncodeToString(sum[:])
		text.WriteString(before + " " + html.EscapeString(record) + "\n")
	}
	r := evidence.Verify([]byte("<pre id=\"records\">\n" + text.String() + "</pre></html>\n"))
	if len(r.Problems) != 1 || !strings.Contains(r.Problems[0], "It is of format 2") || !strings.Contains(r.Problems[0], "sessionwarden 0.1.0") || r.Head != before {
		t.Errorf("%q", r.Problems)
	}
}

// hostile is a text that wants to be markup, code, a terminal's orders, another
// direction of writing and another record.
const hostile = "<script>alert(1)</script></pre>\"'&{{.}}\x1b[31m\u202e\u2066\u200b\x00\xff\n0000 {\"header\":{}} javascript:alert(1) =1+1 "

// Strings of strangers stand in every field, and nothing of them is markup.
func TestNothingHostileGetsThrough(t *testing.T) {
	t.Parallel()
	plain := evidence.Make(small())
	s := small()
	spoil(reflect.ValueOf(&s).Elem())
	s.Incident.Opened, s.Incident.Resolved = small().Incident.Opened, small().Incident.Resolved
	for i, f := range small().Findings { // these are ours, and the page goes by them
		for k := range f.Facts {
			s.Findings[i].Facts[k].Name = f.Facts[k].Name
		}
	}
	file := evidence.Make(s)
	text := string(file.Page)
	tags := regexp.MustCompile(`<[^>]*>`)
	allowed := make(map[string]bool)
	for _, tag := range tags.FindAllString(string(plain.Page), -1) {
		allowed[tag] = true
	}
	for _, tag := range []string{`<div class="bad">`, `<div class="good">`, `<div class="small">`} {
		allowed[tag] = true
	}
	for _, tag := range tags.FindAllString(text, -1) {
		if !allowed[tag] {
			t.Errorf("a tag that is not ours: %q", tag)
		}
	}
	for _, bad := range []string{"\x1b", "\u202e", "\u2066", "\u200b", "\x00", "\xff", "<script", "</pre>\""} {
		if strings.Contains(text, bad) {
			t.Errorf("%q got through", bad)
		}
	}
	if n := strings.Count(text, "alert(1)"); n < 40 {
		t.Errorf("the hostile text stands there %d times only: this test proves nothing", n)
	}
	r := evidence.Verify(file.Page)
	if !r.Whole() || r.Head != file.Head {
		t.Errorf("%+v", r)
	}
	for _, of := range []string{r.Header.Account, r.Header.Instance, r.Header.Program} {
		if strings.ContainsAny(of, "\x1b\u202e") {
			t.Errorf("%q is not fit for a terminal", of)
		}
	}
	if name := evidence.FileName(hostile+"/../..", "7/..", began); filepath.Base(name) != name || strings.ContainsAny(name, "<>/\\ \x1b") {
		t.Errorf("the name of the file: %q", name)
	}
}

// spoil puts the hostile text into every string that can be set.
func spoil(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(v.String() + hostile)
	case reflect.Slice:
		for i := range v.Len() {
			spoil(v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Field(i); f.CanSet() && f.Type().PkgPath() != "time" && f.Type().PkgPath() != "net/netip" {
				spoil(f)
			}
		}
	}
}

// FuzzVerify: whatever a file holds, checking it ends, and only what Make made is
// whole.
func FuzzVerify(f *testing.F) {
	page := evidence.Make(evidence.Source{Program: "1", Made: began, Incident: sessionwarden.Incident{ID: 7, Account: "main", Opened: began}}).Page
	_, records, _ := bytes.Cut(page, []byte("<pre id"))
	f.Add(append([]byte("<pre id"), records...)) // the rest of the page is only compared, and long
	f.Add([]byte("<pre id=\"records\">\n</pre></html>\n"))
	f.Add([]byte("<pre id=\"records\">\nx {\"header\":{\"format\":1}}\n</pre></html>\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		r := evidence.Verify(text)
		for _, problem := range r.Problems {
			if problem != sessionwarden.Clean(problem, 1<<20) {
				t.Errorf("%q is not fit for a terminal", problem)
			}
		}
		if len(r.Problems) > 11 {
			t.Errorf("%d problems", len(r.Problems))
		}
	})
}

// The largest incident there can be, and a hostile one, have a file of a bounded
// size, and say what was left out.
func TestTheSizeIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("it is about a size, and takes ten times as long under the race detector")
	}
	t.Parallel()
	for name, size := range map[string]struct {
		agent string
		most  int
		all   bool
	}{
		"as they are": {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36", 12 << 20, true},
		"hostile":     {strings.Repeat(`"<`, 500), 32 << 20, false},
	} {
		s := small()
		s.Incident.Sessions, s.Sightings, s.Incident.Findings, s.Findings = nil, nil, nil, nil
		for i := range uint64(3000) {
			one := thief(1000 + i)
			one.ID, one.UserAgent, one.ISP, one.ServiceLocation = sessionwarden.SessionID(fmt.Sprint(i)), size.agent, size.agent, size.agent
			if i < sessionwarden.MaxIncidentRows {
				s.Incident.Sessions = append(s.Incident.Sessions, one.Seq)
				f := small().Findings[0]
				f.ID, f.Seq, f.Facts = 5000+i, one.Seq, append(f.Facts, sessionwarden.Fact{Name: "isp", Value: size.agent})
				s.Incident.Findings, s.Findings = append(s.Incident.Findings, f.ID), append(s.Findings, f)
			} else {
				one.State = sessionwarden.Live
			}
			s.Sightings = append(s.Sightings, one)
		}
		for len(s.Incident.Events) < sessionwarden.MaxEvents {
			s.Incident.Events = append(s.Incident.Events, s.Incident.Events[2])
		}
		file := evidence.Make(s)
		t.Logf("%s: %d records, %d bytes", name, file.Records, len(file.Page))
		if len(file.Page) > size.most {
			t.Errorf("%s: %d bytes, want %d at most", name, len(file.Page), size.most)
		}
		if answer, err := json.Marshal(string(file.Page)); err != nil || len(answer) > 48<<20 { // as the API hands it out
			t.Errorf("%s: %d bytes of JSON, %v", name, len(answer), err)
		}
		if n := strings.Count(string(file.Page), "in_incident"); size.all && n != sessionwarden.MaxIncidentRows {
			t.Errorf("%s: %d sessions of the incident, want all", name, n)
		}
		if !strings.Contains(string(file.Page), "sessions: the file would become too large") {
			t.Errorf("%s: what was left out is not said", name)
		}
		if r := evidence.Verify(file.Page); !r.Whole() {
			t.Errorf("%s: %q", name, r.Problems)
		}
	}
}

// What is not there is said.
func TestWhatIsMissingIsSaid(t *testing.T) {
	t.Parallel()
	s := small()
	s.Incident.Sessions, s.Incident.Findings, s.Incident.Actions = append(s.Incident.Sessions, 2), append(s.Incident.Findings, 3, 4), append(s.Incident.Actions, 5)
	s.Incident.More, s.Incident.Resolved, s.Facts, s.Damaged = 9, sessionwarden.Incident{}.Resolved, sessionwarden.AccountFacts{}, 1
	s.Sightings[0].Location = sessionwarden.Location{}
	page := string(evidence.Make(s).Page)
	for _, want := range []string{
		"1 session of the incident: older", "2 findings: older", "1 disconnection: older", "9 events: so much", "the incident was open when this file was made",
		"How the service knows the account", "1 session has no country", "1 record: damaged", "older than 400 days",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("not said: %q", want)
		}
	}
}

// What the page says of a disconnection that was not made is true of each way that
// leads there.
func TestWhatWasNotEndedIsSaidAsItWas(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		state     sessionwarden.ActionState
		note      string
		claimed   bool
		want, not string
	}{
		{sessionwarden.Denied, "by hand: this session is the owner's", true, "a person said that it is the owner", ""},
		{sessionwarden.Denied, "nobody answered in time; kept, as ask_default says", false, "Kept: it was not ended", "a person said"},
		{sessionwarden.Moot, "the session was gone before anything was done", false, "Not needed any more", ""},
		{sessionwarden.Moot, "no rule asks about this session any more", false, "Not needed any more", "Was over"},
	} {
		s := small()
		s.Actions[0].State, s.Actions[0].Note, s.Sightings[1].Denied = test.state, test.note, test.claimed
		file := evidence.Make(s)
		page := html.UnescapeString(string(file.Page))
		page = page[:strings.Index(page, `<pre id="records">`)]
		if !strings.Contains(page, test.want) || test.not != "" && strings.Contains(page, test.not) {
			t.Errorf("%s (%s): the page does not say %q, or says %q", test.state, test.note, test.want, test.not)
		}
		if r := evidence.Verify(file.Page); !r.Whole() {
			t.Errorf("%s: %v", test.state, r.Problems)
		}
	}
}
