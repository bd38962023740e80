package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sessionwarden/alert"
	"sessionwarden/config"
	"sessionwarden/storage"
	"sessionwarden/web"
)

// client reaches the watch for a command: over the daemon's socket or, where
// no daemon runs, through the very same API put over the database in this
// process. The person notices no difference. The caller calls done; telling, it
// first delivers what the command gave cause to tell.
func (c *command) client(ctx context.Context) (client *web.Client, done func(telling bool) error, err error) {
	path, err := config.Find(c.configFile, c.getenv)
	if err != nil {
		return nil, nil, &usageError{err}
	}
	// A daemon that runs is reached whatever mistakes the file has by now, and
	// whether or not its secrets can be read from here.
	options := c.configOptions()
	if dir, err := config.DataDir(path, options); err == nil {
		client, err = web.DialSocket(web.SocketPath(dir, web.RuntimeDir(c.getenv)))
		if err == nil {
			return client, func(bool) error { client.Close(); return nil }, nil
		}
		if !errors.Is(err, web.ErrNotRunning) {
			return nil, nil, err
		}
	}
	options.SecretsLater = true
	cfg, err := config.LoadFile(path, options)
	if err != nil {
		return nil, nil, &usageError{err}
	}
	quiet := *cfg
	quiet.Log.Level = quietLevel
	a, err := open(ctx, &quiet, c.err, false, outside{})
	if err != nil {
		return nil, nil, err
	}
	done = func(telling bool) error {
		if telling {
			deliver, cancel := context.WithTimeout(context.WithoutCancel(ctx), deliverWait)
			defer cancel()
			if err := a.deliver(deliver); err != nil {
				fmt.Fprintf(c.err, "Note: %v\n", err)
			}
		}
		return a.Close()
	}
	return web.NewClient(web.InProcess(a.api)), done, nil
}

// ask reaches the watch, lets do ask it something, and lets go of it.
func (c *command) ask(ctx context.Context, do func(*web.Client) error) error {
	return c.reach(ctx, false, do)
}

// reach is ask; telling, it also delivers what do gave cause to tell.
func (c *command) reach(ctx context.Context, telling bool, do func(*web.Client) error) error {
	client, done, err := c.client(ctx)
	if err != nil {
		return err
	}
	if err := do(client); err != nil {
		_ = done(telling) // what went wrong first is what counts
		return err
	}
	return done(telling)
}

const (
	// quietLevel is above all that the log knows: a command's output is its own.
	quietLevel = 12
	// deliverWait is how long a command that ends waits for its alerts to be
	// delivered; the outbox keeps what is not.
	deliverWait = 30 * time.Second
)

// deliver sends the alerts that wait, until none does or ctx ends.
func (a *app) deliver(ctx context.Context) error {
	if err := deliver(ctx, a.teller); err != nil {
		return fmt.Errorf("some alerts could not be delivered yet; they are kept and go out with the next start: %w", err)
	}
	return nil
}

// deliver has a teller send what it was given.
func deliver(ctx context.Context, t *alert.Teller) error {
	ctx, stop := context.WithCancel(ctx)
	sent := make(chan error, 1)
	go func() { sent <- t.Run(ctx) }()
	err := t.Flush(ctx)
	stop()
	<-sent
	return err
}

// cures are what a person can do about err, one line each.
func cures(err error) []string {
	var locked *storage.LockedError
	if errors.As(err, &locked) {
		return []string{"Only one sessionwarden can use a data directory at a time. If the daemon has just been started, try again when it is ready: a damaged history may take it minutes. Else stop the other one, or use another data_dir."}
	}
	var out *wayOut
	if errors.As(err, &out) {
		return []string{out.cure()}
	}
	var remote *web.Error
	if errors.As(err, &remote) && remote.Cure != "" {
		return []string{remote.Cure}
	}
	return nil
}
