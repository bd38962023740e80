package main

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"sessionwarden/alert"
	"sessionwarden/config"
)

// channelPatience is how long a channel may take to be tried.
const channelPatience = 30 * time.Second

// addresses looks at the channels' addresses, without a network.
func (k *checker) addresses(cfg *config.Config) {
	if cfg.Alert.Slack == nil && len(cfg.Alert.Channels) == 0 {
		k.note("alert channels", "none is configured, so nobody is told of anything: see [alert.slack] and [[alert.channel]] in config.example.toml")
	}
	for _, c := range cfg.Alert.Channels {
		what := "address of " + c.Name
		from := c.WebhookURL
		if c.URL.Set() {
			from = c.URL
		}
		address, err := from.Read()
		if err != nil {
			k.fail(what, err.Error(), "")
			continue
		}
		if !c.URL.Set() {
			k.ok(what, "a JSON webhook, read from %s", from.Source())
			continue
		}
		kind, err := alert.CheckAddress(address)
		if err != nil {
			k.refused(what, "", err)
			continue
		}
		k.ok(what, "%s, read from %s", kind, from.Source())
	}
}

// channels tries each channel. Slack gets a test alert; the others are tried
// without a message, as far as their services allow it.
func (k *checker) channels(ctx context.Context, cfg *config.Config) error {
	o := outside{}.complete()
	if cfg.Alert.Slack != nil {
		way, err := slackWay(cfg.Alert.Slack, o)
		if err != nil {
			return err
		}
		// Nothing is opened or made that belongs to the daemon.
		teller := alert.New(alert.Options{Outbox: noOutbox{}, Channels: []alert.Channel{way}, Instance: cfg.Instance})
		for _, r := range teller.Test(ctx) {
			if r.OK {
				k.ok("channel "+r.Channel, "a test alert was delivered")
			} else {
				k.fail("channel "+r.Channel, r.Outcome, r.Cure)
			}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, channelPatience)
	defer cancel()
	said := make([]string, len(cfg.Alert.Channels))
	errs := make([]error, len(said))
	var tries sync.WaitGroup
	for i, c := range cfg.Alert.Channels {
		way, err := channel(c, o)
		if err != nil {
			return err
		}
		tries.Go(func() { said[i], errs[i] = way.Try(ctx) })
	}
	tries.Wait()
	for i, c := range cfg.Alert.Channels {
		what, kind := "channel "+c.Name, "JSON webhook"
		if c.URL.Set() {
			kind = ""
			if address, err := c.URL.Read(); err == nil {
				kind, _ = alert.CheckAddress(address) // where it is wrong, trying it said so
			}
		}
		if errs[i] != nil {
			k.refused(what, kind, errs[i])
			continue
		}
		k.ok(what, "%s: %s", kind, said[i])
	}
	return nil
}

// refused tells of a channel that does not work.
func (k *checker) refused(what, kind string, err error) {
	text, cure := err.Error(), ""
	var e *alert.SendError
	if errors.As(err, &e) {
		text, cure = e.Reason, e.Cure
	}
	if kind != "" {
		text = kind + ": " + text
	}
	k.fail(what, text, cmp.Or(cure, "try it with a message: sessionwarden alert test"))
}
