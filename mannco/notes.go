package mannco

import (
	"math/bits"
	"sync"
)

// oddity is one way in which the service answers differently from what is
// usual. A set of them is the bitwise or.
type oddity uint32

// The oddities.
const (
	oddNoID oddity = 1 << iota
	oddNoAgent
	oddNoExpire
	oddRetypedID
	oddRetypedAddr
	oddRetypedText
	oddRetypedCurrent
	oddRetypedTime
	oddUnit
	oddTwice
	oddNoRow
	oddValuesObject
	oddValuesNull
	oddNoCount
	oddPageSize
	oddOtherUser
	oddUserForm
	oddSameID
	oddNoOwn
	oddTwoOwn
	oddWrongOwn
	oddNoInfos
	oddNoBalance
	oddNoMail
	oddNoNotifications
)

var oddSentences = [...]string{
	"the service's rows have no session id: such sessions can be seen and told of, but not ended one by one",
	"the service's rows have no user agent: devices cannot be told apart",
	"the service's rows do not say when a session expires",
	"the field id of a session is no longer a whole number",
	"the field ip of a session is no longer an address",
	"a text field of a session is no longer a text",
	"the field current of a session is no longer a truth value",
	"a time field of a session is no longer a plausible time",
	"the service gives times in another unit than seconds",
	"the service's rows name the same field twice",
	"the service's list holds entries that are no sessions",
	"the service sends its session list as an object instead of an array",
	"the service sends no session list where it used to send an empty one",
	"the service does not say how many sessions there are",
	"the service does not honour the page size that was asked for",
	"the service lists sessions of another user: they are never touched",
	"the field user of a session is not the Steam id of the login: it is not used",
	"the service lists the same session id twice with different addresses",
	"no session in the list can be recognized as the program's own",
	"the service marks more than one session as the current one",
	"the service marks a session as the current one that is not the program's: it is never touched",
	"the service does not tell the account's facts any more: changes of two-factor authentication, trade URL and payout mail cannot be seen",
	"the service does not tell the balance any more: its drop cannot be seen",
	"the service does not tell the contact mail: changes of it cannot be seen",
	"the service does not tell the notifications any more: payments under review cannot be seen",
}

// notes tells each oddity once in the life of a client.
type notes struct {
	mu      sync.Mutex
	told    oddity
	pending oddity
}

// add remembers what is to be told, and what is new in it.
func (n *notes) add(o oddity) {
	if o == 0 {
		return
	}
	n.mu.Lock()
	n.pending |= o &^ n.told
	n.mu.Unlock()
}

// take returns what was not told yet.
func (n *notes) take() []string {
	n.mu.Lock()
	pending := n.pending
	n.told |= pending
	n.pending = 0
	n.mu.Unlock()
	return sentences(pending)
}

func sentences(o oddity) []string {
	var texts []string
	for o != 0 {
		texts = append(texts, oddSentences[bits.TrailingZeros32(uint32(o))])
		o &= o - 1
	}
	return texts
}
