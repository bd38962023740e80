package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"sessionwarden"
	"sessionwarden/alert"
	"sessionwarden/monitor"
)

// presses deals with what people do in Slack: the buttons of messages, and the
// app's command. Only the people whom the configuration names may; what a button
// is about is looked up by its id, and who pressed it first is remembered.
type presses struct {
	app    *app
	people []string
	bot    *alert.SlackBot

	one sync.Mutex // one press after the other: who comes second is told what the first did
}

// listen returns what receives presses and commands from Slack; nil where the
// configuration has no app token.
func (a *app) listen(channels []alert.Channel) (*alert.SlackSocket, error) {
	slack := a.cfg.Alert.Slack
	if slack == nil || !slack.AppToken.Set() {
		return nil, nil
	}
	i := slices.IndexFunc(channels, func(c alert.Channel) bool { _, is := c.(*alert.SlackBot); return is })
	if i < 0 {
		return nil, errors.New("buttons need a bot")
	}
	p := &presses{app: a, people: slack.People, bot: channels[i].(*alert.SlackBot)}
	return alert.NewSlackSocket(alert.SlackSocketOptions{
		AppToken: slack.AppToken.Read, APIURL: slack.APIURL, Transport: a.outside.alerts,
		Pressed: p.pressed, Command: p.command, Logger: a.log, Registerer: a.registry,
	})
}

// wish is what a press asks for, and says in a sentence what came of it.
type wish func(ctx context.Context, a *app, o sessionwarden.Offer) (outcome string, err error)

// wishes are what the verbs do.
var wishes = map[sessionwarden.OfferVerb]wish{
	sessionwarden.OfferEnd:         endSession,
	sessionwarden.OfferMine:        itWasMe,
	sessionwarden.OfferMineNetwork: myNetwork,
	sessionwarden.OfferEndAll:      endAllSessions,
	sessionwarden.OfferAcknowledge: acknowledge,
}

// may reports whether a person may decide anything.
func (p *presses) may(user string) bool { return slices.Contains(p.people, user) }

// person names who pressed, for people and for the record. The name is what he
// calls himself; the id is what counts.
func person(name, id string) string {
	name = sessionwarden.Shorten(sessionwarden.Clean(name, 60), 60)
	if name == "" || name == id {
		return id + " in Slack"
	}
	return name + " (" + id + " in Slack)"
}

// pressed deals with one press, and tells whoever pressed what came of it.
func (p *presses) pressed(ctx context.Context, press alert.Press) {
	p.whisper(ctx, press.User, p.decide(ctx, press))
}

// whisper tells one person something. He may have gone: then the message says what
// became of its matter.
func (p *presses) whisper(ctx context.Context, user, text string) {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) { // whoever waited longest is told, too
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
	}
	if err := p.bot.Whisper(ctx, user, text); err != nil {
		p.app.log.Warn("who pressed a button could not be answered", "user", user, "err", err)
	}
}

// decide does what a press asks for and says what came of it.
func (p *presses) decide(ctx context.Context, press alert.Press) string {
	by := person(press.UserName, press.User)
	if !p.may(press.User) {
		p.app.log.Warn("somebody who may not pressed a button", "user", press.User, "action", press.Action)
		return "Nothing was changed: you are not on the list of people who may answer here. Whoever runs sessionwarden can put your member id " +
			press.User + " into people, under [alert.slack]."
	}
	at := p.app.outside.now().UTC() // before it waits for another press
	p.one.Lock()
	defer p.one.Unlock()
	o, there, err := p.app.db.Offer(ctx, sessionwarden.OfferID(press.Offer))
	do := wishes[o.Verb]
	switch {
	case err != nil:
		p.app.log.Error("a button could not be looked up", "err", err)
		return "Nothing was changed: the history cannot be read. By hand: sessionwarden status"
	case !there || do == nil:
		return "Nothing was changed: this button is of no message that is still known. What there is: sessionwarden status"
	case !o.Pressed.IsZero() && o.Outcome != "" && !p.goesOn(o, at):
		return fmt.Sprintf("Nothing was changed: %s pressed this at %s. %s", o.By, o.Pressed.UTC().Format("2006-01-02 15:04:05 MST"), o.Outcome)
	}
	p.app.log.Info("a button was pressed", "account", o.Account, "what", string(o.Verb), "session", string(o.Session), "by", by)
	outcome, err := do(sessionwarden.WithAsker(ctx, by), p.app, o)
	if err != nil {
		p.app.log.Warn("what a button asked for was not done", "account", o.Account, "what", string(o.Verb), "by", by, "err", err)
		return sorry(err)
	}
	o.Pressed, o.By, o.Outcome = at, by, outcome
	if err := p.app.db.Offered(context.WithoutCancel(ctx), []sessionwarden.Offer{o}); err != nil {
		p.app.log.Warn("who pressed a button could not be recorded", "err", err)
	}
	return outcome
}

// pressAgain is how soon after a press the same button says who pressed it.
const pressAgain = time.Minute

// goesOn reports whether a button that was pressed before does its work once more at a time: the
// incident goes on, and with it what is asked of all of it. To end all sessions again
// harms nobody, and whoever presses it again wants that.
func (p *presses) goesOn(o sessionwarden.Offer, at time.Time) bool {
	switch o.Verb {
	case sessionwarden.OfferAcknowledge:
		return p.app.teller.RaisedSince(o.Alert, o.Pressed)
	case sessionwarden.OfferEndAll:
		return at.Sub(o.Pressed).Abs() > pressAgain || p.app.teller.RaisedSince(o.Alert, o.Pressed)
	}
	return false
}

// sorry says why a wish was not carried out, and what can be done instead.
func sorry(err error) string {
	text := "Not done: " + err.Error() + "."
	var w interface{ Cure() string }
	if errors.As(err, &w) && w.Cure() != "" {
		text += " Instead: " + w.Cure()
	}
	return text
}

// asShown is the session of a button as its message showed it.
func asShown(o sessionwarden.Offer) monitor.Session {
	return monitor.Session{Account: o.Account, Seq: o.Seq, ID: o.Session, Addr: o.Addr, Device: o.Device, At: o.Created}
}

func endSession(ctx context.Context, a *app, o sessionwarden.Offer) (string, error) {
	actions, err := a.monitor.EndSession(ctx, asShown(o))
	if err != nil {
		return "", err
	}
	return ended(actions, "Session "+string(o.Session)), nil
}

func endAllSessions(ctx context.Context, a *app, o sessionwarden.Offer) (string, error) {
	actions, err := a.monitor.DisconnectAll(ctx, o.Account)
	if err != nil {
		return "", err
	}
	if len(actions) == 0 {
		return "Account " + o.Account + " has no session but the watch's own.", nil
	}
	return ended(actions, "Account "+o.Account), nil
}

// ended says what became of disconnections, and never more than is proven.
func ended(actions []sessionwarden.Action, what string) string {
	counts := make(map[sessionwarden.ActionState]int)
	note := ""
	last := time.Time{}
	for _, action := range actions {
		counts[action.State]++
		if action.State != sessionwarden.Verified && note == "" {
			note = action.Note
		}
		if action.Updated.After(last) {
			last = action.Updated
		}
	}
	n := counts[sessionwarden.Verified]
	switch {
	case n == len(actions) && n == 1:
		return what + ": ended, and verified gone at " + last.UTC().Format("15:04:05 MST") + "."
	case n == len(actions):
		return fmt.Sprintf("%s: %d sessions ended, and verified gone at %s.", what, n, last.UTC().Format("15:04:05 MST"))
	}
	text := fmt.Sprintf("%s: not proven yet", what)
	if n > 0 {
		text = fmt.Sprintf("%s: %d of %d ended and verified, the others not proven yet", what, n, len(actions))
	}
	if counts[sessionwarden.Failed]+counts[sessionwarden.Refused]+counts[sessionwarden.DryRun] > 0 {
		text = fmt.Sprintf("%s: NOT ENDED, %d of %d", what, len(actions)-n, len(actions))
	}
	if note != "" {
		text += " (" + note + ")"
	}
	return text + ". The message shows how it goes on."
}

func itWasMe(ctx context.Context, a *app, o sessionwarden.Offer) (string, error) {
	if err := a.monitor.Mine(ctx, asShown(o)); err != nil {
		return "", err
	}
	return "Session " + string(o.Session) + " counts as yours as long as it stays where it is. It is not ended.", nil
}

func myNetwork(ctx context.Context, a *app, o sessionwarden.Offer) (string, error) {
	s, err := a.sighting(ctx, o.Seq)
	if err != nil {
		return "", err
	}
	trust, what := alert.TrustFor(s)
	if what == "" {
		return "", errors.New("where this session came from cannot be trusted")
	}
	trust.Account, trust.Until = o.Account, a.outside.now().Add(sessionwarden.OfferTrustFor)
	trust.Note, trust.By = "by a button in Slack", sessionwarden.Asker(ctx)
	if trust, err = a.monitor.AddTrust(ctx, trust, 0); err != nil {
		return "", err
	}
	outcome := fmt.Sprintf("%s counts as yours on account %s until %s. To end that before: sessionwarden trust remove %d", what, o.Account, trust.Until.UTC().Format("2006-01-02 15:04 MST"), trust.ID)
	var gone *monitor.WishError
	if err := a.monitor.Mine(ctx, asShown(o)); err != nil && !errors.As(err, &gone) {
		return "", err
	}
	return outcome, nil
}

func acknowledge(ctx context.Context, a *app, o sessionwarden.Offer) (string, error) {
	if _, err := a.monitor.Acknowledge(ctx, o.Incident); err != nil {
		return "", err
	}
	return "Acknowledged: nobody else is told of it until something new comes.", nil
}

// sighting returns a row of the history.
func (a *app) sighting(ctx context.Context, seq uint64) (sessionwarden.Sighting, error) {
	for s, err := range a.db.Sightings(ctx, sessionwarden.Query{ID: seq}) {
		return s, err
	}
	return sessionwarden.Sighting{}, errors.New("the session is not in the history any more")
}
