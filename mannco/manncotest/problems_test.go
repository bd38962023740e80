package manncotest_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sessionwarden/mannco/manncotest"
)

const head = "[[account]]\nname = \"main\"\napi_key = \"test-key-not-a-secret\"\n" // three lines

func TestBrokenScenariosAreExplained(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ file, says string }{
		"no TOML":       {"title = \"x\"\nspeed = = 2\n", "scenario:2: unexpected character U+003D '=' at start of value"},
		"empty":         {"", "scenario: account: there is no [[account]]"},
		"unknown key":   {"titel = \"x\"\n" + head, `scenario:1: titel: there is no such key here: did you mean "title"?`},
		"unknown table": {head + "[whatcher]\naddress = \"192.0.2.1\"\n", `scenario:4: whatcher: there is no such key here: did you mean "watcher"?`},
		"wrong type":    {"title = 7\n" + head, "scenario:1: title: it must be a text in quotes"},
		"speed":         {"speed = 0\n" + head, "scenario:1: speed: it must be a number from 0.001 to 1000000"},
		"no table":      {"session = 3\n" + head, "scenario:1: session: it must be written as [[session]]"},
		"account without a key": {
			"[[account]]\nname = \"main\"\n", "scenario:1: account[0].api_key: api_key is missing",
		},
		"two of one name": {
			head + head, `scenario:5: account[1].name: adding the account "main": there is one of that name`,
		},
		"facts": {
			head + "[account.facts]\nbalanse = 3\ntwo_factor = \"yes\"\nsince = \"March\"\nalerts = -1\nname = 5\nbalance = \"1\"\n",
			`scenario:5: account[0].facts.balanse: there is no fact "balanse": did you mean "balance"?
scenario:6: account[0].facts.two_factor: the fact two_factor is true or false
scenario:7: account[0].facts.since: the fact since is a date in quotes, such as "2021-03-14"
scenario:8: account[0].facts.alerts: the fact alerts is a number from 0 to 1000000
scenario:9: account[0].facts.name: the fact name is a text in quotes
scenario:10: account[0].facts.balance: the fact balance is a number of cents`,
		},
		"variants": {
			head + "[variants]\nedition = \"oldest\"\ncurent = \"bool\"\n",
			`scenario:5: variants.edition: the variant edition cannot be "oldest": did you mean "older"?; it is one of older, newer
scenario:6: variants.curent: there is no variant "curent": did you mean "current"?`,
		},
		"session": {
			head + "[[session]]\nwho = \"a\"\naddress = \"192.0.2\"\nage = \"long\"\n[[session]]\nwho = \"a\"\naccount = \"mian\"\n",
			`scenario:6: session[0].address: it is no IP address
scenario:7: session[0].age: "long" is not a duration: write it like 90s, 5m, 2h30m or 3d
scenario:8: session[1].address: address is missing
scenario:9: session[1].who: there is another session of "a" at the start
scenario:10: session[1].account: there is no account "mian": did you mean "main"?`,
		},
		"events": {
			head + `[[event]]
kind = "sing_in"
[[event]]
at = "1s"
kind = "sign_out"
who = "thief"
[[event]]
at = "2s"
kind = "sign_in"
who = "thief"
address = "192.0.2.1"
trade_url = "x"
[[event]]
at = "-3s"
kind = "move"
who = "theif"
[[event]]
at = "4s"
kind = "fault"
fault = "hang"
value = "x"
times = 0
[[event]]
at = "5s"
kind = "change"
changes = { two_factr = false }
[[event]]
at = "6s"
kind = "say"
otherwise = "x"
`,
			`scenario:4: event[0].at: at is missing: when it happens, such as "90s"
scenario:5: event[0].kind: there is no kind of event "sing_in": did you mean "sign_in"?
scenario:9: event[1].who: "thief" has not signed in before this
scenario:15: event[2].trade_url: there is no such key here
scenario:16: event[3]: nothing moves: say address, location, isp, user_agent or age
scenario:17: event[3].at: it must be between 0 and 400d
scenario:19: event[3].who: "theif" has not signed in before this
scenario:23: event[4].fault: the fault hang: "x" is not a duration: write it like 90s, 5m, 2h30m or 3d
scenario:25: event[4].times: it must be a whole number from 1 to 2147483647
scenario:29: event[5].changes.two_factr: there is no fact "two_factr": did you mean "two_factor"?
scenario:30: event[6].say: say is missing
scenario:33: event[6].otherwise: it needs a who, whose session may have ended`,
		},
		"which account?": {
			head + "[[account]]\nname = \"other\"\napi_key = \"test-key-2-not-a-secret\"\n[[event]]\nat = \"1s\"\nkind = \"change\"\nchanges = { balance = 1 }\n",
			"scenario:7: event[0].account: account is missing: there are several",
		},
		"too long": {"#" + strings.Repeat("x", 1<<20), "scenario: it is longer than 1048576 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := manncotest.LoadScenario([]byte(c.file))
			if err == nil || err.Error() != c.says {
				t.Errorf("got\n%v\nwant\n%s", err, c.says)
			}
		})
	}
}

func TestScenarioFileIsNamedInItsErrors(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "my.toml")
	if err := os.WriteFile(path, []byte("speed = \"fast\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := manncotest.LoadScenarioFile(path)
	var all *manncotest.ScenarioError
	if !errors.As(err, &all) || all.File != path || len(all.Problems) != 2 || !strings.Contains(err.Error(), path+":1: speed: it must be") {
		t.Errorf("got %v", err)
	}
	if _, err := manncotest.LoadScenarioFile(path + ".no"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	for _, name := range manncotest.Scenarios() {
		sc, err := manncotest.LoadScenarioFile(filepath.Join("scenarios", name+".toml"))
		if err != nil || sc.Title == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestManyMistakesAreCounted(t *testing.T) {
	t.Parallel()
	_, err := manncotest.LoadScenario([]byte(head + strings.Repeat("[[event]]\n", 300)))
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 101 || lines[100] != "scenario: and 500 more mistakes" {
		t.Errorf("%d lines, the last: %s", len(lines), lines[len(lines)-1])
	}
}
