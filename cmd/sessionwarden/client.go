package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"sessionwarden/alert"
	"sessionwarden/config"
	"sessionwarden/internal/owner"
	"sessionwarden/storage"
	"sessionwarden/web"
)

// client reaches the watch for a command: over the daemon's socket or, where
// no daemon runs, through the very same API put over the database in this
// process. The person notices no difference. The caller calls done; telling, it
// first delivers what the command gave cause to tell. Where nothing was ever
// recorded, it begins a history only for a command that may.
func (c *command) client(ctx context.Context, begin bool) (client *web.Client, done func(telling bool) error, err error) {
	if c.within != nil {
		return c.within, func(bool) error { return nil }, nil
	}
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
	if begun, err := storage.Begun(databasePath(cfg)); err != nil {
		return nil, nil, err
	} else if !begun && !begin {
		return nil, nil, nothingYet(cfg.DataDir)
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

// ask reaches the watch, lets do ask it something, and lets go of it. Where
// nothing was ever recorded, it makes nothing and says so.
func (c *command) ask(ctx context.Context, do func(*web.Client) error) error {
	return c.reach(ctx, false, false, do)
}

// reach is ask that may begin a history; telling, it also delivers what do gave
// cause to tell.
func (c *command) reach(ctx context.Context, begin, telling bool, do func(*web.Client) error) error {
	client, done, err := c.client(ctx, begin)
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

// cures are what a person can do about err, one line each. The data directory
// is "" where it is not known.
func cures(err error, dataDir string) []string {
	var locked *storage.LockedError
	if errors.As(err, &locked) {
		return []string{"Only one sessionwarden can use a data directory at a time. If the daemon has just been started, try again when it is ready: a damaged history may take it minutes. Else stop the other one, or use another data_dir."}
	}
	var out *wayOut
	if errors.As(err, &out) {
		return out.cures()
	}
	if errors.Is(err, fs.ErrPermission) {
		return permissionCures(err, dataDir)
	}
	var remote *web.Error
	if errors.As(err, &remote) && remote.Cure != "" {
		return []string{remote.Cure}
	}
	return nil
}

// permissionCures are what to do where a file of the data directory may not be
// used: it is the owner of the directory who runs the watch.
func permissionCures(err error, dir string) []string {
	var file *fs.PathError
	if dir == "" || !errors.As(err, &file) {
		return nil
	}
	if inside, rerr := filepath.Rel(dir, file.Path); rerr != nil || strings.HasPrefix(inside, "..") {
		return nil
	}
	user, me := owner.Name(dir), owner.Me()
	switch {
	case user == "" || me == "":
		return nil
	case user == me:
		return []string{"This runs as " + me + ", who owns " + dir + ", but somebody else made what is in it. Give it back, as root: chown -R " + me + " " + dir}
	}
	return []string{dir + " belongs to " + user + ", and this runs as " + me + ". Run it as " + user + ": sudo -u " + sudoName(user) + " sessionwarden ..."}
}

// sudoName is a user as sudo wants him: a number has a # before it.
func sudoName(user string) string {
	if _, err := strconv.Atoi(user); err == nil {
		return "'#" + user + "'"
	}
	return user
}
