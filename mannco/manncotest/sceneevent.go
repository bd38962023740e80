package manncotest

import (
	"math"
	"slices"
)

// event reads an [[event]]. Who and what it is about is settled later.
func (t *table) event() Event {
	e := Event{
		Kind: EventKind(t.needed("kind")), Account: t.text("account"), Who: t.text("who"),
		Say: t.line("say"), Otherwise: t.line("otherwise"), Line: t.doc.lines[t.path],
	}
	if t.has("at") {
		e.At = t.duration("at")
	} else {
		t.wrong("at", "at is missing: when it happens, such as \"90s\"")
	}
	if e.Otherwise != "" && e.Who == "" {
		t.wrong("otherwise", "it needs a who, whose session may have ended")
	}
	switch e.Kind {
	case EventSignIn:
		e.Session = t.session()
	case EventMove:
		e.Session = SessionSpec{
			Address: t.address("address", false), Location: t.text("location"), ISP: t.text("isp"),
			UserAgent: t.text("user_agent"), Age: t.duration("age"),
		}
		if e.Session == (SessionSpec{}) {
			t.wrong("", "nothing moves: say address, location, isp, user_agent or age")
		}
	case EventEgress:
		e.Session = SessionSpec{Address: t.address("address", true), Location: t.text("location"), ISP: t.text("isp")}
	case EventChange:
		var probe Facts
		e.Changes = make(map[string]any)
		t.facts("changes", func(name string, value any) error {
			e.Changes[name] = value
			return probe.set(name, value)
		})
		if len(e.Changes) == 0 {
			t.wrong("changes", "changes is missing: what changes, such as { two_factor = false }")
		}
	case EventFault:
		e.Fault = Fault{
			Kind: FaultKind(t.needed("fault")), Value: t.text("value"), Route: Route(t.text("route")), Account: e.Account,
			Nth: t.number("nth", 1, math.MaxInt32), Times: t.number("times", 1, math.MaxInt32),
		}
		e.For = t.duration("for")
		if e.Fault.Kind != "" {
			if err := checkFault(&e.Fault); err != nil {
				t.wrong("fault", "%v", err)
			}
		}
	case EventClear:
		e.Fault.Kind = FaultKind(t.text("fault"))
		if e.Fault.Kind != "" {
			if err := checkFault(&Fault{Kind: e.Fault.Kind}); err != nil {
				t.wrong("fault", "%v", err)
			}
		}
	case EventVariant:
		e.Variant, e.Value = Variant(t.needed("variant")), t.needed("value")
		if err := checkVariant(e.Variant, e.Value); err != nil && e.Variant != "" && e.Value != "" {
			t.wrong("variant", "%v", err)
		}
	case EventSay:
		t.needed("say")
	case EventSignOut, EventLook, EventEndWatcher, EventRevokeKey, EventRestoreKey:
	default:
		if e.Kind != "" {
			names := make([]string, 0, len(EventKinds()))
			for _, kind := range EventKinds() {
				names = append(names, string(kind))
			}
			t.wrong("kind", "there is no kind of event %q%s", cut(string(e.Kind), 64), suggest(string(e.Kind), names))
		}
		return e // which keys it may have is not known
	}
	t.done()
	return e
}

// cast is who there is in a scenario while it is being read.
type cast struct {
	accounts []string
	homes    map[string]string // label → account
}

func newCast(accounts []Account) *cast {
	c := &cast{homes: make(map[string]string)}
	for _, a := range accounts {
		c.accounts = append(c.accounts, a.Name)
	}
	return c
}

// account returns the account that a table is about: the one it names, else
// that of who, else the only one.
func (c *cast) account(t *table, name, who string) string {
	home, known := c.homes[who]
	switch {
	case name != "" && !slices.Contains(c.accounts, name):
		t.wrong("account", "there is no account %q%s", cut(name, 64), suggest(name, c.accounts))
	case name == "" && known:
		return home
	case name == "" && len(c.accounts) == 1:
		return c.accounts[0]
	case name == "" && len(c.accounts) > 1:
		t.wrong("account", "account is missing: there are several")
	}
	return name
}

// settle says of an event which account it is about, and checks that who does
// it has been there before.
func (c *cast) settle(e *Event, t *table) {
	switch e.Kind {
	case EventSignIn:
		e.Account = c.account(t, e.Account, e.Who)
		if e.Who == "" {
			t.wrong("who", "who is missing: a label for who signs in")
			return
		}
		if home, known := c.homes[e.Who]; known && home != e.Account {
			t.wrong("who", "%q belongs to the account %q", e.Who, home)
		}
		e.Session.Label = e.Who
		c.homes[e.Who] = e.Account
		return
	case EventSignOut, EventMove, EventLook:
		if e.Who == "" {
			t.wrong("who", "who is missing: whose session it is")
			return
		}
	}
	if _, known := c.homes[e.Who]; e.Who != "" && !known {
		labels := make([]string, 0, len(c.homes))
		for label := range c.homes {
			labels = append(labels, label)
		}
		slices.Sort(labels)
		t.wrong("who", "%q has not signed in before this%s", cut(e.Who, 64), suggest(e.Who, labels))
		return
	}
	switch e.Kind {
	case EventFault, EventClear, EventVariant, EventEgress, EventSay:
		if e.Account != "" {
			c.account(t, e.Account, "")
		}
	default:
		e.Account = c.account(t, e.Account, e.Who)
		if home, known := c.homes[e.Who]; known && home != e.Account {
			t.wrong("who", "%q belongs to the account %q", e.Who, home)
		}
	}
}
