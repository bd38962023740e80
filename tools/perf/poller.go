package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"io"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"time"
)

// pollerArg makes this program the floor of a poll: a process that does nothing
// but ask for the same lists over kept connections, and take a hash of each.
const pollerArg = "poller"

// polling is what the floor is to do.
type polling struct {
	URLs    []string
	Tokens  []string
	Spread  bool          // one after the other over the second, instead of all at once
	Seconds int           // how long
	Phase   time.Duration // within the second
}

// poller is the floor's process: it reads what to do, does it, and prints how
// much CPU a request took, in microseconds. The first second does not count.
func poller(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) int {
	var p polling
	err := json.NewDecoder(stdin).Decode(&p)
	if err == nil {
		err = p.run(ctx, stdout)
	}
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	return 0
}

func (p polling) run(ctx context.Context, stdout io.Writer) error {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}, Timeout: 10 * time.Second}
	seed := maphash.MakeSeed()
	buffers := sync.Pool{New: func() any { return new(bytes.Buffer) }}
	ask := func(i int) error {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URLs[i], nil)
		if err != nil {
			return err
		}
		r.Header.Set("Authorization", "Bearer "+p.Tokens[i])
		answer, err := client.Do(r)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		b := buffers.Get().(*bytes.Buffer)
		defer buffers.Put(b)
		b.Reset()
		if _, err := b.ReadFrom(answer.Body); err != nil {
			return err
		}
		if answer.StatusCode != http.StatusOK || maphash.Bytes(seed, b.Bytes()) == 0 {
			return fmt.Errorf("the service answered %s", answer.Status)
		}
		return nil
	}
	if err := wait(ctx, time.Until(time.Now().Truncate(time.Second).Add(time.Second+p.Phase))); err != nil {
		return err
	}
	var began time.Duration
	next := time.Now()
	for second := range p.Seconds + 1 {
		if second == 1 {
			var err error
			if began, err = cpu(os.Getpid()); err != nil {
				return err
			}
		}
		failed := make(chan error, len(p.URLs))
		slots := make(chan struct{}, 32)
		var all sync.WaitGroup
		for i := range p.URLs {
			if p.Spread {
				if err := wait(ctx, time.Until(next.Add(time.Duration(i)*time.Second/time.Duration(len(p.URLs))))); err != nil {
					return err
				}
			}
			all.Go(func() {
				slots <- struct{}{}
				defer func() { <-slots }()
				failed <- ask(i)
			})
		}
		all.Wait()
		close(failed)
		for err := range failed {
			if err != nil {
				return err
			}
		}
		next = next.Add(time.Second)
		if err := wait(ctx, time.Until(next)); err != nil {
			return err
		}
	}
	ended, err := cpu(os.Getpid())
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(stdout, float64((ended-began).Microseconds())/float64(p.Seconds*len(p.URLs)))
	return err
}

// floorPoller runs the floor as a process of its own and returns how many
// microseconds of CPU a request took.
func floorPoller(ctx context.Context, p polling) (us float64, err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	what, err := json.Marshal(p)
	if err != nil {
		return 0, err
	}
	cmd := exec.CommandContext(ctx, self, pollerArg)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(what), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("the floor of a poll: %w", err)
	}
	_, err = fmt.Sscan(string(out), &us)
	return us, err
}
