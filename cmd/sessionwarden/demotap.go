package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"sessionwarden"
	"sessionwarden/alert/slacktest"
	"sessionwarden/mannco/manncotest"
	"sessionwarden/web"
)

const (
	endButton = "End this session"

	tapWait  = 7 * time.Second  // how long a press is waited for
	tapAgain = 5 * time.Second  // how long once more, after one that ends nobody
	tapMost  = 14 * time.Second // and how long in all
	tapSoon  = 2 * time.Second  // how long where nobody can type
	tapEnd   = 6 * time.Second  // what is kept for the end and its proof
)

// theTap tells of a question, and has it answered by whoever looks on. It is an
// error if the thief was not ended on somebody's word, or if his message does not
// say so.
func (d *demo) theTap(ctx context.Context) error {
	scenario, err := d.introduce(oneTap)
	if err != nil {
		return err
	}
	line := readTyped(d.c.stdin)
	return d.act(ctx, act{
		scenario: scenario, last: true, buttons: true, every: time.Second, look: "one look a second. It asks before it ends what comes from abroad",
		defaults: "expected_countries = [\"DE\"]\n[defaults.rules]\nunexpected_country = \"ask\"",
		beside:   func(ctx context.Context, s *stage, a *app) { s.tap(ctx, a, line) },
		after: func(s *stage, a *app) error {
			if err := s.tapped(a); err != nil {
				return err
			}
			d.yourTurn("That was all of it: what is certain is ended and proven gone by itself; where you want to be asked, one press ends it, and the message says whose.")
			return nil
		},
	})
}

// tap shows what can be pressed, does what is typed, and in the end presses itself
// where nobody else had the thief ended.
func (s *stage) tap(ctx context.Context, a *app, line *typed) {
	defer s.asking.Store(false)
	if !line.possible() {
		s.withoutNumbers()
	}
	asked := func() bool { _, there := s.shown(endButton); return there }
	if s.until(ctx, asked); !asked() {
		return
	}
	now := func() time.Duration { return time.Since(s.begun) }
	by, latest := now()+tapWait, now()+tapMost
	if end, ok := ctx.Deadline(); ok {
		latest = min(latest, end.Sub(s.begun)-tapEnd)
	}
	lines := line.lines
	if line.possible() {
		by = min(by, latest)
		s.say("you", fmt.Sprintf("You are Anna: type a button's number, and Enter. If you do not until %s, [%s] is pressed for you.", minutes(by), endButton))
	} else {
		by, lines = now()+tapSoon, nil
		s.say("story", "Nobody can type here, so the story goes on by itself.")
	}
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	for now() < by && s.thiefIsIn() {
		select {
		case <-ctx.Done():
			return
		case <-look.C: // he may be ended by a command, too
		case text, more := <-lines:
			if !more {
				lines, by = nil, min(by, now()+tapSoon)
				continue
			}
			answers := len(s.slack.Ephemerals())
			if !s.do(ctx, text) {
				continue
			}
			if s.answered(ctx, answers); s.thiefIsIn() {
				by = min(latest, max(by, now()+tapAgain))
				s.say("story", "That ends nobody: the thief is still in. Anna ends him at "+minutes(by)+", if nobody does before.")
			}
		}
	}
	if s.thiefIsIn() {
		s.withoutNumbers()
		s.endHim(ctx, a)
	}
}

// endHim has Anna end the thief: by the button or, where her word took that away, by
// hand.
func (s *stage) endHim(ctx context.Context, a *app) {
	if b, _ := s.shown(endButton); s.stands(b) {
		s.say("anna-phone", fmt.Sprintf("Nobody has pressed [%s], so Anna does, on her phone.", endButton))
		answers := len(s.slack.Ephemerals())
		if s.press(ctx, slackOwner, b) {
			s.answered(ctx, answers)
		}
	}
	if thief, _ := s.thief(); thief.Ended == manncotest.NotEnded {
		id := sessionwarden.SessionID(strconv.FormatInt(thief.ID, 10))
		s.say("anna-pc", fmt.Sprintf("It was not Anna after all. She types: sessionwarden disconnect %s --account %s", id, thief.Account))
		actions, err := a.monitor.Disconnect(sessionwarden.WithAsker(ctx, s.name(slackOwner)), thief.Account, []sessionwarden.SessionID{id})
		if err != nil {
			s.say("watch", sorry(err))
			return
		}
		s.say("watch", ended(actions, "Session "+string(id)))
	}
}

// answered waits until one more person was told what came of a press.
func (s *stage) answered(ctx context.Context, before int) {
	ctx, stop := context.WithTimeout(ctx, tapEnd)
	defer stop()
	s.until(ctx, func() bool { return len(s.slack.Ephemerals()) > before })
}

// thief returns the thief's session as it is in truth; false before he came.
func (s *stage) thief() (manncotest.Session, bool) {
	for _, account := range s.service.Accounts() {
		for _, one := range s.service.Sessions(account) {
			if one.Label == "thief" {
				return one, true
			}
		}
	}
	return manncotest.Session{}, false
}

func (s *stage) thiefIsIn() bool {
	thief, came := s.thief()
	return came && thief.Ended == manncotest.NotEnded
}

// tapped says how the thief was ended, from the database. It is an error if that was
// on nobody's word, or is not proven, or if the message does not say so.
func (s *stage) tapped(a *app) error {
	history, err := readDemo(a)
	if err != nil {
		return err
	}
	thief, _ := s.thief()
	i := slices.IndexFunc(history.actions, func(action sessionwarden.Action) bool {
		return string(action.Session) == strconv.FormatInt(thief.ID, 10) && action.State == sessionwarden.Verified && action.By != ""
	})
	if i < 0 {
		return errors.New("the thief was not ended by a press and proven gone: this must not happen, please report it")
	}
	by, said := history.actions[i].By, false
	for _, m := range s.slack.Messages() {
		text := strings.Join(strings.Fields(slacktest.Text(m)), " ")
		said = said || m.Thread == "" && strings.Contains(text, "Ended by "+by+", verified gone at ")
	}
	if !said {
		return fmt.Errorf("no message says that %s had the thief ended: this must not happen, please report it", by)
	}
	row := web.NewActionRow(history.actions[i])
	s.say("proof", fmt.Sprintf("Session %s from %s: ended by %s, and %s", row.SessionID, row.Address, by, row.Note))
	return nil
}
