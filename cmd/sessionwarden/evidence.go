package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sessionwarden/config"
	"sessionwarden/evidence"
	"sessionwarden/internal/owner"
	"sessionwarden/web"
)

func (c *command) evidenceCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use: "evidence INCIDENT", Short: "Write an incident as one file for the marketplace's support",
		Args: wantArgs(1, 1, "the id of an incident (sessionwarden incidents shows them)"),
		Long: `Writes all that is recorded of an incident into one HTML file that needs nothing
beside it: timeline, sessions before and after, what was found and why, changes
of the account, what was done and its proof, and the records themselves, each
chained to the one before it by a hash.

Mail addresses, trade URLs and IP addresses stand in it whole, as the support
needs them: give it to nobody else. The head of its chain is kept with the
incident and printed: write it into the message that the file goes with.`,
		Example: "  sessionwarden evidence 7\n  sessionwarden evidence verify evidence-main-7-20261123.html",
		RunE: func(cmd *cobra.Command, args []string) error {
			if id, err := strconv.ParseUint(args[0], 10, 64); err != nil || id == 0 {
				return &usageError{fmt.Errorf("%q is no incident: sessionwarden incidents shows their numbers", args[0])}
			}
			return c.ask(cmd.Context(), func(client *web.Client) error { return c.writeEvidence(cmd.Context(), client, args[0], out) })
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "the new `FILE`; else evidence-ACCOUNT-ID-YYYYMMDD.html in this folder")
	cmd.AddCommand(c.verifyCommand())
	return cmd
}

// writeEvidence has a file made and writes it. The place is taken first: no file
// is issued that could not be written.
func (c *command) writeEvidence(ctx context.Context, client *web.Client, id, path string) error {
	row, err := incidentRow(ctx, client, id)
	if err != nil {
		return err
	}
	if row == nil {
		return fmt.Errorf("there is no incident %s: sessionwarden incidents shows those there are", id)
	}
	if path == "" {
		path = evidence.FileName(row.Account, row.ID, time.Now())
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already, and nothing is overwritten: name another file with --out", path)
	}
	if err != nil {
		return fmt.Errorf("writing the file: %w", err)
	}
	made, err := client.Evidence(ctx, id)
	if err == nil {
		err = c.fill(f, made.Page)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		_ = os.Remove(path) // ours, and of no use
		return err
	}
	fmt.Fprintf(c.out, "Written: %s, %s in %d records\nHead of its chain:\n  %s\n", path, sizeText(len(made.Page)), made.Records, made.Head)
	for _, line := range []string{
		"Write the head into the message that the file goes with: it alone tells this file from one that somebody else made up. It is kept with the incident.",
		"Mail addresses, trade URLs and IP addresses stand in the file whole: give it to the marketplace's support and to nobody else.",
		"To check it, now or later: sessionwarden evidence verify " + path,
	} {
		fmt.Fprintln(c.out, wrap(line, c.out.width-2, "  "))
	}
	return nil
}

// fill writes the page; what root makes in the data directory is its owner's.
func (c *command) fill(f *os.File, page string) error {
	if dir, err := c.dataDir(); err == nil && inside(dir, f.Name()) {
		if err := owner.Adopt(f); err != nil {
			return err
		}
	}
	if _, err := io.WriteString(f, page); err != nil {
		return err
	}
	return f.Sync()
}

// inside reports whether a file lies in a folder or below it.
func inside(dir, file string) bool {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return false
	}
	file, err = filepath.Abs(file)
	if err != nil {
		return false
	}
	rel, err := filepath.Rel(dir, file)
	return err == nil && filepath.IsLocal(rel)
}

// incidentRow returns an incident; nil where there is none.
func incidentRow(ctx context.Context, client *web.Client, id string) (*web.IncidentRow, error) {
	for row, err := range client.Incidents(ctx, web.Query{ID: id}) {
		return &row, err
	}
	return nil, nil
}

// sizeText is a number of bytes for people.
func sizeText(n int) string {
	if n < 10<<20 {
		return fmt.Sprintf("%d kB", (n+999)/1000)
	}
	return fmt.Sprintf("%d MB", n/1_000_000)
}

func (c *command) verifyCommand() *cobra.Command {
	var offline bool
	var head string
	cmd := &cobra.Command{
		Use: "verify FILE", Short: "Check that a file of evidence is as it was made", Args: wantArgs(1, 1, "a file that sessionwarden evidence made"),
		Long: `Works out the chain over the file's records anew, draws its page anew from them
and compares byte for byte: a record that was changed is named, and so is a
change of what only the page shows.

Somebody who makes up a whole file makes one that passes too. What tells the two
apart is the head of the chain, which the maker tells beside the file: give it
with --head. Where this program's history is, it is looked up there whether and
when this installation made the file.

Exit status 1 where something was changed, where the head is another one, or
where the file was not made here.`,
		Example: "  sessionwarden evidence verify evidence-main-7-20261123.html --head 9f86d081…",
		RunE: func(cmd *cobra.Command, args []string) error {
			head = strings.ToLower(strings.TrimSpace(head))
			if cmd.Flags().Changed("head") && !isHead(head) {
				return &usageError{errors.New("--head wants the whole head: 64 digits and letters a to f")}
			}
			file, err := readEvidence(args[0])
			if err != nil {
				return err
			}
			r := evidence.Verify(file)
			switch {
			case !r.Whole():
				return c.printChanged(args[0], r)
			case head != "" && head != r.Head:
				fmt.Fprintf(c.out, "ANOTHER FILE: %s\n", args[0])
				c.printContents(r)
				fmt.Fprintln(c.out, wrap("It fits together, but its head is not the one that you were told: somebody made it up or changed it as a whole, or it is another file of the same maker.", c.out.width-2, "  "))
				return &exitError{status: exitFailed}
			case head != "":
				fmt.Fprintf(c.out, "Whole: nothing in %s was changed since it was made.\n", args[0])
				c.printContents(r)
				c.tell("issued", "by whoever told you the head, which is the same")
				return nil
			case offline:
				return c.unknownIssuer(args[0], r, "it was not looked at (--offline)")
			}
			return c.printIssuer(cmd.Context(), args[0], r)
		},
	}
	cmd.Flags().BoolVar(&offline, "offline", false, "look at the file only, and not whether it was made here")
	cmd.Flags().StringVar(&head, "head", "", "the `HEAD` of its chain, as the maker told it")
	return cmd
}

// isHead reports whether text has the form of a chain's head.
func isHead(text string) bool {
	_, err := hex.DecodeString(text)
	return err == nil && len(text) == 64
}

// readEvidence reads no more of a file than one of evidence can have.
func readEvidence(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading the file: %w", err)
	}
	defer func() { _ = f.Close() }()
	file, err := io.ReadAll(io.LimitReader(f, evidence.MaxFile+1))
	if err != nil {
		return nil, fmt.Errorf("reading the file: %w", err)
	}
	return file, nil
}

func (c *command) printChanged(path string, r evidence.Report) error {
	fmt.Fprintf(c.out, "NOT AS IT WAS MADE: %s\n", path)
	for _, problem := range r.Problems {
		fmt.Fprintf(c.out, "- %s\n", wrap(problem, c.out.width-2, "  "))
	}
	return &exitError{status: exitFailed}
}

// printContents prints what a file says that it is.
func (c *command) printContents(r evidence.Report) {
	h := r.Header
	for _, line := range [][2]string{
		{"says", fmt.Sprintf("account %s, incident %s, %d records", h.Account, h.Incident, r.Records)},
		{"made", shownTime(h.Made) + " by " + h.Program + installation(h.Instance)},
		{"head", r.Head},
	} {
		c.tell(line[0], line[1])
	}
}

func installation(name string) string {
	if name == "" {
		return ""
	}
	return ", installation " + name
}

func shownTime(stamp string) string {
	t, err := time.Parse(time.RFC3339, stamp)
	if err != nil {
		return stamp
	}
	return t.UTC().Format("2006-01-02 15:04:05 MST")
}

// printIssuer says whether this installation made the file, which fits together.
func (c *command) printIssuer(ctx context.Context, path string, r evidence.Report) error {
	if _, err := config.Find(c.configFile, c.getenv); err != nil {
		return c.unknownIssuer(path, r, "there is no configuration of sessionwarden on this machine")
	}
	var row *web.IncidentRow
	err := c.ask(ctx, func(client *web.Client) (err error) {
		if id, ierr := strconv.ParseUint(r.Header.Incident, 10, 64); ierr == nil && id > 0 {
			row, err = incidentRow(ctx, client, strconv.FormatUint(id, 10))
		}
		return err
	})
	var nothing *exitError
	switch {
	case errors.As(err, &nothing):
		return c.unknownIssuer(path, r, "nothing has been recorded here")
	case err != nil:
		return fmt.Errorf("the file fits together, but whether it was made here cannot be said: %w", err)
	}
	if row != nil {
		for _, issue := range row.Issued {
			if issue.Head == r.Head {
				fmt.Fprintf(c.out, "Whole: nothing in %s was changed since it was made.\n", path)
				c.printContents(r)
				c.tell("issued", "this installation made it, "+issue.Time.UTC().Format("2006-01-02 15:04:05 MST"))
				return nil
			}
		}
	}
	fmt.Fprintf(c.out, "NOT MADE HERE: %s\n", path)
	c.printContents(r)
	fmt.Fprintln(c.out, wrap("It fits together, but this installation has made no file with that head: somebody made it up, or another installation made it, or the incident is forgotten, or it had many newer files. If its maker told you the head: --head HEAD", c.out.width-2, "  "))
	return &exitError{status: exitFailed}
}

// unknownIssuer says of a file that fits together, and of which nobody can say here
// who made it, what is left to do.
func (c *command) unknownIssuer(path string, r evidence.Report, why string) error {
	fmt.Fprintf(c.out, "COMPARE THE HEAD: %s\n  %s\n", path, r.Head)
	fmt.Fprintln(c.out, wrap("Is this the head that its maker told you beside the file? Only then nothing in it was changed. The file fits together, but so does one that somebody made up as a whole. To have it compared: --head HEAD", c.out.width-2, "  "))
	c.printContents(r)
	c.tell("issued", "not known: "+why)
	return nil
}
