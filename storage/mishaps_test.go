//go:build mishaps

package storage

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"sessionwarden"
)

// A deed is something that is done to a database on the disk, in a process that
// dies or fails on the way.
type deed struct {
	prepare func(ctx context.Context, path string) error
	do      func(ctx context.Context, path string, step func()) error // step: so far it is done
	after   func(t *testing.T, path string)                           // what has to hold in any case
}

// deeds are all that storage does to the disk.
var deeds = map[string]deed{
	"create": {
		prepare: func(context.Context, string) error { return nil },
		do: func(_ context.Context, path string, step func()) error {
			db, err := Open(path, Options{})
			if err != nil {
				return err
			}
			step()
			return db.Close()
		},
	},
	"commits": {
		prepare: tenRows,
		do: func(ctx context.Context, path string, step func()) error {
			db, err := Open(path, Options{})
			if err != nil {
				return err
			}
			defer db.Close()
			for _, do := range []func() error{
				func() error { return db.Commit(ctx, gone(db, 3)) },
				func() error {
					return db.Commit(ctx, []sessionwarden.Change{{Alerts: []sessionwarden.Alert{{ID: db.NextID()}}}})
				},
				func() error {
					return db.Delivered(ctx, []sessionwarden.Delivery{{Alert: 14, Channel: "slack", Sent: 1}})
				},
				func() error {
					return db.Offered(ctx, []sessionwarden.Offer{{ID: "14-button", Alert: 14, Verb: sessionwarden.OfferEnd}})
				},
				func() error {
					return db.PutSilence(ctx, sessionwarden.Silence{ID: db.NextID(), Until: time.Now().Add(time.Hour)})
				},
				func() error { return db.Probe(ctx) },
				func() error { return db.SetObserving(ctx, "a reason") },
				func() error { _, err := db.Forget(ctx, time.Now().AddDate(1, 0, 0), 5); return err },
				func() error { return db.Resume(ctx) },
			} {
				if err := do(); err != nil {
					return err
				}
				step()
			}
			return nil
		},
	},
	"backup": {
		prepare: tenRows,
		do: func(ctx context.Context, path string, step func()) error {
			db, err := Open(path, Options{})
			if err != nil {
				return err
			}
			defer db.Close()
			return db.Backup(ctx, path+".copy")
		},
	},
	"backups": {
		prepare: func(ctx context.Context, path string) error {
			return errors.Join(tenRows(ctx, path), backups(ctx, path, 3, func() {}))
		},
		do: func(ctx context.Context, path string, step func()) error { return backups(ctx, path, 2, step) },
		after: func(t *testing.T, path string) {
			list, err := Backups(filepath.Join(filepath.Dir(path), "backups"))
			if err != nil || len(list) < 2 {
				t.Errorf("there are the backups %v, %v", list, err)
			}
			for _, b := range list {
				if err := Check(t.Context(), b.Path); err != nil {
					t.Error(err)
				}
			}
		},
	},
	"restore": {
		prepare: tenAndThree,
		do: func(ctx context.Context, path string, _ func()) error {
			_, err := Restore(ctx, oneBackup(path), path, Options{})
			return err
		},
		after: func(t *testing.T, path string) {
			keptOrThere(t, path, asideRestored, func(f string) bool { return rowsOf(f) == 13 })
		},
	},
	"restore of what is gone": {
		prepare: func(ctx context.Context, path string) error {
			return errors.Join(tenAndThree(ctx, path), os.Remove(path))
		},
		do: func(ctx context.Context, path string, _ func()) error {
			_, err := Restore(ctx, oneBackup(path), path, Options{})
			return err
		},
	},
	"recovery": {
		prepare: func(ctx context.Context, path string) error {
			return errors.Join(tenAndThree(ctx, path), os.Truncate(path, 9000))
		},
		do: func(ctx context.Context, path string, _ func()) error {
			db, err := Open(path, Options{})
			if err == nil { // done before
				return db.Close()
			}
			_, err = Recover(ctx, path, []string{filepath.Join(filepath.Dir(path), "backups")}, err, Options{})
			return err
		},
		after: func(t *testing.T, path string) {
			keptOrThere(t, path, asideDamaged, func(f string) bool {
				info, err := os.Stat(f)
				return err == nil && info.Size() == 9000
			})
		},
	},
	"compaction": {
		prepare: func(ctx context.Context, path string) error {
			db, err := Open(path, Options{})
			if err != nil {
				return err
			}
			err = db.Commit(ctx, gone(db, 3000))
			_, errForget := db.Forget(ctx, time.Now().AddDate(1, 0, 0), 2990)
			return errors.Join(err, errForget, db.Close())
		},
		do: func(ctx context.Context, path string, _ func()) error {
			_, _, err := Compact(ctx, path, Options{})
			return err
		},
		after: func(t *testing.T, path string) {
			if err := Check(t.Context(), path); err != nil {
				t.Error(err)
			}
		},
	},
	"new layout": {
		prepare: func(_ context.Context, path string) error { return unpackGolden(path) },
		do: func(_ context.Context, path string, _ func()) error {
			later := laterSchema(addBucket("two"), func(tx *bbolt.Tx) error { return tx.DeleteBucket([]byte("two")) }, addBucket("three"))
			db, err := open(path, Options{}, later)
			if err != nil {
				return err
			}
			return db.Close()
		},
		after: func(t *testing.T, path string) {
			for _, backup := range beside(path + asideLayout) {
				if err := Check(t.Context(), backup); err != nil && !strings.HasSuffix(backup, backupSuffix) {
					t.Error(err)
				}
			}
		},
	},
	"damage noted": {
		prepare: func(ctx context.Context, path string) error {
			if err := tenRows(ctx, path); err != nil {
				return err
			}
			return os.WriteFile(suspectPath(path), []byte("a test"), 0o600)
		},
		do: func(ctx context.Context, path string, _ func()) error {
			db, err := Open(path, Options{})
			if err != nil {
				return err
			}
			db.noteSuspect(errors.New("a test"))
			unsuspect(path)
			return db.Close()
		},
	},
}

func gone(db *DB, n int) []sessionwarden.Change {
	c := sessionwarden.Change{History: sessionwarden.History{Account: "main"}}
	for range n {
		c.Sightings = append(c.Sightings, sessionwarden.Sighting{Seq: db.NextID(), Account: "main", State: sessionwarden.Gone, FirstSeen: time.Now()})
	}
	return []sessionwarden.Change{c}
}

func tenRows(ctx context.Context, path string) error {
	db, err := Open(path, Options{})
	if err != nil {
		return err
	}
	return errors.Join(db.Commit(ctx, gone(db, 10)), db.Close())
}

// tenAndThree has ten rows in a backup, and then three more.
func tenAndThree(ctx context.Context, path string) error {
	if err := errors.Join(tenRows(ctx, path), backups(ctx, path, 5, func() {})); err != nil {
		return err
	}
	db, err := Open(path, Options{})
	if err != nil {
		return err
	}
	return errors.Join(db.Commit(ctx, gone(db, 3)), db.Close())
}

func backups(ctx context.Context, path string, keep int, step func()) error {
	db, err := Open(path, Options{})
	if err != nil {
		return err
	}
	defer db.Close()
	for range 2 {
		if _, err := db.BackupTo(ctx, filepath.Join(filepath.Dir(path), "backups"), keep); err != nil {
			return err
		}
		step()
	}
	return nil
}

func oneBackup(path string) string {
	list, err := Backups(filepath.Join(filepath.Dir(path), "backups"))
	if err != nil || len(list) == 0 {
		return ""
	}
	return list[0].Path
}

// keptOrThere fails when what was at path is neither there nor kept beside it.
func keptOrThere(t *testing.T, path, suffix string, is func(path string) bool) {
	t.Helper()
	if kept := beside(path + suffix); !is(path) && !slices.ContainsFunc(kept, is) {
		t.Errorf("what was there is lost: there are %v", beside(path))
	}
}

func rowsOf(path string) int {
	db, err := Open(path, Options{ReadOnly: true})
	if err != nil {
		return -1
	}
	defer db.Close()
	stats, err := db.Stats()
	if err != nil {
		return -1
	}
	return stats.Rows[bucketSightings]
}

func unpackGolden(path string) error {
	f, err := os.Open(filepath.Join("testdata", "v1.db.gz"))
	if err != nil {
		return err
	}
	defer f.Close()
	r, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	return os.WriteFile(path, b, 0o600)
}

// state is what a database says of itself; "" where it cannot be opened.
func state(path string) string {
	if m, err := metaOf(path); err != nil || m.pages == 0 {
		return ""
	}
	text := ""
	_ = guard(path, func() error {
		db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true, Timeout: time.Second})
		if err != nil {
			return err
		}
		defer db.Close()
		return db.View(func(tx *bbolt.Tx) error {
			meta := tx.Bucket([]byte(bucketMeta))
			_, why, _ := bytes.Cut(meta.Get([]byte(keyObserving)), []byte("\n"))
			why, _, _ = bytes.Cut(why, []byte("(")) // what follows holds a time
			text = fmt.Sprintf("layout %s, observing %q", meta.Get([]byte(keySchema)), why)
			return tx.ForEach(func(name []byte, b *bbolt.Bucket) error {
				if string(name) != bucketMeta {
					text += fmt.Sprintf(", %d %s", b.Sequence(), name)
				}
				return nil
			})
		})
	})
	return text
}

// TestDeed is the other process: it does the deed that it is told to do.
func TestDeed(t *testing.T) {
	path := os.Getenv("STORAGE_TEST_DEED_PATH")
	if path == "" {
		return // it is not another process
	}
	d := deeds[os.Getenv("STORAGE_TEST_DEED")]
	err := d.do(t.Context(), path, func() { fmt.Println("step") })
	if err != nil {
		fmt.Println("failed:", err)
	}
}

// TestNothingIsLostAndNothingLeftOver does each deed in a process that is killed,
// or fails, at each of the points that it passes, one after the other. What was
// done so far is there, the rest is as before; a failure leaves nothing over; and
// the deed can be done afterwards.
func TestNothingIsLostAndNothingLeftOver(t *testing.T) {
	t.Parallel()
	for name, d := range deeds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begin := func(t *testing.T) string {
				t.Helper()
				path := filepath.Join(t.TempDir(), "sessionwarden.db")
				if err := d.prepare(t.Context(), path); err != nil {
					t.Fatal(err)
				}
				return path
			}
			path := begin(t)
			log := filepath.Join(t.TempDir(), "log")
			states := []string{state(path)}
			out, err := act(t, name, path, "SESSIONWARDEN_MISHAP_LOG="+log)
			if err != nil || strings.Contains(out, "failed") {
				t.Fatalf("%v: %s", err, out)
			}
			states = append(states, state(path))
			for n := 1; n < strings.Count(out, "step"); n++ { // what it is like after n steps
				states = slices.Insert(states, n, stateAfter(t, begin(t), d, n))
			}
			want := tidyNames(path)
			for point, passes := range passed(t, log) {
				for _, how := range []string{"kill", "fail"} {
					for n := range min(passes, 3) {
						t.Run(fmt.Sprintf("%s %s %d", how, point, n+1), func(t *testing.T) {
							t.Parallel()
							path := begin(t)
							out, err := act(t, name, path, fmt.Sprintf("SESSIONWARDEN_MISHAP=%s %s %d", how, point, n+1))
							var exit *exec.ExitError
							if killed := errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL; killed != (how == "kill") {
								t.Fatalf("%v: %s", err, out)
							}
							if is := state(path); !slices.Contains(states[strings.Count(out, "step"):], is) {
								t.Errorf("%d steps were done, and now there is %q, of %q", strings.Count(out, "step"), is, states)
							}
							if d.after != nil {
								d.after(t, path)
							}
							if how == "fail" {
								for _, name := range tidyNames(path) {
									if strings.Contains(name, ".new-") || strings.HasSuffix(name, backupSuffix) {
										t.Errorf("left over: %s", name)
									}
								}
							}
							again(t, name, d, path, states[len(states)-1], want)
						})
					}
				}
			}
		})
	}
}

// again does the deed once more, without a mishap: then nothing must tell of
// what went wrong before.
func again(t *testing.T, name string, d deed, path, last string, want []string) {
	t.Helper()
	if name == "backup" {
		_ = os.Remove(path + ".copy") // it never replaces a file
	}
	if !strings.HasPrefix(name, "restore") || state(path) != last { // else it is done
		if out, err := act(t, name, path, ""); err != nil || strings.Contains(out, "failed") {
			t.Fatalf("afterwards: %v: %s", err, out)
		}
	}
	if db, err := Open(path, Options{}); err == nil { // the next start tidies up
		_ = db.Close()
	}
	if is := state(path); is != last && name != "commits" {
		t.Errorf("afterwards there is %q, want %q", is, last)
	}
	if d.after != nil {
		d.after(t, path)
	}
	if names := tidyNames(path); !slices.Equal(names, want) {
		t.Errorf("afterwards there are %v, want %v", names, want)
	}
}

// act lets another process do the deed.
func act(t *testing.T, name, path, env string) (out string, err error) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestDeed$", "-test.v=false")
	cmd.Env = append(os.Environ(), "STORAGE_TEST_DEED="+name, "STORAGE_TEST_DEED_PATH="+path, env)
	b, err := cmd.CombinedOutput()
	return string(b), err
}

// stateAfter is what is there after the first n steps of a deed.
func stateAfter(t *testing.T, path string, d deed, n int) (is string) {
	t.Helper()
	enough := errors.New("enough")
	defer func() {
		if r := recover(); r != nil && r != any(enough) {
			panic(r)
		}
		is = state(path)
	}()
	steps := 0
	if err := d.do(t.Context(), path, func() {
		if steps++; steps == n {
			panic(enough)
		}
	}); err != nil {
		t.Fatal(err)
	}
	return ""
}

// passed returns how often each point was passed.
func passed(t *testing.T, log string) map[string]int {
	t.Helper()
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	points := make(map[string]int)
	for _, point := range strings.Fields(string(text)) {
		points[point]++
	}
	return points
}

// tidyNames returns the names of all files beside the database, without what
// stands for a time in them.
func tidyNames(path string) []string {
	var names []string
	_ = filepath.WalkDir(filepath.Dir(path), func(file string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			name := e.Name()
			for _, suffix := range []string{asideRestored, asideDamaged, asideLayout, "sessionwarden-"} {
				if before, _, found := strings.Cut(name, suffix); found {
					name = before + suffix
					if strings.HasSuffix(e.Name(), backupSuffix) {
						name += backupSuffix
					}
				}
			}
			names = append(names, name)
		}
		return nil
	})
	slices.Sort(names)
	return names
}

// TestEveryPointIsPassed fails when the package comment names a point that no
// deed passes, or the other way round.
func TestEveryPointIsPassed(t *testing.T) {
	t.Parallel()
	points := make(map[string]bool)
	for name, d := range deeds {
		path, log := filepath.Join(t.TempDir(), "sessionwarden.db"), filepath.Join(t.TempDir(), "log")
		if err := d.prepare(t.Context(), path); err != nil {
			t.Fatal(err)
		}
		if out, err := act(t, name, path, "SESSIONWARDEN_MISHAP_LOG="+log); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		for point := range passed(t, log) {
			points[point] = true
		}
	}
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(text), "(see package mishap):")
	list, _, _ = strings.Cut(list, "package storage")
	named := make(map[string]bool)
	for _, word := range strings.FieldsFunc(list, func(r rune) bool { return !(r == '.' || r >= 'a' && r <= 'z') }) {
		if word = strings.TrimRight(word, "."); strings.Contains(word, ".") {
			named[word] = true
		}
	}
	if got, want := slices.Sorted(maps.Keys(points)), slices.Sorted(maps.Keys(named)); !slices.Equal(got, want) {
		t.Errorf("passed are\n%v\nthe package comment names\n%v", got, want)
	}
}
