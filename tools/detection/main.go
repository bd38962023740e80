// Detection judges the labelled lives of package lives, each under two
// configurations, and writes docs/detection.md: what each rule is worth, which
// rules found each attack, and how often innocent owners were disturbed.
//
//	go run ./tools/detection          # writes docs/detection.md
//	go run ./tools/detection -print   # prints it
//
// Run it from the root of the repository. It is the same each time, byte by byte.
package main

import (
	"flag"
	"fmt"
	"os"

	"sessionwarden"
	"sessionwarden/config"
	"sessionwarden/geo"
	"sessionwarden/policy/lives"
)

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	flags := flag.NewFlagSet("detection", flag.ContinueOnError)
	printed := flags.Bool("print", false, "print the page and write no file")
	if flags.Parse(args) != nil {
		return 2
	}
	all, err := lives.All()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	r, err := measure(all)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	text := r.page()
	if *printed {
		fmt.Print(text)
		return 0
	}
	if err := os.WriteFile("docs/detection.md", []byte(text), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("wrote docs/detection.md")
	return 0
}

// results are the lives as they were judged under each configuration.
type results struct {
	all   []*lives.Life
	under []setting
}

// setting is one configuration, and all lives under it.
type setting struct {
	name    string
	expect  bool
	alone   []lives.Played // nobody ever answers
	answers []lives.Played // the owner answers for his own sessions
}

// measure judges all lives.
func measure(all []*lives.Life) (results, error) {
	account, err := defaults()
	if err != nil {
		return results{}, err
	}
	r := results{all: all, under: []setting{{name: "defaults"}, {name: "`expected_countries` set", expect: true}}}
	for i := range r.under {
		s := &r.under[i]
		for _, l := range all {
			o := lives.Options{Account: account, Expect: s.expect, Distance: geo.Distance}
			s.alone = append(s.alone, lives.Play(l, o))
			o.Answers = true
			s.answers = append(s.answers, lives.Play(l, o))
		}
	}
	return r, nil
}

// defaults is an account as the configuration makes it unless told otherwise.
func defaults() (sessionwarden.Account, error) {
	const text = "[[account]]\nname = \"anna\"\napi_key_env = \"KEY\"\n"
	cfg, err := config.Load("config.toml", []byte(text), config.Options{Getenv: func(string) string { return "none" }})
	if err != nil {
		return sessionwarden.Account{}, err
	}
	return cfg.Accounts[0].Account, nil
}
