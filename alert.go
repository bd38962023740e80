package sessionwarden

import "time"

// Alert is a message to people about one matter: the findings of one poll of
// one account and what became of them, or the state of the watch itself. It
// holds facts; package alert makes the words, from the state that the facts
// are in when they are sent. A matter that goes on is the same Alert with a
// higher Revision.
type Alert struct {
	ID       uint64
	Key      string // one open matter has one key; "" for none
	Account  string // "" for matters of the whole program
	Kind     AlertKind
	Severity Severity
	Created  time.Time
	Updated  time.Time
	Revision int // 0 first; a channel that can update shows the newest

	// Waiting says that an action of the matter has not been answered or not
	// been proven yet. A channel that cannot update what it sent waits for
	// it, one second at most after Created.
	Waiting bool
	// Correction is the revision at which what was said before proved untrue,
	// or a person became needed: channels that cannot update send again if
	// what they sent is older. 0: never.
	Correction int

	Items []AlertItem // at most MaxAlertItems, the most severe first
	More  int         // how many were left out

	Incident uint64    // the incident that it tells of; 0: none
	Events   int       // how many events its timeline has had
	Resolved time.Time // when that was over; zero: it goes on

	// Raised is when the newest critical thing came into it: since then it waits
	// for an answer. Zero: nothing critical. Answered is when a person answered
	// something of it, or said that he has seen it, and By who that was; what is
	// raised after that waits anew.
	Raised   time.Time
	Answered time.Time
	By       string

	Since  time.Time // of blindness and its end: the first poll that failed
	Digest *Digest   // of a digest; else nil

	Title string   // for kinds without items: what happened, one line
	Lines []string // what the program did and what to do next
}

// MaxAlertItems is how many sessions one alert names one by one. A Slack
// message holds 50 blocks; 12 sessions fill a screen.
const MaxAlertItems = 12

// AlertItem is one session in an alert.
type AlertItem struct {
	Sighting Sighting
	Findings []Finding
	Action   *Action // nil where nothing is to be done
}

// AboutSession reports whether the item has a session, and is not about the
// account as a whole.
func (i AlertItem) AboutSession() bool {
	s := i.Sighting
	return s.Seq != 0 || s.ID != "" || s.Addr.IsValid() || s.RawAddr != ""
}

// Unanswered reports whether the alert still waits for somebody to answer: it is
// critical, goes on, and nobody has answered since it was raised.
func (a Alert) Unanswered() bool {
	return !a.Raised.IsZero() && a.Resolved.IsZero() && !a.Answered.After(a.Raised)
}

// AlertKind says what an alert is about.
type AlertKind string

// The kinds of alert.
const (
	Intrusion    AlertKind = "intrusion"   // findings on sessions
	Rail         AlertKind = "rail"        // something held or refused an action
	Blind        AlertKind = "blind"       // an account cannot be polled
	Recovered    AlertKind = "recovered"   // it can again
	OwnSession   AlertKind = "own_session" // something about the daemon's own session
	ServiceOdd   AlertKind = "service"     // the service answers in an unknown way, or lacks an endpoint
	StaleData    AlertKind = "stale"       // location data failed to load or is old
	Unsaved      AlertKind = "unsaved"     // the history cannot be saved
	ConfigBad    AlertKind = "config"      // a reload failed
	RuleFailed   AlertKind = "rule"        // an own rule could not be worked out
	TestAlert    AlertKind = "test"        // asked for by a person
	ProgramError AlertKind = "program"     // a poll panicked
	Restored     AlertKind = "restored"    // a backup took the history's place: nothing is disconnected until a person confirms it
	Begun        AlertKind = "begun"       // an empty history was begun where there was one before
	NotStarted   AlertKind = "start"       // the program could not start
	CanaryFailed AlertKind = "canary"      // a made-up thief went through the watch and was not noticed
	NoBackup     AlertKind = "backup"      // the history could not be copied for long
	DigestAlert  AlertKind = "digest"      // what happened in a day or a week
)

// Delivery is what became of one alert on one channel.
type Delivery struct {
	Alert    uint64
	Channel  string
	Sent     int       // 1 + the revision that was delivered; 0 none yet
	Ref      string    // what the channel needs to update the message; "" it cannot
	Attempts int       // failed attempts since the last success
	NotTill  time.Time // not tried again before this
	Error    string    // why the last attempt failed, without secrets
	Plain    bool      // the channel refused the rich form: plain text from now on

	Escalated time.Time // when it was sent last because nobody had answered; zero: never
	Threaded  int       // how many events of the incident's timeline stand in the message's thread
	Broadcast int       // 1 + the revision that the channel was made to look at; 0 none yet
	Time      time.Time // of the last attempt
	First     time.Time // when a message of it arrived first
	Again     bool      // a person asked for it once more: it is sent anew, and marked as a repeat
}

// Telling is an alert with what became of it on the channels that had to do
// with it so far.
type Telling struct {
	Alert      Alert
	Deliveries []Delivery // by the names of their channels
}
