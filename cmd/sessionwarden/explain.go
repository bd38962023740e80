package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sessionwarden"
	"sessionwarden/web"
)

func (c *command) explainCommand() *cobra.Command {
	var account string
	var asJSON bool
	cmd := &cobra.Command{
		Use: "explain SESSION", Short: "Why a session was judged as it was: what each rule says",
		Long: `Shows what every rule says of a session, with the facts it rests on and the line
that would silence it, if it was you: of a live one as it is judged now, of one
of the past as it was when it came, with what was known then; both by the
configuration of now. The rules about the account itself say what changed while
the session was there, and how it stands.

SESSION is the service's id (the newest, where several rows of the history have
it) or '#' and a row of the history ("#12"; seq in history --json).`,
		Args: wantArgs(1, 1, "the id of a session (sessionwarden sessions and history show them)"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.ask(cmd.Context(), func(client *web.Client) error {
				e, err := client.Explain(cmd.Context(), account, args[0])
				if err != nil {
					return err
				}
				if asJSON {
					return jsonRows(c, e)
				}
				return c.printExplanation(e)
			})
		},
	}
	cmd.Flags().StringVar(&account, "account", "", "the session is of the account with this `NAME`")
	cmd.Flags().BoolVar(&asJSON, "json", false, "one array of one object instead of text")
	return cmd
}

// tell prints a line of an explanation: what it is about, and the words, wrapped.
func (c *command) tell(what, words string) {
	const column = 12
	if words == "" {
		return
	}
	indent := strings.Repeat(" ", column)
	fmt.Fprintf(c.out, "  %-*s%s\n", column-2, what, wrap(words, c.out.width-column, indent))
}

func (c *command) printExplanation(e web.Explanation) error {
	s := e.Session
	judged := "as it is judged now"
	if e.AsOf != "now" {
		judged = "as it was when it came"
	}
	fmt.Fprintln(c.out, wrap(fmt.Sprintf("Session %s of account %s, %s", dash(s.ID), s.Account, judged), c.out.width, "  "))
	c.tell("who", who(s))
	c.tell("where", where(s))
	c.tell("when", whenSeen(s))
	row := "row #" + s.Seq + " of the history"
	if e.Others > 0 {
		row += "; " + plural(e.Others, "more row has this id", "more rows have this id") + " (sessionwarden history)"
	}
	c.tell("record", row)
	c.tell("trusted", strings.Join(append(slices.Clip(e.Trusts), answered(e)...), "; "))
	if e.Note != "" {
		fmt.Fprintln(c.out, "\n"+wrap(e.Note, c.out.width, ""))
	} else {
		c.printAnswers(e)
	}
	c.printAccountAnswers(e.Account)
	c.printOutcome(e)
	if e.Note == "" {
		fmt.Fprintln(c.out, "\nWhat is known of the owner"+map[bool]string{true: "", false: ", then"}[e.AsOf == "now"])
		c.printKnown(e.Profile, 6)
	}
	return nil
}

// answered says by which answer a person claimed the session.
func answered(e web.Explanation) []string {
	if !e.Session.Trusted {
		return nil
	}
	for _, a := range slices.Backward(e.Actions) {
		if a.State == sessionwarden.Denied.String() {
			return []string{"your answer to action " + a.ID + " (deny): this session is yours, for as long as it stays where it is"}
		}
	}
	return []string{"you said that this session is yours"}
}

func who(s web.SessionRow) string {
	text := device(s)
	switch {
	case s.Own:
		text += "; it is the watch's own session, which is never ended"
	case s.Disputed:
		text += "; it may be the watch's own session: such a one is never touched"
	case s.Trusted:
		text += "; you said that this session is yours"
	}
	return text
}

func where(s web.SessionRow) string {
	text := dash(s.Address) + ", " + place(s) + ", " + network(s)
	if s.Organization != "" && s.ASN != 0 {
		text += fmt.Sprintf(" (AS%d)", s.ASN)
	}
	if s.ServiceLocation != "" {
		text += "; the service says " + s.ServiceLocation
	}
	return text
}

func whenSeen(s web.SessionRow) string {
	var words []string
	if !s.Started.IsZero() {
		words = append(words, "signed in "+clock(s.Started))
	}
	words = append(words, "first seen "+clock(s.FirstSeen))
	switch {
	case s.Late:
		words = append(words, "seen only when it was over")
	case s.State == "moved":
		words = append(words, "went on elsewhere, in a later row")
	case !s.GoneAt.IsZero():
		words = append(words, "gone since "+clock(s.GoneAt))
	default:
		words = append(words, "live, last seen "+clock(s.LastSeen))
	}
	return strings.Join(words, "; ")
}

// printAnswers prints what the rules say: those that matched one by one, the
// others together where they say the same.
func (c *command) printAnswers(e web.Explanation) {
	matched, answers := 0, e.Answers
	for _, a := range answers {
		if a.Matched {
			matched++
		}
	}
	head := fmt.Sprintf("What matched: %d of %d rules", matched, len(answers))
	if matched > 0 && e.Session.Trusted {
		head = fmt.Sprintf("What would match, had you not said that it is yours: %d of %d rules", matched, len(answers))
	}
	fmt.Fprintln(c.out, "\n"+wrap(head, c.out.width, "  "))
	var silent grouped
	for _, a := range answers {
		if !a.Matched {
			silent.add(a.Rule, a.Why)
			continue
		}
		response := a.Response
		if e.DryRun && strings.HasPrefix(response, sessionwarden.Disconnect.String()) {
			response += ", but dry_run is on: nothing is ended"
		}
		c.printMatch(a.Rule, a.Severity, response, a.Reason, a.Capped)
		if a.Silence != "" && a.Response != sessionwarden.Log.String() && !e.Session.Trusted {
			c.under("If it was you, this silences it: " + a.Silence)
		}
	}
	if len(silent.texts) > 0 {
		fmt.Fprintln(c.out, "\nWhat did not match, and why")
		silent.print(c)
	}
}

// printMatch prints what a rule found.
func (c *command) printMatch(rule, severity, response, reason, capped string) {
	fmt.Fprintln(c.out, "  "+wrap(fmt.Sprintf("%s (%s): %s", rule, severity, response), c.out.width-4, "    "))
	c.under(reason)
	if capped != "" {
		c.under("No more than that, as " + capped + ".")
	}
}

// grouped are rules that say something, those that say the same together.
type grouped struct {
	texts []string // in the order in which they were added
	rules map[string][]string
}

func (g *grouped) add(rule, text string) {
	if g.rules == nil {
		g.rules = make(map[string][]string)
	}
	if g.rules[text] == nil {
		g.texts = append(g.texts, text)
	}
	g.rules[text] = append(g.rules[text], rule)
}

func (g *grouped) print(c *command) {
	for _, text := range g.texts {
		fmt.Fprintln(c.out, "  "+wrap(strings.Join(g.rules[text], ", ")+": "+text, c.out.width-4, "    "))
	}
}

// printAccountAnswers prints what changed of the account while the session was
// there, and how it stands. What was read at about the same time is dated once.
func (c *command) printAccountAnswers(answers []web.AccountAnswerRow) {
	if len(answers) == 0 {
		return
	}
	var read time.Time
	changed := 0
	for _, a := range answers {
		changed += len(a.Changes)
		if a.Rule != string(sessionwarden.WatcherLoggedOut) && a.Read.After(read) {
			read = a.Read
		}
	}
	head := "Last read " + clock(read)
	if read.IsZero() {
		head = "It was not read yet"
	}
	if changed == 0 {
		head += "; nothing was seen to change while this session was there."
	} else {
		head += "; while this session was there, this was seen:"
	}
	fmt.Fprintln(c.out, "\nThe account itself\n  "+wrap(head, c.out.width-4, "  "))
	var stands grouped
	for _, a := range answers {
		for _, f := range a.Changes {
			c.printMatch(a.Rule, f.Severity, f.Response, f.Reason, f.Capped)
		}
		says := a.Says
		if !a.Read.IsZero() && read.Sub(a.Read) > 10*time.Minute {
			says += ", last read " + clock(a.Read)
		}
		stands.add(a.Rule, says)
	}
	stands.print(c)
}

func (c *command) under(text string) {
	fmt.Fprintln(c.out, "    "+wrap(text, c.out.width-4, "    "))
}

// printOutcome prints what was recorded: findings, and what was done.
func (c *command) printOutcome(e web.Explanation) {
	fmt.Fprintln(c.out, "\nWhat was recorded, and what was done")
	if len(e.Findings) == 0 {
		fmt.Fprintln(c.out, "  No rule had found anything.")
	}
	for _, f := range e.Findings {
		fmt.Fprintln(c.out, "  "+wrap(fmt.Sprintf("%s  finding %s: %s, %s", clock(f.Time), f.ID, f.Rule, f.Response), c.out.width-4, "    "))
	}
	for _, a := range e.Actions {
		text := fmt.Sprintf("%s  action %s: %s", clock(a.Updated), a.ID, a.State)
		if a.Note != "" {
			text += ": " + a.Note
		}
		if a.State == sessionwarden.Held.String() {
			text += "; if it was you: sessionwarden deny " + a.ID + "; if not: sessionwarden approve " + a.ID
		}
		fmt.Fprintln(c.out, "  "+wrap(text, c.out.width-4, "    "))
	}
	if len(e.Actions) > 0 {
		return
	}
	fmt.Fprintln(c.out, "  "+wrap(nothingDone(e), c.out.width-4, "    "))
}

// nothingDone says why there is no action.
func nothingDone(e web.Explanation) string {
	strongest := func(response string) bool {
		return slices.ContainsFunc(e.Findings, func(f web.FindingRow) bool { return f.Response == response })
	}
	switch {
	case e.Session.Own || e.Session.Disputed:
		return "Nothing was done: our own session, or what may be it, is never ended."
	case strongest("ask") || strongest("disconnect") || strongest("disconnect_all"):
		return "Nothing was done: the session is over, trusted, or the actions about it were forgotten with the history."
	case strongest("alert"):
		return "Nothing was ended: the strongest response was to tell people."
	}
	return "Nothing was done: nothing asked for it."
}

// printKnown prints a profile, at most so many of each kind.
func (c *command) printKnown(p web.ProfileRow, most int) {
	list := func(rows []web.KnownRow, words func(web.KnownRow) string) string {
		if len(rows) == 0 {
			return "none yet"
		}
		var all []string
		for _, row := range rows[:min(len(rows), most)] {
			all = append(all, words(row))
		}
		if more := len(rows) - most; more > 0 {
			all = append(all, fmt.Sprintf("and %d more", more))
		}
		return strings.Join(all, "; ")
	}
	named := func(r web.KnownRow) string {
		if r.Name == "" || r.Name == r.What {
			return r.What
		}
		return r.Name + " (" + r.What + ")"
	}
	c.tell("countries", list(p.Countries, named))
	c.tell("networks", list(p.Networks, named))
	c.tell("devices", list(p.Devices, func(r web.KnownRow) string { return r.What }))
	c.tell("learned", learnedText(p))
}

// learnedText says what a profile was learned from, and until when it is learned.
func learnedText(p web.ProfileRow) string {
	text := fmt.Sprintf("from %d sessions, %d of them live at a time at most", p.Sessions, p.MostLive)
	switch p.Sessions {
	case 0:
		text = "from no session yet"
	case 1:
		text = "from one session"
	}
	if !p.Active.IsZero() {
		text += "; last used " + clock(p.Active)
	}
	if !p.Learning.IsZero() {
		text += "; still being learned, until " + p.Learning.UTC().Format("2006-01-02") + " at the latest: what is new is only noted until then"
	}
	return text
}
