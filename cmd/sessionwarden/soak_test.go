package main

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"sessionwarden/alert/slacktest"
	"sessionwarden/geo/geotest"
	"sessionwarden/mannco/manncotest"
)

var (
	soakFor  = flag.Duration("soak", 15*time.Second, "how long TestSoak goes on, such as 1h")
	soakHeap = flag.String("soak.heap", "", "a directory for profiles of what lives before and after TestSoak, for go tool pprof")
)

// heapsIn is the variable of the environment that names the directory into which
// the test binary, run as the program, writes a heap profile at each SIGUSR2.
const heapsIn = "SESSIONWARDEN_TEST_HEAPS"

func writeHeaps(dir string) {
	wanted := make(chan os.Signal, 1)
	signal.Notify(wanted, syscall.SIGUSR2)
	for n := 1; ; n++ {
		<-wanted
		runtime.GC()
		file, err := os.Create(filepath.Join(dir, fmt.Sprintf("heap-%d.pprof", n)))
		if err != nil {
			continue
		}
		_ = pprof.WriteHeapProfile(file)
		_ = file.Close()
	}
}

// TestSoak lets the binary run among everything that goes wrong, switched on
// and off at random: faults and variants of the service, bad days of Slack,
// intruders, owners who come and go, reloads good and bad, commands, backups,
// location files replaced. Every intruder is ended and told of, nobody else is
// ended, and the program ends as small as it began. An hour of it:
//
//	go test ./cmd/sessionwarden -run '^TestSoak$' -soak 1h -timeout 2h -v
func TestSoak(t *testing.T) {
	t.Parallel()
	s := newSoak(t)
	s.p = s.start()
	s.began = time.Now()
	before := s.calm()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for next, end := time.Now(), time.Now().Add(*soakFor); time.Now().Before(end); <-tick.C {
		s.settle(false)
		s.happen()
		if now := time.Now(); !now.Before(next) {
			s.sample()
			next = now.Add(max(*soakFor/200, 200*time.Millisecond))
		}
	}
	s.settle(true)
	s.service.ClearFaults()
	s.reconfigure("log")
	began := time.Now()
	if !s.within(s.patience(), s.allEnded) {
		t.Errorf("not ended %v after all was well again: %v", s.patience(), s.spared())
	}
	t.Logf("the last intruder was ended %v after all was well again", time.Since(began).Round(time.Millisecond))
	if !s.within(3*time.Minute, s.allTold) {
		t.Errorf("nobody was told of %v; the channel: %+v", s.untold(), s.status().Channels)
	}
	if wrong := s.wronglyEnded(); len(wrong) > 0 {
		t.Errorf("ended, but no intruders: %v", wrong)
	}
	healthy := func() bool { status, _ := s.p.get("/healthz"); return status == http.StatusOK }
	if !s.within(time.Minute, healthy) {
		_, body := s.p.get("/healthz")
		t.Errorf("not healthy: %s", body)
	}
	s.sample()
	t.Log("\n" + s.table())
	patient := 0.0
	if !s.long { // the collector has hardly begun
		patient = 60
	}
	for _, swell := range swollen(s.samples, patient) {
		t.Error(swell)
	}
	after := s.calm()
	t.Logf("at rest before: %s\nat rest after: %s", before, after)
	if s.long {
		for _, swell := range left(before, after) {
			t.Error(swell)
		}
	}
	if kept, err := filepath.Glob(filepath.Join(s.dir, "data", "backups", "*.db")); err != nil || len(kept) > 3 || s.long && len(kept) == 0 {
		t.Errorf("%d backups are kept, want three at most: %v, %v", len(kept), kept, err)
	}
	s.search.served(s.world, s.p)
	if status := s.p.stop(); status != 0 {
		t.Errorf("it stopped with status %d", status)
	}
}

// calm waits until what a storm left behind is given back, and measures what is left.
// A short soak has no time for that.
func (s *soak) calm() measure {
	if s.long {
		time.Sleep(2*idleLook + 10*time.Second)
	}
	s.sample()
	if *soakHeap != "" {
		_ = s.p.cmd.Process.Signal(syscall.SIGUSR2)
	}
	return s.samples[len(s.samples)-1]
}

// String returns the size in a line.
func (m measure) String() string {
	return fmt.Sprintf("%.1f MiB resident, %.1f anonymous, %.1f of heap, %.1f that live, %.0f goroutines, %.0f files", m.resident, m.anonymous, m.heap, m.live, m.goroutines, m.files)
}

// left says what was larger at rest after a storm than before it, by more than the
// memory of what was seen meanwhile explains. An hour with 670 intruders left 6 MiB
// that live: the rows of the five lists, who is gone, the alerts of the hour, and the
// pools' buffers. All of these have bounds of their own (-soak.heap shows them).
func left(before, after measure) []string {
	var list []string
	for what, m := range map[string]struct{ before, after, slack float64 }{
		"MiB of anonymous memory at rest": {before.anonymous, after.anonymous, 32}, // the heap is full of holes by then
		"MiB that live at rest":           {before.live, after.live, 8},
		"goroutines at rest":              {before.goroutines, after.goroutines, 10},
		"open files at rest":              {before.files, after.files, 8},
	} {
		if m.after > m.before+m.slack {
			list = append(list, fmt.Sprintf("%s: %.1f before, %.1f after", what, m.before, m.after))
		}
	}
	return list
}

// soak is a world in which much goes wrong.
type soak struct {
	*world
	p         *process
	rng       *rand.Rand
	began     time.Time
	long      bool              // there is time for what takes minutes to get over
	intruders map[string]string // address → account
	offs      []off
	loginAt   map[string]time.Time // when an account's login was last taken away
	refused   time.Time            // when Slack last refused a message for what is in it
	happened  map[string]int
	samples   []measure
}

// off is something to be switched off again.
type off struct {
	at time.Time
	do func()
}

// measure is the program's size at one time.
type measure struct {
	at                              time.Duration
	resident, anonymous, heap, live float64 // MiB; live is what the last collection left, by what it has the next one wait for
	goroutines, files, polls, fails float64
	intruders, messages             int
}

func newSoak(t *testing.T) *soak {
	w := newWorld(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	s := &soak{
		world: w, rng: rand.New(rand.NewPCG(seed, 1)), long: *soakFor > 5*time.Minute,
		intruders: make(map[string]string), loginAt: make(map[string]time.Time), happened: make(map[string]int),
	}
	w.level = "info"
	w.withButtons()
	// The list of those that have ended grows long within an hour: read at each poll it
	// would take up the service's limit.
	w.defaults = append(slices.DeleteFunc(w.defaults, func(line string) bool { return strings.HasPrefix(line, "expired_every") }),
		`expired_every = "15s"`, "max_disconnects = 10000", "max_disconnects_strangers = 10000")
	w.extra = "[backup]\nevery = \"1m\"\nkeep = 3\n"
	w.geo = []string{fmt.Sprintf("database = %q", s.places())}
	s.replacePlaces()
	if *soakHeap != "" {
		w.env = append(w.env, heapsIn+"="+*soakHeap)
	}
	for i := range 4 {
		w.alsoWatch(fmt.Sprintf("account-%d", i))
	}
	for _, account := range w.accounts {
		w.signInTo(account, homeAddr, chrome, 72*time.Hour)
		w.signInTo(account, homeAddr2, iphone, 50*time.Hour)
	}
	return s
}

func (s *soak) places() string { return filepath.Join(s.dir, "places.mmdb") }

// replacePlaces puts another location file in the place of the one there.
func (s *soak) replacePlaces() {
	content := geotest.Country(map[string]string{
		"91.10.0.0/16": "DE", "113.160.0.0/11": "VN", "177.32.0.0/11": "BR", fmt.Sprintf("198.51.100.%d/32", s.rng.IntN(256)): "JP",
	}, geotest.BuiltAt(time.Now().Add(-48*time.Hour)))
	s.putPlaces(content)
}

func (s *soak) putPlaces(content []byte) {
	s.t.Helper()
	aside := s.places() + ".new"
	err := os.WriteFile(aside, content, 0o600)
	if err == nil {
		err = os.Rename(aside, s.places())
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// chance reports true so many times a minute, asked every 100 ms.
func (s *soak) chance(what string, perMinute float64) bool {
	if s.rng.Float64() >= perMinute/600 {
		return false
	}
	s.happened[what]++
	return true
}

// later has something done after a while, or when all is to be well.
func (s *soak) later(after time.Duration, do func()) {
	s.offs = append(s.offs, off{time.Now().Add(after), do})
}

// settle does what is due, or all of it.
func (s *soak) settle(all bool) {
	var rest []off
	for _, o := range s.offs {
		if all || time.Now().After(o.at) {
			o.do()
		} else {
			rest = append(rest, o)
		}
	}
	s.offs = rest
}

// happen lets something happen, or nothing. Of ten seconds the last four are
// calm, so that what was broken can mend.
func (s *soak) happen() {
	intruders := 30.0
	if s.long {
		intruders = 12
	}
	if s.chance("an intruder", intruders) {
		s.intrude()
	}
	if s.chance("an owner", 30) {
		s.comeOrGo()
	}
	if time.Since(s.began)%(10*time.Second) < 6*time.Second {
		if s.chance("a fault", 40) {
			s.breakService()
		}
		if s.chance("a variant", 20) {
			s.vary()
		}
		if s.chance("a bad second of Slack", 12) {
			s.breakSlack()
		}
		if s.chance("Slack's socket dropped", 4) {
			s.slack.Drop()
		}
		if s.chance("our session ended", 4) {
			s.loseLogin()
		}
	}
	if s.chance("a reload", 3) {
		s.reconfigure([]string{"log", "alert", "off"}[s.rng.IntN(3)])
	}
	if s.chance("a bad reload", 2) {
		good := s.extra
		s.extra += "\n[[account]]\nname = \"without-a-key\"\n"
		s.write()
		s.extra = good
		s.hup()
		s.later(time.Second, func() { s.reconfigure("log") })
	}
	if s.chance("a command", 8) {
		s.command()
	}
	if s.chance("a backup", 2) {
		copied := filepath.Join(s.dir, "copy.backup")
		if _, errs, status := s.cli("backup", copied); status != 0 {
			s.t.Errorf("backup: status %d\n%s", status, errs)
		}
		s.search.files(s.dir)
		if err := os.Remove(copied); err != nil {
			s.t.Error(err)
		}
	}
	if s.chance("a location file", 1) {
		if !s.long || s.rng.IntN(4) > 0 {
			s.replacePlaces()
			return
		}
		s.putPlaces(bytes.Repeat([]byte("broken"), 1000))
		s.later(70*time.Second, s.replacePlaces)
	}
}

func (s *soak) account() string { return s.accounts[s.rng.IntN(len(s.accounts))] }

// intrude signs in a thief, each from an address of his own.
func (s *soak) intrude() {
	n := len(s.intruders)
	addr := fmt.Sprintf("113.%d.%d.%d", 160+n/60000%8, n/250%240, 1+n%250)
	if n%3 == 0 {
		addr = fmt.Sprintf("177.%d.%d.%d", 32+n/60000%8, n/250%240, 1+n%250)
	}
	account := s.account()
	s.intruders[addr] = account
	s.signInTo(account, addr, []string{chrome, iphone}[n%2], 0)
}

// home is where owners are, and nobody else.
var home = netip.MustParsePrefix("91.10.0.0/16")

func atHome(one manncotest.Session) bool {
	addr, err := netip.ParseAddr(one.Address)
	return err == nil && home.Contains(addr) && !one.Watcher
}

// comeOrGo signs an owner in or out; two sessions at least remain.
func (s *soak) comeOrGo() {
	account := s.account()
	live := slices.DeleteFunc(s.service.Live(account), func(one manncotest.Session) bool { return !atHome(one) })
	for len(live) > 4 || len(live) > 2 && s.rng.IntN(2) == 0 {
		i := s.rng.IntN(len(live))
		s.service.SignOut(account, live[i].ID)
		if live = slices.Delete(live, i, i+1); len(live) <= 4 {
			return
		}
	}
	s.signInTo(account, fmt.Sprintf("91.10.20.%d", 30+s.rng.IntN(100)), []string{chrome, iphone}[s.rng.IntN(2)], 0)
}

// breakService switches a fault on for a while.
func (s *soak) breakService() {
	infos := manncotest.Faults()
	f := manncotest.Fault{Kind: infos[s.rng.IntN(len(infos))].Kind}
	if s.rng.IntN(3) > 0 {
		f.Account = s.account()
	}
	pick := func(values ...string) string { return values[s.rng.IntN(len(values))] }
	field := func() string {
		fields := []string{"user", "location", "isp", "current", "userAgent", "timestamp", "expire"}
		if s.long {
			fields = append(fields, "id", "ip")
		}
		return pick(fields...)
	}
	switch f.Kind {
	case manncotest.FaultEndlessPages: // ten thousand sessions that are really there, and stay
		return
	case manncotest.FaultDisconnectNotFound: // believed for an hour
		return
	case manncotest.FaultIDReuse: // then nobody can say who was ended
		return
	case manncotest.FaultClockSkew:
		f.Value = pick("90s", "-90s", "1h")
	case manncotest.FaultRateLimited:
		f.Value = pick("1", "2", "0", "date:2s")
		if s.long {
			f.Value = pick("1", "none", "-5")
		}
	case manncotest.FaultTokenRefused, manncotest.FaultDisconnectEndsCaller:
		f.Account = s.account()
		if !s.mayLoseLogin(f.Account) {
			return
		}
		f.Times = 1
	case manncotest.FaultDisconnectLies, manncotest.FaultDisconnectTimeout:
		f.Times = 2 // after five a person is asked, and a quarter of an hour passes
	case manncotest.FaultSlowBody:
		f.Value = pick("1ms", "10ms", "1s")
	case manncotest.FaultFieldMissing, manncotest.FaultFieldRetyped:
		f.Value = field()
	case manncotest.FaultAbsurdTime:
		f.Value = pick("huge", "zero", "negative", "1970", "future", "nanoseconds", "float", "text", "null")
	}
	s.happened["fault "+string(f.Kind)]++
	s.fault(f)
	s.later(time.Duration(500+s.rng.IntN(2500))*time.Millisecond, func() { s.service.ClearFault(f.Kind) })
}

// vary switches a variant on for a while.
func (s *soak) vary() {
	infos := manncotest.Variants()
	info := infos[s.rng.IntN(len(infos))]
	value := info.Values[s.rng.IntN(len(info.Values))]
	switch info.Name {
	case manncotest.VariantDisconnect: // an endpoint that is missing is tried again after an hour
		return
	case manncotest.VariantRowFields:
		if value == "no_id" || value == "minimal" {
			return // nobody can be ended meanwhile, nor told from the others afterwards
		}
	case manncotest.VariantAddress:
		if value == "garbage" && !s.long {
			return
		}
	}
	s.happened["variant "+string(info.Name)]++
	s.variant(info.Name, value)
	s.later(time.Duration(1000+s.rng.IntN(4000))*time.Millisecond, func() { s.variant(info.Name, info.Values[0]) })
}

// breakSlack gives Slack a bad second or two. What it takes a person to mend
// (a token that is revoked, a channel that is gone) is believed for an hour.
func (s *soak) breakSlack() {
	faults := []slacktest.Fault{
		slacktest.Limited("1"), slacktest.Status(500), slacktest.Status(503), slacktest.HTML(), slacktest.Refuse("internal_error"),
		slacktest.NoTS(), slacktest.Reset(), slacktest.Flood(), slacktest.Hang(), slacktest.HangAfter(),
	}
	// Seldom, and once: what is refused in every form waits for an hour.
	if s.rng.IntN(5) == 0 && time.Since(s.refused) > time.Minute {
		s.refused = time.Now()
		s.slack.Fail(slacktest.Refuse("invalid_blocks"))
		return
	}
	s.slack.Always(faults[s.rng.IntN(len(faults))])
	s.later(time.Duration(300+s.rng.IntN(1500))*time.Millisecond, func() { s.slack.Always(slacktest.None()) })
}

// mayLoseLogin reports whether the account's login may be taken away: there
// are six logins a minute at most.
func (s *soak) mayLoseLogin(account string) bool {
	if time.Since(s.loginAt[account]) < 20*time.Second {
		return false
	}
	s.loginAt[account] = time.Now()
	return true
}

// loseLogin takes our session away, as a thief or a new address does.
func (s *soak) loseLogin() {
	if s.rng.IntN(3) > 0 {
		if account := s.account(); s.mayLoseLogin(account) {
			s.service.EndWatcher(account)
		}
		return
	}
	for _, account := range s.accounts {
		if time.Since(s.loginAt[account]) < 20*time.Second {
			return
		}
	}
	for _, account := range s.accounts {
		s.loginAt[account] = time.Now()
	}
	s.service.SetEgress(netip.AddrFrom4([4]byte{91, 10, 99, byte(1 + s.rng.IntN(9))}), "DE: Falkenstein", "Provider")
}

// reconfigure writes a good configuration and has it read.
func (s *soak) reconfigure(response string) {
	s.rules = []string{fmt.Sprintf("new_device = %q", response)}
	s.write()
	s.hup()
}

func (s *soak) hup() { _ = s.p.cmd.Process.Signal(syscall.SIGHUP) }

// command runs one of the commands that people run. check may find what is
// wrong; the others have to work whatever is.
func (s *soak) command() {
	commands := [][]string{
		{"status"}, {"status", "--json"}, {"sessions"}, {"sessions", "--json"}, {"history", "--since", "5m"}, {"findings", "--since", "5m"}, {"actions", "--json"},
		{"export", "--format", "csv", "--what", "history"}, {"geo", "lookup", farAddr}, {"version"}, {"check", "--offline"}, {"check"},
	}
	args := commands[s.rng.IntN(len(commands))]
	allowed := 0
	switch args[0] {
	case "check":
		s.settle(true)
		s.write()
		allowed = 1
	case "geo":
		s.write() // a bad one would be told, and rightly
	}
	if _, errs, status := s.cli(args...); status > allowed {
		s.t.Errorf("%v: status %d\n%s", args, status, errs)
	}
}

// within waits until something holds, and reports whether it came to.
func (s *soak) within(d time.Duration, holds func() bool) bool {
	for deadline := time.Now().Add(d); !holds(); {
		if time.Now().After(deadline) {
			return false
		}
		time.Sleep(100 * time.Millisecond)
	}
	return true
}

// patience is how long it may take to end the last intruder after all is well:
// an action that failed five times waits for a quarter of an hour.
func (s *soak) patience() time.Duration {
	if s.long {
		return 20 * time.Minute
	}
	return time.Minute
}

// spared returns the intruders that are still there.
func (s *soak) spared() []string {
	var list []string
	for _, account := range s.accounts {
		for _, one := range s.service.Live(account) {
			if s.intruders[one.Address] != "" {
				list = append(list, fmt.Sprintf("%s %d %s", account, one.ID, one.Address))
			}
		}
	}
	return list
}

func (s *soak) allEnded() bool { return len(s.spared()) == 0 }

// wronglyEnded returns the sessions that a call of ours has ended and that
// were no intruder's, nor our own.
func (s *soak) wronglyEnded() []string {
	var list []string
	for _, account := range s.accounts {
		for _, one := range s.service.Sessions(account) {
			ours := one.Ended == manncotest.EndDisconnected || one.Ended == manncotest.EndAllAtOnce || one.Ended == manncotest.EndWithOther
			if ours && s.intruders[one.Address] == "" && !(one.Watcher && one.Ended == manncotest.EndWithOther) {
				list = append(list, fmt.Sprintf("%s %d %s %s", account, one.ID, one.Address, one.Ended))
			}
		}
	}
	return list
}

// untold says who was not told of: intruders that no message has ever named
// and that cannot be in a bundle either, as there are more of them than alerts
// in bundles.
func (s *soak) untold() []string {
	var all strings.Builder
	var bundles []slacktest.Message
	for _, m := range s.slack.Messages() {
		if strings.Contains(slacktest.Text(m), " alerts at once") {
			bundles = append(bundles, m)
		}
		all.WriteString(slacktest.Text(m))
		for _, v := range m.History {
			all.WriteString(slacktest.Text(slacktest.Message{Text: v.Text, Blocks: v.Blocks}))
		}
	}
	text := all.String()
	words := make(map[string]bool)
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return r != '.' && (r < '0' || r > '9') }) {
		words[strings.Trim(word, ".")] = true
	}
	var list []string
	for addr, account := range s.intruders {
		if !words[addr] && !s.bundled(bundles, account, addr) {
			list = append(list, account+" "+addr)
		}
	}
	return list
}

// bundled reports whether one of the bundles, which name accounts and no addresses,
// speaks of an account after somebody came into it from addr.
func (s *soak) bundled(bundles []slacktest.Message, account, addr string) bool {
	came := time.Now()
	for _, one := range s.service.Sessions(account) {
		if one.Address == addr && one.Started.Before(came) {
			came = one.Started
		}
	}
	return slices.ContainsFunc(bundles, func(m slacktest.Message) bool {
		return m.Posted.After(came) && strings.Contains(slacktest.Text(m), account)
	})
}

// allTold reports whether nothing waits any more.
func (s *soak) allTold() bool {
	for _, channel := range s.status().Channels {
		if channel.Pending > 0 {
			return false
		}
	}
	return len(s.untold()) == 0
}

// sample measures the program.
func (s *soak) sample() {
	s.t.Helper()
	_, page := s.p.get("/metrics")
	metrics := make(map[string]float64)
	for line := range strings.Lines(page) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), " ")
		if n, err := strconv.ParseFloat(value, 64); ok && err == nil && name != "#" {
			name, _, _ = strings.Cut(name, "{")
			metrics[name] += n
		}
	}
	one := measure{
		at: time.Since(s.began), resident: metrics["process_resident_memory_bytes"] / (1 << 20), heap: metrics["go_memstats_heap_inuse_bytes"] / (1 << 20), live: metrics["go_memstats_next_gc_bytes"] / 2 / (1 << 20),
		goroutines: metrics["go_goroutines"], files: metrics["process_open_fds"], polls: metrics["sessionwarden_polls_total"], fails: metrics["sessionwarden_panics_total"],
		intruders: len(s.intruders), messages: len(s.slack.Messages()),
	}
	if status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.p.cmd.Process.Pid)); err == nil {
		_, rest, _ := strings.Cut(string(status), "RssAnon:")
		if fields := strings.Fields(rest); len(fields) > 0 {
			kib, _ := strconv.ParseFloat(fields[0], 64)
			one.anonymous = kib / (1 << 10)
		}
	}
	if one.goroutines == 0 || one.polls == 0 {
		s.t.Fatalf("the metrics do not say how large the program is:\n%s", page)
	}
	if one.fails > 0 {
		s.t.Errorf("%v polls or rounds of actions panicked", one.fails)
	}
	s.samples = append(s.samples, one)
}

// table shows the largest sizes in each tenth of the run, and how much memory it
// mostly was.
func (s *soak) table() string {
	var b strings.Builder
	fmt.Fprintln(&b, "until     resident  anonymous  its median  heap      goroutines  files  polls    intruders  messages")
	for i := range 10 {
		part := s.samples[i*len(s.samples)/10 : (i+1)*len(s.samples)/10]
		if len(part) == 0 {
			continue
		}
		last := part[len(part)-1]
		fmt.Fprintf(&b, "%-8s  %5.1f MiB %6.1f MiB  %6.1f MiB %5.1f MiB  %6.0f     %5.0f  %7.0f  %7d  %8d\n", last.at.Round(time.Second),
			peak(part, func(s measure) float64 { return s.resident }), peak(part, func(s measure) float64 { return s.anonymous }), middle(part, func(s measure) float64 { return s.anonymous }), peak(part, func(s measure) float64 { return s.heap }),
			peak(part, func(s measure) float64 { return s.goroutines }), peak(part, func(s measure) float64 { return s.files }), last.polls, last.intruders, last.messages)
	}
	for _, what := range slices.Sorted(maps.Keys(s.happened)) {
		fmt.Fprintf(&b, "%6d × %s\n", s.happened[what], what)
	}
	return b.String()
}

func peak(part []measure, of func(measure) float64) float64 {
	return of(slices.MaxFunc(part, func(a, b measure) int { return cmp.Compare(of(a), of(b)) }))
}

// mostMemory is how many MiB of anonymous memory the soak may take at any time:
// four answers of 8 MiB at once, which grow twofold while they are read and are
// garbage afterwards until as much again was made, beside the program itself.
const mostMemory = 4*8*3*2 + 40

// mostGoroutines and mostFiles are how many there may be at any time: five accounts
// whose service hangs, a command, a backup and Slack take a few each, and a busy
// machine lets them stand beside each other.
const (
	mostGoroutines = 250
	mostFiles      = 150
)

// swollen says what was mostly larger in the last third of a run than in the first,
// by more than chance and the garbage collector explain: by the median, as one burst
// of large answers, or a busy minute, is no leak; that of memory may have grown by
// so many MiB more. Peaks have bounds of their own.
func swollen(samples []measure, patient float64) []string {
	if len(samples) < 9 {
		return []string{fmt.Sprintf("%d samples say nothing", len(samples))}
	}
	first, last := samples[:len(samples)/3], samples[len(samples)*2/3:]
	anonymous := func(s measure) float64 { return s.anonymous }
	var list []string
	if most := peak(samples, anonymous); most > mostMemory {
		list = append(list, fmt.Sprintf("MiB of anonymous memory: %.1f at most, and %d are enough", most, mostMemory))
	}
	if most := peak(samples, func(s measure) float64 { return s.goroutines }); most > mostGoroutines {
		list = append(list, fmt.Sprintf("goroutines: %.0f at most, and %d are enough", most, mostGoroutines))
	}
	if most := peak(samples, func(s measure) float64 { return s.files }); most > mostFiles {
		list = append(list, fmt.Sprintf("open files: %.0f at most, and %d are enough", most, mostFiles))
	}
	for what, m := range map[string]struct {
		of    func(measure) float64
		slack float64
	}{
		"MiB of anonymous memory": {anonymous, 12 + patient},
		"MiB of heap":             {func(s measure) float64 { return s.heap }, 10 + patient},
		"goroutines":              {func(s measure) float64 { return s.goroutines }, 12},
		"open files":              {func(s measure) float64 { return s.files }, 10},
	} {
		before, after := middle(first, m.of), middle(last, m.of)
		if after > 1.2*before+m.slack {
			list = append(list, fmt.Sprintf("%s: %.1f in the first third, %.1f in the last", what, before, after))
		}
	}
	return list
}

func middle(part []measure, of func(measure) float64) float64 {
	var list []float64
	for _, s := range part {
		list = append(list, of(s))
	}
	slices.Sort(list)
	return list[len(list)/2]
}

// A reload makes new connections to the services; those before are closed.
func TestReloadsLeaveNoConnectionsBehind(t *testing.T) {
	t.Parallel()
	s := newSoak(t)
	s.p = s.start()
	for i := range 6 {
		s.reconfigure([]string{"log", "alert"}[i%2])
		s.eventually("it is read again", func() bool { return strings.Count(s.p.stderr.String(), "the configuration was read again") == i+1 })
		s.polls(1)
		s.sample()
	}
	first := s.samples[0]
	s.eventually(fmt.Sprintf("no more than the %v goroutines and %v open files of the first reload", first.goroutines, first.files), func() bool {
		s.sample() // what is under way at this very moment counts too
		last := s.samples[len(s.samples)-1]
		t.Logf("%v goroutines, %v open files", last.goroutines, last.files)
		return last.goroutines <= first.goroutines+10 && last.files <= first.files+5
	})
}

func TestTheSoakSeesALeak(t *testing.T) {
	t.Parallel()
	grow := func(each func(i float64) measure) []measure {
		var list []measure
		for i := range 100 {
			list = append(list, each(float64(i)))
		}
		return list
	}
	for what, leak := range map[string]func(i float64) measure{
		"MiB of anonymous memory": func(i float64) measure { return measure{anonymous: 20 + i/2} },
		"MiB of heap":             func(i float64) measure { return measure{heap: 10 + i/2} },
		"goroutines":              func(i float64) measure { return measure{goroutines: 40 + i} },
		"open files":              func(i float64) measure { return measure{files: 20 + i} },
	} {
		if got := swollen(grow(leak), 0); len(got) != 1 || !strings.HasPrefix(got[0], what) {
			t.Errorf("%s: %q", what, got)
		}
	}
	if got := swollen(grow(func(i float64) measure {
		return measure{anonymous: 20 + float64(int(i)%9), heap: 10, goroutines: 40 + float64(int(i)%20), files: 30}
	}), 0); len(got) != 0 {
		t.Errorf("no leak, but %q", got)
	}
	burst := func(i float64) measure {
		m := measure{anonymous: 20, heap: 10}
		if int(i)%10 == 7 {
			m.anonymous = i * 1.5 // the last are the largest
		}
		return m
	}
	if got := swollen(grow(burst), 0); len(got) != 0 {
		t.Errorf("bursts are no leak, but %q", got)
	}
	if got := swollen(grow(func(i float64) measure { return measure{anonymous: 20 + 250*float64(int(i)%9/8)} }), 0); len(got) != 1 {
		t.Errorf("memory without a bound: %q", got)
	}
	if got := swollen(grow(func(i float64) measure {
		return measure{goroutines: 40 + 300*float64(int(i)%9/8), files: 20 + 200*float64(int(i)%9/8)}
	}), 0); len(got) != 2 {
		t.Errorf("goroutines and files without a bound: %q", got)
	}
	if got := left(measure{anonymous: 10, live: 5, goroutines: 30, files: 20}, measure{anonymous: 43, live: 14, goroutines: 45, files: 30}); len(got) != 4 {
		t.Errorf("what is left at rest: %q", got)
	}
	if len(swollen(nil, 0)) == 0 {
		t.Error("no samples pass for a proof")
	}
}
