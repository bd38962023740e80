package storage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"sessionwarden"
)

// Options are what a database is opened with. The zero value is usable.
type Options struct {
	Timeout    time.Duration         // how long to wait for a process that has the database open; 0: 2 s
	Logger     *slog.Logger          // nil: silent
	Registerer prometheus.Registerer // nil: no metrics
	Now        func() time.Time      // nil: time.Now
	ReadOnly   bool                  // nothing is written; others may read meanwhile
	Version    string                // of the program; kept in the database for those that cannot read it

	// New allows starting an empty history in place of one that is gone or
	// has 0 bytes. It never replaces a file with anything in it. The ids of the
	// one before are not given out again.
	New bool
}

// DB is an open database. Its methods may be called from any goroutine.
type DB struct {
	path     string
	version  string
	readOnly bool
	bolt     *bbolt.DB
	file     os.FileInfo  // as it was when it was opened: the same file must still be there
	size     atomic.Int64 // its greatest size so far: it never shrinks
	codec    *codec
	schema   schema
	log      *slog.Logger
	now      func() time.Time
	metrics  *metrics

	created time.Time // when the history was begun, as the database says; UTC
	anew    bool      // it was begun by this opening, in place of one that was there before

	lastTx    atomic.Int64 // the number of the last transaction that was written; 0: none yet
	lastID    atomic.Uint64
	damage    atomic.Pointer[DamagedError] // set once a write stumbled: nothing is tried after that
	meeting   sync.Once
	harmed    chan struct{} // closed when damage was first met
	harm      error         // that damage; set before harmed is closed
	observing atomic.Pointer[sessionwarden.Observing]
	writing   sync.Mutex // one write at a time
	settings  sync.Mutex // one change of observing at a time
	backups   sync.Mutex // one backup at a time

	forgetting sync.Mutex // one at a time; guards forgetFrom
	forgetFrom place      // where the search for old rows goes on

	closing sync.Once
	closed  error
}

const (
	defaultTimeout = 2 * time.Second
	// headroom is how much address space is mapped beyond the file. While it
	// lasts, a commit that makes the file grow waits for no reader.
	headroom = 256 << 20
	// growth is by how much the file grows at a time.
	growth = 4 << 20
	// walkLimit is the size up to which every page of a database is read before
	// it is used. Beyond, that would make the start slow.
	walkLimit = 16 << 20
	// branchTime bounds how long beyond that the pages are read that lead to
	// others: milliseconds, but for a disk that has to turn for each.
	branchTime = time.Second
)

// Open opens the database at path, and creates it on first use. A file that is
// there and no whole database is an error, and never overwritten: *[DamagedError],
// *[NewerError]. A database that was there before and is gone is a
// *[MissingError], as long as Options.New is not set; one that another process
// has open a *[LockedError].
func Open(path string, o Options) (*DB, error) {
	return open(path, o, presentSchema())
}

func open(path string, o Options, s schema) (*DB, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("opening the database: %w", err)
	}
	o = o.complete()
	db, err := newDB(path, o, s)
	if err != nil {
		return nil, err
	}
	if err := db.ensureFile(o); err != nil {
		return nil, err
	}
	if err := db.openFile(o.Timeout); err != nil {
		return nil, err
	}
	if err := db.settleIn(); err != nil {
		return nil, errors.Join(err, db.bolt.Close())
	}
	db.measure()
	return db, nil
}

// newDB returns a DB that is not open yet.
func newDB(path string, o Options, s schema) (*DB, error) {
	records, err := newCodec()
	if err != nil {
		return nil, err
	}
	return &DB{
		path: path, version: o.Version, readOnly: o.ReadOnly, codec: records, schema: s,
		log: o.Logger, now: o.Now, metrics: newMetrics(o.Registerer), harmed: make(chan struct{}),
	}, nil
}

func (o Options) complete() Options {
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// openFile looks at the file and hands it to bbolt.
func (db *DB) openFile(timeout time.Duration) error {
	m, err := inspect(db.path, !db.readOnly, timeout)
	if err != nil {
		return err
	}
	bolt, file, err := openBolt(db.path, db.readOnly, timeout, int(m.pages*m.pageSize))
	if err != nil {
		return err
	}
	db.bolt, db.file = bolt, file
	return nil
}

// inspect makes sure, under the file's lock and by plain reads, that bbolt can
// be let loose on the file. A small one is read whole, and one that was found
// damaged when it was last in use.
func inspect(path string, exclusive bool, timeout time.Duration) (metaPage, error) {
	flag := os.O_RDONLY
	if exclusive {
		flag = os.O_RDWR
	}
	f, err := os.OpenFile(path, flag, 0)
	if err != nil {
		return metaPage{}, fmt.Errorf("opening the database: %w", err)
	}
	defer f.Close()
	if err := waitLock(f, path, exclusive, timeout); err != nil {
		return metaPage{}, err
	}
	m, err := preflight(f, path)
	if err != nil {
		return m, err
	}
	if m.pages*m.pageSize <= walkLimit || suspected(path) {
		err = checkPages(context.Background(), f, m)
	} else {
		ctx, cancel := context.WithTimeout(context.Background(), branchTime)
		defer cancel()
		if err = checkBranches(ctx, f, m); ctx.Err() != nil {
			return m, nil
		}
	}
	if err != nil {
		return m, &DamagedError{Path: path, Why: err.Error()}
	}
	return m, nil
}

// openBolt lets bbolt open a file that was looked at.
func openBolt(path string, readOnly bool, timeout time.Duration, size int) (db *bbolt.DB, file os.FileInfo, err error) {
	err = guard(path, func() error {
		var err error
		db, err = bbolt.Open(path, 0o600, &bbolt.Options{
			Timeout:         timeout,
			ReadOnly:        readOnly,
			InitialMmapSize: size + headroom,
			NoStatistics:    true,
			OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
				f, err := os.OpenFile(name, flag&^os.O_CREATE, mode)
				if err != nil {
					return nil, err
				}
				if file, err = f.Stat(); err != nil {
					return nil, errors.Join(err, f.Close())
				}
				return f, nil
			},
		})
		return err
	})
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, nil, lockedBy(path)
	case err != nil:
		return nil, nil, fmt.Errorf("opening the database %s: %w", path, err)
	}
	db.AllocSize = growth
	return db, file, nil
}

// settleIn brings an open database to the present layout, finds its last id
// and says beside it that it is in use.
func (db *DB) settleIn() error {
	var version int
	err := db.view(func(tx *bbolt.Tx) (err error) {
		version, err = db.schema.read(tx, db.path)
		return err
	})
	if err != nil {
		return err
	}
	if version < db.schema.version() {
		if err := db.upgrade(version); err != nil {
			return err
		}
	}
	err = db.view(func(tx *bbolt.Tx) error {
		db.lastTx.Store(int64(tx.ID()))
		return errors.Join(db.findLastID(tx), db.readObserving(tx), db.readCreated(tx))
	})
	if err != nil {
		return err
	}
	if suspected(db.path) {
		if err := db.essential(); err != nil {
			return err
		}
	}
	if db.readOnly {
		return nil
	}
	removeLeftovers(db.path)
	unsuspect(db.path)
	// Neither file is needed to keep the history: with a full disk it is read
	// and judged all the same.
	if err := errors.Join(writeMarker(db.path, db.now()), db.writeHolder()); err != nil {
		db.log.Warn("the notes beside the database could not be written", "path", db.path, "err", err)
	}
	return nil
}

// Close closes the database. It waits for what is under way; calling it again
// does nothing.
func (db *DB) Close() error {
	db.closing.Do(func() {
		if !db.readOnly {
			db.closed = ignoreMissing(os.Remove(holderPath(db.path)))
		}
		if db.damage.Load() != nil {
			// bbolt stumbled and may hold its own locks for ever. What is on
			// the disk stays as it is.
			go func() { _ = guard(db.path, db.bolt.Close) }()
			return
		}
		if err := db.bolt.Close(); err != nil {
			db.closed = errors.Join(db.closed, fmt.Errorf("closing the database: %w", err))
		}
	})
	return db.closed
}

// measure takes note of how large the file is by now.
func (db *DB) measure() int64 {
	info, err := os.Stat(db.path)
	if err != nil {
		return db.size.Load()
	}
	db.metrics.size.Set(float64(info.Size()))
	for {
		before := db.size.Load()
		if info.Size() <= before || db.size.CompareAndSwap(before, info.Size()) {
			return info.Size()
		}
	}
}
