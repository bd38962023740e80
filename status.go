package sessionwarden

import "time"

// Status is the whole watch at one glance. Its JSON form is that of the
// `status --json` command and of the control API.
type Status struct {
	Version  string    `json:"version"`
	Instance string    `json:"instance"`
	Running  bool      `json:"running"` // a daemon answered; false: read from the database
	Started  time.Time `json:"started,omitzero"`
	Time     time.Time `json:"time"`

	Accounts []AccountStatus `json:"accounts"`
	Channels []ChannelStatus `json:"channels"`
	Silences []SilenceStatus `json:"silences,omitempty"` // that hold, the next to end first
	Location LocationStatus  `json:"location_data"`
	Backup   BackupStatus    `json:"backup"`
	Warnings []string        `json:"warnings,omitempty"` // what needs a person, each one line

	Heartbeat *HeartbeatStatus `json:"heartbeat,omitempty"` // nil: no address is configured, or no daemon runs
	Canary    *CanaryStatus    `json:"canary,omitempty"`    // nil: it is off, or no daemon runs

	NextDigest time.Time `json:"next_digest,omitzero"` // zero: none is made, or no daemon runs

	Observing *Observing `json:"observing,omitempty"` // nothing that a rule wants is ended until a person resumes; nil: not so

	Crashes   int       `json:"crashes"`             // how often the daemon was started that had not been stopped cleanly
	LastCrash time.Time `json:"last_crash,omitzero"` // the last such start
}

// AccountStatus is one account at one glance.
type AccountStatus struct {
	Account    string    `json:"account"`
	LastPoll   time.Time `json:"last_good_poll,omitzero"`
	NextPoll   time.Time `json:"next_poll,omitzero"`
	Live       int       `json:"live_sessions"`
	Suspicious int       `json:"suspicious_sessions"`
	Clock      string    `json:"clock,omitempty"`                 // why the clock cannot be relied on: disconnections are held
	Relocated  int       `json:"reclassified_sessions,omitempty"` // live ones that new location data put into another country
	Open       int       `json:"open_actions"`
	Held       int       `json:"held_actions"`
	BlindSince time.Time `json:"blind_since,omitzero"`
	Blind      bool      `json:"blind"` // people were told
	Error      string    `json:"error,omitempty"`
	Cure       string    `json:"cure,omitempty"`       // what to do about Error
	Incomplete string    `json:"incomplete,omitempty"` // why the last list could not be read whole
	DryRun     bool      `json:"dry_run"`

	Trusts     []TrustStatus  `json:"trusts,omitempty"`               // that hold, the next to end first
	Incident   string         `json:"open_incident,omitempty"`        // the id of the open incident
	Headline   string         `json:"open_incident_title,omitempty"`  // what the open incident is; may contain hostile text
	Changes    []ChangeStatus `json:"account_changes,omitempty"`      // of the account itself within a day, the last of each kind, the oldest first
	Unanswered bool           `json:"incident_unanswered,omitempty"`  // it is critical, and nobody has answered since the last of that
	Answered   time.Time      `json:"incident_answered,omitzero"`     // when a person last answered something of it, or said that he has seen it
	AnsweredBy string         `json:"incident_answered_by,omitempty"` // who that was; "" not known
	Heightened time.Time      `json:"heightened_until,omitzero"`      // until when it is looked at every few seconds, as something suspicious was found
	TwoFactor  string         `json:"two_factor,omitempty"`           // on or off, as the service said last; absent: not known

	Baseline time.Time `json:"first_poll,omitzero"`    // when the first poll was recorded
	Learned  time.Time `json:"profile_since,omitzero"` // when a person had the owner's profile begun anew

	// Notices are what people were told within a day of the watch itself, and
	// not of sessions: the newest last.
	Notices []Notice `json:"notices,omitempty"`
}

// TrustStatus is a trust with an end that holds.
type TrustStatus struct {
	ID    string    `json:"id"`
	What  string    `json:"what"` // "JP", "AS2516" or "203.0.113.0/24"
	Until time.Time `json:"until"`
	Note  string    `json:"note,omitempty"`
}

// SilenceStatus is a silence that holds.
type SilenceStatus struct {
	ID     string    `json:"id"`
	What   string    `json:"what"` // what it covers, in words
	Until  time.Time `json:"until"`
	Reason string    `json:"reason"`
	By     string    `json:"by,omitempty"` // who added it
	Muted  int       `json:"muted"`        // how many alerts it left out
	Last   time.Time `json:"last_muted,omitzero"`
}

// ChangeStatus is a change of the account itself.
type ChangeStatus struct {
	Rule Rule      `json:"rule"` // that speaks of it
	Time time.Time `json:"time"` // when it was seen
	Back bool      `json:"back"` // it is as it was before by now; false: it is still changed, or nobody can say
}

// Notice is something that people were told.
type Notice struct {
	Time  time.Time `json:"time"`
	Title string    `json:"title"`
}

// ChannelStatus is one alert channel at one glance.
type ChannelStatus struct {
	Channel  string    `json:"channel"`
	Pending  int       `json:"pending"`
	LastSent time.Time `json:"last_sent,omitzero"`
	Broken   bool      `json:"broken"` // refused for good: a person has to mend it
	Error    string    `json:"error,omitempty"`
	Buttons  string    `json:"buttons,omitempty"` // "connected", or why nobody hears what is pressed; absent: there are none
}

// BackupStatus is how the history is copied, at one glance.
type BackupStatus struct {
	Dir   string    `json:"dir"`
	Every string    `json:"every"`              // a duration, or "off"
	Last  time.Time `json:"last_good,omitzero"` // when the newest copy was made, which was checked
	Error string    `json:"error,omitempty"`    // why the last attempt failed
}

// HeartbeatStatus is the heartbeat at one glance: what somebody else is told who
// notices when the watch has stopped.
type HeartbeatStatus struct {
	LastOK time.Time `json:"last_ok,omitzero"` // when it arrived last that all is well
	Error  string    `json:"error,omitempty"`  // why the last attempt failed, without the address
	Cure   string    `json:"cure,omitempty"`   // what to do about Error
	Wrong  []string  `json:"wrong,omitempty"`  // what is told to be wrong with the watch
}

// CanaryStatus is the canary at one glance: a made-up session that goes through
// the whole watch, to see whether a thief would be noticed.
type CanaryStatus struct {
	Every  string    `json:"every"`
	Passed time.Time `json:"last_passed,omitzero"` // when all of it worked last
	Error  string    `json:"error,omitempty"`      // what did not work the last time
	Cure   string    `json:"cure,omitempty"`       // what to do about Error
	Notes  []string  `json:"notes,omitempty"`      // what could not be tried, or did not work, and does not count as failed
}

// LocationStatus is the location data at one glance.
type LocationStatus struct {
	Country      string    `json:"country_source"`
	CountryBuilt time.Time `json:"country_built"`
	ASN          string    `json:"asn_source"`
	ASNBuilt     time.Time `json:"asn_built"`
	Warnings     []string  `json:"warnings,omitempty"` // old data, or a file that could not be loaded
	Failed       string    `json:"failed,omitempty"`   // a configured file could not be loaded: the interlock is on

	Lists []ListStatus `json:"lists,omitempty"` // what is named of Tor exits and VPN networks
}

// ListStatus is one list of Tor exits or VPN networks at one glance, or the
// database that knows both.
type ListStatus struct {
	Key     string    `json:"key"`    // the setting that names it, such as "geo.tor_exits"
	Source  string    `json:"source"` // the file or the address, without what may be a secret in it
	Used    bool      `json:"used"`
	Entries int       `json:"entries,omitempty"` // of a list
	Date    time.Time `json:"date,omitzero"`     // when it was right last
	Problem string    `json:"problem,omitempty"` // why it is not used, or not brought up to date, and what to do
}
