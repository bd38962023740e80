package main

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// row is one line of the table.
type row struct {
	what, goal, floor, reached, ratio, command string

	met   bool
	would string // what it would take; shown where the goal is not met
}

// law is one line of the growth laws.
type law struct {
	what, goal, found, command string

	met   bool
	would string
}

// page is docs/performance.md.
func (m *measuring) page() string {
	var b strings.Builder
	b.WriteString(`# What it costs

Measured and written by ` + "`go run ./tools/perf`" + `. Machines differ and are noisy, so each
figure stands beside a floor from the same run, which is what nobody can do
without: the flushes of that disk, the bare library, the bare request. Times and
sizes are medians unless they say otherwise; MiB of memory are those of the
whole process, and "anonymous" what cannot be dropped and read again.

| what | goal | floor | reached | ratio | measure it with |
|---|---|---|---|---|---|
`)
	for _, r := range m.rows {
		b.WriteString(r.line() + "\n")
	}
	if len(m.laws) > 0 {
		b.WriteString(`
## How it grows

The exponent is the slope of a line through the logarithms of sizes and costs: 0
says that it does not matter, 1 that twice as many cost twice as much.

| what | goal | found | measure it with |
|---|---|---|---|
`)
		for _, l := range m.laws {
			b.WriteString(l.line() + "\n")
		}
	}
	if missed := m.missed(); len(missed) > 0 {
		b.WriteString("\n" + missedHeading + "\n\n" + strings.Join(missed, "\n") + "\n")
	}
	b.WriteString("\nMeasured " + m.where() + "\n")
	if m.load > float64(runtime.NumCPU())/2 {
		fmt.Fprintf(&b, "\nThe machine had other work (load average %.0f when this began): what is measured by\nthe clock says little, the ratios more.\n", m.load)
	}
	if m.short {
		b.WriteString("\nThis was a short run: smaller histories, and none of ten million sessions.\n")
	}
	return b.String()
}

// where is on what machine it was measured, and when.
func (m *measuring) where() string {
	return fmt.Sprintf("on %s, %d cores (%s), %s, Linux %s, on %s.",
		cpuName(), runtime.NumCPU(), runtime.GOARCH, goVersion(), kernel(), m.begun.UTC().Format("2006-01-02 15:04 MST"))
}

func (r row) line() string {
	return fmt.Sprintf("| %s | %s | %s | %s%s | %s | `%s` |", r.what, r.goal, r.floor, r.reached, mark(r.met), r.ratio, inCell(r.command))
}

func (l law) line() string {
	return fmt.Sprintf("| %s | %s | %s%s | `%s` |", l.what, l.goal, l.found, mark(l.met), inCell(l.command))
}

// inCell keeps a command from ending its cell.
func inCell(command string) string { return strings.ReplaceAll(command, "|", `\|`) }

// mark shows which goals are missed.
func mark(met bool) string {
	if met {
		return ""
	}
	return " **missed**"
}

func (m *measuring) missed() (lines []string) {
	for _, r := range m.rows {
		if !r.met {
			lines = append(lines, "- "+r.what+": "+r.would)
		}
	}
	for _, l := range m.laws {
		if !l.met {
			lines = append(lines, "- "+l.what+": "+l.would)
		}
	}
	return lines
}

// number writes a figure with three digits that matter.
func number(x float64) string {
	switch a := math.Abs(x); {
	case a >= 1e6:
		return fmt.Sprintf("%.3g M", x/1e6)
	case a >= 1e4:
		return fmt.Sprintf("%.3g k", x/1e3)
	case a >= 100:
		return fmt.Sprintf("%.0f", x)
	default:
		return fmt.Sprintf("%.3g", x)
	}
}

// duration writes nanoseconds as people read them.
func duration(ns float64) string {
	switch {
	case ns >= 1e9:
		return number(ns/1e9) + " s"
	case ns >= 1e6:
		return number(ns/1e6) + " ms"
	case ns >= 1e3:
		return number(ns/1e3) + " µs"
	default:
		return number(ns) + " ns"
	}
}

func times(ratio float64) string { return fmt.Sprintf("%.2f ×", ratio) }

// cpuName is what the processor calls itself.
func cpuName() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "an unnamed processor"
}

// loadAverage is how many processes wanted to compute in the last minute.
func loadAverage() (load float64) {
	text, _ := os.ReadFile("/proc/loadavg")
	_, _ = fmt.Sscan(string(text), &load)
	return load
}

// goVersion is that of the tool chain that built everything.
func goVersion() string {
	out, err := exec.Command("go", "env", "GOVERSION").Output()
	if err != nil {
		return runtime.Version()
	}
	return strings.TrimSpace(string(out))
}

// kernel is the kernel's version, without what a distribution adds.
func kernel() string {
	text, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	version, _, _ := strings.Cut(strings.TrimSpace(string(text)), "-")
	return version
}

// since is for a person who reads the log.
func since(begin time.Time) string { return time.Since(begin).Round(time.Second).String() }
