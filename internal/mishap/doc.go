// Package mishap lets tests kill the program at a named point, or have an
// operation fail there. Normal builds have none of it: there [At] returns nil
// and the compiler leaves it out.
//
// A build with the tag "mishaps" obeys the environment variable
// SESSIONWARDEN_MISHAP: "kill POINT N" ends the process by SIGKILL when POINT
// is passed for the N-th time, "fail POINT N" has it return [ErrMishap] there,
// once. POINT may be "*", which counts the passes of all points, or end in "*".
// With SESSIONWARDEN_MISHAP_LOG each passed point is written to that file, a
// line each.
//
// A point stands right after the step that its name tells, or, where it can
// fail, right before it: `if err := mishap.At("backup.sync"); err != nil`.
package mishap
