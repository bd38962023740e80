// Package storagetest makes histories of any size, for benchmarks and for
// tools/perf: as they look after years with hundreds of accounts.
package storagetest

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"sessionwarden"
	"sessionwarden/storage"
)

// History says what to make. Only Sessions is needed.
type History struct {
	Sessions int      // that came and went
	Accounts []string // whose they are, in turn; nil: "main"

	// From and To are when the first and the last arrived; the zero values are
	// 400 days before To, and now.
	From, To time.Time
	Lasting  time.Duration // of each session; 0: ten days

	Elsewhere int // every so manieth session comes from far away; 0: none
}

// batch is how many sessions one transaction brings: large ones make the cost of
// the disk's flushes vanish, and keep the memory small.
const batch = 20_000

// Fill brings the history into db, row after row as the watch would have: each
// session with its place, and every tenth with a finding. The accounts it names
// have a baseline and no live sessions.
func Fill(ctx context.Context, db *storage.DB, h History) error {
	h = h.complete()
	step := h.To.Sub(h.From) / time.Duration(max(h.Sessions, 1))
	for done := 0; done < h.Sessions; done += batch {
		changes := make([]sessionwarden.Change, len(h.Accounts))
		for i, name := range h.Accounts {
			changes[i].History = sessionwarden.History{Account: name, Baseline: h.From, Floor: h.From}
			changes[i].Sightings = make([]sessionwarden.Sighting, 0, batch/len(h.Accounts)+1)
		}
		for i := done; i < min(done+batch, h.Sessions); i++ {
			at := h.From.Add(time.Duration(i) * step)
			c := &changes[i%len(changes)]
			s := Session(db.NextID(), c.History.Account, at)
			s.State, s.LastSeen, s.GoneAt = sessionwarden.Gone, at.Add(h.Lasting), at.Add(h.Lasting)
			if h.Elsewhere > 0 && i%h.Elsewhere == h.Elsewhere-1 {
				s.Addr, s.ServiceLocation, s.ServiceCountry, s.ISP = netip.AddrFrom4([4]byte{198, 51, 100, byte(i)}), "VN: Hanoi", "VN", "Example Mobile"
				s.Location.Country, s.Location.ASN, s.Location.Organization = "VN", 64510, "Example Mobile JSC"
			}
			if i%10 == 0 {
				f := finding(db.NextID(), s)
				s.Verdicts = []sessionwarden.Verdict{{Rule: f.Rule, Response: f.Response}}
				c.Findings = append(c.Findings, f)
			}
			c.Sightings = append(c.Sightings, s)
			c.History.LastPoll = s.LastSeen
		}
		if err := db.Commit(ctx, changes); err != nil {
			return fmt.Errorf("making a history: %w", err)
		}
	}
	return nil
}

func (h History) complete() History {
	if len(h.Accounts) == 0 {
		h.Accounts = []string{"main"}
	}
	if h.To.IsZero() {
		h.To = time.Now().UTC()
	}
	if h.From.IsZero() {
		h.From = h.To.AddDate(0, 0, -400)
	}
	if h.Lasting == 0 {
		h.Lasting = 10 * 24 * time.Hour
	}
	return h
}

// Session returns a live session of the usual length that arrived at a time: its
// facts depend on seq alone.
func Session(seq uint64, account string, at time.Time) sessionwarden.Sighting {
	agents := [...]string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
		"Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0",
		"Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36",
	}
	devices := [...]string{"Windows, Chrome", "iPhone, Safari", "Linux, Firefox", "Android, Chrome"}
	started := at.Truncate(time.Second)
	return sessionwarden.Sighting{
		Seq: seq, Account: account,
		Session: sessionwarden.Session{
			ID:   sessionwarden.SessionID(fmt.Sprintf("9%011d", seq)),
			Addr: netip.AddrFrom4([4]byte{192, 0, 2, byte(seq)}), ServiceLocation: "DE: Berlin", ServiceCountry: "DE",
			ISP: "Example Telecom", UserAgent: agents[seq%4], Started: started, Expires: started.AddDate(0, 0, 31),
		},
		Location: sessionwarden.Location{
			Country: "DE", ASN: 64500, Organization: "Example Telecom AG",
			Source: "built-in DBIP-Country-Lite", Built: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC),
		},
		Device: devices[seq%4], FirstSeen: at, LastSeen: at,
	}
}

func finding(id uint64, s sessionwarden.Sighting) sessionwarden.Finding {
	return sessionwarden.Finding{
		ID: id, Account: s.Account, Seq: s.Seq, Session: s.ID, Rule: sessionwarden.NewDevice, Time: s.FirstSeen,
		Severity: sessionwarden.Info, Response: sessionwarden.Log, Reason: "This device was not seen on the account before.",
	}
}
