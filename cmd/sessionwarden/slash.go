package main

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"sessionwarden"
	"sessionwarden/alert"
	"sessionwarden/web"
)

// slashWords are the commands that Slack may ask for: those that show, and those
// that a person answers with. Each is the very command of a terminal, over the
// same API.
var slashWords = []string{"status", "sessions", "incidents", "actions", "trust", "silence", "approve", "deny", "explain", "help"}

const slashHelp = `What can be asked here:
status                         the whole watch at one glance
sessions [--account NAME]      who is signed in
incidents, incidents show ID   what happened
incidents acknowledge ID       you have seen it
actions                        what was done, and what waits for an answer
approve ID, deny ID            answer it
explain SESSION                why a session was judged as it was
trust list                     what counts as yours until a time
trust add --account NAME --country JP --until 14d
trust remove ID                end one before its time
silence list                   what is not sent until a time
silence add --until 2h --reason "moving house"
silence remove ID              end one before its time
Everything else: on the machine itself.`

// command answers the app's command in Slack.
func (p *presses) command(ctx context.Context, asked alert.Slash) string {
	if !p.may(asked.User) {
		p.app.log.Warn("somebody who may not asked for something in Slack", "user", asked.User)
		return "You are not on the list of people who may ask here. Whoever runs sessionwarden can put your member id " + asked.User + " into people, under [alert.slack]."
	}
	args, err := words(asked.Text)
	switch {
	case err != nil:
		return err.Error()
	case len(args) == 0 || args[0] == "help":
		return slashHelp
	case !slices.Contains(slashWords, args[0]):
		return "\"" + sessionwarden.Shorten(args[0], 40) + "\" cannot be asked here.\n" + slashHelp
	case slices.ContainsFunc(args, func(arg string) bool { return strings.HasPrefix(arg, "--config") || strings.HasPrefix(arg, "--json") }):
		return "--config and --json are for the machine itself."
	}
	by := person(asked.UserName, asked.User)
	p.app.log.Info("somebody asked for something in Slack", "by", by, "what", args[0])
	return p.app.ask(ctx, by, args)
}

// ask runs a command for somebody over the API in this process, and returns what it
// prints.
func (a *app) ask(ctx context.Context, by string, args []string) string {
	var out, errs bytes.Buffer
	getenv := func(name string) string {
		if name == "COLUMNS" {
			return "72"
		}
		return ""
	}
	c := &command{stdin: strings.NewReader(""), out: newPrinter(&out, getenv), err: newPrinter(&errs, getenv), getenv: getenv}
	c.within = web.NewClient(askedBy{web.InProcess(a.api), by})
	root := c.root()
	root.SetArgs(args)
	root.SetIn(c.stdin)
	root.SetOut(c.out)
	root.SetErr(c.err)
	err := root.ExecuteContext(ctx)
	if err == nil {
		err = c.out.Flush()
	} else {
		_ = c.out.Flush()
	}
	c.status(err)
	_ = c.err.Flush()
	text := strings.TrimSpace(strings.TrimRight(out.String(), "\n") + "\n" + errs.String())
	if text == "" {
		return "Done."
	}
	return text
}

// askedBy is a way to the API in this process, for somebody whom the process knows.
type askedBy struct {
	way http.RoundTripper
	by  string
}

// RoundTrip implements [http.RoundTripper].
func (a askedBy) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set(web.AskerHeader, a.by)
	return a.way.RoundTrip(r)
}

// words splits a line as a person means it: at spaces, but not within quotation
// marks, which Slack makes round.
func words(line string) ([]string, error) {
	line = strings.NewReplacer("“", `"`, "”", `"`, "„", `"`, "‘", "'", "’", "'", "—", "--").Replace(line)
	var list []string
	var word strings.Builder
	open, in := rune(0), false
	for _, r := range line {
		switch {
		case r == open && open != 0:
			open = 0
		case open != 0:
			word.WriteRune(r)
		case r == '"' || r == '\'':
			open, in = r, true
		case r == ' ' || r == '\t' || r == '\n':
			if in {
				list = append(list, word.String())
			}
			word.Reset()
			in = false
		default:
			word.WriteRune(r)
			in = true
		}
	}
	if open != 0 {
		return nil, errors.New("a quotation mark is not closed")
	}
	if in {
		list = append(list, word.String())
	}
	if len(list) > 32 {
		return nil, errors.New("that is too much for one command")
	}
	return list, nil
}
