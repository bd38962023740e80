package alert

import (
	"io"

	"sessionwarden"
)

// Button is what a message offers to do by a press.
type Button struct {
	Label   string              // at most maxLabel characters; nothing in it can format or mention
	Offer   sessionwarden.Offer // its ID is empty until the message is sent
	Danger  bool                // it ends something
	Confirm string              // what is asked first; "" for nothing
}

// maxLabel is how long a button's label may be, in characters: Slack takes 75.
const maxLabel = 60

// sessionButtons are what an alert offers to do about one session.
func sessionButtons(a sessionwarden.Alert, item sessionwarden.AlertItem) []Button {
	sight := item.Sighting
	if !item.AboutSession() || onAccount(a.Account) == "" || sight.Ownership.Untouchable() || !a.Resolved.IsZero() {
		return nil
	}
	offer := func(verb sessionwarden.OfferVerb) sessionwarden.Offer {
		return sessionwarden.Offer{Alert: a.ID, Incident: a.Incident, Account: a.Account, Verb: verb, Seq: sight.Seq, Session: sight.ID, Addr: sight.AddrText(), Device: sight.Device}
	}
	var buttons []Button
	if lives(item) {
		if plainID(sight.ID) {
			buttons = append(buttons, Button{Label: "End this session", Offer: offer(sessionwarden.OfferEnd), Danger: true})
		}
		buttons = append(buttons, Button{Label: "It was me", Offer: offer(sessionwarden.OfferMine)})
	}
	if _, what := TrustFor(sight); what != "" {
		buttons = append(buttons, Button{
			Label: cut("Mine: trust "+what+" for 7 days", maxLabel), Offer: offer(sessionwarden.OfferMineNetwork),
			Confirm: "Sessions from " + what + " will count as yours for 7 days. A thief from there would, too.",
		})
	}
	return buttons
}

// lives reports whether a person can still decide about the item's session.
func lives(item sessionwarden.AlertItem) bool {
	if item.Sighting.State != sessionwarden.Live || item.Sighting.Denied {
		return false
	}
	if item.Action == nil {
		return true
	}
	switch item.Action.State {
	case sessionwarden.Held, sessionwarden.Failed, sessionwarden.Refused, sessionwarden.DryRun:
		return true
	}
	return false
}

// TrustFor returns what a button trusts for a while where a session came from, and
// its name for people: the network of a provider, or the address alone where many
// others are behind that network; "" where nothing can be trusted.
func TrustFor(s sessionwarden.Sighting) (t sessionwarden.Trust, what string) {
	l := s.Location
	narrow, ok := sessionwarden.NarrowNetwork(s.Addr)
	switch {
	case !ok || l.Tor || l.Network == sessionwarden.Private:
		return t, ""
	case l.ASN != 0 && !l.VPN && l.Network != sessionwarden.Hosting && l.Network != sessionwarden.Satellite:
		t.ASN = l.ASN
		if name := outside(l.Organization, 30); name != "" {
			return t, name + " (" + t.What() + ")"
		}
		return t, t.What()
	}
	t.Network = narrow
	if narrow.IsSingleIP() {
		return t, narrow.Addr().String()
	}
	return t, narrow.String()
}

// accountButtons are what an alert offers to do about its account.
func accountButtons(a sessionwarden.Alert) []Button {
	if onAccount(a.Account) == "" || !a.Resolved.IsZero() {
		return nil
	}
	offer := func(verb sessionwarden.OfferVerb) sessionwarden.Offer {
		return sessionwarden.Offer{Alert: a.ID, Incident: a.Incident, Account: a.Account, Verb: verb}
	}
	var buttons []Button
	if a.Unanswered() && a.Incident != 0 {
		buttons = append(buttons, Button{Label: "Acknowledge", Offer: offer(sessionwarden.OfferAcknowledge)})
	}
	if a.Severity >= sessionwarden.Critical && len(a.Items) > 0 {
		buttons = append(buttons, Button{
			Label: "End all sessions", Offer: offer(sessionwarden.OfferEndAll), Danger: true,
			Confirm: "Every session of " + accountName(a.Account) + " but the watch's own is ended, yours too. You will have to sign in again.",
		})
	}
	return buttons
}

// eachButton calls f with every button of m.
func (m *Message) eachButton(f func(*Button)) {
	for i := range m.Sections {
		for j := range m.Sections[i].Buttons {
			f(&m.Sections[i].Buttons[j])
		}
	}
	for i := range m.Buttons {
		f(&m.Buttons[i])
	}
}

// withoutButtons returns m without anything to press.
func (m Message) withoutButtons() Message {
	sections := make([]Section, len(m.Sections))
	for i, s := range m.Sections {
		s.Buttons = nil
		sections[i] = s
	}
	m.Sections, m.Buttons = sections, nil
	return m
}

// offerKey names a button among those of its alert: the same one keeps its id
// while the message changes.
type offerKey struct {
	verb         sessionwarden.OfferVerb
	seq          uint64
	addr, device string
}

// giveIDs gives the buttons of a message their ids and returns those that the disk
// does not know yet. The caller holds t.mu.
func (t *Teller) giveIDs(m *Message) (fresh []sessionwarden.Offer) {
	known := t.offered[m.Alert]
	if known == nil {
		known = make(map[offerKey]sessionwarden.OfferID)
	}
	m.eachButton(func(b *Button) {
		key := offerKey{b.Offer.Verb, b.Offer.Seq, b.Offer.Addr, b.Offer.Device}
		b.Offer.ID = known[key]
		if b.Offer.ID != "" {
			return
		}
		random := make([]byte, 16)
		if _, err := io.ReadFull(t.random, random); err != nil {
			return // a button without an id is not shown
		}
		b.Offer.ID, b.Offer.Created = sessionwarden.NewOfferID(m.Alert, random), t.now().UTC()
		fresh = append(fresh, b.Offer)
	})
	return fresh
}

// gaveIDs notes that the disk knows these buttons. The caller holds t.mu.
func (t *Teller) gaveIDs(offers []sessionwarden.Offer) {
	for _, o := range offers {
		if t.known[o.Alert] == nil {
			continue
		}
		if t.offered[o.Alert] == nil {
			t.offered[o.Alert] = make(map[offerKey]sessionwarden.OfferID)
		}
		t.offered[o.Alert][offerKey{o.Verb, o.Seq, o.Addr, o.Device}] = o.ID
	}
}
