package storage_test

import (
	"path/filepath"
	"testing"
	"time"

	"sessionwarden"
)

// A trust lives in its account's record alone, and no other thing is ever called
// by its number, not after a start either.
func TestTheIDOfATrustIsUsedOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.db")
	db := open(t, path)
	trust := sessionwarden.Trust{ID: db.NextID() + 40, Account: "main", Country: "JP", Until: day.Add(time.Hour)}
	commit(t, db, sessionwarden.Change{History: sessionwarden.History{Account: "main", Baseline: day, Trusts: []sessionwarden.Trust{trust}}})
	if id := db.NextID(); id <= trust.ID {
		t.Errorf("%d is given out, and %d is a trust", id, trust.ID)
	}
	// It is dropped when it has been over for long, and its number stays used up.
	commit(t, db, sessionwarden.Change{History: sessionwarden.History{Account: "main", Baseline: day}})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = open(t, path)
	if id := db.NextID(); id <= trust.ID {
		t.Errorf("after a start %d is given out, and %d was a trust", id, trust.ID)
	}
	wrong := sessionwarden.Trust{ID: 1 << 63, Account: "main"}
	if err := db.Commit(t.Context(), []sessionwarden.Change{{History: sessionwarden.History{Account: "main", Trusts: []sessionwarden.Trust{wrong}}}}); err == nil {
		t.Error("an id out of range is stored")
	}
	if id := db.NextID(); id >= 1<<63 {
		t.Errorf("%d is given out after a commit that failed", id)
	}
}
