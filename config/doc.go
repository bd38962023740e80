// Package config reads the configuration: one TOML file, strictly. A key that
// does not exist, a value of the wrong type and a value that makes no sense
// are mistakes, and all of them are told at once, each with its line and what
// to write instead (see [Errors]).
//
// Call [Find], then [LoadFile]. Read config.go first for what comes out, then
// fields.go and account.go, which are the schema: one line for each key. How a
// file becomes values with positions is in document.go, what a mistake looks
// like in mistake.go.
//
// A [Secret] never shows its value but to the caller of its Read method, and
// no mistake quotes a line that may hold one.
//
// Everything is a value and may be used concurrently once it is loaded.
package config
