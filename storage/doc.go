// Package storage keeps the history: what was seen, what was found, what is to
// be done about it and what people are to be told. It is the one door to
// bbolt.
//
// [Open] a database, [DB.Commit] changes to it, and list what it holds with
// [DB.Sightings], [DB.Findings] and [DB.Actions]. A change is on the disk, whole,
// when Commit returns: a crash at any moment leaves all of it or nothing. Read
// commit.go and history.go first, then the records; what guards against damaged
// files is in preflight.go and pages.go.
//
// This is the tree of buckets. A test holds it against a real database.
//
//	meta                      what the database is; its sequence: the last id that is used up
//	├── created               when it was created, RFC 3339
//	├── needs                 the version of the program that made the layout
//	├── observing             since when and why nothing is disconnected; absent otherwise
//	└── schema                the version of the layout: 3
//	accounts                  one small record an account
//	└── NAME                  state: profile, what lives, what is open; no facts of sessions
//	sightings                 the history, in the order of arrival
//	└── SEQ                   a session, where it was and what became of it
//	findings
//	└── ID                    a finding
//	actions
//	└── ID                    an action
//	incidents
//	└── ID                    what belongs together, with its timeline
//	alerts                    the outbox
//	└── ID                    an alert in its newest revision
//	deliveries
//	└── ID CHANNEL            what became of an alert on one channel
//	offers                    the buttons under messages
//	└── ID OFFER              what a button of an alert asks for, and who pressed it
//	silences                  what is not sent until a time
//	└── ID                    a silence
//
// SEQ and ID are eight bytes, big-endian, from one rising sequence; a delivery's
// key is its alert's ID with the channel's name behind it, and that of an offer
// its alert's ID with the offer's own. The sequence of each
// bucket of rows is how many it holds. There is no index beside the keys: rows
// arrive in the order of their keys, so that new ones lie together on the disk.
//
// The records are CBOR maps with small numbers as keys. A version reads what
// older ones wrote, and passes over fields that it does not know. Facts live
// once: an account's state names its live sessions and open actions by id, and
// they are joined when it is loaded.
//
// Tests kill the program, or have it fail, at these points (see package mishap):
//
//   - a commit: storage.commit, storage.committed
//   - what became of alerts: storage.deliver, storage.delivered
//   - buttons: storage.offer, storage.offered
//   - silences: storage.silence, storage.silenced
//   - a probe: storage.probe
//   - forgetting: storage.forget, storage.forgot
//   - observing and its end: storage.observe, storage.observed
//   - a new database: create.aside, create.write, create.sync, create.publish,
//     create.published
//   - the notes beside it: marker.write, marker.rename, holder.write,
//     holder.rename, suspect.write, suspect.rename, suspect.remove
//   - a backup: backup.aside, backup.copy (each piece), backup.sync, backup.check,
//     backup.publish, backup.published
//   - the same into a directory: backups.dir before, backups.prune (each one) after
//   - a restore: restore.copy (each piece), restore.sync, restore.check,
//     restore.settle; then restore.aside, restore.rename, restore.renamed, or where
//     nothing was there restore.publish, restore.published
//   - a recovery: the same, and then recover.aside, recover.rename, recover.renamed
//   - a compaction: compact.aside, compact.copy, compact.sync, compact.check,
//     compact.rename, compact.renamed
//   - a new layout: a backup, then upgrade.migrate, upgrade.commit,
//     upgrade.committed
package storage
