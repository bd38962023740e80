// Perf measures what the program costs and writes docs/performance.md: each
// figure beside a floor that was measured in the same run, as machines differ
// and are noisy.
//
//	go run ./tools/perf                     # everything: some six minutes
//	go run ./tools/perf -short              # without ten million sessions: some three
//	go run ./tools/perf -only cpu,memory    # these parts, printed and not written
//	go run ./tools/perf -only cpu -merge    # their lines alone are written anew
//
// Run it from the root of the repository, on a machine that does nothing else.
// The parts are in parts.go and watching.go, with what is wanted. Part of the figures come from
// the benchmarks, which it runs with go test (bench.go), the others from the
// program itself as a process of its own (daemon.go) against a simulated
// service on loopback (world.go).
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(os.Args) == 2 && os.Args[1] == pollerArg {
		os.Exit(poller(ctx, os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the whole command: 0 done, 1 it failed, 2 wrong usage.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("perf", flag.ContinueOnError)
	flags.SetOutput(stderr)
	short := flags.Bool("short", false, "leave out what needs ten million sessions")
	out := flags.String("out", filepath.Join("docs", "performance.md"), "write the table to this `file`")
	only := flags.String("only", "", "measure these `parts` alone ("+partNames()+"), and print instead of writing")
	merging := flags.Bool("merge", false, "with -only: write the lines of these parts into the table, and leave the others")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	parts, err := chosen(*only)
	if err == nil && *merging && (*only == "" || *short) {
		err = errors.New("-merge writes lines of a whole run, and wants to know of which parts: -only")
	}
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("perf takes no arguments, only flags: %q is too much", flags.Arg(0))
	}
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	m := &measuring{short: *short, log: stderr, begun: time.Now(), load: loadAverage()}
	err = m.measure(ctx, parts)
	switch {
	case err == nil && *merging:
		var page []byte
		if page, err = os.ReadFile(*out); err == nil {
			err = os.WriteFile(*out, []byte(m.merged(string(page))), 0o644)
		}
	case err == nil && *only == "":
		err = os.WriteFile(*out, []byte(m.page()), 0o644)
	default:
		fmt.Fprint(stdout, m.page())
	}
	if err != nil {
		fmt.Fprintln(stderr, "perf:", err)
		return 1
	}
	return 0
}

// chosen returns the parts that are to be measured.
func chosen(only string) ([]part, error) {
	if only == "" {
		return parts(), nil
	}
	var list []part
	for name := range strings.SplitSeq(only, ",") {
		i := slices.IndexFunc(parts(), func(p part) bool { return p.name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no part %q: there are %s", name, partNames())
		}
		list = append(list, parts()[i])
	}
	return list, nil
}

func partNames() string {
	var names []string
	for _, p := range parts() {
		names = append(names, p.name)
	}
	return strings.Join(names, ", ")
}

// measuring is one run of the command.
type measuring struct {
	short   bool
	log     io.Writer
	begun   time.Time
	load    float64 // of the machine in the minute before
	dir     string  // temporary, removed at the end
	program string  // the built program
	rows    []row
	laws    []law
}

// measure measures the parts one after the other. An error names the part, and
// what was measured before stays.
func (m *measuring) measure(ctx context.Context, parts []part) (err error) {
	if m.dir, err = os.MkdirTemp("", "sessionwarden-perf-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(m.dir)) }()
	m.program = filepath.Join(m.dir, "sessionwarden")
	if err := m.build(ctx); err != nil {
		return err
	}
	for _, p := range parts {
		m.say("%s", p.name)
		if err := p.measure(ctx, m); err != nil {
			return fmt.Errorf("measuring %s: %w", p.name, err)
		}
	}
	return nil
}

// say tells the person who waits what is measured.
func (m *measuring) say(format string, args ...any) {
	fmt.Fprintf(m.log, "%5.0fs  %s\n", time.Since(m.begun).Seconds(), fmt.Sprintf(format, args...))
}
