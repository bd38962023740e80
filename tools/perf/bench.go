package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// results are the figures of benchmarks: by name, then by unit.
type results map[string]map[string]float64

// benchmark runs the benchmarks of a package whose names match, count times,
// and returns the median of each figure. Floors and what is held against them run
// in turn, so that a noisy minute meets both.
func (m *measuring) benchmark(ctx context.Context, pkg, match, time string, count int) (results, error) {
	binary := filepath.Join(m.dir, filepath.Base(pkg)+".test")
	if _, err := os.Stat(binary); err != nil {
		if out, err := exec.CommandContext(ctx, "go", "test", "-c", "-o", binary, pkg).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("building the benchmarks of %s: %w\n%s", pkg, err, out)
		}
	}
	args := []string{"-test.run", "^$", "-test.bench", match, "-test.benchtime", time, "-test.benchmem", "-test.timeout", "20m"}
	if m.short {
		args = append(args, "-test.short")
	}
	all := make(map[string]map[string][]float64)
	for range count {
		run := exec.CommandContext(ctx, binary, args...)
		run.Dir = pkg
		out, err := run.CombinedOutput()
		if err != nil {
			return nil, fmt.Errorf("the benchmarks %s of %s: %w\n%s", match, pkg, err, out)
		}
		for name, figures := range parse(out) {
			if all[name] == nil {
				all[name] = make(map[string][]float64)
			}
			for unit, figure := range figures {
				all[name][unit] = append(all[name][unit], figure)
			}
		}
	}
	middle := make(results)
	for name, figures := range all {
		middle[name] = make(map[string]float64)
		for unit, list := range figures {
			middle[name][unit] = median(list)
		}
	}
	return middle, nil
}

// parse reads what go test prints of benchmarks.
func parse(out []byte) results {
	all := make(results)
	lines := bufio.NewScanner(bytes.NewReader(out))
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		name := strings.TrimPrefix(fields[0], "Benchmark")
		if i := strings.LastIndexByte(name, '-'); i > 0 {
			if _, err := strconv.Atoi(name[i+1:]); err == nil {
				name = name[:i] // the number of processors
			}
		}
		all[name] = make(map[string]float64)
		for i := 2; i+1 < len(fields); i += 2 {
			if figure, err := strconv.ParseFloat(fields[i], 64); err == nil {
				all[name][fields[i+1]] = figure
			}
		}
	}
	return all
}

// get returns one figure; an error where the benchmark did not print it.
func (r results) get(name, unit string) (float64, error) {
	figure, ok := r[name][unit]
	if !ok {
		return 0, fmt.Errorf("the benchmark %s printed no %s", name, unit)
	}
	return figure, nil
}
