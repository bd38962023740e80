package main

import (
	"context"
	"net"

	"sessionwarden/alert"
	"sessionwarden/config"
)

// dialer makes connections.
type dialer = func(ctx context.Context, network, address string) (net.Conn, error)

// channels makes the ways to people that the configuration names: Slack first,
// then the others as they stand in the file.
func channels(cfg *config.Config, o outside) ([]alert.Channel, error) {
	var list []alert.Channel
	if slack := cfg.Alert.Slack; slack != nil {
		way, err := slackWay(slack, o)
		if err != nil {
			return nil, err
		}
		list = append(list, way)
	}
	for _, c := range cfg.Alert.Channels {
		way, err := channel(c, o)
		if err != nil {
			return nil, err
		}
		list = append(list, way)
	}
	return list, nil
}

func slackWay(slack *config.Slack, o outside) (alert.Channel, error) {
	if slack.BotToken.Set() {
		return alert.NewSlackBot(alert.SlackBotOptions{Token: slack.BotToken.Read, Channel: slack.Channel, APIURL: slack.APIURL, Transport: o.alerts, Buttons: slack.AppToken.Set()})
	}
	return alert.NewSlackWebhook(alert.SlackWebhookOptions{URL: slack.WebhookURL.Read, Transport: o.alerts})
}

// channel makes one [[alert.channel]].
func channel(c config.Channel, o outside) (alert.Tester, error) {
	if c.URL.Set() {
		return alert.NewShoutrrr(alert.ShoutrrrOptions{Name: c.Name, URL: c.URL.Read, Transport: o.alerts, Dial: o.mail, Now: o.now})
	}
	hook := alert.JSONHookOptions{Name: c.Name, URL: c.WebhookURL.Read, Transport: o.alerts, Now: o.now}
	if c.WebhookSecret.Set() {
		hook.Secret = c.WebhookSecret.Read
	}
	return alert.NewJSONHook(hook)
}
