package ownrule_test

import (
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sessionwarden/policy/ownrule"
)

var update = flag.Bool("update", false, "write what comes out to the golden file")

// night is a session in Hanoi on a Sunday at 3:20, of which everything is known.
func night() *ownrule.Env {
	e := ownrule.NewEnv()
	e.Addr = netip.MustParseAddr("203.0.113.5")
	e.Session = ownrule.Session{
		ID: "1001", Address: "203.0.113.5", UserAgent: "Mozilla/5.0", Device: "Windows, Chrome", ISP: "Far VPN Ltd",
		ServiceCountry: "VN", ServiceLocation: "VN: Hanoi", Age: 12,
	}
	e.Location = ownrule.Location{Country: "VN", City: "Hanoi", ASN: 64510, Organization: "Far Net", Hosting: true, VPN: true}
	e.Account = ownrule.Account{Name: "main", Expected: []string{"DE", "AT"}}
	e.History = ownrule.History{KnownDevice: true, Live: 3}
	e.SetTime(time.Date(2026, 11, 22, 3, 20, 0, 0, time.UTC))
	return e
}

func TestExpressions(t *testing.T) {
	t.Parallel()
	for when, want := range map[string]bool{
		`true`:                               true,
		`time.hour < 6`:                      true,
		`time.hour >= 6 or time.minute > 30`: false,
		`time.weekday in ["saturday", "sunday"] and time.unix > 0`:   true,
		`location.country not in account.expected`:                   true,
		`location.country == session.service_country`:                true,
		`"DE" in account.expected and not account.trusted`:           true,
		`in_network("203.0.113.0/24")`:                               true,
		`in_network("203.0.113.5")`:                                  true,
		`in_network("::ffff:203.0.113.5")`:                           true,
		`in_network("2001:db8::/32") || in_network("198.51.100.7")`:  false,
		`location.hosting && !location.tor && location.vpn`:          true,
		`session.device matches "^Windows, (Chrome|Edge)$"`:          true,
		`lower(session.isp) contains "vpn"`:                          true,
		`session.user_agent startsWith "curl"`:                       false,
		`location.asn in [64510, 64511] and session.age <= 12`:       true,
		`history.known_device and not history.known_country`:         true,
		`history.live > 2 ? location.city == "Hanoi" : false`:        true,
		`len(session.id) == 4 and session.id != "" and session.late`: false,
		`session.age / 5 > 2.3 and abs(-1) == 1`:                     true,
		`session.age % 5 == 2 and account.name == 'main'`:            true,
		"time.hour < 6\n  and location.country != \"DE\"":            true,
		`location.country == ""`:                                     false,
	} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			rule, err := ownrule.Of(when)
			if err != nil {
				t.Fatal(err)
			}
			got, err := rule.Matches(night())
			if err != nil || got != want {
				t.Errorf("got %v and the error %v, want %v", got, err, want)
			}
		})
	}
}

// TestMistakes holds what is said of wrong expressions to testdata/mistakes.txt:
// each with a mark under the place, the problem and the cure.
func TestMistakes(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for _, when := range mistakes {
		m := ownrule.Check(when)
		if m == nil {
			t.Errorf("no mistake was found in %s", when)
			continue
		}
		if m.Problem == "" || m.Cure == "" || m.Offset < 0 || m.Offset > len(when) {
			t.Errorf("%s: %+v", when, *m)
		}
		line := strings.LastIndexByte(when[:m.Offset], '\n') + 1
		fmt.Fprintf(&b, "%s\n%s^\n%s\n    %s\n\n", strings.ReplaceAll(when, "\n", "\n"), strings.Repeat(" ", len([]rune(when[line:m.Offset]))), m.Problem, m.Cure)
	}
	const golden = "testdata/mistakes.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("got:\n%s", b.String())
	}
}

var mistakes = []string{
	`location.contry == "DE"`, `locaton.country == "DE"`, `country == "DE"`, `location.Country == "DE"`, `session.nam == ""`, `session.ip == ""`,
	`session`, `foo.bar == 1`, `$env`, `location`, `session.id.x == ""`,
	`location.country == "Germany"`, `location.country in ["DE", "XX"]`, `"de" in account.expected`, `session.service_country != "UK"`,
	`time.weekday == "munday"`, `time.weekday == "Sunday"`, `time.weekday == 7`,
	`session.age`, `session.age > "5"`, `session.address == 5`, `session.own == "true"`, `-session.own`, `location.country`, `session.age and true`,
	`location.country = "DE"`, `(location.country == "DE"`, `location.country == "DE`, `session.age >`, `location.country == "DE")`, `location.country = = "DE"`,
	`#`, ``, "  \n ", `location.country === "DE"`, `time.hour < 6 AND location.tor`,
	`in_network("10.0.0.0/99")`, `in_network`, `in_network()`, `in_network(session.address)`, `in_network("::ffff:10.0.0.0/104")`, `in_network == nil`, `in_network("10.0.0.0/8").x`,
	`session.user_agent matches "("`, `session.device matches session.isp`, `session.device matches "(a{500}){2}"`,
	`now() > 1`, `date("2026-01-01") > 1`, `filter(account.expected, # == "DE") == 1`, `all(account.expected, {# == "DE"})`, `account.expected | any(# == "DE")`,
	`let x = 1; x == 1`, `true; false`, `{"a": 1} == nil`, `1..1000000000 == 1`, `3 in 1..5`, `session.id[0] == "1"`, `session.id[0:2] == "10"`, `account.expected[0] == "DE"`,
	`session?.id == ""`, `session.id ?? "x"`, `session.id == nil`, `2 ** 8 == 256`, `repeat("x", 1000000000) == ""`, `fromJSON("{}") == 1`,
	`1 % 0 == 1`, `session.age / 0 > 3`, `10 / 0.0 > 3`, `session.isp / 5 > 1`, `quotient(1.5) > 1`, `len(session.age) > 1`, `len() == 1`, `lower(1) == ""`, `foo()`, `session.id()`, `lowr(session.isp) == ""`,
	"time.hour < 6\n  and locatin.asn == 3", `session.isp == "ü" and session.nme == ""`,
	strings.Repeat("(", 1990) + "1", strings.Repeat("not ", 490) + "nope", strings.Repeat("true or ", 240) + "session.nope",
	strings.Repeat("1+", 600) + "1 == 1", strings.Repeat(" ", 2001), "\xff == 1",
}

// TestWhatCannotBeWorkedOut: it is an error with its place, no panic and no match.
func TestWhatCannotBeWorkedOut(t *testing.T) {
	t.Parallel()
	rule, err := ownrule.Of(`location.hosting and session.age % (history.live - 3) == 0`)
	if err != nil {
		t.Fatal(err)
	}
	matched, err := rule.Matches(night())
	var wrong *ownrule.Mistake
	if matched || !errors.As(err, &wrong) || wrong.Offset != strings.IndexByte(`location.hosting and session.age % (`, '%') || wrong.Problem != "it divides by zero" {
		t.Errorf("got %v and the error %+v", matched, err)
	}
	e := night()
	e.History.Live = 5
	if matched, err := rule.Matches(e); !matched || err != nil {
		t.Errorf("after an error: got %v and the error %v", matched, err)
	}
}

// A division by zero is no number that could be compared with another.
func TestDivisionByZeroMatchesNothing(t *testing.T) {
	t.Parallel()
	for _, when := range []string{
		`100 / (time.hour - time.hour) > 3`, `60 / session.age > 1`, `0 / session.age != 3`, `session.age / session.age != 1`,
		`not (60 / session.age < 1)`, `-1 / session.age < 0`, `abs(1 / session.age) > 2`, `1.5 / (session.age * 0.0) > 1`,
		`60 / (location.tor ? 1 : 0) > 1`, `1 / (1 / session.age) < 5`, `2 in [1 / session.age, 2]`, `1 % session.age == 0`,
	} {
		rule, err := ownrule.Of(when)
		if err != nil {
			t.Errorf("%s: %v", when, err)
			continue
		}
		e := night()
		e.Session.Age = 0
		matched, err := rule.Matches(e)
		var wrong *ownrule.Mistake
		if matched || !errors.As(err, &wrong) || wrong.Problem != "it divides by zero" || wrong.Offset == 0 || !strings.ContainsRune("/%", rune(when[wrong.Offset])) {
			t.Errorf("%s: got %v and the error %+v", when, matched, err)
		}
	}
	for _, when := range []string{`session.age / 5 == 2.4`, `1 / session.age < 1`, `session.age / (history.live + 1.5) > 2`, `session.age / 5 / 2 == 1.2`} {
		rule, err := ownrule.Of(when)
		if err != nil {
			t.Fatal(err)
		}
		if matched, err := rule.Matches(night()); !matched || err != nil {
			t.Errorf("%s: got %v and the error %v", when, matched, err)
		}
	}
}

func TestValues(t *testing.T) {
	t.Parallel()
	rule, err := ownrule.Of(`time.hour < 6 and location.country not in account.expected and in_network("203.0.113.0/24") and time.hour != 5`)
	if err != nil {
		t.Fatal(err)
	}
	e := night()
	e.Location.Country = "x\u202e" + strings.Repeat("y", 100)
	want := []ownrule.Value{{"time.hour", "3"}, {"location.country", `"x` + strings.Repeat("y", 56) + `…"`}, {"account.expected", "[DE AT]"}, {"session.address", `"203.0.113.5"`}}
	if got := rule.Values(e); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if !rule.Uses("time.hour") || rule.Uses("time.minute") {
		t.Error("what is used is not known")
	}
}

// TestManyAtOnce asks and compiles from many goroutines, more expressions than
// are remembered.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	var group sync.WaitGroup
	for g := range 8 {
		group.Go(func() {
			for i := range 700 {
				rule, err := ownrule.Of(fmt.Sprintf("session.age == %d", (i*7+g)%1400))
				if err != nil {
					t.Error(err)
					return
				}
				e := ownrule.NewEnv()
				e.Session.Age = (i*7 + g) % 1400
				if ok, err := rule.Matches(e); !ok || err != nil {
					t.Errorf("got %v and the error %v", ok, err)
				}
			}
		})
	}
	group.Wait()
	if _, err := ownrule.Of("session.nope"); err == nil {
		t.Error("a wrong expression has a rule")
	}
	if _, err := ownrule.Of("session.nope"); err == nil {
		t.Error("a wrong expression has a rule the second time")
	}
}

// TestDocumentation holds the table in docs/rules.md to Env: every value with its
// type and an example that compiles.
func TestDocumentation(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]string{"string": "text", "int": "number", "bool": "true or false", "[]string": "list of texts"}
	written := make(map[string]string)
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_.]+)(?:\\([^|]*\\))?` \\| ([a-z ]+) \\|.*\\| `([^`|]+)` \\|$").FindAllStringSubmatch(string(page), -1) {
		written[m[1]] = m[2]
		if wrong := ownrule.Check(m[3]); wrong != nil {
			t.Errorf("the example of %s, %s: %s", m[1], m[3], wrong.Problem)
		}
		if !strings.Contains(m[3], m[1]) {
			t.Errorf("the example of %s does not show it: %s", m[1], m[3])
		}
	}
	env := reflect.TypeFor[ownrule.Env]()
	n := 0
	for i := range env.NumField() {
		room := env.Field(i)
		if room.Type.Kind() != reflect.Struct || room.Tag.Get("expr") == "-" {
			continue
		}
		for k := range room.Type.NumField() {
			f := room.Type.Field(k)
			name := room.Tag.Get("expr") + "." + f.Tag.Get("expr")
			if n++; written[name] != kinds[f.Type.String()] {
				t.Errorf("%s is a %s; docs/rules.md says %q", name, kinds[f.Type.String()], written[name])
			}
		}
	}
	for _, function := range []string{"in_network", "len", "lower", "upper", "trim", "abs"} {
		if n++; written[function] == "" {
			t.Errorf("docs/rules.md lacks the function %s", function)
		}
	}
	if len(written) != n {
		t.Errorf("docs/rules.md has %d rows, want %d", len(written), n)
	}
	for _, m := range regexp.MustCompile("(?m)^when = (?:'([^']+)'|'''\n((?s:.+?))''')").FindAllStringSubmatch(string(page), -1) {
		if wrong := ownrule.Check(m[1] + m[2]); wrong != nil {
			t.Errorf("docs/rules.md: %s: %s", m[1]+m[2], wrong.Problem)
		}
	}
}

// FuzzExpression: whatever is written there, it is refused with a place and a
// cure, or gives the same answer twice, soon and without much memory.
func FuzzExpression(f *testing.F) {
	for _, when := range mistakes {
		f.Add(when)
	}
	for _, when := range []string{
		`time.hour < 6 and not history.known_device`, `session.age % (history.live - 3) == 0`, `in_network("203.0.113.0/24")`,
		`lower(session.isp) contains "vpn"`, `location.asn in [1, 2.5, "x"]`, `session.device matches "^W.*(e|E)$"`,
		`(session.isp + session.isp + session.isp) contains "x"`, `abs(-9223372036854775808) > 0`, `9223372036854775807 + session.age < 0`,
	} {
		f.Add(when)
	}
	f.Fuzz(func(t *testing.T, when string) {
		began := time.Now()
		if m := ownrule.Check(when); m != nil {
			if m.Problem == "" || m.Cure == "" || m.Offset < 0 || m.Offset > len(when) {
				t.Fatalf("%+v", *m)
			}
			return
		}
		rule, err := ownrule.Of(when)
		if err != nil {
			t.Fatal(err)
		}
		e := night()
		e.Session.UserAgent = strings.Repeat("a", 1024)
		first, err := rule.Matches(e)
		again, errAgain := rule.Matches(e)
		if first != again || (err == nil) != (errAgain == nil) || first && err != nil {
			t.Fatalf("%v, %v; then %v, %v", first, err, again, errAgain)
		}
		rule.Values(e)
		if took := time.Since(began); took > 10*time.Second {
			t.Fatalf("it took %v", took)
		}
	})
}

func BenchmarkMatches(b *testing.B) {
	rule, err := ownrule.Of(`time.hour < 6 and location.country not in account.expected and not history.known_country`)
	if err != nil {
		b.Fatal(err)
	}
	e := night()
	b.ReportAllocs()
	for b.Loop() {
		if ok, err := rule.Matches(e); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}
