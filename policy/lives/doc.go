// Package lives is a set of labelled lives: some weeks of the sessions of one
// account each, half of them with an attack, half without. They are made by a
// generator with a fixed seed, from what is known to mislead such a watch, and
// judged through the very code that judges the real ones ([replay.Engine], and
// through it [policy.Find], [policy.Plan], [policy.Learn], [policy.JudgeFacts] and
// [policy.JudgeTakeover]).
//
// Read [All] first: it names the lives. life.go says what a life is made of,
// person.go how an owner lives, record.go what the watch would have recorded of
// it, play.go how it is judged, measure.go what that is worth.
//
// A life answers: who is disconnected signs in again, if he can, and what a thief
// had not done by then he does not do. Nobody answers questions.
package lives
