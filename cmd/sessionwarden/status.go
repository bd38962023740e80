package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sessionwarden"
	"sessionwarden/web"
)

func (c *command) statusCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "status", Short: "The whole watch at one glance", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := c.glance(cmd.Context(), false)
			if err != nil {
				return err
			}
			if asJSON {
				text, err := json.MarshalIndent(s, "", "  ")
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(c.out, "%s\n", text)
				return err
			}
			return c.printStatus(s)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one object instead of text")
	return cmd
}

// glance asks for the whole watch at one glance; begin as for reach.
func (c *command) glance(ctx context.Context, begin bool) (s sessionwarden.Status, err error) {
	err = c.reach(ctx, begin, false, func(client *web.Client) error {
		s, err = client.Status(ctx)
		return err
	})
	return s, err
}

func (c *command) printStatus(s sessionwarden.Status) error {
	if s.Running {
		fmt.Fprintf(c.out, "sessionwarden %s on %s, running since %s\n\n", s.Version, s.Instance, s.Started.UTC().Format("2006-01-02 15:04 MST"))
	} else {
		fmt.Fprintf(c.out, "sessionwarden %s on %s: NOT RUNNING, so nothing is watched\n(start it: sessionwarden run)\n\n", s.Version, s.Instance)
	}
	if s.Observing != nil {
		fmt.Fprintln(c.out, wrap(notDisconnected(*s.Observing), c.out.width-2, "  "))
		fmt.Fprintln(c.out)
	}
	t := c.out.table(column{"ACCOUNT", 8}, column{"LAST GOOD POLL", 0}, column{"LIVE", 0}, column{"SUSPECT", 0}, column{"HELD", 0})
	held := 0
	for _, a := range s.Accounts {
		held += a.Held
		polled := ago(a.LastPoll, s.Time)
		if !s.Running && !a.LastPoll.IsZero() {
			a.Heightened, polled = time.Time{}, clock(a.LastPoll) // nobody looks any more
		}
		if err := t.row(a.Account, polled, fmt.Sprint(a.Live), fmt.Sprint(a.Suspicious), fmt.Sprint(a.Held), accountNote(a, s.Time)); err != nil {
			return err
		}
	}
	if err := t.end("No account is configured."); err != nil {
		return err
	}
	fmt.Fprintln(c.out)
	for _, a := range s.Accounts {
		if a.Headline != "" {
			fmt.Fprintln(c.out, wrap(fmt.Sprintf("! %s, incident %s: %s", a.Account, a.Incident, a.Headline), c.out.width-2, "  "))
		}
		for _, ch := range a.Changes {
			fmt.Fprintln(c.out, wrap("! "+a.Account+": "+changed(ch), c.out.width-2, "  "))
		}
	}
	for _, a := range s.Accounts {
		for _, n := range a.Notices {
			fmt.Fprintln(c.out, wrap(fmt.Sprintf("! %s, told %s: %s", a.Account, ago(n.Time, s.Time), n.Title), c.out.width-2, "  "))
		}
	}
	for _, a := range s.Accounts {
		for _, t := range a.Trusts {
			line := fmt.Sprintf("trust: %s on %s until %s", t.What, a.Account, localTime(t.Until))
			if t.Note != "" {
				line += " (" + t.Note + ")"
			}
			fmt.Fprintln(c.out, wrap(line, c.out.width-2, "  "))
		}
	}
	for _, one := range s.Silences {
		fmt.Fprintln(c.out, wrap(silentLine(one), c.out.width-2, "  "))
	}
	for _, ch := range s.Channels {
		line := fmt.Sprintf("channel %s: %d waiting, %s", ch.Channel, ch.Pending, lastSent(ch, s.Time))
		if ch.Broken {
			line += "; BROKEN"
		}
		if ch.Error != "" {
			line += ": " + ch.Error
		}
		if ch.Buttons != "" {
			line += "; buttons " + ch.Buttons
		}
		fmt.Fprintln(c.out, wrap(line, c.out.width-2, "  "))
	}
	fmt.Fprintln(c.out, wrap(fmt.Sprintf("location data: %s, %s old; networks: %s, %s old", s.Location.Country, span(s.Time.Sub(s.Location.CountryBuilt)),
		s.Location.ASN, span(s.Time.Sub(s.Location.ASNBuilt))), c.out.width-2, "  "))
	for _, l := range s.Location.Lists {
		line := "list " + l.Key + ": NOT USED, " + l.Source
		if l.Used {
			line = fmt.Sprintf("list %s: %s, %s old", l.Key, l.Source, span(s.Time.Sub(l.Date)))
			if l.Entries > 0 {
				line = fmt.Sprintf("list %s: %s, %s old, from %s", l.Key, plural(l.Entries, "entry", "entries"), span(s.Time.Sub(l.Date)), l.Source)
			}
		}
		fmt.Fprintln(c.out, wrap(line, c.out.width-2, "  "))
	}
	copied := "backup: " + ago(s.Backup.Last, s.Time) + ", in " + s.Backup.Dir
	if s.Backup.Every == "off" {
		copied += "; OFF, none is made by itself"
	}
	fmt.Fprintln(c.out, wrap(copied, c.out.width-2, "  "))
	if !s.NextDigest.IsZero() {
		fmt.Fprintln(c.out, "digest: the next one "+localTime(s.NextDigest))
	}
	if line := heartbeatLine(s); line != "" {
		fmt.Fprintln(c.out, wrap(line, c.out.width-2, "  "))
	}
	if line := canaryLine(s); line != "" {
		fmt.Fprintln(c.out, wrap(line, c.out.width-2, "  "))
	}
	if s.Crashes > 0 {
		fmt.Fprintln(c.out, wrap(fmt.Sprintf("crashes: %d, the last found %s", s.Crashes, ago(s.LastCrash, s.Time)), c.out.width-2, "  "))
	}
	var notes []string
	if s.Location.Failed != "" {
		notes = append(notes, s.Location.Failed)
	}
	notes = append(append(notes, s.Location.Warnings...), s.Warnings...)
	if held > 0 {
		notes = append(notes, fmt.Sprintf("%d held: look at them with sessionwarden actions, answer with approve ID or deny ID", held))
	}
	for _, note := range notes {
		fmt.Fprintln(c.out, wrap("! "+note, c.out.width-2, "  "))
	}
	return nil
}

// heartbeatLine says how the heartbeat is; "" where there is none.
func heartbeatLine(s sessionwarden.Status) string {
	h := s.Heartbeat
	if h == nil {
		return ""
	}
	line := "heartbeat: last arrived " + ago(h.LastOK, s.Time)
	if len(h.Wrong) > 0 {
		line += "; tells that something is WRONG: " + strings.Join(h.Wrong, " ")
	}
	if h.Error != "" {
		line += "; DOES NOT ARRIVE: " + h.Error
		if h.Cure != "" {
			line += ". Cure: " + h.Cure
		}
	}
	return line
}

// canaryLine says how the canary is; "" where there is none. What is certain to be
// wrong is among the warnings.
func canaryLine(s sessionwarden.Status) string {
	if s.Canary == nil {
		return ""
	}
	line := "canary: one every " + s.Canary.Every + ", the last came through " + ago(s.Canary.Passed, s.Time)
	if s.Canary.Error != "" {
		line += "; FAILED: " + s.Canary.Error
	}
	for _, note := range s.Canary.Notes {
		line += "; " + note
	}
	return line
}

// changed says what changed of an account, and whether it still is.
func changed(ch sessionwarden.ChangeStatus) string {
	text := wasChanged(ch) + " " + ch.Time.UTC().Format("2006-01-02 15:04 MST")
	switch {
	case stands(ch):
		return text + ", and still is"
	case ch.Back:
		return text + "; it is as before again"
	}
	return text
}

// wasChanged is what a change was, in a few words.
func wasChanged(ch sessionwarden.ChangeStatus) string {
	info, _ := sessionwarden.RuleByName(string(ch.Rule))
	return cmp.Or(info.Says, string(ch.Rule))
}

// stands reports whether the account is as the change left it. Some changes say what
// came to pass, and not how something stands.
func stands(ch sessionwarden.ChangeStatus) bool {
	return !ch.Back && ch.Rule != sessionwarden.BalanceDrop && ch.Rule != sessionwarden.PaymentReview
}

func lastSent(ch sessionwarden.ChannelStatus, now time.Time) string {
	if ch.LastSent.IsZero() {
		return "nothing was sent yet"
	}
	return "last sent " + ago(ch.LastSent, now)
}

// notDisconnected says that nothing is disconnected, why, and what to do.
func notDisconnected(o sessionwarden.Observing) string {
	return "NOTHING IS DISCONNECTED since " + o.Since.UTC().Format("2006-01-02 15:04 MST") + ", until you confirm the history: " + o.Why +
		" (see sessionwarden actions, then: sessionwarden resume)"
}

// answerNote says whether an open incident waits for an answer, and who gave the
// last one.
func answerNote(a sessionwarden.AccountStatus, now time.Time) string {
	text := ""
	if a.Unanswered {
		text = ", NOT ANSWERED"
	}
	if !a.Answered.IsZero() {
		text += ", answered " + ago(a.Answered, now)
		if a.AnsweredBy != "" {
			text += " by " + a.AnsweredBy
		}
		if a.Unanswered {
			text += ", and more came since"
		}
	}
	if a.Unanswered {
		text += " (sessionwarden incidents acknowledge " + a.Incident + ")"
	}
	return text
}

func accountNote(a sessionwarden.AccountStatus, now time.Time) string {
	var note string
	switch {
	case a.Blind || !a.BlindSince.IsZero():
		note = "BLIND since " + ago(a.BlindSince, now)
		if a.Error != "" {
			note += ": " + a.Error
		}
		if a.Cure != "" {
			note += ". " + a.Cure
		}
	case a.Open > a.Held:
		note = "acting"
	}
	add := func(text string) {
		if note != "" {
			note += "; "
		}
		note += text
	}
	if a.Incomplete != "" {
		add("list not whole: " + a.Incomplete)
	}
	if a.Clock != "" {
		add("disconnections are held: " + a.Clock)
	}
	if a.Incident != "" {
		add("incident " + a.Incident + " is open" + answerNote(a, now))
	}
	if !a.Heightened.IsZero() {
		add("heightened watch until " + a.Heightened.UTC().Format("15:04 MST"))
	}
	if a.Relocated > 0 {
		add(fmt.Sprintf("%d reclassified by new location data", a.Relocated))
	}
	if a.TwoFactor == "off" {
		add("two-factor authentication is OFF")
	}
	if a.DryRun {
		add("DRY RUN")
	}
	return note
}
