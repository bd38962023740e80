package config

import (
	"fmt"
	"slices"

	"sessionwarden"
)

// untold remarks on channels that are never told anything, on accounts of which
// no channel is told, and on quiet hours that are by UTC because nobody said by
// which time.
func (d *decoder) untold(a Alert, accounts []string) {
	var utc, alone []string
	for _, r := range d.routes {
		if r.into.Quiet.From != r.into.Quiet.To && r.zone == nil && d.byUTC {
			utc = append(utc, fmt.Sprintf("%q", r.name))
		}
		if cure := a.nothingFor(r.name, r.into.Topics); cure != "" {
			d.notice("channel %q is never told anything, as there is nothing of its kinds: %s", r.name, cure)
		}
	}
	if len(utc) > 0 {
		d.notice(`the quiet_hours of channel %s are by UTC: name a time zone in [alert], such as time_zone = "Europe/Berlin"`, some(utc))
	}
	for _, account := range accounts {
		if len(d.routes) > 0 && !slices.ContainsFunc(d.routes, func(r *routing) bool {
			return r.into.Accounts == nil || slices.Contains(r.into.Accounts, account)
		}) {
			alone = append(alone, fmt.Sprintf("%q", account))
		}
	}
	if len(alone) > 0 {
		d.notice("nobody is told of account %s, as the accounts of each channel are others: add it to one of them", some(alone))
	}
}

// nothingFor says what to do where a channel is told of kinds only of which there
// are none; "" where there are some.
func (a Alert) nothingFor(channel string, kinds []sessionwarden.Topic) (cure string) {
	for _, kind := range kinds {
		switch {
		case kind == sessionwarden.TopicEscalation && (a.Escalation.After == 0 || !slices.Contains(a.Escalation.Channels, channel)):
			cure = "name it in channels of [alert.escalation]"
		case kind == sessionwarden.TopicDigest && a.Digest.Every == DigestOff:
			cure = `set every = "daily" in [alert.digest]`
		default:
			return ""
		}
	}
	return cure
}
