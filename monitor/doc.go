// Package monitor runs the watch: it polls every account on its schedule, and
// each poll is the program's one sentence: fetch, locate, record, judge, plan,
// act, tell.
//
// Read [Monitor.poll] first: the sentence stands there from top to bottom.
// Then record.go (what is new, moved and gone), act.go, attempt.go and proof.go (planned
// actions, their re-check, their proof), blind.go (polls that fail) and
// schedule.go (when).
//
// What a poll saw, what it found and what is to be done is committed in one
// transaction before anything is done or told. Acting and telling read what is
// planned and write down what came of it, so that a start after a crash goes
// the very same way.
package monitor
