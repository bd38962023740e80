package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"time"

	"sessionwarden"
	"sessionwarden/alert"
	"sessionwarden/config"
	"sessionwarden/mannco"
	"sessionwarden/web"
)

// online tries the accounts and the channels. Where the daemon runs, its own
// tokens are used and left as they are: no check makes a login more than it
// has to.
func (k *checker) online(ctx context.Context, cfg *config.Config) error {
	path := web.SocketPath(cfg.DataDir, web.RuntimeDir(k.c.getenv))
	daemon, err := web.DialSocket(path)
	switch {
	case err == nil:
		defer daemon.Close()
		k.ok("daemon", "running; commands reach it")
	case errors.Is(err, web.ErrNotRunning):
		k.note("daemon", "not running, so nothing is watched now")
	default:
		return err
	}
	for _, account := range cfg.Accounts {
		k.account(ctx, cfg, account)
	}
	if cfg.Alert.Slack != nil {
		k.buttons(ctx, cfg)
	}
	return k.channels(ctx, cfg)
}

// buttons tries what Slack's buttons need: the scopes of the bot, and the app
// token.
func (k *checker) buttons(ctx context.Context, cfg *config.Config) {
	slack := cfg.Alert.Slack
	if !slack.BotToken.Set() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	bot, err := alert.NewSlackBot(alert.SlackBotOptions{Token: slack.BotToken.Read, Channel: slack.Channel, APIURL: slack.APIURL})
	if err != nil {
		k.fail("slack app", err.Error(), "")
		return
	}
	needs := alert.Scopes[:1]
	if slack.AppToken.Set() {
		needs = alert.Scopes[:]
	}
	var names []string
	for _, scope := range needs {
		names = append(names, scope.Name)
	}
	missing, err := bot.Missing(ctx, names...)
	if err != nil {
		return // the test alert says what is wrong with the bot
	}
	for _, scope := range needs {
		if slices.Contains(missing, scope.Name) {
			k.fail("slack app", "it lacks the scope "+scope.Name+", "+scope.For, "add it under OAuth & Permissions on the app's page, and install the app again: docs/slack.md")
		}
	}
	if !slack.AppToken.Set() {
		return
	}
	socket, err := alert.NewSlackSocket(alert.SlackSocketOptions{AppToken: slack.AppToken.Read, APIURL: slack.APIURL})
	if err == nil {
		err = socket.Try(ctx)
	}
	if err != nil {
		cure := "make a new app-level token with the scope connections:write and put it where app_token says: docs/slack.md"
		var e *alert.SendError
		if errors.As(err, &e) && e.Cure != "" {
			cure = e.Cure
		}
		k.fail("slack buttons", err.Error(), cure)
		return
	}
	k.ok("slack buttons", "what is pressed is heard; %s may answer", people(len(slack.People)))
}

// people counts people.
func people(n int) string {
	if n == 1 {
		return "1 person"
	}
	return fmt.Sprintf("%d people", n)
}

// noOutbox is an outbox without anything in it.
type noOutbox struct{}

func (noOutbox) Outbox(context.Context) ([]sessionwarden.Alert, []sessionwarden.Delivery, error) {
	return nil, nil, nil
}

func (noOutbox) Telling(context.Context, uint64) (sessionwarden.Telling, bool, error) {
	return sessionwarden.Telling{}, false, nil
}

func (noOutbox) Delivered(context.Context, []sessionwarden.Delivery, ...sessionwarden.Offer) error {
	return nil
}

func (noOutbox) Silences(context.Context) ([]sessionwarden.Silence, error) { return nil, nil }

func (noOutbox) PutSilence(context.Context, sessionwarden.Silence) error { return nil }

func (noOutbox) NextID() uint64 { return 0 }

// account signs in and asks for everything that the watch will ask for.
func (k *checker) account(ctx context.Context, cfg *config.Config, account config.Account) {
	what := "account " + account.Name
	transport, err := mannco.NewTransport(account.CAFile)
	if err != nil {
		k.fail(what, err.Error(), "name a file with certificates in PEM form in ca_file")
		return
	}
	defer transport.CloseIdleConnections()
	dataDir := cfg.DataDir
	if _, err := os.Stat(dataDir); err != nil {
		dataDir = "" // the daemon makes it, as the user that it runs as
	}
	client, err := newClient(dataDir, account, http.RoundTripper(transport), nil, nil, nil, nil)
	if err != nil {
		k.fail(what, err.Error(), "")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 3*account.Timeout+5*time.Second)
	defer cancel()
	if dataDir == "" {
		defer func() { _ = client.Logout(ctx) }() // a login that nobody remembers would litter the list
	}
	list, err := client.Sessions(ctx, false)
	if err != nil {
		k.fail(what, err.Error(), accountCure(err))
		return
	}
	own, noID := 0, 0
	for _, row := range list.Rows {
		if row.Ownership == sessionwarden.Own {
			own++
		}
		if row.ID == "" {
			noID++
		}
	}
	k.ok(what, "signed in; %d live sessions, %d of them ours", len(list.Rows), own)
	if !list.Complete {
		k.note(what, "the list could not be read whole: "+list.Why)
	}
	if noID > 0 {
		k.note(what, fmt.Sprintf("%d sessions come without an id: they are watched and told, but cannot be ended one by one", noID))
	}
	if own == 0 {
		k.note(what, "our own session is not recognized in the list")
	}
	for _, note := range list.Notes {
		k.note(what, note)
	}
	k.facts(ctx, what, client)
	if account.DryRun {
		k.note(what, "dry_run is on: nothing will be disconnected")
	}
}

// facts tries the calls that tell of the account itself.
func (k *checker) facts(ctx context.Context, what string, client *mannco.Client) {
	infos, err := client.Infos(ctx)
	switch {
	case err != nil:
		k.note(what, "its facts cannot be read: "+err.Error())
	case infos.TwoFactor.OK && !infos.TwoFactor.Value:
		k.note(what, "two-factor authentication is OFF; turn it on at https://mannco.store")
	}
	for name, try := range map[string]func() error{
		"balance":       func() error { _, err := client.Balance(ctx); return err },
		"contact mail":  func() error { _, err := client.ContactMail(ctx); return err },
		"notifications": func() error { _, err := client.Notifications(ctx); return err },
	} {
		if err := try(); err != nil {
			k.note(what, "its "+name+" cannot be read: "+err.Error())
		}
	}
}

// accountCure says what to do about an account that cannot be read.
func accountCure(err error) string {
	var f *sessionwarden.Fault
	if !errors.As(err, &f) {
		return ""
	}
	switch f.Kind {
	case sessionwarden.FaultRefused:
		return "make a new API key at https://mannco.store and put it where the configuration says; look whether this machine's address or country is blocked"
	case sessionwarden.FaultLimited:
		return "wait a little; if it stays so, write a slower schedule"
	case sessionwarden.FaultClock:
		return "set this machine's clock: timedatectl set-ntp true"
	default:
		return "look whether this machine reaches base_url (HTTPS_PROXY is honoured; ca_file names further certificates)"
	}
}
