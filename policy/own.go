package policy

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"sessionwarden"
	"sessionwarden/policy/ownrule"
)

// ownRules asks the rules that the owner wrote. They look at the session as it
// was when these facts were first seen: asked again later, they say the same. One
// that cannot be worked out, or has nothing to compare with, finds nothing.
func (j *judgement) ownRules() {
	if len(j.c.Account.Own) == 0 {
		return
	}
	var env *ownrule.Env // made for the first rule that is asked
	for i := range j.c.Account.Own {
		own := &j.c.Account.Own[i]
		if !j.asks(own.Name) {
			continue
		}
		rule, err := ownrule.Of(own.When)
		if err != nil {
			j.abstains(own, err)
			continue
		}
		if env == nil {
			env = envs.Get().(*ownrule.Env)
			defer envs.Put(env)
			j.describe(env)
		}
		if why := j.mayAsk(rule, env); why != "" {
			j.silent(own.Name, why)
			continue
		}
		matched, err := rule.Matches(env)
		switch {
		case err != nil:
			j.abstains(own, err)
		case matched:
			v := j.ownVerdict(own, rule.Values(env))
			if rule.Uses("history.known_country") || rule.Uses("history.known_network") || rule.Uses("history.known_device") {
				v.learned = true
			}
			j.record(v)
		case j.explains():
			j.silent(own.Name, "its expression is not true: "+told(rule.Values(env)))
		}
	}
}

// envs are what own rules look at, to be used again.
var envs = sync.Pool{New: func() any { return ownrule.NewEnv() }}

func (j *judgement) abstains(own *sessionwarden.OwnRule, err error) {
	j.silent(own.Name, "it could not be worked out: "+err.Error())
	if j.c.Abstained != nil {
		j.c.Abstained(*own, err.Error())
	}
}

// mayAsk says why there is not what rule wants to know, "" where there is, and
// fills in what costs something to find out. Our own session is nobody's business
// but of a rule that names it.
func (j *judgement) mayAsk(rule *ownrule.Rule, env *ownrule.Env) string {
	c, s := &j.c, &j.c.Sighting
	if s.Ownership == sessionwarden.Own && !rule.Uses("session.own") {
		return "it is the watch's own session, and the rule does not name session.own"
	}
	if env.Session.Address == "" && rule.Uses("session.address") {
		env.Session.Address = s.AddrText()
	}
	if c.Before != nil && rule.Uses("session.moved") {
		m := movement(c)
		env.Session.Moved = m.toNewCountry || m.network || m.device
	}
	if rule.Uses("history.live") {
		env.History.Live = lives(c)
	}
	if j.speaker.country && rule.Uses("account.expected") && !slices.Contains(env.Account.Expected, string(s.Location.Country)) && j.vouchedPlace() {
		env.Account.Expected = append(env.Account.Expected, string(s.Location.Country)) // while the trust holds
	}
	country, network, device := rule.Uses("history.known_country"), rule.Uses("history.known_network"), rule.Uses("history.known_device")
	if !country && !network && !device {
		return ""
	}
	if c.First || s.Baseline && c.Before == nil || c.Relocated && (country || network) {
		return "it was there from the start, or only our location data changed: nobody can say what is new about it"
	}
	g := stand(&c.Account, c.Live, s)
	if country && !g.countries && len(c.Profile.Countries) == 0 ||
		network && !g.networks && len(c.Profile.Networks) == 0 ||
		device && !g.devices && len(c.Profile.Devices) == 0 {
		return "nothing is known yet that it could be compared with"
	}
	where := placed(s.Location)
	p := &c.Profile
	env.History.KnownCountry = where != "" && (known(p.Countries, where, p) || g.country) || country && j.vouchedPlace()
	env.History.KnownNetwork = s.Location.ASN != 0 && (known(p.Networks, s.Location.ASN, p) || g.network) || network && j.vouchedNetwork()
	env.History.KnownDevice = s.Device != "" && (known(p.Devices, s.Device, p) || g.device)
	return ""
}

// lives counts the live sessions of the account, but for the watch's own.
func lives(c *Case) int {
	n := 0
	for i := range c.Live {
		if s := &c.Live[i]; s.State == sessionwarden.Live && s.Account == c.Account.Name && s.Ownership != sessionwarden.Own {
			n++
		}
	}
	return n
}

// describe fills in what own rules look at, but for what mayAsk does.
func (j *judgement) describe(env *ownrule.Env) {
	c, s := &j.c, &j.c.Sighting
	seen := s.FirstSeen
	if seen.IsZero() {
		seen = c.Now
	}
	env.Addr = s.Addr
	env.Session = ownrule.Session{
		ID: string(s.ID), UserAgent: s.UserAgent, Device: s.Device, ISP: s.ISP,
		ServiceCountry: string(s.ServiceCountry), ServiceLocation: s.ServiceLocation,
		Age: int(max(0, s.Age(seen)) / time.Minute), Late: c.Late, Own: s.Ownership == sessionwarden.Own,
	}
	l := &s.Location
	env.Location = ownrule.Location{
		Country: string(l.Country), City: l.City, ASN: int(l.ASN), Organization: l.Organization,
		Hosting: l.Network == sessionwarden.Hosting, Satellite: l.Network == sessionwarden.Satellite, Private: l.Network == sessionwarden.Private,
		Tor: l.Tor, VPN: l.VPN,
	}
	expected := env.Account.Expected[:0]
	for _, country := range c.Account.Expected {
		expected = append(expected, string(country))
	}
	env.Account = ownrule.Account{Name: c.Account.Name, Expected: expected, Trusted: j.isTrusted}
	env.History = ownrule.History{FirstPoll: c.First}
	if c.Account.Hours.Zone != nil {
		env.SetTime(seen.In(c.Account.Hours.Zone))
	} else {
		env.SetTime(seen.UTC())
	}
}

func (j *judgement) ownVerdict(own *sessionwarden.OwnRule, values []ownrule.Value) verdict {
	facts := []sessionwarden.Fact{{Name: FactWhen, Value: sessionwarden.Shorten(own.When, maxFact)}}
	if len(values) > 0 {
		facts = append(facts, sessionwarden.Fact{Name: FactValues, Value: sessionwarden.Shorten(listed(values), maxFact)})
	}
	return j.says(own.Name, ownReason(own, values), ruleLine(j.c.Account, own.Name, sessionwarden.Off), facts...)
}

// ownReason says why an own rule matched, in its owner's words and by the values
// that it looked at.
func ownReason(own *sessionwarden.OwnRule, values []ownrule.Value) string {
	text := "Own rule " + string(own.Name)
	saw := told(values)
	switch why := strings.TrimRight(sessionwarden.Shorten(own.Why, maxFact), ". "); {
	case why != "" && saw != "":
		return text + ": " + why + " (" + saw + ")."
	case why != "":
		return text + ": " + why + "."
	case saw != "":
		return text + " matched: " + saw + "."
	}
	return text + " matched."
}

// told is what people read of values, the first few of them: "known device is
// false". The names without their rooms differ all the same.
func told(values []ownrule.Value) string {
	const most = 5
	var words []string
	for _, v := range values[:min(len(values), most)] {
		_, name, _ := strings.Cut(v.Name, ".")
		words = append(words, strings.ReplaceAll(name, "_", " ")+" is "+v.Text)
	}
	text := strings.Join(words, ", ")
	if more := len(values) - most; more > 0 {
		text += " and " + strconv.Itoa(more) + " more"
	}
	return text
}

// listed is the same for a fact: every value under its name.
func listed(values []ownrule.Value) string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = v.Name + "=" + v.Text
	}
	return strings.Join(words, " ")
}
