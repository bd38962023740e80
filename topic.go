package sessionwarden

import "fmt"

// Topic is what an alert is about as far as channels choose by it: the words of
// `kinds` in the configuration. The zero value is none.
type Topic string

// The topics.
const (
	TopicIntrusion     Topic = "intrusion"      // sessions: found, held, ended, our own
	TopicAccountChange Topic = "account_change" // the account itself: two-factor, trade URL, mails, balance
	TopicBlind         Topic = "blind"          // the watch cannot do its work, or can again
	TopicStale         Topic = "stale"          // location data or a list is old or missing
	TopicDigest        Topic = "digest"         // what happened in a day or a week
	TopicEscalation    Topic = "escalation"     // a critical incident that nobody has answered elsewhere
)

// Topics returns every topic.
func Topics() []Topic {
	return []Topic{TopicIntrusion, TopicAccountChange, TopicBlind, TopicStale, TopicDigest, TopicEscalation}
}

// UnmarshalText implements encoding.TextUnmarshaler: one of the words above.
func (t *Topic) UnmarshalText(text []byte) error {
	for _, known := range Topics() {
		if string(known) == string(text) {
			*t = known
			return nil
		}
	}
	return fmt.Errorf("%q is no kind of alert", Clean(string(text), 64))
}

// Topics returns what the alert is about: an incident may be about sessions and
// the account at once. A test alert is about nothing that a channel could leave
// out.
func (a Alert) Topics() []Topic {
	switch a.Kind {
	case TestAlert:
		return nil
	case StaleData:
		return []Topic{TopicStale}
	case DigestAlert:
		return []Topic{TopicDigest}
	case Intrusion, Rail, OwnSession:
		about := make([]Topic, 0, 2)
		session, account := false, false
		for _, item := range a.Items {
			of := !item.AboutSession() && item.Action == nil
			session, account = session || !of, account || of
		}
		if session || !account {
			about = append(about, TopicIntrusion)
		}
		if account {
			about = append(about, TopicAccountChange)
		}
		return about
	}
	return []Topic{TopicBlind}
}
