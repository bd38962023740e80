// Package ownrule is the door to the language of own rules, `[[rule]]` in the
// configuration: expressions of github.com/expr-lang/expr over what is known of
// one session. [Check] says what is wrong with one, with the place and a cure;
// [Of] compiles it, and [Rule.Matches] asks it about an [Env].
//
// Only a part of the language is let in: comparisons, and, or, not, arithmetic,
// lists and a few functions of texts. There are no loops, no variables, no clock
// and nothing that builds lists at run time. So an expression takes as many steps
// as it has parts, needs memory for its texts alone, and gives the same answer to
// the same facts at any time. docs/rules.md lists what there is; a test holds it
// to [Env].
package ownrule
