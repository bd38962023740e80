package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"sessionwarden"
	"sessionwarden/mannco/manncotest"
)

// provenElsewhere names the caps that cannot be reached through the program
// without a disk or a file that fails at one moment, and what proves them.
var provenElsewhere = map[string]string{
	"the location data that makes the session suspicious cannot be relied on": "policy.TestTakeoverOnlyAsksWhereLocationDataFails",
}

// trustedHere is what the cap on trusted networks says behind the address.
const trustedHere = " is in the trusted network "

// eachCap makes each cap bite: the part of its words by which a finding names
// it, and how that comes about.
func eachCap() map[string]func(b *bubble) {
	arrives := func(addr, agent string) func(*bubble) {
		return func(b *bubble) { b.begin(); b.signIn(addr, agent) }
	}
	return map[string]func(b *bubble){
		trustedHere: func(b *bubble) {
			b.defaults = append(b.defaults, `trusted_networks = ["113.160.10.0/24"]`)
			arrives(farAddr, chrome)(b)
		},
		"our own session is never ended": func(b *bubble) {
			b.service.SetEgress(hostAddr(farAddr), "", "Provider")
			b.begin()
		},
		"the service marks the session as ours": func(b *bubble) {
			b.begin()
			b.fault(manncotest.Fault{Kind: manncotest.FaultCurrentWrong})
			b.signIn(farAddr, chrome)
		},
		"the session was over before it was seen": func(b *bubble) {
			b.begin()
			b.service.SignOut("main", number(b.signIn(farAddr, chrome)))
		},
		"the account is still being learned": func(b *bubble) {
			b.defaults = b.defaults[1:]
			b.rules = []string{`new_country = "disconnect"`}
			arrives(farAddr, chrome)(b)
		},
		"until now the session counted as the watch's own": func(b *bubble) {
			b.begin()
			b.fault(manncotest.Fault{Kind: manncotest.FaultCurrentWrong})
			b.fault(manncotest.Fault{Kind: manncotest.FaultAbsurdTime})
			b.signIn(farAddr, chrome)
			b.pass(time.Minute)
			b.service.ClearFaults()
		},
		"only our location data changed": func(b *bubble) {
			file := filepath.Join(b.t.TempDir(), "exits.txt")
			b.exits(file, 0, otherAddr)
			b.geo = []string{fmt.Sprintf("tor_exits = %q", file)}
			b.rules = []string{`tor_network = "disconnect"`}
			b.begin()
			b.exits(file, 0, homeAddr)
		},
		"the service gave no usable address": func(b *bubble) {
			b.rules = []string{`unknown_country = "disconnect"`}
			arrives("not an address", chrome)(b)
		},
		"nobody looked for ": func(b *bubble) {
			b.begin()
			b.stop()
			id := b.signIn(farAddr, chrome)
			b.pass(time.Hour)
			b.service.SignOut("main", number(id))
			b.start()
		},
		"our location data knows no place": func(b *bubble) {
			b.rules = []string{`unknown_country = "log"`}
			b.begin()
			b.signInAs("main", manncotest.SessionSpec{Address: privateAddr, Location: "VN: Hanoi", UserAgent: chrome, ISP: "Provider"})
		},
		"its network is trusted, wherever": func(b *bubble) {
			b.rules = []string{`location_mismatch = "alert"`}
			b.begin()
			if _, err := b.app.monitor.AddTrust(b.t.Context(), sessionwarden.Trust{Account: "main", ASN: b.asn(farAddr), Until: b.now().Add(time.Hour)}, 0); err != nil {
				b.t.Fatal(err)
			}
			b.signInAs("main", manncotest.SessionSpec{Address: farAddr, Location: "BR: Sao Paulo", UserAgent: chrome, ISP: "Provider"})
		},
		"its place is disputed": func(b *bubble) {
			b.rules = []string{`location_mismatch = "off"`}
			b.begin()
			b.signInAs("main", manncotest.SessionSpec{Address: farAddr, Location: "DE: Berlin", UserAgent: chrome, ISP: "Provider"})
		},
		"the suspicious session is over": func(b *bubble) {
			b.begin()
			b.signIn(farAddr, chrome)
			b.pass(time.Minute)
			b.service.Change("main", func(f *manncotest.Facts) { f.TwoFactor = false })
		},
		"a change of the account names no session": func(b *bubble) {
			b.rules = []string{`two_factor_off = "disconnect"`}
			b.defaults = slices.DeleteFunc(b.defaults, func(line string) bool { return line == seldom })
			b.begin()
			b.service.Change("main", func(f *manncotest.Facts) { f.TwoFactor = false })
		},
		"nobody can say which session did it": func(b *bubble) {
			b.rules = []string{`watcher_logged_out = "disconnect"`}
			b.begin()
			b.service.EndWatcher("main")
		},
	}
}

// begin starts the program with its owner at home, and lets a minute pass.
func (b *bubble) begin() {
	b.t.Helper()
	b.atHome()
	b.start()
	b.pass(time.Minute)
}

// asn returns the network of an address.
func (b *bubble) asn(addr string) uint32 { return b.app.places.Lookup(hostAddr(addr)).ASN }

// What no configuration lifts bites once each in the whole program: the finding
// says why less is done than the configuration wants, and nothing is ended for
// it.
func TestEveryCapBites(t *testing.T) {
	t.Parallel()
	for words, comeAbout := range eachCap() {
		t.Run(words, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(b *bubble) {
				comeAbout(b)
				b.pass(2 * time.Minute)
				if !slices.ContainsFunc(b.findings(), func(f sessionwarden.Finding) bool { return strings.Contains(f.Capped, words) }) {
					t.Errorf("no finding says %q: %+v", words, b.findings())
				}
			})
		})
	}
}

// Whoever adds a cap to package policy adds what proves it.
func TestEveryCapIsProven(t *testing.T) {
	t.Parallel()
	said := capsOf(t, "../../policy")
	if len(said) < 12 {
		t.Fatalf("found no more than %q", said)
	}
	for _, words := range said {
		_, elsewhere := provenElsewhere[words]
		proven := elsewhere
		for known := range eachCap() {
			proven = proven || strings.HasPrefix(words, known) || words == "vouches" && known == trustedHere
		}
		if !proven {
			t.Errorf("nothing proves the cap %q", words)
		}
	}
	for _, test := range provenElsewhere {
		wantTest(t, test)
	}
}

// capsOf returns the words, or their begin, of each cap in the package at dir:
// what is given to lower, and what becomes of ceilWhy and Capped.
func capsOf(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	note := func(e ast.Expr) {
		if words := firstText(e); words != "" {
			said = append(said, words)
		}
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if f, ok := n.Fun.(*ast.Ident); ok && f.Name == "lower" && len(n.Args) == 2 {
					note(n.Args[1])
				}
			case *ast.AssignStmt:
				for i, left := range n.Lhs {
					if f, ok := left.(*ast.SelectorExpr); ok && (f.Sel.Name == "ceilWhy" || f.Sel.Name == "Capped") {
						note(n.Rhs[min(i, len(n.Rhs)-1)])
					}
				}
			}
			return true
		})
	}
	return said
}

// firstText returns the text that an expression begins with, or the name of a
// variable.
func firstText(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, _ := strconv.Unquote(e.Value)
		return text
	case *ast.BinaryExpr:
		return firstText(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

// eachRail names what holds, slows or limits, with the tests that show it: of
// this package, or with its room in front.
var eachRail = map[string][]string{
	"ask":                                {"TestRailUnknownPlaceIsAsked"},
	"ask, and nobody answers":            {"TestAskEndsByItselfBothWays"},
	"limit":                              {"TestRailHourlyLimitHoldsTiedSessionsAlsoAfterARestart"},
	"limit_strangers":                    {"TestRailStrangersHaveALimitOfTheirOwn"},
	"guard":                              {"TestGuardHoldsAMistakenFirstConfiguration", "TestGuardHoldsAMistakenChange"},
	"location_data":                      {"TestRailBadLocationDataHolds"},
	"clock":                              {"TestRailImplausibleClockHolds"},
	"observing":                          {"TestADamagedDatabaseIsReplacedByABackupAndOnlyWatchesUntilResume"},
	"dry run":                            {"TestRailDryRun"},
	"trusted network":                    {"TestRailTrustedNetwork"},
	"own session":                        {"TestRailOwnSessionInAnUnexpectedCountry"},
	"disputed ownership":                 {"TestDisputedOwnershipIsLeftAloneAndTold"},
	"disputed place":                     {"TestRailDisputedPlaceIsAsked"},
	"no id":                              {"TestRailMissingIDsAreToldNotGuessed"},
	"disconnect_all, one by one":         {"TestRailDisconnectAllGoesOneByOne"},
	"disconnect_all, by one call":        {"TestRailCallForAllOnlyWhereIDsAreMissing", "TestRailCallForAllNeverWhileATrustedSessionLives"},
	"another account":                    {"TestRailOtherAccountsAreLeftAlone", "TestRailOfOneAccountDoesNotHoldAnother"},
	"denied":                             {"TestDenialIsVoidWhenTheSessionMoves"},
	"trust with an end":                  {"TestTrustsByHandWithAndWithoutTheDaemon", "TestATripFromBeginningToEnd"},
	"learning":                           {"TestLearningOnlyRecords"},
	"heightened watch":                   {"TestTheHeightenedWatchLooksOften", "monitor.TestNoHeightenedWatchUnderARateLimit"},
	"six logins a minute":                {"TestSixLoginsAMinuteAtMost"},
	"a mistake that is mended":           {"TestACorrectedConfigurationTakesBackWhatItHeld"},
	"only a proof counts":                {"TestDisconnectionThatLiesIsTriedAgainAndTold"},
	"what was planned is done":           {"TestWhatWasPlannedIsDoneUnderAChangedRule"},
	"own rules abstain where they fail":  {"TestOwnRuleEndsAnIntruder", "policy.TestOwnRulesWhileTheAccountIsLearned"},
	"a list of exits that is too old":    {"TestAListThatCannotBeUsedIsToldOnce"},
	"an incomplete list":                 {"TestIncompleteListStillActs", "TestImplausibleListProvesNobodyGone"},
	"what a thief changes by and by":     {"TestEveryRuleFires"},
	"what the configuration cannot lift": {"TestEveryCapBites", "TestEveryCapIsProven"},
}

// Each rail has a test through the program, and each reason to hold an action
// is a rail.
func TestEveryRailIsProven(t *testing.T) {
	t.Parallel()
	for hold := sessionwarden.HeldByAsk; hold.String() != ""; hold++ {
		if len(eachRail[hold.String()]) == 0 {
			t.Errorf("nothing shows that an action is held by %s", hold)
		}
	}
	for rail, tests := range eachRail {
		if len(tests) == 0 {
			t.Errorf("nothing shows the rail %s", rail)
		}
		for _, test := range tests {
			wantTest(t, test)
		}
	}
}

// wantTest checks that there is a test of that name.
func wantTest(t *testing.T, name string) {
	t.Helper()
	room, test, elsewhere := strings.Cut(name, ".")
	if !elsewhere {
		room, test = "cmd/sessionwarden", name
	}
	files, _ := filepath.Glob(filepath.Join("../..", room, "*_test.go"))
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range parsed.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == test {
				return
			}
		}
	}
	t.Errorf("there is no test %s", name)
}

// Nobody answers: the session stays, or it is ended, as ask_default says.
func TestAskEndsByItselfBothWays(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]string{"keep": "denied", "disconnect": "verified"} {
		t.Run(answer, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.defaults = append(w.defaults, `ask_timeout = "3s"`, fmt.Sprintf("ask_default = %q", answer))
			w.rules = []string{`unexpected_country = "ask"`}
			w.atHome()
			w.start()
			thief := w.signIn(farAddr, chrome, 0)
			w.eventually("it is asked", func() bool { return len(w.states()) > 0 })
			w.eventually("the question ends", func() bool { return w.action(want) != nil })
			if slices.Contains(w.ended("main"), thief) != (answer == "disconnect") {
				t.Errorf("without an answer: %v, ended %v", w.states(), w.ended("main"))
			}
		})
	}
}

// While an account is learned, what is new to it is only recorded, whatever the
// configuration wants; what the owner wrote down applies at once.
func TestLearningOnlyRecords(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rules = []string{`new_device = "disconnect"`}
	w.atHome()
	w.start()
	phone := w.signIn(homeAddr2, iphone, 0)
	w.eventually("it is recorded", func() bool { return w.found("new_device", phone) })
	thief := w.signIn(farAddr, chrome, 0)
	w.eventually("the thief is ended", func() bool { return slices.Equal(w.ended("main"), []string{thief}) })
	w.polls(2)
	if got := w.ended("main"); !slices.Equal(got, []string{thief}) {
		t.Errorf("ended %v while the account is learned, want %s", got, thief)
	}
	for _, row := range w.rows("findings") {
		if row["rule"] == "new_device" && row["response"] != "log" {
			t.Errorf("found: %v", row)
		}
	}
}

// After something suspicious the account is looked at every few seconds, where
// the schedule would wait.
func TestTheHeightenedWatchLooksOften(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.defaults[1] = `schedule = "@every 5m"`
	w.atHome()
	w.signIn(farAddr, chrome, time.Hour)
	w.start()
	w.eventually("the thief is proven gone", func() bool { return w.action("verified") != nil })
	w.polls(2)
	if out := w.must("status"); !strings.Contains(out, "heightened watch until ") {
		t.Errorf("status does not say so:\n%s", out)
	}
}
