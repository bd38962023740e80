//go:build !unix

package main

// keepInBackground does nothing: reading from a terminal stops nobody here.
func keepInBackground() {}
